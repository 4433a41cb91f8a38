"""The menus of the RouterOS API that a cut needs, with their rows."""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from radiusd.virtual_router.api_queries import Row
from radiusd.virtual_router.guests import Online
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.memory import Memory
from radiusd.virtual_router.packets import Counters

_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


@frozen
class Menu:
    """`remove` says whether there was such a row; None where nothing can be removed."""

    columns: frozenset[str]
    rows: Callable[[], list[Row]]
    remove: Callable[[str], bool] | None = None
    is_there: Callable[[], bool] = lambda: True


class Shown(Protocol):
    """A router, as far as its menus show it."""

    online: list[Online]
    memory: Memory
    habits: Habits

    def cut(self, online: Online) -> None:
        """End a line by order."""

    def counters(self, online: Online) -> Counters:
        """What was counted on it."""

    def uptime(self, online: Online) -> int:
        """Seconds since the login."""

    def time_left(self, online: Online) -> float | None:
        """Seconds until the Session-Timeout."""


def menus(router: Shown) -> dict[str, Menu]:
    """By path."""
    shelf = _Shelf(router)
    return {
        "/ip/hotspot/active": Menu(
            _names(".id server user address mac-address login-by uptime session-time-left bytes-in bytes-out radius"),
            shelf.hotspot,
            shelf.cut("hotspot"),
        ),
        "/ppp/active": Menu(
            _names(".id name service caller-id address uptime session-id radius"),
            shelf.ppp,
            shelf.cut("ppp"),
            lambda: not router.habits.no_ppp,
        ),
        "/ip/hotspot/cookie": Menu(
            _names(".id user mac-address domain expires-in mac-cookie"), shelf.cookies, shelf.remove_cookie
        ),
        "/ip/firewall/connection": Menu(
            _names(".id protocol src-address dst-address fasttrack timeout"), shelf.flows, shelf.remove_flow
        ),
        "/ip/firewall/filter": Menu(_names(".id chain action disabled comment"), shelf.rules),
        "/system/identity": Menu(_names("name"), lambda: [{"name": "hotspot-router"}]),
    }


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


@frozen
class _Shelf:
    """Rows as they are just now."""

    router: Shown

    def _online(self, service: str) -> list[Online]:
        return [each for each in self.router.online if each.guest.service == service]

    def hotspot(self) -> list[Row]:
        return [self._hotspot(each) for each in self._online("hotspot")]

    def _hotspot(self, online: Online) -> Row:
        counted, left = self.router.counters(online), self.router.time_left(online)
        row = {
            ".id": _id(online.number),
            "server": "hotspot1",
            "user": online.line.user_name,
            "address": online.line.address,
            "mac-address": online.line.mac.upper(),
            "login-by": "http-chap" if online.guest.chap else "http-pap",
            "uptime": duration(self.router.uptime(online)),
            "bytes-in": str(counted.octets_in),
            "bytes-out": str(counted.octets_out),
            "radius": "true",
        }
        return row if left is None else {**row, "session-time-left": duration(int(left))}

    def ppp(self) -> list[Row]:
        return [
            {
                ".id": _id(each.number),
                "name": each.line.user_name,
                "service": "pppoe",
                "caller-id": each.line.mac.upper(),
                "address": each.line.address,
                "uptime": duration(self.router.uptime(each)),
                "session-id": f"0x{each.line.number:X}",
                "radius": "true",
            }
            for each in self._online("ppp")
        ]

    def cookies(self) -> list[Row]:
        return [
            {".id": _id(each.number), "user": each.guest.name, "mac-address": each.mac.upper(), "expires-in": "3d"}
            for each in self.router.memory.cookies
        ]

    def flows(self) -> list[Row]:
        return [
            {
                ".id": _id(each.number),
                "protocol": "tcp",
                "src-address": each.source,
                "dst-address": each.destination,
                "fasttrack": "true" if each.is_fasttracked else "false",
                "timeout": "23h59m59s",
            }
            for each in self.router.memory.flows
        ]

    def rules(self) -> list[Row]:
        rows = [{".id": "*1", "chain": "forward", "action": "drop", "disabled": "false"}]
        if self.router.habits.fasttrack:
            rows.append({".id": "*2", "chain": "forward", "action": "fasttrack-connection", "disabled": "false"})
        return rows

    def cut(self, service: str) -> Callable[[str], bool]:
        """Removing a row of the list ends the session, as a disconnect does."""

        def remove(row_id: str) -> bool:
            found = [each for each in self._online(service) if _id(each.number) == row_id]
            for online in found:
                self.router.cut(online)
            return bool(found)

        return remove

    def remove_cookie(self, row_id: str) -> bool:
        memory = self.router.memory
        before = len(memory.cookies)
        memory.cookies = [each for each in memory.cookies if _id(each.number) != row_id]
        return len(memory.cookies) < before

    def remove_flow(self, row_id: str) -> bool:
        memory = self.router.memory
        before = len(memory.flows)
        memory.flows = [each for each in memory.flows if _id(each.number) != row_id]
        return len(memory.flows) < before


def _id(number: int) -> str:
    return f"*{number:X}"


def duration(seconds: int) -> str:
    """1w2d3h4m5s; what is zero is left out."""
    parts = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
