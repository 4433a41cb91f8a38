"""`GET /api/wallet/pc-balance`: what is on the PC account at this moment, passed on and kept nowhere."""

from collections.abc import Callable

from attrs import field, frozen

from policy.quantities import Instant
from radiusd.pc_system.client import PcSystemClient
from radiusd.pc_system.errors import PcSystemError
from radiusd.store.portal import PortalLogin
from radiusd.web.balances import Balances
from radiusd.web.portal.guests import Guests, access_to
from radiusd.web.portal.refusing import refusal
from radiusd.web.routes import Call
from radiusd.web.streams import EventStream
from radiusd.web.times import iso


@frozen
class BalanceReply:
    """`formatted` is the balance as it is shown, as in "150,000 VND"; `last_updated` is this very moment."""

    success: bool
    balance: int = field(repr=False)
    currency: str
    formatted: str = field(repr=False)
    last_updated: str


class Wallet:
    """Shows the balance, and tells when to ask again."""

    def __init__(self, guests: Guests, client: PcSystemClient, balances: Balances, now: Callable[[], Instant]) -> None:
        self._guests = guests
        self._client = client
        self._balances = balances
        self._now = now

    async def balance(self, call: Call) -> BalanceReply:
        """Ask the PC system, and pass its answer on. Raises WebError."""
        login: PortalLogin = call.guest
        access = access_to(self._guests.of(login))
        try:
            found = await self._client.balance(access, login.pc_token)
        except PcSystemError as error:
            raise refusal(error) from error
        return BalanceReply(
            success=True,
            balance=found.amount,
            currency=found.currency,
            formatted=f"{found.amount:,} {found.currency}",
            last_updated=iso(self._now()),
        )

    def changes(self, call: Call) -> EventStream:
        """An event `balance` whenever it is time to ask for the balance again."""
        login: PortalLogin = call.guest
        stream = EventStream()
        end = self._balances.listen((login.branch_id, login.pc_user_id), lambda: stream.send("balance"))
        stream.when_over(end)
        return stream
