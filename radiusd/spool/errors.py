"""What can go wrong with a spool."""


class SpoolError(Exception):
    """Nothing was kept; `reason` is short and stable, the message says more."""

    reason = "spool_unwritable"


class SpoolFull(SpoolError):
    """It has grown to its limit."""

    reason = "spool_full"
