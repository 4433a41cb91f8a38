"""`icafectl device`."""

import click

from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.ending import told_end
from radiusd.icafectl.grammar import examples, json_option, limit_option
from radiusd.icafectl.kinds import MAC
from radiusd.icafectl.printing import Column, instant, print_list, say
from radiusd.store import accounts, blocks, devices, listings

_COLUMNS = (
    Column("Device", "device"),
    Column("Account", "account"),
    Column("Blocked", "is_blocked"),
    Column("Since", "created_at", instant),
)


@click.group()
def device() -> None:
    """Devices that log in by their MAC, or that are kept out."""


@device.command(epilog=examples("device tie AA:BB:CC:DD:EE:FF --account nora_01"))
@click.argument("mac", type=MAC)
@click.option("--account", metavar="NAME", required=True, shell_complete=names_of("accounts"), help="Whose it is.")
@pass_desk
def tie(desk: Desk, mac: str, account: str) -> None:
    """Let a device log in by its MAC, on the passes of an account."""
    with desk.writing() as connection:
        before = devices.tie(connection, mac, accounts.find(connection, account)["id"], desk.now())
    was = f" (and no more to {before})" if before not in (None, account) else ""
    say(f"device {mac} is tied to account {account}{was}: its MAC logs in")


@device.command(epilog=examples("device untie AA:BB:CC:DD:EE:FF"))
@click.argument("mac", type=MAC)
@pass_desk
def untie(desk: Desk, mac: str) -> None:
    """Let a device log in by its MAC no more."""
    with desk.writing() as connection:
        devices.untie(connection, mac)
    say(f"device {mac} is tied to no account any more")


@device.command(epilog=examples("device block aabb-ccdd-eeff"))
@click.argument("mac", type=MAC)
@pass_desk
def block(desk: Desk, mac: str) -> None:
    """Refuse a device from now on, whoever brings it, and cut what it has online."""
    with desk.writing() as connection:
        ended = blocks.block_device(connection, mac, desk.now())
    say(f"device {mac} is blocked; {told_end(ended)}")


@device.command(epilog=examples("device unblock AA:BB:CC:DD:EE:FF"))
@click.argument("mac", type=MAC)
@pass_desk
def unblock(desk: Desk, mac: str) -> None:
    """Let a device in again."""
    with desk.writing() as connection:
        was_blocked = blocks.unblock_device(connection, mac, desk.now())
    say(f"device {mac} may be used again" if was_blocked else f"device {mac} was not blocked")


@device.command("list", epilog=examples("device list --account nora_01"))
@click.option("--account", metavar="NAME", shell_complete=names_of("accounts"), help="Only those of this account.")
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, account: str | None, limit: int, as_json: bool) -> None:
    """List the devices that are tied or blocked."""
    with desk.reading() as connection:
        account_id = None if account is None else accounts.find(connection, account)["id"]
        found = listings.list_devices(connection, limit + 1, account_id=account_id)
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)
