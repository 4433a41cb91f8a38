"""What may go wrong with a virtual PC system, on purpose."""

from typing import Annotated, Literal

import msgspec
from attrs import frozen

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
Down = Literal["", "cut", "hang"]


@frozen(kw_only=True)
class Faults:
    """Shares are 0 to 1. Of the REST API: `latency` to `down`; of the webhooks: `duplicate`, `reorder`.

    `latency` is waited after the work is done: with more than the client's patience, money is taken and the answer
    comes too late. `fail` answers 500 and does nothing. `lose` does the work and hangs up. `down` hangs up at once
    (cut), or takes the request and never answers (hang). `duplicate` sends an event twice; `reorder` holds one back
    while later ones pass.
    """

    latency: Milliseconds = 0
    fail: Share = 0.0
    lose: Share = 0.0
    down: Down = ""
    duplicate: Share = 0.0
    reorder: Share = 0.0


NONE = Faults()
