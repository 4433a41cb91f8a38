"""What the router keeps beside its lines: cookies of phones, and the flows that run."""

from collections.abc import Iterator

from attrs import define, field

from radiusd.virtual_router.guests import Guest, Online


@define(eq=False)
class Cookie:
    """Logs a phone in without a word from the guest."""

    number: int
    guest: Guest
    mac: str


@define(eq=False)
class Flow:
    """A connection that runs, from a guest's address; `owner` is the line it began on."""

    number: int
    source: str
    destination: str
    owner: Online
    is_fasttracked: bool


@define
class Memory:
    """Rows are numbered on, and the numbers do not survive a reboot."""

    cookies: list[Cookie] = field(factory=list)
    flows: list[Flow] = field(factory=list)
    _next: int = 1

    def number(self) -> int:
        """For the next row."""
        self._next += 1
        return self._next - 1

    def begin(self, online: Online, *, has_cookie: bool, is_fasttracked: bool) -> None:
        """A guest has logged in: their phone may get a cookie, and a film and a chat begin."""
        online.number = self.number()
        if has_cookie and self.cookie(online) is None:
            self.cookies.append(Cookie(self.number(), online.guest, online.line.mac))
        for port, destination in ((40_001, "203.0.113.9:443"), (40_002, "198.51.100.7:5222")):
            source = f"{online.line.address}:{port}"
            self.flows.append(Flow(self.number(), source, destination, online, is_fasttracked))

    def end(self, online: Online) -> None:
        """The line is over: the firewall ends its flows, but for those that pass it by."""
        self.flows = [flow for flow in self.flows if flow.owner is not online or flow.is_fasttracked]

    def cookie(self, online: Online) -> Cookie | None:
        """The cookie of the phone on this line."""
        found = (each for each in self.cookies if each.guest.name == online.guest.name)
        return next((each for each in found if each.mac == online.line.mac), None)

    def forget_cookie(self, online: Online) -> None:
        """As the logout page does."""
        self.cookies = [each for each in self.cookies if each is not self.cookie(online)]

    def reboot(self) -> None:
        """Cookies are on the flash and stay; flows and numbers do not."""
        self.flows.clear()
        self._next = 1
        for cookie in self.cookies:
            cookie.number = self.number()

    def running(self, address: str) -> Iterator[Flow]:
        """The flows from this address."""
        return (flow for flow in self.flows if flow.source.partition(":")[0] == address)
