"""Asks the PC systems of branches.

Each try has 5 s for connecting, headers and body together. What may be repeated is tried up to four times, 1, 2 and
4 s apart, and with the same idempotency key: balance, validate, debit, refund. A login is repeated only if it did not
even connect; a second one might lock the account. What the PC system decided is never asked again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from random import Random
from typing import Any, TypeVar, cast

import msgspec
from attrs import define, field, frozen
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.http_headers import Headers

from policy.quantities import Money
from radiusd.pc_system.breaker import RESTS, Breaker
from radiusd.pc_system.errors import Failed, NotUnderstood, PcSystemError, TimedOut, Unanswered, Unavailable
from radiusd.pc_system.http import LONGEST_ANSWER, Answer, AnswerTooLong, Compressed, whole, within
from radiusd.pc_system.reading import read_balance, read_debit, read_login, read_refund, read_validated
from radiusd.pc_system.values import Access, Balance, Debit, PcLogin, Refund, Validated

LIMIT = 5.0
PAUSES = (1.0, 2.0, 4.0)
IN_FLIGHT = 20
_MOST_MONEY = 10**15

_log = Logger()
_T = TypeVar("_T")


@frozen
class _Wish:
    """One request, the same at every repeat."""

    operation: str
    method: str
    bearer: str | None = field(repr=False)
    body: bytes | None = field(repr=False)
    may_repeat: bool = True


@define
class _Branch:
    """What is going on with one branch's PC system."""

    breaker: Breaker = field(factory=Breaker)
    calls: set[int] = field(factory=set)


