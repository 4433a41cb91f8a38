"""An evening of games without sockets: launchers, game servers and the café's side, on a clock turned by hand."""

import json
import uuid
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from attrs import frozen
from sqlalchemy import insert, select
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from policy.quantities import Instant
from radiusd.charging.port import CafeAuth, ChargeUnavailable
from radiusd.gaming import GameTimer, look
from radiusd.jobs.playing import StoppedJob
from radiusd.store import branches
from radiusd.store.database import Database
from radiusd.store.directory import Directory
from radiusd.store.directory import load as load_directory
from radiusd.store.game_directory import LAUNCHER_SECRET
from radiusd.store.game_schema import charge_stops, game_keys, game_sessions, games, launchers
from radiusd.store.pc_schema import branch_networks
from radiusd.store.writer import Committer, Job
from radiusd.vault import Vault
from radiusd.web.channel import Limits, WebFactory
from radiusd.web.games.building import dialects
from radiusd.web.games.keys import Keys
from radiusd.web.games.launching import Launching, LaunchingParts
from radiusd.web.games.playing import Playing, PlayingParts, Stopping
from radiusd.web.games.table import game_routes, launcher_routes
from radiusd.web.root import WebRoot
from tests.server.given import NOON
from tests.web.given import Answer, Client, whose

CAFE_ADDRESS, STUDIO_ADDRESS = "203.0.113.7", "198.51.100.20"
LAUNCHER, SECRET = "centre-1", b"the secret of the launchers of centre"
KEY, OTHER_KEY = "pw_key-of-obby", "pw_key-of-tycoon"
PLAYER = "90210"


class Upstream:
    """The café's side: keeps what it is asked; a test says what it answers."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        self._now = now
        self.asked: list[tuple[str, str, int]] = []
        self.is_chargeable = True
        self.has_coins = True
        self.is_away = False
        self.is_stopping_away = False
        self.slow: list[Deferred[None]] | None = None

    async def verify_ip(self, ip: str) -> int | None:
        return 1 if ip == CAFE_ADDRESS else None

    async def check(self, branch_id: int, game_id: int) -> bool:
        self._must_be_there()
        return self.is_chargeable

    async def start(self, key: str, branch_id: int, game_id: int) -> bool:
        if self.slow is not None:
            self.slow.append(Deferred())
            await self.slow[-1]
        self._must_be_there()
        self.asked.append(("start", key, self._now()))
        return self.is_chargeable

    async def renew(self, key: str, played: int) -> bool:
        self._must_be_there()
        self.asked.append(("renew", key, played))
        return self.has_coins

    async def stop(self, key: str, played: int, unbilled: int, reason: str) -> None:
        if self.is_stopping_away:
            raise ChargeUnavailable("away")
        self.asked.append(("stop", key, self._now()))

    def _must_be_there(self) -> None:
        if self.is_away:
            raise ChargeUnavailable("away")

    def all(self, what: str) -> list[tuple[str, int]]:
        """The keys it was asked this of, with the instant (or, of a renewal, the seconds)."""
        return [(key, at) for kind, key, at in self.asked if kind == what]


class Stops:
    """Stops charges at once, as the worker does, and again whenever a test has it look."""

    def __init__(self, evening: "Evening") -> None:
        self._evening = evening

    def stop_now(self, game_session_id: str, within: float) -> "Deferred[bool]":
        self.work_off(game_session_id)
        return succeed(True)

    def work_off(self, only: str | None = None) -> None:
        """Stop what is ordered to be."""
        evening = self._evening
        with evening.database.reading() as connection:
            due = connection.execute(select(charge_stops).where(charge_stops.c.due_at.is_not(None))).mappings().all()
        for row in due:
            if only in (None, row["game_session_id"]) and not evening.upstream.is_stopping_away:
                evening.run(
                    evening.upstream.stop(row["game_session_id"], row["played"], row["unbilled"], row["reason"])
                )
                with evening.database.writing() as connection:
                    done = charge_stops.update().where(charge_stops.c.game_session_id == row["game_session_id"])
                    connection.execute(done.values(due_at=None, done_at=evening.at))
                evening.submit(StoppedJob(row["game_session_id"], evening.at), lambda _: None)


class Seats:
    """Every address is at home, unless a test says otherwise."""

    def __init__(self) -> None:
        self.moved: set[str] = set()

    def is_at_home(self, branch_id: int, address: str) -> bool:
        return address not in self.moved


@frozen
class Pc:
    """A PC of the café with a launcher that runs."""

    evening: "Evening"
    token: str

    def ott(self, game_id: int = 1) -> str:
        """A token for a game."""
        answer = self.evening.launcher_asks("POST", "/v1/launcher/ott", self.token, {"game_id": str(game_id)})
        assert answer.status == 200, answer.body
        return str(answer.body["data"]["ott"])

    def beat(self) -> Answer:
        """The launcher's heartbeat."""
        return self.evening.launcher_asks("PATCH", "/v1/launcher/session/heartbeat", self.token)

    def close(self) -> Answer:
        """The launcher's end."""
        return self.evening.launcher_asks("DELETE", "/v1/launcher/session/end", self.token)


