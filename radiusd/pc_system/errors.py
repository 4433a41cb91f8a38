"""What can come of asking a PC system. `code` is short and stable; no message has a figure, a name or a secret in it.

What the PC system writes as its own message is dropped: it may name a balance.
"""

from collections.abc import Mapping
from types import MappingProxyType


class PcSystemError(Exception):
    """Nothing came of it; the message says what can be done."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unanswered(PcSystemError):
    """No answer that says anything; of a debit or a refund it is not known whether it was done.

    `was_reached` is False when not even a connection was made.
    """

    def __init__(self, code: str, message: str, *, was_reached: bool = True) -> None:
        super().__init__(code, message)
        self.was_reached = was_reached


class TimedOut(Unanswered):
    """PC_API_TIMEOUT: no whole answer in time."""

    def __init__(self) -> None:
        super().__init__("PC_API_TIMEOUT", "the PC system did not answer in time; try again in a minute")


class Failed(Unanswered):
    """PC_API_ERROR: it could not be reached, hung up, or failed by itself (5xx)."""

    def __init__(self, message: str, *, was_reached: bool = True) -> None:
        super().__init__("PC_API_ERROR", message, was_reached=was_reached)


class Unavailable(PcSystemError):
    """PC_API_UNAVAILABLE: it was not even asked, as it failed just now or is asked too much already."""

    def __init__(self, message: str) -> None:
        super().__init__("PC_API_UNAVAILABLE", message)


class NotUnderstood(PcSystemError):
    """PC_API_ANSWER: it answered something else than was agreed.

    As with Unanswered, it is not known whether a debit or a refund was done.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            "PC_API_ANSWER",
            f"the PC system's answer is not understood: {what}; check the branch's address and paths of its PC system",
        )


_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "INSUFFICIENT_BALANCE": "the balance is too low; top it up at the counter",
        "EWALLET_INSUFFICIENT_BALANCE": "the e-wallet's balance is too low",
        "ACCOUNT_LOCKED": "the PC account is locked; ask the staff",
        "ACCOUNT_SUSPENDED": "the PC account is suspended; ask the staff",
        "INVALID_CREDENTIALS": "this is not a name and password of a PC account",
        "INVALID_PC_CREDENTIALS": "this is not a name and password of a PC account",
        "INVALID_SESSION": "the PC session has ended; log in to the PC again",
        "USER_NOT_FOUND": "the PC system does not know this account; ask the staff",
        "RATE_LIMITED": "too many tries; wait five minutes",
        "INVALID_AMOUNT": "the PC system does not take this amount",
        "API_KEY_REFUSED": "the PC system refuses the branch's API key; enter the key that its owner gave",
    }
)
BUSINESS_CODES = frozenset(_MEANINGS)


class BusinessError(PcSystemError):
    """The PC system understood, and said no; asking again would not change it."""

    def __init__(self, code: str) -> None:
        super().__init__(code, _MEANINGS.get(code, f"the PC system said no: {code}"))
