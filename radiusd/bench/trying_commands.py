"""The commands that measure a server under one condition each."""

from typing import Any

ALL: tuple[Any, ...] = ()
