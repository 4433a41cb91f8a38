"""`icafectl game`."""

import re
from typing import Any
from urllib.parse import urlsplit

import click

from policy.quantities import DAY, Seconds, later
from policy.telling import told_seconds
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.game_owner import hand_over
from radiusd.icafectl.grammar import composed, examples, given, json_option, limit_option
from radiusd.icafectl.kinds import NAME, PRICE, SECONDS, Kind, is_text
from radiusd.icafectl.printing import (
    Column,
    instant,
    note,
    print_json,
    print_list,
    print_record,
    print_table,
    say,
)
from radiusd.store import game_lists, games

_LONGEST_OVERLAP = 30 * DAY
_LONGEST_URL = 500

_COLUMNS = (
    Column("Name", "name"),
    Column("Id", "id"),
    Column("Provider", "provider"),
    Column("Place", "place_id"),
    Column("Rate", "rate"),
    Column("for each", "period", told_seconds),
    Column("Active", "is_active"),
    Column("Playing", "playing"),
    Column("Since", "created_at", instant),
)
_DETAILS = (*_COLUMNS[:4], Column("Image", "image_url"), *_COLUMNS[4:])
_KEYS = (
    Column("Key made", "created_at", instant),
    Column("Retires", "retires_at", instant),
    Column("Valid", "is_valid"),
)


class PlaceKind(Kind):
    """What the provider calls a game."""

    name = "place"
    expected = "a place id: write 1 to 20 digits, as in 1818 (the number in the address of the game's page)"

    def read(self, text: str) -> str | None:
        """The id as it is."""
        return text if re.fullmatch(r"[0-9]{1,20}", text, re.ASCII) else None


class UrlKind(Kind):
    """Where an image is."""

    name = "url"
    expected = "an address of an image: write it whole, as in https://studio.example/sky.png, or none"

    def read(self, text: str) -> str | None:
        """The address as it is."""
        return text if text == "none" or _is_url(text) else None


def _is_url(text: str) -> bool:
    if not is_text(text, _LONGEST_URL) or re.search(r"\s", text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


_settings = composed(
    click.option(
        "--provider", type=click.Choice(["roblox"]), help="On whose platform it is played (roblox by default)."
    ),
    click.option("--place-id", type=PlaceKind(), metavar="ID", help="What the provider calls it."),
    click.option("--image-url", type=UrlKind(), metavar="URL", help="What launchers show of it; none."),
    click.option(
        "--rate", type=PRICE, metavar="N", help="What a café's wallet pays for each begun period (0 by default)."
    ),
    click.option("--period", type=SECONDS, metavar="TIME", help="How long a period is, 1s to 24h (60s by default)."),
)
_game_argument = click.argument("name", shell_complete=names_of("games"))


def _columns(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as columns; raises UsageError."""
    columns = {key: value for key, value in settings.items() if value is not None}
    if columns.get("image_url") == "none":
        columns["image_url"] = None
    if not 1 <= columns.get("period", 1) <= DAY:
        raise click.UsageError("--period must be 1 second to 24 hours, as in --period 60s")
    return columns


def _told_price(rate: int, period: int) -> str:
    return f"{rate} for each begun {told_seconds(period)}" if rate else "nothing"


@click.group()
def game() -> None:
    """The studios' games that are played at the cafés, and who plays them."""


@game.command(
    epilog=examples(
        "game add 'Sky Race' --place-id 1818 --rate 5 --period 60s",
        "game add Maze --place-id 4483381587 --image-url https://studio.example/maze.png --json",
    )
)
@click.argument("name", type=NAME)
@_settings
@json_option
@pass_desk
def add(desk: Desk, /, name: str, as_json: bool, **settings: Any) -> None:
    """Add a game, and print the key its servers must send. It is shown only this once."""
    if settings["place_id"] is None:
        raise click.UsageError("--place-id is missing: say what the provider calls the game, as in --place-id 1818")
    columns = {"provider": "roblox", "rate": 0, "period": 60, **_columns(settings)}
    with desk.writing() as connection:
        key = games.add(connection, name, columns, desk.now())
        game_id = games.find(connection, name)["id"]
    if not as_json:
        say(f"game {name} added; playing it costs a café {_told_price(columns['rate'], columns['period'])}")
    _hand_over_key(desk, name, game_id, key, as_json=as_json)


def _hand_over_key(desk: Desk, name: str, game_id: int, key: str, *, as_json: bool) -> None:
    told = {"game": name, "game_id": str(game_id), "api_key": key} if as_json else {"X-Api-Key": key}
    hand_over("the game's servers", told, desk.config, as_json=as_json)


@game.command(
    "set", epilog=examples("game set 'Sky Race' --rate 6", "game set Maze --place-id 4483381588 --image-url none")
)
@_game_argument
@_settings
@pass_desk
def set_(desk: Desk, /, name: str, **settings: Any) -> None:
    """Change a game; its keys stay."""
    columns = _columns(given(**settings))
    with desk.writing() as connection:
        games.change(connection, name, columns)
        found = game_lists.list_games(connection, 1, name)[0]
    say(f"game {name} changed; playing it costs a café {_told_price(found['rate'], found['period'])}")


@game.command("list", epilog=examples("game list", "game list --json"))
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, limit: int, as_json: bool) -> None:
    """List the games, and how many sessions of each are live."""
    with desk.reading() as connection:
        found = game_lists.list_games(connection, limit + 1)
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)


