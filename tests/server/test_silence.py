"""How long each router has been silent."""

import pytest
from prometheus_client import CollectorRegistry

from radiusd.server.silence import Silence
from radiusd.store import routers
from tests.server.given import SECRET, Server, a_login


class Watched:
    """The silence of the routers of a server, as Prometheus reads it."""

    def __init__(self, server: Server) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(Silence(server.nases, lambda: server.known.directory, lambda: server.at))

    def of(self, router: str) -> float | None:
        labels = {"router": router, "branch": "q1"}
        return self._registry.get_sample_value("radius_router_last_heard_seconds", labels)


@pytest.fixture
def watched(server: Server) -> Watched:
    with server.database.writing() as connection:
        server.add_router(connection, "r2", b"another secret of sixteen", network="10.0.0.2/32")
    server.restart()
    return Watched(server)


def test_a_router_is_silent_since_its_last_packet(server: Server, watched: Watched) -> None:
    server.log_in()
    server.pass_time(20)
    assert watched.of("r1") == 20
    server.log_in(password="wrong")
    assert watched.of("r1") == 0


def test_a_packet_that_nobody_believes_does_not_count(server: Server, watched: Watched) -> None:
    server.log_in()
    server.pass_time(20)
    server.ask(a_login(secret=b"wrong").RequestPacket())
    server.ask(SECRET)
    assert watched.of("r1") == 20


def test_a_router_that_never_came_is_silent_since_it_was_first_asked_about(server: Server, watched: Watched) -> None:
    assert watched.of("r2") == 0
    server.pass_time(1.5)
    server.log_in()
    assert (watched.of("r1"), watched.of("r2")) == (0, 1.5)


def test_a_router_that_is_known_no_more_is_not_shown(server: Server, watched: Watched) -> None:
    assert watched.of("r2") == 0
    with server.database.writing() as connection:
        routers.remove(connection, "r2", server.at)
    server.restart()
    assert watched.of("r2") is None
