"""The café's side, when it is this server itself: the branches' networks, and their wallets in the store."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from policy.game import ABANDONED
from policy.quantities import Instant, Seconds
from radiusd.charging.charges import CheckJob, RenewJob, StartJob, StopJob
from radiusd.charging.port import ChargeUnavailable
from radiusd.store.directory import Directory
from radiusd.store.writer import Failed, Job
from radiusd.web.fair import Submit

_log = Logger()


class LocalWallet:
    """A CafeAuth. `directory` gives the branches as they are now; `submit` has jobs committed."""

    def __init__(self, directory: Callable[[], Directory], submit: Submit, now: Callable[[], Instant]) -> None:
        self._directory = directory
        self._submit = submit
        self._now = now

    async def verify_ip(self, ip: str) -> int | None:
        """The branch with the narrowest network around `ip`; of several, the one that was added first."""
        address = _address(ip)
        if address is None:
            return None
        fits = [
            (-network.prefixlen, branch_id)
            for branch_id, networks in self._directory().networks.items()
            for network in networks
            if address in network
        ]
        return min(fits)[1] if fits else None

    async def check(self, branch_id: int, game_id: int) -> bool:
        """Whether the wallet holds enough for a first period."""
        return bool(await self._commit(CheckJob(branch_id, game_id)))

    async def start(self, key: str, branch_id: int, game_id: int) -> bool:
        """Pay the first period."""
        job = StartJob(at=self._now(), key=key, branch_id=branch_id, game_id=game_id)
        return bool(await self._commit(job))

    async def renew(self, key: str, played: Seconds) -> bool:
        """Pay all that has begun since, or nothing."""
        is_paid = await self._commit(RenewJob(at=self._now(), key=key, played=played))
        if is_paid is None:
            raise ChargeUnavailable(
                "this charge was not started with the built-in wallet; "
                "was the server told to charge another way while somebody played?"
            )
        return bool(is_paid)

    async def stop(self, key: str, played: Seconds, unbilled: Seconds, reason: str) -> None:
        """Pay what has begun by then, as far as the wallet goes, and close the charge.

        If no session came of it, what was paid is given back.
        """
        is_abandoned = reason == ABANDONED and not played
        job = StopJob(at=self._now(), key=key, played=played, unbilled=unbilled, is_abandoned=is_abandoned)
        await self._commit(job)

    async def _commit(self, job: Job) -> Any:
        committed: Deferred[Any] = Deferred()
        self._submit(job, committed.callback)
        result = await committed
        if isinstance(result, Failed):
            _log.error("a charge was not booked: {error}", error=result.error)
            raise ChargeUnavailable("the store did not take it; is the database up?") from result.error
        return result


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