@game.command(epilog=examples("game show 'Sky Race'"))
@_game_argument
@json_option
@pass_desk
def show(desk: Desk, name: str, as_json: bool) -> None:
    """Show one game, and since when its keys are valid; the keys themselves nobody can show."""
    with desk.reading() as connection:
        found = game_lists.show_game(connection, games.find(connection, name), desk.now())
    if as_json:
        print_json(found)
        return
    print_record(found, _DETAILS)
    say("")
    print_table(found["keys"], _KEYS)


@game.command(epilog=examples("game stop 'Sky Race'"))
@_game_argument
@pass_desk
def stop(desk: Desk, name: str) -> None:
    """Refuse a game's keys, and start it no more from any launcher. What is being played ends within four minutes."""
    with desk.writing() as connection:
        is_new = games.set_active(connection, name, is_active=False)
        playing = game_lists.list_games(connection, 1, name)[0]["playing"]
    say(f"game {name} is stopped: its keys are refused" if is_new else f"game {name} was stopped already")
    if playing:
        note(f"who plays it now ({playing}) is through within 4 min: its heartbeats are refused as well")


@game.command(epilog=examples("game start 'Sky Race'"))
@_game_argument
@pass_desk
def start(desk: Desk, name: str) -> None:
    """Let a game that was stopped be played again."""
    with desk.writing() as connection:
        is_new = games.set_active(connection, name, is_active=True)
    say(f"game {name} may be played again" if is_new else f"game {name} was not stopped")


@game.group()
def key() -> None:
    """The keys of a game's servers."""


@key.command(epilog=examples("game key rotate 'Sky Race'", "game key rotate 'Sky Race' --overlap 0"))
@_game_argument
@click.option(
    "--overlap",
    type=SECONDS,
    default="24h",
    show_default=True,
    metavar="TIME",
    help="How long the former key stays valid; 0 if it leaked.",
)
@json_option
@pass_desk
def rotate(desk: Desk, name: str, overlap: Seconds, as_json: bool) -> None:
    """Make a new key for a game's servers, and print it. The former one is valid for a while."""
    if overlap > _LONGEST_OVERLAP:
        raise click.UsageError(f"--overlap may be {told_seconds(_LONGEST_OVERLAP)} at most, as in --overlap 24h")
    at = desk.now()
    with desk.writing() as connection:
        made = games.rotate_key(connection, name, later(at, overlap), at)
        game_id = games.find(connection, name)["id"]
    _hand_over_key(desk, name, game_id, made, as_json=as_json)
    if not as_json:
        say(f"the former key is valid until {instant(later(at, overlap))}" if overlap else "the former keys are void")
