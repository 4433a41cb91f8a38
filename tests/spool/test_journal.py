"""A spool gives back what was put in, in its order, whatever becomes of its process or of single octets on the disk."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

import pytest

from radiusd.spool import segments
from radiusd.spool.errors import SpoolError, SpoolFull
from radiusd.spool.journal import Journal, create, orphans
from radiusd.spool.layout import HEADER_LENGTH, LONGEST_BODY, RECORD_LENGTH
from tests.spool.given import NOON, Told, all_of, crash, failing, made

BODIES = [b"one", b"two", b"three", b"four", b"five"]
MANY = [b"record %d" % n for n in range(100)]


def test_records_come_out_in_their_order(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES[:2], NOON)
    journal.append(BODIES[2:], NOON + 1)
    assert journal.waiting == 5
    assert all_of(journal, at_once=2) == BODIES
    assert (journal.waiting, journal.octets, journal.oldest_at) == (0, 0, None)


def test_what_comes_while_others_are_replayed_comes_out_after_them(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES[:2], NOON)
    first = journal.read(1)
    journal.append(BODIES[2:], NOON)
    journal.release(first)
    assert all_of(journal) == BODIES[1:]


def test_an_emptied_spool_is_used_again(tmp_path: Path) -> None:
    journal = made(tmp_path)
    for _ in range(3):
        journal.append(BODIES, NOON)
        assert all_of(journal) == BODIES


def test_several_records_cost_one_write_and_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = made(tmp_path)
    journal.append([b"the segment is made"], NOON)
    calls: list[str] = []
    write, sync = os.pwrite, os.fdatasync
    monkeypatch.setattr(os, "pwrite", lambda *given: calls.append("write") or write(*given))
    monkeypatch.setattr(os, "fdatasync", lambda *given: calls.append("fsync") or sync(*given))
    journal.append(BODIES, NOON)
    assert calls == ["write", "fsync"]


def test_a_new_segment_is_durable_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = made(tmp_path)
    synced: list[str] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())) or sync(fd))
    journal.append(BODIES, NOON)
    assert str(journal.folder) in synced


def test_a_full_segment_is_followed_by_another_and_removed_once_replayed(tmp_path: Path) -> None:
    journal = made(tmp_path, roll=HEADER_LENGTH + 1)
    for each in BODIES:
        journal.append([each], NOON)
    assert len(segments.segments_of(journal.folder)) == 5
    first = journal.read(2)
    journal.release(first)
    assert len(segments.segments_of(journal.folder)) == 3
    assert all_of(journal) == BODIES[2:]
    assert segments.segments_of(journal.folder) == []


def test_beyond_its_limit_nothing_is_kept_and_what_is_in_it_stays(tmp_path: Path) -> None:
    journal = made(tmp_path, limit=HEADER_LENGTH + 2 * (RECORD_LENGTH + 3))
    journal.append([b"one", b"two"], NOON)
    with pytest.raises(SpoolFull, match="spool_limit"):
        journal.append([b"six"], NOON)
    assert all_of(journal) == [b"one", b"two"]
    journal.append([b"six"], NOON)
    assert all_of(journal) == [b"six"]


def test_a_record_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="65536 octets"):
        made(tmp_path).append([bytes(LONGEST_BODY + 1)], NOON)


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_what_the_disk_refused_is_not_kept_and_what_comes_later_is(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    journal = made(tmp_path)
    journal.append([b"one"], NOON)
    with monkeypatch.context() as patched, pytest.raises(SpoolError, match="No space left"):
        patched.setattr(os, call, refuse)
        journal.append([b"lost"], NOON)
    journal.append([b"two"], NOON)
    assert all_of(journal) == [b"one", b"two"]


def test_a_segment_that_cannot_be_made_is_left_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    journal = made(tmp_path)
    with monkeypatch.context() as patched, pytest.raises(SpoolError, match="Read-only"):
        patched.setattr(os, "pwrite", refuse)
        journal.append([b"lost"], NOON)
    assert segments.segments_of(journal.folder) == []
    journal.append([b"one"], NOON)
    assert all_of(journal) == [b"one"]


def test_records_that_were_never_acknowledged_hide_none_that_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write reaches the file, its fsync fails, and it cannot even be cut off."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    journal = made(tmp_path)
    with monkeypatch.context() as patched, pytest.raises(SpoolError):
        journal.append([b"one"], NOON)
        patched.setattr(os, "fdatasync", refuse)
        patched.setattr(os, "ftruncate", refuse)
        journal.append([b"x", b"y", b"z"], NOON)
    journal.append([b"two", b"three"], NOON)
    assert all_of(journal, at_once=1)[-2:] == [b"two", b"three"]


@pytest.mark.parametrize("is_read_meanwhile", [False, True])
def test_a_segment_that_can_neither_be_made_nor_removed_is_written_over_when_the_disk_is_well(
    is_read_meanwhile: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    journal = made(tmp_path, told)
    with monkeypatch.context() as patched, pytest.raises(SpoolError, match="Input/output error"):
        patched.setattr(os, "fdatasync", failing(os.fdatasync, errno.EIO))
        patched.setattr(Path, "unlink", failing(Path.unlink, errno.EROFS))
        journal.append([b"lost"], NOON)
    if is_read_meanwhile:
        assert journal.read(100) == []
    journal.append([b"one"], NOON)
    assert all_of(journal) == [b"one"]
    assert told.heard == []


def closing_badly(descriptor: int) -> None:
    """A disk that complains when a segment is closed; its descriptor is gone all the same."""
    name = Path(f"/proc/self/fd/{descriptor}").readlink()
    os.closerange(descriptor, descriptor + 1)
    if name.suffix == segments.SUFFIX:
        raise OSError(errno.EIO, "Input/output error")


def test_segments_that_close_badly_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = made(tmp_path, roll=HEADER_LENGTH + 1)
    monkeypatch.setattr(os, "close", closing_badly)
    for each in BODIES:
        journal.append([each], NOON)
    assert all_of(journal) == BODIES


def test_what_the_disk_refused_is_told_even_if_the_segment_closes_badly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = made(tmp_path)
    journal.append([b"one"], NOON)
    with monkeypatch.context() as patched, pytest.raises(SpoolError, match="No space left"):
        patched.setattr(os, "pwrite", failing(os.pwrite, errno.ENOSPC))
        patched.setattr(os, "close", closing_badly)
        journal.append([b"lost"], NOON)
    journal.append([b"two"], NOON)
    assert all_of(journal) == [b"one", b"two"]


# What the disk does not give now


def with_many(root: Path, told: Told, *, is_orphan: bool = False) -> Journal:
    """A spool with 100 records in four segments; another process left it behind, or it is our own."""
    journal = made(root, told, roll=HEADER_LENGTH + 1)
    for first in range(0, 100, 25):
        journal.append(MANY[first : first + 25], NOON)
    if is_orphan:
        crash(journal)
        (journal,) = orphans(root, told)
    return journal


def flip(root: Path, body: bytes) -> None:
    """Damage the record of `body`."""
    for path in root.glob("*/*.spool"):
        path.write_bytes(path.read_bytes().replace(body, bytes(len(body))))


def replayed(journal: Journal) -> list[bytes]:
    """Every record that is left, whatever the disk says meanwhile: as the server does, which tries again."""
    found: list[bytes] = []
    while True:
        with suppress(OSError):
            records = journal.read(40)
            if not records:
                return found
            found += [each.body for each in records]
            journal.release(records)


@pytest.mark.parametrize("is_orphan", [False, True])
def test_what_was_read_before_a_segment_that_cannot_be_opened_is_given_and_the_rest_later(
    is_orphan: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = with_many(tmp_path, Told(), is_orphan=is_orphan)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", failing(Path.open, errno.EMFILE, {2}))
        first = journal.read(100)
    assert [each.body for each in first] == MANY[:25]
    journal.release(first)
    assert all_of(journal) == MANY[25:]
    assert (journal.waiting, journal.octets) == (0, 0)
    assert segments.segments_of(journal.folder) == []


def test_what_cannot_be_read_now_is_waited_for_and_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = with_many(tmp_path, Told())
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", failing(Path.open, errno.EIO, range(2, 10)))
        journal.release(journal.read(100))
        for _ in range(3):
            with pytest.raises(OSError, match="Input/output error"):
                journal.read(100)
    assert journal.waiting == 75
    crash(journal)
    (found,) = orphans(tmp_path, Told())
    assert all_of(found)[-75:] == MANY[25:]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES])
def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = with_many(tmp_path, Told())
    with monkeypatch.context() as patched:
        for call in ("listdir", "scandir"):
            patched.setattr(os, call, failing(getattr(os, call), number, {1}))
        with pytest.raises(OSError, match=os.strerror(number)):
            journal.read(100)
    assert all_of(journal) == MANY


@pytest.mark.parametrize("turn", range(1, 12))
@pytest.mark.parametrize(("owner", "call"), [(Path, "open"), (os, "listdir"), (os, "fsync"), (os, "open")])
@pytest.mark.parametrize("is_orphan", [False, True])
def test_whichever_call_to_the_disk_fails_each_record_comes_once_and_in_order(
    is_orphan: bool, owner: object, call: str, turn: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    journal = with_many(tmp_path, told, is_orphan=is_orphan)
    flip(tmp_path, MANY[30])
    with monkeypatch.context() as patched:
        patched.setattr(owner, call, failing(getattr(owner, call), errno.EIO, {turn, turn + 2}))
        assert replayed(journal) == MANY[:30] + MANY[31:]
    ((what, aside),) = told.heard
    assert (what, len(aside)) == ("damaged", RECORD_LENGTH + len(MANY[30]))


def test_what_is_damaged_and_cannot_be_set_aside_now_is_set_aside_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    journal = with_many(tmp_path, told)
    flip(tmp_path, MANY[30])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing(os.fsync, errno.ENOSPC))
        assert [each.body for each in journal.read(100)] == MANY[:30]
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                journal.read(100)
    assert [each.body for each in journal.read(100)] == MANY[31:]
    assert [(what, len(aside)) for what, aside in told.heard] == [("damaged", RECORD_LENGTH + len(MANY[30]))]


# What others find


def test_an_orphan_is_found_with_all_that_is_in_it(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES, NOON)
    crash(journal)
    (found,) = orphans(tmp_path, Told())
    assert found.waiting == 5
    assert found.id == journal.id
    assert all_of(found) == BODIES
    found.close()
    assert list(tmp_path.iterdir()) == []


def test_what_was_released_before_the_crash_may_come_again_and_what_was_not_does(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES, NOON)
    journal.release(journal.read(2))
    crash(journal)
    (found,) = orphans(tmp_path, Told())
    records = found.read(100)
    assert [each.body for each in records][-3:] == BODIES[2:]
    assert [each.sequence for each in records] == [1, 2, 3, 4, 5]  # by which the store tells what it has seen


def test_the_spool_of_a_living_process_is_nobody_elses(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES, NOON)
    assert orphans(tmp_path, Told()) == []


def test_an_orphan_is_taken_by_one(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES, NOON)
    crash(journal)
    assert len(orphans(tmp_path, Told())) == 1
    assert orphans(tmp_path, Told()) == []


def test_an_orphan_with_nothing_in_it_is_removed(tmp_path: Path) -> None:
    crash(made(tmp_path))
    assert orphans(tmp_path, Told()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_spool_closed_with_records_in_it_waits_for_whoever_finds_it(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES, NOON)
    journal.close()
    (found,) = orphans(tmp_path, Told())
    assert all_of(found) == BODIES


def test_every_spool_has_an_id_of_its_own(tmp_path: Path) -> None:
    assert made(tmp_path).id != made(tmp_path).id


def test_what_is_no_spool_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ("0" * 32)).mkdir()  # without a lock: somebody else's, or half removed
    assert orphans(tmp_path, Told()) == []
    assert orphans(tmp_path / "nowhere", Told()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="cannot be written"):
        create(tmp_path / "file" / "spool", Told(), 1 << 30)


def test_a_spool_that_could_not_be_made_is_not_kept_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched, pytest.raises(SpoolError, match="Input/output error"):
        patched.setattr(os, "fsync", failing(os.fsync, errno.EIO))
        create(tmp_path, Told(), 1 << 30)
    assert orphans(tmp_path, Told()) == []
    assert list(tmp_path.iterdir()) == []


def left_behind(root: Path, count: int) -> list[bytes]:
    """The ids of so many spools of processes that died, in the order in which they are found."""
    journals = [made(root) for _ in range(count)]
    for each in journals:
        each.append(BODIES, NOON)
        crash(each)
    return sorted(each.id for each in journals)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_an_orphan_that_cannot_be_opened_hides_no_other_and_is_found_later(
    turn: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = left_behind(tmp_path, 3)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", failing(Path.open, errno.EMFILE, {turn, 4}))
        others = orphans(tmp_path, Told())
        with pytest.raises(OSError, match="Too many open files"):
            orphans(tmp_path, Told())
    (late,) = orphans(tmp_path, Told())
    assert [each.id for each in others] == ids[: turn - 1] + ids[turn:]
    assert late.id == ids[turn - 1]
    assert [all_of(each) for each in (*others, late)] == [BODIES] * 3


def test_an_orphan_whose_torn_tail_cannot_be_set_aside_now_is_found_later_and_tells_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind(tmp_path, 1)
    path = only_segment(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    told = Told()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing(os.fsync, errno.ENOSPC))
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                orphans(tmp_path, told)
    (found,) = orphans(tmp_path, told)
    assert all_of(found) == BODIES[:4]
    assert [(what, len(aside)) for what, aside in told.heard] == [("torn", RECORD_LENGTH + len(b"five") - 1)]


def test_a_lock_that_cannot_be_asked_for_costs_no_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left_behind(tmp_path, 1)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patched, pytest.raises(OSError, match="No locks available"):
        patched.setattr(fcntl, "flock", failing(fcntl.flock, errno.ENOLCK))
        orphans(tmp_path, Told())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# What the disk, or a crash, did to it


def only_segment(root: Path) -> Path:
    (path,) = root.glob("*/*.spool")
    return path


@pytest.mark.parametrize("cut", range(1, RECORD_LENGTH + len(b"five")))
def test_a_torn_tail_is_cut_off_and_told(cut: int, tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES, NOON)
    crash(journal)
    path = only_segment(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    told = Told()
    (found,) = orphans(tmp_path, told)
    assert all_of(found) == BODIES[:4]
    assert told.heard == [("torn", whole[-RECORD_LENGTH - 4 : -cut])]


def test_a_tail_of_zeroes_is_cut_off(tmp_path: Path) -> None:
    """What a file system shows where the size of a file was durable and its octets were not."""
    journal = made(tmp_path)
    journal.append(BODIES, NOON)
    crash(journal)
    path = only_segment(tmp_path)
    path.write_bytes(path.read_bytes() + bytes(4096))
    told = Told()
    (found,) = orphans(tmp_path, told)
    assert all_of(found) == BODIES
    assert told.heard == [("torn", b"")]
    assert list(tmp_path.glob("*.damaged")) == []


def test_a_flipped_byte_costs_one_record_which_is_set_aside(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES, NOON)
    crash(journal)
    path = only_segment(tmp_path)
    octets = bytearray(path.read_bytes())
    octets[octets.index(b"three")] ^= 1
    path.write_bytes(octets)
    told = Told()
    (found,) = orphans(tmp_path, told)
    assert all_of(found) == [b"one", b"two", b"four", b"five"]
    ((what, aside),) = told.heard
    assert (what, aside[-4:]) == ("damaged", b"hree")
    found.close()
    assert [each.suffix for each in tmp_path.iterdir()] == [".damaged"]


def test_a_byte_that_flips_while_its_process_lives_costs_one_record(tmp_path: Path) -> None:
    told = Told()
    journal = made(tmp_path, told)
    journal.append(BODIES, NOON)
    path = only_segment(tmp_path)
    octets = bytearray(path.read_bytes())
    octets[octets.index(b"five")] ^= 1
    path.write_bytes(octets)
    assert all_of(journal) == BODIES[:4]
    assert [what for what, _ in told.heard] == ["damaged"]
    assert journal.waiting == 0


def test_a_damaged_header_costs_no_record(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.append(BODIES, NOON)
    crash(journal)
    path = only_segment(tmp_path)
    path.write_bytes(b"?" + path.read_bytes()[1:])
    told = Told()
    (found,) = orphans(tmp_path, told)
    assert all_of(found) == BODIES
    assert [what for what, _ in told.heard] == ["damaged"]


def test_a_segment_that_is_gone_costs_what_was_in_it(tmp_path: Path) -> None:
    journal = made(tmp_path, roll=HEADER_LENGTH + 1)
    for each in BODIES:
        journal.append([each], NOON)
    crash(journal)
    segments.segments_of(journal.folder)[1].unlink()
    (found,) = orphans(tmp_path, Told())
    assert all_of(found) == [b"one", b"three", b"four", b"five"]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    journal = made(tmp_path / "spool")
    journal.append(BODIES, NOON)
    modes = [each.stat().st_mode & 0o077 for each in ((tmp_path / "spool"), *(tmp_path / "spool").rglob("*"))]
    assert not any(modes)
