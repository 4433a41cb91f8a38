"""MAC addresses as the many NASes write them, and as we do."""

import re
from functools import lru_cache

_FORMATS = re.compile(
    "|".join(
        (
            r"[0-9A-Fa-f]{12}",
            r"[0-9A-Fa-f]{6}[:-][0-9A-Fa-f]{6}",
            r"[0-9A-Fa-f]{4}([:.-])[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}",
            r"[0-9A-Fa-f]{2}([:. -])(?:[0-9A-Fa-f]{2}\2){4}[0-9A-Fa-f]{2}",
        )
    )
)


@lru_cache(maxsize=100_000)
def canonical_mac(text: str) -> str | None:
    """`text` as AA:BB:CC:DD:EE:FF, whatever its case and separators; None if it is no MAC address."""
    if _FORMATS.fullmatch(text) is None:
        return None
    digits = re.sub(r"[^0-9A-Fa-f]", "", text).upper()
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
