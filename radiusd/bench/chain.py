"""A chain of cafés as a load generator sees it: which user is at which router, and where that router sends from."""

from ipaddress import IPv4Address

from attrs import frozen

_FIRST_ADDRESS = IPv4Address("127.0.1.1")


@frozen(kw_only=True)
class Chain:
    """`users` guests, the first of them at the first router, and so on; every branch has as many routers."""

    users: int
    branches: int = 8
    routers: int = 32

    @classmethod
    def of(cls, users: int) -> "Chain":
        """As many branches and routers as so many users need, and users that fill them all."""
        branches = 1 if users < 200 else 8
        routers = branches * (1 if users < 1000 else 4)
        return cls(users=-(-users // routers) * routers, branches=branches, routers=routers)

    @property
    def users_of_a_router(self) -> int:
        """As many as at every other."""
        return -(-self.users // self.routers)

    @property
    def routers_of_a_branch(self) -> int:
        """As many as of every other."""
        return self.routers // self.branches

    @property
    def first_address(self) -> IPv4Address:
        """The first router's; those of the others follow it."""
        return _FIRST_ADDRESS

    def address_of(self, router: int) -> IPv4Address:
        """Where a router sends from."""
        return _FIRST_ADDRESS + router

    def users_at(self, router: int) -> range:
        """The users of a router."""
        first = router * self.users_of_a_router
        return range(first, min(first + self.users_of_a_router, self.users))

    def branch_of(self, router: int) -> int:
        """The branch a router is of."""
        return router // self.routers_of_a_branch

    def users_of_branch(self, branch: int) -> range:
        """The users of a branch."""
        size = self.routers_of_a_branch
        return range(self.users_at(branch * size).start, self.users_at(branch * size + size - 1).stop)


def nas_name(router: int) -> str:
    """What a router calls itself (NAS-Identifier); radius_load says the same."""
    return f"router-{router:04d}"
