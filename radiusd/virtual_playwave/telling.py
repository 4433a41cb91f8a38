"""Every request of a game in plain words."""

from collections.abc import Callable

from radiusd.virtual_playwave.steps import Reaction, Step, What
from radiusd.virtual_playwave.wire import NO_ANSWER, Answer

_WHY = {
    "INVALID_SIGNATURE": "look at launcher_id, launcher_secret, and whether this machine's clock is right",
    "NOT_PC_CAFE": "this address is not one of a café",
    "INVALID_SESSION": "the launcher's session is over",
    "GAME_NOT_FOUND": "no such game, or it is switched off; look at game_id",
    "INVALID_API_KEY": "look at api_key; or the game is switched off",
    "BAD_REQUEST": "the server cannot read it: is this the right server, and its right version?",
    "SESSION_NOT_FOUND": "no such session: it was silent for too long, or never was",
    "SESSION_ENDED": "the session is over",
    "SESSION_ENDING": "the session is just being ended",
    "ALREADY_ENDED": "the session was over already",
    "RATE_LIMITED": "too many requests",
    "INTERNAL_ERROR": "the server is in trouble",
    "OTT_EXPIRED": "the token is too old",
    "OTT_ALREADY_USED": "the token was used already",
    "GAME_MISMATCH": "the token is for another game than the key",
    "NOT_CHARGEABLE": "the café cannot pay for it",
}


def tell(step: Step) -> str:
    """One line for one request: who asked what, what came back, and what follows."""
    answer = step.answer
    words = _SUCCESS[step.what](step) if answer.is_success else _failure(answer)
    follows = f"; {step.who} {step.reaction.value}" if _is_telling(step) and step.reaction is not None else ""
    return f"{step.who:12} {step.what.value:19} {words}{follows}"


def _is_telling(step: Step) -> bool:
    is_of_game = step.what in (What.VERIFY, What.HEARTBEAT)
    return is_of_game and step.reaction not in (Reaction.GO_ON, None)


def masked(text: str) -> str:
    """Enough of a token to know it again."""
    return f"{text[:8]}…" if text else "none"


def _failure(answer: Answer) -> str:
    if answer.code == NO_ANSWER:
        return f"no answer ({answer.message}): does the server run, and is its address right?"
    why = _WHY.get(answer.code)
    return f"{answer.status} {answer.code}" + (f": {why}" if why else "")


def _start(step: Step) -> str:
    answer = step.answer
    games = answer.data.get("games")
    count = len(games) if isinstance(games, list) else 0
    named = "1 game" if count == 1 else f"{count} games"
    return f"200, this is a café's PC; {named} to choose from, the session lasts {answer.number('expires_in')} s"


def _ott(step: Step) -> str:
    answer = step.answer
    return f"200, one-time token {masked(answer.text('ott'))}, good for {answer.number('expires_in')} s"


def _verify(step: Step) -> str:
    answer = step.answer
    if answer.data.get("is_valid") is True:
        return f"200, valid: {masked(answer.text('game_session_id')[3:])} begins, and the café is charged"
    reason = answer.text("reason")
    return f"200, not valid: {reason}" + (f", {_WHY[reason]}" if reason in _WHY else "")


def _heartbeat(step: Step) -> str:
    answer = step.answer
    return f"200, {answer.text('result')}: {_seconds(answer.number('play_duration_sec'))} played"


def _end(step: Step) -> str:
    played = _seconds(step.answer.number("play_duration_sec"))
    return f"200, {step.answer.text('result')}: {played} played, as the server counts it; we counted {step.sent} s"


def _seconds(count: int | None) -> str:
    return "? s" if count is None else f"{count} s"


_SUCCESS: dict[What, Callable[[Step], str]] = {
    What.START: _start,
    What.OTT: _ott,
    What.ALIVE: lambda _: "200, the server knows that the launcher lives",
    What.QUIT: lambda _: "200, the launcher's session is closed",
    What.VERIFY: _verify,
    What.HEARTBEAT: _heartbeat,
    What.END: _end,
}
