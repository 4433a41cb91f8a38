"""What the guests of an evening do, each after one fashion."""

from enum import Enum
from random import Random

from attrs import frozen


class Habit(Enum):
    """The rest is a game as it should be."""

    STAYS = "plays, and leaves"
    TELEPORTS = "moves between game servers"
    JOINS_TWICE = "arrives twice at once with one token"
    FAR_AWAY = "plays over a network that loses much"
    LOST_VERIFY = "is verified in an answer that is lost, and gets another token"
    LATE = "arrives after the token's 60 s"
    CRASH = "plays on a game server that crashes"
    SHUTDOWN = "plays on a game server that is shut down"
    KILLS_LAUNCHER = "has the launcher killed, and plays on"
    SECOND_GAME = "begins a second game on the same PC"


_SHARES = {
    Habit.STAYS: 30,
    Habit.TELEPORTS: 20,
    Habit.JOINS_TWICE: 10,
    Habit.FAR_AWAY: 8,
    Habit.LOST_VERIFY: 6,
    Habit.LATE: 4,
    Habit.CRASH: 6,
    Habit.SHUTDOWN: 8,
    Habit.KILLS_LAUNCHER: 4,
    Habit.SECOND_GAME: 4,
}
_FIRST = (Habit.CRASH, Habit.SHUTDOWN)


@frozen
class Visit:
    """One guest at one PC, for so many cycles of heartbeats."""

    number: int
    user_id: str
    habit: Habit
    cycles: float


def visits(players: int, random: Random, omitted: frozenset[Habit] = frozenset()) -> list[Visit]:
    """The evening's guests in the order in which they come; of ten or more each habit has one."""
    wanted = {each: share for each, share in _SHARES.items() if each not in omitted}
    habits = [*wanted][:players]
    habits += random.choices([*wanted], [*wanted.values()], k=players - len(habits))
    random.shuffle(habits)
    # Who plays on a game server that goes down is there before it does.
    habits.sort(key=lambda each: each not in _FIRST)
    return [Visit(number, _user(number), habit, random.uniform(1.5, 6)) for number, habit in enumerate(habits)]


def _user(number: int) -> str:
    # Every tenth guest plays at two PCs at once, which replaces nothing.
    return str(5_000_000 + (number - 1 if number % 10 == 9 else number))
