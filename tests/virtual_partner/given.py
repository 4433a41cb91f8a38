"""A virtual charging partner without sockets, and our client that asks it."""

import json
from ipaddress import ip_network
from random import Random
from typing import Any

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.web.http_headers import Headers

from policy.quantities import Instant
from radiusd.charging.partner import Partner, PartnerAccess
from radiusd.pc_system.http import over
from radiusd.virtual_partner.api import Api, Asked
from radiusd.virtual_partner.control import Control, Root
from radiusd.virtual_partner.till import Network, Till
from tests.charging.given import NOON, a_key
from tests.virtual_pc_system.given import Chance

KEY = a_key(1)
JSON = Headers({"Content-Type": ["application/json"], "Host": ["127.0.0.1:8097"]})


class Town:
    """All parts of it, on a clock that is turned by hand; branch 1 is at 198.51.100.0/24."""

    def __init__(self, units: int = 10, key: str = "the-key") -> None:
        self.clock = Clock()  # type: ignore[no-untyped-call]
        self.chance = Chance(3)
        self.told: list[Asked] = []
        networks = [Network(ip_network("198.51.100.0/24"), 1), Network(ip_network("198.51.100.64/27"), 2)]
        self.till = Till(units=units, networks=networks)
        self.api = Api(self.clock, self.till, self.chance, self.clock.seconds, self.told.append, "the-key")
        self._agent = RequestTraversalAgent(Root(Control(self.till, self.api), self.api))  # type: ignore[no-untyped-call]
        self._http = over(self._agent)
        access = PartnerAccess(url="http://127.0.0.1:8097/v1", key=key)
        self.client = Partner(access, self._http, self.clock, Random(3), self.now)

    def now(self) -> Instant:
        return Instant(NOON + round(self.clock.seconds() * 1000))

    def turn(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)  # type: ignore[no-untyped-call]
            self._agent.flush()

    def result(self, wish: Any, seconds: float = 15) -> Any:
        """What comes of asking by our client, within so many seconds."""
        came: list[Any] = []
        Deferred.fromCoroutine(wish).addErrback(lambda failure: failure.value).addCallback(came.append)
        self.turn(0 if came else seconds)
        (found,) = came
        return found

    def ask(self, method: str, path: str, fields: Any = None, headers: Headers = JSON) -> tuple[int, Any]:
        """Status and JSON of an answer that comes at once."""
        came: list[Any] = []
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        url = f"http://127.0.0.1{path}"
        asked = self._http.request(method, url, headers=headers.copy(), data=body, reactor=self.clock)  # type: ignore[arg-type]
        asked.addCallback(came.append)
        came[0].content().addCallback(came.append)
        return came[0].code, json.loads(came[1])

    def break_down(self, **faults: Any) -> None:
        """Have these faults as well."""
        status, _ = self.ask("POST", "/control/faults", faults)
        assert status == 200

    @property
    def outcomes(self) -> list[str]:
        return [f"{each.operation} {each.outcome}" for each in self.told]
