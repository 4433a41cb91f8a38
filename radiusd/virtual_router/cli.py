"""virtual-router: a HotSpot router for demos, tests and load."""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click
from attrs import evolve, field, frozen
from click.shell_completion import CompletionItem

from radiusd.virtual_router import habits, load
from radiusd.virtual_router.api import ApiAccount
from radiusd.virtual_router.guests import Guest, Server

MOST_GUESTS, LONGEST = 1_000_000, 600
_EXAMPLE = "Example: scripts/virtual-router --demo var/demo/demo.json"


@frozen
class Known:
    """What the options before the command say."""

    server: Server
    told: dict[str, Any] = field(repr=False)
    api: ApiAccount | None


class _Habit(click.ParamType[str]):
    """NAME or NAME=VALUE."""

    name = "HABIT"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            habits.of((value,))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - as click calls it
        found = (each for each in habits.MEANINGS.items() if each[0].startswith(incomplete))
        return [CompletionItem(name, help=meaning) for name, meaning in found]


_habit_option = click.option(
    "--habit",
    "names",
    multiple=True,
    type=_Habit(),
    help="What the router or the phone does besides; may be repeated. `virtual-router habits` lists them.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--demo", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A demo.json: fills in the rest."
)
@click.option("--server", default="127.0.0.1", show_default=True, help="The RADIUS server's address.")
@click.option("--auth-port", default=1812, show_default=True, type=click.IntRange(1, 65535))
@click.option("--acct-port", default=1813, show_default=True, type=click.IntRange(1, 65535))
@click.option("--coa-port", default=3799, show_default=True, type=click.IntRange(1, 65535))
@click.option("--local", help="The router's own address, if not the server's: 127.0.0.2 and so on.")
@click.option("--api-port", type=click.IntRange(1, 65535), help="Have a RouterOS API at this port; its user is api.")
@click.option("--api-password", envvar="ICAFE_API_PASSWORD", default="api", help="Its password.")
@click.option(
    "--secret-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Holds the shared secret."
)
@click.option(
    "--secret",
    envvar="ICAFE_ROUTER_SECRET",
    help="The shared secret; - reads it from standard input. Other users of the machine can see arguments.",
)
@click.option(
    "--timeout",
    default="1100",
    show_default=True,
    type=click.Choice(["300", "1100"]),
    help="Milliseconds before a resend, as old and new RouterOS have it.",
)
@click.pass_context
def main(
    context: click.Context,
    demo: Path | None,
    server: str,
    auth_port: int,
    acct_port: int,
    coa_port: int,
    local: str | None,
    api_port: int | None,
    api_password: str,
    secret_file: Path | None,
    secret: str | None,
    timeout: str,
) -> None:
    """A virtual MikroTik HotSpot router: one guest's evening, many guests at once, or just an ear for disconnects."""
    if context.invoked_subcommand == "habits":
        return
    told = _demo(demo)
    known = Server(
        address=_private(server if demo is None else told["auth"].rpartition(":")[0]),
        auth_port=auth_port if demo is None else int(told["auth"].rpartition(":")[2]),
        acct_port=acct_port if demo is None else int(told["acct"].rpartition(":")[2]),
        coa_port=coa_port if demo is None else told["coa_port"],
        secret=_secret(told, secret_file, secret),
        timeout=int(timeout) / 1000,
        local=None if local is None else _private(local),
    )
    api = None if api_port is None else ApiAccount(port=api_port, password=api_password)
    context.obj = Known(known, told, api)


