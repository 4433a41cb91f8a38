"""What launchers ask for: a session, tokens, heartbeats, an end.

A launcher signs its start with the secret of its installation, over method, path, time, nonce and the body's octets;
where it stands is told by its connection alone.
"""

from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

from attrs import asdict, frozen
from twisted.logger import Logger

from policy.game import HEARTBEAT_EVERY, OTT_LASTS, SILENT_FOR
from radiusd.charging.port import CafeAuth, ChargeUnavailable
from radiusd.jobs.launchers import LauncherBeatJob, LauncherEndJob, LauncherStartJob, OttJob, Seat
from radiusd.store.directory import Directory
from radiusd.store.game_directory import Game, Launcher
from radiusd.store.pc_directory import hash_token
from radiusd.web.errors import WebError
from radiusd.web.fair import Submit
from radiusd.web.games.forms import (
    GameOffer,
    Launch,
    LauncherBeat,
    LauncherStart,
    LauncherStarted,
    OttReply,
    OttRequest,
)
from radiusd.web.games.playing import committed, hash_ott
from radiusd.web.reading import read_json
from radiusd.web.routes import Call

_log = Logger()

WINDOW = 300_000
"""Milliseconds that a launcher's clock may differ from ours."""
_SHORTEST_NONCE, _LONGEST_NONCE = 32, 128
_NOBODY = bytes(32)
_MOST_DIGITS = 19


@frozen(kw_only=True)
class LaunchingParts:
    """What serving launchers takes."""

    directory: Callable[[], Directory]
    cafe: CafeAuth
    submit: Submit
    new_token: Callable[[], str]
    new_ott: Callable[[], str]


class Launching:
    """Answers launchers; `path` of a start is what was signed, whichever alias it came by."""

    def __init__(self, parts: LaunchingParts) -> None:
        self._parts = parts

    def starter(self, path: str) -> "Callable[[Call], object]":
        """The route's function for one address."""
        return lambda call: self._start(call, path)

    async def _start(self, call: Call, path: str) -> LauncherStarted:
        launcher = self._signed(call, path)
        asked = read_json(call, LauncherStart)
        branch_id = await self._cafe_at(call)
        if branch_id is None or branch_id != launcher.branch_id:
            _log.warn(
                "a launcher of {name} was refused: {source} is not its café", name=launcher.name, source=call.source
            )
            raise WebError("NOT_PC_CAFE", "This address is not one of the café's.")
        token = self._parts.new_token()
        job = LauncherStartJob(
            at=call.at,
            launcher_id=launcher.id,
            branch_id=branch_id,
            nonce=(call.headers.get("x-nonce") or "").lower(),
            token_hash=hash_token(token),
            external_ip=call.source,
            seat=Seat(
                internal_ip=asked.internal_ip,
                hardware_id=asked.hardware.hardware_id,
                hardware=asdict(asked.hardware),
                pc_user_id=asked.pc_user_id,
            ),
        )
        if not await committed(self._parts.submit, job):
            raise _wrong_signature()
        games = [_offer(each) for each in self._parts.directory().games.games.values() if each.is_active]
        return LauncherStarted(token, expires_in=SILENT_FOR, heartbeat_in=HEARTBEAT_EVERY, games=games)

    def _signed(self, call: Call, path: str) -> Launcher:
        """The installation that signed the call. Raises WebError, the same for every cause."""
        launcher = self._parts.directory().games.launchers.get(call.headers.get("x-launcher-id") or "")
        time, nonce = call.headers.get("x-timestamp") or "", call.headers.get("x-nonce") or ""
        text = "\n".join(("POST", path, time, nonce, sha256(call.body).hexdigest()))
        secret = _NOBODY if launcher is None else launcher.secret
        expected = hmac_digest(secret, text.encode(), "sha256").hex()
        is_signed = compare_digest((call.headers.get("x-signature") or "").encode(), expected.encode())
        is_known = launcher is not None and launcher.is_active
        if not (is_signed and is_known and _is_now(time, call) and _is_nonce(nonce)) or launcher is None:
            raise _wrong_signature()
        return launcher

    async def _cafe_at(self, call: Call) -> int | None:
        try:
            return await self._parts.cafe.verify_ip(call.source)
        except ChargeUnavailable as error:
            raise WebError("INTERNAL_ERROR", "Nobody could tell whether this is a café. Try again.") from error

    async def ott(self, call: Call) -> OttReply:
        """A token for a game. Raises WebError."""
        token_hash = _bearer(call)
        try:
            game = self._wanted(call)
        except WebError:
            # Who has no session is told just that.
            await self.heartbeat(call)
            raise
        ott = self._parts.new_ott()
        job = OttJob(at=call.at, token_hash=token_hash, ott_hash=hash_ott(ott), game_id=game.id)
        if not await committed(self._parts.submit, job):
            raise _no_session()
        return OttReply(ott, expires_in=OTT_LASTS, launch=Launch(game.place_id, launch_data=ott))

    def _wanted(self, call: Call) -> Game:
        """The game that is asked for. Raises WebError."""
        name = read_json(call, OttRequest).game_id
        games = self._parts.directory().games.games
        game = games.get(int(name)) if name.isascii() and name.isdigit() and len(name) < _MOST_DIGITS else None
        if game is None or not game.is_active:
            raise WebError("GAME_NOT_FOUND", "There is no such game.")
        return game

    async def heartbeat(self, call: Call) -> LauncherBeat:
        """The launcher lives. Raises WebError."""
        if not await committed(self._parts.submit, LauncherBeatJob(at=call.at, token_hash=_bearer(call))):
            raise _no_session()
        return LauncherBeat(result="OK", next_heartbeat_in=HEARTBEAT_EVERY)

    async def end(self, call: Call) -> LauncherBeat:
        """The launcher is closed. Raises WebError."""
        if not await committed(self._parts.submit, LauncherEndJob(at=call.at, token_hash=_bearer(call))):
            raise _no_session()
        return LauncherBeat(result="OK", next_heartbeat_in=0)


def _offer(game: Game) -> GameOffer:
    return GameOffer(str(game.id), game.name, game.provider, game.place_id, game.image_url)


def _is_now(text: str, call: Call) -> bool:
    is_number = text.isascii() and text.isdigit() and len(text) <= 12
    return is_number and abs(int(text) * 1000 - call.at) <= WINDOW


def _is_nonce(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return text.isalnum() and _SHORTEST_NONCE <= len(text) <= _LONGEST_NONCE


def _bearer(call: Call) -> bytes:
    scheme, _, token = (call.headers.get("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _no_session()
    return hash_token(token.strip())


def _wrong_signature() -> WebError:
    return WebError("INVALID_SIGNATURE", "The launcher's signature was not accepted.")


def _no_session() -> WebError:
    return WebError("INVALID_SESSION", "The launcher's session is over. Start a new one.")
