"""`icafectl branch pc-sync`."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import click
from attrs import asdict

from policy.pc import Resume
from policy.quantities import DAY, Seconds, later
from policy.telling import told_seconds
from radiusd.icafectl import pc_checks, pc_owner
from radiusd.icafectl.branches import anyone_option, checked_networks
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import Declined, composed, examples, given, json_option
from radiusd.icafectl.kinds import NAME, NETWORK, SECONDS, Kind
from radiusd.icafectl.printing import Column, instant, note, print_json, print_record, print_table, say, told_names
from radiusd.icafectl.secrets_in import IN_ARGUMENTS, read_secret
from radiusd.pc_system.values import DEFAULT_PATHS, Access
from radiusd.store import branches, pc_networks, pc_systems

SHAPES = ("short", "signed-body", "webhook", "template")
_LONGEST_KEY = 1000
_LONGEST_OVERLAP = 30 * DAY

_COLUMNS = (
    Column("Branch", "branch"),
    Column("Location id", "location_id"),
    Column("Realm", "realm"),
    Column("PC users", "users"),
    Column("After PC logout", "resume"),
    Column("Older shapes", "shapes", told_names),
    Column("Events go to", "url"),
    Column("Allowed from", "networks", told_names),
    Column("REST API", "api_url"),
    Column("API key", "has_api_key"),
    Column("API paths", "api_paths", lambda paths: told_names(f"{key}={path}" for key, path in paths.items())),
    Column("Since", "created_at", instant),
)
_KEYS = (
    Column("Secrets made", "created_at", instant),
    Column("Retire", "retires_at", instant),
    Column("Valid", "is_valid"),
)


class LocationKind(Kind):
    """What a branch is called in its events."""

    name = "location"
    expected = "a location id: write 1 to 64 letters, digits, dots, dashes and underscores, as in loc_centre"

    def read(self, text: str) -> str | None:
        """The id as it is."""
        return text if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text) else None


class ShapesKind(Kind):
    """Names with commas between them, or none."""

    name = "shapes"
    expected = f"a list of older shapes: write some of {','.join(SHAPES)} with commas between them, or none"

    def read(self, text: str) -> str | None:
        """The names with spaces between them, each once."""
        names = [] if text == "none" else text.split(",")
        return " ".join(dict.fromkeys(names)) if set(names) <= set(SHAPES) else None


class PathKind(Kind):
    """login=/x."""

    name = "path"
    expected = f"a path of the REST API: write its operation ({', '.join(DEFAULT_PATHS)}) and it, as in login=/login"

    def read(self, text: str) -> tuple[str, str] | None:
        """The operation, and its path; an empty one for the usual."""
        operation, equals, path = text.partition("=")
        return (operation, path) if equals and operation in DEFAULT_PATHS else None


_settings = composed(
    click.option("--realm", type=NAME, metavar="REALM", help="Branches of one realm have the same PC users."),
    click.option(
        "--resume",
        type=click.Choice([each.value for each in Resume]),
        help="What a PC logout does to the rest of a pass: only the staff lets the guest in again (never), its clock "
        "stands still until the next PC login (after_pc_login, the default), or it may be used at once (free).",
    ),
    click.option(
        "--shapes",
        type=ShapesKind(),
        metavar="SHAPES",
        help=f"Older forms of the event that are understood too: {', '.join(SHAPES)}; none by default.",
    ),
    click.option("--api-url", metavar="URL", help="Where the PC system answers, as in http://192.168.10.5:8080; none."),
    click.option(
        "--api-path", type=PathKind(), multiple=True, metavar="OPERATION=PATH", help="A path that is not the usual one."
    ),
    click.option("--api-key", metavar="KEY", help=f"Its API key; - reads standard input. {IN_ARGUMENTS}"),
)
_branch_argument = click.argument("name", shell_complete=names_of("branches"))


def _columns(desk: Desk, before: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as columns, the API key sealed. Raises UsageError."""
    columns = {key: settings[key] for key in ("location_id", "realm", "resume", "shapes") if key in settings}
    url = settings.get("api_url", before.get("api_url"))
    if url == "none":
        return {**columns, "api_url": None, "api_paths": "{}", "api_key": None}
    if url is None:
        for key in ("api_path", "api_key"):
            if key in settings:
                raise click.UsageError(f"--{key.replace('_', '-')} goes with --api-url")
        return columns
    paths = _paths(before, settings.get("api_path", ()))
    try:
        Access(branch_id=0, url=url, paths=paths)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if "api_key" in settings:
        columns["api_key"] = pc_systems.sealed_api_key(desk.vault, settings["api_key"])
    return {**columns, "api_url": url, "api_paths": json.dumps(paths)}


def _paths(before: Mapping[str, Any], changed: Sequence[tuple[str, str]]) -> dict[str, str]:
    paths = {**json.loads(before.get("api_paths", "{}")), **dict(changed)}
    return {operation: path for operation, path in paths.items() if path}


