"""What must always be true of the rows, as queries that look for the contrary (docs: the invariants S, U, M)."""

from collections.abc import Iterator

from attrs import frozen
from sqlalchemy import Connection, TextClause, text

_TOLD = 100


@frozen
class Violation:
    """One row that contradicts the invariant `id`."""

    id: str
    text: str

    def __str__(self) -> str:
        return f"{self.id}: {self.text}"


@frozen
class Invariant:
    """`query` finds the contrary; its columns fill `sentence`."""

    id: str
    claim: str
    sentence: str
    query: TextClause

    def violations(self, connection: Connection) -> Iterator[Violation]:
        """The first hundred."""
        for row in connection.execute(self.query, {"told": _TOLD}).mappings():
            yield Violation(self.id, self.sentence.format_map(row))


def _invariant(id_: str, claim: str, sentence: str, query: str) -> Invariant:
    return Invariant(id_, claim, sentence, text(f"{query} LIMIT :told"))


INVARIANTS = (
    _invariant(
        "S1",
        "no pass has more active sessions than places",
        "pass {id} has {active} active sessions on {devices} places",
        "SELECT p.id, p.devices, count(*) AS active FROM passes p JOIN sessions s ON s.pass_id = p.id "
        "WHERE s.phase = 'ACTIVE' GROUP BY p.id, p.devices HAVING count(*) > p.devices",
    ),
    _invariant(
        "S1",
        "every active session has a place of its own among those of its pass",
        "session {id} holds place {slot} of {devices} of pass {pass_id}",
        "SELECT s.id, s.slot, s.pass_id, p.devices FROM sessions s JOIN passes p ON p.id = s.pass_id "
        "WHERE s.phase = 'ACTIVE' AND (s.slot IS NULL OR s.slot < 1 OR s.slot > p.devices OR EXISTS (SELECT 1 "
        "FROM sessions o WHERE o.pass_id = s.pass_id AND o.phase = 'ACTIVE' AND o.slot = s.slot AND o.id <> s.id))",
    ),
    _invariant(
        "S2",
        "a waiting session has no device yet, an active one has a device and a start",
        "session {id} is {phase}, with device {device} and start {started_at}",
        "SELECT id, phase, device, started_at FROM sessions WHERE "
        "(phase = 'PENDING' AND (device IS NOT NULL OR started_at IS NOT NULL)) "
        "OR (phase = 'ACTIVE' AND (device IS NULL OR started_at IS NULL))",
    ),
    _invariant(
        "S2",
        "a session ends once, and what has ended stays so",
        "session {id} is {phase} and was told to end {ends} times",
        "SELECT s.id, s.phase, count(*) AS ends FROM decisions d JOIN sessions s ON s.id = d.session_id "
        "WHERE d.verdict = 'ended' GROUP BY s.id, s.phase "
        "HAVING count(*) > 1 OR s.phase NOT IN ('EXPIRED', 'TERMINATED')",
    ),
    _invariant(
        "S3",
        "one session has one running connection for each name a router gives it",
        "session {session_id} has {running} running connections called {key}",
        "SELECT session_id, key, count(*) AS running FROM connections WHERE state <> 'CLOSED' "
        "AND session_id IS NOT NULL AND key IS NOT NULL GROUP BY session_id, key HAVING count(*) > 1",
    ),
    _invariant(
        "S4",
        "a session that has ended has one reason and an end not before its start, any other has none",
        "session {id} is {phase}: reason {end_reason}, created {created_at}, started {started_at}, ended {ended_at}",
        "SELECT id, phase, end_reason, created_at, started_at, ended_at FROM sessions WHERE "
        "(phase IN ('EXPIRED', 'TERMINATED') AND (end_reason IS NULL OR ended_at IS NULL OR ended_at < created_at "
        "OR ended_at < started_at)) OR (phase NOT IN ('EXPIRED', 'TERMINATED') "
        "AND (end_reason IS NOT NULL OR ended_at IS NOT NULL))",
    ),
    _invariant(
        "S5",
        "who uses a pass was let in on it, and within the time it was valid",
        "session {session_id} of pass {id} has started, first login {first_login_at}, sold {sold_at}",
        "SELECT p.id, s.id AS session_id, p.first_login_at, p.sold_at FROM sessions s "
        "JOIN passes p ON p.id = s.pass_id WHERE s.started_at IS NOT NULL AND (p.first_login_at IS NULL "
        "OR s.started_at < p.first_login_at OR (p.validity IS NOT NULL "
        "AND p.first_login_at > p.sold_at + p.validity * 1000))",
    ),
    _invariant(
        "S6",
        "every active session that time alone will end has an alarm set",
        "session {session_id} of pass {id} is active, its time is limited, and nothing will wake up to end it",
        "SELECT p.id, s.id AS session_id FROM sessions s JOIN passes p ON p.id = s.pass_id "
        "WHERE s.phase = 'ACTIVE' AND p.clock = 'wall' AND p.time IS NOT NULL AND p.wake_at IS NULL",
    ),
    _invariant(
        "S7",
        "what is left of a session that has ended is being cut",
        "connection {id} is {state}, though its session {session_id} has ended",
        "SELECT c.id, c.state, c.session_id FROM connections c JOIN sessions s ON s.id = c.session_id "
        "WHERE c.state = 'OPEN' AND s.phase IN ('EXPIRED', 'TERMINATED')",
    ),
    _invariant(
        "S7",
        "every cut was ordered",
        "connection {id} is being cut, and there is no order to",
        "SELECT c.id FROM connections c WHERE c.state = 'CUTTING' "
        "AND NOT EXISTS (SELECT 1 FROM commands o WHERE o.connection_id = c.id)",
    ),
    _invariant(
        "S7",
        "every order is waiting or has an outcome",
        "cut {id} is neither waiting nor decided",
        "SELECT id FROM commands WHERE due_at IS NULL AND (outcome IS NULL OR decided_at IS NULL)",
    ),
    *(
        _invariant(
            "U1",
            f"nothing that was used is negative ({table})",
            table + " {id}: {uploaded} octets up, {downloaded} down, {seconds} s",
            f"SELECT id, uploaded, downloaded, seconds FROM {table} "  # noqa: S608 - three names from the next line
            "WHERE uploaded < 0 OR downloaded < 0 OR seconds < 0",
        )
        for table in ("passes", "sessions", "connections")
    ),
    _invariant(
        "U2",
        "what was used of a pass is what its sessions used",
        "pass {id} counts {p_up}/{p_down} octets and {p_sec} s, its sessions {s_up}/{s_down} and {s_sec} s",
        "SELECT p.id, p.uploaded AS p_up, p.downloaded AS p_down, p.seconds AS p_sec, "
        "coalesce(sum(s.uploaded), 0) AS s_up, coalesce(sum(s.downloaded), 0) AS s_down, "
        "coalesce(sum(s.seconds), 0) AS s_sec "
        "FROM passes p LEFT JOIN sessions s ON s.pass_id = p.id GROUP BY p.id, p.uploaded, p.downloaded, p.seconds "
        "HAVING coalesce(sum(s.uploaded), 0) <> p.uploaded OR coalesce(sum(s.downloaded), 0) <> p.downloaded "
        "OR coalesce(sum(s.seconds), 0) <> p.seconds",
    ),
    _invariant(
        "U2",
        "what a session used is what its connections reported, but for those that are open",
        "session {id} counts {s_up}/{s_down} octets and {s_sec} s, its connections {c_up}/{c_down} and {c_sec} s",
        "SELECT s.id, s.uploaded AS s_up, s.downloaded AS s_down, s.seconds AS s_sec, "
        "coalesce(sum(c.uploaded), 0) AS c_up, coalesce(sum(c.downloaded), 0) AS c_down, "
        "coalesce(sum(c.seconds), 0) AS c_sec "
        "FROM sessions s LEFT JOIN connections c ON c.session_id = s.id AND c.state <> 'OPEN' "
        "GROUP BY s.id, s.uploaded, s.downloaded, s.seconds "
        "HAVING coalesce(sum(c.uploaded), 0) <> s.uploaded OR coalesce(sum(c.downloaded), 0) <> s.downloaded "
        "OR coalesce(sum(c.seconds), 0) <> s.seconds",
    ),
    _invariant(
        "U3",
        "one stretch online is one connection",
        "connections {first} to {last} of session {session_id} are both {key} since {started_at}",
        "SELECT session_id, key, started_at, min(id) AS first, max(id) AS last FROM connections "
        "WHERE session_id IS NOT NULL AND key IS NOT NULL AND started_at IS NOT NULL "
        "GROUP BY session_id, key, started_at HAVING count(*) > 1",
    ),
    _invariant(
        "U4",
        "no connection lasted longer than the clock on the wall says, and 2 s",
        "connection {id} reported {seconds} s within {wall} s",
        "SELECT id, seconds, (last_at - opened_at) / 1000 AS wall FROM connections "
        "WHERE seconds * 1000 > last_at - opened_at + 2000",
    ),
    _invariant(
        "M1",
        "what a movement takes off one account it puts on another",
        "movement {id} ({key}) has {entries} entries, which sum to {total}",
        "SELECT m.id, m.key, count(e.account) AS entries, coalesce(sum(e.amount), 0) AS total FROM wallet_movements m "
        "LEFT JOIN wallet_entries e ON e.movement_id = m.id GROUP BY m.id, m.key "
        "HAVING coalesce(sum(e.amount), 0) <> 0 OR count(e.account) < 2",
    ),
    _invariant(
        "M1",
        "all accounts together sum to nothing",
        "all accounts together sum to {total}",
        "SELECT total FROM (SELECT sum(amount) AS total FROM wallet_entries) whole WHERE total <> 0",
    ),
    _invariant(
        "M3",
        "a charge has paid for no more periods than it counts",
        "the charge of {game_session_id} counts {periods} periods, and {booked} were booked",
        # A key is charge:SESSION:PERIOD, and a session's id has 39 characters.
        "SELECT c.game_session_id, c.periods, count(*) AS booked FROM wallet_movements m "
        "JOIN wallet_charges c ON c.game_session_id = substr(m.key, 8, 39) WHERE substr(m.key, 1, 7) = 'charge:' "
        "GROUP BY c.game_session_id, c.periods HAVING count(*) > c.periods",
    ),
    _invariant(
        "M4",
        "no wallet was ever below zero",
        "after movement {movement_id} there is {balance} on {account}",
        "SELECT movement_id, account, balance FROM wallet_entries "
        "WHERE substr(account, 1, 5) = 'cafe:' AND (balance IS NULL OR balance < 0)",
    ),
    _invariant(
        "M6",
        "what a wallet is said to hold is the sum of its entries from the first on",
        "entry {number} of {account} says {balance}; it is entry {place}, and the sum is {derived}",
        "SELECT account, number, balance, place, derived FROM (SELECT account, number, balance, "
        "row_number() OVER (PARTITION BY account ORDER BY number) AS place, "
        "sum(amount) OVER (PARTITION BY account ORDER BY number) AS derived "
        "FROM wallet_entries WHERE number IS NOT NULL) entries WHERE balance <> derived OR number <> place",
    ),
)

_UNCLAIMED = text("SELECT count(*) FROM connections WHERE session_id IS NULL")


def check(connection: Connection) -> list[Violation]:
    """Everything that is wrong, at most a hundred rows for each invariant."""
    return [violation for each in INVARIANTS for violation in each.violations(connection)]


def count_unclaimed(connection: Connection) -> int:
    """Connections that were reported and that nobody here was let in for; no violation."""
    return int(connection.execute(_UNCLAIMED).scalar_one())
