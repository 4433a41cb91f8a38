"""A PC of the café, and the guests who sit there one after the other."""

from random import Random

from twisted.internet.defer import Deferred, DeferredList, gatherResults

from radiusd.virtual_playwave.game_server import Playing
from radiusd.virtual_playwave.habits import Habit, Visit
from radiusd.virtual_playwave.launcher import Launcher
from radiusd.virtual_playwave.stage import Instance, Stage
from radiusd.virtual_playwave.staying import pause, stay
from radiusd.virtual_playwave.steps import Reaction

_TRIES = 6
_SOON = 0.03


class Seat:
    """One PC: its launcher, and whoever plays there."""

    def __init__(self, stage: Stage, number: int) -> None:
        self._stage = stage
        self._number = number
        self._random: Random = stage.random
        self._launcher: Launcher | None = None

    async def serve(self, visit: Visit) -> None:
        """A guest, from sitting down to leaving."""
        where = self._where(visit.habit)
        if visit.habit is Habit.LATE:
            await self._come_late(visit, where)
        elif visit.habit is Habit.LOST_VERIFY:
            await self._lose_verify(visit, where)
        playing = await self._enter(visit, where)
        if playing is None:
            return
        match visit.habit:
            case Habit.TELEPORTS:
                await self._teleport(visit, playing, where)
            case Habit.CRASH | Habit.SHUTDOWN:
                await self._stay_until_down(visit, playing, where)
            case Habit.KILLS_LAUNCHER:
                await self._lose_launcher(playing, where)
            case Habit.SECOND_GAME:
                await self._begin_another(visit, playing, where)
            case _:
                await self._stay(playing, visit.cycles, where)

    def _where(self, habit: Habit) -> Instance:
        stage = self._stage
        special = {Habit.FAR_AWAY: stage.far, Habit.CRASH: stage.crashing, Habit.SHUTDOWN: stage.closing}
        found = special.get(habit)
        return stage.anywhere() if found is None else found

    async def close(self) -> None:
        """The PC is switched off."""
        if self._launcher is not None:
            ended = await self._launcher.end()
            if ended.is_success:
                await self._launcher.ott(self._stage.plan.settings.game_id)

    # Getting in

    async def _token(self) -> str:
        """A one-time token, from a launcher that is started if need be; empty if there is none to be had."""
        for _ in range(_TRIES):
            if self._launcher is None:
                self._launcher = await self._start()
            if self._launcher is not None:
                answer = await self._launcher.ott(self._stage.plan.settings.game_id)
                if answer.is_success:
                    return answer.text("ott")
                if answer.status == 401:
                    self._drop_launcher()
            await self._stage.pause(_SOON)
        return ""

    async def _start(self) -> Launcher | None:
        launcher = self._stage.launcher(self._number)
        if not (await launcher.start()).is_success:
            return None
        launcher.keep_alive()
        return launcher

    def _drop_launcher(self) -> None:
        if self._launcher is not None:
            self._launcher.kill()
            self._launcher = None

    async def _enter(self, visit: Visit, where: Instance) -> Playing | None:
        """Who plays, after as many tokens as it takes."""
        for _ in range(_TRIES):
            ott = await self._token()
            joined = await self._join(visit, where, ott)
            for _ in range(_TRIES):
                if joined is not Reaction.RETRY:
                    break
                await self._stage.pause(_SOON)
                joined = await self._join(visit, where, ott)
            if isinstance(joined, Playing):
                return joined
        return None

    async def _join(self, visit: Visit, where: Instance, ott: str) -> Playing | Reaction:
        if visit.habit is not Habit.JOINS_TWICE:
            return await where.server.join(visit.user_id, ott)
        others = self._random.choices(self._stage.open, k=self._random.randint(1, 3))
        servers = [where.server, *(each.server for each in others)]
        joins = [Deferred.fromCoroutine(each.join(visit.user_id, ott)) for each in servers]
        found = await gatherResults(joins, consumeErrors=True)
        playing = next((each for each in found if isinstance(each, Playing)), None)
        if playing is None:
            return found[0]
        # Whichever of them let the guest in: it goes on at the first.
        for each in servers:
            each.hand_over(playing)
        where.server.welcome(playing)
        return playing

    async def _come_late(self, visit: Visit, where: Instance) -> None:
        ott = await self._token()
        await pause(self._stage.clock, self._stage.plan.rules.ott + 1.5)
        await self._try_in_vain(visit, where, ott)

    async def _lose_verify(self, visit: Visit, where: Instance) -> None:
        ott = await self._token()
        where.network.lose_next_answer()
        await where.server.join(visit.user_id, ott)
        await self._try_in_vain(visit, where, ott)

    async def _try_in_vain(self, visit: Visit, where: Instance, ott: str) -> None:
        """Until there is an answer: then it is known whether somebody plays with that token."""
        for _ in range(_TRIES):
            joined = await where.server.join(visit.user_id, ott)
            if isinstance(joined, Playing):
                where.server.hand_over(joined)
            if joined is not Reaction.RETRY:
                break
            await self._stage.pause(_SOON)

    # Playing

    async def _stay(self, playing: Playing, cycles: float, where: Instance) -> None:
        if await stay(self._stage.clock, playing, cycles * self._stage.plan.cycle):
            await where.server.leave(playing)

    async def _teleport(self, visit: Visit, playing: Playing, where: Instance) -> None:
        left = visit.cycles
        while left > 1:
            stretch = self._random.uniform(0.6, 1.3)
            left -= stretch
            if not await stay(self._stage.clock, playing, stretch * self._stage.plan.cycle):
                return
            there = self._stage.anywhere()
            if there is where:
                continue
            there.server.welcome(playing)
            if self._random.random() < 0.5:
                # The old one does not know yet that the player is gone, and heartbeats too.
                await stay(self._stage.clock, playing, 0.4 * self._stage.plan.cycle)
            where.server.hand_over(playing)
            where = there
        await self._stay(playing, max(0.0, left), where)

    async def _stay_until_down(self, visit: Visit, playing: Playing, where: Instance) -> None:
        if where.went_down:
            await self._stay(playing, visit.cycles, where)
            return
        await DeferredList([where.when_down(), playing.when_over()], fireOnOneCallback=True)
        if playing.over is None and self._random.random() < 0.5:
            # Half of them begin anew at once; at the other PCs the silence ends the game.
            await pause(self._stage.clock, self._stage.plan.rules.silence + self._stage.plan.rules.late)

    async def _lose_launcher(self, playing: Playing, where: Instance) -> None:
        plan = self._stage.plan
        await stay(self._stage.clock, playing, 0.5 * plan.cycle)
        self._drop_launcher()
        if await stay(self._stage.clock, playing, plan.rules.launcher + plan.rules.late + 2 * plan.cycle):
            await where.server.leave(playing)

    async def _begin_another(self, visit: Visit, playing: Playing, where: Instance) -> None:
        await stay(self._stage.clock, playing, 1.2 * self._stage.plan.cycle)
        elsewhere = self._stage.anywhere()
        second = await self._enter(visit, elsewhere)
        await stay(self._stage.clock, playing, 3 * self._stage.plan.cycle)
        if second is not None:
            await self._stay(second, 1.0, elsewhere)
        elif playing.over is None:
            await where.server.leave(playing)
