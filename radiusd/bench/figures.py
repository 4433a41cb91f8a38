"""What a generator reports, and what becomes of it: medians over rounds, ratios round by round."""

from collections.abc import Sequence
from statistics import median
from typing import TypeVar

import msgspec
from attrs import frozen

from radiusd.bench.errors import BenchError

T = TypeVar("T")


@frozen(kw_only=True)
class Figures:
    """One run, or the medians of several, `lost` and `wrong` being sums. Latencies are in milliseconds.

    `lost` were not answered in spite of all resends; `wrong` were answered otherwise than they should have been.
    `took` is from the first request to the last answer, `first_after` until the first, and `last_repeated_after`
    until the last answer to a request that had to be asked more than once (0 if none had). CPU times are those of the
    run, in seconds; None where nobody could read them. `curve` has the milliseconds within which so many per cent were
    answered.
    """

    requests: int
    rps: float
    p50: float
    p99: float
    lost: int
    wrong: int
    took: float = 0.0
    first_after: float = 0.0
    last_repeated_after: float = 0.0
    curve: tuple[tuple[float, float], ...] = ()
    server_cpu: float | None = None
    database_cpu: float | None = None

    @property
    def is_clean(self) -> bool:
        """Whether every request got its answer."""
        return not (self.lost or self.wrong)


@frozen
class _Latencies:
    p50: float
    p99: float


@frozen
class _Measured(_Latencies):
    curve: tuple[tuple[float, float], ...]


@frozen(kw_only=True)
class _RadiusLoad:
    requests: int
    per_second: float
    seconds: float
    first_answer_after: float
    last_repeated_after: float
    lost: int
    unfinished: int
    forged: int
    unexpected: int
    lost_before: int = 0
    latency_ms: _Measured = _Measured(0.0, 0.0, ())


@frozen
class _VirtualRouters:
    requests: int
    rps: float
    lat_ms: _Latencies
    lost: int
    rejects: int


def from_radius_load(text: str) -> Figures:
    """What radius_load prints; raises BenchError for anything else."""
    told = _decode(text, _RadiusLoad, "the load generator")
    return Figures(
        requests=told.requests,
        rps=told.per_second,
        p50=told.latency_ms.p50,
        p99=told.latency_ms.p99,
        # It ran out of time with these on its list, or their guests were not let in: they were not answered either.
        lost=told.lost + told.unfinished + told.lost_before,
        wrong=told.forged + told.unexpected,
        took=told.seconds,
        first_after=told.first_answer_after,
        last_repeated_after=told.last_repeated_after,
        curve=told.latency_ms.curve,
    )


def from_virtual_routers(text: str) -> Figures:
    """What `virtual-router load --json` prints; raises BenchError for anything else."""
    told = _decode(text, _VirtualRouters, "the virtual routers")
    return Figures(
        requests=told.requests,
        rps=told.rps,
        p50=told.lat_ms.p50,
        p99=told.lat_ms.p99,
        lost=told.lost,
        wrong=told.rejects,
    )


def _decode(text: str, kind: type[T], who: str) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise BenchError(f"{who} did not report what was expected: {error}") from error


def median_of(runs: Sequence[Figures]) -> Figures:
    """The medians of at least one run; what was lost or wrong is counted over all."""
    return Figures(
        requests=round(median(each.requests for each in runs)),
        rps=median(each.rps for each in runs),
        p50=median(each.p50 for each in runs),
        p99=median(each.p99 for each in runs),
        lost=sum(each.lost for each in runs),
        wrong=sum(each.wrong for each in runs),
        took=median(each.took for each in runs),
        first_after=median(each.first_after for each in runs),
        last_repeated_after=median(each.last_repeated_after for each in runs),
        server_cpu=_median([each.server_cpu for each in runs]),
        database_cpu=_median([each.database_cpu for each in runs]),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return median(known) if known else None


@frozen
class Ratio:
    """Ours to the peer's: the median of what each round gave, so that noise that met both of a round cancels out."""

    rps: float
    p99: float


def ratio(ours: Sequence[Figures], peers: Sequence[Figures]) -> Ratio | None:
    """Round by round; None when no round has figures to divide by."""
    rounds = [(a, b) for a, b in zip(ours, peers, strict=True) if b.rps and b.p99]
    if not rounds:
        return None
    return Ratio(median(a.rps / b.rps for a, b in rounds), median(a.p99 / b.p99 for a, b in rounds))
