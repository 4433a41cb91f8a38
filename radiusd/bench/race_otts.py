"""race-otts: one-time tokens, verified by many at once."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from radiusd.bench import ott_race, stores
from radiusd.bench.errors import BenchError
from radiusd.bench.machine import this_machine
from radiusd.bench.ott_race import Plan, Result
from radiusd.bench.showing import Display
from radiusd.bench.stores import PostgresStore


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]}, epilog="Example: scripts/race-otts --tokens 100"
)
@click.option("--tokens", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="How many.")
@click.option("--at-once", default=50, show_default=True, type=click.IntRange(2, 100), help="Verifies of each.")
@click.option("--servers", default=2, show_default=True, type=click.IntRange(2, 4), help="Over so many.")
@click.option("--ages/--no-ages", default=True, help="Whether to verify tokens of 59 and of 61 s too, in real time.")
@click.option("--postgresql-url", help="A PostgreSQL server to use instead of a private one.")
@click.option("--json", "wants_json", is_flag=True, help="Print the figures as JSON.")
def main(tokens: int, at_once: int, servers: int, ages: bool, postgresql_url: str | None, wants_json: bool) -> None:
    """Verify each of many one-time tokens by many connections at once, over several servers on one PostgreSQL.

    Ends with 0 if each had exactly one success, and one game session and one charge came of it.
    """
    plan = Plan(tokens=tokens, at_once=at_once, servers=servers, ages=ages)
    try:
        result = _raced(plan, postgresql_url)
    except BenchError as error:
        click.echo(f"race-otts: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    click.echo(json.dumps(_as_json(result), indent=2) if wants_json else "\n".join(_lines(result)))
    for complaint in result.complaints:
        click.echo(f"race-otts: {complaint}", err=True)
    if result.complaints:
        sys.exit(1)


def _raced(plan: Plan, postgresql_url: str | None) -> Result:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="icafe-race.")))
        display = stack.enter_context(Display())
        display.say(f"{this_machine()}; postgresql")
        url = postgresql_url or stack.enter_context(stores.private_postgres()).url
        store = stack.enter_context(PostgresStore(url, None))
        return ott_race.measure(plan, store.url, folder, display)


def _lines(result: Result) -> list[str]:
    plan = result.plan
    verifies = plan.tokens * plan.at_once
    shared = ", ".join(f"{each}: {many} tokens" for each, many in sorted(result.successes.items()))
    lines = [
        f"{plan.tokens} tokens, each verified {plan.at_once} times at once over {plan.servers} servers",
        f"successes for each   {shared}",
        *(f"{many:>8} verifies    {what}" for what, many in result.outcomes.most_common()),
        f"{result.sessions:>8} game sessions, {result.charges} charges",
        f"{result.seconds:8.1f} s, {verifies / result.seconds:.0f} verifies a second",
        f"{result.p50:8.1f} ms p50, {result.p99:.1f} ms p99, from the last octet sent to the last received",
    ]
    return lines + [f"{age:>8} s old         {came}" for age, came in result.ages.items()]


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "tokens": result.plan.tokens,
        "at_once": result.plan.at_once,
        "servers": result.plan.servers,
        "successes": {str(each): many for each, many in sorted(result.successes.items())},
        "outcomes": dict(result.outcomes),
        "game_sessions": result.sessions,
        "charges": result.charges,
        "seconds": result.seconds,
        "p50_ms": result.p50,
        "p99_ms": result.p99,
        "ages": {str(age): came for age, came in result.ages.items()},
        "complaints": result.complaints,
    }


if __name__ == "__main__":
    main()
