"""A chain closes: thousands of logouts at once from many branches, one of them ten times as large as the others."""

from collections import Counter

from attrs import define, field
from sqlalchemy import func, select
from twisted.internet.defer import Deferred, gatherResults

from radiusd.bench.besides import Samples
from radiusd.bench.guests import USER
from radiusd.bench.pc_figures import Outcome, part_of
from radiusd.bench.pc_logout import ended_one
from radiusd.bench.pc_stage import Stage
from radiusd.bench.pc_town import PC_USER, Branch
from radiusd.bench.posting import Answer, Wires
from radiusd.store.pc_schema import pc_events
from radiusd.store.schema import sessions

TIMES = 10
"""How many times as large the large branch is."""
DECIDED_WITHIN = 5.0
_KILLED_DECIDED_WITHIN = 60.0
_CONNECTIONS = 4
_AGAIN_AFTER = 0.2
_GIVES_UP_AFTER = 60.0


def shares(events: int, branches: int) -> list[int]:
    """How many each branch has; the first is the large one."""
    small = max(1, round(events / (branches - 1 + TIMES)))
    return [max(1, events - small * (branches - 1)), *[small] * (branches - 1)]


@define
class Storm:
    """Everybody logs off. With `is_killed` the server is killed in the middle, and what was not answered is repeated.

    `_accepted` holds when, and the answer; `_tries` how often an event was sent.
    """

    stage: Stage
    before: float
    is_killed: bool = False
    _accepted: dict[int, Answer] = field(factory=dict)
    _tries: Counter[int] = field(factory=Counter)
    _began: float = 0.0
    _killed_at: float = 0.0
    _back_at: float = 0.0

    async def run(self) -> Outcome:
        """What it came to."""
        stage, outcome = self.stage, Outcome()
        stage.shows.doing(f"watching RADIUS for {self.before:g} s")
        watched = stage.reactor.seconds()
        await stage.pause(self.before)
        stage.shows.doing(f"{stage.town.guests} logouts at once from {len(stage.town.branches)} branches")
        effort, self._began = stage.effort(), stage.reactor.seconds()
        await gatherResults([Deferred.fromCoroutine(self._close(each)) for each in stage.town.branches])
        accepted, used = stage.reactor.seconds(), effort.figures()
        stage.shows.doing("waiting for the last proofs")
        await stage.until(self._all_decided, _KILLED_DECIDED_WITHIN if self.is_killed else DECIDED_WITHIN + 1)
        ended = stage.reactor.seconds()
        await stage.pause(1.0)
        samples = await stage.samples()
        self._tell_times(outcome, accepted)
        self._judge_store(outcome)
        self._judge_cuts(outcome)
        self._tell_radius(outcome, samples, watched, ended)
        outcome.figures += [] if self.is_killed else used  # of a server that was killed, half is not known
        return outcome

    # The senders

    async def _close(self, branch: Branch) -> None:
        """All guests of a branch log off; the large branch has as many more connections."""
        most = _CONNECTIONS * (TIMES if branch.number == 0 else 1)
        wires = self.stage.wires(branch, most)
        requests = [(guest, branch.event(guest, self._began)) for guest in branch.guests]
        work = [self._send(wires, guest, request) for guest, request in requests]
        await gatherResults([Deferred.fromCoroutine(each) for each in work])
        wires.close()

    async def _send(self, wires: Wires, guest: int, request: bytes) -> None:
        stage = self.stage
        while True:
            self._tries[guest] += 1
            answer = await wires.ask(request)
            if answer.status == 200:
                break
            if stage.reactor.seconds() > self._began + _GIVES_UP_AFTER:
                return
            await stage.pause(_AGAIN_AFTER)
        self._accepted[guest] = answer
        stage.shows.step("accepted", len(self._accepted), stage.town.guests)
        self._kill_in_the_middle()
        if self._killed_at and not self._back_at and answer.sent > self._killed_at:
            self._back_at = answer.came

    def _kill_in_the_middle(self) -> None:
        if self.is_killed and not self._killed_at and len(self._accepted) >= self.stage.town.guests // 2:
            self._killed_at = self.stage.reactor.seconds()
            self.stage.server.kill()
            self.stage.server.launch()

    # What came of it

    def _all_decided(self) -> bool:
        cuts = self.stage.cuts()
        return len(cuts) >= self.stage.town.guests and all(each.decided is not None for each in cuts)

    def _tell_times(self, outcome: Outcome, accepted: float) -> None:
        took = accepted - self._began
        outcome.note("all accepted after", took, unit="s")
        outcome.note("accepted a second", len(self._accepted) / took, unit="")
        large = self.stage.town.branches[0].guests
        for name, is_of_it in (("small branches", False), ("the large branch", True)):
            answers = [each for guest, each in self._accepted.items() if (guest in large) is is_of_it]
            outcome.note_times(f"accepted after, {name}", [(each.came - self._began) * 1000 for each in answers])
            outcome.note(f"answer, {name}, p99", part_of(sorted(each.took for each in answers), 0.99))
        again = sum(self._tries.values()) - len(self._tries)
        outcome.note("sent again", again, unit="")
        if self.is_killed:
            outcome.must(self._killed_at, "the server was not killed: all was over before")
            outcome.note("server away", (self._back_at - self._killed_at) * 1000)

    def _judge_store(self, outcome: Outcome) -> None:
        """What was acknowledged is in the store once, and so are its effects."""
        stage = self.stage
        total = stage.town.guests
        lost = total - len(self._accepted)
        outcome.must(not lost, f"{lost} events were never accepted")
        wrong = sum(not ended_one(each) for each in self._accepted.values())
        outcome.must(not wrong, f"{wrong} answers do not tell of just one session")
        kept = self._events_kept()
        missing = sum((PC_USER % guest) not in kept for guest in self._accepted)
        outcome.must(not missing, f"{missing} acknowledged events are not in the store")
        doubled = sum(count != 1 or ended != 1 for count, ended in kept.values())
        outcome.must(not doubled, f"{doubled} events are in the store twice, or ended not just one session")
        ended = self._sessions_ended()
        outcome.must(ended == total, f"{ended} sessions of {total} were ended by a PC logout")
        outcome.note("lost", lost + missing, unit="", aim=0)
        outcome.note("done twice", doubled, unit="", aim=0)

    def _events_kept(self) -> dict[str, tuple[int, int]]:
        """By user: how many events are in the store, and how many sessions they ended."""
        count, ended = func.count(), func.sum(pc_events.c.sessions_terminated)
        query = select(pc_events.c.pc_user_id, count, ended).group_by(pc_events.c.pc_user_id)
        with self.stage.database.reading() as connection:
            return {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(query)}

    def _sessions_ended(self) -> int:
        query = select(func.count()).where(sessions.c.phase == "TERMINATED", sessions.c.end_reason == "PC_LOGOUT")
        with self.stage.database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _judge_cuts(self, outcome: Outcome) -> None:
        stage = self.stage
        cuts, arrived = stage.cuts(), stage.routers.arrivals.first
        wished = Counter(each.user_name for each in cuts)
        expected = {USER % guest for branch in stage.town.branches for guest in branch.guests}
        outcome.must(wished == Counter(expected), "not every guest has just one wish to be cut, and nobody else")
        silent = len(expected - set(arrived))
        outcome.must(not silent, f"{silent} guests were never asked to be disconnected")
        undecided = sum(each.decided is None for each in cuts)
        outcome.must(not undecided, f"{undecided} cuts were not decided")
        unproven = sum(each.outcome == "not cut" for each in cuts)
        outcome.must(not unproven, f"{unproven} cuts were not proven")
        aim = None if self.is_killed else DECIDED_WITHIN * 1000
        to_wire = [(arrived[each.user_name] - each.created) * 1000 for each in cuts if each.user_name in arrived]
        outcome.note_times("received to wire", to_wire, aim)
        decisions = [(each.decided - each.created) * 1000 for each in cuts if each.decided is not None]
        outcome.note_times("received to proof", decisions, aim)
        if not self.is_killed:
            late = sum(each.was_late for each in cuts)
            outcome.must(not late, f"{late} cuts were proven only after they had been given up")

    def _tell_radius(self, outcome: Outcome, samples: Samples, watched: float, ended: float) -> None:
        outcome.note("RADIUS before, p99", samples.within(watched, self._began).p99)
        during = samples.within(self._began, ended)
        outcome.note("RADIUS during, p99", during.p99)
        outcome.must(not samples.wrong, f"{samples.wrong} RADIUS requests beside were answered wrongly")
        if self.is_killed:
            outcome.note("RADIUS not answered", during.lost, unit="")
        else:
            outcome.must(not samples.lost, f"{samples.lost} RADIUS requests beside were not answered")
