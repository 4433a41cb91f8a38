"""What an evening came to: what was seen, and what the side that is charged should have seen."""

from collections import Counter
from typing import Any

from radiusd.virtual_playwave.judging import Judge
from radiusd.virtual_playwave.steps import What

_NAMES = {
    "end": "normal",
    "silence": "heartbeat_timeout",
    "launcher": "launcher_timeout",
    "grace": "charge_exhausted",
    "replaced": "session_replaced",
}


def summary(judge: Judge) -> dict[str, Any]:
    """Figures to print, or to compare: a settled judge's.

    `orphans` were verified in an answer that was lost: they were charged, and their ids are not known; they ended by
    silence or were replaced. `unsure` are tokens of which nobody can tell whether they began a game at all.
    """
    ends = Counter(_NAMES.get(each.over, "unknown") for each in judge.sessions.values())
    orphans = sum(each.is_orphan for each in judge.otts.values())
    charged = len(judge.sessions) + orphans
    return {
        "sessions": dict(sorted(ends.items())),
        "orphans": orphans,
        "unsure": sum(_is_unsure(each.results) for each in judge.otts.values()),
        "charge": {"starts": charged, "stops": charged},
        "played_at_least_sec": sum(each.low for each in judge.sessions.values()),
        "requests": sum(sum(each.values()) for each in judge.counts.values()),
        **{_plural(each): dict(sorted(judge.counts[each].items())) for each in What},
        "broken": judge.broken,
    }


def _is_unsure(results: list[str]) -> bool:
    return "no answer" in results and not {"valid", "OTT_ALREADY_USED", "NOT_CHARGEABLE", "GAME_MISMATCH"} & {*results}


def _plural(what: What) -> str:
    return {What.VERIFY: "verifies"}.get(what, f"{what.value.replace(' ', '_')}s")


def table(found: dict[str, Any]) -> str:
    """The figures, a line for each kind."""
    lines = [f"{'sessions':20} {_listed(found['sessions'])}"]
    lines.append(f"{'orphans':20} {found['orphans']} (verified in a lost answer), {found['unsure']} unsure")
    lines += [f"{_plural(each).replace('_', ' '):20} {_listed(found[_plural(each)])}" for each in What]
    charge = found["charge"]
    lines.append(f"{'charges expected':20} {charge['starts']} starts, {charge['stops']} stops")
    lines.append(f"{'play time':20} at least {found['played_at_least_sec']} s")
    lines.append(f"{'requests':20} {found['requests']}")
    lines.append(f"{'promises broken':20} {len(found['broken'])}")
    return "\n".join(lines + [f"  {each}" for each in found["broken"]])


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
