"""`icafectl why`."""

from typing import Any

import click

from policy.quantities import Instant
from policy.telling import told_since
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import examples, json_option
from radiusd.icafectl.headlines import headline, notes, router_of
from radiusd.icafectl.printing import instant, print_json, say, told
from radiusd.store.decisions import Decision
from radiusd.store.reasons import Case, find_subject, look_into


@click.command(epilog=examples("why nora_01", "why AA:BB:CC:DD:EE:FF", "why 12", "why --session 12"))
@click.argument("about", metavar="NAME|MAC|SESSION", shell_complete=names_of("accounts"))
@click.option("--session", "is_session", is_flag=True, help="The number is a session, though an account is called so.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=5, show_default=True, metavar="N", help="Show at most N decisions."
)
@json_option
@pass_desk
def why(desk: Desk, about: str, is_session: bool, limit: int, as_json: bool) -> None:
    """Why somebody was refused, cut, slow or charged: one plain line, then the chain of reasons, the newest first."""
    at = desk.now()
    with desk.reading() as connection:
        case = look_into(connection, find_subject(connection, about, is_session=is_session), limit, at)
    if as_json:
        print_json({"answer": headline(case, at), "notes": notes(case, at), "chain": _links(case)})
        return
    say(headline(case, at), *(f"  {each}" for each in notes(case, at)))
    for decision in case.decisions:
        say("", _heading(case, decision, at), *(f"  - {told(each)}" for each in decision.facts))


def _heading(case: Case, decision: Decision, at: Instant) -> str:
    device = f", device {decision.device}" if decision.device else ""
    name = f", login {decision.name}" if decision.name else ""
    when = f"{instant(decision.at)}, {told_since(decision.at, at)}"
    return f"{decision.verdict}{router_of(case, decision)} ({when}{name}{device})"


def _links(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "at": each.at,
            "verdict": each.verdict,
            "reason": each.reason,
            "login": each.name,
            "device": each.device,
            "router": None if each.router_id is None else case.routers.get(each.router_id),
            "session_id": each.session_id,
            "facts": [told(fact) for fact in each.facts],
        }
        for each in case.decisions
    ]
