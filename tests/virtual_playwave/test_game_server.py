"""The game server's requests, and each reaction to an answer that the contract's sample client has."""

from typing import Any

import pytest

from radiusd.virtual_playwave.game_server import Playing
from radiusd.virtual_playwave.paths import GAME_SHORT, GAME_SHORT_V1, GamePaths
from radiusd.virtual_playwave.steps import Reaction, What
from tests.virtual_playwave.given import Studio
from tests.virtual_playwave.standin import KEY, error, success

UNHEARD = (503, b"<html>try later</html>")


def beaten(result: str, **more: Any) -> tuple[int, bytes]:
    return 200, success({"result": result, "next_heartbeat_in": 120, "play_duration_sec": 1, **more})


def test_the_three_requests_are_those_of_the_contract() -> None:
    studio = Studio()
    ott = studio.token()
    joined = studio.result(studio.server.join("1234567", ott))
    assert isinstance(joined, Playing)
    studio.turn(125)
    studio.result(studio.server.leave(joined))
    verify, heartbeat, end = [each for each in studio.standin.seen if "/game/" in each.path]
    assert {each.headers["x-api-key"] for each in (verify, heartbeat, end)} == {KEY}
    assert {each.headers["content-type"] for each in (verify, heartbeat, end)} == {"application/json"}
    assert (verify.method, verify.path) == ("POST", "/v1/game/session/verify")
    assert verify.fields == {"ott": ott, "provider_user_id": "1234567"}
    assert (heartbeat.method, heartbeat.path) == ("PATCH", "/v1/game/session/heartbeat")
    assert heartbeat.fields == {"game_session_id": joined.session_id, "provider_user_id": "1234567"}
    assert (end.method, end.path) == ("DELETE", "/v1/game/session/end")
    assert end.fields == {"game_session_id": joined.session_id, "play_duration_sec": 125}


@pytest.mark.parametrize("paths", [GAME_SHORT, GAME_SHORT_V1])
def test_the_short_paths_mean_the_same(paths: GamePaths) -> None:
    studio = Studio()
    server = studio.game_server(paths=paths)
    joined = studio.played(server)
    studio.turn(121)
    assert studio.result(server.leave(joined)).is_success
    assert [each.path for each in studio.standin.seen[2:] if "launcher" not in each.path] == [
        paths.verify,
        paths.heartbeat,
        paths.end,
    ]


def test_a_player_without_launch_data_is_verified_by_nobody() -> None:
    studio = Studio()
    assert studio.result(studio.server.join("1234567", "")) is Reaction.ORDINARY
    assert studio.standin.seen == []


@pytest.mark.parametrize(
    ("reason", "reaction"),
    [
        ("OTT_EXPIRED", Reaction.TO_LAUNCHER),
        ("OTT_ALREADY_USED", Reaction.KICK),
        ("GAME_MISMATCH", Reaction.KICK),
        ("NOT_CHARGEABLE", Reaction.KICK),
    ],
)
def test_a_refusal_is_read_from_a_200_and_nobody_plays(reason: str, reaction: Reaction) -> None:
    studio = Studio()
    studio.standin.mistakes.answers = [(200, success({"is_valid": False, "reason": reason}))]
    assert studio.result(studio.server.join("1234567", "an ott")) is reaction
    studio.turn(1000)
    assert studio.seen("heartbeat") == []


def test_a_player_who_is_in_no_cafe_plays_as_anybody() -> None:
    studio = Studio()
    data = {"is_valid": True, "game_session_id": "gs_1", "is_pc_cafe": False}
    studio.standin.mistakes.answers = [(200, success(data))]
    assert studio.result(studio.server.join("1234567", "an ott")) is Reaction.ORDINARY


@pytest.mark.parametrize("answer", [(500, error("INTERNAL_ERROR")), (429, error("RATE_LIMITED")), UNHEARD])
def test_a_verify_that_could_not_be_decided_may_be_tried_again(answer: tuple[int, bytes]) -> None:
    studio = Studio()
    ott = studio.token()
    studio.standin.mistakes.answers = [answer]
    assert studio.result(studio.server.join("1234567", ott)) is Reaction.RETRY
    assert isinstance(studio.result(studio.server.join("1234567", ott)), Playing)


def test_a_key_that_is_not_known_is_not_tried_again() -> None:
    studio = Studio()
    assert studio.result(studio.game_server("wrong").join("1234567", studio.token())) is Reaction.KICK
    assert studio.steps[-1].answer.code == "INVALID_API_KEY"


def test_heartbeats_come_every_120_seconds() -> None:
    studio = Studio()
    playing = studio.played()
    studio.turn(490)
    assert [each.at for each in studio.seen("game/session/heartbeat")] == [120, 240, 360, 480]
    assert [each.reaction for each in studio.told(What.HEARTBEAT)] == [Reaction.GO_ON] * 4
    assert playing.over is None


def test_after_ok_it_waits_as_long_as_the_server_says() -> None:
    studio = Studio()
    studio.played()
    studio.launcher.kill()
    studio.standin.mistakes.answers = [beaten("OK", next_heartbeat_in=50)]
    studio.turn(171)
    assert [each.at for each in studio.seen("game/session/heartbeat")] == [120, 170]


