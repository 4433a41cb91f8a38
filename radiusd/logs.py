"""Log lines: one event a line, to standard error."""

import sys

from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

_LEVELS = list(LogLevel.iterconstants())


def begin(level: str) -> None:
    """Write events of this level and above."""
    wanted = LogLevel.levelWithName(level)
    predicate = LogLevelFilterPredicate(wanted)
    # Twisted's own lines: one for every socket that is opened, and we open many.
    predicate.setLogLevelForNamespace("log_legacy", max(wanted, LogLevel.warn, key=_LEVELS.index))
    observer = FilteringLogObserver(textFileLogObserver(sys.stderr), [predicate])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
