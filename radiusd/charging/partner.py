"""The café's side, when it is a partner's server: five requests in JSON (docs/integrator/charging-partner.md).

Each try has 5 s for connecting, headers and body together. Somebody waits for most answers, so verifying, checking and
starting are tried once more, a second later. A renewal is not, as the next heartbeat renews; a stop is not, as the
queue of stops asks again. A partner that fails is left alone for half a minute.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from random import Random
from types import MappingProxyType
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from attrs import Attribute, field, frozen
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.http_headers import Headers

from policy.quantities import Instant, Seconds
from radiusd.charging.answers import Checked, Renewed, Started, Stopped, Unanswered, Verified, read, unanswered
from radiusd.charging.port import ChargeUnavailable
from radiusd.pc_system.breaker import RESTS, Breaker
from radiusd.pc_system.http import Answer, whole, within

LIMIT = 5.0
PAUSES = (1.0, 2.0, 4.0)
REPEATS: Mapping[str, int] = MappingProxyType({"verify-ip": 1, "check": 1, "start": 1, "renew": 0, "stop": 0})
MOST_AT_ONCE = 200

_log = Logger()
_T = TypeVar("_T")


@frozen(kw_only=True)
class PartnerAccess:
    """The way to the partner: what every path is put after, and the key. Raises ValueError, with what to write."""

    url: str = field()
    key: str = field(repr=False)

    @url.validator
    def _check_url(self, _: "Attribute[str]", url: str) -> None:
        try:
            parts = urlsplit(url)
            is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise ValueError(
                "the charging partner's address is no URL: write https://charging.example.com/v1"
            ) from None
        if not is_good or parts.query or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError("the charging partner's address must look like https://charging.example.com/v1")
        if "@" in parts.netloc:
            raise ValueError("the charging partner's address must not hold a password; the key has a file of its own")

    @key.validator
    def _check_key(self, _: "Attribute[str]", key: str) -> None:
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("the charging partner's key must be one word of plain letters, digits and signs")


class Partner:
    """A CafeAuth that asks by `http` (see pc_system.http). `random` only spreads repeats a little."""

    def __init__(
        self,
        access: PartnerAccess,
        http: HTTPClient,
        clock: IReactorTime,
        random: Random,
        now: Callable[[], Instant],
    ) -> None:
        self._access = access
        self._http = http
        self._clock = clock
        self._random = random
        self._now = now
        self._breaker = Breaker()
        self._calls: set[int] = set()
        self._numbers = count()

    async def verify_ip(self, ip: str) -> int | None:
        """The branch whose network the partner knows `ip` to be in."""
        return (await self._ask("verify-ip", {"ip": ip}, Verified)).branch_id

    async def check(self, branch_id: int, game_id: int) -> bool:
        """Whether the partner would start a charge."""
        fields = {"branch_id": branch_id, "game_id": game_id}
        return (await self._ask("check", fields, Checked)).result == "chargeable"

    async def start(self, key: str, branch_id: int, game_id: int) -> bool:
        """Have the partner start a charge. After ChargeUnavailable it may run: have it stopped."""
        fields = {"key": key, "branch_id": branch_id, "game_id": game_id}
        return (await self._ask("start", fields, Started, f"{key}/start")).result == "started"

    async def renew(self, key: str, played: Seconds) -> bool:
        """Have the partner charge what was played so far."""
        # Every renewal is a request of its own: after a top-up the same seconds are paid that were refused before.
        request = f"{key}/renew/{self._now()}"
        return (await self._ask("renew", {"key": key, "played_sec": played}, Renewed, request)).result == "ok"

    async def stop(self, key: str, played: Seconds, unbilled: Seconds, reason: str) -> None:
        """Have the partner stop a charge."""
        fields = {"key": key, "played_sec": played, "unbilled_sec": unbilled, "reason": reason}
        await self._ask("stop", fields, Stopped, f"{key}/stop")

    async def _ask(
        self, operation: str, fields: Mapping[str, Any], form: type[_T], idempotency_key: str | None = None
    ) -> _T:
        body = msgspec.json.encode(fields)
        with self._call() as call:
            failure = ChargeUnavailable(
                "the charging partner failed just now and is left alone; if it goes on, ask the partner"
            )
            for pause in (0.0, *PAUSES[: REPEATS[operation]]):
                if pause:
                    # Never longer than told: whoever waits with us counts on it.
                    await deferLater(self._clock, pause * (0.9 + 0.1 * self._random.random()))
                if not self._breaker.begin(call, self._clock.seconds()):
                    break
                try:
                    return await self._try(operation, body, form, idempotency_key, call)
                except Unanswered as error:
                    failure = error
            raise failure

    @contextmanager
    def _call(self) -> Iterator[int]:
        """A place among those who ask."""
        if len(self._calls) >= MOST_AT_ONCE:
            raise ChargeUnavailable("the charging partner is asked too much at once; try again in a moment")
        call = next(self._numbers)
        self._calls.add(call)
        try:
            yield call
        finally:
            self._calls.discard(call)
            self._breaker.abandoned(call)

    async def _try(self, operation: str, body: bytes, form: type[_T], idempotency_key: str | None, call: int) -> _T:
        """Ask once, and tell the breaker what came of it."""
        try:
            result = read(await self._once(operation, body, idempotency_key), form)
        except Unanswered as error:
            _log.info("charging partner: {operation} failed: {error}", operation=operation, error=error)
            if self._breaker.failed(call, self._clock.seconds()):
                _log.warn("the charging partner is left alone for {rests:.0f} s", rests=RESTS)
            raise
        except ChargeUnavailable:
            self._breaker.answered()
            raise
        self._breaker.answered()
        return result

    async def _once(self, operation: str, body: bytes, idempotency_key: str | None) -> Answer:
        """The whole answer, within the limit."""
        asked = Deferred.fromCoroutine(self._exchange(operation, body, idempotency_key))
        try:
            return await within(LIMIT, self._clock, asked)
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an HTTP library may have against an answer
            failure = unanswered(error)
        # Not from the error itself: it may quote the answer.
        raise failure

    async def _exchange(self, operation: str, body: bytes, idempotency_key: str | None) -> Answer:
        fields = {"Accept": "application/json", "Content-Type": "application/json"}
        headers = Headers({name: [value] for name, value in fields.items()})
        headers.setRawHeaders("Authorization", [f"Bearer {self._access.key}"])
        if idempotency_key is not None:
            headers.setRawHeaders("Idempotency-Key", [idempotency_key])
        # treq imports the default reactor unless it is given one, even where it sets no timer.
        clock = cast("Any", self._clock)
        url = f"{self._access.url.rstrip('/')}/{operation}"
        response = await self._http.request(
            "POST", url, headers=headers, data=body, allow_redirects=False, unbuffered=True, reactor=clock
        )
        return await whole(response)
