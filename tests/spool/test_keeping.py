"""The thread of the spool: everything that waits is kept at once, and nobody hears of it before it is durable."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Any

import pytest

from radiusd.spool import keeping
from radiusd.spool.errors import SpoolError, SpoolFull
from radiusd.spool.journal import create, orphans
from radiusd.spool.keeping import Keeper
from tests.spool.given import NOON, Told, failing


class Desk:
    """A keeper over a folder, and what it delivers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.delivered: Queue[list[Callable[[], None]]] = Queue()
        self.heard: list[Any] = []
        self.keeper = Keeper(lambda: create(root, Told(), 1 << 30), lambda: NOON, self.delivered.put)

    def hear(self, count: int) -> list[Any]:
        """The next `count` answers."""
        while len(self.heard) < count:
            for each in self.delivered.get(timeout=10):
                each()
        return self.heard


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "spool")
    yield made
    if made.keeper._thread.is_alive():
        made.keeper.stop()


def test_what_is_kept_is_answered_and_can_be_read_and_released(desk: Desk) -> None:
    desk.keeper.start()
    desk.keeper.append(b"one", desk.heard.append)
    desk.keeper.append(b"two", desk.heard.append)
    assert desk.hear(2) == [None, None]
    desk.keeper.read(10, desk.heard.append)
    records = desk.hear(3)[2]
    assert [each.body for each in records] == [b"one", b"two"]
    desk.keeper.release(records, desk.heard.append)
    assert desk.hear(4)[3] is None
    desk.keeper.stop()
    assert list(desk.root.iterdir()) == []


def test_what_gathers_while_the_disk_is_busy_is_one_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.keeper.start()
    assert desk.keeper.journal is not None
    busy, batches = Event(), []
    append = desk.keeper.journal.append

    def slowly(bodies: Any, at: int) -> None:
        batches.append(len(bodies))
        busy.wait(10)
        append(bodies, at)

    monkeypatch.setattr(desk.keeper.journal, "append", slowly)
    desk.keeper.append(b"first", desk.heard.append)
    while not batches:
        pass
    for _ in range(50):
        desk.keeper.append(b"more", desk.heard.append)
    busy.set()
    desk.hear(51)
    assert batches == [1, 50]


def test_when_too_much_waits_it_says_so_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_WAITING", 1)
    desk.keeper.append(b"one", desk.heard.append)
    desk.keeper.append(b"two", desk.heard.append)
    assert [type(each) for each in desk.heard] == [SpoolFull]
    desk.keeper.start()
    assert desk.hear(2)[1] is None


def test_a_spool_that_could_not_be_made_is_tried_again_when_it_is_needed(desk: Desk) -> None:
    desk.root.write_text("in the way")
    with pytest.raises(SpoolError):
        desk.keeper.start()
    desk.keeper.append(b"one", desk.heard.append)
    assert isinstance(desk.hear(1)[0], SpoolError)
    desk.root.unlink()
    desk.keeper.append(b"two", desk.heard.append)
    assert desk.hear(2)[1] is None


def test_a_folder_that_was_deleted_under_it_is_made_anew(desk: Desk) -> None:
    desk.keeper.start()
    assert desk.keeper.journal is not None
    for each in desk.keeper.journal.folder.iterdir():
        each.unlink()
    desk.keeper.journal.folder.rmdir()
    desk.keeper.append(b"one", desk.heard.append)
    assert isinstance(desk.hear(1)[0], SpoolError)
    desk.keeper.append(b"two", desk.heard.append)
    assert desk.hear(2)[1] is None


def test_nothing_is_acknowledged_that_is_written_to_a_file_which_is_gone(desk: Desk) -> None:
    desk.keeper.start()
    desk.keeper.append(b"one", desk.heard.append)
    assert desk.hear(1) == [None]
    assert desk.keeper.journal is not None
    shutil.rmtree(desk.keeper.journal.folder)
    desk.keeper.append(b"two", desk.heard.append)
    assert isinstance(desk.hear(2)[1], SpoolError)
    desk.keeper.append(b"three", desk.heard.append)
    assert desk.hear(3)[2] is None


def test_a_disk_on_which_nothing_can_be_made_nor_removed_is_told_and_used_when_it_is_well(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.keeper.start()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", failing(os.fdatasync, errno.EIO))
        patched.setattr(Path, "unlink", failing(Path.unlink, errno.EROFS))
        desk.keeper.append(b"lost", desk.heard.append)
        assert isinstance(desk.hear(1)[0], SpoolError)
    desk.keeper.append(b"one", desk.heard.append)
    assert desk.hear(2)[1] is None
    desk.keeper.read(10, desk.heard.append)
    assert [each.body for each in desk.hear(3)[2]] == [b"one"]


def test_a_folder_of_which_nothing_can_be_known_is_used_again_when_the_disk_is_well(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.keeper.start()
    journal = desk.keeper.journal
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", failing(os.fdatasync, errno.EIO))
        patched.setattr(Path, "stat", failing(Path.stat, errno.EIO))
        desk.keeper.append(b"lost", desk.heard.append)
        assert isinstance(desk.hear(1)[0], SpoolError)
    desk.keeper.append(b"one", desk.heard.append)
    assert desk.hear(2)[1] is None
    assert desk.keeper.journal is journal


def test_whoever_waits_for_what_nobody_foresaw_hears_of_it_and_the_thread_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    desk.keeper.start()
    with monkeypatch.context() as patched:
        patched.setattr(desk.keeper.journal, "append", fail)
        desk.keeper.append(b"lost", desk.heard.append)
        assert isinstance(desk.hear(1)[0], SpoolError)
    desk.keeper.append(b"one", desk.heard.append)
    assert desk.hear(2)[1] is None


def test_whoever_asks_for_what_fails_hears_of_it_and_the_thread_goes_on(desk: Desk) -> None:
    def fail() -> None:
        raise OSError(5, "Input/output error")

    desk.keeper.start()
    desk.keeper.call(fail, desk.heard.append)
    desk.keeper.append(b"one", desk.heard.append)
    assert {type(each) for each in desk.hear(2)} == {type(None), OSError}


def test_stopped_it_writes_what_waits_and_leaves_it_to_be_found(desk: Desk) -> None:
    desk.keeper.start()
    for _ in range(5):
        desk.keeper.append(b"one", desk.heard.append)
    desk.keeper.stop()
    (found,) = orphans(desk.root, Told())
    assert found.waiting == 5
    found.close()
