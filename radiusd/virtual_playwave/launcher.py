"""The launcher on a café's PC: opens a session, gets a one-time token for a game, and says that it is still there."""

import hashlib
import hmac
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
from attrs import field, frozen

from radiusd.virtual_playwave.beating import Beating
from radiusd.virtual_playwave.paths import LAUNCHER, LauncherPaths
from radiusd.virtual_playwave.steps import Reaction, Step, Told, What, untold
from radiusd.virtual_playwave.wire import Answer, Wire

VERSION = "1.0.0"
EVERY, AGAIN = 120.0, 10.0


@frozen
class Account:
    """Whose launcher it is; the secret is one installation's."""

    launcher_id: str
    secret: str = field(repr=False)


@frozen(kw_only=True)
class Pc:
    """What a launcher knows of its PC. `user` is who sits there, None if it does not say."""

    name: str
    internal_ip: str
    hardware_id: str
    mac: str
    system: str = "Windows 11"
    user: str | None = None


def pc(number: int, user: str | None = None) -> Pc:
    """The café's PC of that number, from 1."""
    return Pc(
        name=f"PC-{number:03}",
        internal_ip=f"192.168.{number >> 8 & 255}.{number & 255}",
        hardware_id=f"hw-{number:08x}",
        mac=f"02:50:43:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}",
        user=user,
    )


def signature(secret: str, method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The value of X-Signature: HMAC-SHA256 over five lines, in lower-case hex."""
    lines = "\n".join((method, path, timestamp, nonce, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret.encode(), lines.encode(), hashlib.sha256).hexdigest()


class Launcher:
    """One PC's. `now` is the time of day in seconds since 1970; `random` makes nonces; `told` gets every request.

    `every` is how often it says that it is there, and what the server says instead if that is None.
    """

    def __init__(
        self,
        wire: Wire,
        account: Account,
        pc: Pc,
        random: Random,
        now: Callable[[], float],
        told: Told = untold,
        *,
        every: float | None = None,
        paths: LauncherPaths = LAUNCHER,
    ) -> None:
        self.pc = pc
        self._wire = wire
        self._account = account
        self._random = random
        self._now = now
        self._told = told
        self._every = every
        self._paths = paths
        self._token = ""
        self._beating: Beating | None = None

    async def start(self) -> Answer:
        """Open a session, signed; its token is kept."""
        hardware = {
            "hardware_id": self.pc.hardware_id,
            "mac": self.pc.mac,
            "hostname": self.pc.name,
            "os": self.pc.system,
        }
        fields: dict[str, Any] = {
            "internal_ip": self.pc.internal_ip,
            "hardware": hardware,
            "launcher_version": VERSION,
        }
        if self.pc.user is not None:
            fields["pc_user_id"] = self.pc.user
        body = msgspec.json.encode(fields)
        answer = await self._wire.ask("POST", self._paths.start, self._signed("POST", self._paths.start, body), body)
        if answer.is_success:
            self._token = answer.text("session_token")
        return self._tell(What.START, answer, Reaction.GO_ON if answer.is_success else Reaction.RETRY)

    def _signed(self, method: str, path: str, body: bytes) -> dict[str, str]:
        timestamp, nonce = str(int(self._now())), f"{self._random.getrandbits(128):032x}"
        return {
            "X-Launcher-Id": self._account.launcher_id,
            "X-Timestamp": timestamp,
            "X-Nonce": nonce,
            "X-Signature": signature(self._account.secret, method, path, timestamp, nonce, body),
        }

    async def ott(self, game_id: str) -> Answer:
        """A one-time token for a game: `ott` in the answer's data."""
        body = msgspec.json.encode({"game_id": game_id})
        answer = await self._wire.ask("POST", self._paths.ott, self._bearer(), body)
        return self._tell(What.OTT, answer, None, answer.text("ott"))

    async def heartbeat(self) -> Answer:
        """Say that the launcher is still there."""
        answer = await self._wire.ask("PATCH", self._paths.heartbeat, self._bearer())
        is_gone = answer.status == 401
        return self._tell(What.ALIVE, answer, Reaction.STOP if is_gone else Reaction.GO_ON)

    async def end(self) -> Answer:
        """Close the session."""
        self.kill()
        return self._tell(What.QUIT, await self._wire.ask("DELETE", self._paths.end, self._bearer()), None)

    def keep_alive(self) -> None:
        """Heartbeats from now on, until there is no session any more, or it is killed."""
        self.kill()
        self._beating = Beating(self._wire.clock, self._beat)
        self._beating.begin(EVERY if self._every is None else self._every)

    def kill(self) -> None:
        """No more heartbeats, and no goodbye."""
        if self._beating is not None:
            self._beating.stop()
            self._beating = None

    async def _beat(self) -> float | None:
        answer = await self.heartbeat()
        if answer.status == 401:
            return None
        every = self._every if self._every is not None else answer.number("next_heartbeat_in") or EVERY
        # A whole pause more, and the server would take it for dead.
        return every if answer.is_success else min(AGAIN, every / 4)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _tell(self, what: What, answer: Answer, reaction: Reaction | None, about: str = "") -> Answer:
        self._told(Step(who=self.pc.name, what=what, about=about, answer=answer, reaction=reaction))
        return answer
