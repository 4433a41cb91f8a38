"""One guest's game, told in plain words, and the lines for a shell."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from radiusd.virtual_playwave import curl
from radiusd.virtual_playwave.cli import main
from radiusd.virtual_playwave.launcher import signature
from radiusd.virtual_playwave.play import Play
from radiusd.virtual_playwave.settings import Settings, SettingsError, read
from radiusd.virtual_playwave.telling import tell
from tests.virtual_playwave.given import Studio
from tests.virtual_playwave.standin import GAME_ID, KEY, LAUNCHER_ID, SECRET, error

GOOD = {
    "server": "http://127.0.0.1:8080",
    "launcher_id": LAUNCHER_ID,
    "launcher_secret": "s3cret",
    "api_key": "k3y",
    "game_id": GAME_ID,
}


class Game(Studio):
    """One guest for three minutes."""

    def __init__(self, game_id: str = GAME_ID) -> None:
        super().__init__()
        self.said: list[str] = []
        self.play = Play(self.clock, self.launcher, self.server, game_id, "1234567", 180, self.said.append)

    def went_well(self, seconds: float = 200) -> bool:
        return self.result(self.play.run(), seconds)

    @property
    def words(self) -> str:
        return "\n".join([*self.said, *map(tell, self.steps)])


def test_a_game_goes_from_the_launchers_start_to_its_end() -> None:
    game = Game()
    assert game.went_well()
    assert [each.path.removeprefix("/v1/") for each in game.standin.seen] == [
        "launcher/session/start",
        "launcher/ott",
        "game/session/verify",
        "launcher/session/heartbeat",
        "game/session/heartbeat",
        "game/session/end",
        "launcher/session/end",
    ]
    assert game.standin.how() == {"end": 1}
    assert game.clock.getDelayedCalls() == []


def test_it_is_told_in_plain_words() -> None:
    game = Game()
    game.went_well()
    for words in (
        "this is a café's PC; 1 game to choose from",
        "the guest picks Towers",
        "good for 60 s",
        "lets the player in as a café's guest",
        "OK: 120 s played",
        "SUCCESS: 180 s played, as the server counts it; we counted 180 s",
    ):
        assert words in game.words


def test_no_secret_and_no_whole_token_is_told() -> None:
    game = Game()
    game.went_well()
    (ott,) = game.standin.otts
    token = game.steps[0].answer.text("session_token")
    for secret in (ott, SECRET, KEY, token):
        assert secret not in game.words


def test_a_game_that_is_not_listed_is_not_played() -> None:
    game = Game("8")
    assert not game.went_well()
    assert "there is no game 8 for this café, only: 7 (Towers)" in game.words
    assert game.seen("launcher/session/end")


def test_a_launcher_that_is_not_let_in_says_what_to_look_at() -> None:
    game = Game()
    game.standin.mistakes.answers = [(403, error("NOT_PC_CAFE"))]
    assert not game.went_well()
    assert "this address is not one of a café" in game.words
    assert len(game.standin.seen) == 1


def test_a_server_that_is_not_there_is_told_as_such() -> None:
    game = Game()
    game.connection.trouble = [ConnectionRefusedError()]
    assert not game.went_well()
    assert "no answer (ConnectionRefusedError): does the server run" in game.words


def test_a_game_that_cannot_be_paid_did_not_go_well() -> None:
    game = Game()
    game.standin.is_chargeable = False
    assert not game.went_well()
    assert "NOT_CHARGEABLE, the café cannot pay for it" in game.words
    assert game.seen("launcher/session/end")


def test_a_game_that_ends_by_itself_did_not_go_well_and_nobody_waits_for_the_rest() -> None:
    game = Game()
    game.standin.mistakes.ends_after = 60
    assert not game.went_well(121)
    assert "410 SESSION_ENDED: the session is over; game server kicks the player" in game.words
    assert not game.seen("game/session/end")
    assert game.clock.getDelayedCalls() == []


def test_a_charge_that_is_used_up_did_not_go_well() -> None:
    game = Game()
    game.standin.charge = lambda _: False
    assert not game.went_well()
    assert "CHARGE_EXHAUSTED" in game.words


# Settings and commands


def test_settings_are_read_and_their_secrets_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "play.json"
    file.write_text(json.dumps({**GOOD, "more": 1}))
    assert read(file) == Settings(**GOOD)
    assert "s3cret" not in repr(read(file))
    assert "k3y" not in repr(read(file))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("k3y", "it is not JSON"),
        ("{}", "server"),
        (json.dumps({**GOOD, "server": "http://127.0.0.1:8080/v1"}), "server"),
        (json.dumps({**GOOD, "api_key": ["k3y"]}), "api_key"),
        (json.dumps({**GOOD, "launcher_secret": ""}), "launcher_secret"),
    ],
)
def test_settings_that_are_wrong_say_where_and_repeat_no_secret(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "play.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words) as told:
        read(file)
    assert "k3y" not in str(told.value)
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    ("server", "words"),
    [("http://8.8.8.8:80", "no private address"), ("http://play.example.com", "no private"), ("127.0.0.1", "takes")],
)
def test_only_servers_of_ones_own_are_played_against(server: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "play.json"
    file.write_text(json.dumps(GOOD))
    found = CliRunner().invoke(main, ["play", "--settings", str(file), "--server", server])
    assert found.exit_code == 2
    assert words in found.output


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    found = CliRunner().invoke(main, ["play", "--settings", str(tmp_path / "none.json")])
    assert found.exit_code == 2
    assert "cannot read" in found.output


def test_the_lines_for_a_shell_hold_no_secret_and_every_path(tmp_path: Path) -> None:
    file = tmp_path / "it's.json"
    file.write_text(json.dumps(GOOD))
    found = CliRunner().invoke(main, ["curl", "--settings", str(file), "--server", "http://localhost:99"])
    assert found.exit_code == 0
    for secret in ("s3cret", "k3y"):
        assert secret not in found.output
    for path in ("launcher/session/start", "launcher/ott", "game/session/verify", "launcher/session/heartbeat",
                 "game/session/heartbeat", "game/session/end", "launcher/session/end"):  # fmt: skip
        assert f"/v1/{path}" in found.output
    assert "SERVER=http://localhost:99\n" in found.output


def test_the_lines_for_a_shell_sign_as_the_launcher_does(tmp_path: Path) -> None:
    file = tmp_path / "it's.json"
    file.write_text(json.dumps(GOOD))
    text = curl.lines(Settings(**GOOD), file)
    functions = text[: text.index("# 1.")]
    call = "sign POST /v1/launcher/session/start 1771237800 00ff '{}'"
    ran = subprocess.run(["sh", "-euc", functions + call], capture_output=True, text=True, check=True)
    path = "/v1/launcher/session/start"
    assert ran.stdout.strip() == signature("s3cret", "POST", path, "1771237800", "00ff", b"{}")
