"""What is told of devices that were answered from memory, and when."""

from typing import Any

from attrs import evolve

from radiusd.following import Following
from radiusd.handlers.returning import Returning
from radiusd.jobs.decisions import KeepDecisionsJob
from tests.handlers.test_returning import GRANTED, KEY, OFFER, a_request
from tests.server.given import NOON


def test_at_the_end_all_that_is_left_is_told() -> None:
    known = Returning(KEY)
    known.saw_store(NOON)
    users = [f"guest{number}" for number in range(450)]
    for number, user in enumerate(users, 10):
        known.remember(a_request(user=user), evolve(GRANTED, account=user, pass_id=number), OFFER)
        assert known.answer(a_request(user=user)) is not None
    told: list[Any] = []

    def submit(job: KeepDecisionsJob, _: object) -> None:
        told.extend(job.decisions)

    Following(known, None, submit, lambda: 1_000, lambda: NOON).stop()
    assert [each.name for each in told] == users
