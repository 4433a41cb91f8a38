"""How often somebody may guess: wrong tries are counted by name and by address, and those under way count as wrong.

Whoever has a thousand addresses guesses a thousand names. Each guess costs some milliseconds in which routers wait, so
there is a bound as well to how many log in within a second, at a branch and in all.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable

WINDOW = 300_000
MOST_BY_NAME = 3
MOST_BY_ADDRESS = 10
MOST_OF_A_BRANCH = 20
MOST_IN_ALL = 50
_SECOND = 1_000
_MOST_REMEMBERED = 50_000


class Window:
    """At most `most` in `span` milliseconds for each key; the keys longest unused are forgotten."""

    def __init__(self, most: int, span: int = WINDOW) -> None:
        self._most = most
        self._span = span
        self._tries: OrderedDict[Hashable, deque[int]] = OrderedDict()

    def free_in(self, key: Hashable, at: int) -> int:
        """Milliseconds until one more is allowed; 0 for now."""
        tries = self._tries.get(key)
        if tries is None:
            return 0
        while tries and tries[0] <= at - self._span:
            tries.popleft()
        return 0 if len(tries) < self._most else tries[0] + self._span - at

    def add(self, key: Hashable, at: int) -> None:
        """One more."""
        self._tries.setdefault(key, deque()).append(at)
        self._tries.move_to_end(key)
        while len(self._tries) > _MOST_REMEMBERED:
            self._tries.popitem(last=False)

    def take_back(self, key: Hashable, at: int) -> None:
        """The one added at `at` was none."""
        tries = self._tries.get(key)
        if tries is not None and at in tries:
            tries.remove(at)
            if not tries:
                del self._tries[key]


class Tries:
    """Both limits together."""

    def __init__(self) -> None:
        self._by_name = Window(MOST_BY_NAME)
        self._by_address = Window(MOST_BY_ADDRESS)

    def begin(self, name: Hashable, address: str, at: int) -> int:
        """Milliseconds to wait, or 0: then the try counts as wrong until it is taken back."""
        wait = max(self._by_name.free_in(name, at), self._by_address.free_in(address, at))
        if not wait:
            self._by_name.add(name, at)
            self._by_address.add(address, at)
        return wait

    def take_back(self, name: Hashable, address: str, at: int) -> None:
        """It was right, or nobody could tell."""
        self._by_name.take_back(name, at)
        self._by_address.take_back(address, at)


class Crowd:
    """How many log in within a second, right or wrong."""

    def __init__(self) -> None:
        self._of_branch = Window(MOST_OF_A_BRANCH, _SECOND)
        self._in_all = Window(MOST_IN_ALL, _SECOND)

    def begin(self, branch_id: int, at: int) -> int:
        """Milliseconds to wait, or 0: then one more logs in."""
        wait = max(self._of_branch.free_in(branch_id, at), self._in_all.free_in(None, at))
        if not wait:
            self._of_branch.add(branch_id, at)
            self._in_all.add(None, at)
        return wait
