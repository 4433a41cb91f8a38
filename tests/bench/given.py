"""What tests of the bench start from."""

from typing import Any

from radiusd.bench.figures import Figures

RADLOAD = (
    '{"mode":"acct","tag":"0badcafe","conc":64,"ports":8,"requests":1000,"datagrams_sent":1004,"answered":997,'
    '"retransmits":4,"lost":1,"accepts":0,"rejects":0,"challenges":0,"acct_responses":997,"bad_authenticator":3,'
    '"unexpected":4,"stray":0,"dup_sent":0,"reply_ma":{"ok":0,"bad":0,"missing":0},"sessions_done":199,'
    '"unfinished":2,"octets_in":1,"octets_out":1,"session_seconds":1,"wall_s":0.500,"rps":1994.0,"gen_cpu_s":0.010,'
    '"lat_ms":{"n":997,"p50":12.544,"p90":20.000,"p99":40.192,"p999":41.000,"max":41.204}}'
)
"""As radload printed it, but for the numbers."""

VIRTUAL_ROUTERS = (
    '{"requests": 120, "answered": 119, "accepts": 18, "rejects": 2, "retransmits": 3, "lost": 1, "evenings": 20,'
    ' "wall_s": 0.1, "rps": 1190.0, "lat_ms": {"p50": 3.5, "p90": 5.0, "p99": 9.25, "max": 10.0},'
    ' "login_lat_ms": {"p50": 3.0, "p90": 5.0, "p99": 9.25, "max": 10.0},'
    ' "accounting_lat_ms": {"p50": 4.0, "p90": 5.0, "p99": 8.0, "max": 9.0}}'
)


def figures(**changed: Any) -> Figures:
    """A run in which nothing was lost."""
    usual = {"requests": 1000, "rps": 2000.0, "p50": 10.0, "p99": 30.0, "lost": 0, "wrong": 0}
    return Figures(**{**usual, **changed})
