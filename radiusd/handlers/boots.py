"""Reboots that nobody told us of, inferred from the boot digit in RouterOS's Acct-Session-Id."""

from collections.abc import Callable, Mapping

from policy.quantities import Instant
from radiusd.handlers.translate import Line
from radiusd.jobs.routers import RebootJob
from radiusd.store.directory import Cafe, Router

_LATE_PACKET_WITHIN = 600_000


class Boots:
    """The boot each NAS is in. `submit` takes a job whose result nobody waits for."""

    def __init__(self, known: Mapping[tuple[int, str], str], submit: Callable[[RebootJob], None]) -> None:
        self._current = dict(known)
        self._before: dict[tuple[int, str], tuple[str, Instant]] = {}
        self._submit = submit

    def notice(self, line: Line, router: Router, cafe: Cafe, at: Instant) -> None:
        """A new line opens: if its boot digit is a new one, the NAS has lost everything older."""
        boot = line.boot
        key = (router.id, line.nas)
        current = self._current.get(key)
        if boot is None or boot == current or self._is_late(key, boot, at):
            return
        self._current[key] = boot
        if current is not None:
            self._before[key] = (current, at)
        how = f"its Acct-Session-Ids count boot {boot}, before that {current}"
        is_first = current is None
        job = RebootJob(at=at, router=router, cafe=cafe, nas=line.nas, how=how, boot=boot, is_first_boot_seen=is_first)
        self._submit(job)

    def _is_late(self, key: tuple[int, str], boot: str, at: Instant) -> bool:
        """A packet of the boot before, still on its way when the NAS came back, proves nothing."""
        before = self._before.get(key)
        return before is not None and before[0] == boot and at - before[1] < _LATE_PACKET_WITHIN
