"""What the store can refuse or fail to do."""

from typing import ClassVar


class StoreError(Exception):
    """The store cannot do what was asked; the message says why, and what to do."""

    may_come: ClassVar[bool] = False
    """Whether the same may go well a moment later, without anybody's help here."""


class StoreAway(StoreError):
    """The database cannot be reached."""

    may_come = True


class NotFound(StoreError):
    """Nothing of that name."""


class AlreadyThere(StoreError):
    """The name is taken."""


class Refused(StoreError):
    """It would contradict what is stored already."""


class WrongSchema(StoreError):
    """The database was made by another version."""


class Conflict(StoreError):
    """Somebody else wrote what was decided upon meanwhile: decide again."""

    def __init__(self) -> None:
        super().__init__("somebody else wrote the same rows meanwhile")