def _chosen(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, the API key read."""
    chosen = {key: value for key, value in settings.items() if value not in (None, ())}
    if "api_key" in chosen:
        chosen["api_key"] = read_secret(chosen["api_key"], "--api-key", _LONGEST_KEY)
    return chosen


def _tell_who_may_send(networks: Sequence[str], name: str) -> None:
    if networks:
        say(f"events are taken from {', '.join(networks)}")
    else:
        say(f"no address may send events yet: icafectl branch allow {name} ADDRESS")


@click.group("pc-sync")
def pc_sync() -> None:
    """What a branch's gaming PCs report: log one off, and its guest's WiFi is gone."""


@pc_sync.command(
    "set-up",
    epilog=examples(
        "branch pc-sync set-up Centre --allow 203.0.113.7",
        "branch pc-sync set-up Centre --resume free --api-url http://192.168.10.5:8080 --api-key - < key.txt",
    ),
)
@_branch_argument
@click.option("--location-id", type=LocationKind(), metavar="ID", help="What its events call the branch; else made up.")
@click.option("--allow", type=NETWORK, multiple=True, metavar="NETWORK", help="Where its events may come from.")
@anyone_option
@_settings
@json_option
@pass_desk
def set_up(desk: Desk, /, name: str, allow: Sequence[str], anyone: bool, as_json: bool, **settings: Any) -> None:
    """Make the secrets of a branch's PC system, and print what its owner must enter. They are shown only this once."""
    networks = checked_networks(allow, anyone=anyone)
    chosen, at = _chosen(settings), desk.now()
    with desk.writing() as connection:
        branch = branches.find(connection, name)
        issued = pc_systems.set_up(connection, desk.vault, branch, _columns(desk, {}, chosen), at)
        allowed = pc_networks.allow(connection, branch, networks, at)
    pc_owner.hand_over(issued, desk.config, at, as_json=as_json)
    if not as_json:
        _tell_who_may_send(allowed, name)


@pc_sync.command(epilog=examples("branch pc-sync rotate Centre", "branch pc-sync rotate Centre --overlap 0"))
@_branch_argument
@click.option(
    "--overlap",
    type=SECONDS,
    default="24h",
    show_default=True,
    metavar="TIME",
    help="How long the former secrets stay valid; 0 if they leaked.",
)
@json_option
@pass_desk
def rotate(desk: Desk, name: str, overlap: Seconds, as_json: bool) -> None:
    """Make new secrets, and print what the owner of the PC system must enter. The former ones are valid for a while."""
    if overlap > _LONGEST_OVERLAP:
        raise click.UsageError(f"--overlap may be {told_seconds(_LONGEST_OVERLAP)} at most, as in --overlap 24h")
    at = desk.now()
    with desk.writing() as connection:
        branch = branches.find(connection, name)
        issued = pc_systems.rotate(connection, desk.vault, branch, later(at, overlap), at)
        allowed = pc_networks.networks_of(connection, branch["id"])
    pc_owner.hand_over(issued, desk.config, at, as_json=as_json)
    if not as_json:
        _tell_who_may_send(allowed, name)
        say(f"the former ones are valid until {instant(later(at, overlap))}" if overlap else "the former ones are void")


@pc_sync.command(
    "set",
    epilog=examples(
        "branch pc-sync set Centre --resume never",
        "branch pc-sync set Centre --api-url http://192.168.10.5:8080 --api-path login=/login",
    ),
)
@_branch_argument
@_settings
@pass_desk
def set_(desk: Desk, /, name: str, **settings: Any) -> None:
    """Change what was agreed with a branch's PC system; its secrets stay."""
    chosen = given(**_chosen(settings))
    with desk.writing() as connection:
        branch = branches.find(connection, name)
        before = pc_systems.find(connection, branch)
        left_behind = pc_systems.change(connection, branch, _columns(desk, dict(before), chosen))
    say(f"the PC system of branch {name} changed")
    if left_behind:
        note(
            f"{left_behind} PC users are known under realm {before['realm']} and not here: tie them anew with "
            "icafectl account set NAME --pc-user USER"
        )


@pc_sync.command(epilog=examples("branch pc-sync show Centre"))
@_branch_argument
@json_option
@pass_desk
def show(desk: Desk, name: str, as_json: bool) -> None:
    """Show what was agreed with a branch's PC system; its secrets are not shown."""
    with desk.reading() as connection:
        branch = branches.find(connection, name)
        found = pc_systems.show(connection, branch, desk.now())
        found["networks"] = pc_networks.networks_of(connection, branch["id"])
    found["url"] = pc_owner.event_url(desk.config)
    if as_json:
        print_json(found)
        return
    print_record(found, _COLUMNS)
    say("")
    print_table(found["keys"], _KEYS)


@pc_sync.command(epilog=examples("branch pc-sync remove Centre"))
@_branch_argument
@pass_desk
def remove(desk: Desk, name: str) -> None:
    """Take no more events from a branch's PC system. What it reported stays, and so do its PC users in their realm."""
    with desk.writing() as connection:
        branch = branches.find(connection, name)
        realm = pc_systems.find(connection, branch)["realm"]
        pc_systems.remove(connection, branch)
    say(f"branch {name} has no PC system any more; its PC users are those of realm {realm}, if it gets one again")


@pc_sync.command(epilog=examples("branch pc-sync test Centre", "branch pc-sync test Centre --json"))
@_branch_argument
@json_option
@pass_desk
def test(desk: Desk, name: str, as_json: bool) -> None:
    """Check all that a PC logout needs, line by line, with what to do. Exit status 1 if anything is wrong."""
    at = desk.now()
    with desk.reading() as connection:
        branch = branches.find(connection, name)
        system = pc_systems.find(connection, branch)
        found = pc_checks.stored(connection, desk.vault, desk.config, branch, at)
    found.append(pc_checks.rest_api(system["api_url"], name))
    wrong = [each for each in found if not each.is_ok]
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        for each in found:
            say(f"[{'ok' if each.is_ok else '!!'}] {each.text}", *(f"     {line}" for line in each.advice))
    if wrong:
        raise Declined(f"{len(wrong)} of {len(found)} things are wrong at branch {name}")
