"""The sockets that workers are lent: opened by the parent, and kept until it goes."""

import socket
from collections.abc import Collection, Iterator, Mapping

from attrs import evolve, frozen

from radiusd.config import Address, Config
from radiusd.listening import BACKLOG, RECEIVE_BUFFER, may_come, why_not
from radiusd.workers.choosing import choose_by_source


class CannotOpen(Exception):
    """A port is taken, or an address is not ours; the message says what to do. It `may_come`: see listening."""

    def __init__(self, place: "Place", error: OSError) -> None:
        super().__init__(why_not(f"{place.address} ({place.name})", error))
        self.may_come = may_come(error)


@frozen
class Place:
    """One socket: what for, at which address, and of which worker."""

    name: str
    address: Address
    worker: int

    @property
    def is_shared(self) -> bool:
        """Whether each worker has one on the same port."""
        return self.name in ("auth", "acct")


def places(settings: Config) -> Iterator[Place]:
    """Every socket that these settings want.

    Worker 0 alone has the web root. Each has /metrics, worker i at the port that is i higher.
    """
    for worker in range(settings.workers):
        yield Place("auth", settings.auth, worker)
        yield Place("acct", settings.acct, worker)
        metrics = settings.at_web.metrics
        if metrics is not None:
            yield Place("metrics", evolve(metrics, port=metrics.port + worker), worker)
    if settings.web is not None:
        yield Place("web", settings.web, 0)


class Sockets:
    """Those that are open."""

    def __init__(self) -> None:
        self._open: dict[Place, socket.socket] = {}

    def open(self, settings: Config) -> None:
        """Open what these settings want and is not open yet. Raises CannotOpen, with what was open before."""
        before = set(self._open)
        try:
            for place in places(settings):
                if place not in self._open:
                    self._open[place] = self._opened(place)
        except CannotOpen:
            self._close(set(self._open) - before)
            raise

    def keep_only(self, settings: Config) -> None:
        """Close whatever these settings do not want."""
        self._close(set(self._open) - set(places(settings)))

    def lent(self, settings: Config, worker: int) -> Mapping[str, int]:
        """The descriptors of one worker, by name."""
        return {each.name: self._open[each].fileno() for each in places(settings) if each.worker == worker}

    def choose(self, settings: Config, absent: Collection[int]) -> bool:
        """Spread datagrams by where they come from, over all workers but those that are `absent`.

        False if the kernel's own way must do: then those wait.
        """
        first = (self._open[each] for each in places(settings) if each.is_shared and each.worker == 0)
        chosen = [choose_by_source(each, settings.workers, absent) for each in first]
        return all(chosen)

    def _opened(self, place: Place) -> socket.socket:
        kind = socket.SOCK_DGRAM if place.is_shared else socket.SOCK_STREAM
        made = socket.socket(socket.AF_INET6 if ":" in place.address.host else socket.AF_INET, kind)
        try:
            self._bind(made, place)
        except OSError as error:
            made.close()
            raise CannotOpen(place, error) from error
        return made

    def _bind(self, made: socket.socket, place: Place) -> None:
        made.setblocking(False)
        address = (place.address.host, place.address.port)
        if not place.is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(BACKLOG)
            return
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        # The first is bound as if it were the only one, so that two servers cannot share a port without knowing it.
        is_first = evolve(place, worker=0) not in self._open
        if is_first:
            made.bind(address)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if not is_first:
            made.bind(address)

    def _close(self, these: set[Place]) -> None:
        # The last first: whoever is left keeps their number in the group.
        for place in sorted(these, key=lambda each: -each.worker):
            self._open.pop(place).close()
