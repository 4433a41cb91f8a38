"""A processor for each worker, so that what it has made is still in that one's cache when it is needed next."""

from collections.abc import Collection


def own_processor(number: int, workers: int, processors: Collection[int]) -> int | None:
    """The processor of worker `number`; None if there are fewer than workers: the kernel does better then."""
    return sorted(processors)[number] if workers <= len(processors) else None
