"""What must be true: after each commit of what it touched, now and then of everything, and when all is quiet."""

import json
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from radiusd.handlers import classes
from radiusd.jobs.pc_events import LOGIN, OVERTAKEN_BY_LOGIN, PcEvent, PcOutcome
from radiusd.store.invariants import check
from radiusd.virtual_router.packets import Counters, Grant
from radiusd.wire.attributes import Attribute
from radiusd.wire.packet import decode
from tests.simulation.quick import QuickDatabase
from tests.simulation.store import Person

if TYPE_CHECKING:
    from tests.simulation.node import Node
    from tests.simulation.routers import Online
    from tests.simulation.world import World

Row = Sequence[Any]

_TRIGGERS = (
    "CREATE TEMP TRIGGER touched_pass AFTER UPDATE ON passes BEGIN SELECT touched(NEW.id, NULL); END",
    "CREATE TEMP TRIGGER new_session AFTER INSERT ON sessions BEGIN SELECT touched(NEW.pass_id, NEW.id); END",
    "CREATE TEMP TRIGGER touched_session AFTER UPDATE ON sessions BEGIN SELECT touched(NEW.pass_id, NEW.id); END",
    "CREATE TEMP TRIGGER new_connection AFTER INSERT ON connections BEGIN "
    "SELECT touched((SELECT pass_id FROM sessions WHERE id = NEW.session_id), NEW.session_id); END",
    "CREATE TEMP TRIGGER touched_connection AFTER UPDATE ON connections BEGIN "
    "SELECT touched((SELECT pass_id FROM sessions WHERE id = NEW.session_id), NEW.session_id); END",
)
_PASSES = (
    "SELECT id, devices, time, clock, extra_time, paused_for, first_login_at, wake_at, uploaded, downloaded, seconds, "
    "held, paused_at, data, extra_data FROM passes WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
)
_SESSIONS = (
    "SELECT id, pass_id, phase, slot, started_at, ended_at, end_reason, uploaded, downloaded, seconds, device "
    "FROM sessions WHERE pass_id IN (SELECT value FROM json_each(?)) ORDER BY id"
)
_LINES = (
    "SELECT c.id, c.session_id, c.state, c.uploaded, c.downloaded, c.seconds, c.opened_at, c.last_at, c.router_id, "
    "c.acct_session_id, c.closing, s.pass_id FROM connections c JOIN sessions s ON s.id = c.session_id "
    "WHERE c.session_id IN (SELECT value FROM json_each(?)) ORDER BY c.id"
)
_PAID = (
    "SELECT CASE WHEN p.clock = 'wall' THEN p.first_login_at + (p.time + p.extra_time + p.paused_for) * 1000 END "
    "FROM passes p JOIN sessions s ON s.pass_id = p.id WHERE s.id = ? AND p.account_id = ?"
)
_LATEST = (
    "SELECT c.state, s.phase FROM connections c JOIN sessions s ON s.id = c.session_id "
    "WHERE c.router_id = ? AND c.acct_session_id = ? ORDER BY c.opened_at DESC, c.id DESC LIMIT 1"
)
_ACTIVE = (
    "SELECT s.id, s.started_at FROM sessions s JOIN passes p ON p.id = s.pass_id "
    "WHERE p.account_id = ? AND s.phase = 'ACTIVE' ORDER BY s.id"
)
_USABLE = (
    "SELECT 1 FROM passes WHERE account_id = ? AND is_open AND NOT (clock = 'wall' AND time IS NOT NULL "
    "AND first_login_at IS NOT NULL AND paused_at IS NULL "
    "AND first_login_at + (time + extra_time + paused_for) * 1000 < ?)"
)
_UNSETTLED = (
    "SELECT o.id, o.outcome, c.router_id, c.acct_session_id FROM commands o "
    "JOIN connections c ON c.id = o.connection_id WHERE o.due_at IS NOT NULL ORDER BY o.id"
)
_OVERDUE = (
    "SELECT s.id, p.id, ? - (p.first_login_at + (p.time + p.extra_time + p.paused_for) * 1000) FROM sessions s "
    "JOIN passes p ON p.id = s.pass_id WHERE s.phase = 'ACTIVE' AND p.clock = 'wall' AND p.time IS NOT NULL "
    "AND p.paused_at IS NULL AND p.first_login_at + (p.time + p.extra_time + p.paused_for) * 1000 < ? - 5000"
)
_NEXT = (
    "SELECT min(at) FROM (SELECT min(due_at) AS at FROM commands WHERE due_at IS NOT NULL "
    "UNION ALL SELECT min(wake_at) FROM passes WHERE wake_at IS NOT NULL) soonest"
)
_UNDECIDED = "SELECT id, created_at FROM commands WHERE kind = 'cut' AND outcome IS NULL AND created_at < ?"
_STORED = (
    "SELECT router_id, acct_session_id, sum(uploaded), sum(downloaded), sum(seconds) FROM connections "
    "GROUP BY router_id, acct_session_id"
)
_NOTHING = (0, 0, 0)
_FINAL = ("EXPIRED", "TERMINATED")
_ARROWS = {("PENDING", "ACTIVE"), ("PENDING", "EXPIRED"), ("PENDING", "TERMINATED")} | {
    ("ACTIVE", each) for each in _FINAL
}
_DECIDED_WITHIN = 5_000
_KNOWN_WITHIN = 1_000
"""How long a server may let somebody in whose session has ended, in milliseconds: it trusts a look for half of that,
and an answer may wait for a cut."""