def test_charge_exhausted_is_told_the_player_and_the_heartbeats_go_on() -> None:
    studio = Studio()
    playing = studio.played()
    studio.launcher.kill()
    studio.standin.mistakes.answers = [beaten("CHARGE_EXHAUSTED"), UNHEARD]
    studio.turn(121)
    assert (playing.over, playing.is_spent) == (None, True)
    studio.turn(120)
    assert (playing.over, playing.is_spent) == (None, True)
    studio.turn(120)
    assert studio.told(What.HEARTBEAT)[0].reaction is Reaction.TELL_SPENT
    assert len(studio.seen("game/session/heartbeat")) == 3


def test_a_top_up_takes_the_warning_back() -> None:
    studio = Studio()
    playing = studio.played()
    studio.launcher.kill()
    studio.standin.mistakes.answers = [beaten("CHARGE_EXHAUSTED"), beaten("OK")]
    studio.turn(250)
    assert (playing.over, playing.is_spent) == (None, False)


def test_a_replaced_session_gets_no_heartbeat_and_no_end_any_more() -> None:
    studio = Studio()
    playing = studio.played()
    studio.launcher.kill()
    studio.standin.mistakes.answers = [beaten("SESSION_REPLACED")]
    studio.turn(1000)
    assert playing.over is Reaction.STOP
    assert len(studio.seen("game/session/heartbeat")) == 1
    studio.result(studio.server.shut_down())
    assert studio.seen("end") == []


@pytest.mark.parametrize(
    ("status", "code"), [(404, "SESSION_NOT_FOUND"), (410, "SESSION_ENDED"), (410, "SESSION_ENDING")]
)
def test_a_session_that_is_gone_kicks_the_player_and_gets_no_end(status: int, code: str) -> None:
    studio = Studio()
    playing = studio.played()
    studio.launcher.kill()
    studio.standin.mistakes.answers = [(status, error(code))]
    studio.turn(1000)
    assert playing.over is Reaction.KICK
    assert len(studio.seen("game/session/heartbeat")) == 1
    studio.result(studio.server.shut_down())
    assert studio.seen("end") == []


@pytest.mark.parametrize(
    "answer", [UNHEARD, (500, error("INTERNAL_ERROR")), (429, error("RATE_LIMITED")), (400, error("BAD_REQUEST"))]
)
def test_any_other_error_is_tried_again_in_the_next_cycle(answer: tuple[int, bytes]) -> None:
    studio = Studio()
    playing = studio.played()
    studio.launcher.kill()
    studio.standin.mistakes.answers = [answer]
    studio.turn(239)
    assert playing.over is None
    studio.turn(2)
    assert [each.at for each in studio.seen("game/session/heartbeat")] == [120, 240]


def test_a_heartbeat_without_an_answer_is_tried_again_in_the_next_cycle() -> None:
    studio = Studio()
    playing = studio.played()
    studio.launcher.kill()
    studio.connection.trouble = [ConnectionResetError(), None]
    studio.turn(371)
    assert playing.over is Reaction.KICK
    assert [each.at for each in studio.seen("game/session/heartbeat")] == [370]
    assert [each.reaction for each in studio.told(What.HEARTBEAT)] == [Reaction.RETRY, Reaction.RETRY, Reaction.KICK]


@pytest.mark.parametrize(("status", "code"), [(404, "SESSION_NOT_FOUND"), (409, "ALREADY_ENDED"), (500, "X")])
def test_an_end_that_is_refused_lets_the_player_go_all_the_same(status: int, code: str) -> None:
    studio = Studio()
    playing = studio.played()
    studio.standin.mistakes.answers = [(status, error(code))]
    studio.result(studio.server.leave(playing))
    studio.launcher.kill()
    studio.turn(1000)
    assert playing.over is Reaction.LEAVE
    assert len(studio.seen("game/session/end")) == 1
    assert studio.seen("game/session/heartbeat") == []


def test_a_teleport_takes_the_session_along_to_a_server_that_heartbeats_at_once() -> None:
    studio = Studio()
    playing = studio.played()
    other = studio.game_server(name="another")
    studio.turn(119)
    studio.server.hand_over(playing)
    other.welcome(playing)
    studio.turn(121)
    assert [(each.who, each.answer.asked_at) for each in studio.told(What.HEARTBEAT)] == [
        ("another", 119),
        ("another", 239),
    ]
    assert studio.result(other.leave(playing)).is_success


def test_a_shutdown_ends_every_player_at_once() -> None:
    studio = Studio()
    joined = []
    for number in range(1, 6):
        player = studio.result(studio.server.join(str(number), studio.token(studio.launcher_of(number))))
        assert isinstance(player, Playing)
        joined.append(player)
    answers = studio.result(studio.server.shut_down())
    assert [each.status for each in answers] == [200] * 5
    assert {each.over for each in joined} == {Reaction.LEAVE}
    assert studio.server.players == {}


def test_a_crash_says_nothing_to_anybody() -> None:
    studio = Studio()
    playing = studio.played()
    studio.server.crash()
    studio.turn(1000)
    assert len(studio.seen("game/session/heartbeat")) + len(studio.seen("game/session/end")) == 0
    assert playing.over is None


def test_of_two_who_join_with_one_token_one_plays() -> None:
    studio = Studio()
    ott = studio.token()
    first, second = [studio.result(studio.game_server().join("1234567", ott)) for _ in range(2)]
    assert isinstance(first, Playing)
    assert second is Reaction.KICK


def test_no_key_and_no_token_is_in_what_is_told() -> None:
    studio = Studio()
    ott = studio.token()
    studio.result(studio.server.join("1234567", ott))
    token = studio.steps[0].answer.text("session_token")
    for secret in (KEY, ott, token):
        assert secret not in repr(studio.steps)
