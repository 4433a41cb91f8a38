"""What tests of the bench start from."""

from typing import Any
from xml.etree import ElementTree

from radiusd.bench.figures import Figures

RADIUS_LOAD = (
    '{"scenario":"acct","requests":1000,"datagrams":1004,"answered":997,"resent":4,"lost":1,"unfinished":2,"accepted":0,'
    '"refused":0,"forged":3,"unexpected":4,"stray":0,"logins_before":200,"lost_before":5,"seconds":0.5000,'
    '"per_second":1994.0,"first_answer_after":0.0020,"last_repeated_after":0.3100,"cpu_seconds":0.010,'
    '"latency_ms":{"count":997,"mean":13.1,"p50":12.544,"p90":20.000,"p99":40.192,"p999":41.000,"max":41.204,'
    '"curve":[[50,12.544],[100,41.204]]}}'
)
"""As radius_load printed it, but for the numbers."""

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


def parsed(svg: str) -> ElementTree.Element:
    """A plot, which must be well-formed."""
    return ElementTree.fromstring(svg)  # noqa: S314 - our own
