"""`icafectl account`."""

from typing import Any

import click

from radiusd.icafectl.branches import branch_option, branch_or_only
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.ending import told_end
from radiusd.icafectl.grammar import examples, given, json_option, limit_option
from radiusd.icafectl.kinds import ACCOUNT, MAX_PASSWORD, PC_USER
from radiusd.icafectl.passes import PASS_COLUMNS
from radiusd.icafectl.printing import (
    Column,
    instant,
    print_json,
    print_list,
    print_record,
    print_table,
    say,
    told_names,
)
from radiusd.icafectl.secrets_in import IN_ARGUMENTS, read_secret
from radiusd.icafectl.sessions import SESSION_COLUMNS
from radiusd.store import (
    accounts,
    blocks,
    branches,
    directory,
    listings,
    packages,
    pass_list,
    pc_ties,
    sales,
    session_list,
)

_COLUMNS = (
    Column("Name", "name"),
    Column("Branch", "branch"),
    Column("Kind", "kind"),
    Column("Blocked", "is_blocked"),
    Column("Open passes", "passes"),
    Column("Online", "online"),
    Column("Since", "created_at", instant),
)
_DETAILS = (*_COLUMNS, Column("PC user", "pc_users", told_names), Column("Devices", "devices", told_names))
_RECENT = 10

_password_option = click.option(
    "--password", metavar="PASSWORD", help=f"The guest's password; - reads standard input. {IN_ARGUMENTS}"
)


@click.group()
def account() -> None:
    """The customers and the staff."""


@account.command(
    epilog=examples(
        "account add nora_01 --branch Centre --package '3 hours'",
        "account add nora_01 --branch Centre --password - < password.txt",
    )
)
@click.argument("name", type=ACCOUNT)
@_password_option
@branch_option
@click.option("--package", metavar="NAME", shell_complete=names_of("packages"), help="Also sell a pass of it.")
@json_option
@pass_desk
def add(desk: Desk, name: str, password: str | None, branch: str | None, package: str | None, as_json: bool) -> None:
    """Add an account. Without --password it is asked for."""
    clear = read_secret(password, "--password", MAX_PASSWORD)
    at = desk.now()
    with desk.writing() as connection:
        cafe = directory.cafe_from_row(branch_or_only(connection, branch))
        terms = None if package is None else packages.find(connection, package)
        account_id = accounts.add(connection, desk.vault, name, clear, cafe, at)
        sold = None
        if terms is not None:
            sold = sales.sell(connection, [sales.Buyer(account_id, name, cafe.branch(at))], terms, at)[0]
        made: dict[str, Any] = listings.show_account(connection, account_id)
    pass_id = None if sold is None else sold.pass_id
    if as_json:
        print_json({**made, "package": package, "pass_id": pass_id})
        return
    say(f"account {name} added at branch {cafe.name}")
    if sold is None:
        say(f"it has no pass yet: icafectl pass sell --account {name} --package NAME")
    else:
        say(f"pass {pass_id} of package {package} sold to it")


@account.command(
    "set", epilog=examples("account set nora_01 --branch Riverside", "account set nora_01 --pc-user nora_01")
)
@click.argument("name", shell_complete=names_of("accounts"))
@click.option("--branch", metavar="NAME", shell_complete=names_of("branches"), help="Its branch now.")
@click.option("--pc-user", type=PC_USER, metavar="USER", help="Also who this is at the gaming PCs of its branch.")
@click.option("--no-pc-user", is_flag=True, help="Nobody at any gaming PC any more.")
@pass_desk
def set_(desk: Desk, name: str, branch: str | None, pc_user: str | None, no_pc_user: bool) -> None:
    """Move an account to another branch, or say who it is at the gaming PCs: a PC logout then ends its sessions."""
    given(branch=branch, pc_user=pc_user, no_pc_user=no_pc_user or None)
    said = []
    with desk.writing() as connection:
        if branch is not None:
            accounts.move(connection, name, branches.find(connection, branch))
            said.append(f"account {name} belongs to branch {branch} now")
        if no_pc_user:
            former = pc_ties.untie(connection, accounts.find(connection, name))
            said.append(f"account {name} is PC user {', '.join(former)} no more")
        if pc_user is not None:
            pc_ties.tie(connection, accounts.find(connection, name), pc_user, desk.now())
            said.append(f"account {name} is PC user {pc_user}: a logout of that PC ends its sessions")
    say(*said)


@account.command(epilog=examples("account password nora_01", "account password nora_01 --password - < password.txt"))
@click.argument("name", shell_complete=names_of("accounts"))
@_password_option
@pass_desk
def password(desk: Desk, name: str, password: str | None) -> None:
    """Give an account another password. Without --password it is asked for."""
    clear = read_secret(password, "--password", MAX_PASSWORD)
    with desk.writing() as connection:
        accounts.set_password(connection, desk.vault, name, clear)
    say(f"account {name} has another password from the next login on")


@account.command("list", epilog=examples("account list", "account list --branch Centre --limit 1000 --json"))
@click.option("--branch", metavar="NAME", shell_complete=names_of("branches"), help="Only those of this branch.")
@click.option("--blocked", is_flag=True, help="Only those that are blocked.")
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, branch: str | None, blocked: bool, limit: int, as_json: bool) -> None:
    """List the accounts; vouchers have a list of their own."""
    with desk.reading() as connection:
        branch_id = None if branch is None else branches.find(connection, branch)["id"]
        found = listings.list_accounts(connection, limit + 1, branch_id=branch_id, blocked=blocked)
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)


@account.command(epilog=examples("account show nora_01"))
@click.argument("name", shell_complete=names_of("accounts"))
@json_option
@pass_desk
def show(desk: Desk, name: str, as_json: bool) -> None:
    """Show one account with its devices, its passes and its latest sessions."""
    at = desk.now()
    with desk.reading() as connection:
        account_id = accounts.find(connection, name)["id"]
        found = listings.show_account(connection, account_id)
        pc_users = pc_ties.users_of(connection, account_id)
        tied = [each["device"] for each in listings.list_devices(connection, 100, account_id=account_id)]
        bought = pass_list.list_passes(connection, pass_list.Wanted(account_id=account_id), _RECENT, at)
        used = session_list.list_sessions(connection, session_list.Wanted(account_id=account_id), _RECENT, at)
    found["pc_users"] = pc_users
    if as_json:
        print_json({**found, "open_passes": found["passes"], "devices": tied, "passes": bought, "sessions": used})
        return
    print_record({**found, "devices": tied}, _DETAILS)
    for heading, records, columns in (("Passes", bought, PASS_COLUMNS), ("Sessions", used, SESSION_COLUMNS)):
        if records:
            say("", heading)
            print_table(records, columns)


@account.command(epilog=examples("account block nora_01"))
@click.argument("name", shell_complete=names_of("accounts"))
@pass_desk
def block(desk: Desk, name: str) -> None:
    """Refuse an account from now on, and cut what it has online. Its passes keep what is left of them."""
    with desk.writing() as connection:
        ended = blocks.block_account(connection, name, desk.now())
    say(f"account {name} is blocked; {told_end(ended)}")


@account.command(epilog=examples("account unblock nora_01"))
@click.argument("name", shell_complete=names_of("accounts"))
@pass_desk
def unblock(desk: Desk, name: str) -> None:
    """Let an account in again."""
    with desk.writing() as connection:
        was_blocked = blocks.unblock_account(connection, name, desk.now())
    say(f"account {name} may log in again" if was_blocked else f"account {name} was not blocked")
