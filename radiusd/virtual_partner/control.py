"""The switches: what the commands of scripts/charging-partner do, by JSON over HTTP, from this very machine only."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec
from attrs import asdict
from twisted.web.resource import Resource
from twisted.web.server import Request

from radiusd.virtual_partner.api import Api
from radiusd.virtual_partner.faults import Faults
from radiusd.virtual_partner.speaking import fields_of, path, written
from radiusd.virtual_partner.till import Refusal, Till


class Control(Resource):
    """`GET state`, and a POST for each switch."""

    isLeaf = True

    def __init__(self, till: Till, api: Api) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._till = till
        self._api = api

    def render(self, request: Request) -> bytes:
        """One JSON object."""
        try:
            _check_host(request)
            return written(request, 200, self._answer(request, path(request).removeprefix("/control/")))
        except Refusal as refusal:
            return written(request, refusal.status, refusal.fields)

    def _answer(self, request: Request, what: str) -> dict[str, Any]:
        if what == "state" and request.method == b"GET":
            return self._state()
        fields = fields_of(request)
        match what:
            case "faults":
                return self._set_faults(fields)
            case "top-up":
                return self._top_up(fields)
            case _:
                raise Refusal(404, "there is no such switch")

    def _state(self) -> dict[str, Any]:
        return {
            "balances": {str(branch_id): units for branch_id, units in self._till.balances.items()},
            "charges": [{"key": key, **asdict(charge)} for key, charge in self._till.charges.items()],
            "asked": [each.told() for each in self._api.asked],
            "faults": asdict(self._api.faults),
        }

    def _set_faults(self, fields: dict[str, Any]) -> dict[str, Any]:
        try:
            wanted = msgspec.convert({**asdict(self._api.faults), **fields}, Faults)
        except msgspec.ValidationError as error:
            raise Refusal(400, f"a fault cannot be like that: {error}") from None
        self._api.break_down(wanted)
        return asdict(wanted)

    def _top_up(self, fields: dict[str, Any]) -> dict[str, Any]:
        branch_id, units = fields.get("branch_id"), fields.get("units")
        if type(branch_id) is not int or type(units) is not int:
            raise Refusal(400, "branch_id and units must be whole numbers")
        return {"branch_id": branch_id, "units": self._till.top_up(branch_id, units)}


def _check_host(request: Request) -> None:
    """Refuse a name that some site has pointed at this machine."""
    host = urlsplit(f"//{request.getHeader('host') or ''}").hostname or ""
    try:
        ip_address(host)
    except ValueError:
        if host != "localhost":
            raise Refusal(403, "use an address, such as 127.0.0.1, or localhost") from None


class Root(Resource):
    """The partner's requests, and its switches under /control/."""

    def __init__(self, control: Control, api: Api) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._control = control
        self._api = api

    def getChild(self, name: bytes, request: Request) -> Resource:  # noqa: ARG002 - Twisted's signature
        """Whoever answers for the path."""
        return self._control if name == b"control" else self._api
