"""Why: the reason chain of every decision, kept as data."""

import json
from collections.abc import Iterable
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, insert, select

from policy.facts import Fact
from policy.quantities import Instant
from radiusd.store.schema import decisions

_INSERT = insert(decisions)


@frozen(kw_only=True)
class Decision:
    """One decision; the last of `facts` is the reason of a refusal, the first that of an end."""

    id: int = 0
    at: Instant
    verdict: str  # accepted, refused, ended, …
    reason: str
    name: str | None = None
    device: str | None = None
    router_id: int | None = None
    account_id: int | None = None
    session_id: int | None = None
    facts: tuple[Fact, ...] = ()


def record(connection: Connection, made: Iterable[Decision]) -> None:
    """Keep decisions; each brings its own id."""
    rows = [_row(each) for each in made]
    if rows:
        connection.execute(_INSERT, rows)


def _row(decision: Decision) -> dict[str, Any]:
    return {
        "id": decision.id,
        "at": decision.at,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "name": decision.name,
        "device": decision.device,
        "router_id": decision.router_id,
        "account_id": decision.account_id,
        "session_id": decision.session_id,
        "facts": json.dumps([[each.code, dict(each.values)] for each in decision.facts], ensure_ascii=False),
    }


def latest(connection: Connection, limit: int = 20, **wanted: Any) -> list[Decision]:
    """The newest decisions first, of the session, device, name or account that is wanted."""
    query = select(decisions).order_by(decisions.c.id.desc()).limit(limit)
    for column, value in wanted.items():
        query = query.where(decisions.c[column] == value)
    return [_decision(row) for row in connection.execute(query).mappings()]


def _decision(row: Any) -> Decision:
    facts = tuple(Fact(code, values) for code, values in json.loads(row["facts"]))
    return Decision(**{**row, "facts": facts})
