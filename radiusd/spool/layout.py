"""Records and segments as octets, and back; whatever is damaged is told apart from what is whole.

A segment begins with a header, then records follow each other without gaps. Integers are big-endian.

header  magic "ICSPOOL" (7), version (1), spool id (16), first sequence (8), CRC-32 of those 32 octets (4)
record  marker F5 49 43 52 (4), length of the body (4), sequence (8), time in ms (8), CRC-32 (4), body

A record's CRC-32 runs over the spool id, then length, sequence, time and body: a record of another spool, left on the
disk where a file once was, is never taken for one of this.
"""

from collections.abc import Iterator
from struct import Struct
from zlib import crc32

from attrs import field, frozen

VERSION = 1
MAGIC = b"ICSPOOL"
MARKER = b"\xf5ICR"
ID_LENGTH = 16
LONGEST_BODY = 1 << 16

_HEADER = Struct("!7sB16sQ")
_CRC = Struct("!I")
_RECORD = Struct("!4sIQQI")
_COVERED = Struct("!IQQ")
HEADER_LENGTH = _HEADER.size + _CRC.size
RECORD_LENGTH = _RECORD.size


@frozen
class Record:
    """`at` is when it was kept, in milliseconds; `end` is the offset of what follows it."""

    sequence: int
    at: int
    body: bytes = field(repr=False)
    end: int


@frozen
class Damage:
    """Octets from `start` to `end` that are no record of this spool."""

    start: int
    end: int


def header(spool_id: bytes, first_sequence: int) -> bytes:
    """What a segment begins with: 36 octets."""
    octets = _HEADER.pack(MAGIC, VERSION, spool_id, first_sequence)
    return octets + _CRC.pack(crc32(octets))


def is_header(octets: bytes, spool_id: bytes) -> bool:
    """Whether a segment of this spool, in this version of the format, begins so."""
    whole = octets[:HEADER_LENGTH]
    if len(whole) < HEADER_LENGTH or _CRC.unpack(whole[-4:])[0] != crc32(whole[:-4]):
        return False
    magic, version, named, _ = _HEADER.unpack(whole[:-4])
    return (magic, version, named) == (MAGIC, VERSION, spool_id)


def encode(spool_id: bytes, sequence: int, at: int, body: bytes) -> bytes:
    """The record of `body`, which has at most 65 536 octets."""
    check = crc32(body, crc32(_COVERED.pack(len(body), sequence, at), crc32(spool_id)))
    return _RECORD.pack(MARKER, len(body), sequence, at, check) + body


def record_at(octets: bytes, at: int, spool_id: bytes) -> Record | None:
    """The record that begins at offset `at`, None if no whole one does."""
    if at + RECORD_LENGTH > len(octets):
        return None
    marker, length, sequence, time, check = _RECORD.unpack_from(octets, at)
    start, end = at + RECORD_LENGTH, at + RECORD_LENGTH + length
    if marker != MARKER or length > LONGEST_BODY or end > len(octets):
        return None
    body = octets[start:end]
    if check != crc32(body, crc32(_COVERED.pack(length, sequence, time), crc32(spool_id))):
        return None
    return Record(sequence, time, body, end)


def scan(octets: bytes, start: int, spool_id: bytes) -> Iterator[Record | Damage]:
    """The records from offset `start` on, and what lies between them that is none, up to the end of `octets`."""
    at = start
    while at < len(octets):
        found: Record | Damage | None = record_at(octets, at, spool_id)
        if found is None:
            found = Damage(at, _next_record(octets, at + 1, spool_id))
        yield found
        at = found.end


def _next_record(octets: bytes, at: int, spool_id: bytes) -> int:
    """The offset of the next whole record; the end if there is none."""
    while (at := octets.find(MARKER, at)) >= 0:
        if record_at(octets, at, spool_id) is not None:
            return at
        at += 1
    return len(octets)
