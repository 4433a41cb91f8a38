"""Model guests: they log in, roam, bring a second device, log out, or walk away without a word."""

from typing import TYPE_CHECKING

from attrs import define

from radiusd.wire.codes import TerminateCause
from tests.simulation.store import Person

if TYPE_CHECKING:
    from tests.simulation.routers import Online, Router
    from tests.simulation.world import World

_HAS_COOKIE = 0.4
_COMES_BACK_WITHIN = 1_500
_SPEEDS = (20_000, 500_000, 5_000_000, 60_000_000)


@define(eq=False)
class Phone:
    """One device of a guest; `router` is where it asked last."""

    guest: "Guest"
    number: int
    mac: str
    uses_chap: bool
    router: "Router | None" = None
    online: "Online | None" = None
    is_asking: bool = False

    def lost(self, online: "Online") -> None:
        """The router has that line no more."""
        if self.online is online:
            self.online = None

    def log_in(self, router: "Router") -> None:
        """Ask for a line, unless that was asked and is not answered yet."""
        if self.is_asking or not router.is_on:
            return
        self.is_asking = True
        self.router = router
        router.log_in(self, self._answered)

    def _answered(self, online: "Online | None") -> None:
        self.is_asking = False
        self.online = online

    def was_cut(self, router: "Router") -> None:
        """Some phones have a cookie, by which their router logs them in again as soon as they are out."""
        world = self.guest.world
        if not world.is_quiet and world.random.random() < _HAS_COOKIE:
            world.clock.later(world.random.randint(50, _COMES_BACK_WITHIN), self.log_in, router, life=router.life)

    def give_up(self) -> None:
        """The router it asked lost its power."""
        self.is_asking = False


class Guest:
    """A person with three devices, who does something now and then."""

    def __init__(self, world: "World", person: Person, number: int) -> None:
        self.world = world
        self.person = person
        self.phones = [
            Phone(self, number * 3 + each, f"02:AA:00:00:{number:02X}:{each:02X}", world.random.random() < 0.3)
            for each in range(3)
        ]
        self.speed = world.random.choice(_SPEEDS)
        self.routers = [each for each in world.routers if each.place.branch == person.branch] or world.routers

    def begin(self) -> None:
        """Come in some time soon."""
        self._later(self.world.random.randint(0, self.world.mix.pause))

    def _later(self, milliseconds: int) -> None:
        self.world.clock.later(milliseconds, self._act)

    def _act(self) -> None:
        world = self.world
        if world.is_quiet:
            return
        self._later(int(world.random.expovariate(1 / world.mix.pause)) + 1)
        there = [each for each in self.phones if each.online is not None]
        if not there:
            self._does("comes")
            self.phones[world.random.choice((0, 0, 0, 1))].log_in(world.random.choice(self.routers))
            return
        phone = world.random.choice(there)
        (what,) = world.random.choices(_ACTS, _WEIGHTS)
        self._does(what)
        _DOING[what](self, phone)

    def _does(self, what: str) -> None:
        self.world.note(f"{self.person.account} {what}")
        self.world.count(what)

    def _roam(self, phone: Phone) -> None:
        """Another router; the old one may notice only later that the phone is gone, if its power lasts."""
        self._vanish(phone)
        phone.log_in(self.world.random.choice(self.routers))

    def _second(self, phone: Phone) -> None:
        other = self.world.random.choice([each for each in self.phones if each is not phone])
        other.log_in(self.world.random.choice(self.routers))

    def _again(self, phone: Phone) -> None:
        """The phone wakes up and logs in anew where it is."""
        assert phone.online is not None
        phone.log_in(phone.online.router)

    def _log_out(self, phone: Phone) -> None:
        assert phone.online is not None
        phone.online.router.end(phone.online, TerminateCause.USER_REQUEST)

    def _vanish(self, phone: Phone) -> None:
        """Out of reach; the router finds that it is idle."""
        online = phone.online
        assert online is not None
        router, phone.online = online.router, None
        idle_for = self.world.random.choice((1_000, 60_000, 300_000))
        self.world.clock.later(idle_for, router.end, online, TerminateCause.IDLE_TIMEOUT, life=router.life)

    def _stay(self, phone: Phone) -> None:
        pass


_DOING = {
    "roams": Guest._roam,
    "brings another device": Guest._second,
    "comes back": Guest._again,
    "logs out": Guest._log_out,
    "walks away": Guest._vanish,
    "stays": Guest._stay,
}
_ACTS = tuple(_DOING)
_WEIGHTS = (20, 20, 25, 10, 10, 15)
