"""Results that are kept."""

from pathlib import Path
from typing import Any


def keep(folder: Path, name: str, told: dict[str, Any]) -> None:
    """Later."""
