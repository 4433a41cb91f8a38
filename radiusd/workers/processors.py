"""A processor for each worker, so that what it has made is still in that one's cache when it is needed next."""

from collections.abc import Collection


def own_processor(number: int, workers: int, processors: Collection[int]) -> int | None:
    """The processor of worker `number`; None unless there are just as many as workers.

    With fewer or more the kernel does better: it knows which are idle, and whom else they serve.
    """
    return sorted(processors)[number] if workers == len(processors) else None
