"""What is not as agreed is seen, in the envelope and in what it holds."""

import json
from typing import Any

import pytest

from radiusd.virtual_playwave.contract import flaws
from radiusd.virtual_playwave.steps import Step, What
from tests.virtual_playwave.given import Studio
from tests.virtual_playwave.standin import GAME_ID, error, success

SESSION = "gs_0b5bf8a2-71a0-4f39-9d1c-9a3f6f0f3d11"
VALID = {"is_valid": True, "game_session_id": SESSION, "is_pc_cafe": True}
BEATEN = {"result": "OK", "next_heartbeat_in": 120, "play_duration_sec": 0}


def ask(what: What, answer: tuple[int, bytes]) -> Step:
    """The step that comes of an answer."""
    studio = Studio()
    studio.standin.mistakes.answers = [answer]
    match what:
        case What.START:
            studio.result(studio.launcher.start())
        case What.OTT:
            studio.result(studio.launcher.ott(GAME_ID))
        case What.VERIFY:
            studio.result(studio.server.verify("1", "an ott"))
        case _:
            studio.standin.mistakes.answers.insert(0, (200, success(VALID)))
            playing = studio.result(studio.server.join("1", "an ott"))
            wish = studio.server.heartbeat if what is What.HEARTBEAT else studio.server.end
            studio.result(wish(playing))  # type: ignore[arg-type]
    return studio.steps[-1]


def test_a_whole_game_has_no_flaws() -> None:
    studio = Studio()
    playing = studio.played()
    studio.turn(250)
    studio.result(studio.server.leave(playing))
    studio.result(studio.server.end(playing))
    studio.result(studio.server.heartbeat(playing))
    studio.result(studio.launcher.ott("99"))
    studio.result(studio.launcher.end())
    studio.result(studio.launcher.ott(GAME_ID))
    assert {each.what for each in studio.steps} == set(What)
    assert [flaws(each) for each in studio.steps] == [[]] * len(studio.steps)


def test_no_answer_has_no_flaws() -> None:
    studio = Studio()
    studio.connection.trouble = [ConnectionResetError()]
    studio.result(studio.launcher.start())
    assert flaws(studio.steps[-1]) == []


def enveloped(**changes: Any) -> bytes:
    fields = {"success": True, "request_id": "req_1", "data": BEATEN, **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def failed(**changes: Any) -> bytes:
    fields = json.loads(error("SESSION_ENDED"))
    fields["error"] |= changes.pop("error", {})
    return json.dumps(fields | changes).encode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, enveloped(success=None)), "success: true"),
        ((200, enveloped(request_id=None)), "request_id"),
        ((200, enveloped(data=None)), "without data"),
        ((200, enveloped(error={})), "with an error"),
        ((200, b"[]"), "no JSON object"),
        ((410, failed(success=True)), "success: false"),
        ((410, failed(request_id="req_1")), "only a success has"),
        ((410, failed(error={"timestamp": "2026-03-06T12:00:00Z"})), "timestamp"),
        ((410, failed(error={"timestamp": "2026-03-06T12:00:00.000+00:00"})), "timestamp"),
        ((410, failed(error={"message": 7})), "without message"),
        ((410, error("ALREADY_ENDED")), "410 ALREADY_ENDED"),
        ((404, error("SESSION_ENDED")), "404 SESSION_ENDED"),
        ((503, b"{}"), "503 HTTP_503"),
        ((200, enveloped(data={**BEATEN, "result": "FINE"})), "FINE"),
        ((200, enveloped(data={**BEATEN, "play_duration_sec": 1.5})), "play_duration_sec"),
        ((200, enveloped(data={"result": "SESSION_REPLACED"})), "next_heartbeat_in"),
    ],
)
def test_a_heartbeat_that_is_answered_otherwise_is_seen(answer: tuple[int, bytes], words: str) -> None:
    found = flaws(ask(What.HEARTBEAT, answer))
    assert any(words in each for each in found), found


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({**VALID, "is_pc_cafe": None}, "is_pc_cafe"),
        ({**VALID, "game_session_id": SESSION[3:]}, "gs_"),
        ({**VALID, "reason": "OTT_EXPIRED"}, "with a reason"),
        ({"is_valid": False, "reason": "OTT_EXPIRED", "is_pc_cafe": True}, "is_pc_cafe"),
        ({"is_valid": False, "reason": "TOO_LATE"}, "TOO_LATE"),
        ({}, "neither true nor false"),
    ],
)
def test_a_verify_that_is_answered_otherwise_is_seen(data: dict[str, Any], words: str) -> None:
    found = flaws(ask(What.VERIFY, (200, success(data))))
    assert any(words in each for each in found), found


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"result": "OK", "play_duration_sec": 1, "client_play_duration_sec": 0}, "SUCCESS"),
        ({"result": "SUCCESS", "play_duration_sec": 1, "client_play_duration_sec": 1}, "not what was sent"),
        ({"result": "SUCCESS", "play_duration_sec": 1}, "not what was sent"),
        ({"result": "SUCCESS", "client_play_duration_sec": 0}, "no play_duration_sec"),
    ],
)
def test_an_end_that_is_answered_otherwise_is_seen(data: dict[str, Any], words: str) -> None:
    found = flaws(ask(What.END, (200, success(data))))
    assert any(words in each for each in found), found


@pytest.mark.parametrize(
    ("what", "data", "words"),
    [
        (What.START, {"expires_in": 1, "heartbeat_in": 120, "games": []}, "session_token"),
        (What.START, {"session_token": "t", "expires_in": 1, "heartbeat_in": 1, "games": [{"game_id": 7}]}, "no text"),
        (What.START, {"session_token": "t", "expires_in": 1, "heartbeat_in": 1, "games": {}}, "no list"),
        (What.OTT, {"ott": "7", "expires_in": 60, "launch": {"launch_data": "7"}}, "UUID"),
        (What.OTT, {"ott": SESSION[3:], "expires_in": 60, "launch": {"launch_data": "{}"}}, "launch_data"),
    ],
)
def test_a_launcher_that_is_answered_otherwise_is_seen(what: What, data: dict[str, Any], words: str) -> None:
    found = flaws(ask(what, (200, success(data))))
    assert any(words in each for each in found), found
