"""The columns and the indexes that tables share, and the metadata all tables belong to."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ColumnElement, ForeignKey, Index, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def id_column() -> "Column[int]":
    """The id, from `identifiers`."""
    # SQLite keeps rows in the order of an INTEGER PRIMARY KEY, and of no other type: one look-up less for each row.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)


def reference(name: str, target: str, *, nullable: bool = False) -> "Column[int]":
    """The id of a row of `target`."""
    return Column(name, BigInteger, ForeignKey(f"{target}.id"), nullable=nullable)


def version_column() -> "Column[int]":
    """How often the row was written: whoever changes it must know it as it is."""
    return Column("version", BigInteger, nullable=False, server_default="0")


def usage_columns() -> "tuple[Column[int] | CheckConstraint, ...]":
    """Octets and seconds used."""
    return (
        *(
            Column(name, BigInteger, nullable=False, server_default="0")
            for name in ("uploaded", "downloaded", "seconds")
        ),
        # U1, as far as a row can tell.
        CheckConstraint("uploaded >= 0 AND downloaded >= 0 AND seconds >= 0", name="usage"),
    )


def terms_columns() -> "tuple[Column[Any] | CheckConstraint, ...]":
    """The columns of a package's terms, which a pass copies at the sale."""
    return (
        Column("time", BigInteger),
        Column("clock", Text, nullable=False),
        CheckConstraint("clock IN ('wall', 'online')", name="clock"),
        Column("data", BigInteger),
        Column("validity", BigInteger),
        Column("rate_up", BigInteger),
        Column("rate_down", BigInteger),
        Column("burst", Integer, nullable=False),
        Column("priority", Integer, nullable=False),
        Column("devices", Integer, nullable=False),
        CheckConstraint("devices BETWEEN 1 AND 5", name="devices"),
        Column("price", BigInteger, nullable=False),
        CheckConstraint("price >= 0", name="price"),
        Column("opens", Integer),
        Column("closes", Integer),
        Column("max_users", Integer),
    )


def partial_index(name: str, *columns: "Column[Any]", where: ColumnElement[bool], unique: bool = False) -> Index:
    """An index of the rows that `where` chooses."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
