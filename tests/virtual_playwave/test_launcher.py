"""The launcher's requests, octet by octet, and how long it says that it is there."""

import hashlib
import hmac
import re

import pytest
from attrs import evolve

from radiusd.virtual_playwave.launcher import Account, pc, signature
from radiusd.virtual_playwave.paths import LAUNCHER_SHORT, LAUNCHER_SHORT_V1, LauncherPaths
from radiusd.virtual_playwave.steps import Reaction, What
from tests.virtual_playwave.given import Studio
from tests.virtual_playwave.standin import GAME_ID, LAUNCHER_ID, SECRET, error


def test_a_start_is_signed_over_method_path_time_nonce_and_the_octets_of_its_body() -> None:
    studio = Studio()
    studio.turn(3.7)
    answer = studio.result(studio.launcher.start())
    (seen,) = studio.standin.seen
    assert (seen.method, seen.path) == ("POST", "/v1/launcher/session/start")
    assert seen.headers["x-launcher-id"] == LAUNCHER_ID
    assert seen.headers["x-timestamp"] == "1771237803"
    nonce = seen.headers["x-nonce"]
    assert re.fullmatch("[0-9a-f]{32}", nonce)
    signed = f"POST\n/v1/launcher/session/start\n1771237803\n{nonce}\n{hashlib.sha256(seen.body).hexdigest()}"
    assert seen.headers["x-signature"] == hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert answer.is_success


def test_the_signature_is_that_of_openssl() -> None:
    # By: printf 'POST\n/session/start\n1771237800\n00ff\n%s' "$(printf '{}' | sha256sum | cut -d' ' -f1)" |
    #     openssl dgst -sha256 -hmac sécret
    by_openssl = "3ca24af027395d619e062dda8aea4f6c4d567e3355d167eb9b17db78f43b401e"
    assert signature("sécret", "POST", "/session/start", "1771237800", "00ff", b"{}") == by_openssl


def test_no_two_starts_have_one_nonce() -> None:
    studio = Studio()
    for _ in range(3):
        assert studio.result(studio.launcher.start()).is_success
    assert len({each.headers["x-nonce"] for each in studio.standin.seen}) == 3


def test_a_start_tells_the_pc_and_nothing_of_its_outer_address() -> None:
    studio = Studio()
    studio.result(studio.launcher.start())
    assert studio.standin.seen[0].fields == {
        "internal_ip": "192.168.0.1",
        "hardware": {
            "hardware_id": "hw-00000001",
            "mac": "02:50:43:00:00:01",
            "hostname": "PC-001",
            "os": "Windows 11",
        },
        "launcher_version": "1.0.0",
    }


def test_who_sits_at_the_pc_is_told_if_it_is_known() -> None:
    studio = Studio()
    studio.launcher.pc = evolve(pc(1), user="nora_01")
    studio.result(studio.launcher.start())
    assert studio.standin.seen[0].fields["pc_user_id"] == "nora_01"


def test_the_next_requests_carry_the_session_token() -> None:
    studio = Studio()
    started = studio.result(studio.launcher.start())
    studio.result(studio.launcher.ott(GAME_ID))
    studio.result(studio.launcher.heartbeat())
    studio.result(studio.launcher.end())
    ott, heartbeat, end = studio.standin.seen[1:]
    token = started.text("session_token")
    assert {each.headers["authorization"] for each in (ott, heartbeat, end)} == {f"Bearer {token}"}
    assert (ott.method, ott.path, ott.body) == ("POST", "/v1/launcher/ott", b'{"game_id":"7"}')
    assert (heartbeat.method, heartbeat.path, heartbeat.body) == ("PATCH", "/v1/launcher/session/heartbeat", b"")
    assert (end.method, end.path, end.body) == ("DELETE", "/v1/launcher/session/end", b"")
    assert all(each.answer.is_success for each in studio.steps)


@pytest.mark.parametrize("paths", [LAUNCHER_SHORT, LAUNCHER_SHORT_V1])
def test_the_short_paths_are_signed_as_they_are_asked(paths: LauncherPaths) -> None:
    studio = Studio()
    launcher = studio.launcher_of(2, paths=paths)
    assert studio.result(launcher.start()).is_success
    assert studio.result(launcher.ott(GAME_ID)).is_success
    assert [each.path for each in studio.standin.seen] == [paths.start, paths.ott]


def test_a_launcher_says_that_it_lives_every_120_seconds_until_it_is_killed() -> None:
    studio = Studio()
    studio.result(studio.launcher.start())
    studio.launcher.keep_alive()
    studio.turn(370)
    studio.launcher.kill()
    studio.turn(1000)
    assert [each.at for each in studio.seen("heartbeat")] == [120, 240, 360]
    assert studio.clock.getDelayedCalls() == []


def test_a_heartbeat_without_an_answer_is_tried_again_before_the_launcher_counts_as_dead() -> None:
    studio = Studio()
    studio.result(studio.launcher.start())
    studio.launcher.keep_alive()
    studio.connection.trouble = [ConnectionResetError(), None]
    studio.turn(400)
    # At 120 s cut off, at 130 s not answered within 10 s.
    assert [each.at for each in studio.seen("heartbeat")] == [150, 270, 390]
    assert [each.answer.code for each in studio.told(What.ALIVE)] == ["NETWORK_ERROR", "NETWORK_ERROR", "", "", ""]


def test_a_launcher_whose_session_is_gone_stops() -> None:
    studio = Studio()
    studio.result(studio.launcher.start())
    studio.launcher.keep_alive()
    studio.standin.mistakes.answers = [(401, error("INVALID_SESSION"))]
    studio.turn(1000)
    assert [each.reaction for each in studio.told(What.ALIVE)] == [Reaction.STOP]


def test_an_end_ends_the_heartbeats() -> None:
    studio = Studio()
    studio.result(studio.launcher.start())
    studio.launcher.keep_alive()
    studio.result(studio.launcher.end())
    studio.turn(1000)
    assert studio.seen("heartbeat") == []


def test_the_wrong_secret_is_told_as_such_and_shown_nowhere() -> None:
    studio = Studio()
    account = Account(LAUNCHER_ID, "another secret")
    answer = studio.result(studio.launcher_of(1, account=account).start())
    assert (answer.status, answer.code) == (401, "INVALID_SIGNATURE")
    assert "another secret" not in repr(account) + repr(studio.steps)
