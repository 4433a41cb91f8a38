"""Where the requests go: the canonical paths, and the short ones that mean the same."""

from attrs import frozen


@frozen
class LauncherPaths:
    """A launcher's requests."""

    start: str = "/v1/launcher/session/start"
    ott: str = "/v1/launcher/ott"
    heartbeat: str = "/v1/launcher/session/heartbeat"
    end: str = "/v1/launcher/session/end"


@frozen
class GamePaths:
    """A game server's requests."""

    verify: str = "/v1/game/session/verify"
    heartbeat: str = "/v1/game/session/heartbeat"
    end: str = "/v1/game/session/end"


LAUNCHER = LauncherPaths()
LAUNCHER_SHORT = LauncherPaths(start="/session/start", ott="/ott")
LAUNCHER_SHORT_V1 = LauncherPaths(start="/v1/session/start", ott="/v1/ott")
GAME = GamePaths()
GAME_SHORT = GamePaths(verify="/session/verify", heartbeat="/session/heartbeat", end="/session/end")
GAME_SHORT_V1 = GamePaths(verify="/v1/session/verify", heartbeat="/v1/session/heartbeat", end="/v1/session/end")
