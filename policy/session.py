"""A session: one device's use of a pass, in the product's four words."""

from enum import Enum

from attrs import frozen

from policy.quantities import Instant
from policy.table import ignore, on, table
from policy.usage import NOTHING, Usage
from policy.values import evolve


class Phase(Enum):
    """EXPIRED and TERMINATED are final."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    TERMINATED = "TERMINATED"

    @property
    def is_final(self) -> bool:
        """Whether nothing leads out of it."""
        return self in (Phase.EXPIRED, Phase.TERMINATED)


class EndReason(Enum):
    """Why a session ended."""

    TIME_EXPIRED = "TIME_EXPIRED"
    DATA_LIMIT = "DATA_LIMIT"
    PC_LOGOUT = "PC_LOGOUT"
    USER_LOGOUT = "USER_LOGOUT"
    ADMIN_ACTION = "ADMIN_ACTION"
    DEVICE_CONFLICT = "DEVICE_CONFLICT"
    NAS_REBOOT = "NAS_REBOOT"
    ABUSE_DETECTED = "ABUSE_DETECTED"


@frozen(kw_only=True)
class Session:
    """`device` is None while PENDING; `slot` is its place among the devices of the pass, held while ACTIVE only."""

    id: int
    pass_id: int
    phase: Phase = Phase.PENDING
    device: str | None = None
    slot: int | None = None
    created_at: Instant
    started_at: Instant | None = None
    ended_at: Instant | None = None
    end_reason: EndReason | None = None
    used: Usage = NOTHING

    @property
    def is_active(self) -> bool:
        """Whether its device may be online."""
        return self.phase is Phase.ACTIVE


@frozen
class Admitted:
    """The device gets its Access-Accept."""

    at: Instant
    device: str
    slot: int


@frozen
class Metered:
    """A connection of the session reported new usage."""

    used: Usage


@frozen
class Ended:
    """The session is over at `at`, for the reason its event type stands for."""

    at: Instant


@frozen
class TimeSpent(Ended):
    """The time of the pass, its validity or the hours of the package are over."""


@frozen
class DataSpent(Ended):
    """The data of the pass is used up."""


@frozen
class LoggedOut(Ended):
    """The guest logged out at the router."""


@frozen
class DeviceSwitched(Ended):
    """Another device took the place."""


@frozen
class PcLogout(Ended):
    """The guest's gaming PC was logged off."""


@frozen
class CutByAdministrator(Ended):
    """An administrator ended it, or blocked who it belongs to."""


@frozen
class AbuseDetected(Ended):
    """The guest broke the house rules."""


@frozen
class RouterLost(Ended):
    """The router rebooted, and the session's connection with it."""


SessionEvent = Admitted | Metered | Ended

ENDINGS: dict[type[Ended], EndReason] = {
    TimeSpent: EndReason.TIME_EXPIRED,
    DataSpent: EndReason.DATA_LIMIT,
    LoggedOut: EndReason.USER_LOGOUT,
    DeviceSwitched: EndReason.DEVICE_CONFLICT,
    PcLogout: EndReason.PC_LOGOUT,
    CutByAdministrator: EndReason.ADMIN_ACTION,
    AbuseDetected: EndReason.ABUSE_DETECTED,
    RouterLost: EndReason.NAS_REBOOT,
}


def start(session: Session, event: Admitted) -> Session:
    """The clock of this device starts."""
    return evolve(session, device=event.device, slot=event.slot, started_at=event.at)


def meter(session: Session, event: Metered) -> Session:
    """Add what is new."""
    return evolve(session, used=session.used.plus(event.used))


def end(session: Session, event: Ended) -> Session:
    """Over; its place is free."""
    # Whoever sold it may have had a clock that goes before ours.
    ended_at = max(event.at, session.created_at, session.started_at or session.created_at)
    return evolve(session, slot=None, ended_at=ended_at, end_reason=ENDINGS[type(event)])


