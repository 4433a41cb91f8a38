"""what an open connection used stays with it until it is no longer open; rows count how often they were written"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_OPEN_OF_SESSIONS = (
    "(SELECT coalesce(sum(c.{what}), 0) FROM connections c WHERE c.session_id = sessions.id AND c.state = 'OPEN')"
)
_OPEN_OF_PASSES = (
    "(SELECT coalesce(sum(c.{what}), 0) FROM connections c JOIN sessions s ON s.id = c.session_id "
    "WHERE s.pass_id = passes.id AND c.state = 'OPEN')"
)


_USAGE = ("uploaded", "downloaded", "seconds")


def upgrade() -> None:
    for table in ("passes", "connections"):
        op.add_column(table, sa.Column("version", sa.BigInteger(), server_default="0", nullable=False))
    _count_open("-")


def downgrade() -> None:
    _count_open("+")
    for table in ("passes", "connections"):
        op.drop_column(table, "version")


def _count_open(sign: str) -> None:
    for table, of_open in (("sessions", _OPEN_OF_SESSIONS), ("passes", _OPEN_OF_PASSES)):
        changes = ", ".join(f"{what} = {what} {sign} {of_open.format(what=what)}" for what in _USAGE)
        op.execute(f"UPDATE {table} SET {changes}")  # noqa: S608 - names from above
