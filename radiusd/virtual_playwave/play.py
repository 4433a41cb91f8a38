"""One guest's game, from the launcher on the PC to the end of play."""

from collections.abc import Callable
from typing import Any

from attrs import define

from radiusd.virtual_playwave.game_server import GameServer, Playing
from radiusd.virtual_playwave.launcher import Launcher
from radiusd.virtual_playwave.staying import stay


@define
class Play:
    """Runs once; `say` gets what happens besides the requests, and why it did not go well."""

    clock: Any
    launcher: Launcher
    server: GameServer
    game_id: str
    user_id: str
    seconds: float
    say: Callable[[str], None]

    async def run(self) -> bool:
        """Whether it went as it should: let in, never kicked, and ended in order."""
        started = await self.launcher.start()
        if not started.is_success:
            return False
        self.launcher.keep_alive()
        try:
            return self._is_listed(started.data.get("games")) and await self._play()
        finally:
            await self.launcher.end()

    def _is_listed(self, games: Any) -> bool:
        found = {str(each.get("game_id")): str(each.get("name")) for each in games if isinstance(each, dict)}
        if self.game_id in found:
            self.say(f"the guest picks {found[self.game_id]}")
            return True
        listed = ", ".join(f"{number} ({name})" for number, name in found.items()) or "none"
        self.say(f"there is no game {self.game_id} for this café, only: {listed}; look at game_id")
        return False

    async def _play(self) -> bool:
        ott = await self.launcher.ott(self.game_id)
        if not ott.is_success:
            return False
        self.say("the launcher starts the game; the token travels as LaunchData")
        joined = await self.server.join(self.user_id, ott.text("ott"))
        if not isinstance(joined, Playing):
            self.say(f"the guest does not play: the game server {joined.value}")
            return False
        if not await stay(self.clock, joined, self.seconds):
            self.say("the game was over before the guest left")
            return False
        self.say("the guest leaves the game")
        ended = await self.server.leave(joined)
        return ended.is_success and not joined.is_spent
