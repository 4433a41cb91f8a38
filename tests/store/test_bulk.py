"""Many rows at once are the same rows as one by one, whatever is in them."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    select,
    union,
)

from radiusd.store.bulk import Insert, Query, Rewrite
from radiusd.store.database import Database
from radiusd.store.errors import Conflict
from radiusd.store.keys import among

THINGS = Table(
    "things",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("name", Text),
    Column("number", Integer),
    Column("big", BigInteger),
    Column("is_on", Boolean),
    Column("octets", LargeBinary, nullable=False, server_default=""),
    Column("version", BigInteger, nullable=False, server_default="0"),
)
COLUMNS = ("name", "number", "big", "is_on")
INSERT = Insert(THINGS, ("id", *COLUMNS))
REWRITE = Rewrite(THINGS, COLUMNS, has_version=True, never_empties=("big",))
NARROWING = Rewrite(THINGS, COLUMNS, has_version=True, never_empties=("big",), lasting=(("name", "number"), ("is_on",)))
REWRITE_ANY = Rewrite(THINGS, ("name",), has_version=False)
EVERY = Query(select(*(THINGS.c[name] for name in ("id", *COLUMNS))).order_by(THINGS.c.id))

SPELLED = [
    None,
    "",
    "NULL",
    "null",
    "0",
    "12",
    " ",
    "a,b",
    "{a}",
    "it's",
    'say "yes"',
    "back\\slash",
    '\\"',
    "%s %(x)s ? :x",
    "line\nfeed\ttab\r",
    "người dùng",
    "🧋" * 300,
    "\x01\x7f\u2028\ufffd",
    "$[0]",
    '{"json": [1]}',
]
names = st.one_of(st.sampled_from(SPELLED), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
rows = st.lists(
    st.tuples(
        names,
        st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)),
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        st.one_of(st.none(), st.booleans()),
    ),
    max_size=30,
)


@pytest.fixture
def store(database: Database) -> Database:
    """A store with a table of all kinds of values."""
    with database.writing() as connection:
        THINGS.create(connection)
    return database


def kept(connection: Connection) -> list[tuple[Any, ...]]:
    """What is stored, as SQLAlchemy reads it."""
    columns = [THINGS.c[name] for name in ("id", *COLUMNS)]
    return [tuple(row) for row in connection.execute(select(*columns).order_by(THINGS.c.id))]


def numbered(values: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(number, *row) for number, row in enumerate(values)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(rows, rows)
def test_any_values_are_inserted_rewritten_and_read_as_they_are(
    store: Database, first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]
) -> None:
    with store.writing() as connection:
        connection.execute(THINGS.delete())
        INSERT.run(connection, numbered(first))
        assert kept(connection) == numbered(first)
        assert [tuple(row) for row in EVERY.rows(connection)] == numbered(first)
        common = list(zip(first, second, strict=False))
        REWRITE.run(connection, [(*new, number, 0) for number, (_, new) in enumerate(common)])
        expected = [(*new[:2], old[2] if new[2] is None else new[2], new[3]) for old, new in common] + first[
            len(common) :
        ]
        assert kept(connection) == numbered(expected)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(rows, rows, st.sets(st.sampled_from(COLUMNS)))
def test_whether_what_rows_were_before_is_told_makes_no_difference(
    store: Database, first: list[tuple[Any, ...]], second: list[tuple[Any, ...]], same: set[str]
) -> None:
    pairs = [
        (was, tuple(old if name in same else new for name, old, new in zip(COLUMNS, was, now, strict=True)))
        for was, now in zip(first, second, strict=False)
    ]
    told = []
    for before in ((), [was for was, _ in pairs]):
        with store.writing() as connection:
            connection.execute(THINGS.delete())
            INSERT.run(connection, numbered(first))
            NARROWING.run(connection, [(*now, number, 0) for number, (_, now) in enumerate(pairs)], before)
            told.append(
                (kept(connection), connection.execute(select(THINGS.c.version).order_by(THINGS.c.id)).scalars().all())
            )
    assert told[0] == told[1]


def test_nothing_is_written_of_an_empty_batch(store: Database) -> None:
    with store.writing() as connection:
        INSERT.run(connection, [])
        REWRITE.run(connection, [])
        assert kept(connection) == []
        assert list(EVERY.rows(connection)) == []


@pytest.mark.parametrize("versions", [(0, 1, 1), (0, 0, 0), (1, 1, 2)])
def test_when_somebody_else_wrote_one_of_the_rows_nothing_is_written(
    store: Database, versions: tuple[int, ...]
) -> None:
    rows = [("new", 2, 2, None, number, 0) for number in (1, 2, 3)]
    with store.writing() as connection:
        INSERT.run(connection, [(number, "old", 1, 1, None) for number in (1, 2, 3)])
    with store.writing() as connection:
        REWRITE.run(connection, rows)
    again = [("newer", 3, 3, None, number, version) for number, version in zip((1, 2, 3), versions, strict=True)]
    with pytest.raises(Conflict), store.writing() as connection:
        REWRITE.run(connection, again)
    with store.reading() as connection:
        assert [row[1] for row in kept(connection)] == ["new"] * 3
        assert connection.execute(select(THINGS.c.version)).scalars().all() == [1, 1, 1]


def test_a_row_that_is_not_there_is_a_conflict_as_well(store: Database) -> None:
    with pytest.raises(Conflict), store.writing() as connection:
        REWRITE.run(connection, [("new", 1, 1, None, 9, 0)])


def test_two_rewrites_of_one_row_in_a_batch_do_not_both_count(store: Database) -> None:
    with store.writing() as connection:
        INSERT.run(connection, [(1, "old", 1, 1, None)])
    with pytest.raises(Conflict), store.writing() as connection:
        REWRITE.run(connection, [("new", 1, 1, None, 1, 0), ("newer", 1, 1, None, 1, 0)])


def test_what_was_put_off_is_done_before_whatever_comes_next_and_in_its_order(store: Database) -> None:
    with store.writing() as connection:
        INSERT.run(connection, [(1, "a", 1, 7, True)])
        REWRITE_ANY.run(connection, [("b", 1)])
        connection.execute(THINGS.update().where(THINGS.c.name == "b").values(name="c"))
        REWRITE_ANY.run(connection, [("d", 1)])
        assert EVERY.rows(connection)[0][1] == "d"
        REWRITE_ANY.run(connection, [("e", 1)])
    with store.reading() as connection:
        assert [row[1] for row in kept(connection)] == ["e"]


def test_what_was_put_off_in_a_transaction_that_is_undone_is_never_done(store: Database) -> None:
    open_one = store.kept_open()
    with pytest.raises(RuntimeError), open_one.writing() as connection:
        INSERT.run(connection, [(1, "a", 1, 7, True)])
        raise RuntimeError
    with open_one.writing() as connection:
        INSERT.run(connection, [(2, "b", 1, 7, True)])
    with store.reading() as connection:
        assert [row[0] for row in kept(connection)] == [2]


def test_a_column_that_never_empties_keeps_its_value_and_any_other_does_not(store: Database) -> None:
    with store.writing() as connection:
        INSERT.run(connection, [(1, "a", 1, 7, True)])
        REWRITE.run(connection, [(None, None, None, None, 1, 0)])
        assert kept(connection) == [(1, None, None, 7, None)]


def test_a_row_without_a_version_is_always_written(store: Database) -> None:
    with store.writing() as connection:
        INSERT.run(connection, [(1, "a", 1, 7, True), (2, "b", 1, 7, True)])
        REWRITE_ANY.run(connection, [("c", 1), ("d", 2), ("e", 3)])
        assert [row[1] for row in kept(connection)] == ["c", "d"]
        assert set(connection.execute(select(THINGS.c.version)).scalars()) == {0}


def test_octets_are_read_as_octets(store: Database) -> None:
    octets = Query(select(THINGS.c.id, THINGS.c.octets).where(among(THINGS.c.id, "wanted")))
    both = Query(union(select(THINGS.c.id), select(THINGS.c.number).where(THINGS.c.number.is_not(None))))
    with store.writing() as connection:
        connection.execute(insert(THINGS), [{"id": 1, "octets": bytes(range(256))}, {"id": 2, "octets": b""}])
        for wanted, expected in ((1, bytes(range(256))), (2, b"")):
            ((_, found),) = octets.rows(connection, wanted=[wanted])
            assert bytes(found) == expected
        assert sorted(row[0] for row in both.rows(connection)) == [1, 2]