class Evening:
    """One café with a launcher's installation, two games; `at` is what the clock shows."""

    def __init__(self, database: Database) -> None:
        self.at = NOON
        self.clock = Clock()
        self.database = database
        self.committer = Committer(database)
        self.vault = Vault(bytes(32))
        self.upstream = Upstream(lambda: self.at)
        self.seats = Seats()
        self.held_back: list[tuple[Job, Callable[[Any], None]]] | None = None
        self._nonces = 0
        self._fill()
        self.restart()

    def _fill(self) -> None:
        with self.database.writing() as connection:
            self.branch_id = branches.add(
                connection,
                "Centre",
                NOON,
                password_store="recoverable",
                interim=120,
                idle_timeout=300,
                timezone="Asia/Ho_Chi_Minh",
            )
            network = {"branch_id": self.branch_id, "network": f"{CAFE_ADDRESS}/32", "created_at": NOON}
            connection.execute(insert(branch_networks), network)
            for number, (name, key) in enumerate((("Obby", KEY), ("Tycoon", OTHER_KEY)), 1):
                game = {"id": number, "name": name, "place_id": f"{number}77", "rate": 1, "period": 60}
                connection.execute(insert(games), {**game, "created_at": NOON})
                digest = sha256(key.encode()).digest()
                connection.execute(
                    insert(game_keys), {"id": number, "game_id": number, "key_hash": digest, "created_at": NOON}
                )
            launcher = {"id": 1, "name": LAUNCHER, "branch_id": self.branch_id, "created_at": NOON}
            connection.execute(insert(launchers), {**launcher, "secret": self.vault.seal(SECRET, LAUNCHER_SECRET)})

    def restart(self) -> None:
        """Everything in memory is new; the store stays."""
        self.committer.close()
        self.committer = Committer(self.database)
        self.learn()
        self.open_charging()
        submit = self.submit
        keys = Keys(lambda: self.directory)
        playing = Playing(
            PlayingParts(
                keys=keys,
                cafe=self.cafe,
                stopping=self.stopping,
                seats=self.seats,
                submit=submit,
                new_session_id=lambda: f"gs_{uuid.uuid4()}",
                ends_after=600_000,
            )
        )
        launching = Launching(
            LaunchingParts(
                directory=lambda: self.directory,
                cafe=self.cafe,
                submit=submit,
                new_token=lambda: uuid.uuid4().hex,
                new_ott=lambda: str(uuid.uuid4()),
            )
        )
        routes = (*game_routes(playing), *launcher_routes(launching))
        self.root = WebRoot(
            routes, whose, (), self.clock, lambda: self.at, dialects(lambda: uuid.uuid4().hex, lambda: self.at)
        )
        self.factory = WebFactory(self.root, Limits(), self.clock, lambda _: True)
        self.timer = GameTimer(self._read_due, submit, lambda: self.at)

    def open_charging(self) -> None:
        """The café's side, and what stops its charges."""
        self.cafe: CafeAuth = self.upstream
        self.stops = Stops(self)
        self.stopping: Stopping = self.stops

    def learn(self) -> None:
        """Know the directory as it is stored."""
        with self.database.reading() as connection:
            self.directory: Directory = load_directory(connection, self.vault)

    def _read_due(self, at: Instant) -> "Deferred[Any]":
        with self.database.reading() as connection:
            return succeed(look(connection, at))

    @property
    def submit(self) -> Callable[[Job, Callable[[Any], None]], None]:
        """What this life of the server commits with."""
        return self._submit

    def _submit(self, job: Job, done: Callable[[Any], None]) -> None:
        """Commit at once, unless a test holds jobs back."""
        if self.held_back is not None:
            self.held_back.append((job, done))
            return
        results, _ = self.committer.commit([job])
        done(results[0])

    def let_go(self) -> None:
        """Commit what was held back, as one batch; and what follows from it, likewise."""
        while self.held_back:
            held, self.held_back = self.held_back, []
            results, _ = self.committer.commit([job for job, _ in held])
            for (_, done), result in zip(held, results, strict=True):
                done(result)
        self.held_back = None

    def run(self, coroutine: Any) -> Any:
        """What comes of it at once."""
        found: list[Any] = []
        Deferred.fromCoroutine(coroutine).addBoth(found.append)
        return found[0] if found else None

    def pass_time(self, seconds: float, step: float = 1.0, every: Callable[[], object] = lambda: None) -> None:
        """So much later; the timer looks and charges are stopped on the way, and `every` step something may happen."""
        left = seconds
        while left > 0:
            now = min(step, left)
            left -= now
            self.at = Instant(self.at + round(now * 1000))
            self.clock.advance(now)
            self.run(self._look())
            self.stops.work_off()
            every()

    async def _look(self) -> None:
        await self.timer._once()

    # What is asked

    def ask(self, method: str, path: str, fields: Any = None, source: str = STUDIO_ADDRESS, **headers: str) -> Answer:
        """The answer to one request over a connection of its own."""
        client = self.send(method, path, fields, source, **headers)
        answers = client.answers
        client.hang_up()
        assert answers, "there is no answer yet"
        return answers[-1]

    def send(self, method: str, path: str, fields: Any, source: str = STUDIO_ADDRESS, **headers: str) -> Client:
        """A connection with one request on it, answered or not yet."""
        body = fields if isinstance(fields, bytes) else b"" if fields is None else json.dumps(fields).encode()
        client = Client(self.factory, source)
        lines = {"Host": "games.example.net", "Content-Length": str(len(body)), "Content-Type": "application/json"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        client.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return client

    def start_launcher(self, pc: str = "PC-1", source: str = CAFE_ADDRESS, **changed: Any) -> Answer:
        """The answer to a signed start; `headers` replace those that were signed."""
        from radiusd.web.pc_sync.guards import sign  # noqa: PLC0415 - HMAC-SHA256, as hexadecimal

        self._nonces += 1
        path = changed.pop("path", "/v1/launcher/session/start")
        headers = changed.pop("headers", {})
        nonce = changed.pop("nonce", f"{self._nonces:032x}")
        time = changed.pop("time", str(self.at // 1000))
        hardware = {"hardware_id": pc, "mac": "AA:BB:CC:00:00:01", "hostname": pc, "os": "Windows 11"}
        fields = {"internal_ip": "192.168.10.21", "hardware": hardware, "launcher_version": "1.0", **changed}
        body = json.dumps(fields).encode()
        text = "\n".join(("POST", path, time, nonce, sha256(body).hexdigest()))
        signed = {"X_Launcher_Id": LAUNCHER, "X_Timestamp": time, "X_Nonce": nonce}
        return self.ask("POST", path, body, source, **{**signed, "X_Signature": sign(SECRET, text.encode()), **headers})

    def sit_down(self, pc: str = "PC-1", **more: Any) -> Pc:
        """A launcher that runs on a PC."""
        answer = self.start_launcher(pc, **more)
        assert answer.status == 200, answer.body
        return Pc(self, answer.body["data"]["session_token"])

    def launcher_asks(self, method: str, path: str, token: str, fields: Any = None) -> Answer:
        """What a launcher asks with its token."""
        return self.ask(method, path, fields, CAFE_ADDRESS, Authorization=f"Bearer {token}")

    def verify(self, ott: str, key: str = KEY, player: str = PLAYER) -> Answer:
        """The game server's first call."""
        fields = {"ott": ott, "provider_user_id": player}
        return self.ask("POST", "/v1/game/session/verify", fields, X_Api_Key=key)

    def play(self, pc: Pc | None = None, player: str = PLAYER) -> str:
        """A game session that has begun; its id."""
        answer = self.verify((pc or self.sit_down()).ott(), player=player)
        assert answer.body["data"]["is_valid"], answer.body
        return str(answer.body["data"]["game_session_id"])

    def beat(self, session: str, key: str = KEY, player: str = PLAYER, source: str = STUDIO_ADDRESS) -> Answer:
        """The game server's heartbeat."""
        fields = {"game_session_id": session, "provider_user_id": player}
        return self.ask("PATCH", "/v1/game/session/heartbeat", fields, source, X_Api_Key=key)

    def end(self, session: str, key: str = KEY, **more: Any) -> Answer:
        """The game server's end."""
        return self.ask("DELETE", "/v1/game/session/end", {"game_session_id": session, **more}, X_Api_Key=key)

    # What is stored

    def stored(self, session: str) -> Any:
        """The row of a game session."""
        with self.database.reading() as connection:
            return connection.execute(select(game_sessions).where(game_sessions.c.id == session)).mappings().one()


def failure(answer: Answer) -> tuple[int, str]:
    """Status and code of an error; fails unless it is in the games' envelope."""
    assert set(answer.body) == {"success", "error"}
    assert set(answer.body["error"]) == {"code", "message", "timestamp"}
    assert len(answer.body["error"]["timestamp"]) == len("2026-03-06T12:00:00.000Z")
    assert answer.headers["x-request-id"].startswith("req_")
    return answer.status, answer.body["error"]["code"]


def data(answer: Answer) -> Any:
    """What an answer says; fails unless it is in the games' envelope."""
    assert (answer.status, set(answer.body)) == (200, {"success", "request_id", "data"}), answer.body
    assert answer.body["success"] is True
    assert answer.body["request_id"].startswith("req_")
    return answer.body["data"]
