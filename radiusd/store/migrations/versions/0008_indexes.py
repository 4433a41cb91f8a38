"""fewer entries for each login and each end: an index has only what nothing else leads to"""

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.drop_index("ix_sessions_pass_id_phase", "sessions")
    op.drop_index("ix_sessions_phase_created_at", "sessions")
    op.drop_index("ix_decisions_name", "decisions")
    op.drop_index("ix_decisions_device", "decisions")
    op.create_index("ix_sessions_pass_id_ended_at", "sessions", ["pass_id", "ended_at"])
    _create("ix_sessions_active", "sessions", ["created_at", "id"], "phase = 'ACTIVE'")
    _create("ix_sessions_device", "sessions", ["device", "id"], "device IS NOT NULL")
    _create("ix_decisions_name", "decisions", ["name", "id"], "session_id IS NULL")
    _create("ix_decisions_device", "decisions", ["device", "id"], "session_id IS NULL")


def downgrade() -> None:
    op.drop_index("ix_decisions_device", "decisions")
    op.drop_index("ix_decisions_name", "decisions")
    op.drop_index("ix_sessions_device", "sessions")
    op.drop_index("ix_sessions_active", "sessions")
    op.drop_index("ix_sessions_pass_id_ended_at", "sessions")
    op.create_index("ix_decisions_device", "decisions", ["device", "id"])
    op.create_index("ix_decisions_name", "decisions", ["name", "id"])
    op.create_index("ix_sessions_phase_created_at", "sessions", ["phase", "created_at"])
    op.create_index("ix_sessions_pass_id_phase", "sessions", ["pass_id", "phase"])


def _create(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=text(where), postgresql_where=text(where))
