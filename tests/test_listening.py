"""A server that stops takes what has arrived, and waits for what it has in work, but not for ever."""

import os

import pytest
from twisted.internet.task import Clock

from radiusd.config import Address
from radiusd.listening import DRAINS_WITHIN, Listening, drained


class FakePort:
    """Octets that wait in a pipe stand for datagrams; a turn takes no more than one."""

    def __init__(self, waiting: bytes) -> None:
        self._out, into = os.pipe()
        os.write(into, waiting)
        os.close(into)
        self.taken = b""
        self.is_reading = True

    def fileno(self) -> int:
        return self._out

    def startListening(self) -> None:
        pass

    def stopReading(self) -> None:
        self.is_reading = False

    def stopListening(self) -> None:
        os.close(self._out)

    def doRead(self) -> None:
        self.taken += os.read(self._out, 1)


def test_what_has_arrived_is_taken_before_nothing_is_taken_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    port = FakePort(b"abc")

    class Adopts:
        _fromListeningDescriptor = staticmethod(lambda *_: port)

    monkeypatch.setattr("radiusd.listening.PORT", Adopts)
    listening = Listening(None, {"auth": 3})
    listening.udp("auth", Address("127.0.0.1", 1812), None)  # type: ignore[arg-type]
    listening.stop_taking()
    assert (port.taken, port.is_reading) == (b"abc", False)
    assert listening.close().called


def test_what_was_not_given_is_not_listened_at() -> None:
    listening = Listening(None, {"auth": 3})
    listening.tcp("web", Address("127.0.0.1", 8080), None)
    assert listening.close().called


def test_it_is_drained_at_once_if_nothing_is_in_work() -> None:
    assert drained(lambda: True, Clock()).called is True


def test_it_waits_until_everything_is_answered() -> None:
    clock, in_work = Clock(), [1, 2]
    done = drained(lambda: not in_work, clock)
    clock.advance(1)
    assert done.called is False
    in_work.clear()
    clock.advance(0.1)
    assert done.called is True


def test_it_does_not_wait_for_ever() -> None:
    clock = Clock()
    done = drained(lambda: False, clock)
    clock.pump([0.1] * int(DRAINS_WITHIN * 10 + 1))
    assert done.called is True
    assert clock.getDelayedCalls() == []
