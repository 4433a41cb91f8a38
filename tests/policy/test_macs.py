"""MAC addresses as NASes write them."""

import pytest

from policy.macs import canonical_mac


@pytest.mark.parametrize(
    "text",
    [
        "AA:BB:CC:0D:EE:FF",
        "AABB:CC0D:EEFF",
        "AABBCC:0DEEFF",
        "AA-BB-CC-0D-EE-FF",
        "AABBCC-0DEEFF",
        "AABBCC0DEEFF",
        "AA BB CC 0D EE FF",
        "aa:bb:cc:0d:ee:ff",
        "aabb.cc0d.eeff",
    ],
)
def test_every_format_is_the_same_device(text: str) -> None:
    assert canonical_mac(text) == "AA:BB:CC:0D:EE:FF"


@pytest.mark.parametrize(
    "text",
    ["", "nora", "AA:BB:CC:0D:EE", "AA:BB:CC:0D:EE:FF:00", "AA:BB-CC:0D:EE:FF", "GG:BB:CC:0D:EE:FF", "AABBCC0DEEFF\n"],
)
def test_anything_else_is_no_device(text: str) -> None:
    assert canonical_mac(text) is None
