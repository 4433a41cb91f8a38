"""scripts/faults: breaks what the server stands on, and sees whether it keeps its promises."""

import asyncio
import json
import sys

import click

from radiusd.bench.errors import BenchError
from radiusd.bench.machine import this_machine
from radiusd.bench.showing import Display
from radiusd.faults import verdicts
from radiusd.faults.catalogue import FAULTS, Fault, named
from radiusd.faults.places import POSTGRESQL, SQLITE, Places
from radiusd.faults.running import Wish, run_all


@click.command(context_settings={"help_option_names": ["-h", "--help"]}, epilog="Example: scripts/faults R1 R6")
@click.argument("ids", nargs=-1, metavar="[TEST]...")
@click.option("--nightly", is_flag=True, help="The long figures: hours.")
@click.option("--without-controls", is_flag=True, help="Do not prove that each test can fail.")
@click.option("--store", "stores", multiple=True, type=click.Choice((SQLITE, POSTGRESQL)), help="Only on this one.")
@click.option("--postgresql-url", help="A PostgreSQL server to use instead of a private one.")
@click.option("--seed", default=1, show_default=True, help="Of all that is left to chance.")
@click.option("--list", "wants_list", is_flag=True, help="Tell which tests there are.")
@click.option("--json", "wants_json", is_flag=True, help="Print everything as JSON.")
def main(
    ids: tuple[str, ...],
    nightly: bool,
    without_controls: bool,
    stores: tuple[str, ...],
    postgresql_url: str | None,
    seed: int,
    wants_list: bool,
    wants_json: bool,
) -> None:
    """Kill, hang, flood and starve the server and what it stands on, and compare with what its clients were told.

    Each test is run again with the product broken on purpose, and must then fail. Ends with 0 if every test is green
    and every control red.
    """
    faults = _chosen(ids)
    if wants_list:
        click.echo("\n".join(f"{each.id:4} {each.title} (control: {each.control})" for each in faults))
        return
    wish = Wish(
        faults=faults,
        stores=stores or (SQLITE, POSTGRESQL),
        at_night=nightly,
        controls=not without_controls,
        seed=seed,
    )
    try:
        with Display() as display, Places(postgresql_url) as places:
            display.say(str(this_machine()))
            found = run_all(wish, places, display)
    except BenchError as error:
        click.echo(f"faults: {error}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
    click.echo(json.dumps(verdicts.as_json(found), indent=2) if wants_json else verdicts.table(found))
    for text in verdicts.complaints(found):
        click.echo(f"faults: {text}", err=True)
    if not all(each.is_as_it_should for each in found):
        sys.exit(1)


def _chosen(ids: tuple[str, ...]) -> list[Fault]:
    try:
        return named(ids)
    except KeyError as error:
        known = " ".join(each.id for each in FAULTS)
        raise click.UsageError(f"there is no test {error.args[0]}: there are {known}") from None
