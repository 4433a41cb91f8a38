"""Spools to test on."""

import os
from collections.abc import Callable, Container
from itertools import count
from pathlib import Path
from typing import Any

from radiusd.spool.journal import Journal, create

NOON = 1_795_262_400_000
EVERY_TIME = range(1, 1_000)


class Told:
    """Keeps what is told of damage, each with the octets that were set aside."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []

    def __call__(self, what: str, where: Path) -> None:
        self.heard.append((what, where.read_bytes() if where.suffix == ".damaged" else b""))


def made(root: Path, told: Told | None = None, *, roll: int = 16 << 20, limit: int = 1 << 30) -> Journal:
    """A new spool."""
    journal = create(root, told or Told(), limit)
    journal._roll = roll
    return journal


def crash(journal: Journal) -> None:
    """What the end of its process does to it: its lock is free, and its files are as they are."""
    os.close(journal._lock)


def failing(call: Callable[..., Any], number: int, turns: Container[int] = EVERY_TIME) -> Callable[..., Any]:
    """`call`, as a disk does it that says `number` (an errno) the times that are in `turns`, counted from 1."""
    turn = count(1)

    def called(*given: Any, **named: Any) -> Any:
        if next(turn) in turns:
            raise OSError(number, os.strerror(number))
        return call(*given, **named)

    return called


def all_of(journal: Journal, at_once: int = 100) -> list[bytes]:
    """Every record that is left, read and released."""
    found = []
    while records := journal.read(at_once):
        found += [each.body for each in records]
        journal.release(records)
    return found
