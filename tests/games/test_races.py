"""What happens at the same time, on one server and on two over one store: each is done once, and nobody gets a 500."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from attrs import frozen
from sqlalchemy import select

from policy.game import SeatLeft
from policy.quantities import Instant
from radiusd.charging.local import LocalWallet
from radiusd.jobs.playing import end_launcher
from radiusd.store.database import Database
from radiusd.store.game_schema import game_sessions, launcher_sessions
from radiusd.store.schema import branches
from radiusd.store.work import Work
from radiusd.store.writer import Job
from tests.games.fragile import Death, Fragile
from tests.games.given import KEY, Pc, data, failure
from tests.games.judging import until_quiet, wrong
from tests.web.given import Answer

ROUNDS = 20
VERIFY = "/v1/game/session/verify"
_pcs = count(1)


class Server(Fragile):
    """One of several over a store. `meets`: whoever starts a charge waits there for the others who do."""

    meets: Barrier | None = None

    def _fill(self) -> None:
        with self.database.reading() as connection:
            known = connection.execute(select(branches.c.id)).scalars().all()
        if known:
            (self.branch_id,) = known
        else:
            super()._fill()

    def open_charging(self) -> None:
        super().open_charging()
        self.cafe = Meeting(lambda: self.directory, self.submit, lambda: self.at)
        self.cafe.server = self


class Meeting(LocalWallet):
    """The built-in wallet, where those who start charges wait for each other."""

    server: Server

    async def start(self, key: str, branch_id: int, game_id: int) -> bool:
        is_started = await super().start(key, branch_id, game_id)
        if self.server.meets is not None:
            meet(self.server.meets)
        return is_started


def meet(barrier: Barrier) -> None:
    """Wait for the other, if there is one on the way."""
    with suppress(BrokenBarrierError):
        barrier.wait(2)


@pytest.fixture
def servers(database: Database) -> Iterator[tuple[Server, Server]]:
    """Two over one store, whose café has enough."""
    second = Database(database.url.render_as_string(hide_password=False))
    pair = Server(database, Death()), Server(second, Death())
    pair[0].put_on(1_000, "first")
    yield pair
    second.close()


@pytest.fixture
def server(servers: tuple[Server, Server]) -> Server:
    """One, with nobody beside it."""
    return servers[0]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What comes of calls that are made at the same moment, each in a thread of its own."""
    gate = Barrier(len(calls))

    def called(call: Callable[[], Any]) -> Any:
        gate.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return [each.result() for each in [threads.submit(called, call) for call in calls]]


def a_pc(server: Server) -> Pc:
    """A launcher that runs on a PC of its own."""
    return server.sit_down(f"PC-{next(_pcs)}")


def reason(answer: Answer) -> str:
    """What a verify came to."""
    told = data(answer)
    return "in" if told["is_valid"] else str(told["reason"])


# One token


def fifty(server: Server, ott: str, many: int) -> Callable[[], list[str]]:
    """Send so many verifies, which wait for each other, then have them done as the writer would."""
    server.held_back = []
    wish = {"ott": ott, "provider_user_id": "7"}
    clients = [server.send("POST", VERIFY, wish, X_Api_Key=KEY) for _ in range(many)]

    def done() -> list[str]:
        server.let_go()
        return [reason(each.answers[0]) for each in clients]

    return done


def test_of_fifty_verifies_over_two_servers_one_succeeds(servers: tuple[Server, Server]) -> None:
    for _ in range(ROUNDS):
        ott = a_pc(servers[0]).ott()
        told = [each for told in at_once(*(fifty(each, ott, 25) for each in servers)) for each in told]
        assert sorted(told) == ["OTT_ALREADY_USED"] * 49 + ["in"]
    assert len(servers[0].books.rows(game_sessions)) == ROUNDS
    until_quiet(servers[0])
    assert wrong(servers[0]) == []


# One PC


def test_of_two_tokens_of_one_pc_at_once_one_game_is_left(servers: tuple[Server, Server]) -> None:
    one, two = servers
    one.meets = two.meets = Barrier(2)
    for _ in range(ROUNDS):
        pc = a_pc(one)
        otts = pc.ott(), pc.ott()
        told = at_once(lambda: one.verify(otts[0]), lambda: two.verify(otts[1]))  # noqa: B023 - done within the round
        assert [reason(each) for each in told] == ["in", "in"]
        sessions = [data(each)["game_session_id"] for each in told]
        assert sorted(data(one.beat(each))["result"] for each in sessions) == ["OK", "SESSION_REPLACED"]
    until_quiet(one)
    assert wrong(one) == []


# One launcher


def test_one_nonce_starts_one_launcher_wherever_it_is_heard(servers: tuple[Server, Server]) -> None:
    for number in range(ROUNDS):
        starts = [lambda each=each: each.start_launcher(nonce=f"{number:040x}") for each in servers]  # noqa: B023
        told = sorted(each.status for each in at_once(*starts))
        assert told == [200, 401]


def test_two_launchers_of_one_pc_at_once_both_start(servers: tuple[Server, Server]) -> None:
    one, two = servers
    for number in range(ROUNDS):
        session = one.play(one.sit_down(f"PC-{number}"))
        starts = [
            lambda each=each, nonce=nonce: each.start_launcher(f"PC-{number}", nonce=f"{nonce}{number:039x}")  # noqa: B023
            for each, nonce in ((one, "a"), (two, "b"))
        ]
        assert [each.status for each in at_once(*starts)] == [200, 200]
        assert data(two.beat(session))["result"] == "OK"


# One end


