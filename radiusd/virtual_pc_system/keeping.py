"""The state of a virtual café in a file: accounts, money, and what is not told yet."""

from pathlib import Path
from typing import Any

import msgspec
from attrs import field, frozen

from radiusd.virtual_pc_system.cafe import Cafe, Debit, Given
from radiusd.virtual_pc_system.users import User
from radiusd.virtual_pc_system.webhook import Sender

_PAUSE = 1.0


class StateError(Exception):
    """The file is not a state."""


@frozen
class Untold:
    """An event that the server has not accepted yet, its octets as text."""

    kind: str
    user: str
    body: str
    at: float


@frozen
class State:
    """All that outlives the program. Sessions do not: whoever was logged in logs in again."""

    users: list[User]
    debits: dict[str, Debit]
    given: dict[str, Given]
    untold: list[Untold] = field(factory=list)


def read(path: Path) -> State | None:
    """The state in `path`, or None if there is no such file. Raises StateError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StateError(f"{path} does not hold the state of a PC system; name another file, or delete it") from error


class Keeper:
    """Writes the state of `cafe` and `sender` to `path`, a second after it changed."""

    def __init__(self, clock: Any, path: Path, cafe: Cafe, sender: Sender) -> None:
        self._clock = clock
        self._path = path
        self._cafe = cafe
        self._sender = sender
        self._timer: Any = None

    def changed(self) -> None:
        """Write soon."""
        if self._timer is None or not self._timer.active():
            self._timer = self._clock.callLater(_PAUSE, self.write)

    def write(self) -> None:
        """Write now: a whole file or, if that fails, the one before it."""
        untold = [Untold(each.kind, each.user, each.body.decode(), each.at) for each in self._sender.waiting]
        state = State(list(self._cafe.users.values()), self._cafe.debits, self._cafe.given, untold)
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.replace(self._path)
