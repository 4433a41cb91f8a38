"""Ending what is online."""

from policy.blocking import end_active
from policy.connection import Connection, ConnectionState
from policy.effects import Disconnect
from policy.facts import fact
from policy.holding import Holding
from policy.package import Package
from policy.passes import Pass
from policy.quantities import Instant
from policy.session import EndReason, Phase, Session

WHY = fact("account_blocked", account="nora")


def session(number: int, device: str | None) -> Session:
    is_active = device is not None
    return Session(
        id=number,
        pass_id=1,
        phase=Phase.ACTIVE if is_active else Phase.PENDING,
        device=device,
        slot=number if is_active else None,
        created_at=Instant(0),
        started_at=Instant(0) if is_active else None,
    )


def connection(number: int) -> Connection:
    return Connection(
        id=number,
        session_id=number,
        router_id=1,
        nas="r",
        nas_address="10.0.0.1",
        user_name="nora",
        device="A",
        opened_at=Instant(0),
        last_at=Instant(0),
    )


FAMILY = Holding(
    Pass(id=1, account_id=1, terms=Package(name="f", devices=5), sold_at=Instant(0)),
    (session(1, "A"), session(2, "B"), session(3, None)),
    (connection(1), connection(2)),
)


def test_everything_online_ends_and_what_waits_goes_on_waiting() -> None:
    after, effects = end_active(FAMILY, WHY, Instant(5))
    assert {each.id: each.phase for each in after.sessions} == {
        1: Phase.TERMINATED,
        2: Phase.TERMINATED,
        3: Phase.PENDING,
    }
    assert [each for each in effects if isinstance(each, Disconnect)] == [Disconnect(1), Disconnect(2)]
    assert after.bought.held is None


def test_of_one_device_only_its_own_ends() -> None:
    after, effects = end_active(FAMILY, WHY, Instant(5), "B")
    assert after.session(1).is_active
    assert after.session(2).end_reason is EndReason.ADMIN_ACTION
    assert after.connection(2).state is ConnectionState.CUTTING
    assert [each for each in effects if isinstance(each, Disconnect)] == [Disconnect(2)]
