"""room beside the rows that change most, so that PostgreSQL writes them again where they are"""

from alembic import op

revision = "0007"
down_revision = "0006"

_FILLED = {"connections": 70, "sessions": 80, "passes": 80}
"""In percent. A row written again on its own page needs no new entry in any index (heap-only tuples)."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, percent in _FILLED.items():
            op.execute(f"ALTER TABLE {table} SET (fillfactor = {percent})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in _FILLED:
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
