from collections.abc import Callable
from typing import Any

POLL_OK: int
POLL_READ: int
POLL_WRITE: int
STATUS_READY: int
STATUS_BEGIN: int
STATUS_PREPARED: int

def set_wait_callback(callback: Callable[[Any], None] | None) -> None: ...