class Checks:
    """Looks at the store beside the product, with statements of its own."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._touched: set[int] = set()
        self._touched_sessions: set[int] = set()
        self._phases: dict[int, str] = {}
        self._over_since: dict[int, int] = {}
        self._used: dict[tuple[str, int], tuple[int, int, int]] = {}
        self._answers: set[bytes] = set()
        self._watch_rows(world.database)

    def _watch_rows(self, database: Any) -> None:
        if isinstance(database, QuickDatabase):
            self._prepare(database.driver)
        else:
            event.listen(database.engine, "connect", lambda driver, _: self._prepare(driver))
            database.engine.dispose()

    def _prepare(self, driver: Any) -> None:
        # A writer says so too, and whatever is temporary is gone when it becomes otherwise.
        driver.execute("PRAGMA temp_store = MEMORY")
        driver.create_function("touched", 2, self._touch)
        for each in _TRIGGERS:
            driver.execute(each)

    def _touch(self, pass_id: int | None, session_id: int | None) -> None:
        if pass_id is not None:
            self._touched.add(pass_id)
        if session_id is not None:
            self._touched_sessions.add(session_id)

    def _rows(self, query: str, *values: Any) -> list[Row]:
        with self.world.database.reading() as connection:
            return list(connection.exec_driver_sql(query, values).all())

    # After each commit

    def look_at_touched(self) -> None:
        """Check every pass that was written since the last time, and take it down in the trace."""
        if not self._touched:
            return
        keys, session_keys = json.dumps(sorted(self._touched)), json.dumps(sorted(self._touched_sessions))
        touched, self._touched, self._touched_sessions = self._touched_sessions, set(), set()
        passes, sessions = self._rows(_PASSES, keys), self._rows(_SESSIONS, keys)
        lines = self._rows(_LINES, session_keys) if touched else []
        self.world.note("rows", repr((passes, sessions, lines)).encode())
        for bought in passes:
            live = [each for each in sessions if each[1] == bought[0]]
            self._look_at_pass(bought, live)
            for session in live:
                if session[0] in touched:
                    mine = [each for each in lines if each[1] == session[0]]
                    self._look_at_session(session, mine)
                    self._look_at_lines(session, mine)
            self._look_at_usage(bought, live)

    def _look_at_pass(self, bought: Row, sessions: list[Row]) -> None:
        active = [each for each in sessions if each[2] == "ACTIVE"]
        slots = {each[3] for each in active}
        if len(active) > bought[1] or len(slots) < len(active) or not slots <= set(range(1, bought[1] + 1)):
            self._fail("S1", f"pass {bought[0]} for {bought[1]} has places {sorted(each[3] for each in active)} taken")
        if len({each[10] for each in active}) < len(active):
            self._fail("S1", f"one device holds two places of pass {bought[0]}")
        if active and bought[3] == "wall" and bought[2] is not None and bought[7] is None:
            self._fail("S6", f"nothing will wake up to end pass {bought[0]}")

    def _look_at_session(self, session: Row, lines: list[Row]) -> None:
        number, _, phase, _, started_at, ended_at, reason = session[:7]
        before = self._phases.get(number, "PENDING")
        self._phases[number] = phase
        is_final = phase in _FINAL
        if phase != before and (before, phase) not in _ARROWS:
            self._fail("S2", f"session {number} went from {before} to {phase}")
        if is_final and before != phase:
            self._over_since[number] = self.world.clock.at
            if reason == "PC_LOGOUT":
                self._look_at_logout(session)
        if is_final is not (reason is not None and ended_at is not None):
            self._fail("S4", f"session {number} is {phase}, with end {ended_at} and reason {reason}")
        if ended_at is not None and started_at is not None and ended_at < started_at:
            self._fail("S4", f"session {number} ended before it began")
        for line in lines:
            if is_final and line[2] == "OPEN":
                self._fail("S7", f"connection {line[0]} is open, though its session {number} is {phase}")
            if line[5] * 1000 > line[7] - line[6] + 2_000:
                self._fail("U4", f"connection {line[0]} lasted longer than there was time")

    def _look_at_logout(self, session: Row) -> None:
        (account_id,) = self._rows("SELECT account_id FROM passes WHERE id = ?", session[1])[0]
        if not any(session[4] <= at for at in self.world.pc.logouts[account_id]):
            self._fail("S8", f"session {session[0]} was ended by a logout from before it began")

    def _look_at_lines(self, session: Row, lines: list[Row]) -> None:
        """U1 and U2 of a session: what an open connection used is with that connection alone."""
        closed, whole = _sum(each[3:6] for each in lines if each[2] != "OPEN"), _sum(each[3:6] for each in lines)
        if closed != tuple(session[7:10]):
            self._fail("U2", f"session {session[0]} has {tuple(session[7:10])}, its connections {closed}")
        self._grows("session", session[0], whole)
        for line in lines:
            self._grows("connection", line[0], line[3:6])

    def _look_at_usage(self, bought: Row, sessions: list[Row]) -> None:
        """U1 and U2 of a pass."""
        if _sum(each[7:10] for each in sessions) != tuple(bought[8:11]):
            self._fail("U2", f"pass {bought[0]} has {tuple(bought[8:11])}, which its sessions do not sum up to")
        whole = _sum(self._used.get(("session", each[0]), _NOTHING) for each in sessions)
        self._grows("pass", bought[0], whole)

    def _grows(self, what: str, number: int, used: Row) -> None:
        before, now = self._used.get((what, number), _NOTHING), (used[0], used[1], used[2])
        if any(new < old for new, old in zip(now, before, strict=True)):
            self._fail("U1", f"{what} {number} had used {before}, and now {now}")
        self._used[what, number] = now

    # What is seen on the way

    def sent(self, octets: bytes, node: "Node") -> None:
        """A server lets somebody in: their session goes on, or ended so shortly before that it could not know."""
        if octets[4:20] in self._answers:
            return
        self._answers.add(octets[4:20])
        value = decode(octets).values.get(Attribute.CLASS, b"")
        named = classes.read(value, self.world.vault.class_key)
        if named is None:
            self._fail("S5", "an Access-Accept names no session")
            return
        over_since = self._over_since.get(named.session_id)
        known_within = _KNOWN_WITHIN + 4 * self.world.commit_takes
        if over_since is not None and self.world.clock.at - over_since > known_within:
            ago = self.world.clock.at - over_since
            self._fail("S5", f"node {node.number} let in session {named.session_id}, which ended {ago} ms before")

    def accepted(self, grant: Grant, person: Person, asked_at: int) -> None:
        """A router was told to let a guest in: not beyond what is left."""
        named = classes.read(grant.class_ or b"", self.world.vault.class_key)
        if named is None:
            return
        found = self._rows(_PAID, named.session_id, person.account_id)
        if not found:
            self._fail("S5", f"{person.account} was let in on session {named.session_id}, which is not theirs")
            return
        (end,) = found[0]
        if end is None:
            return
        if grant.session_timeout is None or asked_at + grant.session_timeout * 1000 > end + 1_000:
            self._fail("S5", f"{person.account} was let in for {grant.session_timeout} s, beyond what was paid")

    def recorded(self, key: str, counters: Counters) -> None:
        """A router was told that a report is recorded: then it is."""
        (row,) = self._rows("SELECT max(uploaded), max(downloaded) FROM connections WHERE key = ?", key)
        if row[0] is None or row[0] < counters.octets_in or row[1] < counters.octets_out:
            self._fail("U3", f"a report of {key} was acknowledged, and {tuple(row)} is stored")

    def cut_by_order(self, online: "Online") -> None:
        """S8: a router is made to cut only what is to be cut."""
        place, line = online.router.place, online.line
        found = self._rows(_LATEST, place.id, line.acct_session_id)
        if found and tuple(found[0]) == ("OPEN", "ACTIVE"):
            self._fail("S8", f"{line.user_name} was cut at {place.name}, though {line.acct_session_id} had not ended")

    def logged_off(self, person: Person, told: PcEvent, outcome: PcOutcome) -> None:
        """A PC system was answered: what began before the logout has ended."""
        if told.kind == LOGIN or outcome.effect == OVERTAKEN_BY_LOGIN:
            return
        left = [row[0] for row in self._rows(_ACTIVE, person.account_id) if row[1] <= told.happened_at]
        if left:
            self._fail("T3", f"{person.account} logged off, was answered {outcome.effect!r}, and {left} go on")

    # Now and then

    def look_at_everything(self) -> None:
        """Every invariant of the store, and whose time is over."""
        world = self.world
        with world.database.reading() as connection:
            for violation in check(connection):
                self._fail(violation.id, violation.text)
        at = world.clock.at
        is_served = any(each.is_alive and at - each.born_at > 10_000 for each in world.nodes)
        if is_served:
            slack = 4 * world.commit_takes + 500
            for session_id, pass_id, over in self._rows(_OVERDUE, at - slack, at - slack):
                self._fail("S6", f"session {session_id} of pass {pass_id} is active {over} ms after its end")
        if not world.faults.crash_every and not world.faults.trouble:
            slack = 4 * world.commit_takes + 1_000
            for command_id, created_at in self._rows(_UNDECIDED, at - _DECIDED_WITHIN - slack):
                self._fail("S7", f"cut {command_id} is undecided after {at - created_at} ms")

    def look_at_quiet(self) -> None:
        """When nothing is on its way any more: all was decided, and all that was acknowledged is there."""
        self.look_at_everything()
        for command_id, outcome, router_id, name in self._rows(_UNSETTLED):
            router = next(each for each in self.world.routers if each.place.id == router_id)
            # By 406 some routers mean that they have no such session, which nobody can know of a router that has
            # acknowledged nothing lately: the cut stays undecided, and is told as such.
            if not (router.says_406 and outcome == "not cut" and name not in router.online):
                self._fail("S7", f"command {command_id} is not settled ({outcome})")
        stored = {(row[0], row[1]): (row[2], row[3], row[4]) for row in self._rows(_STORED)}
        for wrong in self.world.ledger.wrong(stored):
            self._fail("U3", wrong)
        for router in self.world.routers:
            for online in router.online.values():
                self._look_at_online(online)

    def _look_at_online(self, online: "Online") -> None:
        named = classes.read(online.line.class_ or b"", self.world.vault.class_key)
        assert named is not None
        phase = self._phases.get(named.session_id)
        if phase in _FINAL:
            self._fail("S7", f"{online.line.user_name} is online on session {named.session_id}, which is {phase}")

    # What the world may look up

    def nothing_until(self) -> float:
        """When something is due next."""
        ((soonest,),) = self._rows(_NEXT)
        return inf if soonest is None else float(soonest)

    def held_passes(self, account_id: int) -> list[int]:
        """The passes that wait to be released."""
        return [
            row[0]
            for row in self._rows(
                "SELECT id FROM passes WHERE account_id = ? AND held IS NOT NULL ORDER BY id", account_id
            )
        ]

    def has_open_pass(self, account_id: int) -> bool:
        """Whether somebody may still log in on a pass of the account."""
        return bool(self._rows(_USABLE, account_id, self.world.clock.at))

    def active_sessions(self, account_id: int) -> list[int]:
        """The sessions that hold a place."""
        return [row[0] for row in self._rows(_ACTIVE, account_id)]

    def _fail(self, which: str, what: str) -> None:
        self.world.fail(which, what)


def _sum(used: Any) -> tuple[int, int, int]:
    up = down = seconds = 0
    for each in used:
        up, down, seconds = up + each[0], down + each[1], seconds + each[2]
    return up, down, seconds
