"""The table about what was kept on a local disk while the store was away."""

from sqlalchemy import BigInteger, Column, Table, Text

from radiusd.store.columns import metadata

# How far a spool was replayed: written in the transaction that carried its records out, so none is carried out twice.
spooled = Table(
    "spooled",
    metadata,
    Column("spool_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)
