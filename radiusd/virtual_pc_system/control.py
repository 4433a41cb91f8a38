"""The switches of a virtual PC system: what its page and its commands do, by JSON over HTTP.

A page of some other site must not press them: every POST is JSON by its header, which browsers let no foreign page
send unasked, and the Host must be an address or a name of this very machine.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec
from attrs import asdict
from twisted.web.server import Request

from radiusd.virtual_pc_system.api import Api
from radiusd.virtual_pc_system.cafe import Cafe, Refusal
from radiusd.virtual_pc_system.faults import Faults
from radiusd.virtual_pc_system.speaking import Leaf, fields_of
from radiusd.virtual_pc_system.storm import Storm
from radiusd.virtual_pc_system.webhook import Event, Sender

SHOWN = 60
_KINDS = {"log-on": "USER_LOGIN", "log-off": "USER_LOGOUT", "top-up": "BALANCE_UPDATE"}


class Control(Leaf):
    """Acts on `cafe`, `api` and `sender`; `changed` is called after whatever changes the café."""

    def __init__(self, clock: Any, cafe: Cafe, api: Api, sender: Sender, changed: Callable[[], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._cafe = cafe
        self._api = api
        self._sender = sender
        self._changed = changed
        self._revision = 0
        self._storm = Storm(clock, cafe, sender)

    def touch(self) -> None:
        """Something is new, and the page must show it."""
        self._revision += 1

    def answer(self, request: Request, method: str, where: str) -> tuple[int, dict[str, Any]]:
        """`GET state`, `GET events/NUMBER`, `GET storm`, and a POST for each switch."""
        _check_host(request)
        what = where.removeprefix("/control/")
        if method == "GET":
            return 200, self._shown(request, what)
        if method != "POST":
            raise Refusal(405, "METHOD_NOT_ALLOWED", "GET and POST, nothing else")
        if (request.getHeader("content-type") or "").partition(";")[0].strip() != "application/json":
            raise Refusal(415, "INVALID_REQUEST", "Content-Type must be application/json")
        return 200, self._done(what, fields_of(request))

    def _shown(self, request: Request, what: str) -> dict[str, Any]:
        if what == "state":
            (after,) = request.args.get(b"after", [b""])[:1]
            return {"revision": self._revision} if after == b"%d" % self._revision else self._state()
        if what == "storm":
            return self._storm.told()
        if what.startswith("events/") and what[7:].isdecimal() and int(what[7:]) in self._sender.events:
            return self._sender.events[int(what[7:])].told()
        raise Refusal(404, "NOT_FOUND", "There is nothing here")

    def _state(self) -> dict[str, Any]:
        events = list(self._sender.events.values())
        settings = self._sender.settings
        return {
            "revision": self._revision,
            "users": [_user(each) for each in self._cafe.users.values()],
            "events": [each.told() for each in events[-SHOWN:][::-1]],
            "waiting": len(self._sender.waiting),
            "faults": asdict(self._api.faults),
            "url": settings.url if settings else None,
            "location_id": settings.location_id if settings else None,
        }

    def _done(self, what: str, fields: dict[str, Any]) -> dict[str, Any]:
        if what in _KINDS:
            return self._happened(what, fields).told()
        if what == "faults":
            return self._set_faults(fields)
        if what == "storm":
            count = fields.get("count")
            if type(count) is not int or not 0 < count <= 1_000_000:
                raise Refusal(400, "INVALID_REQUEST", "count must be 1 to 1000000")
            self._storm.begin(count)
            self._changed()
            return self._storm.told()
        raise Refusal(404, "NOT_FOUND", "There is no such switch")

    def _happened(self, what: str, fields: dict[str, Any]) -> Event:
        name = fields.get("user")
        if not isinstance(name, str) or name not in self._cafe.users:
            raise Refusal(404, "USER_NOT_FOUND", "There is no such user; see: scripts/pc-system list")
        if what == "top-up":
            amount = fields.get("amount")
            self._cafe.top_up(name, amount if type(amount) is int else 0)
        else:
            self._cafe.set_on(name, what == "log-on")
        event = self._sender.happened(_KINDS[what], name)
        self._changed()
        return event

    def _set_faults(self, fields: dict[str, Any]) -> dict[str, Any]:
        try:
            wanted = msgspec.convert({**asdict(self._api.faults), **fields}, Faults)
        except msgspec.ValidationError as error:
            raise Refusal(400, "INVALID_REQUEST", f"A fault cannot be like that: {error}") from None
        self._api.faults = self._sender.faults = wanted
        self._changed()
        return asdict(wanted)


def _user(user: Any) -> dict[str, Any]:
    return {
        "name": user.name,
        "seat": user.seat,
        "balance": user.balance,
        "is_on": user.is_on,
        "note": "locked" if user.is_locked else "suspended" if user.is_suspended else "",
    }


def _check_host(request: Request) -> None:
    """Refuse a name that some site has pointed at this machine."""
    host = urlsplit(f"//{request.getHeader('host') or ''}").hostname or ""
    try:
        ip_address(host)
    except ValueError:
        if host != "localhost":
            raise Refusal(403, "FORBIDDEN", "Use an address, such as 127.0.0.1, or localhost") from None
