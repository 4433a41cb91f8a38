"""Those who act on guests from outside: the PC systems of the cafés, and an administrator."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from attrs import define

from policy.quantities import Instant, Octets, Seconds
from radiusd.jobs.pc_events import LOGIN, LOGOUT, PcEvent, PcEventJob, PcOutcome
from radiusd.store import accounts, blocks, live, packages, sales
from radiusd.store.errors import StoreError
from tests.simulation.store import PACKAGES, Person

if TYPE_CHECKING:
    from tests.simulation.node import Node
    from tests.simulation.world import World

_ASKS_AGAIN = 2_000
_OFF_BY = 1_500
"""How far a PC system's clock and its reports may be apart, in milliseconds."""


@define(eq=False)
class Report:
    """An event until it is answered."""

    event: PcEvent
    person: Person
    is_answered: bool = False


class PcSystems:
    """Both cafés' PC systems: who logs in and out there, each event told until it is answered, now and then twice."""

    def __init__(self, world: "World", people: list[Person]) -> None:
        self.world = world
        self.known = [each for each in people if each.pc_user is not None]
        self.open: list[Report] = []
        self.logouts: defaultdict[int, list[int]] = defaultdict(list)
        self._present: set[str] = set()
        self._number = 0

    def begin(self) -> None:
        """Have people come and go."""
        if self.known:
            self._later()

    def _later(self) -> None:
        pause = int(self.world.random.expovariate(1 / self.world.mix.pc_every)) + 1
        self.world.clock.later(pause, self._act)

    def _act(self) -> None:
        world = self.world
        if world.is_quiet:
            return
        self._later()
        person = world.random.choice(self.known)
        is_there = person.account in self._present
        (self._present.discard if is_there else self._present.add)(person.account)
        self._number += 1
        happened_at = Instant(world.clock.at - world.random.randint(0, _OFF_BY))
        assert person.pc_user is not None
        kind = LOGOUT if is_there else LOGIN
        event = PcEvent(kind=kind, pc_user_id=person.pc_user, happened_at=happened_at, digest=f"event {self._number}")
        if is_there:
            self.logouts[person.account_id].append(happened_at)
        report = Report(event, person)
        self.open.append(report)
        world.note(f"{person.account} {kind}")
        world.count(kind)
        self._tell(report)
        if world.random.random() < 0.1:
            self._tell(report)

    def _tell(self, report: Report) -> None:
        if not report.is_answered:
            self.world.post(report, self._asked, self._answered)
            self.world.clock.later(_ASKS_AGAIN, self._tell, report)

    def _asked(self, report: Report, node: "Node", answer: Any) -> None:
        """The event is at a server."""
        node.looking.catch_up()
        directory = node.known.directory
        person = report.person
        system = directory.pc_systems[person.branch]
        routers = frozenset(each.id for each in directory.routers.values() if each.branch_id == person.branch)
        job = PcEventJob(
            at=self.world.clock.now(),
            event=report.event,
            system=system,
            source="10.9.9.9",
            router_ids=routers,
            cafes=directory.cafes,
        )
        node.submit(job, answer)

    def _answered(self, report: Report, result: Any) -> None:
        if isinstance(result, PcOutcome) and not report.is_answered:
            report.is_answered = True
            self.open.remove(report)
            self.world.checks.logged_off(report.person, report.event, result)


class Administrator:
    """Cuts, extends, blocks, releases and sells, straight on the store, as icafectl does."""

    def __init__(self, world: "World", people: list[Person]) -> None:
        self.world = world
        self.people = people
        self.blocked: set[str] = set()

    def begin(self) -> None:
        """Do something now and then."""
        self._later()

    def _later(self) -> None:
        pause = int(self.world.random.expovariate(1 / self.world.mix.admin_every)) + 1
        self.world.clock.later(pause, self._act)

    def _act(self) -> None:
        world = self.world
        if world.is_quiet:
            return
        self._later()
        (what,) = world.random.choices(("cut", "extend", "block", "unblock", "release", "sell"), (3, 3, 2, 4, 6, 8))
        person = world.random.choice(self.people)
        getattr(self, what)(person)

    def cut(self, person: Person) -> None:
        """End a session."""
        session_id = self._session_of(person)
        if session_id is not None:
            self._do("cuts", person, lambda connection, at: live.cut(connection, session_id, "smoking", at))

    def extend(self, person: Person) -> None:
        """Add to a pass in use."""
        session_id = self._session_of(person)
        terms = person.package
        time = Seconds(120 if terms.time is not None else 0)
        data = Octets(50_000_000 if terms.data is not None else 0)
        if session_id is not None and (time or data):
            self._do("extends", person, lambda connection, at: live.extend(connection, session_id, time, data, at))

    def block(self, person: Person) -> None:
        """Refuse an account."""
        self.blocked.add(person.account)
        self._do("blocks", person, lambda connection, at: blocks.block_account(connection, person.account, at))

    def unblock(self, person: Person) -> None:
        """Let an account in again."""
        if person.account in self.blocked:
            self.blocked.discard(person.account)
            self._do("unblocks", person, lambda connection, at: blocks.unblock_account(connection, person.account, at))

    def release(self, person: Person) -> None:
        """Let the held passes of an account be used again."""
        for pass_id in self.world.checks.held_passes(person.account_id):
            self._do("releases", person, lambda connection, at, pass_id=pass_id: live.release(connection, pass_id, at))

    def sell(self, person: Person) -> None:
        """Sell the package once more to somebody who has nothing left."""
        if not self.world.checks.has_open_pass(person.account_id):
            self._do("sells to", person, lambda connection, at: self._sold(connection, person, at))

    def let_in(self, person: Person, *, anew: bool) -> None:
        """Whatever keeps a guest out is put right, if need be by another pass."""
        self.unblock(person)
        self.release(person)
        if anew:
            self._do("sells to", person, lambda connection, at: self._sold(connection, person, at))

    def _sold(self, connection: Any, person: Person, at: Instant) -> None:
        buyer = accounts.buyer(connection, accounts.find(connection, person.account), at)
        sales.sell(connection, [buyer], packages.find(connection, person.package.name), at)

    def _session_of(self, person: Person) -> int | None:
        found = self.world.checks.active_sessions(person.account_id)
        return self.world.random.choice(found) if found else None

    def _do(self, what: str, person: Person, doing: Any) -> None:
        world = self.world
        world.note(f"the administrator {what} {person.account}")
        world.count(f"administrator {what}")
        try:
            with world.database.writing() as connection:
                doing(connection, world.clock.now())
        except StoreError as error:
            world.count(f"refused: {type(error).__name__}")
        world.wrote()
        world.checks.look_at_touched()


__all__ = ["PACKAGES", "Administrator", "PcSystems", "Report"]
