"""Power cuts, lost datagrams, phones that come back, and how habits are written."""

import pytest
from twisted.internet.defer import Deferred

from radiusd.virtual_router import habits
from radiusd.virtual_router.guests import NoAnswer, Outcome
from radiusd.virtual_router.habits import Habits
from tests.virtual_router.given import NORA, Answer, Site, an_order


def test_a_reboot_loses_the_sessions_without_a_word() -> None:
    site = Site()
    before = site.router.admit(NORA)
    site.router.reboot()
    after = site.router.admit(NORA)
    assert site.stops == []
    assert site.router.online == [after]
    assert before.line.acct_session_id[:3] != after.line.acct_session_id[:3]


def test_a_router_without_power_hears_nothing_and_says_nothing() -> None:
    site = Site()
    online = site.router.admit(NORA)
    site.router.reboot(off_for=5.0)
    sent = len(site.sent)
    assert site.order(online, at=4.9) is None
    site.router.admit(NORA)
    assert len(site.sent) == sent
    site.reactor.advance(0.2)
    assert site.order(online) == Answer(42, 503)


def test_a_login_under_way_when_power_is_lost_gets_no_answer() -> None:
    site = Site()
    outcomes: list[Outcome] = []
    asked: Deferred[Outcome] = site.router.log_in(NORA)
    asked.addCallback(outcomes.append)
    site.router.reboot()
    assert outcomes == [NoAnswer()]


def test_a_disconnect_that_finds_the_router_losing_power() -> None:
    site = Site(Habits(reboots_when_asked=2.0))
    octets = an_order(site.router.admit(NORA)).RequestPacket()
    assert site.ask(octets, at=1.9) == []
    assert site.ask(octets, at=0.2) == []
    assert [each[0] for each in site.ask(octets)] == [42]
    assert site.stops == []


def lost_of(hundreds: int, seed: int) -> list[bool]:
    """Which of so many hundred requests a router that loses 30 % does not answer."""
    site = Site(Habits(loss=0.3), seed)
    named = {"User_Name": "nora", "Acct_Session_Id": "80100099"}
    orders = (an_order(id=number % 256, **named).RequestPacket() for number in range(hundreds * 100))
    return [not site.ask(octets) for octets in orders]


def test_loss_counts_in_both_directions() -> None:
    lost = lost_of(20, seed=7)
    assert sum(lost) / len(lost) == pytest.approx(1 - 0.7**2, abs=0.04)


def test_the_same_seed_loses_the_same_datagrams() -> None:
    assert lost_of(1, seed=7) == lost_of(1, seed=7) != lost_of(1, seed=8)


def test_loss_is_for_the_routers_own_requests_too() -> None:
    site = Site(Habits(loss=0.5))
    for _ in range(100):
        site.router.admit(NORA)
    assert 30 < len(site.reports) < 70
    assert site.router.air.lost == 100 - len(site.reports)


def test_a_cookie_brings_the_phone_back_within_a_second() -> None:
    site = Site(Habits(cookie=True))
    site.order(site.router.admit(NORA))
    assert site.logins == []
    site.reactor.advance(1.0)
    assert len(site.logins) == 1


def test_a_logout_forgets_the_cookie() -> None:
    site = Site(Habits(cookie=True))
    site.router.log_out(site.router.admit(NORA))
    site.reactor.advance(1.0)
    assert site.logins == []


def test_fasttracked_flows_outlive_the_cut() -> None:
    for is_fasttracked in (False, True):
        site = Site(Habits(fasttrack=is_fasttracked))
        site.order(site.router.admit(NORA))
        assert bool(list(site.router.memory.running(NORA.address))) is is_fasttracked


def test_habits_may_change_meanwhile() -> None:
    site = Site()
    online = site.router.admit(NORA)
    site.router.habits = Habits(accept_off=True)
    assert site.order(online) is None
    site.router.habits = Habits()
    assert site.order(online, id=6) == Answer(41, None)


def test_habits_as_they_are_written() -> None:
    written = ("nak-406", "late", "late=2500", "loss=0.25", "nak-changes=404", "port=1700", "off-when-asked=5")
    assert habits.of(written) == Habits(
        nak_406=True, late_by=2.5, loss=0.25, nak_changes=404, listens_at=1700, reboots_when_asked=5.0
    )
    assert habits.of(tuple(habits.MEANINGS)).accept_off


@pytest.mark.parametrize(
    "written", ["friendly", "late=soon", "loss=1.5", "mute-for=-1", "nak-406=yes", "port=", "port=99999"]
)
def test_what_is_no_habit_is_told(written: str) -> None:
    with pytest.raises(ValueError, match="habit"):
        habits.of((written,))
