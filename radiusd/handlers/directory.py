"""The branches and routers the handlers know at the moment."""

from attrs import evolve

from radiusd.server.nases import Nases
from radiusd.store.directory import Cafe, Directory, Router


class Known:
    """Holds the directory, and keeps `nases` to it."""

    def __init__(self, directory: Directory, nases: Nases) -> None:
        self._nases = nases
        self.replace(directory)

    def replace(self, directory: Directory) -> None:
        """Know this from now on."""
        self.directory = directory
        self._nases.replace(directory.routers.values())

    def cafe(self, router: Router) -> Cafe:
        """The branch a router belongs to."""
        return self.directory.cafes[router.branch_id]

    def learn(self, router_id: int) -> None:
        """The router signs its requests: that it does is stored by now."""
        router = self.directory.routers.get(router_id)
        if router is not None:
            routers = {**self.directory.routers, router_id: evolve(router, signs_requests=True)}
            self.replace(evolve(self.directory, routers=routers))
