"""Changes of a session in flight, and the question whether it lives."""

import pytest

from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.packets import Grant
from radiusd.wire.codes import ErrorCause, TerminateCause
from tests.virtual_router.given import NORA, Answer, Site

ACK, NAK = 44, 45
HOUR = Grant(session_timeout=3600, rate_limit="1M/1M", interim=120)


def test_identification_alone_asks_whether_the_session_lives() -> None:
    site = Site()
    online = site.router.admit(NORA, HOUR)
    assert site.order(online, code=43) == Answer(ACK, None)
    assert online.grant == HOUR
    site.router.log_out(online)
    assert site.order(online, code=43, id=6) == Answer(NAK, ErrorCause.SESSION_CONTEXT_NOT_FOUND)


def test_a_longer_timeout_counts_from_now() -> None:
    site = Site()
    online = site.router.admit(NORA, HOUR)
    site.reactor.advance(600)
    assert site.order(online, code=43, Session_Timeout=7200) == Answer(ACK, None)
    assert site.router.time_left(online) == 7200
    site.reactor.pump([60] * 119)
    assert site.ended == []
    site.reactor.advance(60)
    assert site.ended == [(online, TerminateCause.SESSION_TIMEOUT)]


def test_or_from_the_login() -> None:
    site = Site(Habits(timeout_since_start=True))
    online = site.router.admit(NORA, HOUR)
    site.reactor.advance(600)
    site.order(online, code=43, Session_Timeout=7200)
    assert site.router.time_left(online) == 6600


def test_a_new_rate_leaves_the_timeout_as_it_was() -> None:
    site = Site()
    online = site.router.admit(NORA, HOUR)
    site.reactor.advance(600)
    assert site.order(online, code=43, Mikrotik_Rate_Limit="5M/5M") == Answer(ACK, None)
    assert online.grant.rate_limit == "5M/5M"
    assert site.router.time_left(online) == 3000


def test_a_change_leaves_the_reports_as_they_were() -> None:
    site = Site()
    online = site.router.admit(NORA, HOUR)
    site.reactor.advance(60)
    site.order(online, code=43, Session_Timeout=7200)
    site.reactor.advance(60)
    assert len(site.reports) == 2


@pytest.mark.parametrize("cause", [401, 404])
def test_a_router_that_changes_nothing_still_tells_who_lives(cause: int) -> None:
    site = Site(Habits(nak_changes=cause))
    online = site.router.admit(NORA, HOUR)
    assert site.order(online, code=43, Session_Timeout=7200) == Answer(NAK, cause)
    assert online.grant == HOUR
    assert site.order(online, code=43, id=6) == Answer(ACK, None)


def test_an_acknowledged_change_without_effect() -> None:
    site = Site(Habits(ack_only=True))
    online = site.router.admit(NORA, HOUR)
    assert site.order(online, code=43, Session_Timeout=7200) == Answer(ACK, None)
    assert online.grant == HOUR
