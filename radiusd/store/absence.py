"""The store is not there to ask."""

from radiusd.store.errors import StoreError

_LONGEST_REASON = 200


class StoreIsAway(StoreError):
    """Nothing was committed, as far as anybody knows: the store does not answer, or cannot write."""


def reason_of(error: BaseException | None) -> str:
    """Its first line: what SQLAlchemy adds are the statement and its values, which are nobody's business."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0][:_LONGEST_REASON] if lines else type(cause).__name__
