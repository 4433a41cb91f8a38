"""`icafectl wallet`."""

import re

import click

from policy.quantities import Money
from radiusd.charging.wallet import MOST, top_up, wallet_of
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import examples, json_option, limit_option
from radiusd.icafectl.kinds import NAME, REASON, Kind
from radiusd.icafectl.printing import Column, instant, note, print_json, print_list, print_record, say
from radiusd.store import branches, revisions, wallet_list

_COLUMNS = (
    Column("Branch", "branch"),
    Column("Balance", "balance"),
    Column("Movements", "movements"),
    Column("Last booked", "booked_at", instant),
)
_MOVEMENTS = (
    Column("No.", "number"),
    Column("At", "at", instant),
    Column("Amount", "amount", lambda amount: f"{amount:+}"),
    Column("Balance", "balance"),
    Column("For", "text"),
    Column("Key", "key"),
)


class AmountKind(Kind):
    """5000, 5_000, -200."""

    name = "amount"
    expected = (
        f"an amount: write whole units from 1 to {MOST:_}, as in 5000 or 5_000; to take them off, as in -- -200 at the "
        "end of the line"
    )

    def read(self, text: str) -> Money | None:
        """Whole units, below 0 to take them off."""
        if not re.fullmatch(r"-?(?:[0-9]{1,16}|[0-9]{1,3}(?:_[0-9]{3}){1,5})", text, re.ASCII):
            return None
        amount = int(text)
        return Money(amount) if 0 < abs(amount) <= MOST else None


_branch_argument = click.argument("branch", shell_complete=names_of("branches"))


@click.group()
def wallet() -> None:
    """What cafés have left to pay for games with, in whole units."""


def _tell_if_unused(desk: Desk) -> None:
    partner = desk.config.games.partner_url
    if partner:
        note(f"games are charged at {partner}, not on this wallet: see partner_url in [games] of {desk.config.path}")


@wallet.command(epilog=examples("wallet show Centre"))
@_branch_argument
@json_option
@pass_desk
def show(desk: Desk, branch: str, as_json: bool) -> None:
    """Show what is left on a branch's wallet."""
    with desk.reading() as connection:
        account = wallet_of(branches.find(connection, branch)["id"])
        found = {"branch": branch, **wallet_list.show_wallet(connection, account)}
    if as_json:
        print_json(found)
    else:
        print_record(found, _COLUMNS)
    _tell_if_unused(desk)


@wallet.command(
    "top-up",
    epilog=examples(
        "wallet top-up Centre 50000 --key receipt-2026-117",
        "wallet top-up Centre --key receipt-2026-117-corrected --text 'a digit too many' -- -45000",
    ),
)
@_branch_argument
@click.argument("amount", type=AmountKind())
@click.option(
    "--key",
    type=NAME,
    required=True,
    metavar="KEY",
    help="What this top-up is known by, as the number of its receipt: one that is repeated is booked once.",
)
@click.option("--text", type=REASON, default="top-up", show_default=True, help="What the history says of it.")
@json_option
@pass_desk
def top_up_(desk: Desk, branch: str, amount: Money, key: str, text: str, as_json: bool) -> None:
    """Put units on a branch's wallet; it never falls below 0. What was booked stays: correct it by another top-up."""
    with desk.writing() as connection:
        branch_id = branches.find(connection, branch)["id"]
        is_new = top_up(connection, branch_id, amount, key, text, desk.now())
        if is_new:
            revisions.announce(connection)
        found = wallet_list.show_wallet(connection, wallet_of(branch_id))
    if as_json:
        print_json({"branch": branch, "key": key, "amount": amount, "is_new": is_new, "balance": found["balance"]})
    elif is_new:
        done = f"{amount} put on" if amount > 0 else f"{-amount} taken off"
        say(f"{done} the wallet of branch {branch}: {found['balance']} left")
    else:
        say(f"{key} was booked already, so nothing was done: {found['balance']} left at branch {branch}")
    _tell_if_unused(desk)


@wallet.command(epilog=examples("wallet history Centre", "wallet history Centre --limit 1000 --json"))
@_branch_argument
@limit_option
@json_option
@pass_desk
def history(desk: Desk, branch: str, limit: int, as_json: bool) -> None:
    """List what was put on a branch's wallet and taken off it, the latest first."""
    with desk.reading() as connection:
        account = wallet_of(branches.find(connection, branch)["id"])
        found = wallet_list.list_movements(connection, account, limit + 1)
    print_list(found, _MOVEMENTS, as_json=as_json, limit=limit)
