"""The tables about gaming PCs: what a branch agreed with its PC system, who sits where, and what was reported."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from radiusd.store.columns import id_column, metadata, reference

pc_systems = Table(
    "pc_systems",
    metadata,
    Column("branch_id", BigInteger, ForeignKey("branches.id"), primary_key=True, autoincrement=False),
    Column("location_id", Text, nullable=False, unique=True),
    # The name space of its user ids: its own location, or a name that several branches of a chain share.
    Column("realm", Text, nullable=False),
    Column("resume", Text, nullable=False, server_default="after_pc_login"),
    CheckConstraint("resume IN ('never', 'after_pc_login', 'free')", name="resume"),
    Column("shapes", Text, nullable=False),
    Column("api_url", Text),
    Column("api_paths", Text, nullable=False, server_default="{}"),
    Column("api_key", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
)

# What its events are signed with; two are valid while a new pair takes the place of an old one.
pc_keys = Table(
    "pc_keys",
    metadata,
    id_column(),
    reference("branch_id", "branches"),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("signing_key", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("retires_at", BigInteger),
)
Index("ix_pc_keys_branch_id", pc_keys.c.branch_id)

# Where a branch's events may come from.
branch_networks = Table(
    "branch_networks",
    metadata,
    Column("branch_id", BigInteger, ForeignKey("branches.id"), primary_key=True, autoincrement=False),
    Column("network", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
)

pc_users = Table(
    "pc_users",
    metadata,
    Column("pc_user_id", Text, primary_key=True),
    Column("realm", Text, primary_key=True),
    reference("account_id", "accounts"),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_pc_users_account_id", pc_users.c.account_id)

# When somebody was last reported to log in and out at the gaming PCs of a branch, by the PC system's clock.
pc_presences = Table(
    "pc_presences",
    metadata,
    Column("pc_user_id", Text, primary_key=True),
    Column("branch_id", BigInteger, ForeignKey("branches.id"), primary_key=True, autoincrement=False),
    Column("logged_in_at", BigInteger),
    Column("logged_out_at", BigInteger),
)

pc_events = Table(
    "pc_events",
    metadata,
    id_column(),
    reference("branch_id", "branches"),
    # SHA-256, in hexadecimal, over the branch and the octets: however often it is delivered, it has one effect.
    Column("digest", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind IN ('USER_LOGOUT', 'USER_LOGIN', 'BALANCE_UPDATE')", name="kind"),
    Column("pc_user_id", Text, nullable=False),
    Column("happened_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("sessions_terminated", Integer, nullable=False),
)
Index("ix_pc_events_received_at", pc_events.c.received_at)
Index("ix_pc_events_branch_id", pc_events.c.branch_id, pc_events.c.id)
Index("ix_pc_events_pc_user_id", pc_events.c.pc_user_id, pc_events.c.id)

# Events that were turned away: a sample, never one for each.
pc_refusals = Table(
    "pc_refusals",
    metadata,
    id_column(),
    reference("branch_id", "branches", nullable=True),
    Column("at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("times", Integer, nullable=False),
)
Index("ix_pc_refusals_at", pc_refusals.c.at)

# Guests of the portal, known by a token of which only the hash is kept.
portal_logins = Table(
    "portal_logins",
    metadata,
    id_column(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    reference("branch_id", "branches"),
    reference("account_id", "accounts"),
    Column("pc_user_id", Text, nullable=False),
    Column("pc_token", LargeBinary, nullable=False),
    Column("device", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
Index("ix_portal_logins_pc_user_id", portal_logins.c.pc_user_id, portal_logins.c.branch_id)
Index("ix_portal_logins_expires_at", portal_logins.c.expires_at)
