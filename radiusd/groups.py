"""What those who remember much hold in common: members by number, and who is to make room."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

M = TypeVar("M", int, bytes, str)


class Groups(Generic[M]):
    """The members of each number. Most have one alone, which then is all that is held."""

    def __init__(self) -> None:
        self._of: dict[int, M | set[M]] = {}

    def __iter__(self) -> Iterator[int]:
        return iter(self._of)

    def of(self, number: int) -> Collection[M]:
        """The members of this number, as they are now."""
        found = self._of.get(number)
        if found is None:
            return ()
        return tuple(found) if isinstance(found, set) else (found,)

    def add(self, number: int, member: M) -> None:
        """One more; none is there twice."""
        before = self._of.get(number)
        if before is None:
            self._of[number] = member
        elif isinstance(before, set):
            before.add(member)
        elif before != member:
            self._of[number] = {before, member}

    def discard(self, number: int, member: M) -> None:
        """One less, if it was there."""
        before = self._of.get(number)
        if before == member:
            del self._of[number]
        elif isinstance(before, set):
            before.discard(member)
            if not before:
                del self._of[number]

    def clear(self) -> None:
        """No members any more."""
        self._of.clear()


K = TypeVar("K")


def too_many(known: dict[K, Any], most: int) -> Iterable[K]:
    """The first that came, if there are more than `most`.

    They are several at once, for a dictionary looks for its first among all the places that are empty since.
    """
    return tuple(islice(known, 1 + most // 1024)) if len(known) > most else ()
