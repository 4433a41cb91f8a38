"""`POST /api/auth/pc-login`: the name and password of the gaming PC, for a token of ours."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from policy.macs import canonical_mac
from policy.quantities import Instant
from radiusd.jobs.portal import LoggedIn, PortalLoginJob
from radiusd.pc_system.client import PcSystemClient
from radiusd.pc_system.errors import PcSystemError
from radiusd.pc_system.values import PcLogin
from radiusd.store.pc_directory import PcSystem, hash_token
from radiusd.store.writer import Failed
from radiusd.vault import Vault
from radiusd.web.errors import WebError
from radiusd.web.fair import FairQueue
from radiusd.web.portal.guests import Guests, access_to
from radiusd.web.portal.refusing import is_wrong_guess, refusal
from radiusd.web.portal.tries import Crowd, Tries
from radiusd.web.routes import Call
from radiusd.web.times import iso

_log = Logger()

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern="^[^\\x00]*$")]


@frozen
class PcLoginRequest:
    """The account of the gaming PC. `device_mac`: the phone's, where the router told the portal."""

    username: Text
    password: Text = field(repr=False)
    location_id: Text
    device_mac: str | None = None


@frozen
class PcLoginUser:
    """`id` is the WiFi account, `balance` what the PC system says at this moment, in VND."""

    id: str
    pc_user_id: str
    username: str
    balance: int = field(repr=False)


@frozen
class PcLoginReply:
    """`session_token` goes into `Authorization: Bearer`; it ends at `expires_at`, or when the PC is logged off.

    `device_tied`: whether the phone logs in to the WiFi by itself from now on, while a package of the account runs.
    """

    success: bool
    wifi_session_id: str
    user: PcLoginUser
    session_token: str = field(repr=False)
    expires_at: str
    device_tied: bool


class PcLogins:
    """Lets guests in."""

    def __init__(
        self,
        guests: Guests,
        client: PcSystemClient,
        queue: FairQueue,
        vault: Vault,
        new_token: Callable[[], str],
    ) -> None:
        self._guests = guests
        self._client = client
        self._queue = queue
        self._vault = vault
        self._new_token = new_token
        self._tries = Tries()
        self._crowd = Crowd()

    async def log_in(self, call: Call) -> PcLoginReply:
        """A token for whoever knows the password. Raises WebError."""
        asked: PcLoginRequest = call.value
        system = self._guests.at_location(asked.location_id)
        device = _device(asked.device_mac)
        found = await self._ask(system, asked, call)
        token = self._new_token()
        logged_in = await self._keep(system, found, token, device, call.at)
        login = logged_in.login
        _log.info("{user} logged in to the portal at {location}", user=found.user_id, location=system.location_id)
        return PcLoginReply(
            success=True,
            wifi_session_id=str(login.id),
            user=PcLoginUser(logged_in.account, found.user_id, found.username, found.balance),
            session_token=token,
            expires_at=iso(login.expires_at),
            device_tied=logged_in.is_device_tied,
        )

    async def _ask(self, system: PcSystem, asked: PcLoginRequest, call: Call) -> PcLogin:
        access = access_to(system)
        name = (system.branch_id, asked.username.casefold())
        wait = self._tries.begin(name, call.source, call.at)
        if wait:
            raise _held_back("Too many tries. Please wait five minutes.", wait)
        wait = self._crowd.begin(system.branch_id, call.at)
        if wait:
            self._tries.take_back(name, call.source, call.at)
            raise _held_back("Too many people log in at this moment. Please try again.", wait)
        try:
            found = await self._client.log_in(access, asked.username, asked.password, system.location_id)
        except PcSystemError as error:
            if not is_wrong_guess(error):
                self._tries.take_back(name, call.source, call.at)
            _log.info("a portal login at {location}: {code}", location=system.location_id, code=error.code)
            raise refusal(error) from error
        self._tries.take_back(name, call.source, call.at)
        return found

    async def _keep(self, system: PcSystem, found: PcLogin, token: str, device: str | None, at: Instant) -> LoggedIn:
        job = PortalLoginJob(
            at=at,
            system=system,
            pc_user_id=found.user_id,
            pc_token=found.session_token,
            token_hash=hash_token(token),
            device=device,
            vault=self._vault,
        )
        done: Deferred[Any] = Deferred()
        is_taken = self._queue.submit(system.branch_id, job, done.callback)
        result = await done if is_taken else None
        if result is None or isinstance(result, Failed):
            raise WebError("TRY_AGAIN", "The system is busy. Please try again.", headers=(("Retry-After", "1"),))
        kept: LoggedIn = result
        return kept


def _held_back(message: str, wait: int) -> WebError:
    return WebError("RATE_LIMITED", message, headers=(("Retry-After", str(-(-wait // 1000))),))


def _device(text: str | None) -> str | None:
    mac = None if text is None else canonical_mac(text)
    if text is not None and mac is None:
        raise WebError("BAD_REQUEST", "device_mac: expected a MAC address, as in AA:BB:CC:DD:EE:FF")
    return mac