_PENDING, _ACTIVE, _EXPIRED, _TERMINATED = Phase.PENDING, Phase.ACTIVE, Phase.EXPIRED, Phase.TERMINATED

# fmt: off
TRANSITIONS = table(
    # in phase      upon                enter         doing
    on(_PENDING,    Admitted,           _ACTIVE,      start),
    on(_PENDING,    Metered,            _PENDING,     meter),
    on(_PENDING,    TimeSpent,          _EXPIRED,     end),       # never used in the time it was valid
    on(_PENDING,    DataSpent,          _EXPIRED,     end),
    on(_PENDING,    LoggedOut,          _PENDING,     ignore),
    on(_PENDING,    DeviceSwitched,     _PENDING,     ignore),
    on(_PENDING,    PcLogout,           _PENDING,     ignore),
    on(_PENDING,    CutByAdministrator, _TERMINATED,  end),
    on(_PENDING,    AbuseDetected,      _TERMINATED,  end),
    on(_PENDING,    RouterLost,         _PENDING,     ignore),
    on(_ACTIVE,     Admitted,           _ACTIVE,      ignore),    # the same device comes back
    on(_ACTIVE,     Metered,            _ACTIVE,      meter),
    on(_ACTIVE,     TimeSpent,          _EXPIRED,     end),
    on(_ACTIVE,     DataSpent,          _EXPIRED,     end),
    on(_ACTIVE,     LoggedOut,          _TERMINATED,  end),
    on(_ACTIVE,     DeviceSwitched,     _TERMINATED,  end),       # what is left moves to the new device's session
    on(_ACTIVE,     PcLogout,           _TERMINATED,  end),
    on(_ACTIVE,     CutByAdministrator, _TERMINATED,  end),
    on(_ACTIVE,     AbuseDetected,      _TERMINATED,  end),
    on(_ACTIVE,     RouterLost,         _TERMINATED,  end),
    on(_EXPIRED,    Admitted,           _EXPIRED,     ignore),
    on(_EXPIRED,    Metered,            _EXPIRED,     meter),     # usage that was reported late still counts
    on(_EXPIRED,    TimeSpent,          _EXPIRED,     ignore),
    on(_EXPIRED,    DataSpent,          _EXPIRED,     ignore),
    on(_EXPIRED,    LoggedOut,          _EXPIRED,     ignore),
    on(_EXPIRED,    DeviceSwitched,     _EXPIRED,     ignore),
    on(_EXPIRED,    PcLogout,           _EXPIRED,     ignore),
    on(_EXPIRED,    CutByAdministrator, _EXPIRED,     ignore),
    on(_EXPIRED,    AbuseDetected,      _EXPIRED,     ignore),
    on(_EXPIRED,    RouterLost,         _EXPIRED,     ignore),
    on(_TERMINATED, Admitted,           _TERMINATED,  ignore),
    on(_TERMINATED, Metered,            _TERMINATED,  meter),
    on(_TERMINATED, TimeSpent,          _TERMINATED,  ignore),
    on(_TERMINATED, DataSpent,          _TERMINATED,  ignore),
    on(_TERMINATED, LoggedOut,          _TERMINATED,  ignore),
    on(_TERMINATED, DeviceSwitched,     _TERMINATED,  ignore),
    on(_TERMINATED, PcLogout,           _TERMINATED,  ignore),
    on(_TERMINATED, CutByAdministrator, _TERMINATED,  ignore),
    on(_TERMINATED, AbuseDetected,      _TERMINATED,  ignore),
    on(_TERMINATED, RouterLost,         _TERMINATED,  ignore),
)
# fmt: on


def advance(session: Session, event: SessionEvent) -> Session:
    """The session after `event`."""
    row = TRANSITIONS[session.phase, type(event)]
    after = row.doing(session, event)
    return after if after.phase is row.target else evolve(after, phase=row.target)
