"""MAC addresses as the many NASes write them, and as we do.

Nothing is kept of what was asked before: a café chain's devices are many, and each would hold as much as its session.
"""

import re

_OURS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_FORMATS = re.compile(
    "|".join(
        (
            r"[0-9A-Fa-f]{2}([:. -])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}",
            r"[0-9A-Fa-f]{4}([:.-])[0-9A-Fa-f]{4}\2[0-9A-Fa-f]{4}",
            r"[0-9A-Fa-f]{6}[:-][0-9A-Fa-f]{6}",
            r"[0-9A-Fa-f]{12}",
        )
    )
)
_LENGTHS = frozenset((12, 13, 14, 17))
_WITHOUT_SEPARATORS = str.maketrans("", "", ":. -")


def canonical_mac(text: str) -> str | None:
    """`text` as AA:BB:CC:DD:EE:FF, whatever its case and separators; None if it is no MAC address."""
    if len(text) not in _LENGTHS:
        return None
    if _OURS.fullmatch(text) is not None:
        return text
    if _FORMATS.fullmatch(text) is None:
        return None
    return bytes.fromhex(text.translate(_WITHOUT_SEPARATORS)).hex(":").upper()
