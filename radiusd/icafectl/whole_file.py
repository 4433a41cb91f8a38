"""A file that is there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TextIO

from radiusd.icafectl.grammar import Declined


@contextmanager
def written_whole(target: Path, *, may_replace: bool) -> Iterator[TextIO]:
    """What is written gets the name `target` at the end, unless an exception comes first.

    Raises Declined if there is such a file and it may not be replaced, OSError with a file name.
    """
    _require_place(target, may_replace=may_replace)
    part = target.with_name(f".{target.name}.{token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        _give_name(part, target, may_replace=may_replace)
    except OSError as error:
        if error.filename is None:  # a full disk does not say which
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise
    finally:
        part.unlink(missing_ok=True)


def _require_place(target: Path, *, may_replace: bool) -> None:
    if not target.parent.is_dir():
        raise Declined(f"there is no folder {target.parent}: make it first")
    if os.path.lexists(target) and not target.is_file():
        raise Declined(f"{target} is no file: give another name")
    if target.is_file() and not may_replace:
        raise _there(target)


def _there(target: Path) -> Declined:
    return Declined(f"{target} is there already: give another name, or --force to replace it")


def _give_name(part: Path, target: Path, *, may_replace: bool) -> None:
    if may_replace:
        part.replace(target)
        return
    try:
        # Unlike a rename, it fails if somebody made such a file meanwhile.
        target.hardlink_to(part)
    except FileExistsError as error:
        raise _there(target) from error
    except OSError:  # some file systems have no links
        _require_place(target, may_replace=False)
        part.replace(target)
