"""What redis.asyncio gives becomes a Deferred, and ends when nobody wants it any more."""

import asyncio

import pytest
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from radiusd.cluster.redis import in_event_loop


async def give(what: object) -> object:
    if isinstance(what, Exception):
        raise what
    return what


async def never(ended: list[str]) -> None:
    try:
        await asyncio.Future()
    finally:
        ended.append("ended")


def results(deferred: "Deferred[object]") -> list[object]:
    """Where the Deferred's result will be."""
    found: list[object] = []
    deferred.addBoth(found.append)
    return found


def test_what_comes_of_it_is_the_result() -> None:
    async def run() -> tuple[list[object], list[object]]:
        good, bad = results(in_event_loop(give("it"))), results(in_event_loop(give(OSError("gone"))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return good, bad

    good, (bad,) = asyncio.run(run())
    assert good == ["it"]
    assert isinstance(bad, Failure)
    assert bad.check(OSError)


@pytest.mark.parametrize("how", [CancelledError, TimeoutError])
def test_what_is_given_up_fails_at_once_and_ends(how: type[Exception]) -> None:
    ended: list[str] = []
    faults: list[object] = []

    async def run() -> list[object]:
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        clock = Clock()
        waiting = in_event_loop(never(ended)).addTimeout(0.2, clock)
        found = results(waiting)
        await asyncio.sleep(0)
        if how is TimeoutError:
            clock.advance(0.2)
        else:
            waiting.cancel()
        assert (len(found), ended) == (1, [])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return found

    (failure,) = asyncio.run(run())
    assert isinstance(failure, Failure)
    assert failure.check(how)
    assert (ended, faults) == (["ended"], [])


def test_what_the_event_loop_ends_is_cancelled() -> None:
    async def run() -> list[object]:
        found = results(in_event_loop(never([])))
        await asyncio.sleep(0)
        for each in asyncio.all_tasks() - {asyncio.current_task()}:
            each.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return found

    (failure,) = asyncio.run(run())
    assert isinstance(failure, Failure)
    assert failure.check(CancelledError)
