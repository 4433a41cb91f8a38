"""Reads a spool's records in their order, and sets aside what is damaged."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from radiusd.spool.layout import HEADER_LENGTH, Damage, Record, is_header, record_at, scan
from radiusd.spool.segments import segments_of, set_aside

Told = Callable[[str, Path], None]
"""Hears what was wrong (torn, damaged), and where it was put."""


class Reader:
    """Goes through the segments once, also through the one that still grows."""

    def __init__(self, folder: Path, spool_id: bytes, told: Told) -> None:
        self._folder = folder
        self._id = spool_id
        self._told = told
        self._path: Path | None = None
        self._octets = b""
        self._base = 0
        """Where in the file `_octets` begin."""
        self._at = 0

    def read(self, most: int) -> list[Record]:
        """The next records, `most` at most; none when all were read, and only then.

        Raises what the disk says when it does not even give the first of them; the next read asks it again.
        """
        found: list[Record] = []
        try:
            while len(found) < most and (record := self._next()) is not None:
                found.append(record)
        except Exception:
            # What was found is given in any case, for it is not found again; the next read tells what is wrong.
            if not found:
                raise
        return found

    def _next(self) -> Record | None:
        """The next record, None after the last. Raises OSError, and goes on from there when it is asked again."""
        while (record := record_at(self._octets, self._at, self._id)) is None:
            if self._at < len(self._octets):
                self._skip()
            elif not self._turn():
                return None
        self._at = record.end
        return record

    def _turn(self) -> bool:
        """Have more octets to read: of this segment if it grew, else of the next; False if there are none."""
        path, end = self._path, self._base + len(self._octets)
        if path is not None and self._load(path, end):
            return True
        for each in segments_of(self._folder):
            if (path is None or each.name > path.name) and self._load(each, 0):
                if is_header(self._octets, self._id):
                    self._at = HEADER_LENGTH
                return True
        return False

    def _load(self, path: Path, start: int) -> bool:
        """Whether `path` has octets from `start` on; they are in memory then."""
        try:
            with path.open("rb") as file:
                file.seek(start)
                octets = file.read()
        except FileNotFoundError:
            return False
        if octets:
            self._path, self._octets, self._base, self._at = path, octets, start, 0
        return bool(octets)

    def _skip(self) -> None:
        """Set aside what is no record, up to the next that is one."""
        damage = next(iter(scan(self._octets, self._at, self._id)))
        octets = self._octets[self._at : damage.end]
        if self._path is not None and octets.strip(b"\0"):
            name = f"{self._folder.name}-{self._path.stem}-{self._base + self._at}"
            self._told("damaged", set_aside(self._folder.parent, name, octets))
        self._at = damage.end


def recover(folder: Path, spool_id: bytes, told: Told) -> Sequence[tuple[Path, int, int]]:
    """Cut off what a crash left behind the last whole record; each segment with its records and its last sequence.

    What is cut off was never acknowledged, unless the disk damaged it: it is set aside all the same.
    """
    found = []
    paths = segments_of(folder)
    for path in paths:
        octets = path.read_bytes()
        start = HEADER_LENGTH if is_header(octets, spool_id) else 0
        parts = list(scan(octets, start, spool_id))
        records = [each for each in parts if isinstance(each, Record)]
        if path == paths[-1] and parts and isinstance(parts[-1], Damage):
            _cut_off(folder, path, octets, parts[-1], told)
        found.append((path, len(records), max((each.sequence for each in records), default=0)))
    return found


def _cut_off(folder: Path, path: Path, octets: bytes, torn: Damage, told: Told) -> None:
    tail = octets[torn.start :]
    where = set_aside(folder.parent, f"{folder.name}-{path.stem}-{torn.start}", tail) if tail.strip(b"\0") else path
    with path.open("r+b") as file:
        file.truncate(torn.start)
        os.fsync(file.fileno())
    told("torn", where)
