"""A studio's game server: verifies who arrives, heartbeats for who plays, and ends for who leaves."""

from typing import Any

import msgspec
from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults

from radiusd.virtual_playwave import reactions
from radiusd.virtual_playwave.beating import Beating
from radiusd.virtual_playwave.paths import GAME, GamePaths
from radiusd.virtual_playwave.steps import Reaction, Step, Told, What, untold
from radiusd.virtual_playwave.wire import Answer, Wire

EVERY = 120.0


@define(eq=False)
class Playing:
    """A café's guest in a game; teleports carry it from one game server to the next.

    `since` is when the answer to the verify came, by the game server's clock. `over` is empty while the game goes on.
    """

    user_id: str
    session_id: str
    since: float
    over: Reaction | None = None
    is_spent: bool = False
    _waiting: "list[Deferred[None]]" = field(factory=list, init=False, repr=False)

    def when_over(self) -> "Deferred[None]":
        """Fires once the game is over."""
        found: Deferred[None] = Deferred()
        if self.over is not None:
            found.callback(None)
        else:
            self._waiting.append(found)
        return found

    def end(self, reaction: Reaction) -> None:
        """It is over; the first reason counts."""
        if self.over is None:
            self.over = reaction
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.callback(None)


class GameServer:
    """One instance. `told` gets every request; `every` is the pause between heartbeats, the server's wish if None."""

    def __init__(
        self,
        wire: Wire,
        api_key: str,
        told: Told = untold,
        *,
        name: str = "game server",
        every: float | None = None,
        paths: GamePaths = GAME,
    ) -> None:
        self.name = name
        self.players: dict[Playing, Beating] = {}
        self._wire = wire
        self._headers = {"X-Api-Key": api_key}
        self._told = told
        self._every = every
        self._paths = paths

    async def join(self, user_id: str, launch_data: str) -> "Playing | Reaction":
        """Somebody arrives, with LaunchData or none: who plays, or what becomes of somebody who does not."""
        if not launch_data:
            return Reaction.ORDINARY
        answer = await self.verify(user_id, launch_data)
        reaction = reactions.to_verify(answer)
        if reaction is not Reaction.LET_IN:
            return reaction
        playing = Playing(user_id, answer.text("game_session_id"), answer.answered_at)
        self._beat_for(playing, EVERY if self._every is None else self._every)
        return playing

    async def verify(self, user_id: str, ott: str) -> Answer:
        """Spend a one-time token. Sent once: after a lost answer it is used, and only the launcher has another."""
        answer = await self._ask("POST", self._paths.verify, {"ott": ott, "provider_user_id": user_id})
        self._tell(What.VERIFY, ott, answer, reactions.to_verify(answer), user=user_id)
        return answer

    async def heartbeat(self, playing: Playing) -> Answer:
        """One heartbeat; what follows from the answer is up to whoever asks."""
        fields = {"game_session_id": playing.session_id, "provider_user_id": playing.user_id}
        answer = await self._ask("PATCH", self._paths.heartbeat, fields)
        self._tell(What.HEARTBEAT, playing.session_id, answer, reactions.to_heartbeat(answer))
        return answer

    async def end(self, playing: Playing) -> Answer:
        """One end, with the play time as it was measured here, in whole seconds; a DELETE with a body."""
        played = max(0, int(self._wire.clock.seconds() - playing.since))
        fields = {"game_session_id": playing.session_id, "play_duration_sec": played}
        answer = await self._ask("DELETE", self._paths.end, fields)
        self._tell(What.END, playing.session_id, answer, reactions.to_end(answer), sent=played)
        return answer

    async def leave(self, playing: Playing) -> Answer:
        """The player leaves."""
        self.hand_over(playing)
        playing.end(Reaction.LEAVE)
        return await self.end(playing)

    def hand_over(self, playing: Playing) -> None:
        """The player is teleported away: no more heartbeats from here, and no end."""
        beating = self.players.pop(playing, None)
        if beating is not None:
            beating.stop()

    def welcome(self, playing: Playing) -> None:
        """The player is teleported here, session and all. The first heartbeat goes at once.

        With the pause first, a teleport late in a cycle would use up the whole slack.
        """
        if playing.over is None:
            self._beat_for(playing, 0)

    async def shut_down(self) -> list[Answer]:
        """An orderly stop: an end for every player at once."""
        leaving = [Deferred.fromCoroutine(self.leave(each)) for each in list(self.players)]
        return list(await gatherResults(leaving, consumeErrors=True))

    def crash(self) -> None:
        """No more heartbeats, and no end for anybody."""
        for each in list(self.players):
            self.hand_over(each)

    def _beat_for(self, playing: Playing, after: float) -> None:
        self.hand_over(playing)
        beating = self.players[playing] = Beating(self._wire.clock, lambda: self._beat(playing))
        beating.begin(after)

    async def _beat(self, playing: Playing) -> float | None:
        if playing.over is not None:
            self.hand_over(playing)
            return None
        answer = await self.heartbeat(playing)
        if playing not in self.players or playing.over is not None:
            return None
        reaction = reactions.to_heartbeat(answer)
        if reaction in (Reaction.KICK, Reaction.STOP):
            self.hand_over(playing)
            playing.end(reaction)
            return None
        playing.is_spent = reaction is Reaction.TELL_SPENT or (playing.is_spent and reaction is Reaction.RETRY)
        return self._every if self._every is not None else answer.number("next_heartbeat_in") or EVERY

    async def _ask(self, method: str, path: str, fields: dict[str, Any]) -> Answer:
        return await self._wire.ask(method, path, self._headers, msgspec.json.encode(fields))

    def _tell(self, what: What, about: str, answer: Answer, reaction: Reaction, **more: Any) -> None:
        self._told(Step(who=self.name, what=what, about=about, answer=answer, reaction=reaction, **more))
