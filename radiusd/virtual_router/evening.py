"""One guest's evening: login, interims, whatever the habits bring, logout."""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.router import Accepted, Guest, Online, Outcome, Rejected, VirtualRouter
from radiusd.wire.codes import Code, TerminateCause
from radiusd.wire.packet import decode


@frozen(kw_only=True)
class Plan:
    """How long the evening is: so many interims, so many seconds apart."""

    interims: int = 3
    every: float = 2.0


class Evening:
    """Runs once; `say` gets what happens besides the packets."""

    def __init__(
        self, reactor: Any, router: VirtualRouter, guest: Guest, plan: Plan, habits: Habits, say: Callable[[str], None]
    ) -> None:
        self._reactor = reactor
        self._router = router
        self._guest = guest
        self._plan = plan
        self._habits = habits
        self._say = say
        self._ended: TerminateCause | None = None
        self._came_back = False
        router.on_end = self._hear

    def _hear(self, _: Online, cause: TerminateCause) -> None:
        self._ended = cause

    async def run(self) -> bool:
        """Whether it went as an evening should: let in, and every report answered."""
        outcome = await self._router.log_in(self._guest)
        if not isinstance(outcome, Accepted):
            self._say(_why_not(outcome))
            return False
        online = await self._stay(outcome.online)
        if online is not None:
            self._say("the guest logs out")
            stopped = self._router.log_out(online)
            if stopped is not None:
                await stopped
        await self._pause(0.2)
        return self._was_answered()

    async def _stay(self, online: Online) -> Online | None:
        """The line after the last interim; None if it ended before."""
        for number in range(self._plan.interims):
            await self._pause(self._plan.every)
            if self._ended is not None:
                self._say(f"the line ended: {self._ended.name.replace('_', '-').title()}")
                return None
            if self._habits.reboot and number == self._plan.interims // 2 and not self._came_back:
                back = await self._lose_power()
                if back is None:
                    return None
                online = back
            await self._router.interim(online)
        await self._pause(self._plan.every)
        return None if self._ended is not None else online

    async def _lose_power(self) -> Online | None:
        self._say("the router loses power, and comes back")
        self._came_back = True
        self._router.reboot()
        await self._pause(self._plan.every)
        outcome: Outcome = await self._router.log_in(self._guest)
        if isinstance(outcome, Accepted):
            return outcome.online
        self._say(_why_not(outcome))
        return None

    def _pause(self, seconds: float) -> "Deferred[None]":
        return deferLater(self._reactor, seconds, lambda: None)

    def _was_answered(self) -> bool:
        codes = [decode(entry.octets).code for entry in self._router.journal]
        asked = len({entry.octets for entry in self._router.journal if entry.octets[0] == Code.ACCOUNTING_REQUEST})
        return codes.count(Code.ACCOUNTING_RESPONSE) >= asked


def _why_not(outcome: Outcome) -> str:
    if isinstance(outcome, Rejected):
        return f"not let in: {outcome.message}"
    return "RADIUS server is not responding: is it running, is the secret right, does it know this address?"
