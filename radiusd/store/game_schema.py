"""The tables about games: studios' games and keys, launchers, tokens, sessions, and what their charges cost."""

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
)

from radiusd.store.columns import id_column, metadata, partial_index, reference

games = Table(
    "games",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    Column("provider", Text, nullable=False, server_default="roblox"),
    Column("place_id", Text, nullable=False),
    Column("image_url", Text),
    # Whole units of the café's wallet for each begun period of so many seconds.
    Column("rate", BigInteger, nullable=False),
    Column("period", Integer, nullable=False),
    CheckConstraint("rate >= 0", name="rate"),
    CheckConstraint("period BETWEEN 1 AND 86400", name="period"),
    Column("is_active", Boolean, nullable=False, server_default="1"),
    Column("created_at", BigInteger, nullable=False),
)

game_keys = Table(
    "game_keys",
    metadata,
    id_column(),
    reference("game_id", "games"),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("retires_at", BigInteger),
)
Index("ix_game_keys_game_id", game_keys.c.game_id)

# An installation of the launcher in a café; `name` is its X-Launcher-Id.
launchers = Table(
    "launchers",
    metadata,
    id_column(),
    Column("name", Text, nullable=False, unique=True),
    reference("branch_id", "branches"),
    Column("secret", LargeBinary, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default="1"),
    Column("created_at", BigInteger, nullable=False),
)

launcher_nonces = Table(
    "launcher_nonces",
    metadata,
    Column("launcher_id", BigInteger, ForeignKey("launchers.id"), primary_key=True, autoincrement=False),
    Column("nonce", Text, primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
)
Index("ix_launcher_nonces_seen_at", launcher_nonces.c.seen_at)

# `pc`: what one PC is known by, so that only one game is played on it at a time.
launcher_sessions = Table(
    "launcher_sessions",
    metadata,
    id_column(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    reference("launcher_id", "launchers"),
    reference("branch_id", "branches"),
    Column("pc", Text, nullable=False),
    Column("pc_user_id", Text),
    Column("external_ip", Text, nullable=False),
    Column("internal_ip", Text, nullable=False),
    Column("hardware", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)
Index("ix_launcher_sessions_pc_user_id", launcher_sessions.c.pc_user_id, launcher_sessions.c.branch_id)
Index("ix_launcher_sessions_seen_at", launcher_sessions.c.seen_at)

# `claimed_by` is the game session that a verify has begun to make of it, `claimed_at` since when: the charge is being
# started, and nobody else may use the token meanwhile.
otts = Table(
    "otts",
    metadata,
    Column("ott_hash", LargeBinary, primary_key=True),
    reference("launcher_session_id", "launcher_sessions"),
    reference("game_id", "games"),
    Column("issued_at", BigInteger, nullable=False),
    Column("claimed_at", BigInteger),
    Column("claimed_by", Text),
    Column("spent_at", BigInteger),
    Column("outcome", Text),
    CheckConstraint("(claimed_at IS NULL) = (claimed_by IS NULL)", name="claim"),
)
Index("ix_otts_issued_at", otts.c.issued_at)
partial_index("ix_otts_claimed_at", otts.c.claimed_at, where=otts.c.claimed_at.is_not(None))

game_sessions = Table(
    "game_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    reference("game_id", "games"),
    reference("branch_id", "branches"),
    reference("launcher_session_id", "launcher_sessions"),
    Column("pc", Text, nullable=False),
    Column("provider_user_id", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("last_heartbeat_at", BigInteger, nullable=False),
    Column("grace_from", BigInteger),
    Column("unpaid_for", BigInteger, nullable=False, server_default="0"),
    Column("unrenewed_since", BigInteger),
    Column("ended_at", BigInteger),
    Column("end_reason", Text),
    Column("client_seconds", BigInteger),
    Column("wake_at", BigInteger),
    CheckConstraint("phase IN ('ACTIVE', 'GRACE', 'ENDING', 'ENDED', 'EXPIRED')", name="phase"),
    CheckConstraint("(phase IN ('ACTIVE', 'GRACE')) = (ended_at IS NULL)", name="ended_at"),
    CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_reason"),
    CheckConstraint("ended_at >= started_at", name="end_after_start"),
)
# One live game on one PC.
partial_index("uq_game_sessions_live_pc", game_sessions.c.pc, unique=True, where=game_sessions.c.ended_at.is_(None))
Index("ix_game_sessions_launcher_session_id", game_sessions.c.launcher_session_id)
Index("ix_game_sessions_game_id_started_at", game_sessions.c.game_id, game_sessions.c.started_at)
partial_index("ix_game_sessions_wake_at", game_sessions.c.wake_at, where=game_sessions.c.wake_at.is_not(None))

# Charges that are to be stopped, until the café's side has acknowledged it: each session's once.
charge_stops = Table(
    "charge_stops",
    metadata,
    Column("game_session_id", Text, primary_key=True),
    reference("branch_id", "branches"),
    reference("game_id", "games"),
    Column("played", BigInteger, nullable=False),
    Column("unbilled", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("done_at", BigInteger),
    CheckConstraint("(due_at IS NULL) = (done_at IS NOT NULL)", name="due_at"),
)
partial_index("ix_charge_stops_due_at", charge_stops.c.due_at, where=charge_stops.c.due_at.is_not(None))

# Double entry: every movement's entries sum to zero, and none is ever changed. Whole units.
wallet_movements = Table(
    "wallet_movements",
    metadata,
    id_column(),
    # What it is for: a charge period of a game session, or a top-up. Nothing is booked twice.
    Column("key", Text, nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)
wallet_entries = Table(
    "wallet_entries",
    metadata,
    Column("movement_id", BigInteger, ForeignKey("wallet_movements.id"), primary_key=True, autoincrement=False),
    Column("account", Text, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    # Of a café's wallet: its entries in order, 1, 2, 3 …, and what is on it after each. None of any other account.
    Column("number", BigInteger),
    Column("balance", BigInteger),
    CheckConstraint("(number IS NULL) = (balance IS NULL)", name="number"),
    # M4: at no point of its history.
    CheckConstraint("balance >= 0", name="balance"),
)
Index("uq_wallet_entries_account_number", wallet_entries.c.account, wallet_entries.c.number, unique=True)

# Where the built-in wallet knows a charge from: it was started, and how many periods are paid. One that was stopped
# before anybody started it has nothing but its id and when that was.
wallet_charges = Table(
    "wallet_charges",
    metadata,
    Column("game_session_id", Text, primary_key=True),
    reference("branch_id", "branches", nullable=True),
    reference("game_id", "games", nullable=True),
    Column("periods", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("stopped_at", BigInteger),
    CheckConstraint(
        "(started_at IS NULL) = (branch_id IS NULL) AND (started_at IS NULL) = (game_id IS NULL)", name="started"
    ),
    CheckConstraint("started_at IS NOT NULL OR stopped_at IS NOT NULL", name="stopped"),
)
