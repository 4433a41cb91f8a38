"""Where the files that come with the program are."""

import sys
from pathlib import Path


def shared(name: str) -> Path:
    """The folder `name`: beside the packages in a source tree, under share/ in an installation."""
    beside = Path(__file__).resolve().parent.parent / name
    return beside if beside.is_dir() else Path(sys.prefix) / "share" / "icafe-radiusd" / name


def dictionary() -> Path:
    """The attribute dictionary that includes all others."""
    return shared("dictionaries") / "dictionary"
