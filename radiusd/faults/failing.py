"""Makes the k-th call of a kind fail: to the database, to fsync, or of sending; before it is done, or after it."""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from attrs import define, field, frozen
from sqlalchemy.engine.default import DefaultDialect

DATABASE, FSYNC, SEND = "database", "fsync", "send"


@frozen(kw_only=True)
class Failure:
    """The `number`th call of a `kind` fails, counted from 1; `after` it was done all the same."""

    kind: str
    number: int
    after: bool = False

    def __str__(self) -> str:
        return f"{self.kind} call {self.number} failing{' after it was done' if self.after else ''}"


@define
class Calls:
    """Counts the calls of each kind while it is `watching`, and lets one of them fail."""

    failure: Failure | None = None
    watching: bool = False
    has_failed: bool = False
    is_away: bool = False
    """Whether every call to the database fails, and none of them is counted."""
    counts: "Counter[str]" = field(factory=Counter)

    @contextmanager
    def watched(self, failure: Failure | None) -> Iterator[None]:
        """Count from now on, and fail where `failure` says; once."""
        self.counts = Counter()
        self.failure, self.watching, self.has_failed = failure, True, False
        try:
            yield
        finally:
            self.watching = False

    def call(self, kind: str, error: Callable[[], BaseException], do: Callable[[], Any]) -> Any:
        """Do it, or fail."""
        if self.is_away and kind == DATABASE:
            raise error()
        if not self.watching:
            return do()
        self.counts[kind] += 1
        failure = self.failure
        fails = failure is not None and failure.kind == kind and failure.number == self.counts[kind]
        if not fails or failure is None:
            return do()
        self.has_failed = True
        if failure.after:
            do()
        raise error()


def _broken(name: str) -> BaseException:
    if name == "sqlite":
        return sqlite3.OperationalError("disk I/O error")
    return psycopg2.OperationalError("server closed the connection unexpectedly")


def _no_space() -> OSError:
    return OSError(5, "Input/output error")


def install(calls: Calls) -> None:
    """Have every call of this process go through `calls`; for the rest of its life."""
    for name in ("do_execute", "do_executemany", "do_execute_no_params", "do_commit"):
        for dialect in {DefaultDialect, *_dialects()}:
            if name in vars(dialect):
                _around(dialect, name, calls)
    for name in ("fsync", "fdatasync"):
        _around_fsync(name, calls)


def _dialects() -> Iterator[type]:
    waiting = list(DefaultDialect.__subclasses__())
    while waiting:
        each = waiting.pop()
        yield each
        waiting += each.__subclasses__()


def _around(dialect: Any, name: str, calls: Calls) -> None:
    original = vars(dialect)[name]

    def called(self: Any, *arguments: Any, **more: Any) -> Any:
        return calls.call(DATABASE, lambda: _broken(self.name), lambda: original(self, *arguments, **more))

    setattr(dialect, name, called)


def _around_fsync(name: str, calls: Calls) -> None:
    original = getattr(os, name)
    setattr(os, name, lambda descriptor: calls.call(FSYNC, _no_space, lambda: original(descriptor)))
