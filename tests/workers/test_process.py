"""A worker as its parent has it, when there is none."""

from pathlib import Path

import pytest

from radiusd.workers import process
from radiusd.workers.process import WorkerProcess


def test_one_that_the_system_has_no_room_for_is_gone_from_the_beginning_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(process, "_started", no_room)
    one = WorkerProcess(Path("/radiusd.toml"), "", 1, {})
    assert (one.has_gone(), one.becomes_ready()) == (True, False)
    one.hear_no_more()
    assert one.how == "cannot start: [Errno 11] Resource temporarily unavailable"
    assert one.status != 0
    one.end()
    one.kill()
