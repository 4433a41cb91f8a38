"""Where an answer is not what the contract says of it, whatever went before."""

import re
from collections.abc import Callable

from radiusd.virtual_playwave.steps import Step, What
from radiusd.virtual_playwave.wire import Answer

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_OTT = re.compile(_UUID)
_SESSION = re.compile(f"gs_{_UUID}")
_REFUSALS = ("OTT_EXPIRED", "OTT_ALREADY_USED", "GAME_MISMATCH", "NOT_CHARGEABLE")
_RESULTS = ("OK", "CHARGE_EXHAUSTED", "SESSION_REPLACED")

_EVERYWHERE = {
    ("BAD_REQUEST", 400), ("NOT_FOUND", 404), ("METHOD_NOT_ALLOWED", 405), ("RATE_LIMITED", 429),
    ("INTERNAL_ERROR", 500),
}  # fmt: skip
_OF_GAMES = {*_EVERYWHERE, ("INVALID_API_KEY", 401)}
_OF_LAUNCHERS = {*_EVERYWHERE, ("INVALID_SESSION", 401)}
_ERRORS = {
    What.START: {*_EVERYWHERE, ("INVALID_SIGNATURE", 401), ("NOT_PC_CAFE", 403)},
    What.OTT: {*_OF_LAUNCHERS, ("GAME_NOT_FOUND", 404)},
    What.ALIVE: _OF_LAUNCHERS,
    What.QUIT: _OF_LAUNCHERS,
    What.VERIFY: _OF_GAMES,
    What.HEARTBEAT: {*_OF_GAMES, ("SESSION_NOT_FOUND", 404), ("SESSION_ENDED", 410), ("SESSION_ENDING", 410)},
    What.END: {*_OF_GAMES, ("SESSION_NOT_FOUND", 404), ("ALREADY_ENDED", 409)},
}


def flaws(step: Step) -> list[str]:
    """In plain words; none if the answer is in order, or there was none."""
    answer = step.answer
    if answer.status == 0:
        return []
    found = list(answer.flaws)
    if answer.is_success:
        return found + _LOOK[step.what](step)
    if (answer.code, answer.status) not in _ERRORS[step.what]:
        found.append(f"{answer.status} {answer.code}, which the contract does not have there")
    return found


def _start(step: Step) -> list[str]:
    answer = step.answer
    found = _lacks(answer, text=("session_token",), number=("expires_in", "heartbeat_in"))
    games = answer.data.get("games")
    if not isinstance(games, list) or not all(isinstance(each, dict) for each in games):
        return [*found, "games is no list of objects"]
    for name in ("game_id", "name", "provider", "place_id", "image_url"):
        if not all(name in each for each in games):
            found.append(f"a game without {name}")
    if not all(isinstance(each.get("game_id"), str) for each in games):
        found.append("a game_id that is no text")
    return found


def _ott(step: Step) -> list[str]:
    answer = step.answer
    found = _lacks(answer, text=("ott",), number=("expires_in",))
    if not _OTT.fullmatch(answer.text("ott")):
        found.append("an OTT that is no UUID v4")
    launch = answer.data.get("launch")
    if not isinstance(launch, dict) or launch.get("launch_data") != answer.data.get("ott"):
        found.append("launch_data is not the whole OTT and nothing else")
    return found


def _alive(step: Step) -> list[str]:
    found = _lacks(step.answer, number=("next_heartbeat_in",))
    return found if step.answer.text("result") == "OK" else [*found, "a result that is not OK"]


def _verify(step: Step) -> list[str]:
    data = step.answer.data
    if data.get("is_valid") is True:
        found = [] if data.get("is_pc_cafe") is True else ["is_pc_cafe is not true"]
        if not _SESSION.fullmatch(step.answer.text("game_session_id")):
            found.append("a game_session_id that is not gs_ and a UUID")
        return found if "reason" not in data else [*found, "a valid token with a reason"]
    if data.get("is_valid") is not False:
        return ["is_valid is neither true nor false"]
    found = [f"a refusal with {each}" for each in ("game_session_id", "is_pc_cafe") if each in data]
    if data.get("reason") not in _REFUSALS:
        found.append(f"a refusal for the reason {data.get('reason')!r}")
    return found


def _heartbeat(step: Step) -> list[str]:
    found = _lacks(step.answer, number=("next_heartbeat_in", "play_duration_sec"))
    if step.answer.text("result") not in _RESULTS:
        found.append(f"the result {step.answer.data.get('result')!r}")
    return found


def _end(step: Step) -> list[str]:
    answer = step.answer
    found = _lacks(answer, number=("play_duration_sec",))
    if answer.text("result") != "SUCCESS":
        found.append("a result that is not SUCCESS")
    if "client_play_duration_sec" not in answer.data or answer.data["client_play_duration_sec"] != step.sent:
        found.append("client_play_duration_sec is not what was sent")
    return found


def _lacks(answer: Answer, *, text: tuple[str, ...] = (), number: tuple[str, ...] = ()) -> list[str]:
    missing = [each for each in text if not answer.text(each)]
    missing += [each for each in number if answer.number(each) is None]
    return [f"no {each}, or not of its kind" for each in missing]


_LOOK: dict[What, Callable[[Step], list[str]]] = {
    What.START: _start,
    What.OTT: _ott,
    What.ALIVE: _alive,
    What.QUIT: lambda _: [],
    What.VERIFY: _verify,
    What.HEARTBEAT: _heartbeat,
    What.END: _end,
}
