"""The store is not there to ask."""

from radiusd.store.errors import StoreError


class StoreIsAway(StoreError):
    """Nothing was committed, as far as anybody knows: the store does not answer, or cannot write."""
