"""the first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "branches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_store", sa.Text(), nullable=False),
        sa.Column("interim", sa.Integer(), nullable=False),
        sa.Column("idle_timeout", sa.Integer(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("switch_rule", sa.Text(), server_default="leash", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("password_store IN ('recoverable', 'hash')", name=op.f("ck_branches_password_store")),
        sa.CheckConstraint("switch_rule IN ('leash', 'refuse')", name=op.f("ck_branches_switch_rule")),
        sa.CheckConstraint("interim BETWEEN 60 AND 600", name=op.f("ck_branches_interim")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_branches")),
        sa.UniqueConstraint("name", name=op.f("uq_branches_name")),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("router_id", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index("ix_decisions_at", ["at"], unique=False)
        batch_op.create_index("ix_decisions_device", ["device", "id"], unique=False)
        batch_op.create_index("ix_decisions_name", ["name", "id"], unique=False)
        batch_op.create_index("ix_decisions_session_id", ["session_id"], unique=False)

    op.create_table(
        "identifiers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_identifiers")),
    )
    op.create_table(
        "packages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=True),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("data", sa.BigInteger(), nullable=True),
        sa.Column("validity", sa.BigInteger(), nullable=True),
        sa.Column("rate_up", sa.BigInteger(), nullable=True),
        sa.Column("rate_down", sa.BigInteger(), nullable=True),
        sa.Column("burst", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("opens", sa.Integer(), nullable=True),
        sa.Column("closes", sa.Integer(), nullable=True),
        sa.Column("max_users", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("clock IN ('wall', 'online')", name=op.f("ck_packages_clock")),
        sa.CheckConstraint("devices BETWEEN 1 AND 5", name=op.f("ck_packages_devices")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_packages_price")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packages")),
        sa.UniqueConstraint("name", name=op.f("uq_packages_name")),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_revisions_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("last_pass_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('customer', 'voucher')", name=op.f("ck_accounts_kind")),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_accounts_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )
    op.create_table(
        "routers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("coa_address", sa.Text(), nullable=True),
        sa.Column("coa_port", sa.Integer(), nullable=False),
        sa.Column("coa_answered", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("coa_plain", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("cut_by", sa.Text(), server_default="coa", nullable=False),
        sa.Column("api_address", sa.Text(), nullable=True),
        sa.Column("api_port", sa.Integer(), nullable=True),
        sa.Column("api_tls", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("api_user", sa.Text(), nullable=True),
        sa.Column("api_password", sa.LargeBinary(), nullable=True),
        sa.Column("timeout", sa.Integer(), server_default="300", nullable=False),
        sa.Column("require_message_authenticator", sa.Text(), nullable=False),
        sa.Column("signs_requests", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("mac_password", sa.Text(), nullable=False),
        sa.Column("mac_password_value", sa.LargeBinary(), nullable=True),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cut_by = 'coa' OR api_user IS NOT NULL", name=op.f("ck_routers_api")),
        sa.CheckConstraint("cut_by IN ('coa', 'api', 'both')", name=op.f("ck_routers_cut_by")),
        sa.CheckConstraint("kind IN ('mikrotik', 'other')", name=op.f("ck_routers_kind")),
        sa.CheckConstraint("mac_password IN ('empty', 'mac', 'fixed')", name=op.f("ck_routers_mac")),
        sa.CheckConstraint(
            "require_message_authenticator IN ('yes', 'no', 'learn')", name=op.f("ck_routers_require_ma")
        ),
        sa.CheckConstraint("coa_port BETWEEN 1 AND 65535", name=op.f("ck_routers_coa_port")),
        sa.CheckConstraint("timeout BETWEEN 100 AND 60000", name=op.f("ck_routers_timeout")),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_routers_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routers")),
        sa.UniqueConstraint("name", name=op.f("uq_routers_name")),
    )
    op.create_table(
        "devices",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("is_blocked", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_devices_account_id")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_devices")),
    )
    op.create_table(
        "nases",
        sa.Column("router_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["router_id"], ["routers.id"], name=op.f("fk_nases_router_id")),
        sa.PrimaryKeyConstraint("router_id", "name", name=op.f("pk_nases")),
    )
    op.create_table(
        "passes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("package", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=True),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("data", sa.BigInteger(), nullable=True),
        sa.Column("validity", sa.BigInteger(), nullable=True),
        sa.Column("rate_up", sa.BigInteger(), nullable=True),
        sa.Column("rate_down", sa.BigInteger(), nullable=True),
        sa.Column("burst", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("opens", sa.Integer(), nullable=True),
        sa.Column("closes", sa.Integer(), nullable=True),
        sa.Column("max_users", sa.Integer(), nullable=True),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("first_login_at", sa.BigInteger(), nullable=True),
        sa.Column("extra_time", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("extra_data", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("uploaded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("downloaded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held", sa.Text(), nullable=True),
        sa.Column("is_open", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("wake_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("clock IN ('wall', 'online')", name=op.f("ck_passes_clock")),
        sa.CheckConstraint("devices BETWEEN 1 AND 5", name=op.f("ck_passes_devices")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_passes_price")),
        sa.CheckConstraint("uploaded >= 0 AND downloaded >= 0 AND seconds >= 0", name=op.f("ck_passes_usage")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_passes_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passes")),
    )
    with op.batch_alter_table("passes", schema=None) as batch_op:
        batch_op.create_index("ix_passes_account_id", ["account_id"], unique=False)
        batch_op.create_index(
            "ix_passes_wake_at",
            ["wake_at"],
            unique=False,
            sqlite_where=sa.text("wake_at IS NOT NULL"),
            postgresql_where=sa.text("wake_at IS NOT NULL"),
        )

    op.create_table(
        "logins",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("pass_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("password_kind", sa.Text(), nullable=False),
        sa.Column("password", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('account', 'pass', 'voucher')", name=op.f("ck_logins_kind")),
        sa.CheckConstraint("password_kind IN ('recoverable', 'argon2')", name=op.f("ck_logins_password_kind")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_logins_account_id")),
        sa.ForeignKeyConstraint(["pass_id"], ["passes.id"], name=op.f("fk_logins_pass_id")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_logins")),
    )
    with op.batch_alter_table("logins", schema=None) as batch_op:
        batch_op.create_index("ix_logins_account_id", ["account_id"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("pass_id", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("uploaded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("downloaded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("(phase = 'ACTIVE') = (slot IS NOT NULL)", name=op.f("ck_sessions_slot")),
        sa.CheckConstraint(
            "(phase IN ('EXPIRED', 'TERMINATED')) = (end_reason IS NOT NULL)", name=op.f("ck_sessions_end_reason")
        ),
        sa.CheckConstraint(
            "phase <> 'ACTIVE' OR (device IS NOT NULL AND started_at IS NOT NULL)", name=op.f("ck_sessions_active")
        ),
        sa.CheckConstraint(
            "phase <> 'PENDING' OR (device IS NULL AND started_at IS NULL)", name=op.f("ck_sessions_pending")
        ),
        sa.CheckConstraint("phase IN ('PENDING', 'ACTIVE', 'EXPIRED', 'TERMINATED')", name=op.f("ck_sessions_phase")),
        sa.CheckConstraint("(end_reason IS NULL) = (ended_at IS NULL)", name=op.f("ck_sessions_ended_at")),
        sa.CheckConstraint(
            "ended_at >= created_at AND (started_at IS NULL OR ended_at >= started_at)",
            name=op.f("ck_sessions_end_after_start"),
        ),
        sa.CheckConstraint("slot BETWEEN 1 AND 5", name=op.f("ck_sessions_slot_number")),
        sa.CheckConstraint("uploaded >= 0 AND downloaded >= 0 AND seconds >= 0", name=op.f("ck_sessions_usage")),
        sa.ForeignKeyConstraint(["pass_id"], ["passes.id"], name=op.f("fk_sessions_pass_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index("ix_sessions_pass_id_phase", ["pass_id", "phase"], unique=False)
        batch_op.create_index("ix_sessions_phase_created_at", ["phase", "created_at"], unique=False)
        batch_op.create_index(
            "uq_sessions_active_slot",
            ["pass_id", "slot"],
            unique=True,
            sqlite_where=sa.text("phase = 'ACTIVE'"),
            postgresql_where=sa.text("phase = 'ACTIVE'"),
        )

    op.create_table(
        "connections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("router_id", sa.BigInteger(), nullable=False),
        sa.Column("nas", sa.Text(), nullable=False),
        sa.Column("nas_address", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("acct_session_id", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("framed_ip_address", sa.Text(), nullable=True),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closing", sa.Text(), nullable=True),
        sa.Column("terminate_cause", sa.Integer(), nullable=True),
        sa.Column("uploaded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("downloaded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("loose", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'CLOSED') = (closed_at IS NOT NULL)", name=op.f("ck_connections_closed_at")),
        sa.CheckConstraint("state IN ('OPEN', 'CUTTING', 'CLOSED')", name=op.f("ck_connections_state")),
        sa.CheckConstraint("(closed_at IS NULL) = (closing IS NULL)", name=op.f("ck_connections_closing")),
        sa.CheckConstraint("uploaded >= 0 AND downloaded >= 0 AND seconds >= 0", name=op.f("ck_connections_usage")),
        sa.ForeignKeyConstraint(["router_id"], ["routers.id"], name=op.f("fk_connections_router_id")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_connections_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
    )
    with op.batch_alter_table("connections", schema=None) as batch_op:
        batch_op.create_index("ix_connections_key", ["key", "id"], unique=False)
        batch_op.create_index(
            "ix_connections_running",
            ["router_id"],
            unique=False,
            sqlite_where=sa.text("state != 'CLOSED'"),
            postgresql_where=sa.text("state != 'CLOSED'"),
        )
        batch_op.create_index("ix_connections_session_id", ["session_id"], unique=False)

    op.create_table(
        "commands",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), server_default="cut", nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("elapsed", sa.BigInteger(), nullable=True),
        sa.Column("alerted_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('cut', 'change')", name=op.f("ck_commands_kind")),
        sa.CheckConstraint(
            "outcome IN ('confirmed', 'gone', 'not cut', 'changed', 'refused')", name=op.f("ck_commands_outcome")
        ),
        sa.CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name=op.f("ck_commands_decided_at")),
        sa.CheckConstraint("due_at IS NOT NULL OR outcome IS NOT NULL", name=op.f("ck_commands_due_at")),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_commands_connection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.create_index("ix_commands_connection_id", ["connection_id"], unique=False)
        batch_op.create_index(
            "ix_commands_due_at",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
    _guard_final_phases()
    op.execute("INSERT INTO revisions (id, number) VALUES (1, 0)")


def _guard_final_phases() -> None:
    """S2: a final phase never changes, and nothing becomes PENDING again, whoever writes."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER sessions_final_phase BEFORE UPDATE OF phase ON sessions "
            "WHEN OLD.phase <> NEW.phase AND (OLD.phase IN ('EXPIRED', 'TERMINATED') OR NEW.phase = 'PENDING') "
            "BEGIN SELECT RAISE(ABORT, 'a final phase never changes'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION refuse_phase_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'a final phase never changes'; END $$"
    )
    op.execute(
        "CREATE TRIGGER sessions_final_phase BEFORE UPDATE OF phase ON sessions FOR EACH ROW "
        "WHEN (OLD.phase <> NEW.phase AND (OLD.phase IN ('EXPIRED', 'TERMINATED') OR NEW.phase = 'PENDING')) "
        "EXECUTE FUNCTION refuse_phase_change()"
    )


