"""Log lines: one event a line, to standard error."""

import sys

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from zope.interface import implementer

_LEVELS = list(LogLevel.iterconstants())
_wanted = LogLevelFilterPredicate()


@implementer(ILogObserver)
class _Marked:
    """Says in every line whose it is."""

    def __init__(self, write: ILogObserver, whose: str) -> None:
        self._write = write
        self._whose = whose

    def __call__(self, event: LogEvent) -> None:
        system = f"{event.get('log_namespace', '-')}#{event['log_level'].name} {self._whose}"
        self._write({**event, "log_system": system})


def begin(level: str, whose: str = "") -> None:
    """Write events of this level and above; `whose` is said in every line, where several write."""
    set_level(level)
    write = textFileLogObserver(sys.stderr)
    observer = FilteringLogObserver(_Marked(write, whose) if whose else write, [_wanted])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


def set_level(level: str) -> None:
    """From now on write events of this level and above."""
    wanted = LogLevel.levelWithName(level)
    _wanted.setLogLevelForNamespace("", wanted)
    # Twisted's own lines: one for every socket that is opened, and we open many.
    _wanted.setLogLevelForNamespace("log_legacy", max(wanted, LogLevel.warn, key=_LEVELS.index))
