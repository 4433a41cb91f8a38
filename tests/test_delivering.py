"""What was committed is told to those who wait for it, whatever becomes of the orders that it led to."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher

from radiusd import config
from radiusd.app import App
from radiusd.store.work import Afterwards, Moved
from tests.icafectl.counter import Counter


class _Reactor(MemoryReactorClock):
    """One with threads that nobody asks for anything."""

    def getThreadPool(self) -> None:
        return None


class _Orders:
    """Cannot be carried out."""

    def carry_out(self, orders: Iterable[Afterwards]) -> None:
        raise OSError("too many open files")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A server that was not started."""
    Counter(tmp_path, f"sqlite:///{tmp_path / 'icafe.sqlite'}").open()
    made = App(_Reactor(), config.load(tmp_path / "radiusd.toml"))
    yield made
    made._presence.end()
    made._database.close()


def test_results_are_delivered_though_orders_cannot_be_carried_out(app: App) -> None:
    results, lines = list[Any](), list[Any]()
    app._orders = _Orders()  # type: ignore[assignment]
    globalLogPublisher.addObserver(lines.append)
    try:
        app._delivered([(results.append, "recorded")], [Moved((1,))])
    finally:
        globalLogPublisher.removeObserver(lines.append)
    assert results == ["recorded"]
    assert ["too many open files" in str(each["log_failure"]) for each in lines if "log_failure" in each] == [True]
