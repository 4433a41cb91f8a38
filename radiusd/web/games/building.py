"""The games' API put together."""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from secrets import token_hex, token_urlsafe
from typing import Any
from uuid import uuid4

from attrs import frozen

from policy.quantities import Instant
from radiusd.charging.port import CafeAuth
from radiusd.store.directory import Directory
from radiusd.store.writer import Failed, Job
from radiusd.web.dialects import Dialect
from radiusd.web.errors import WebError
from radiusd.web.fair import FairQueue
from radiusd.web.games.envelope import PREFIXES, GameDialect
from radiusd.web.games.keys import Keys
from radiusd.web.games.launching import Launching, LaunchingParts
from radiusd.web.games.playing import Playing, PlayingParts, Stopping
from radiusd.web.games.table import game_routes, launcher_routes
from radiusd.web.routes import Route

_ALL_GAMES = 0
"""Games wait in a line of their own, beside those of the branches' PC systems."""


@frozen(kw_only=True)
class GameParts:
    """What serving games takes, from elsewhere."""

    directory: Callable[[], Directory]
    queue: FairQueue
    cafe: CafeAuth
    stopping: Stopping
    binds_seats: bool = True
    ends_after: int | None = None


class Seats:
    """Whether an address is one of a café's networks, as they are at the moment; all are, where seats are not bound."""

    def __init__(self, directory: Callable[[], Directory], *, binds: bool) -> None:
        self._directory = directory
        self._binds = binds

    def is_at_home(self, branch_id: int, address: str) -> bool:
        """Whether it is."""
        networks = self._directory().networks.get(branch_id, ())
        return not self._binds or any(ip_address(address) in network for network in networks)


def routes(parts: GameParts) -> tuple[Route, ...]:
    """What game servers and launchers call."""

    def submit(job: Job, done: Callable[[Any], None]) -> None:
        if not parts.queue.submit(_ALL_GAMES, job, done):
            done(Failed(WebError("TRY_AGAIN", "Too much is waiting.")))

    playing = Playing(
        PlayingParts(
            keys=Keys(parts.directory),
            cafe=parts.cafe,
            stopping=parts.stopping,
            seats=Seats(parts.directory, binds=parts.binds_seats),
            submit=submit,
            new_session_id=lambda: f"gs_{uuid4()}",
            ends_after=parts.ends_after,
        )
    )
    launching = Launching(
        LaunchingParts(
            directory=parts.directory,
            cafe=parts.cafe,
            submit=submit,
            new_token=lambda: token_urlsafe(32),
            new_ott=lambda: str(uuid4()),
        )
    )
    return (*game_routes(playing), *launcher_routes(launching))


def dialects(new_id: Callable[[], str], now: Callable[[], Instant]) -> Mapping[str, Dialect]:
    """How answers are wrapped below the games' addresses."""
    return dict.fromkeys(PREFIXES, GameDialect(new_id, now))


def new_request_id() -> str:
    """What a request is called."""
    return token_hex(12)
