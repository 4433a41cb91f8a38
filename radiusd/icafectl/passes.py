"""`icafectl pass`."""

import click

from policy.telling import told_octets, told_seconds
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import NUMBER, examples, json_option, limit_option
from radiusd.icafectl.printing import Column, instant, print_json, print_list, print_record, say
from radiusd.store import accounts, branches, live, packages, pass_list, sales
from radiusd.store.errors import NotFound

PASS_COLUMNS = (
    Column("Pass", "id"),
    Column("Account", "account"),
    Column("Package", "package"),
    Column("Time left", "time_left", told_seconds),
    Column("Data used", "data_used", told_octets),
    Column("of", "data_limit", told_octets),
    Column("Online", "online"),
    Column("Open", "is_open"),
    Column("Held", "held"),
    Column("Waits for PC since", "paused_at", instant),
    Column("Sold", "sold_at", instant),
)
_DETAILS = (
    *PASS_COLUMNS[:3],
    Column("Branch", "branch"),
    Column("Login", "login"),
    Column("Price", "price", lambda price: f"{price} VND"),
    Column("Sold", "sold_at", instant),
    Column("Valid until", "valid_until", instant),
    Column("First login", "first_login_at", instant),
    Column("Time", "time", told_seconds),
    Column("Time left", "time_left", told_seconds),
    Column("Time online", "seconds_online", told_seconds),
    Column("Data", "data_limit", told_octets),
    Column("Data used", "data_used", told_octets),
    Column("Devices", "devices"),
    Column("Online", "online"),
    Column("Open", "is_open"),
    Column("Held", "held"),
    Column("Waits for PC since", "paused_at", instant),
)


@click.group("pass")
def pass_() -> None:
    """What was sold, and what is left of it."""


@pass_.command(epilog=examples("pass sell --account nora_01 --package '3 hours'"))
@click.option("--account", metavar="NAME", required=True, shell_complete=names_of("accounts"), help="Who buys.")
@click.option("--package", metavar="NAME", required=True, shell_complete=names_of("packages"), help="What.")
@json_option
@pass_desk
def sell(desk: Desk, account: str, package: str, as_json: bool) -> None:
    """Sell a pass, and print a login for it alone, which is shown only this once."""
    at = desk.now()
    with desk.writing() as connection:
        row = accounts.find(connection, account)
        terms = packages.find(connection, package)
        sold = sales.sell(connection, [accounts.buyer(connection, row, at)], terms, at)[0]
        hashes = branches.cafe(connection, row["branch_id"]).hashes_passwords
        made = sales.make_credentials(connection, desk.vault, sold, hashes=hashes)
        listed = pass_list.list_passes(connection, pass_list.Wanted(pass_id=sold.pass_id), 1, at)[0]
    if as_json:
        print_json({**listed, "session_id": sold.session_id, "login": made.login, "password": made.password})
        return
    say(f"pass {sold.pass_id} of package {package} sold to {account} for {terms.price} VND")
    say(f"login:    {made.login}", f"password: {made.password}")
    say("(shown only this once; the account's own name and password work too)")


@pass_.command("list", epilog=examples("pass list --account nora_01", "pass list --held"))
@click.option("--account", metavar="NAME", shell_complete=names_of("accounts"), help="Only those of this account.")
@click.option("--open", "is_open", is_flag=True, help="Only those somebody can still log in on.")
@click.option("--held", "is_held", is_flag=True, help="Only those that are held.")
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, account: str | None, is_open: bool, is_held: bool, limit: int, as_json: bool) -> None:
    """List passes, the latest sale first."""
    with desk.reading() as connection:
        account_id = None if account is None else accounts.find(connection, account)["id"]
        wanted = pass_list.Wanted(account_id=account_id, is_open=is_open, is_held=is_held)
        found = pass_list.list_passes(connection, wanted, limit + 1, desk.now())
    print_list(found, PASS_COLUMNS, as_json=as_json, limit=limit)


@pass_.command(epilog=examples("pass show 3"))
@click.argument("number", metavar="PASS", type=NUMBER)
@json_option
@pass_desk
def show(desk: Desk, number: int, as_json: bool) -> None:
    """Show one pass."""
    with desk.reading() as connection:
        found = pass_list.list_passes(connection, pass_list.Wanted(pass_id=number), 1, desk.now())
    if not found:
        raise NotFound(f"there is no pass {number}: `icafectl pass list` shows those there are")
    if as_json:
        print_json(found[0])
    else:
        print_record(found[0], _DETAILS)


@pass_.command(epilog=examples("pass release 3"))
@click.argument("number", metavar="PASS", type=NUMBER)
@pass_desk
def release(desk: Desk, number: int) -> None:
    """Let devices use a pass again that `session cut` or a PC logout held. A clock that stood still goes on."""
    with desk.writing() as connection:
        live.release(connection, number, desk.now())
    say(f"pass {number} can be used again")
