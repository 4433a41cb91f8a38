"""Adding to a pass."""

from attrs import evolve

from policy.extending import extended
from policy.package import Clock, Package
from policy.passes import Pass, data_left, time_left
from policy.quantities import Instant, Octets, Seconds

HOUR = 3_600_000
BOUGHT = Pass(
    id=1,
    account_id=1,
    terms=Package(name="1h", time=Seconds(3600), data=Octets(100)),
    sold_at=Instant(0),
    first_login_at=Instant(0),
)


def test_time_is_added_to_what_is_left() -> None:
    after = extended(BOUGHT, Seconds(600), Octets(0), Instant(HOUR // 2))
    assert time_left(after, Seconds(0), Instant(HOUR // 2)) == 1800 + 600


def test_time_added_after_the_end_is_all_there() -> None:
    late = Instant(3 * HOUR + 1)
    after = extended(BOUGHT, Seconds(600), Octets(0), late)
    assert time_left(after, Seconds(0), late) == 600


def test_data_alone_moves_no_clock() -> None:
    after = extended(BOUGHT, Seconds(0), Octets(50), Instant(3 * HOUR))
    assert after.time == 3600
    assert data_left(after) == 150


def test_time_online_is_added_as_it_is() -> None:
    online = evolve(BOUGHT, terms=Package(name="o", time=Seconds(3600), clock=Clock.ONLINE))
    assert extended(online, Seconds(600), Octets(0), Instant(9 * HOUR)).time == 4200
