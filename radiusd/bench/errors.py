"""What keeps a measurement from being made."""


class BenchError(Exception):
    """One sentence that says what is wrong, and what to do where something can be done."""
