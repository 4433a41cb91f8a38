"""What may go wrong with a charging partner, on purpose."""

from typing import Annotated, Literal

import msgspec
from attrs import frozen

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]


@frozen(kw_only=True)
class Faults:
    """Shares are 0 to 1.

    `latency` is waited after the work is done: with more than the server's 5 s the answer comes too late. `fail`
    answers 500 and does nothing. `lose` does the work and hangs up. `down` hangs up at once (cut), or never answers
    (hang). `refuse` lets no charge be started. `exhausted_after`: play in seconds from which on nothing is renewed.
    """

    latency: Milliseconds = 0
    fail: Share = 0.0
    lose: Share = 0.0
    down: Literal["", "cut", "hang"] = ""
    refuse: bool = False
    exhausted_after: Seconds | None = None


NONE = Faults()
