"""A world: a few servers on one store, routers, guests, a network between them, and a seed that decides everything."""

from collections import Counter
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

from attrs import evolve, frozen

from radiusd.store.writer import Failed, Job
from radiusd.wire.codes import TerminateCause
from tests.simulation import store
from tests.simulation.checks import Checks
from tests.simulation.clock import START, Clock
from tests.simulation.guests import Guest
from tests.simulation.ledger import Ledger
from tests.simulation.node import Address, Node
from tests.simulation.people import Administrator, PcSystems, Report
from tests.simulation.routers import DAS, Router
from tests.simulation.swarm import Faults, Mix

CHECKED_EVERY = 1_000
_SETTLES_IN = 150_000
_REORDERED_BY = 2_000
_DOWN_FOR = 4_000
_ANSWERED_AGAIN = 15_000
_TRIES, _BETWEEN_TRIES = 4, 3_000


class Broken(BaseException):
    """Something that must be true is not. No part of the product may take it for a fault of its own."""


@frozen(kw_only=True)
class Outcome:
    """How a world went: `broken` is what was wrong, None if nothing; `trace` is the same for the same seed."""

    seed: int
    steps: int
    events: int
    seconds: int
    trace: str
    broken: str | None
    counts: Counter[str]


class World:
    """Everything there is. `look_back` of the last lines of the trace are kept to be read."""

    vault = store.VAULT

    def __init__(self, seed: int, mix: Mix, folder: Path | None = None, look_back: int = 0) -> None:
        """In memory; or with the store as a server has it, in `folder`."""
        self.seed = seed
        self.mix = mix
        self.faults = mix.faults
        self.clock = Clock()
        self.random = Random(seed)
        self.trace = blake2b(digest_size=16)
        self.lines: list[str] = []
        self._look_back = look_back
        self.counts: Counter[str] = Counter()
        self.is_quiet = False
        self.version = 0
        self._looked_version, self._nothing_until = -1, 0.0
        self.broken: str | None = None
        self.database: Any = store.open_quick() if folder is None else store.open_real(folder)
        self._cut_links: set[tuple[str, str]] = set()
        self._ordered_at: dict[bytes, int] = {}
        self.ledger = Ledger()
        self.checks = Checks(self)
        self.nodes = [Node(self, number) for number in range(mix.nodes)]
        self.routers = [Router(self, place, number) for number, place in enumerate(store.town().places[: mix.routers])]
        people = [each for each in store.town().people[: mix.guests] if self._is_at_home(each)]
        self.guests = [Guest(self, person, number) for number, person in enumerate(people)]
        self.pc = PcSystems(self, people)
        self.administrator = Administrator(self, people)
        self._where = {each.address: each for each in self.nodes}
        self._places = {each.place.address: each for each in self.routers}

    def _is_at_home(self, person: store.Person) -> bool:
        return any(each.place.branch == person.branch for each in self.routers)

    @property
    def commit_takes(self) -> int:
        """Milliseconds, at most, before a commit and after it."""
        return self.faults.slow_commit

    # Telling

    def note(self, what: str, octets: bytes = b"") -> None:
        """Take down what happens."""
        line = f"{self.clock.at - START} {what}"
        self.trace.update(line.encode())
        self.trace.update(octets)
        if self._look_back:
            self.lines.append(f"{line} {octets[:4].hex() if what != 'rows' else octets.decode()}")
            del self.lines[: -self._look_back]

    def count(self, what: str) -> None:
        """One more of `what`."""
        self.counts[what] += 1

    def fail(self, which: str, what: str) -> None:
        """Something is wrong, and the story ends. Raises Broken."""
        self.broken = (
            self.broken or f"{which}: {what} (at {(self.clock.at - START) / 1000:.3f} s, step {self.clock.steps})"
        )
        raise Broken(self.broken)

    # The network

    def send(self, octets: bytes, source: Address, to: Address, sender: Node) -> None:
        """A datagram of a server."""
        if octets[0] == 2:
            self.checks.sent(octets, sender)
        if to[1] == DAS:
            self._ordered_at.setdefault(octets, self.clock.at)
        self._carry(octets, source, to, (sender.number, sender.lives))

    def ordered_at(self, octets: bytes) -> int:
        """When a server first sent this order."""
        return self._ordered_at[octets]

    def carry(self, octets: bytes, source: Address, to: Address) -> None:
        """A datagram of a router."""
        self._carry(octets, source, to, None)

    def _carry(self, octets: bytes, source: Address, to: Address, sender: Any) -> None:
        faults, random = self.faults, self.random
        if random.random() < faults.loss or (source[0], to[0]) in self._cut_links:
            self.note(f"lost {source[0]}>{to[0]}", octets)
            self.count("lost")
            self.clock.steps += 1
            self.clock.events += 1
            return
        copies = 2 if random.random() < faults.duplication else 1
        for _ in range(copies):
            delay = random.randint(1, faults.delay + 1)
            if random.random() < faults.reordering:
                delay += random.randint(0, _REORDERED_BY)
            self.clock.later(delay, self._arrive, octets, source, to, sender, self.clock.at)

    def _arrive(self, octets: bytes, source: Address, to: Address, sender: Any, sent_at: int) -> None:
        self.note(f"{source[0]}:{source[1]}>{to[0]}:{to[1]}", octets)
        router = self._places.get(to[0])
        if router is not None:
            router.hear(octets, source, to[1], sender, sent_at)
            return
        node = self._where[to[0]]
        if node.is_alive:
            self.ledger.arrived(octets)
            node.hear(octets, source, to[1])
            if node.counters.counts["failed"]:
                self.fail("R8", f"node {node.number} could not handle a packet")

    def post(self, report: Report, asked: Any, answered: Any) -> None:
        """A PC system tells a server, by another kind of link with the same troubles."""
        node = self.random.choice(self.nodes)
        if self.random.random() < self.faults.loss:
            return
        life = node.life

        def answer(result: Any) -> None:
            if self.random.random() >= self.faults.loss:
                self.clock.later(self.random.randint(1, self.faults.delay + 1), answered, report, result)

        self.clock.later(self.random.randint(1, self.faults.delay + 1), asked, report, node, answer, life=life)

    # Servers

    def committed(self, node: Node, jobs: list[Job], results: list[Any]) -> None:
        """A batch is durable, or was not carried out."""
        self.note(f"node {node.number} commits {','.join(type(each).__name__ for each in jobs)}")
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, Failed):
                self.fail("job", f"{type(job).__name__} could not be carried out: {result.error!r}")
        self.wrote()
        self.counts["commits"] += 1
        self.counts["jobs"] += len(jobs)
        self.checks.look_at_touched()

    def wrote(self) -> None:
        """The store is not as it was."""
        for node in self.nodes:
            if node.is_alive:
                node.looking.wake()
        self.version += 1

    def nothing_until(self) -> float:
        """Until when a look at the store sees nothing, if nobody writes; asked of the store once for all servers."""
        if self._looked_version != self.version:
            self._looked_version, self._nothing_until = self.version, self.checks.nothing_until()
        return self._nothing_until

    def trouble(self, where: str, node: Node) -> bool:
        """Whether a server dies at this very point."""
        if not self.faults.trouble or self.random.random() >= self.faults.trouble:
            return False
        self.note(f"node {node.number} dies {where}")
        self.count(f"died {where}")
        self._crash(node)
        return True

    def is_alone(self, node: Node) -> bool:
        """Whether no other server runs."""
        return not any(each.is_alive for each in self.nodes if each is not node)

    def _crash(self, node: Node) -> None:
        node.crash()
        self.clock.later(self.random.randint(100, _DOWN_FOR), self._start, node)

    def _start(self, node: Node) -> None:
        if not node.is_alive:
            self.note(f"node {node.number} starts")
            node.start(self.mix.look_every)

    # What goes wrong

    def _every(self, milliseconds: int, doing: Any) -> None:
        if milliseconds and not self.is_quiet:
            self.clock.later(int(self.random.expovariate(1 / milliseconds)) + 1, self._go_wrong, milliseconds, doing)

    def _go_wrong(self, milliseconds: int, doing: Any) -> None:
        if not self.is_quiet:
            doing()
            self._every(milliseconds, doing)

    def _kill(self) -> None:
        node = self.random.choice(self.nodes)
        if node.is_alive:
            self.note(f"node {node.number} is killed")
            self.count("killed")
            self._crash(node)

    def _cut_power(self) -> None:
        router = self.random.choice(self.routers)
        self.note(f"{router.place.name} reboots")
        self.count("reboots")
        self._reboot(router)

    def _reboot(self, router: Router) -> None:
        for guest in self.guests:
            for phone in guest.phones:
                if phone.router is router:
                    phone.give_up()
        router.reboot(is_told=self.random.random() < self.faults.tells_reboot)

    def _part(self) -> None:
        node, router = self.random.choice(self.nodes), self.random.choice(self.routers)
        there, back = (node.address, router.place.address), (router.place.address, node.address)
        cut = self.random.choice(((there, back), (there,), (back,)))
        self.note(f"parted {cut}")
        self.count("parted")
        self._cut_links.update(cut)
        self.clock.later(self.faults.partition_for, self._cut_links.difference_update, cut)

    # A story

    def begin(self) -> None:
        """Start the servers, and let people come."""
        for node in self.nodes:
            node.start(self.mix.look_every)
        for guest in self.guests:
            guest.begin()
        self.pc.begin()
        self.administrator.begin()
        self._every(self.faults.crash_every, self._kill)
        self._every(self.faults.reboot_every, self._cut_power)
        self._every(self.faults.partition_every, self._part)

    def live(self, steps: int) -> None:
        """So many steps, everything checked every thousand."""
        until = self.clock.steps + steps
        check_at = self.clock.steps + CHECKED_EVERY
        while self.clock.steps < until and self._step():
            if self.clock.steps >= check_at:
                check_at += CHECKED_EVERY
                self.checks.look_at_everything()

    def settle(self) -> None:
        """Nothing goes wrong any more and nobody begins anything: what is on its way comes to its end."""
        self.is_quiet = True
        self.faults = evolve(Faults(), slow_commit=self.faults.slow_commit)
        self._cut_links.clear()
        self._until(self.clock.at + 2 * _DOWN_FOR)
        for node in self.nodes:
            node.looking.times = 10
        self._until(self.clock.at + _SETTLES_IN)
        if self.pc.open:
            self.fail("S7", f"{len(self.pc.open)} events of PC systems are not answered")
        self.checks.look_at_quiet()

    def serve_everybody(self) -> None:
        """Whoever has paid gets in, within a few tries."""
        for node in self.nodes:
            node.looking.times = 1
        for router in self.routers:
            for online in tuple(router.online.values()):
                router.end(online, TerminateCause.LOST_CARRIER)
        left = self.guests
        for number in range(_TRIES):
            self._until(self.clock.at + _BETWEEN_TRIES)
            left = [each for each in left if each.phones[0].online is None]
            for guest in left:
                self.administrator.let_in(guest.person, anew=number == _TRIES // 2)
            self._until(self.clock.at + _BETWEEN_TRIES)
            for guest in left:
                guest.phones[0].log_in(self.random.choice(guest.routers))
        self._until(self.clock.at + _BETWEEN_TRIES)
        for guest in left:
            if guest.phones[0].online is None:
                self.fail("liveness", f"{guest.person.account} has paid and is not let in")
        self._until(self.clock.at + _ANSWERED_AGAIN)
        self.checks.look_at_quiet()

    def _until(self, at: int) -> None:
        while self.clock.next_at <= at and self._step():
            pass

    def _step(self) -> bool:
        if self.broken is not None:  # and a Deferred kept it to itself
            raise Broken(self.broken)
        return self.clock.step()

    def close(self) -> None:
        """Throw it away."""
        self.database.close()


def live_through(seed: int, mix: Mix, steps: int, folder: Path | None = None, look_back: int = 0) -> Outcome:
    """The whole story of a seed, to its quiet end or to the first thing that is wrong."""
    world = World(seed, mix, folder, look_back)
    broken = None
    try:
        world.begin()
        world.live(steps)
        world.settle()
        world.serve_everybody()
    except Broken as error:
        broken = "\n".join([*world.lines, str(error)])
    finally:
        world.close()
    return Outcome(
        seed=seed,
        steps=world.clock.steps,
        events=world.clock.events,
        seconds=(world.clock.at - START) // 1000,
        trace=world.trace.hexdigest(),
        broken=broken,
        counts=world.counts,
    )
