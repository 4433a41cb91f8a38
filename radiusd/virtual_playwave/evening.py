"""One evening of a café and a studio, with whatever goes wrong at either."""

from collections.abc import Callable

from twisted.internet.defer import Deferred, gatherResults

from radiusd.virtual_playwave.game_server import Playing
from radiusd.virtual_playwave.habits import Visit, visits
from radiusd.virtual_playwave.judging import Judge
from radiusd.virtual_playwave.seat import Seat
from radiusd.virtual_playwave.stage import Stage
from radiusd.virtual_playwave.staying import pause

CRASH_AFTER, SHUTDOWN_AFTER = 3.3, 4.2


class Evening:
    """Runs once. `progress` hears of each guest who is done, and of how many there are."""

    def __init__(self, stage: Stage, progress: Callable[[int, int], None]) -> None:
        self._stage = stage
        self._progress = progress
        self._done = 0
        self._expected = 0

    async def run(self) -> Judge:
        """The judge, settled: every game session is over, and was asked for once more."""
        stage = self._stage
        guests = visits(stage.plan.players, stage.random, stage.plan.omitted)
        self._expected = len(guests)
        seats = [Seat(stage, number) for number in range(1, stage.plan.pcs + 1)]
        work = [self._sit(seat, guests[at :: len(seats)]) for at, seat in enumerate(seats)]
        work += [self._crash(), self._shut_down()]
        await gatherResults([Deferred.fromCoroutine(each) for each in work], consumeErrors=True)
        await pause(stage.clock, stage.plan.rules.silence + stage.plan.rules.late)
        await self._audit()
        for each in seats:
            await each.close()
        stage.judge.settle()
        return stage.judge

    async def _sit(self, seat: Seat, guests: list[Visit]) -> None:
        await self._stage.pause(self._stage.random.random())
        for visit in guests:
            await seat.serve(visit)
            self._done += 1
            self._progress(self._done, self._expected)

    async def _crash(self) -> None:
        await self._stage.pause(CRASH_AFTER)
        self._stage.crashing.server.crash()
        self._stage.crashing.go_down()

    async def _shut_down(self) -> None:
        await self._stage.pause(SHUTDOWN_AFTER)
        await self._stage.closing.server.shut_down()
        self._stage.closing.go_down()

    async def _audit(self) -> None:
        """Ask for every session twice, and end it, over a network that loses nothing."""
        server = self._stage.careful.server
        for session in list(self._stage.judge.sessions.values()):
            playing = Playing(session.user_id, session.id, session.began.answered)
            await server.heartbeat(playing)
            await server.end(playing)
            await server.heartbeat(playing)
