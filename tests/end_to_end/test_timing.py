"""A stranger learns nothing by the clock: comparing a wrong signature takes as long wherever it is wrong (R13).

As dudect does it: two kinds of input in random order, each comparison timed by itself, the slowest hundredths left out
(they are the machine's), and Welch's t over the rest. Below 4.5 nothing can be told.
"""

import gc
import math
import random
import time
from collections.abc import Callable

from radiusd.web.pc_sync import guards

SAMPLES = 1_000_000
NOTHING_TO_BE_TOLD = 4.5
RIGHT = "sha256=" + guards.sign(b"a signing key", b"the octets of an event")
# Where a text lies in memory has its nanoseconds as well, so there are many of each kind, side by side.
PAIRS = [("x" + RIGHT[1:], RIGHT[:-1] + "x") for _ in range(256)]

Compare = Callable[[str | None, str], bool]


def timed(compare: Compare, samples: int) -> tuple[list[int], list[int]]:
    """Nanoseconds of each comparison: wrong at once, and wrong at the last character."""
    chance = random.Random(13)
    kinds = [chance.getrandbits(1) for _ in range(samples)]
    # Chosen beforehand, and told apart afterwards: within the loop even choosing one takes its nanoseconds.
    texts = [chance.choice(PAIRS)[kind] for kind in kinds]
    took: list[int] = []
    clock = time.perf_counter_ns
    gc.disable()
    try:
        for text in texts:
            began = clock()
            compare(text, RIGHT)
            took.append(clock() - began)
    finally:
        gc.enable()
    found: tuple[list[int], list[int]] = ([], [])
    for kind, nanoseconds in zip(kinds, took, strict=True):
        found[kind].append(nanoseconds)
    return found


def t_of(one: list[int], other: list[int]) -> float:
    """Welch's t, both kinds cropped at one and the same duration."""
    most = sorted(one + other)[int(0.9 * (len(one) + len(other)))]
    kept = [[each for each in kind if each <= most] for kind in (one, other)]
    means = [sum(kind) / len(kind) for kind in kept]
    spreads = [
        sum((each - mean) ** 2 for each in kind) / (len(kind) - 1) / len(kind)
        for kind, mean in zip(kept, means, strict=True)
    ]
    return abs(means[0] - means[1]) / math.sqrt(sum(spreads))


def by_character(given: str | None, expected: str) -> bool:
    """How it must not be done."""
    return len(given or "") == len(expected) and all(
        one == other for one, other in zip(given or "", expected, strict=True)
    )


def test_a_million_comparisons_tell_nothing() -> None:
    # The middle one of three: what another program does to one of them is no property of ours.
    found = sorted(t_of(*timed(guards.is_signature, SAMPLES)) for _ in range(3))
    assert found[1] < NOTHING_TO_BE_TOLD, found


def test_a_comparison_that_stops_early_is_found_out() -> None:
    assert t_of(*timed(by_character, SAMPLES // 50)) > NOTHING_TO_BE_TOLD
