"""`icafectl voucher`."""

from collections.abc import Iterator

import click
from rich.console import Console
from rich.progress import Progress

from radiusd.icafectl.branches import branch_option, branch_or_only
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import examples, json_option, limit_option
from radiusd.icafectl.printing import Column, instant, note, print_json, print_list, say
from radiusd.store import directory, listings, packages, vouchers

# A server beside us waits for one transaction at most, and a thousand vouchers take a tenth of a second.
_AT_ONCE = 1000

_COLUMNS = (
    Column("Code", "code"),
    Column("Package", "package"),
    Column("Branch", "branch"),
    Column("Pass", "pass_id"),
    Column("Sold", "sold_at", instant),
    Column("First login", "first_login_at", instant),
    Column("Open", "is_open"),
    Column("Blocked", "is_blocked"),
)


@click.group()
def voucher() -> None:
    """Codes that log in as user name."""


@voucher.command(
    epilog=examples("voucher create --package '3 hours' --count 10", "voucher create --package Day --count 5000 --json")
)
@click.option("--package", metavar="NAME", required=True, shell_complete=names_of("packages"), help="What is sold.")
@click.option("--count", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="How many.")
@branch_option
@json_option
@pass_desk
def create(desk: Desk, package: str, count: int, branch: str | None, as_json: bool) -> None:
    """Make vouchers and print their codes: user name, with no password or the code again.

    They are made a thousand at a time; each that is printed is good, also when the rest could not be made.
    """
    made: list[str] = []
    try:
        for codes in _made(desk, package, count, branch):
            made += codes
            if not as_json:
                say(*codes)
    finally:
        if as_json and made:
            print_json([{"code": code, "package": package} for code in made])
        if made and len(made) < count:
            note(f"stopped after {len(made)} of {count}; those printed are good")


def _made(desk: Desk, package: str, count: int, branch: str | None) -> Iterator[list[str]]:
    console = Console(stderr=True)
    is_shown = console.is_terminal and count > _AT_ONCE
    with Progress(console=console, disable=not is_shown, transient=True) as progress:
        task = progress.add_task("vouchers", total=count)
        for done in range(0, count, _AT_ONCE):
            at_once = min(_AT_ONCE, count - done)
            yield _make(desk, package, at_once, branch)
            progress.advance(task, at_once)


def _make(desk: Desk, package: str, count: int, branch: str | None) -> list[str]:
    with desk.writing() as connection:
        terms = packages.find(connection, package)
        cafe = directory.cafe_from_row(branch_or_only(connection, branch))
        return list(vouchers.create(connection, desk.vault, terms, cafe, count, desk.now()))


@voucher.command("list", epilog=examples("voucher list --unused", "voucher list --package Day --json"))
@click.option("--package", metavar="NAME", help="Only those of this package.")
@click.option("--unused", is_flag=True, help="Only those nobody has logged in with, and somebody may.")
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, package: str | None, unused: bool, limit: int, as_json: bool) -> None:
    """List vouchers, the newest first. Whoever has a code can log in with it."""
    with desk.reading() as connection:
        found = listings.list_vouchers(connection, limit + 1, package=package, unused=unused)
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)
