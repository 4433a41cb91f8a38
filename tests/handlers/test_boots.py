"""A router that rebooted without a word is found out by the ids it gives next."""

from ipaddress import ip_network

import pytest

from policy.quantities import Instant, later
from radiusd.handlers.boots import Boots
from radiusd.handlers.translate import Line
from radiusd.jobs.routers import RebootJob
from radiusd.store.directory import Cafe, Router
from tests.server.given import NOON, PHONE

ROUTER = Router(id=1, name="r1", branch_id=1, network=ip_network("10.0.0.1/32"), secret=b"secret")
CAFE = Cafe(id=1, name="q1", hashes_passwords=False, interim=120, idle_timeout=None, timezone="UTC")


class Noticed:
    """What was inferred, as (NAS, boot, whether it is the first that is seen)."""

    def __init__(self, **known: str) -> None:
        self.jobs: list[RebootJob] = []
        self.boots = Boots({(ROUTER.id, nas): boot for nas, boot in known.items()}, self.jobs.append)

    def line(self, boot: str | None, nas: str = "hall", at: Instant = NOON) -> None:
        line = Line(user_name="nora", device=PHONE, nas=nas, acct_session_id="x", framed_ip_address=None, boot=boot)
        self.boots.notice(line, ROUTER, CAFE, at)

    @property
    def told(self) -> list[tuple[str, str | None, bool]]:
        return [(each.nas, each.boot, each.is_first_boot_seen) for each in self.jobs]


@pytest.fixture
def noticed() -> Noticed:
    return Noticed(hall="1")


def test_the_first_boot_that_is_seen_is_kept_and_proves_nothing() -> None:
    noticed = Noticed()
    noticed.line("1")
    noticed.line("1")
    assert noticed.told == [("hall", "1", True)]


def test_a_line_of_the_same_boot_tells_nothing_new(noticed: Noticed) -> None:
    noticed.line("1")
    assert noticed.told == []


def test_another_digit_is_a_reboot_told_once(noticed: Noticed) -> None:
    noticed.line("2")
    noticed.line("2")
    assert noticed.told == [("hall", "2", False)]
    assert noticed.jobs[0].how == "its Acct-Session-Ids count boot 2, before that 1"


def test_an_id_without_a_digit_tells_nothing(noticed: Noticed) -> None:
    noticed.line(None)
    assert noticed.told == []


def test_routers_that_share_an_entry_boot_each_for_itself(noticed: Noticed) -> None:
    noticed.line("2", nas="garden")
    noticed.line("1")
    assert noticed.told == [("garden", "2", True)]


def test_a_packet_of_the_boot_before_that_is_still_on_its_way_proves_nothing(noticed: Noticed) -> None:
    noticed.line("2")
    noticed.line("1", at=later(NOON, 599))
    noticed.line("2", at=later(NOON, 599))
    assert noticed.told == [("hall", "2", False)]


def test_ten_minutes_later_it_is_a_reboot_that_came_round(noticed: Noticed) -> None:
    noticed.line("2")
    noticed.line("1", at=later(NOON, 600))
    assert noticed.told == [("hall", "2", False), ("hall", "1", False)]
