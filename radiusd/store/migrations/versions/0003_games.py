"""games"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "games",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), server_default="roblox", nullable=False),
        sa.Column("place_id", sa.Text(), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("period BETWEEN 1 AND 86400", name=op.f("ck_games_period")),
        sa.CheckConstraint("rate >= 0", name=op.f("ck_games_rate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_games")),
        sa.UniqueConstraint("name", name=op.f("uq_games_name")),
    )
    op.create_table(
        "wallet_movements",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallet_movements")),
        sa.UniqueConstraint("key", name=op.f("uq_wallet_movements_key")),
    )
    op.create_table(
        "charge_stops",
        sa.Column("game_session_id", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("game_id", sa.BigInteger(), nullable=False),
        sa.Column("played", sa.BigInteger(), nullable=False),
        sa.Column("unbilled", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(due_at IS NULL) = (done_at IS NOT NULL)", name=op.f("ck_charge_stops_due_at")),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_charge_stops_branch_id")),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], name=op.f("fk_charge_stops_game_id")),
        sa.PrimaryKeyConstraint("game_session_id", name=op.f("pk_charge_stops")),
    )
    with op.batch_alter_table("charge_stops", schema=None) as batch_op:
        batch_op.create_index(
            "ix_charge_stops_due_at",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )

    op.create_table(
        "game_keys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("game_id", sa.BigInteger(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], name=op.f("fk_game_keys_game_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_game_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_game_keys_key_hash")),
    )
    with op.batch_alter_table("game_keys", schema=None) as batch_op:
        batch_op.create_index("ix_game_keys_game_id", ["game_id"], unique=False)

    op.create_table(
        "launchers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_launchers_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_launchers")),
        sa.UniqueConstraint("name", name=op.f("uq_launchers_name")),
    )
    op.create_table(
        "wallet_charges",
        sa.Column("game_session_id", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=True),
        sa.Column("game_id", sa.BigInteger(), nullable=True),
        sa.Column("periods", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(started_at IS NULL) = (branch_id IS NULL) AND (started_at IS NULL) = (game_id IS NULL)",
            name=op.f("ck_wallet_charges_started"),
        ),
        sa.CheckConstraint("started_at IS NOT NULL OR stopped_at IS NOT NULL", name=op.f("ck_wallet_charges_stopped")),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_wallet_charges_branch_id")),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], name=op.f("fk_wallet_charges_game_id")),
        sa.PrimaryKeyConstraint("game_session_id", name=op.f("pk_wallet_charges")),
    )
    op.create_table(
        "wallet_entries",
        sa.Column("movement_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(number IS NULL) = (balance IS NULL)", name=op.f("ck_wallet_entries_number")),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_wallet_entries_balance")),
        sa.ForeignKeyConstraint(["movement_id"], ["wallet_movements.id"], name=op.f("fk_wallet_entries_movement_id")),
        sa.PrimaryKeyConstraint("movement_id", "account", name=op.f("pk_wallet_entries")),
    )
    with op.batch_alter_table("wallet_entries", schema=None) as batch_op:
        batch_op.create_index("uq_wallet_entries_account_number", ["account", "number"], unique=True)

    op.create_table(
        "launcher_nonces",
        sa.Column("launcher_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["launcher_id"], ["launchers.id"], name=op.f("fk_launcher_nonces_launcher_id")),
        sa.PrimaryKeyConstraint("launcher_id", "nonce", name=op.f("pk_launcher_nonces")),
    )
    with op.batch_alter_table("launcher_nonces", schema=None) as batch_op:
        batch_op.create_index("ix_launcher_nonces_seen_at", ["seen_at"], unique=False)

    op.create_table(
        "launcher_sessions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("launcher_id", sa.BigInteger(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("pc", sa.Text(), nullable=False),
        sa.Column("pc_user_id", sa.Text(), nullable=True),
        sa.Column("external_ip", sa.Text(), nullable=False),
        sa.Column("internal_ip", sa.Text(), nullable=False),
        sa.Column("hardware", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_launcher_sessions_branch_id")),
        sa.ForeignKeyConstraint(["launcher_id"], ["launchers.id"], name=op.f("fk_launcher_sessions_launcher_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_launcher_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_launcher_sessions_token_hash")),
    )
    with op.batch_alter_table("launcher_sessions", schema=None) as batch_op:
        batch_op.create_index("ix_launcher_sessions_pc_user_id", ["pc_user_id", "branch_id"], unique=False)
        batch_op.create_index("ix_launcher_sessions_seen_at", ["seen_at"], unique=False)

    op.create_table(
        "game_sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("game_id", sa.BigInteger(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("launcher_session_id", sa.BigInteger(), nullable=False),
        sa.Column("pc", sa.Text(), nullable=False),
        sa.Column("provider_user_id", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("last_heartbeat_at", sa.BigInteger(), nullable=False),
        sa.Column("grace_from", sa.BigInteger(), nullable=True),
        sa.Column("unpaid_for", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unrenewed_since", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("client_seconds", sa.BigInteger(), nullable=True),
        sa.Column("wake_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(phase IN ('ACTIVE', 'GRACE')) = (ended_at IS NULL)", name=op.f("ck_game_sessions_ended_at")
        ),
        sa.CheckConstraint(
            "phase IN ('ACTIVE', 'GRACE', 'ENDING', 'ENDED', 'EXPIRED')", name=op.f("ck_game_sessions_phase")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_game_sessions_end_reason")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_game_sessions_end_after_start")),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_game_sessions_branch_id")),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], name=op.f("fk_game_sessions_game_id")),
        sa.ForeignKeyConstraint(
            ["launcher_session_id"], ["launcher_sessions.id"], name=op.f("fk_game_sessions_launcher_session_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_game_sessions")),
    )
    with op.batch_alter_table("game_sessions", schema=None) as batch_op:
        batch_op.create_index("ix_game_sessions_game_id_started_at", ["game_id", "started_at"], unique=False)
        batch_op.create_index("ix_game_sessions_launcher_session_id", ["launcher_session_id"], unique=False)
        batch_op.create_index(
            "ix_game_sessions_wake_at",
            ["wake_at"],
            unique=False,
            sqlite_where=sa.text("wake_at IS NOT NULL"),
            postgresql_where=sa.text("wake_at IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_game_sessions_live_pc",
            ["pc"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "otts",
        sa.Column("ott_hash", sa.LargeBinary(), nullable=False),
        sa.Column("launcher_session_id", sa.BigInteger(), nullable=False),
        sa.Column("game_id", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("spent_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint("(claimed_at IS NULL) = (claimed_by IS NULL)", name=op.f("ck_otts_claim")),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], name=op.f("fk_otts_game_id")),
        sa.ForeignKeyConstraint(
            ["launcher_session_id"], ["launcher_sessions.id"], name=op.f("fk_otts_launcher_session_id")
        ),
        sa.PrimaryKeyConstraint("ott_hash", name=op.f("pk_otts")),
    )
    with op.batch_alter_table("otts", schema=None) as batch_op:
        batch_op.create_index("ix_otts_issued_at", ["issued_at"], unique=False)
        batch_op.create_index(
            "ix_otts_claimed_at",
            ["claimed_at"],
            unique=False,
            sqlite_where=sa.text("claimed_at IS NOT NULL"),
            postgresql_where=sa.text("claimed_at IS NOT NULL"),
        )
    _guard_wallet()


def _guard_wallet() -> None:
    """What was booked stays: a correction is a movement of its own."""
    tables = ("wallet_movements", "wallet_entries")
    if op.get_bind().dialect.name == "sqlite":
        for table in tables:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_stay_on_{verb.lower()} BEFORE {verb} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'what was booked stays as it is'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION refuse_change_of_wallet() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'what was booked stays as it is'; END $$"
    )
    for table in tables:
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_wallet()"
        )


def downgrade() -> None:
    with op.batch_alter_table("otts", schema=None) as batch_op:
        batch_op.drop_index("ix_otts_issued_at")
        batch_op.drop_index(
            "ix_otts_claimed_at",
            sqlite_where=sa.text("claimed_at IS NOT NULL"),
            postgresql_where=sa.text("claimed_at IS NOT NULL"),
        )

    op.drop_table("otts")
    with op.batch_alter_table("game_sessions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_game_sessions_live_pc",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_game_sessions_wake_at",
            sqlite_where=sa.text("wake_at IS NOT NULL"),
            postgresql_where=sa.text("wake_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_game_sessions_launcher_session_id")
        batch_op.drop_index("ix_game_sessions_game_id_started_at")

    op.drop_table("game_sessions")
    with op.batch_alter_table("launcher_sessions", schema=None) as batch_op:
        batch_op.drop_index("ix_launcher_sessions_seen_at")
        batch_op.drop_index("ix_launcher_sessions_pc_user_id")

    op.drop_table("launcher_sessions")
    with op.batch_alter_table("launcher_nonces", schema=None) as batch_op:
        batch_op.drop_index("ix_launcher_nonces_seen_at")

    op.drop_table("launcher_nonces")
    with op.batch_alter_table("wallet_entries", schema=None) as batch_op:
        batch_op.drop_index("uq_wallet_entries_account_number")

    op.drop_table("wallet_entries")
    op.drop_table("wallet_charges")
    op.drop_table("launchers")
    with op.batch_alter_table("game_keys", schema=None) as batch_op:
        batch_op.drop_index("ix_game_keys_game_id")

    op.drop_table("game_keys")
    with op.batch_alter_table("charge_stops", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_charge_stops_due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )

    op.drop_table("charge_stops")
    op.drop_table("wallet_movements")
    op.drop_table("games")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_wallet()")
