"""The configuration read again while the server runs as one process: what can be taken over is, the rest is named."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.logger import Logger

from radiusd import config, logs
from radiusd.config import ConfigError

_log = Logger()


class Rereading:
    """Of the file at `path`, in which `text` stood when the server started."""

    def __init__(self, path: Path, text: str, set_level: Callable[[str], None] = logs.set_level) -> None:
        self._path = path
        self._text = text
        self._set_level = set_level

    def __call__(self) -> None:
        """Take over the level of the log; name what needs a restart; a mistake changes nothing."""
        try:
            text = config.text_of(self._path)
            settings = config.parse(self._path, text)
        except ConfigError as error:
            _log.error("nothing is changed: {error}", error=error)
            return
        self._set_level(settings.log_level)
        _log.info("the configuration is read again; what is logged: {wanted}", wanted=settings.log_level)
        running = config.parse(self._path, self._text)
        if evolve(running, log_level=settings.log_level) != settings:
            keys = ", ".join(_changed(tomllib.loads(self._text), tomllib.loads(text)))
            _log.warn("restart the server to have it take over {keys}", keys=keys)


def _changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The keys, with their sections, that differ; but for the level of the log."""
    was, is_now = _flat(before), _flat(after)
    keys = (key for key in {**was, **is_now} if was.get(key) != is_now.get(key))
    return [each for each in keys if each != "log.level"]


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    return {f"{section}.{key}": value for section, values in document.items() for key, value in values.items()}
