"""Why Redis could not be used, in words that never hold a password."""

from redis import exceptions
from twisted.internet.defer import TimeoutError as TookTooLong


def reason_of(error: BaseException | None) -> str:
    """A few words for a log line."""
    match error:
        case exceptions.AuthenticationError() | exceptions.AuthorizationError():
            return "it refuses the user or the password"
        case exceptions.TimeoutError() | TookTooLong():
            return "it does not answer in time"
        case exceptions.ResponseError():
            # Redis quotes what it was sent in its errors, and a password may be among that: only their first word.
            return f"it answers {error.status_code or _first_word(str(error))}"
        case exceptions.ConnectionError() | OSError():
            return str(error).rstrip(".") or type(error).__name__
        case _:
            return type(error).__name__


def _first_word(text: str) -> str:
    word = text.partition(" ")[0]
    return word if word.isalpha() and word.isupper() and len(word) <= 20 else "with an error"
