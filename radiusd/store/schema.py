"""The tables, one schema for SQLite and PostgreSQL; those about gaming PCs are in `pc_schema`.

Instants are whole milliseconds since 1970 in UTC, durations whole seconds, volumes octets, money whole VND. Ids come
from `identifiers` and not from the database, so that a batch knows them before it is written.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    literal_column,
)

from radiusd.store.columns import (
    id_column,
    metadata,
    partial_index,
    reference,
    terms_columns,
    usage_columns,
    version_column,
)

identifiers = Table(
    "identifiers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

# One row, counted up by whoever changes what a running server keeps in memory or must act on.
revisions = Table(
    "revisions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    CheckConstraint("id = 1", name="one"),
    Column("number", BigInteger, nullable=False),
)

branches = Table(
    "branches",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    Column("password_store", Text, nullable=False),
    CheckConstraint("password_store IN ('recoverable', 'hash')", name="password_store"),
    Column("interim", Integer, nullable=False),
    CheckConstraint("interim BETWEEN 60 AND 600", name="interim"),
    Column("idle_timeout", Integer),
    Column("timezone", Text, nullable=False),
    Column("switch_rule", Text, nullable=False, server_default="leash"),
    CheckConstraint("switch_rule IN ('leash', 'refuse')", name="switch_rule"),
    Column("created_at", BigInteger, nullable=False),
)

routers = Table(
    "routers",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    reference("branch_id", "branches"),
    Column("network", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind IN ('mikrotik', 'other')", name="kind"),
    Column("coa_address", Text),
    Column("coa_port", Integer, nullable=False),
    CheckConstraint("coa_port BETWEEN 1 AND 65535", name="coa_port"),
    # What its answers taught: that this port is the right one, and that it refuses Framed-IP-Address.
    Column("coa_answered", Boolean, nullable=False, server_default="0"),
    Column("coa_plain", Boolean, nullable=False, server_default="0"),
    Column("cut_by", Text, nullable=False, server_default="coa"),
    CheckConstraint("cut_by IN ('coa', 'api', 'both')", name="cut_by"),
    CheckConstraint("cut_by = 'coa' OR api_user IS NOT NULL", name="api"),
    Column("api_address", Text),
    Column("api_port", Integer),
    Column("api_tls", Boolean, nullable=False, server_default="0"),
    Column("api_user", Text),
    Column("api_password", LargeBinary),
    Column("timeout", Integer, nullable=False, server_default="300"),
    CheckConstraint("timeout BETWEEN 100 AND 60000", name="timeout"),
    Column("require_message_authenticator", Text, nullable=False),
    CheckConstraint("require_message_authenticator IN ('yes', 'no', 'learn')", name="require_ma"),
    Column("signs_requests", Boolean, nullable=False, server_default="0"),
    Column("mac_password", Text, nullable=False),
    CheckConstraint("mac_password IN ('empty', 'mac', 'fixed')", name="mac"),
    Column("mac_password_value", LargeBinary),
    Column("removed_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
)

# What was learned of each NAS; several may share one router's entry, told apart by what they call themselves.
nases = Table(
    "nases",
    metadata,
    Column("router_id", BigInteger, ForeignKey("routers.id"), primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("boot", Text),
    Column("seen_at", BigInteger, nullable=False),
)

packages = Table(
    "packages",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    *terms_columns(),
    Column("created_at", BigInteger, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    reference("branch_id", "branches"),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind IN ('customer', 'voucher')", name="kind"),
    Column("is_blocked", Boolean, nullable=False, server_default="0"),
    Column("last_pass_id", BigInteger),
    Column("created_at", BigInteger, nullable=False),
)

passes = Table(
    "passes",
    metadata,
    id_column(),
    reference("account_id", "accounts"),
    Column("package", Text, nullable=False),
    *terms_columns(),
    Column("sold_at", BigInteger, nullable=False),
    Column("first_login_at", BigInteger),
    Column("extra_time", BigInteger, nullable=False, server_default="0"),
    Column("extra_data", BigInteger, nullable=False, server_default="0"),
    *usage_columns(),
    Column("held", Text),
    # Since when its clock stands still, for it waits for its PC user to be back; and how long it stood so far.
    Column("paused_at", BigInteger),
    Column("paused_for", BigInteger, nullable=False, server_default="0"),
    Column("is_open", Boolean, nullable=False, server_default="1"),
    Column("wake_at", BigInteger),
    version_column(),
)
Index("ix_passes_account_id", passes.c.account_id)
partial_index("ix_passes_wake_at", passes.c.wake_at, where=passes.c.wake_at.is_not(None))

logins = Table(
    "logins",
    metadata,
    Column("name", Text, primary_key=True),
    reference("account_id", "accounts"),
    reference("pass_id", "passes", nullable=True),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind IN ('account', 'pass', 'voucher')", name="kind"),
    Column("password_kind", Text, nullable=False),
    CheckConstraint("password_kind IN ('recoverable', 'argon2')", name="password_kind"),
    Column("password", LargeBinary, nullable=False),
)
Index("ix_logins_account_id", logins.c.account_id)

devices = Table(
    "devices",
    metadata,
    Column("name", Text, primary_key=True),
    reference("account_id", "accounts", nullable=True),
    Column("is_blocked", Boolean, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    id_column(),
    reference("pass_id", "passes"),
    Column("phase", Text, nullable=False),
    Column("device", Text),
    Column("slot", Integer),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("end_reason", Text),
    *usage_columns(),
    # S4: an end state has one reason and one end, not before its start; the others have none.
    CheckConstraint("phase IN ('PENDING', 'ACTIVE', 'EXPIRED', 'TERMINATED')", name="phase"),
    CheckConstraint("(phase IN ('EXPIRED', 'TERMINATED')) = (end_reason IS NOT NULL)", name="end_reason"),
    CheckConstraint("(end_reason IS NULL) = (ended_at IS NULL)", name="ended_at"),
    CheckConstraint(
        "ended_at >= created_at AND (started_at IS NULL OR ended_at >= started_at)", name="end_after_start"
    ),
    CheckConstraint("(phase = 'ACTIVE') = (slot IS NOT NULL)", name="slot"),
    CheckConstraint("slot BETWEEN 1 AND 5", name="slot_number"),
    # S2: nobody uses a session that waits, somebody uses one that is active.
    CheckConstraint("phase <> 'PENDING' OR (device IS NULL AND started_at IS NULL)", name="pending"),
    CheckConstraint("phase <> 'ACTIVE' OR (device IS NOT NULL AND started_at IS NOT NULL)", name="active"),
)
IS_ACTIVE = sessions.c.phase == literal_column("'ACTIVE'")
"""Written out, not bound: so every plan can see that an index of active sessions has all of these."""
# S1: no more active sessions than places, each place held once.
partial_index("uq_sessions_active_slot", sessions.c.pass_id, sessions.c.slot, unique=True, where=IS_ACTIVE)
Index("ix_sessions_pass_id_ended_at", sessions.c.pass_id, sessions.c.ended_at)
partial_index("ix_sessions_active", sessions.c.created_at, sessions.c.id, where=IS_ACTIVE)
partial_index("ix_sessions_device", sessions.c.device, sessions.c.id, where=sessions.c.device.is_not(None))

connections = Table(
    "connections",
    metadata,
    id_column(),
    reference("session_id", "sessions", nullable=True),
    reference("router_id", "routers"),
    Column("nas", Text, nullable=False),
    Column("nas_address", Text, nullable=False),
    Column("state", Text, nullable=False),
    CheckConstraint("state IN ('OPEN', 'CUTTING', 'CLOSED')", name="state"),
    Column("user_name", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("acct_session_id", Text),
    Column("key", Text),
    Column("framed_ip_address", Text),
    Column("boot", Text),
    Column("opened_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("last_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("closing", Text),
    Column("terminate_cause", Integer),
    *usage_columns(),
    Column("loose", Text),
    version_column(),
    CheckConstraint("(state = 'CLOSED') = (closed_at IS NOT NULL)", name="closed_at"),
    CheckConstraint("(closed_at IS NULL) = (closing IS NULL)", name="closing"),
)
Index("ix_connections_session_id", connections.c.session_id)
Index("ix_connections_key", connections.c.key, connections.c.id)
partial_index("ix_connections_running", connections.c.router_id, where=connections.c.state != "CLOSED")

# Wishes sent to routers: to cut a connection, or to change it.
commands = Table(
    "commands",
    metadata,
    id_column(),
    Column("kind", Text, nullable=False, server_default="cut"),
    CheckConstraint("kind IN ('cut', 'change')", name="kind"),
    reference("connection_id", "connections"),
    Column("attributes", Text),
    Column("created_at", BigInteger, nullable=False),
    # When somebody may take it up (again); None once nothing more is to be done.
    Column("due_at", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("outcome", Text),
    CheckConstraint("outcome IN ('confirmed', 'gone', 'not cut', 'changed', 'refused')", name="outcome"),
    Column("evidence", Text),
    Column("decided_at", BigInteger),
    Column("elapsed", BigInteger),
    Column("alerted_at", BigInteger),  # when it was first found not to be cut
    CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="decided_at"),
    CheckConstraint("due_at IS NOT NULL OR outcome IS NOT NULL", name="due_at"),
)
Index("ix_commands_connection_id", commands.c.connection_id)
partial_index("ix_commands_due_at", commands.c.due_at, where=commands.c.due_at.is_not(None))

decisions = Table(
    "decisions",
    metadata,
    id_column(),
    Column("at", BigInteger, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("name", Text),
    Column("device", Text),
    Column("router_id", BigInteger),
    Column("account_id", BigInteger),
    Column("session_id", BigInteger),
    Column("facts", Text, nullable=False),
)
# By a session's decisions its account and its device are found: only those of no session need more.
partial_index("ix_decisions_name", decisions.c.name, decisions.c.id, where=decisions.c.session_id.is_(None))
partial_index("ix_decisions_device", decisions.c.device, decisions.c.id, where=decisions.c.session_id.is_(None))
Index("ix_decisions_session_id", decisions.c.session_id)
Index("ix_decisions_at", decisions.c.at)
