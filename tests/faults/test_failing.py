"""The k-th call fails, and no other."""

import pytest

from radiusd.faults.failing import DATABASE, SEND, Calls, Failure


def do_all(calls: Calls) -> tuple[list[int], list[int]]:
    """Five calls: those done, and those that failed."""
    done: list[int] = []
    failed = []
    for number in range(1, 6):
        try:
            calls.call(DATABASE, lambda: OSError("no"), lambda number=number: done.append(number))  # type: ignore[misc]
        except OSError:
            failed.append(number)
    return done, failed


@pytest.mark.parametrize(
    ("failure", "done", "failed"),
    [
        (None, [1, 2, 3, 4, 5], []),
        (Failure(kind=DATABASE, number=3), [1, 2, 4, 5], [3]),
        (Failure(kind=DATABASE, number=3, after=True), [1, 2, 3, 4, 5], [3]),
        (Failure(kind=SEND, number=3), [1, 2, 3, 4, 5], []),
    ],
)
def test_one_call_fails_before_or_after_it_is_done(failure: Failure | None, done: list[int], failed: list[int]) -> None:
    calls = Calls()
    with calls.watched(failure):
        assert do_all(calls) == (done, failed)
    assert calls.counts[DATABASE] == 5


def test_nothing_fails_and_nothing_is_counted_while_nobody_watches() -> None:
    calls = Calls(failure=Failure(kind=DATABASE, number=1))
    assert do_all(calls) == ([1, 2, 3, 4, 5], [])
    assert not calls.counts
