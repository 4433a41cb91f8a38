"""A server made from the contract alone, as small as it can be, with the mistakes it is told to make."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from attrs import define, field, frozen
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import Request

BEGAN = 1_771_237_800.0
"""2026-02-16T10:30:00Z."""
LAUNCHER_ID, SECRET, KEY, GAME_ID = "cafe-1", "the secret of cafe-1", "the-key-of-the-game", "7"
OTT_LASTS, SILENCE, GRACE = 60.0, 240.0, 120.0


@frozen
class Seen:
    """One request as it came in."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@define
class _Pc:
    hardware: str
    heard: float
    is_over: bool = False


@define
class _Ott:
    pc: _Pc
    issued: float
    is_spent: bool = False


@define
class Session:
    """A game session as the server knows it."""

    id: str
    user: str
    pc: _Pc
    began: float
    beat: float
    spent_at: float | None = None
    ended_at: float | None = None
    how: str = ""

    def played(self, at: float) -> int:
        return int((at if self.ended_at is None else self.ended_at) - self.began)


class Problem(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@define
class Mistakes:
    """What the server gets wrong. `answers` go out, one after the other, in place of what is right: status and body."""

    verifies_twice: bool = False
    forgets_replaced: bool = False
    replaces_nobody: bool = False
    kicks_in_grace: bool = False
    grace_without_end: bool = False
    never_silent: bool = False
    ignores_launcher: bool = False
    late_launcher: bool = False
    ends_after: float | None = None
    counts_heartbeats: bool = False
    ott_lasts: float = OTT_LASTS
    limits_ends: int | None = None
    answers: list[tuple[int, bytes]] = field(factory=list)


@define(slots=False)
class Standin(Resource):
    """Answers; `charge` says of a game session whether it can be paid on."""

    clock: Clock
    mistakes: Mistakes = field(factory=Mistakes)
    is_chargeable: bool = True
    charge: "Callable[[Session], bool]" = lambda _: True
    seen: list[Seen] = field(factory=list)
    starts: int = 0
    sessions: dict[str, Session] = field(factory=dict)
    otts: dict[str, _Ott] = field(factory=dict)
    isLeaf = True

    def __attrs_post_init__(self) -> None:
        Resource.__init__(self)  # type: ignore[no-untyped-call]
        self._random = Random(7)
        self._tokens: dict[str, _Pc] = {}
        self._nonces: set[str] = set()
        self._ends = 0

    def at(self) -> float:
        return float(self.clock.seconds())

    def render(self, request: Request) -> bytes:
        """One answer, in its envelope."""
        body = b"" if request.content is None else request.content.read()
        headers = {
            name.decode().lower(): values[0].decode() for name, values in request.requestHeaders.getAllRawHeaders()
        }
        path, method = bytes(request.path).decode(), bytes(request.method).decode()
        self.seen.append(Seen(self.at(), method, path, headers, body))
        request.setHeader(b"content-type", b"application/json")
        if self.mistakes.answers:
            status, text = self.mistakes.answers.pop(0)
            request.setResponseCode(status)
            return text
        try:
            data = self._answer(self.seen[-1])
        except Problem as problem:
            request.setResponseCode(problem.status)
            return error(problem.code)
        return success(data)

    def _answer(self, asked: Seen) -> dict[str, Any]:
        short = asked.path.removeprefix("/v1")
        of_game = {"/game/session/verify": "verify", "/session/verify": "verify"}
        of_game |= {"/game/session/heartbeat": "heartbeat", "/session/heartbeat": "heartbeat"}
        of_game |= {"/game/session/end": "end", "/session/end": "end"}
        methods = {"verify": "POST", "heartbeat": "PATCH", "end": "DELETE"}
        operation = of_game.get(short)
        if operation is not None:
            if methods[operation] != asked.method:
                raise Problem(405, "METHOD_NOT_ALLOWED")
            if asked.headers.get("x-api-key") != KEY:
                raise Problem(401, "INVALID_API_KEY")
            if asked.headers.get("content-type") != "application/json":
                raise Problem(400, "BAD_REQUEST")
            found: dict[str, Any] = getattr(self, f"_{operation}")(asked.fields)
            return found
        match asked.method, short:
            case "POST", "/launcher/session/start" | "/session/start":
                return self._start(asked)
            case "POST", "/launcher/ott" | "/ott":
                return self._issue(self._pc(asked), asked.fields)
            case "PATCH", "/launcher/session/heartbeat":
                self._pc(asked).heard = self.at()
                return {"result": "OK", "next_heartbeat_in": 120}
            case "DELETE", "/launcher/session/end":
                self._pc(asked).is_over = True
                return {"result": "SUCCESS"}
            case _:
                raise Problem(404, "NOT_FOUND")

    # The launcher

    def _start(self, asked: Seen) -> dict[str, Any]:
        timestamp, nonce = asked.headers.get("x-timestamp", ""), asked.headers.get("x-nonce", "")
        lines = [asked.method, asked.path, timestamp, nonce, hashlib.sha256(asked.body).hexdigest()]
        right = hmac.new(SECRET.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        is_fresh = timestamp.isdigit() and abs(int(timestamp) - BEGAN - self.at()) <= 300 and nonce not in self._nonces
        if asked.headers.get("x-launcher-id") != LAUNCHER_ID or asked.headers.get("x-signature") != right:
            raise Problem(401, "INVALID_SIGNATURE")
        if not is_fresh or len(nonce) != 32:
            raise Problem(401, "INVALID_SIGNATURE")
        self._nonces.add(nonce)
        token = f"{self._random.getrandbits(128):032x}"
        self._tokens[token] = _Pc(asked.fields["hardware"]["hardware_id"], self.at())
        game = {"game_id": GAME_ID, "name": "Towers", "provider": "roblox", "place_id": "99", "image_url": "http://x/y"}
        return {"session_token": token, "expires_in": 43200, "heartbeat_in": 120, "games": [game]}

    def _pc(self, asked: Seen) -> _Pc:
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        pc = self._tokens.get(token) if kind == "Bearer" else None
        if pc is None or pc.is_over or self._is_launcher_dead(pc):
            raise Problem(401, "INVALID_SESSION")
        return pc

    def _is_launcher_dead(self, pc: _Pc) -> bool:
        return pc.is_over or self.at() - pc.heard > SILENCE

    def _issue(self, pc: _Pc, fields: dict[str, Any]) -> dict[str, Any]:
        if fields["game_id"] != GAME_ID:
            raise Problem(404, "GAME_NOT_FOUND")
        ott = str(UUID(int=self._random.getrandbits(128), version=4))
        self.otts[ott] = _Ott(pc, self.at())
        return {"ott": ott, "expires_in": 60, "launch": {"place_id": "99", "launch_data": ott}}

    # The game server

    def _verify(self, fields: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(fields.get("provider_user_id"), str):
            raise Problem(400, "BAD_REQUEST")
        ott = self.otts.get(fields["ott"])
        if ott is not None and ott.is_spent and not self.mistakes.verifies_twice:
            return {"is_valid": False, "reason": "OTT_ALREADY_USED"}
        if ott is None or self.at() - ott.issued >= self.mistakes.ott_lasts or self._is_launcher_dead(ott.pc):
            return {"is_valid": False, "reason": "OTT_EXPIRED"}
        ott.is_spent = True
        if not self.is_chargeable:
            return {"is_valid": False, "reason": "NOT_CHARGEABLE"}
        self.look_at_the_clock()
        if not self.mistakes.replaces_nobody:
            for each in self.sessions.values():
                if each.pc.hardware == ott.pc.hardware:
                    self._over(each, "replaced", self.at())
        session = Session(
            f"gs_{UUID(int=self._random.getrandbits(128), version=4)}",
            fields["provider_user_id"],
            ott.pc,
            self.at(),
            self.at(),
        )
        self.sessions[session.id] = session
        self.starts += 1
        return {"is_valid": True, "game_session_id": session.id, "is_pc_cafe": True}

    def _heartbeat(self, fields: dict[str, Any]) -> dict[str, Any]:
        session = self._session(fields["game_session_id"])
        if session.user != fields["provider_user_id"]:
            raise Problem(404, "SESSION_NOT_FOUND")
        if session.how == "replaced":
            if self.mistakes.forgets_replaced:
                session.how = "forgotten"
            return self._beaten(session, "SESSION_REPLACED")
        if session.how:
            raise Problem(410, "SESSION_ENDED")
        session.beat = self.at()
        if not self.charge(session):
            if session.spent_at is not None and self.mistakes.kicks_in_grace:
                raise Problem(410, "SESSION_ENDING")
            session.spent_at = self.at() if session.spent_at is None else session.spent_at
            return self._beaten(session, "CHARGE_EXHAUSTED")
        session.spent_at = None
        answer = self._beaten(session, "OK")
        if self.mistakes.late_launcher and self._is_launcher_dead(session.pc):
            self._over(session, "launcher", self.at())
        return answer

    def _beaten(self, session: Session, result: str) -> dict[str, Any]:
        played = session.played(self.at())
        if self.mistakes.counts_heartbeats:
            session.began -= 120
        return {"result": result, "next_heartbeat_in": 120, "play_duration_sec": played}

    def _end(self, fields: dict[str, Any]) -> dict[str, Any]:
        self._ends += 1
        if self.mistakes.limits_ends is not None and self._ends > self.mistakes.limits_ends:
            raise Problem(429, "RATE_LIMITED")
        session = self._session(fields["game_session_id"])
        if session.how:
            raise Problem(409, "ALREADY_ENDED")
        self._over(session, "end", self.at())
        return {
            "result": "SUCCESS",
            "play_duration_sec": session.played(self.at()),
            "client_play_duration_sec": fields.get("play_duration_sec"),
        }

    def _session(self, name: str) -> Session:
        self.look_at_the_clock()
        session = self.sessions.get(name)
        if session is None or session.how == "silence":
            raise Problem(404, "SESSION_NOT_FOUND")
        return session

    def look_at_the_clock(self) -> None:
        """End what is over by now."""
        at, wrong = self.at(), self.mistakes
        for each in self.sessions.values():
            if at - each.beat >= SILENCE and not wrong.never_silent:
                self._over(each, "silence", each.beat)
            if each.spent_at is not None and at - each.spent_at >= GRACE and not wrong.grace_without_end:
                self._over(each, "grace", each.spent_at + GRACE)
            if self._is_launcher_dead(each.pc) and not (wrong.ignores_launcher or wrong.late_launcher):
                self._over(each, "launcher", each.beat)
            if wrong.ends_after is not None and at - each.began >= wrong.ends_after:
                self._over(each, "whim", at)

    def _over(self, session: Session, how: str, at: float) -> None:
        if not session.how:
            session.how, session.ended_at = how, max(at, session.began)

    def how(self) -> dict[str, int]:
        """How many sessions ended in which way."""
        self.look_at_the_clock()
        ends = [each.how for each in self.sessions.values()]
        return {each: ends.count(each) for each in sorted(set(ends))}


def success(data: dict[str, Any]) -> bytes:
    """The envelope of a success."""
    return json.dumps({"success": True, "request_id": "req_1", "data": data}).encode()


def error(code: str, message: str = "No.") -> bytes:
    """The envelope of an error."""
    stamp = datetime.fromtimestamp(BEGAN, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"success": False, "error": {"code": code, "message": message, "timestamp": stamp}}).encode()
