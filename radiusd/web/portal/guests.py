"""Who a token belongs to, and the way to the PC system of a guest's branch."""

from collections.abc import Awaitable, Callable

from attrs import frozen

from radiusd.pc_system.values import Access
from radiusd.store.directory import Directory
from radiusd.store.pc_directory import PcSystem
from radiusd.store.portal import PortalLogin
from radiusd.web.errors import WebError

_LONGEST_TOKEN = 200

Find = Callable[[str], Awaitable[PortalLogin | None]]


@frozen
class Guests:
    """`find` looks a token up in the store; `directory` gives the branches as they are at the moment."""

    find: Find
    directory: Callable[[], Directory]

    async def authenticate(self, token: str) -> PortalLogin | None:
        """Whose token it is, if anybody's."""
        return await self.find(token) if len(token) <= _LONGEST_TOKEN else None

    def at_location(self, location_id: str) -> PcSystem:
        """The PC system of a location. Raises WebError."""
        for system in self.directory().pc_systems.values():
            if system.location_id == location_id:
                return system
        raise WebError("LOCATION_NOT_FOUND", f"There is no location {location_id[:50]!r} with gaming PCs.")

    def of(self, login: PortalLogin) -> PcSystem:
        """The PC system of a guest's branch. Raises WebError."""
        system = self.directory().pc_systems.get(login.branch_id)
        if system is None:
            raise WebError("LOCATION_NOT_FOUND", "The branch has no PC system any more.")
        return system


def access_to(system: PcSystem) -> Access:
    """How the PC system is asked. Raises WebError where it cannot be."""
    if system.api_url is None:
        raise WebError("PC_API_UNAVAILABLE", "This branch's PC system cannot be asked. Please ask at the counter.")
    return Access(
        branch_id=system.branch_id, url=system.api_url, paths=system.api_paths, api_key=system.api_key or None
    )
