"""Instants as text for others."""

from datetime import UTC, datetime

from policy.quantities import Instant


def iso(at: Instant) -> str:
    """ISO 8601 in UTC with milliseconds, as in 2026-02-16T10:30:00.123Z."""
    text = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
