"""Studios' games and the keys of their servers."""

from typing import Any

import pytest

from policy.quantities import Instant
from radiusd.store import directory
from radiusd.store.database import Database
from radiusd.store.game_directory import Games
from radiusd.store.pc_directory import hash_token
from radiusd.vault import Vault, read_key_file
from tests.icafectl.counter import Counter


def add(counter: Counter, name: str = "Sky", *options: str) -> str:
    """The game's first key."""
    key: str = counter.read("game", "add", name, "--place-id", "1818", *options)["api_key"]
    return key


def known(counter: Counter) -> Games:
    """What a server has in memory."""
    database = Database(counter.database_url)
    with database.reading() as connection:
        found = directory.load(connection, Vault(read_key_file(counter.folder / "key")))
    database.close()
    return found.games


def revision(counter: Counter) -> int:
    database = Database(counter.database_url)
    with database.reading() as connection:
        number: int = connection.exec_driver_sql("SELECT number FROM revisions").scalar_one()
    database.close()
    return number


def opens(counter: Counter, key: str, seconds_later: float = 0) -> bool:
    """Whether a key is valid then."""
    found = known(counter).keys.get(hash_token(key))
    return found is not None and found.is_valid(Instant(counter.at + int(seconds_later * 1000)))


def test_the_key_that_is_printed_is_the_one_the_server_knows(counter: Counter) -> None:
    key = add(counter, "Sky", "--rate", "5", "--period", "90", "--image-url", "https://studio.example/a.png")
    (game,) = known(counter).games.values()
    assert key.startswith("pw_")
    assert known(counter).keys[hash_token(key)].game_id == game.id
    assert (game.name, game.provider, game.place_id, game.rate, game.period) == ("Sky", "roblox", "1818", 5, 90)
    assert (game.image_url, game.is_active) == ("https://studio.example/a.png", True)


def test_the_key_is_shown_once_and_nowhere_else(counter: Counter) -> None:
    key = add(counter)
    counter.printed = ""
    for words in (["game", "list"], ["game", "show", "Sky"], ["game", "show", "Sky", "--json"]):
        counter.run(*words)
    assert key not in counter.printed
    database = Database(counter.database_url)
    with database.reading() as connection:
        stored = connection.exec_driver_sql("SELECT key_hash FROM game_keys").scalar_one()
    database.close()
    assert bytes(stored) == hash_token(key)


def test_what_the_studio_must_enter_is_printed_for_people_too(counter: Counter) -> None:
    shown = counter.run("game", "add", "Sky Race", "--place-id", "1818", "--rate", "5")
    for told in ("costs a café 5 for each begun 1 min", "shown only this once", "X-Api-Key: pw_", "/v1"):
        assert told in shown


def test_a_game_without_a_rate_costs_nothing_and_is_told_so(counter: Counter) -> None:
    assert "costs a café nothing" in counter.run("game", "add", "Sky", "--place-id", "1")


