"""Who asks, from where and with what."""

from attrs import frozen

from policy.quantities import Seconds


@frozen
class Account:
    """A customer, or the nameless bearer of a voucher."""

    id: int
    name: str
    branch_id: int
    is_blocked: bool = False


@frozen(kw_only=True)
class Branch:
    """A café. `utc_offset` is its local time's distance from UTC at the moment."""

    id: int
    name: str
    utc_offset: Seconds = Seconds(0)
    interim: Seconds = Seconds(120)
    idle_timeout: Seconds | None = None


@frozen
class Device:
    """What asks: a MAC in canonical form, or whatever else the NAS calls it."""

    name: str
    is_blocked: bool = False
