"""An evening on the built-in wallet, with the real queue of stops, whose server dies at one commit of the evening.

It dies just before the commit or just after it, before anybody hears of it; everything in memory is new afterwards.
Whoever asked gets no answer, and asks again.
"""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from policy.quantities import Instant, Money
from radiusd.charging import stops
from radiusd.charging.local import LocalWallet
from radiusd.charging.stopping import Stopping
from radiusd.charging.wallet import top_up
from radiusd.jobs.playing import StoppedJob
from radiusd.store.database import Database
from radiusd.store.writer import Job
from tests.games.books import Books
from tests.games.given import KEY, OTHER_KEY, PLAYER, STUDIO_ADDRESS, Evening, Pc
from tests.web.given import Answer

KEYS = {1: KEY, 2: OTHER_KEY}


@frozen(kw_only=True)
class Death:
    """When the server dies: at which commit, after it or before it; how long it is away, and clients wait to repeat."""

    commit: int | None = None
    after: bool = False
    away: float = 1.0
    repeated_after: float = 5.0

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} commit {self.commit}, away {self.away:g} s"


class Fragile(Evening):
    """`valid` are the game sessions that a client was told of, with the token each came of."""

    def __init__(self, database: Database, death: Death) -> None:
        self.death = death
        self.commits = 0
        self.was_killed_in: Job | None = None
        self.is_dead = False
        self.valid: dict[str, str] = {}
        self.closed: list[str] = []
        self.graces: dict[str, Instant] = {}
        self.put = 0
        self._life = 0
        super().__init__(database)
        self.books = Books(database, self.branch_id)

    # The server

    def restart(self) -> None:
        """A new life. What an old one had planned never happens, and it commits nothing any more."""
        self.is_dead = False
        self._life += 1
        self.clock = Clock()  # type: ignore[no-untyped-call]
        super().restart()

    def open_charging(self) -> None:
        """The built-in wallet, and the queue that asks it to stop."""
        self.cafe = LocalWallet(lambda: self.directory, self.submit, lambda: self.at)
        queue = Stopping(self.cafe, self._read_stops, self.submit, self._closing, self.clock, lambda: self.at)
        self.stopping = queue
        queue.start()

    def _read_stops(self, at: Instant) -> "Deferred[tuple[str, ...]]":
        with self.database.reading() as connection:
            return succeed(stops.due(connection, at))

    def _closing(self, key: str, at: Instant) -> Job:
        return StoppedJob(key, at)

    @property
    def submit(self) -> Callable[[Job, Callable[[Any], None]], None]:
        """What this life of the server commits with."""
        life = self._life

        def submit(job: Job, done: Callable[[Any], None]) -> None:
            if self._life == life and not self.is_dead:
                self._commit_or_die(job, done)

        return submit

    def _commit_or_die(self, job: Job, done: Callable[[Any], None]) -> None:
        if self.held_back is not None:
            self.held_back.append((job, done))
            return
        self.commits += 1
        self.is_dead = self.commits == self.death.commit
        if self.is_dead:
            self.was_killed_in = job
        if not self.is_dead or self.death.after:
            results, _ = self.committer.commit([job])
            if not self.is_dead:
                done(results[0])

    def revive(self) -> None:
        """If it is dead it is started anew, after the time it is away."""
        if self.is_dead:
            self.at = Instant(self.at + round(self.death.away * 1000))
            self.restart()

    def pass_time(self, seconds: float, step: float = 1.0, every: Callable[[], object] = lambda: None) -> None:
        """So much later, unless it was dead for longer; whatever looks by itself does so on the way."""
        until = self.at + round(seconds * 1000)
        while self.at < until:
            self.revive()
            now = min(step, (until - self.at) / 1000)
            if now > 0:
                self.at = Instant(self.at + round(now * 1000))
                self.clock.advance(now)  # type: ignore[no-untyped-call]
                self.run(self._look())
                every()
        self.revive()

    # Clients, who ask again

    def ask(self, method: str, path: str, fields: Any = None, source: str = STUDIO_ADDRESS, **headers: str) -> Answer:
        """The answer, though it may be to the same request sent again."""
        for _ in range(3):
            client = self.send(method, path, fields, source, **headers)
            answers = client.answers
            client.hang_up()
            if answers and not self.is_dead:
                return answers[-1]
            assert self.is_dead, "a server that lives does not answer"
            self.pass_time(self.death.repeated_after)
        raise AssertionError("it died more than once")

    def sit_down(self, pc: str = "PC-1", **more: Any) -> Pc:
        """A launcher that runs; a start that may have been heard is signed anew."""
        started = (self.start_launcher(pc, **more) for _ in range(3))
        answer = next(each for each in started if each.status == 200)
        return Pc(self, answer.body["data"]["session_token"])

    def begin(self, pc: Pc, game_id: int = 1) -> str:
        """A game that has begun; with a new token, if nobody heard what became of the first."""
        for _ in range(3):
            ott = pc.ott(game_id)
            told = self.verify(ott, KEYS[game_id])
            if told.status == 200 and told.body["data"]["is_valid"]:
                session = str(told.body["data"]["game_session_id"])
                assert session not in self.valid
                assert ott not in self.valid.values()
                self.valid[session] = ott
                return session
        raise AssertionError(f"the game does not begin: {told.body}")

    def goes_on(self, pc: Pc, session: str, game_id: int = 1) -> str:
        """What a heartbeat of the launcher and one of the game come to: a result, or a code."""
        pc.beat()
        answer = self.beat(session, KEYS[game_id], PLAYER)
        if answer.status != 200:
            return str(answer.body["error"]["code"])
        if answer.body["data"]["result"] == "CHARGE_EXHAUSTED":
            self.graces.setdefault(session, self.stored(session)["grace_from"])
        return str(answer.body["data"]["result"])

    def put_on(self, units: int, key: str) -> None:
        """So much more on the café's wallet."""
        self.put += units
        with self.database.writing() as connection:
            top_up(connection, self.branch_id, Money(units), key, "cash", self.at)
