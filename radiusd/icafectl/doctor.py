"""`icafectl doctor`."""

import sys
from collections.abc import Sequence

import click

from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import Declined, examples, json_option
from radiusd.icafectl.printing import print_json, say
from radiusd.store.invariants import INVARIANTS, Violation, count_unclaimed


@click.group()
def doctor() -> None:
    """Whether all is as it must be."""


@doctor.command(epilog=examples("doctor store", "doctor store --json"))
@json_option
@pass_desk
def store(desk: Desk, as_json: bool) -> None:
    """Check the store against everything that must always be true of it. Exit status 1 if anything is not."""
    found: list[Violation] = []
    with desk.reading() as connection:
        for each in INVARIANTS:
            wrong = list(each.violations(connection))
            found += wrong
            if not as_json:
                _tell(f"{each.id} {each.claim}", wrong)
        unclaimed = count_unclaimed(connection)
    if as_json:
        wrongs = [{"id": each.id, "text": each.text} for each in found]
        print_json({"checked": len(INVARIANTS), "violations": wrongs, "unclaimed_connections": unclaimed})
    elif unclaimed:
        say(f"note: {unclaimed} connections were reported by routers that nobody here was let in for")
    if found:
        raise Declined(f"{len(found)} things are wrong in the store; keep a copy of it before anything else")
    if not as_json:
        say("the store is sound")


def _tell(claim: str, wrong: Sequence[Violation]) -> None:
    say(f"{'WRONG' if wrong else 'ok   '}  {claim}")
    for each in wrong:
        say(f"       {each.text}")
    sys.stdout.flush()
