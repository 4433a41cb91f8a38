"""Answers of a PC system to values, strictly: what is not as agreed is refused, never guessed.

An error never quotes a value of the answer: it may be a balance or a token.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import msgspec
from attrs import frozen

from policy.quantities import Instant, Money
from radiusd.pc_system.errors import BUSINESS_CODES, BusinessError, Failed, NotUnderstood, PcSystemError
from radiusd.pc_system.http import Answer
from radiusd.pc_system.values import Balance, Debit, PcLogin, Refund, Validated

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Token = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, pattern="^[!-~]+$")]
_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_Number = int | float
_MOST = 10**15
# Without digits, so that no code can be a figure.
_CODE = re.compile(r"[A-Z][A-Z_]{1,39}")

_SESSION = MappingProxyType({401: "INVALID_SESSION"})
_KEY = MappingProxyType({401: "API_KEY_REFUSED", 403: "API_KEY_REFUSED"})
_PASSWORD = MappingProxyType({401: "INVALID_CREDENTIALS", 403: "ACCOUNT_SUSPENDED"})


@frozen
class _Head:
    success: bool = True
    error_code: str | None = None


@frozen
class _Login:
    user_id: _Name
    balance: _Number
    session_token: _Token
    username: _Name | None = None
    expires_at: _Time | None = None


@frozen
class _Balance:
    balance_vnd: _Number | None = None
    balance: _Number | None = None
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "VND"


@frozen
class _Debit:
    transaction_id: _Name
    new_balance: _Number | None = None
    timestamp: _Time | None = None


@frozen
class _Refund:
    refund_id: _Name | None = None
    transaction_id: _Name | None = None


@frozen
class _Validated:
    valid: bool
    user_id: _Name | None = None
    username: _Name | None = None


_T = TypeVar("_T")


def read_login(answer: Answer, username: str) -> PcLogin:
    """Who logged in; `username`, as asked, where the answer has none."""
    found = _read(answer, _Login, _PASSWORD)
    return PcLogin(
        user_id=found.user_id,
        username=found.username or username,
        balance=_money(found.balance, "balance"),
        session_token=found.session_token,
        expires_at=_instant(found.expires_at),
    )


def read_balance(answer: Answer) -> Balance:
    """The balance, in either of the two forms that are in use: `balance_vnd`, or `balance` and `currency`."""
    found = _read(answer, _Balance, _SESSION)
    if (found.balance_vnd is None) == (found.balance is None):
        raise NotUnderstood("it must have balance_vnd, or balance and currency")
    if found.balance_vnd is not None:
        return Balance(amount=_money(found.balance_vnd, "balance_vnd"), currency="VND")
    return Balance(amount=_money(found.balance, "balance"), currency=found.currency)


def read_debit(answer: Answer) -> Debit:
    """What was taken."""
    found = _read(answer, _Debit, _KEY)
    new_balance = None if found.new_balance is None else _money(found.new_balance, "new_balance")
    return Debit(transaction_id=found.transaction_id, new_balance=new_balance, at=_instant(found.timestamp))


def read_refund(answer: Answer) -> Refund:
    """What was given back; some PC systems call its name `transaction_id`."""
    found = _read(answer, _Refund, _KEY)
    refund_id = found.refund_id or found.transaction_id
    if refund_id is None:
        raise NotUnderstood("it has no refund_id")
    return Refund(refund_id=refund_id)


def read_validated(answer: Answer) -> Validated | None:
    """Whose session it is, or None if it is nobody's."""
    try:
        found = _read(answer, _Validated, _SESSION)
    except BusinessError as error:
        if error.code == "INVALID_SESSION":
            return None
        raise
    if not found.valid:
        return None
    if found.user_id is None or found.username is None:
        raise NotUnderstood("a valid session has a user_id and a username")
    return Validated(user_id=found.user_id, username=found.username)


def _read(answer: Answer, form: type[_T], by_status: Mapping[int, str]) -> _T:
    if not 200 <= answer.status < 300:
        raise _refusal(answer, by_status)
    head = _decode(answer.body, _Head)
    if not head.success:
        raise _refusal(answer, by_status)
    return _decode(answer.body, form)


def _decode(octets: bytes, form: type[_T]) -> _T:
    try:
        return msgspec.json.decode(octets, type=form)
    except msgspec.ValidationError as error:
        # It names the field and its kind, not what is in it.
        raise NotUnderstood(str(error)) from None
    except (ValueError, RecursionError):
        raise NotUnderstood("it is not JSON in UTF-8") from None


def _refusal(answer: Answer, by_status: Mapping[int, str]) -> PcSystemError:
    code, status = _code(answer.body), answer.status
    if code in BUSINESS_CODES:
        return BusinessError(code)
    if code == "SYSTEM_ERROR" or status >= 500:
        return Failed("the PC system failed by itself; ask the staff if it goes on")
    if status == 429:
        return BusinessError("RATE_LIMITED")
    if code:
        return BusinessError(code)
    if status in by_status:
        return BusinessError(by_status[status])
    return NotUnderstood(f"it has HTTP status {status} and no error_code")


def _code(octets: bytes) -> str:
    """The error_code, or an empty text."""
    try:
        code = msgspec.json.decode(octets, type=_Head).error_code or ""
    except (ValueError, RecursionError):
        return ""
    return code if _CODE.fullmatch(code) else ""


def _money(number: Any, name: str) -> Money:
    if not -_MOST <= number <= _MOST or number != int(number):
        raise NotUnderstood(f"{name} must be a whole number")
    return Money(int(number))


def _instant(time: datetime | None) -> Instant | None:
    return None if time is None else Instant(round(time.timestamp() * 1000))
