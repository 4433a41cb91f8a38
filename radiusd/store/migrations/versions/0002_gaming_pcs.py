"""gaming pcs"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "branch_networks",
        sa.Column("branch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_branch_networks_branch_id")),
        sa.PrimaryKeyConstraint("branch_id", "network", name=op.f("pk_branch_networks")),
    )
    op.create_table(
        "pc_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("pc_user_id", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("sessions_terminated", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('USER_LOGOUT', 'USER_LOGIN', 'BALANCE_UPDATE')", name=op.f("ck_pc_events_kind")),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_pc_events_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pc_events")),
        sa.UniqueConstraint("digest", name=op.f("uq_pc_events_digest")),
    )
    with op.batch_alter_table("pc_events", schema=None) as batch_op:
        batch_op.create_index("ix_pc_events_branch_id", ["branch_id", "id"], unique=False)
        batch_op.create_index("ix_pc_events_pc_user_id", ["pc_user_id", "id"], unique=False)
        batch_op.create_index("ix_pc_events_received_at", ["received_at"], unique=False)

    op.create_table(
        "pc_keys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signing_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_pc_keys_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pc_keys")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_pc_keys_token_hash")),
    )
    with op.batch_alter_table("pc_keys", schema=None) as batch_op:
        batch_op.create_index("ix_pc_keys_branch_id", ["branch_id"], unique=False)

    op.create_table(
        "pc_presences",
        sa.Column("pc_user_id", sa.Text(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("logged_in_at", sa.BigInteger(), nullable=True),
        sa.Column("logged_out_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_pc_presences_branch_id")),
        sa.PrimaryKeyConstraint("pc_user_id", "branch_id", name=op.f("pk_pc_presences")),
    )
    op.create_table(
        "pc_refusals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_pc_refusals_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pc_refusals")),
    )
    with op.batch_alter_table("pc_refusals", schema=None) as batch_op:
        batch_op.create_index("ix_pc_refusals_at", ["at"], unique=False)

    op.create_table(
        "pc_systems",
        sa.Column("branch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("resume", sa.Text(), server_default="after_pc_login", nullable=False),
        sa.Column("shapes", sa.Text(), nullable=False),
        sa.Column("api_url", sa.Text(), nullable=True),
        sa.Column("api_paths", sa.Text(), server_default="{}", nullable=False),
        sa.Column("api_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("resume IN ('never', 'after_pc_login', 'free')", name=op.f("ck_pc_systems_resume")),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_pc_systems_branch_id")),
        sa.PrimaryKeyConstraint("branch_id", name=op.f("pk_pc_systems")),
        sa.UniqueConstraint("location_id", name=op.f("uq_pc_systems_location_id")),
    )
    op.create_table(
        "pc_users",
        sa.Column("pc_user_id", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_pc_users_account_id")),
        sa.PrimaryKeyConstraint("pc_user_id", "realm", name=op.f("pk_pc_users")),
    )
    with op.batch_alter_table("pc_users", schema=None) as batch_op:
        batch_op.create_index("ix_pc_users_account_id", ["account_id"], unique=False)

    op.create_table(
        "portal_logins",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("branch_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("pc_user_id", sa.Text(), nullable=False),
        sa.Column("pc_token", sa.LargeBinary(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_portal_logins_account_id")),
        sa.ForeignKeyConstraint(["branch_id"], ["branches.id"], name=op.f("fk_portal_logins_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portal_logins")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_portal_logins_token_hash")),
    )
    with op.batch_alter_table("portal_logins", schema=None) as batch_op:
        batch_op.create_index("ix_portal_logins_expires_at", ["expires_at"], unique=False)
        batch_op.create_index("ix_portal_logins_pc_user_id", ["pc_user_id", "branch_id"], unique=False)

    with op.batch_alter_table("passes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("paused_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("paused_for", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("passes", schema=None) as batch_op:
        batch_op.drop_column("paused_for")
        batch_op.drop_column("paused_at")

    with op.batch_alter_table("portal_logins", schema=None) as batch_op:
        batch_op.drop_index("ix_portal_logins_pc_user_id")
        batch_op.drop_index("ix_portal_logins_expires_at")

    op.drop_table("portal_logins")
    with op.batch_alter_table("pc_users", schema=None) as batch_op:
        batch_op.drop_index("ix_pc_users_account_id")

    op.drop_table("pc_users")
    op.drop_table("pc_systems")
    with op.batch_alter_table("pc_refusals", schema=None) as batch_op:
        batch_op.drop_index("ix_pc_refusals_at")

    op.drop_table("pc_refusals")
    op.drop_table("pc_presences")
    with op.batch_alter_table("pc_keys", schema=None) as batch_op:
        batch_op.drop_index("ix_pc_keys_branch_id")

    op.drop_table("pc_keys")
    with op.batch_alter_table("pc_events", schema=None) as batch_op:
        batch_op.drop_index("ix_pc_events_received_at")
        batch_op.drop_index("ix_pc_events_pc_user_id")
        batch_op.drop_index("ix_pc_events_branch_id")

    op.drop_table("pc_events")
    op.drop_table("branch_networks")
