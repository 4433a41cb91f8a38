"""Why: the reason chain of every decision, kept as data."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from attrs import frozen
from sqlalchemy import ColumnElement, Connection, select

from policy.facts import Fact
from policy.quantities import Instant
from radiusd.store.bulk import Insert
from radiusd.store.schema import decisions

KEPT_DAYS = 90


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
    _INSERT.run(connection, [_row(each) for each in made])


_COLUMNS = ("id", "at", "verdict", "reason", "name", "device", "router_id", "account_id", "session_id", "facts")
_INSERT = Insert(decisions, _COLUMNS)


def _row(decision: Decision) -> tuple[Any, ...]:
    each = decision
    about = (each.id, each.at, each.verdict, each.reason, each.name, each.device)
    return (*about, each.router_id, each.account_id, each.session_id, _as_json(each.facts))


def _as_json(facts: Iterable[Fact]) -> str:
    return _JSON.encode([(each.code, each.values) for each in facts]).decode()


_JSON = msgspec.json.Encoder()

OF_NO_SESSION = decisions.c.session_id.is_(None)


def latest(connection: Connection, limit: int, *which: ColumnElement[bool], **bound: Any) -> list[Decision]:
    """The newest decisions first; `bound` are the lists that `which` names."""
    query = select(decisions).where(*which).order_by(decisions.c.id.desc()).limit(limit)
    return [_decision(row) for row in connection.execute(query, bound).mappings()]


def _decision(row: Any) -> Decision:
    facts = tuple(Fact(code, values) for code, values in json.loads(row["facts"]))
    return Decision(**{**row, "facts": facts})