class PcSystemClient:
    """Asks PC systems by `http` (see pc_system.http). `random` only spreads repeats a little."""

    def __init__(self, http: HTTPClient, clock: IReactorTime, random: Random) -> None:
        self._http = http
        self._clock = clock
        self._random = random
        self._branches: dict[int, _Branch] = {}
        self._numbers = count()

    async def log_in(self, access: Access, username: str, password: str, location_id: str) -> PcLogin:
        """The PC account with this name and password. Raises PcSystemError, as all of these do."""
        fields = {"username": username, "password": password, "location_id": location_id}
        wish = _Wish("login", "POST", None, msgspec.json.encode(fields), may_repeat=False)
        return await self._ask(access, wish, lambda answer: read_login(answer, username))

    async def balance(self, access: Access, session_token: str) -> Balance:
        """What is on the account at this moment: to be shown, not to be kept."""
        return await self._ask(access, _Wish("balance", "GET", session_token, None), read_balance)

    async def debit(
        self,
        access: Access,
        user_id: str,
        amount: Money,
        description: str,
        idempotency_key: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> Debit:
        """Take `amount` off an account, once for each key in 24 h.

        After Unanswered or NotUnderstood it may have been taken: ask again later, with the same key.
        """
        fields = {
            "user_id": user_id,
            "amount": _amount(amount),
            "description": description,
            "idempotency_key": idempotency_key,
            **({"metadata": dict(metadata)} if metadata else {}),
        }
        return await self._ask(access, self._with_key(access, "debit", fields), read_debit)

    async def refund(
        self, access: Access, original_transaction_id: str, amount: Money, reason: str, idempotency_key: str
    ) -> Refund:
        """Give `amount` of a debit back, once for each key; not known after the same errors as with `debit`."""
        fields = {
            "original_transaction_id": original_transaction_id,
            "amount": _amount(amount),
            "reason": reason,
            "idempotency_key": idempotency_key,
        }
        return await self._ask(access, self._with_key(access, "refund", fields), read_refund)

    async def validate(self, access: Access, session_token: str) -> Validated | None:
        """Whose PC session the token is, or None if it is nobody's."""
        return await self._ask(access, _Wish("validate", "POST", session_token, b"{}"), read_validated)

    async def ping(self, access: Access) -> int:
        """Milliseconds to any answer at all. Asks even a PC system that is left alone, and changes nothing in that."""
        began = self._clock.seconds()
        await self._once(access.url, _Wish("ping", "HEAD", None, None))
        return round((self._clock.seconds() - began) * 1000)

    @staticmethod
    def _with_key(access: Access, operation: str, fields: Mapping[str, Any]) -> _Wish:
        if not access.api_key:
            raise ValueError("money moves only with the API key of the branch's PC system, and the branch has none")
        return _Wish(operation, "POST", access.api_key, msgspec.json.encode(fields))

    async def _ask(self, access: Access, wish: _Wish, read: Callable[[Answer], _T]) -> _T:
        branch = self._branches.setdefault(access.branch_id, _Branch())
        with self._call(branch) as call:
            failure: PcSystemError = Unavailable(
                "the PC system failed just now and is left alone; try again in a minute"
            )
            for pause in (0.0, *PAUSES):
                if pause:
                    await self._wait(pause)
                if not branch.breaker.begin(call, self._clock.seconds()):
                    break
                try:
                    return await self._try(access, wish, read, branch, call)
                except Unanswered as error:
                    failure = error
                    if not wish.may_repeat and error.was_reached:
                        break
            raise failure

    @contextmanager
    def _call(self, branch: _Branch) -> Iterator[int]:
        """A place among those who ask this branch."""
        if len(branch.calls) >= IN_FLIGHT:
            raise Unavailable("the PC system is asked by too many at once; try again in a moment")
        call = next(self._numbers)
        branch.calls.add(call)
        try:
            yield call
        finally:
            branch.calls.discard(call)
            branch.breaker.abandoned(call)

    async def _try(self, access: Access, wish: _Wish, read: Callable[[Answer], _T], branch: _Branch, call: int) -> _T:
        """Ask once, and tell the breaker what came of it."""
        try:
            result = read(await self._once(access.url_for(wish.operation), wish))
        except Unanswered as error:
            fields = {"branch_id": access.branch_id, "operation": wish.operation, "code": error.code}
            _log.info("PC system of branch {branch_id}: {operation} failed, {code}", **fields)
            if branch.breaker.failed(call, self._clock.seconds()):
                _log.warn("PC system of branch {branch_id} is left alone for {rests:.0f} s", rests=RESTS, **fields)
            raise
        except PcSystemError:
            branch.breaker.answered()
            raise
        branch.breaker.answered()
        return result

    async def _once(self, url: str, wish: _Wish) -> Answer:
        """The whole answer, within the limit. Raises PcSystemError for anything else."""
        try:
            return await within(LIMIT, self._clock, Deferred.fromCoroutine(self._exchange(url, wish)))
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an HTTP library may have against an answer
            failure = _ours(error)
        # Not from the error itself: it may quote the answer.
        raise failure

    async def _exchange(self, url: str, wish: _Wish) -> Answer:
        headers = Headers({"Accept": ["application/json"]})
        if wish.bearer is not None:
            headers.setRawHeaders("Authorization", [f"Bearer {wish.bearer}"])
        if wish.body is not None:
            headers.setRawHeaders("Content-Type", ["application/json"])
        # treq imports the default reactor unless it is given one, even where it sets no timer.
        clock = cast("Any", self._clock)
        response = await self._http.request(
            wish.method, url, headers=headers, data=wish.body, allow_redirects=False, unbuffered=True, reactor=clock
        )
        return await whole(response)

    async def _wait(self, pause: float) -> None:
        # Never longer than told: whoever waits with us counts on it.
        await deferLater(self._clock, pause * (0.9 + 0.1 * self._random.random()))


def _amount(amount: Money) -> int:
    if type(amount) is not int or not 0 < amount <= _MOST_MONEY:
        raise ValueError("an amount is a whole number of VND above 0")
    return amount


def _ours(error: Exception) -> PcSystemError:
    """What is to be said of an error on the way."""
    match error:
        case TimeoutError():
            return TimedOut()
        case AnswerTooLong():
            return NotUnderstood(f"it is longer than {LONGEST_ANSWER} octets")
        case Compressed():
            return NotUnderstood("it is compressed, which was not asked for")
        case ConnectError() | ConnectingCancelledError() | DNSLookupError():
            message = "the PC system cannot be reached; is it on, and is the branch's tunnel up?"
            return Failed(message, was_reached=False)
        case _:
            return Failed("the PC system hung up, or does not speak HTTP")