def downgrade() -> None:
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_commands_due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_commands_connection_id")

    op.drop_table("commands")
    with op.batch_alter_table("connections", schema=None) as batch_op:
        batch_op.drop_index("ix_connections_session_id")
        batch_op.drop_index(
            "ix_connections_running",
            sqlite_where=sa.text("state != 'CLOSED'"),
            postgresql_where=sa.text("state != 'CLOSED'"),
        )
        batch_op.drop_index("ix_connections_key")

    op.drop_table("connections")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_sessions_active_slot",
            sqlite_where=sa.text("phase = 'ACTIVE'"),
            postgresql_where=sa.text("phase = 'ACTIVE'"),
        )
        batch_op.drop_index("ix_sessions_phase_created_at")
        batch_op.drop_index("ix_sessions_pass_id_phase")

    op.drop_table("sessions")
    with op.batch_alter_table("logins", schema=None) as batch_op:
        batch_op.drop_index("ix_logins_account_id")

    op.drop_table("logins")
    with op.batch_alter_table("passes", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_passes_wake_at",
            sqlite_where=sa.text("wake_at IS NOT NULL"),
            postgresql_where=sa.text("wake_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_passes_account_id")

    op.drop_table("passes")
    op.drop_table("nases")
    op.drop_table("devices")
    op.drop_table("routers")
    op.drop_table("accounts")
    op.drop_table("revisions")
    op.drop_table("packages")
    op.drop_table("identifiers")
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index("ix_decisions_session_id")
        batch_op.drop_index("ix_decisions_name")
        batch_op.drop_index("ix_decisions_device")
        batch_op.drop_index("ix_decisions_at")

    op.drop_table("decisions")
    op.drop_table("branches")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_phase_change()")