def test_two_games_cannot_have_one_name(counter: Counter) -> None:
    add(counter)
    assert "'Sky' is there already" in counter.run("game", "add", "Sky", "--place-id", "2", status=1)
    assert len(known(counter).keys) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--place-id is missing"),
        (("--place-id", "sky"), "1 to 20 digits"),
        (("--place-id", "1", "--period", "0"), "1 second to 24 hours"),
        (("--place-id", "1", "--period", "86401"), "1 second to 24 hours"),
        (("--place-id", "1", "--rate", "-1"), "is not a price"),
        (("--place-id", "1", "--image-url", "studio.example/a.png"), "write it whole"),
        (("--place-id", "1", "--image-url", "https:///a.png"), "write it whole"),
        (("--place-id", "1", "--image-url", "javascript:alert(1)"), "write it whole"),
        (("--place-id", "1", "--image-url", "https://studio.example/a b"), "write it whole"),
        (("--place-id", "1", "--provider", "steam"), "roblox"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write(counter: Counter, options: tuple[str, ...], told: str) -> None:
    assert told in counter.run("game", "add", "Sky", *options, status=2)
    assert known(counter).games == {}


def test_settings_are_changed_one_by_one(counter: Counter) -> None:
    key = add(counter, "Sky", "--rate", "5", "--image-url", "https://studio.example/a.png")
    shown = counter.run("game", "set", "Sky", "--rate", "7", "--period", "2m")
    assert "7 for each begun 2 min" in shown
    counter.run("game", "set", "Sky", "--place-id", "99", "--image-url", "none")
    (game,) = known(counter).games.values()
    assert (game.place_id, game.image_url, game.rate, game.period) == ("99", None, 7, 120)
    assert opens(counter, key)


def test_a_change_of_nothing_says_so(counter: Counter) -> None:
    add(counter)
    assert "give at least one option" in counter.run("game", "set", "Sky", status=2)


def test_after_a_rotation_two_keys_are_valid_until_the_overlap_is_over(counter: Counter) -> None:
    old = add(counter)
    new = counter.read("game", "key", "rotate", "Sky", "--overlap", "2h")["api_key"]
    assert opens(counter, old, 7199.999)
    assert not opens(counter, old, 7200)
    assert opens(counter, new)
    assert opens(counter, new, 10**6)


def test_a_key_that_leaked_is_void_at_once(counter: Counter) -> None:
    old = add(counter)
    shown = counter.run("game", "key", "rotate", "Sky", "--overlap", "0")
    assert "the former keys are void" in shown
    assert not opens(counter, old)


def test_a_rotation_touches_no_other_game(counter: Counter) -> None:
    add(counter)
    other = add(counter, "Maze")
    counter.run("game", "key", "rotate", "Sky", "--overlap", "0")
    assert opens(counter, other)


def test_an_earlier_end_is_kept_and_keys_that_retired_are_forgotten(counter: Counter) -> None:
    first = add(counter)
    counter.run("game", "key", "rotate", "Sky", "--overlap", "1h")
    counter.run("game", "key", "rotate", "Sky", "--overlap", "24h")
    assert not opens(counter, first, 3600)
    assert len(known(counter).keys) == 3
    counter.pass_time(3600)
    counter.run("game", "key", "rotate", "Sky")
    assert len(known(counter).keys) == 3


def test_an_overlap_is_for_the_change_only(counter: Counter) -> None:
    add(counter)
    assert "30 d at most" in counter.run("game", "key", "rotate", "Sky", "--overlap", "31d", status=2)
    assert len(known(counter).keys) == 1


def test_a_game_is_stopped_and_started(counter: Counter) -> None:
    add(counter)
    assert "its keys are refused" in counter.run("game", "stop", "Sky")
    assert "stopped already" in counter.run("game", "stop", "Sky")
    assert [each.is_active for each in known(counter).games.values()] == [False]
    assert "may be played again" in counter.run("game", "start", "Sky")
    assert "was not stopped" in counter.run("game", "start", "Sky")
    assert [each.is_active for each in known(counter).games.values()] == [True]


def test_a_server_is_told_of_every_change(counter: Counter) -> None:
    for words in (
        ["add", "Sky", "--place-id", "1"],
        ["set", "Sky", "--rate", "2"],
        ["key", "rotate", "Sky"],
        ["stop", "Sky"],
        ["start", "Sky"],
    ):
        before = revision(counter)
        counter.run("game", *words)
        assert revision(counter) > before, words


@pytest.mark.parametrize(
    "words", [["show"], ["stop"], ["start"], ["set", "--rate", "1"], ["key", "rotate"]], ids=" ".join
)
def test_a_game_that_is_not_there_is_told_with_what_there_is(counter: Counter, words: list[str]) -> None:
    add(counter, "Maze")
    shown = counter.run("game", *words, "Mazze", status=1)
    assert "there is no game 'Mazze': did you mean Maze?" in shown


def test_games_are_listed_by_name_and_shown_with_their_keys(counter: Counter) -> None:
    add(counter)
    add(counter, "Maze")
    counter.run("game", "key", "rotate", "Sky", "--overlap", "1h")
    listed: list[dict[str, Any]] = counter.read("game", "list")
    assert [each["name"] for each in listed] == ["Maze", "Sky"]
    assert [each["playing"] for each in listed] == [0, 0]
    keys = counter.read("game", "show", "Sky")["keys"]
    assert [(each["retires_at"], each["is_valid"]) for each in keys] == [
        (None, True),
        ("2026-11-21T13:00:00.000Z", True),
    ]
    counter.pass_time(3600)
    assert [each["is_valid"] for each in counter.read("game", "show", "Sky")["keys"]] == [True, False]
    shown = counter.run("game", "show", "Sky")
    assert "1818" in shown
    assert "2026-11-21 13:00:00 UTC" in shown


def test_without_a_web_root_it_is_told_what_is_missing(counter: Counter) -> None:
    text = counter.config.read_text()
    counter.config.write_text(f'[server]\nweb = ""\n{text}')
    assert "set web in [server]" in counter.run("game", "add", "Sky", "--place-id", "1")
    counter.config.write_text(f'[server]\nweb = "10.0.0.5:8080"\n[web]\npublic_url = "https://play.example"\n{text}')
    assert counter.read("game", "key", "rotate", "Sky")["url"] == "https://play.example/v1"
