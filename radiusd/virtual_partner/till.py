"""What a charging partner keeps: cafés with addresses and balances, and the charges it was asked to start.

No clock, no socket. Each begun minute of play costs one unit, the first at the start.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from attrs import define, field, frozen

PERIOD = 60


class Refusal(Exception):
    """A request that cannot be answered; `message` says what is wrong with it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.fields = {"message": message}


@frozen
class Network:
    """Addresses of a café."""

    network: IPv4Network | IPv6Network
    branch_id: int


@define
class Charge:
    """Of one game session. One that was stopped before it was started has no café and never will."""

    branch_id: int | None
    game_id: int | None
    paid: int = 0
    played: int = 0
    is_stopped: bool = False
    reason: str | None = None


@define
class Till:
    """Cafés that nobody named have `units` at first. `exhausted_after`: play from which on no renewal is paid, in s."""

    units: int
    networks: list[Network] = field(factory=list)
    balances: dict[int, int] = field(factory=dict)
    charges: dict[str, Charge] = field(factory=dict)
    refuses: bool = False
    exhausted_after: int | None = None

    def left(self, branch_id: int) -> int:
        """What a café has."""
        return self.balances.setdefault(branch_id, self.units)

    def top_up(self, branch_id: int, units: int) -> int:
        """Put more on it, or take some off; what it has then."""
        self.balances[branch_id] = max(0, self.left(branch_id) + units)
        return self.balances[branch_id]

    def verify_ip(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Whose address it is."""
        try:
            address = ip_address(_text(fields, "ip"))
        except ValueError:
            raise Refusal(400, "ip must be an IP address") from None
        found = [each for each in self.networks if address in each.network]
        return {"branch_id": max(found, key=lambda each: each.network.prefixlen).branch_id if found else None}

    def check(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Whether a charge could be started."""
        _number(fields, "game_id", least=1)
        may = not self.refuses and self.left(_number(fields, "branch_id", least=1)) > 0
        return {"result": "chargeable" if may else "refused"}

    def start(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Start a charge, once."""
        key = _text(fields, "key")
        branch_id, game_id = _number(fields, "branch_id", least=1), _number(fields, "game_id", least=1)
        known = self.charges.get(key)
        if known is not None:
            return {"result": "refused" if known.is_stopped else "started"}
        if self.refuses or self.left(branch_id) < 1:
            return {"result": "refused"}
        self.balances[branch_id] -= 1
        self.charges[key] = Charge(branch_id, game_id, paid=1)
        return {"result": "started"}

    def renew(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Charge what has begun by now: all of it, or nothing."""
        key, played = _text(fields, "key"), _number(fields, "played_sec")
        charge = self.charges.get(key)
        if charge is None:
            raise Refusal(404, "there is no such charge")
        is_over = self.exhausted_after is not None and played >= self.exhausted_after
        if charge.is_stopped or is_over or not self._pay(charge, played // PERIOD + 1):
            return {"result": "exhausted"}
        charge.played = max(charge.played, played)
        return {"result": "ok"}

    def stop(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Stop a charge; of one that was never started it is enough to know that."""
        key, played = _text(fields, "key"), _number(fields, "played_sec")
        unbilled, reason = _number(fields, "unbilled_sec"), _text(fields, "reason")
        charge = self.charges.setdefault(key, Charge(None, None))
        if not charge.is_stopped:
            charge.is_stopped, charge.played, charge.reason = True, played, reason
            if charge.branch_id is not None and reason == "abandoned" and not played:
                self.balances[charge.branch_id] += charge.paid
                charge.paid = 0
            elif charge.branch_id is not None:
                wanted = max(0, played - unbilled) // PERIOD + 1
                self._pay(charge, min(wanted, charge.paid + self.left(charge.branch_id)))
        return {"result": "stopped"}

    def _pay(self, charge: Charge, until: int) -> bool:
        if charge.branch_id is None or until <= charge.paid:
            return True
        if until - charge.paid > self.left(charge.branch_id):
            return False
        self.balances[charge.branch_id] -= until - charge.paid
        charge.paid = until
        return True


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(400, f"{name} must be a text, and not empty")
    return value


def _number(fields: dict[str, Any], name: str, least: int = 0) -> int:
    value = fields.get(name)
    if type(value) is not int or value < least:
        raise Refusal(400, f"{name} must be a whole number, {least} or more")
    return value
