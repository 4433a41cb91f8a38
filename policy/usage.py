"""The NAS's cumulative counters, and what is new in a report of them.

Counters only grow (RFC 2869 §2.1), so the truth is the greatest report, in whatever order reports come. Two things
spoil that. A NAS may leave out Gigawords: then only the 32 low bits are known, and the reports must be laid out by
session time to see where they wrapped. And a NAS may send a last report without counters, or all zero: absent is not
zero, and neither takes anything back.
"""

from collections.abc import Iterable

from attrs import frozen

from policy.quantities import Octets, Seconds

_RANGE = 1 << 32
_KEPT = 32


@frozen
class Usage:
    """What was used: octets from the guest's point of view, and seconds online."""

    uploaded: Octets = Octets(0)
    downloaded: Octets = Octets(0)
    seconds: Seconds = Seconds(0)

    @property
    def octets(self) -> Octets:
        """Both directions together: what a data cap counts."""
        return Octets(self.uploaded + self.downloaded)

    def plus(self, other: "Usage") -> "Usage":
        """The sum of the two."""
        return Usage(
            Octets(self.uploaded + other.uploaded),
            Octets(self.downloaded + other.downloaded),
            Seconds(self.seconds + other.seconds),
        )

    def less(self, other: "Usage") -> "Usage":
        """The difference of the two."""
        return Usage(
            Octets(self.uploaded - other.uploaded),
            Octets(self.downloaded - other.downloaded),
            Seconds(self.seconds - other.seconds),
        )


NOTHING = Usage()


@frozen
class Report:
    """One report of the NAS's counters; None means the attribute was absent.

    `is_exact` is False when Gigawords was absent, so that only the low 32 bits of the octets are known.
    """

    uploaded: Octets | None = None
    downloaded: Octets | None = None
    seconds: Seconds | None = None
    is_exact: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing about octets."""
        return not self.uploaded and not self.downloaded


@frozen
class Sample:
    """Octets at one session time."""

    seconds: Seconds
    uploaded: Octets
    downloaded: Octets


@frozen
class Counters:
    """The greatest figures known of one connection.

    `inexact` holds reports without Gigawords, by session time, for as long as they may matter; `exact` is the latest
    report with Gigawords before them. Both stay empty on a NAS that sends Gigawords.
    """

    used: Usage = NOTHING
    exact: Sample | None = None
    inexact: tuple[Sample, ...] = ()


def take_over(counters: Counters, report: Report) -> Counters:
    """The counters after `report`; the same ones after a repeated, late or empty one."""
    if report.is_empty:
        after = counters
    elif report.is_exact:
        after = _with_exact(counters, report)
    else:
        after = _with_inexact(counters, report)
    used, seconds = after.used, report.seconds
    if seconds is None or seconds <= used.seconds:
        return after
    return Counters(Usage(used.uploaded, used.downloaded, seconds), after.exact, after.inexact)


def _sample(report: Report) -> Sample:
    return Sample(report.seconds or Seconds(0), report.uploaded or Octets(0), report.downloaded or Octets(0))


def _greatest(used: Usage, other: Usage) -> Usage:
    return Usage(
        max(used.uploaded, other.uploaded), max(used.downloaded, other.downloaded), max(used.seconds, other.seconds)
    )


def _with_exact(counters: Counters, report: Report) -> Counters:
    sample = _sample(report)
    if not counters.inexact:
        used = _greatest(counters.used, Usage(sample.uploaded, sample.downloaded))
        return Counters(used, counters.exact) if used != counters.used else counters
    newest = counters.exact is None or sample.seconds >= counters.exact.seconds
    return _laid_out(counters, sample if newest else counters.exact, counters.inexact, sample)


def _with_inexact(counters: Counters, report: Report) -> Counters:
    exact = counters.exact
    if exact is None and not counters.inexact and counters.used.octets:
        exact = Sample(counters.used.seconds, counters.used.uploaded, counters.used.downloaded)
    return _laid_out(counters, exact, {*counters.inexact, _sample(report)}, None)


def _laid_out(counters: Counters, exact: Sample | None, inexact: Iterable[Sample], also: Sample | None) -> Counters:
    since = -1 if exact is None else exact.seconds
    kept = sorted((sample for sample in inexact if sample.seconds >= since), key=_by_session_time)
    unwrapped = list(_unwrapped(exact, kept))
    used = counters.used
    for sample in (*((also,) if also else ()), *unwrapped):
        used = _greatest(used, Usage(sample.uploaded, sample.downloaded))
    if len(kept) > _KEPT:
        exact, kept = unwrapped[-_KEPT - 1], kept[-_KEPT:]
    return Counters(used, exact, tuple(kept))


def _by_session_time(sample: Sample) -> tuple[Seconds, Octets, Octets]:
    return sample.seconds, sample.uploaded, sample.downloaded


def _unwrapped(exact: Sample | None, inexact: Iterable[Sample]) -> Iterable[Sample]:
    before = exact or Sample(Seconds(0), Octets(0), Octets(0))
    for sample in inexact:
        before = Sample(
            sample.seconds,
            _unwrap(before.uploaded, sample.uploaded),
            _unwrap(before.downloaded, sample.downloaded),
        )
        yield before


def _unwrap(before: Octets, low: Octets) -> Octets:
    """The 64-bit count behind the 32 bits `low`, seen after the count `before`; 0 is as good as not reported."""
    if not low:
        return before
    high = before - before % _RANGE
    # Falling by more than half the range is a wrap; by less, a lower report that takes nothing back.
    wrapped = before % _RANGE - low > _RANGE // 2
    return Octets(high + low + (_RANGE if wrapped else 0))
