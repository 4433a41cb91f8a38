"""Cafés with games: launchers and game servers over real sockets, configured as an operator would."""

import hmac
import json
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Barrier
from typing import Any

from attrs import field, frozen
from sqlalchemy import Table, update

from policy.quantities import Instant
from radiusd.bench.processes import free_ports
from radiusd.store.database import Database
from radiusd.store.game_schema import charge_stops, game_sessions, launcher_sessions, otts
from tests.end_to_end.cafe import Cafe, eventually
from tests.games.books import Books

PLAYER = "90210"
VERIFY = "/v1/game/session/verify"
_PORTS = ("auth", "acct", "web", "metrics")
_INSTANTS: dict[Table, tuple[str, ...]] = {
    launcher_sessions: ("started_at", "seen_at"),
    otts: ("issued_at", "claimed_at", "spent_at"),
    game_sessions: ("started_at", "last_heartbeat_at", "grace_from", "unrenewed_since", "ended_at", "wake_at"),
    charge_stops: ("created_at", "due_at", "done_at"),
}


@frozen
class Answer:
    """Status and JSON of an answer; status 0 where none came."""

    status: int
    fields: dict[str, Any] = field(factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """What a success says."""
        assert self.status == 200, self
        assert self.fields["success"] is True
        found: dict[str, Any] = self.fields["data"]
        return found

    @property
    def error(self) -> tuple[int, str]:
        """Status and code."""
        return self.status, self.fields["error"]["code"]


@frozen
class Request:
    """What is asked of whichever server."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]

    def on(self, connection: HTTPConnection) -> Answer:
        """The answer."""
        try:
            connection.request(self.method, self.path, self.body, {"Content-Type": "application/json", **self.headers})
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read()))
        except (OSError, HTTPException):
            return Answer(0)


def ask(cafe: Cafe, request: Request) -> Answer:
    """The answer over a connection of its own."""
    connection = HTTPConnection("127.0.0.1", cafe.web, timeout=30)
    try:
        return request.on(connection)
    finally:
        connection.close()


def all_at_once(requests: Sequence[tuple[Cafe, Request]]) -> list[Answer]:
    """The answers to requests that are sent at the same moment, each over a connection that is open already."""
    gate = Barrier(len(requests))

    def asked(cafe: Cafe, request: Request) -> Answer:
        connection = HTTPConnection("127.0.0.1", cafe.web, timeout=30)
        connection.connect()
        gate.wait(30)
        try:
            return request.on(connection)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(requests)) as threads:
        return [each.result() for each in [threads.submit(asked, *pair) for pair in requests]]


@frozen
class Game:
    """A game with its key."""

    id: str
    key: str = field(repr=False)

    def verify(self, ott: str, player: str = PLAYER) -> Request:
        """The game server's first request."""
        return self.request("POST", VERIFY, {"ott": ott, "provider_user_id": player})

    def beat(self, session: str, player: str = PLAYER) -> Request:
        """Its heartbeat."""
        fields = {"game_session_id": session, "provider_user_id": player}
        return self.request("PATCH", "/v1/game/session/heartbeat", fields)

    def end(self, session: str, **more: Any) -> Request:
        """Its end, a DELETE with a body."""
        return self.request("DELETE", "/v1/game/session/end", {"game_session_id": session, **more})

    def request(self, method: str, path: str, fields: Any) -> Request:
        """With its key; octets are sent as they are."""
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        return Request(method, path, body, {"X-Api-Key": self.key})


@frozen
class Pc:
    """A PC with a launcher that runs."""

    cafe: Cafe
    token: str = field(repr=False)

    def ott(self, game: Game) -> str:
        """A token for a game."""
        body = json.dumps({"game_id": game.id}).encode()
        answer = ask(self.cafe, Request("POST", "/v1/launcher/ott", body, {"Authorization": f"Bearer {self.token}"}))
        return str(answer.data["ott"])


class Arcade:
    """A café whose branch is allowed from 127.0.0.1, with a launcher's installation, games and a wallet."""

    def __init__(self, cafe: Cafe) -> None:
        self.cafe = cafe
        self.put = 0
        self.valid: dict[str, str] = {}
        self.graces: dict[str, Instant] = {}
        cafe.icafectl("branch", "allow", "q1", "127.0.0.1")
        self._secret = str(cafe.read("launcher", "add", "pcs", "--branch", "q1")["secret"])
        # The server reads what changed within a tenth of a second.
        eventually(lambda: self.start("PC-0").status == 200)
        url = next(line for line in cafe.config.read_text().splitlines() if line.startswith("url"))
        self.database = Database(url.split('"')[1])
        (branch,) = cafe.read("branch", "list")
        self.books = Books(self.database, int(branch["id"]))

    def a_game(self, name: str = "Obby", rate: int = 1, period: str = "60s") -> Game:
        """One more game, which the server knows."""
        told = self.cafe.read("game", "add", name, "--place-id", "1818", "--rate", str(rate), "--period", period)
        game = Game(told["game_id"], told["api_key"])
        eventually(lambda: ask(self.cafe, game.beat("gs_none")).status == 404)
        return game

    def put_on(self, units: int) -> None:
        """So much more on the wallet."""
        self.put += units
        self.cafe.icafectl("wallet", "top-up", "q1", "--key", secrets.token_hex(4), "--", str(units))

    def start(self, pc: str, cafe: Cafe | None = None, **more: Any) -> Answer:
        """The answer to a launcher's signed start."""
        path, now, nonce = "/v1/launcher/session/start", str(int(time.time())), secrets.token_hex(16)
        hardware = {"hardware_id": pc, "hostname": pc, "os": "Windows 11", "mac": "AA:BB:CC:00:00:01"}
        body = json.dumps({"internal_ip": "192.168.10.21", "hardware": hardware, **more}).encode()
        text = "\n".join(("POST", path, now, nonce, sha256(body).hexdigest())).encode()
        signed = hmac.new(self._secret.encode(), text, "sha256").hexdigest()
        headers = {"X-Launcher-Id": "pcs", "X-Timestamp": now, "X-Nonce": nonce, "X-Signature": signed}
        return ask(cafe or self.cafe, Request("POST", path, body, headers))

    def sit_down(self, pc: str = "PC-1", **more: Any) -> Pc:
        """A launcher that runs on a PC."""
        return Pc(self.cafe, str(self.start(pc, **more).data["session_token"]))

    def play(self, pc: Pc, game: Game) -> str:
        """A game session that has begun."""
        ott = pc.ott(game)
        return self.note(ott, ask(self.cafe, game.verify(ott)))

    def note(self, ott: str, answer: Answer) -> str:
        """The id of the session that a client was told of."""
        session = str(answer.data["game_session_id"])
        assert answer.data["is_valid"] is True
        self.valid[session] = ott
        return session

    def show(self, session: str) -> dict[str, Any]:
        """What icafectl tells of a game session."""
        found: dict[str, Any] = self.cafe.read("game", "session", "show", session)
        return found

    def age(self, seconds: float) -> None:
        """Let all that happened to launchers, tokens, sessions and stops have happened so much earlier."""
        with self.database.writing() as connection:
            for table, names in _INSTANTS.items():
                moved = {name: table.c[name] - int(seconds * 1000) for name in names}
                connection.execute(update(table).values(moved))

    def until(self, claim: Callable[[], Any], within: float = 15) -> Any:
        """What `claim` gives once it is true."""
        return eventually(claim, within)


class Beside(Cafe):
    """Another server on the store of one, with ports of its own."""

    def __init__(self, cafe: Cafe, folder: Path) -> None:  # it is set up already
        folder.mkdir()
        shutil.copy(cafe.folder / "key", folder / "key")
        self.folder, self.config, self.log = folder, folder / "radiusd.toml", folder / "log"
        text = cafe.config.read_text()
        self.auth, self.acct = free_ports(2)
        self.web, self.metrics = free_ports(2)
        for name in _PORTS:
            text = text.replace(f':{getattr(cafe, name)}"', f':{getattr(self, name)}"')
        self.config.write_text(text)
        self._process = None
