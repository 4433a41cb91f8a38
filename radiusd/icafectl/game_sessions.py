"""`icafectl game sessions` and `icafectl game session`."""

import click

from policy.telling import told_seconds
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import examples, json_option, limit_option
from radiusd.icafectl.printing import Column, instant, plain, print_json, print_list, print_record, print_table, say
from radiusd.store import branches, game_lists, games
from radiusd.store.errors import NotFound


def _told_some(seconds: int) -> str:
    return told_seconds(seconds) if seconds else plain(None)


_COLUMNS = (
    Column("Session", "id"),
    Column("Game", "game"),
    Column("Branch", "branch"),
    Column("PC", "internal_ip"),
    Column("Player", "provider_user_id"),
    Column("Phase", "phase"),
    Column("Since", "started_at", instant),
    Column("Played", "play_seconds", told_seconds),
    Column("Unbilled", "unbilled_seconds", _told_some),
    Column("Ended", "ended_at", instant),
    Column("Ended by", "end"),
    Column("Charge", "charge"),
)
_DETAILS = (
    *_COLUMNS[:3],
    Column("Launcher", "launcher"),
    Column("PC", "pc"),
    Column("Its address", "internal_ip"),
    Column("PC user", "pc_user_id"),
    *_COLUMNS[4:7],
    Column("Last heartbeat", "last_heartbeat_at", instant),
    Column("Launcher seen", "launcher_seen_at", instant),
    *_COLUMNS[7:11],
    Column("By the game's own clock", "client_seconds", lambda value: plain(None) if value is None else f"{value} s"),
    Column("Out of money since", "unpaid_at", instant),
    Column("Not known to be paid since", "unrenewed_at", instant),
    Column("Charge", "charge"),
)
_STOPS = (
    Column("Stop of the charge ordered", "created_at", instant),
    Column("Attempts", "attempts"),
    Column("Next", "due_at", instant),
    Column("Acknowledged", "done_at", instant),
)


@click.command(epilog=examples("game sessions --live", "game sessions --game 'Sky Race' --branch Centre --json"))
@click.option("--game", metavar="NAME", shell_complete=names_of("games"), help="Only those of this game.")
@click.option("--branch", metavar="NAME", shell_complete=names_of("branches"), help="Only those at this branch.")
@click.option("--live", is_flag=True, help="Only those that are being played.")
@limit_option
@json_option
@pass_desk
def sessions(desk: Desk, game: str | None, branch: str | None, live: bool, limit: int, as_json: bool) -> None:
    """List game sessions, the newest first: who plays where since when, and whether the charge is stopped."""
    with desk.reading() as connection:
        wanted = game_lists.Wanted(
            game_id=None if game is None else games.find(connection, game)["id"],
            branch_id=None if branch is None else branches.find(connection, branch)["id"],
            is_live=live,
        )
        found = game_lists.list_game_sessions(connection, wanted, limit + 1, desk.now())
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)


@click.group()
def session() -> None:
    """One game session."""


@session.command(epilog=examples("game session show gs_0b6c6d0e-3c7e-4f0e-9f0d-0a9a2f1f4b52"))
@click.argument("id_", metavar="ID")
@json_option
@pass_desk
def show(desk: Desk, id_: str, as_json: bool) -> None:
    """Show one game session, and what became of its charge."""
    with desk.reading() as connection:
        found = game_lists.list_game_sessions(connection, game_lists.Wanted(session_id=id_), 1, desk.now())
    if not found:
        raise NotFound(f"there is no game session {id_!r}: `icafectl game sessions` shows those there are")
    if as_json:
        print_json(found[0])
        return
    print_record(found[0], _DETAILS)
    if found[0]["charge_stop"] is not None:
        say("")
        print_table([found[0]["charge_stop"]], _STOPS)
