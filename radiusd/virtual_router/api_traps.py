"""How the API refuses."""


class Refusal(Exception):
    """A !trap: category 0 no such thing, 1 a bad value, 2 interrupted, 4 a general failure; None gives none."""

    def __init__(self, category: int | None, message: str) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
