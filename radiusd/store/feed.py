"""The change feed: what each process on a store changed, for all others that remember passes.

A process is a node, with a number of its own that no other has or had. It has one writer, so its rows become visible in
the order of their numbers, each with the changes it tells of. Whoever reads keeps a position: the last number seen of
each node. Nodes are numbered upwards, and each becomes visible before a later one is numbered, so that a new node is
one with a larger number than any before. What cannot be known for certain is told as "everything may have changed".
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection, bindparam, cast, delete, func, insert, or_, select, text, tuple_

from policy.quantities import Instant
from radiusd.store import identifiers
from radiusd.store.driver import Statement
from radiusd.store.feed_schema import feed

KEPT = 20_000
"""Milliseconds: whoever has not read for longer may have missed what was pruned."""
_PRUNED_AFTER = 2 * KEPT
_DEAD_AFTER = 86_400_000
_PRUNED_AT_ONCE = 2_000
PRUNE_OWN_EVERY = 200
"""Rows of one node, so that a busy one keeps its own short, a little at a time."""
_MOST_NODES = 1_000

_BEGIN = insert(feed).values(node=bindparam("node"), number=0, pass_ids="", at=bindparam("at"))
# Counted on from what is stored: a number is neither left out nor used twice, whatever became of the last transaction.
# Of a node that was taken for dead nothing is stored: so high a number tells everybody that something was left out.
_TELL = Statement(
    insert(feed).from_select(
        ["node", "number", "pass_ids", "at"],
        select(
            cast(bindparam("node"), feed.c.node.type),
            func.coalesce(func.max(feed.c.number), cast(bindparam("at"), feed.c.at.type)) + 1,
            cast(bindparam("pass_ids"), feed.c.pass_ids.type),
            cast(bindparam("at"), feed.c.at.type),
        ).where(feed.c.node == bindparam("node")),
    )
)
_WHERE_IT_STANDS = select(feed.c.node, func.max(feed.c.number)).group_by(feed.c.node)
_READ = {
    "sqlite": text(
        "SELECT f.node, f.number, f.pass_ids FROM json_each(:known) k "
        "JOIN feed f ON f.node = CAST(k.key AS INTEGER) AND f.number > k.value WHERE f.node <> :own "
        "UNION ALL SELECT node, number, pass_ids FROM feed WHERE node > :largest AND node <> :own ORDER BY 1, 2"
    ),
    # The limits are none: with them each node's rows are found by the key, and not by reading all of the table.
    "postgresql": text(
        "SELECT f.node, f.number, f.pass_ids FROM json_each_text(CAST(:known AS json)) k CROSS JOIN LATERAL "
        "(SELECT node, number, pass_ids FROM feed WHERE node = CAST(k.key AS bigint) AND node <> :own "
        "AND number > CAST(k.value AS bigint) ORDER BY node, number LIMIT 1000000) f "
        "UNION ALL (SELECT node, number, pass_ids FROM feed WHERE node > :largest AND node <> :own "
        "ORDER BY node, number LIMIT 1000000) ORDER BY 1, 2"
    ),
}
_PRUNE_OWN = delete(feed).where(
    feed.c.node == bindparam("node"),
    feed.c.number.in_(
        select(feed.c.number)
        .where(feed.c.node == bindparam("node"), feed.c.at < bindparam("before"))
        .order_by(feed.c.number)
        .limit(2 * PRUNE_OWN_EVERY)
        .scalar_subquery()
    ),
)
_newer = feed.alias("newer")
# The newest row of a node stays for a day, so that whoever begins to read learns of every node that lives.
_OLD = (
    select(feed.c.node, feed.c.number)
    .where(
        feed.c.at < bindparam("before"),
        or_(
            feed.c.at < bindparam("dead"),
            select(_newer.c.node).where(_newer.c.node == feed.c.node, _newer.c.number > feed.c.number).exists(),
        ),
    )
    .limit(_PRUNED_AT_ONCE)
)
_PRUNE = delete(feed).where(tuple_(feed.c.node, feed.c.number).in_(_OLD))


@frozen
class Position:
    """How far somebody has read at `at`: the last number of each node."""

    numbers: Mapping[int, int]
    largest: int
    at: Instant


@frozen
class Changes:
    """The passes that others changed since, None if it may be any; `position` is where to read on."""

    pass_ids: frozenset[int] | None
    position: Position


def begin(connection: Connection, at: Instant) -> int:
    """The number of a new node. To be committed by itself, before anything else is done as this node."""
    node = identifiers.take_one(connection, "nodes")
    connection.execute(_BEGIN, {"node": node, "at": at})
    return node


def tell(connection: Connection, node: int, pass_ids: Collection[int], at: Instant) -> None:
    """Have all others know, once this transaction is committed, that these passes changed.

    Once for each batch, in its own transaction, and by one writer for each node. A node that has nothing to tell says
    so every few minutes (with no passes), for one that is silent for a day counts as dead.
    """
    told = ",".join(map(str, pass_ids))
    _TELL.put_off(connection, {"node": node, "pass_ids": told, "at": at})


def prune_own(connection: Connection, node: int, at: Instant) -> None:
    """Forget what everybody has read by now of what this node told; every PRUNE_OWN_EVERY times."""
    connection.execute(_PRUNE_OWN, {"node": node, "before": at - _PRUNED_AFTER})


def read(connection: Connection, position: Position | None, at: Instant, own: int = 0) -> Changes:
    """What all nodes but `own` told since `position`; None for somebody who has nothing in memory yet."""
    if position is None or at - position.at > KEPT or len(position.numbers) > _MOST_NODES:
        return Changes(None, _present(connection, at))
    known = {"known": json.dumps(dict(position.numbers)), "largest": position.largest, "own": own}
    found = connection.execute(_READ[connection.dialect.name], known).all()
    return _taken(position, found, at) if found else Changes(frozenset(), evolve(position, at=at))


def _present(connection: Connection, at: Instant) -> Position:
    numbers = {row[0]: row[1] for row in connection.execute(_WHERE_IT_STANDS)}
    return Position(numbers, max(numbers, default=0), at)


def _taken(position: Position, found: Sequence[Any], at: Instant) -> Changes:
    numbers = dict(position.numbers)
    pass_ids: set[int] = set()
    is_whole = True
    for node, number, told in found:
        # A node's first row has number 0.
        is_whole = is_whole and number == numbers.get(node, -1) + 1
        numbers[node] = number
        pass_ids.update(map(int, told.split(",")) if told else ())
    after = Position(numbers, max(numbers), at)
    return Changes(frozenset(pass_ids) if is_whole else None, after)


def prune(connection: Connection, at: Instant) -> bool:
    """Forget what everybody has read by now; whether there may be more."""
    pruned = connection.execute(_PRUNE, {"before": at - _PRUNED_AFTER, "dead": at - _DEAD_AFTER}).rowcount
    return bool(pruned == _PRUNED_AT_ONCE)
