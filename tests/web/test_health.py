"""Health: asked of the store at most once a second, and answered even if the store never answers."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from policy.quantities import Instant
from radiusd import __version__
from radiusd.web.health import Health
from tests.server.given import NOON
from tests.web.given import Answer, Web, request

Look = Deferred[Instant | None]


class Watched(Web):
    """`looks` are the store's reads under way; `result`, if there is one, is what it answers at once."""

    def __init__(self) -> None:
        self.looks: list[Look] = []
        self.result: Any = "later"
        super().__init__()
        health = Health(self._look, lambda: 7, lambda: Instant(NOON + int(self.clock.seconds() * 1000)), self.clock)
        self.root._routes["/health"] = {"GET": health.route()}

    def _look(self) -> Look:
        look: Look = Deferred()
        self.looks.append(look)
        if self.result != "later":
            look.callback(self.result)
        return look

    def health(self) -> Answer:
        """What is told at once."""
        return self.ask("GET", "/health")


@pytest.fixture
def web() -> Watched:
    return Watched()


def test_a_store_that_answers_is_well(web: Watched) -> None:
    web.clock.advance(90)
    web.result = Instant(NOON + 30_000)
    answer = web.health()
    assert answer.status == 200
    assert answer.body == {
        "status": "ok",
        "version": __version__,
        "uptime": 90,
        "store": {"ok": True, "answered_in": 0},
        "queue": {"waiting": 7},
        "spool": {"waiting": 0, "oldest": 0},
        "oldest_uncut": 60,
    }


def test_with_nothing_to_cut_there_is_no_oldest(web: Watched) -> None:
    web.result = None
    assert web.health().body["oldest_uncut"] is None


def test_the_time_the_store_took_is_told(web: Watched) -> None:
    client = web.connect()
    client.send(request("GET", "/health"))
    web.clock.advance(0.25)
    web.looks[0].callback(None)
    assert client.answers[-1].body["store"] == {"ok": True, "answered_in": 250}


def test_a_store_that_hangs_is_told_after_a_second_and_is_not_asked_again_meanwhile(web: Watched) -> None:
    clients = [web.connect() for _ in range(3)]
    for _ in range(5):
        for each in clients:
            each.send(request("GET", "/health"))
        web.clock.advance(1)
    assert [[each.status for each in client.answers] for client in clients] == [[503] * 5] * 3
    assert clients[0].answers[-1].body["status"] == "degraded"
    assert clients[0].answers[-1].body["store"] == {"ok": False, "answered_in": None}
    assert len(web.looks) == 1


def test_it_is_well_again_once_the_store_answers(web: Watched) -> None:
    client = web.connect()
    client.send(request("GET", "/health"))
    web.clock.advance(5)
    web.looks[0].callback(None)
    web.result = None
    web.clock.advance(1)
    assert client.ask("GET", "/health").status == 200
    assert len(web.looks) == 2


def test_a_store_that_fails_is_not_well_and_why_is_not_shown(web: Watched) -> None:
    client = web.connect()
    client.send(request("GET", "/health"))
    web.looks[0].errback(OSError("at hunter2@db"))
    assert client.answers[-1].status == 503
    assert b"hunter2" not in client.answers[-1].octets
    assert web.clock.getDelayedCalls()[0].getTime() == 30  # only that of the connection that idles


def test_the_store_is_asked_once_a_second_however_often_we_are(web: Watched) -> None:
    web.result = None
    for _ in range(20):
        web.clock.advance(0.1)
        assert web.health().status == 200
    assert len(web.looks) == 2
