"""The table by which processes on one store tell each other what they changed."""

from sqlalchemy import BigInteger, Column, Table, Text

from radiusd.store.columns import metadata

# One row for each batch, numbered by each process for itself: its rows become visible in the order of their numbers.
feed = Table(
    "feed",
    metadata,
    Column("node", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("pass_ids", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
