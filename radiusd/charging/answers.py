"""Answers of a charging partner to values, strictly: what is not as agreed is refused, never guessed, never quoted."""

from typing import Annotated, Literal, TypeVar

import msgspec
from attrs import frozen
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError

from radiusd.charging.port import ChargeUnavailable
from radiusd.pc_system.http import LONGEST_ANSWER, Answer, AnswerTooLong, Compressed

_T = TypeVar("_T")


@frozen
class Verified:
    """`{"branch_id": NUMBER}`, or null for no café's address."""

    branch_id: Annotated[int, msgspec.Meta(ge=1)] | None


@frozen
class Checked:
    """`{"result": "chargeable"}` or `"refused"`."""

    result: Literal["chargeable", "refused"]


@frozen
class Started:
    """`{"result": "started"}` or `"refused"`."""

    result: Literal["started", "refused"]


@frozen
class Renewed:
    """`{"result": "ok"}` or `"exhausted"`."""

    result: Literal["ok", "exhausted"]


@frozen
class Stopped:
    """`{"result": "stopped"}`."""

    result: Literal["stopped"]


class Unanswered(ChargeUnavailable):
    """No answer that says anything."""


def read(answer: Answer, form: type[_T]) -> _T:
    """What a whole answer says. Raises ChargeUnavailable."""
    if answer.status in (401, 403):
        raise ChargeUnavailable("the charging partner refuses the key: put the one it gave into partner_key_file")
    if answer.status == 429:
        raise ChargeUnavailable("the charging partner is asked too much (HTTP status 429); agree on more with it")
    if answer.status >= 500:
        raise Unanswered(f"the charging partner failed by itself (HTTP status {answer.status})")
    if answer.status != 200:
        raise not_understood(f"it has HTTP status {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=form)
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        expected = (form.__doc__ or "").rstrip(".").replace("`", "")
    raise not_understood(f"expected {expected}")


def unanswered(error: Exception) -> ChargeUnavailable:
    """What is to be said of an error on the way."""
    match error:
        case TimeoutError():
            return Unanswered("the charging partner did not answer within 5 seconds")
        case AnswerTooLong():
            return not_understood(f"it is longer than {LONGEST_ANSWER} octets")
        case Compressed():
            return not_understood("it is compressed, which was not asked for")
        case ConnectError() | ConnectingCancelledError() | DNSLookupError():
            return Unanswered("the charging partner cannot be reached; is partner_url right, and the network up?")
        case _:
            return Unanswered("the charging partner hung up, or does not speak HTTP")


def not_understood(what: str) -> ChargeUnavailable:
    """The answer is none that was agreed on."""
    return ChargeUnavailable(f"the charging partner's answer is not understood: {what}; is partner_url right?")
