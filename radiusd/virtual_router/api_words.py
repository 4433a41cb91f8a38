"""The words and sentences of the RouterOS API, as its manual describes them: a length, then so many octets.

The length takes one octet below 0x80, two below 0x4000 with the highest bit set, three with the highest two, four with
the highest three, five after an octet 0xF0. A word of no octets ends the sentence.
"""

_LONGEST = 1 << 16
_OF_FIRST = (0x7F, 0x3F, 0x1F, 0x0F, 0x00)


class BadWord(Exception):
    """Octets that are no word, or one that is far too long."""


def encode_length(length: int) -> bytes:
    """The length before a word."""
    for octets, limit, mark in ((1, 0x80, 0x00), (2, 0x4000, 0x80), (3, 0x200000, 0xC0), (4, 0x10000000, 0xE0)):
        if length < limit:
            return (length | mark << 8 * (octets - 1)).to_bytes(octets)
    return b"\xf0" + length.to_bytes(4)


def encode_sentence(*words: str) -> bytes:
    """A whole sentence, in UTF-8."""
    encoded = (word.encode(errors="surrogateescape") for word in words)
    return b"".join(encode_length(len(word)) + word for word in encoded) + b"\0"


class SentenceReader:
    """Gives sentences as their octets come in."""

    def __init__(self) -> None:
        self._octets = b""
        self._words: list[str] = []

    def feed(self, octets: bytes) -> list[list[str]]:
        """The sentences that are whole by now. Raises BadWord."""
        self._octets += octets
        sentences = []
        at = 0
        while (word := _word(self._octets, at)) is not None:
            content, at = word
            if content:
                self._words.append(content.decode(errors="surrogateescape"))
            elif self._words:
                sentences.append(self._words)
                self._words = []
        self._octets = self._octets[at:]
        return sentences


def _word(octets: bytes, at: int) -> tuple[bytes, int] | None:
    """The word at `at`, and where the next one begins; None while it is not whole."""
    if at >= len(octets):
        return None
    first = octets[at]
    if first > 0xF0:
        raise BadWord
    more = sum(first >= mark for mark in (0x80, 0xC0, 0xE0, 0xF0))
    begin = at + 1 + more
    if begin > len(octets):
        return None
    length = (first & _OF_FIRST[more]) << 8 * more | int.from_bytes(octets[at + 1 : begin])
    if length > _LONGEST:
        raise BadWord
    end = begin + length
    return None if end > len(octets) else (octets[begin:end], end)