def heartbeat(server: Server, session: str) -> str:
    answer = server.beat(session)
    return str(data(answer)["result"]) if answer.status == 200 else failure(answer)[1]


def ending(server: Server, session: str) -> str:
    answer = server.end(session)
    return str(data(answer)["result"]) if answer.status == 200 else failure(answer)[1]


@pytest.mark.parametrize("after", [239_999, 240_000])
def test_a_heartbeat_an_end_and_the_timeout_at_once_end_it_once(servers: tuple[Server, Server], after: int) -> None:
    one, two = servers
    for number in range(ROUNDS):
        pc = a_pc(one)
        session = one.play(pc)
        one.at = two.at = Instant(one.at + 100_000)
        pc.beat()
        one.at = two.at = Instant(one.at - 100_000 + after)
        first, second = (one, two) if number % 2 else (two, one)
        told, _ = at_once(
            lambda: (heartbeat(first, session), ending(first, session)),  # noqa: B023
            lambda: second.run(second._look()),  # noqa: B023
        )
        if after < 240_000:
            assert told == ("OK", "SUCCESS")
        else:
            assert told == ("SESSION_NOT_FOUND", "SESSION_NOT_FOUND")
    assert {row.end_reason for row in one.books.rows(game_sessions)} == {
        "normal" if after < 240_000 else "heartbeat_timeout"
    }
    until_quiet(one)
    assert wrong(one) == []


def test_ends_on_two_servers_and_a_second_game_at_once_stop_one_charge_once(servers: tuple[Server, Server]) -> None:
    one, two = servers
    for _ in range(ROUNDS):
        pc = a_pc(one)
        session, ott = one.play(pc), pc.ott()
        told = at_once(
            lambda: ending(one, session),  # noqa: B023
            lambda: (ending(two, session), reason(two.verify(ott))),  # noqa: B023
        )
        ends = sorted([told[0], told[1][0]])
        assert ends == ["ALREADY_ENDED", "SUCCESS"]
        assert told[1][1] == "in"
    until_quiet(one)
    assert wrong(one) == []


# What comes in between


def step(server: Server) -> None:
    """Commit what is held back, but not what follows from it."""
    held, server.held_back = server.held_back or [], []
    results, _ = server.committer.commit([job for job, _ in held])
    for (_, done), result in zip(held, results, strict=True):
        done(result)


@pytest.mark.parametrize("steps", range(1, 5))
def test_a_launcher_that_is_closed_while_a_game_begins_costs_nothing(
    servers: tuple[Server, Server], steps: int
) -> None:
    one, two = servers
    pc = a_pc(one)
    ott = pc.ott()
    one.held_back = []
    client = one.send("POST", VERIFY, {"ott": ott, "provider_user_id": "7"}, X_Api_Key=KEY)
    for _ in range(steps):
        step(one)
    assert Pc(two, pc.token).close().status == 200
    one.let_go()
    assert reason(client.answers[0]) == "OTT_EXPIRED"
    assert one.books.rows(game_sessions) == []
    until_quiet(one)
    assert wrong(one) == []
    assert one.books.left == one.put


def away(server: Server, seconds: float) -> None:
    """So much later; nobody looked meanwhile."""
    server.at = Instant(server.at + round(seconds * 1000))
    server.restart()


def end_of(server: Server, session: str) -> tuple[str, float]:
    """Why a session ended, and after how many seconds."""
    row = server.stored(session)
    return row["end_reason"], (row["ended_at"] - row["started_at"]) / 1000


def test_what_fell_silent_while_the_server_was_away_is_not_replaced_afterwards(server: Server) -> None:
    pc = a_pc(server)
    session = server.play(pc)
    away(server, 200)
    pc.beat()
    away(server, 100)
    server.play(pc)
    assert end_of(server, session) == ("heartbeat_timeout", 0)


def test_a_grace_that_was_over_while_the_server_was_away_ends_at_its_instant(server: Server) -> None:
    pc = a_pc(server)
    session = server.play(pc)
    server.put_on(-server.books.left, "all of it")
    away(server, 100)
    assert heartbeat(server, session) == "CHARGE_EXHAUSTED"
    pc.beat()
    server.put_on(100, "more")
    away(server, 150)
    server.play(pc)
    assert end_of(server, session) == ("charge_exhausted", 220)


def test_a_launcher_that_is_closed_later_does_not_prolong_what_was_over(server: Server) -> None:
    pc = a_pc(server)
    session = server.play(pc)
    away(server, 100)
    server.beat(session)
    away(server, 120)
    pc.beat()
    away(server, 121)
    assert pc.close().status == 200
    assert end_of(server, session) == ("heartbeat_timeout", 100)


def test_a_launcher_that_comes_back_too_late_takes_no_game_over(server: Server) -> None:
    pc = server.sit_down("PC-1")
    session = server.play(pc)
    away(server, 200)
    server.beat(session)
    away(server, 41)
    server.sit_down("PC-1")
    assert end_of(server, session) == ("launcher_timeout", 200)


def test_a_pc_that_is_logged_off_later_does_not_prolong_what_was_over(server: Server) -> None:
    pc = a_pc(server)
    session = server.play(pc)
    away(server, 200)
    pc.beat()
    away(server, 50)
    server.submit(LogOff(server.at), lambda _: None)
    assert end_of(server, session) == ("heartbeat_timeout", 0)


@frozen
class LogOff(Job):
    """Whoever sits at a PC is logged off."""

    at: Instant

    def run(self, work: Work) -> None:
        for (row_id,) in work.database.execute(select(launcher_sessions.c.id)).all():
            end_launcher(work, row_id, SeatLeft(self.at))
