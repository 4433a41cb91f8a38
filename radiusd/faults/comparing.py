"""The store against what clients were told: what is lost, what is doubled, what is otherwise wrong."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from attrs import field, frozen
from sqlalchemy import Connection, Row, text

from radiusd.faults.ledger import Ledger, Line, Used
from radiusd.store.invariants import check

LOST, DOUBLED, WRONG, INVARIANT = "lost", "doubled", "wrong", "invariant"

_LINES = text("SELECT acct_session_id, session_id, state, started_at, uploaded, downloaded, seconds FROM connections")
_EVENTS = text("SELECT kind, pc_user_id, happened_at, sessions_terminated FROM pc_events")
_MOVEMENTS = text(
    "SELECT m.key, e.amount FROM wallet_movements m JOIN wallet_entries e ON e.movement_id = m.id "
    "WHERE e.number IS NOT NULL ORDER BY m.id"
)
_GAMES = text("SELECT id FROM game_sessions")


@frozen
class Finding:
    """One thing that is not as it must be."""

    kind: str
    text: str


@frozen(kw_only=True)
class StoredLine:
    """A connection."""

    name: str | None
    session_id: int | None
    is_closed: bool
    is_begun: bool
    used: Used


@frozen(kw_only=True)
class Stored:
    """What is in the store; movements are those of the café's wallet, by their keys."""

    lines: Sequence[StoredLine] = ()
    events: Sequence[tuple[str, int]] = ()
    movements: Sequence[tuple[str, int]] = ()
    games: frozenset[str] = frozenset()
    violations: Sequence[str] = field(default=())


def event_name(kind: str, user: str, at: int) -> str:
    """The natural key of an event of a PC system."""
    return f"{kind} {user} {at}"


def read(connection: Connection) -> Stored:
    """All that is compared."""
    return Stored(
        lines=[_line(row) for row in connection.execute(_LINES)],
        events=[
            (event_name(row.kind, row.pc_user_id, row.happened_at), row.sessions_terminated)
            for row in connection.execute(_EVENTS)
        ],
        movements=[(row.key, row.amount) for row in connection.execute(_MOVEMENTS)],
        games=frozenset(connection.execute(_GAMES).scalars()),
        violations=[str(each) for each in check(connection)],
    )


def _line(row: "Row[tuple[object, ...]]") -> StoredLine:
    return StoredLine(
        name=row.acct_session_id,
        session_id=row.session_id,
        is_closed=row.state == "CLOSED",
        is_begun=row.started_at is not None,
        used=(row.uploaded, row.downloaded, row.seconds),
    )


def compare(ledger: Ledger, stored: Stored) -> list[Finding]:
    """Everything that is not as it must be."""
    return [
        *_compare_lines(ledger, stored),
        *_compare_events(ledger, stored),
        *_compare_money(ledger, stored),
        *(Finding(INVARIANT, each) for each in stored.violations),
    ]


def _compare_lines(ledger: Ledger, stored: Stored) -> Iterator[Finding]:
    found: defaultdict[str | None, list[StoredLine]] = defaultdict(list)
    for each in stored.lines:
        found[each.name].append(each)
    for name, line in ledger.lines.items():
        rows = found.pop(name, [])
        if len(rows) > 1:
            yield Finding(DOUBLED, f"line {name} is there {len(rows)} times")
        elif rows:
            yield from _compare_line(name, line, rows[0])
        elif line.was_let_in or line.was_begun:
            yield Finding(LOST, f"line {name} was {'begun' if line.was_begun else 'let in'}, and is not there")
    yield from (Finding(WRONG, f"nobody asked for line {name}") for name in found)


def _compare_line(name: str, line: Line, row: StoredLine) -> Iterator[Finding]:
    if row.session_id is None:
        yield Finding(WRONG, f"line {name} belongs to no session")
    if line.was_begun and not row.is_begun:
        yield Finding(LOST, f"line {name} was told to have begun, and has not")
    if line.end_told and not row.is_closed:
        yield Finding(LOST, f"line {name} was told to have ended, and has not")
    if not line.allows(row.used):
        kind = LOST if row.used in line.reports else WRONG
        yield Finding(kind, f"line {name} stands at {row.used}, and was told {line.reports[line.acknowledged]}")


def _compare_events(ledger: Ledger, stored: Stored) -> Iterator[Finding]:
    times = Counter(name for name, _ in stored.events)
    ended = dict(stored.events)
    yield from (Finding(DOUBLED, f"event {name} is there {many} times") for name, many in times.items() if many > 1)
    yield from (Finding(WRONG, f"nobody sent event {name}") for name in times if name not in ledger.events)
    for name, told in ledger.events.items():
        if told is not None and name not in ended:
            yield Finding(LOST, f"event {name} was acknowledged, and is not there")
        elif told is not None and ended[name] != told:
            yield Finding(WRONG, f"event {name} was told to end {told} sessions, and ended {ended[name]}")


def _compare_money(ledger: Ledger, stored: Stored) -> Iterator[Finding]:
    keys = Counter(key for key, _ in stored.movements)
    yield from (Finding(DOUBLED, f"movement {key} is there {many} times") for key, many in keys.items() if many > 1)
    put = sum(amount for key, amount in stored.movements if key.startswith("top-up:"))
    if put != ledger.put:
        yield Finding(LOST if put < ledger.put else DOUBLED, f"{put} units were put on, and it was told {ledger.put}")
    charged = {key.split(":")[1] for key, _ in stored.movements if key.startswith("charge:")}
    yield from (
        Finding(LOST, f"game {each} was told to have begun, and is not there") for each in ledger.charges - stored.games
    )
    yield from (Finding(LOST, f"game {each} was begun, and not paid") for each in ledger.charges - charged)
    nobody_heard = len(charged - ledger.charges)
    if nobody_heard > ledger.tokens_in_doubt:
        yield Finding(DOUBLED, f"{nobody_heard} charges nobody heard of, of {ledger.tokens_in_doubt} tokens in doubt")
