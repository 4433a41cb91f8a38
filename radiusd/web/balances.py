"""Who shows the PC balance of whom at the moment: told when it changed, never what it is."""

from collections import defaultdict
from collections.abc import Callable

Whose = tuple[int, str]
"""A branch's id and the name of a PC user there."""


class Balances:
    """Those who want to hear of changes; `announce` tells them wherever they are, and until it is set those here."""

    def __init__(self) -> None:
        self._listeners: defaultdict[Whose, list[Callable[[], None]]] = defaultdict(list)
        self.announce: Callable[[Whose], None] = self.heard

    def listen(self, whose: Whose, heard: Callable[[], None]) -> Callable[[], None]:
        """Call `heard` at every change; the result ends that, and may be called again."""
        self._listeners[whose].append(heard)

        def end() -> None:
            if heard in self._listeners.get(whose, ()):
                self._listeners[whose].remove(heard)
                if not self._listeners[whose]:
                    del self._listeners[whose]

        return end

    def changed(self, whose: Whose) -> None:
        """It is another balance now: whoever shows it should ask for it again."""
        self.announce(whose)

    def heard(self, whose: Whose) -> None:
        """Somebody announced that it is another balance now: tell those here."""
        for heard in tuple(self._listeners.get(whose, ())):
            heard()