def _demo(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        told: dict[str, Any] = json.loads(path.read_text())
        _ = told["auth"], told["acct"], told["coa_port"], told["secret"], told["accounts"]
    except (ValueError, KeyError) as error:
        raise click.UsageError(f"{path} is not a demo.json as scripts/demo writes it") from error
    return told


def _private(address: str) -> str:
    try:
        is_ours = ip_address(address).is_private
    except ValueError as error:
        raise click.UsageError(f"--server takes an IP address, not {address!r}") from error
    if not is_ours:
        raise click.UsageError(f"{address} is no private address: a virtual router is for servers of your own")
    return address


def _secret(told: dict[str, Any], file: Path | None, given: str | None) -> bytes:
    if file is not None:
        return file.read_bytes().strip()
    if given == "-":
        return sys.stdin.readline().strip().encode()
    secret = given or told.get("secret")
    if not secret:
        raise click.UsageError("which secret? Give --demo, --secret-file, --secret - or ICAFE_ROUTER_SECRET")
    return str(secret).encode()


def _account(told: dict[str, Any], name: str | None, password: str | None) -> tuple[str, str]:
    """Whose evening it is: named, or the demo's first guest."""
    accounts = {each["name"]: each["password"] for each in told.get("accounts", ())}
    if name is None and accounts:
        name = next(iter(accounts))
    if name is None:
        raise click.UsageError("whose evening? Give --user and --password, or --demo")
    if password is None:
        password = accounts.get(name, os.environ.get("ICAFE_GUEST_PASSWORD"))
    if password is None and name == told.get("voucher"):
        password = name
    if password is None:
        password = click.prompt("Password", hide_input=True, err=True)
    return name, password


@main.command("habits")
def list_habits() -> None:
    """What --habit takes."""
    for name, meaning in habits.MEANINGS.items():
        click.echo(f"{name:15} {meaning}")


@main.command(epilog=f"{_EXAMPLE} evening --habit reboot")
@click.option("--user", help="The guest's name (the demo's first account).")
@click.option("--password", help="The guest's password (the demo's; else ICAFE_GUEST_PASSWORD, else asked for).")
@click.option("--mac", default="02:00:00:00:00:01", show_default=True)
@click.option("--address", default="10.5.50.2", show_default=True, help="The guest's address (Framed-IP-Address).")
@click.option("--pap/--chap", default=False, help="How the password travels (CHAP, as a HotSpot does).")
@click.option(
    "--interims",
    default=3,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="How many reports between login and logout.",
)
@click.option("--every", default=2.0, show_default=True, type=click.FloatRange(0.1, 600), help="Seconds between them.")
@click.option("--up", default=100_000, show_default=True, type=click.IntRange(0), help="Octets uploaded a second.")
@click.option("--down", default=900_000, show_default=True, type=click.IntRange(0), help="Octets downloaded a second.")
@_habit_option
@click.pass_obj
def evening(
    known: Known,
    user: str | None,
    password: str | None,
    mac: str,
    address: str,
    pap: bool,
    interims: int,
    every: float,
    up: int,
    down: int,
    names: tuple[str, ...],
) -> None:
    """One guest's evening, every packet told in plain words. Ends with 0 if it went as an evening should."""
    from radiusd.virtual_router.evening import Plan  # noqa: PLC0415 - these want the reactor, which is chosen below
    from radiusd.virtual_router.running import run_evening  # noqa: PLC0415

    name, word = _account(known.told, user, password)
    guest = Guest(name=name, password=word, mac=mac, address=address, up=up, down=down, chap=not pap)
    plan = Plan(interims=interims, every=every)
    sys.exit(0 if run_evening(known.server, guest, plan, habits.of(names), known.api) else 1)


@main.command(epilog=f"{_EXAMPLE} listen")
@_habit_option
@click.pass_obj
def listen(known: Known, names: tuple[str, ...]) -> None:
    """Only answer disconnects, and tell them, until Ctrl-C."""
    from radiusd.virtual_router.running import run_listener  # noqa: PLC0415 - it wants the reactor

    run_listener(known.server, habits.of(names), known.api)


@main.command("load", epilog=f"{_EXAMPLE} load --guests 5 --concurrency 5")
@click.option(
    "--guests", default=1000, show_default=True, type=click.IntRange(1, MOST_GUESTS), help="How many evenings."
)
@click.option("--routers", default=4, show_default=True, type=click.IntRange(1, 200), help="From how many routers.")
@click.option("--concurrency", default=64, show_default=True, type=click.IntRange(1, 10_000), help="How many at once.")
@click.option(
    "--interims", default=3, show_default=True, type=click.IntRange(0, 1000), help="Reports between Start and Stop."
)
@click.option("--duration", default=60.0, show_default=True, type=click.FloatRange(1, LONGEST), help="Seconds at most.")
@click.option(
    "--user",
    default="user%06d",
    show_default=True,
    help="Names, %d being the guest's number; the demo's accounts with --demo.",
)
@click.option("--password", default="pass%06d", show_default=True, help="Passwords, likewise.")
@click.option(
    "--accounts",
    default=0,
    type=click.IntRange(0),
    help="How many names there are; guests share them in turn (0: one each).",
)
@click.option("--chap/--pap", default=False, help="How passwords travel.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_obj
def run_load(
    known: Known,
    guests: int,
    routers: int,
    concurrency: int,
    interims: int,
    duration: float,
    user: str,
    password: str,
    accounts: int,
    chap: bool,
    as_json: bool,
) -> None:
    """Many guests at once: each logs in, is counted, logs out. Ends with 0 if no answer was lost."""
    server = known.server
    names = _names(known.told, user, password, accounts)
    plan = load.Load(
        guests=guests,
        routers=routers,
        concurrency=concurrency,
        interims=interims,
        limit=duration,
        names=names,
        chap=chap,
    )
    figures = _drive(evolve(server, timeout=max(server.timeout, 3.0)), plan, shows=not as_json)
    numbers = load.summary(figures)
    click.echo(json.dumps(numbers) if as_json else _table(numbers))
    sys.exit(1 if figures.lost else 0)


def _names(told: dict[str, Any], user: str, password: str, accounts: int) -> Callable[[int], tuple[str, str]]:
    if told:
        people = [(each["name"], each["password"]) for each in told["accounts"]]
        return lambda number: people[number % len(people)]
    for pattern in (user, password):
        try:
            _ = pattern % 1 if "%" in pattern else pattern
        except (TypeError, ValueError) as error:
            raise click.UsageError(f"{pattern!r} is no pattern: write the number as %d or %06d") from error

    def name(number: int) -> tuple[str, str]:
        number = number % accounts if accounts else number
        return _numbered(user, number), _numbered(password, number)

    return name


def _numbered(pattern: str, number: int) -> str:
    return pattern % number if "%" in pattern else pattern


def _drive(server: Server, plan: load.Load, *, shows: bool) -> load.Figures:
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("evenings"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not (shows and console.is_terminal)) as progress:
        task = progress.add_task("", total=plan.guests)
        driver = load.Driver(server, plan, random.Random(time.time_ns()), lambda done: _advance(progress, task, done))  # noqa: S311 - nothing secret
        return driver.run()


def _advance(progress: Any, task: Any, done: int) -> None:
    if done % 50 == 0:
        progress.update(task, completed=done)


def _table(numbers: dict[str, Any]) -> str:
    lines = [
        f"{name:12} {numbers[name]:>12}"
        for name in ("requests", "answered", "lost", "retransmits", "accepts", "rejects")
    ]
    lines.append(f"{'requests/s':12} {numbers['rps']:>12}")
    for kind in ("login", "accounting"):
        found = numbers[f"{kind}_lat_ms"]
        lines.append(f"{kind:12} " + "  ".join(f"{name} {value} ms" for name, value in found.items()))
    return "\n".join(lines)
