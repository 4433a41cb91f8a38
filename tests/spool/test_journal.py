"""A spool gives back what was put in, in its order, whatever becomes of its process or of single octets on the disk."""

import errno
import os
from pathlib import Path

import pytest

from radiusd.spool import segments
from radiusd.spool.errors import SpoolError, SpoolFull
from radiusd.spool.journal import create, orphans
from radiusd.spool.layout import HEADER_LENGTH, LONGEST_BODY, RECORD_LENGTH
from tests.spool.given import NOON, Told, all_of, crash, made

BODIES = [b"one", b"two", b"three", b"four", b"five"]


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
