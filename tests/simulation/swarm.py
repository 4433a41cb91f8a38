"""What each seed goes through: its own mix of faults, of people and of routers."""

from random import Random
from typing import Any

from attrs import evolve, fields, frozen


@frozen(kw_only=True)
class Faults:
    """How often what goes wrong does; all at their defaults, nothing does. Rates are parts of one, times milliseconds.

    A partition cuts one link; an outage of a node or of a router's power comes once in so many milliseconds.
    """

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    delay: int = 5
    partition_every: int = 0
    partition_for: int = 20_000
    crash_every: int = 0
    reboot_every: int = 0
    tells_reboot: float = 0.5
    lost_stop: float = 0.0
    mute: float = 0.0
    nak: float = 0.0
    trouble: float = 0.0
    slow_commit: int = 5
    forgetful_routers: bool = False
    """They give a report up after a few tries, as RouterOS does; others ask for ever."""


@frozen(kw_only=True)
class Mix:
    """A world to be: how many nodes, routers and guests, what they are like, and what goes wrong."""

    nodes: int = 2
    routers: int = 3
    guests: int = 12
    pause: int = 20_000
    """What a guest does nothing for between two things, on average, in milliseconds."""
    admin_every: int = 30_000
    pc_every: int = 20_000
    look_every: int = 1
    """The looks at the store are so many times rarer than in a server."""
    timeout: int = 300
    sends: int = 3
    faults: Faults = Faults()


def draw(seed: int) -> Mix:
    """The mix of a seed; the first of every ten has no faults, the next one kind of them, all others any number."""
    random = Random(seed)
    mix = Mix(
        nodes=random.choice((2, 2, 3, 3, 4, 5)),
        routers=random.randint(2, 6),
        guests=random.choice((4, 10, 20, 40)),
        pause=random.choice((4_000, 10_000, 20_000, 60_000)),
        admin_every=random.choice((5_000, 30_000, 120_000)),
        pc_every=random.choice((5_000, 20_000, 120_000)),
        look_every=random.choice((1, 1, 2, 4)),
        timeout=random.choice((300, 1_100)),
        sends=random.choice((3, 4)),
    )
    chances = {0: 0.0, 1: 1.0}
    share = chances.get(seed % 10, random.choice((0.3, 0.6, 1.0)))
    drawn = _drawn(random)
    names = sorted(drawn)
    chosen = [random.choice(names)] if seed % 10 == 1 else [each for each in names if random.random() < share]
    return evolve(mix, faults=Faults(**{name: drawn[name] for name in chosen}))


def _drawn(random: Random) -> dict[str, Any]:
    return {
        "loss": random.choice((0.01, 0.1, 0.3)),
        "duplication": random.choice((0.02, 0.2)),
        "reordering": random.choice((0.02, 0.1)),
        "delay": random.choice((1, 30, 250)),
        "partition_every": random.choice((30_000, 120_000)),
        "crash_every": random.choice((10_000, 60_000)),
        "reboot_every": random.choice((30_000, 120_000)),
        "tells_reboot": random.choice((0.0, 1.0)),
        "lost_stop": random.choice((0.1, 0.5)),
        "mute": random.choice((0.05, 0.3)),
        "nak": random.choice((0.05, 0.3)),
        "trouble": random.choice((0.002, 0.02)),
        "slow_commit": random.choice((1, 50, 200)),
        "forgetful_routers": True,
    }


def without(mix: Mix, names: tuple[str, ...]) -> Mix:
    """The mix, with these faults left out; raises ValueError for one there is not."""
    known: dict[str, Any] = {each.name: each.default for each in fields(Faults)}
    for name in names:
        if name not in known:
            raise ValueError(f"there is no fault {name!r}: {', '.join(known)}")
    return evolve(mix, faults=evolve(mix.faults, **{name: known[name] for name in names}))


def faults_of(mix: Mix) -> tuple[str, ...]:
    """The names of what goes wrong in it."""
    plain = Faults()
    return tuple(each.name for each in fields(Faults) if getattr(mix.faults, each.name) != getattr(plain, each.name))
