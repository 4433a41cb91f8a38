"""charging-partner: whoever charges cafés for play, for demos, tests and trials."""

import http.client
import json
import sys
import time
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import click

from radiusd.virtual_partner.faults import Faults
from radiusd.virtual_partner.till import Network

PORT = 8097
PATIENCE = 10.0
_SHARE = click.FloatRange(0, 1)
_port = click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(1, 65535), help="Where the partner listens."
)


class _Branch(click.ParamType[Network]):
    name = "ID=NETWORK"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Network:
        if isinstance(value, Network):
            return value
        number, _, network = str(value).partition("=")
        try:
            return Network(ip_network(network), int(number))
        except ValueError:
            self.fail(f"{value!r} is not like 1=198.51.100.0/24", param, ctx)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A virtual charging partner: knows cafés by their addresses and charges them for play, a unit a minute.

    `serve` runs it; the other commands talk to the one that runs.
    """


@main.command(epilog="Example: scripts/charging-partner serve --branch 1=127.0.0.0/8 --units 100")
@click.option("--branch", "networks", multiple=True, type=_Branch(), help="A network of a branch. May be repeated.")
@click.option("--units", default=1000, show_default=True, type=click.IntRange(0), help="What each café has at first.")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The key that must be given. Without it any will do.",
)
@_port
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen: a private address.")
@click.option("--quiet", is_flag=True, help="Do not show every request.")
def serve(
    networks: tuple[Network, ...], units: int, key_file: Path | None, port: int, address: str, quiet: bool
) -> None:
    """Run it, until Ctrl-C."""
    from radiusd.virtual_partner import running  # noqa: PLC0415 - it wants the reactor

    _check_private(address)
    key = None if key_file is None else key_file.read_text().strip()
    if key == "":
        raise click.UsageError(f"{key_file} is empty: the key is its one line")
    plan = running.Plan(
        address=address, port=port, networks=networks, units=units, key=key, faults=Faults(), is_quiet=quiet
    )
    running.serve(plan)


def _check_private(address: str) -> None:
    try:
        is_ours = ip_address(address).is_private
    except ValueError as error:
        raise click.UsageError(f"--address takes an IP address, not {address!r}") from error
    if not is_ours:
        raise click.UsageError(f"{address} is no private address: a toy has no place on the internet")


@main.command("top-up", epilog="Example: scripts/charging-partner top-up 1 60")
@click.argument("branch_id", type=int)
@click.argument("units", type=int)
@_port
def top_up(branch_id: int, units: int, port: int) -> None:
    """Put UNITS on the balance of branch BRANCH_ID, or with a minus (after --) take them off."""
    told = _ask(port, "POST", "top-up", {"branch_id": branch_id, "units": units})
    click.echo(f"branch {told['branch_id']} has {told['units']} units")


@main.command(epilog="Example: scripts/charging-partner faults --exhausted-after 300")
@click.option("--latency", metavar="MS", type=click.IntRange(0, 600_000), help="Do what is asked, answer later.")
@click.option("--fail", metavar="SHARE", type=_SHARE, help="Answer that share with 500, and do nothing.")
@click.option("--lose", metavar="SHARE", type=_SHARE, help="Do what is asked in that share, and hang up.")
@click.option("--down", "down", flag_value="cut", default=None, help="Hang up on everybody.")
@click.option("--hang", "down", flag_value="hang", help="Answer nobody.")
@click.option("--up", "down", flag_value="", help="Neither of these.")
@click.option("--refuse/--accept", default=None, help="Let no charge be started.")
@click.option("--exhausted-after", metavar="S", type=click.IntRange(0, 86_400), help="Renew nothing from that on.")
@click.option("--none", "clear", is_flag=True, help="No faults at all, then those that are given.")
@_port
def faults(port: int, clear: bool, **told: Any) -> None:
    """Set faults, and show those there are. They last until they are set otherwise."""
    none: dict[str, Any] = {
        "latency": 0,
        "fail": 0,
        "lose": 0,
        "down": "",
        "refuse": False,
        "exhausted_after": None,
    }
    wanted = {**(none if clear else {}), **{name: value for name, value in told.items() if value is not None}}
    for name, value in _ask(port, "POST", "faults", wanted).items():
        click.echo(f"{name:16} {_shown(value)}")


def _shown(value: Any) -> str:
    if value is None:
        return "never"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "up"


@main.command(epilog="Example: scripts/charging-partner asked --operation stop")
@click.option("--operation", type=click.Choice(["verify-ip", "check", "start", "renew", "stop"]), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, each in a line.")
@_port
def asked(operation: str | None, as_json: bool, port: int) -> None:
    """What it was asked, the oldest first, at most 10,000 requests."""
    for each in _ask(port, "GET", "state")["asked"]:
        if operation not in (None, each["operation"]):
            continue
        if as_json:
            click.echo(json.dumps(each))
            continue
        stamp = time.strftime("%H:%M:%S", time.localtime(each["at"]))
        what = " ".join(f"{name}={value}" for name, value in each["fields"].items())
        click.echo(f"{stamp}  {each['operation']:9} {what}: {each['outcome']}")


@main.command(epilog="Example: scripts/charging-partner charges --open")
@click.option("--open", "only_open", is_flag=True, help="Only those that were not stopped.")
@_port
def charges(only_open: bool, port: int) -> None:
    """Every charge, and what each café has left. Ends with 1 if --open finds any."""
    state = _ask(port, "GET", "state")
    found = [each for each in state["charges"] if not (only_open and each["is_stopped"])]
    for each in found:
        how = f"stopped, {each['reason']}" if each["is_stopped"] else "running"
        click.echo(f"{each['key']}  branch {each['branch_id']}  {each['paid']} units  {each['played']} s  {how}")
    for branch_id, units in state["balances"].items():
        click.echo(f"branch {branch_id} has {units} units")
    sys.exit(1 if only_open and found else 0)


def _ask(port: int, method: str, what: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the one at this port of this machine says. Raises ClickException with what to do."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    body = None if fields is None else json.dumps(fields)
    try:
        connection.request(method, f"/control/{what}", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
    except ConnectionRefusedError as error:
        raise click.ClickException(
            f"no charging partner runs at port {port}; start one with: scripts/charging-partner serve"
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise click.ClickException(f"what runs at port {port} is no virtual charging partner") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise click.ClickException(str(found.get("message", f"it answered {answer.status}")))
    return found
