"""What a fault test is given: where to play, how to tell how far it is, and what is to be broken."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from radiusd.faults import towns
from radiusd.faults.places import Places
from radiusd.faults.towns import Town


@frozen(kw_only=True)
class Stage:
    """One run. `switches` break the product; none for the fault itself."""

    places: Places
    store: str
    seed: int
    switches: Sequence[str] = ()
    progress: Callable[[int, int], None] = lambda _done, _total: None

    @contextmanager
    def town(self, guests: int) -> Iterator[tuple[Town, str, Path]]:
        """A town, the address of its store, and a folder with its key."""
        with self.places.folder() as folder, self.places.store(self.store, folder) as store:
            town = towns.make(store, folder, guests, lambda _: None)
            yield town, store.url, folder
