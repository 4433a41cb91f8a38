"""Secrets that stand in files of their own, which only their owner may read."""

import stat
from pathlib import Path


class SecretFileError(Exception):
    """The file cannot be used; the message says why and what to do, and never shows what is in it."""


def read_secret_file(path: Path, key: str) -> str:
    """The first line of `path`, which the configuration names under `key`; raises SecretFileError."""
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SecretFileError(f"cannot read {path}, {key}: {error.strerror}") from error
    except UnicodeDecodeError:
        # Not even as the cause: it has in it what could not be read.
        raise SecretFileError(f"{path}, {key}, is not UTF-8 text") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretFileError(f"{path}, {key}, can be read by others: run chmod 600 {path}")
    if not lines or not lines[0]:
        raise SecretFileError(f"{path}, {key}, has nothing in its first line")
    return lines[0]
