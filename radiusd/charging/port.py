"""What is needed of the café's side. Every operation may be repeated: its key, a game session's id, names it."""

from typing import Protocol

from policy.quantities import Seconds


class ChargeUnavailable(Exception):
    """Nobody could tell; it may have been done, or not. The message says what a person can do."""


class CafeAuth(Protocol):
    """Whose address it is, and the charge of a game session from its start to its stop.

    Each raises ChargeUnavailable, and nothing else. `key` is the id of the game session.
    """

    async def verify_ip(self, ip: str) -> int | None:
        """The id of the branch whose network `ip` is in; None if it is no café's."""
        ...

    async def check(self, branch_id: int, game_id: int) -> bool:
        """Whether a charge could be started now."""
        ...

    async def start(self, key: str, branch_id: int, game_id: int) -> bool:
        """Whether the charge runs now. False: refused, and nothing is charged; so is a key that was ever stopped."""
        ...

    async def renew(self, key: str, played: Seconds) -> bool:
        """Whether all is paid for; False if the charge is exhausted, or stopped.

        `played`: seconds of play so far that are to be paid, so without those of a grace.
        """
        ...

    async def stop(self, key: str, played: Seconds, unbilled: Seconds, reason: str) -> None:
        """Charge no more; returns once that is acknowledged. What was never started never will be.

        `played`: all seconds of play, the `unbilled` among them. `reason`: see GameEnd; or ABANDONED, of a charge
        that may have been started and that no session came of, so that nothing is owed for it.
        """
        ...
