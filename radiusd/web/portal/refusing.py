"""What a guest is told when the PC system says no, or nothing."""

from radiusd.pc_system.errors import PcSystemError
from radiusd.web.errors import STATUS_OF, WebError

# Whether the name or the password is wrong is nobody's business, whichever of them the PC system names.
_SAME = {
    "INVALID_PC_CREDENTIALS": "INVALID_CREDENTIALS",
    "USER_NOT_FOUND": "INVALID_CREDENTIALS",
}
_WORDS = {
    "INVALID_CREDENTIALS": "Wrong user name or password.",
    "INVALID_SESSION": "Your PC session has ended. Please log in again.",
    "ACCOUNT_SUSPENDED": "This PC account is suspended. Please ask at the counter.",
    "ACCOUNT_LOCKED": "This PC account is locked. Please ask at the counter.",
    "RATE_LIMITED": "Too many tries. Please wait five minutes.",
}
_AWAY = "The PC system does not answer at the moment. Please try again, or pay in another way."


def refusal(error: PcSystemError) -> WebError:
    """The answer to the guest."""
    code = _SAME.get(error.code, error.code)
    return WebError(code if code in STATUS_OF else "PC_API_ANSWER", _WORDS.get(code, _AWAY))


def is_wrong_guess(error: PcSystemError) -> bool:
    """Whether somebody guessed, and wrongly."""
    return _SAME.get(error.code, error.code) == "INVALID_CREDENTIALS"
