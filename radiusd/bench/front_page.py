"""The figures on the project's front page: a table and plots, made from the results that are kept."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

from radiusd.bench.errors import BenchError
from radiusd.bench.gallery import NAMES, Told
from radiusd.bench.load import name_of, name_of_peer
from radiusd.bench.machine import Machine
from radiusd.bench.peer import AIMS, Aim
from radiusd.bench.printing import markdown

BEGIN, END = "<!-- figures -->\n", "<!-- /figures -->\n"
_HEADINGS = (
    "Store",
    "Load",
    "ours, requests/s",
    "p99 ms",
    "FreeRADIUS, requests/s",
    "p99 ms",
    "times as many",
    "aim",
)


def renew(page: Path, results: Mapping[str, Told]) -> bool:
    """Put the figures between the marks of a page; False if it has them already. Raises BenchError without marks."""
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise BenchError(f"{page} has no place for figures: {BEGIN.strip()} and {END.strip()}")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    renewed = before + BEGIN + section(results) + END + after
    page.write_text(renewed)
    return renewed != text


def section(results: Mapping[str, Told]) -> str:
    """What is told between the marks, as far as there are results."""
    tellers = {"peer": _peer, "scale": _scale, "peak": _peak, "soak": _soak}
    return "\n".join(part for name, tell in tellers.items() if name in results for part in tell(results[name]))


def _peer(told: Told) -> Iterator[str]:
    yield _paragraph(
        f"Requests a second with {told['in_flight']} in flight, each answered after its commit, in turn with FreeRADIUS"
        f" on the same machine and the same database: medians of {_rounds(told['rounds'])} of {told['requests']}"
        f" requests, {told['users']} guests at {told['branches']} branches; {told['lost']} requests were lost.",
        "FreeRADIUS checks the password and writes a row of accounting; ours also decides about the pass, its devices",
        "and what is left of it. The last columns are the median of the ratios of each round, and what is aimed at.",
    )
    rows = [_row(told, each) for each in AIMS if told.get(each.name) is not None]
    yield f"{markdown(_HEADINGS, rows, 2)}\n"
    yield _picture("peer", "Requests a second, compared with FreeRADIUS")
    yield _paragraph(
        f"Workers (processes of the server): {told['workers']}. {_made_on(told)}",
        "Generator, server and database share the cores. Repeat it: `scripts/bench peer`.",
        "[What the words mean](docs/engineering/bench.md), and",
        "[where each microsecond goes](docs/engineering/packet-path.md): why some of it falls short of its aim.",
    )


def _row(told: Told, aim: Aim) -> tuple[str, ...]:
    ours = _line(told, aim.store, name_of(told["workers"]), aim.scenario)
    theirs = _line(told, aim.store, name_of_peer(aim.peer), aim.scenario)
    return (
        NAMES[aim.store],
        aim.words,
        f"{ours['rps']:.0f}",
        f"{ours['p99']:.1f}",
        f"{theirs['rps']:.0f}",
        f"{theirs['p99']:.1f}",
        f"{told[aim.name]:.2f}",
        "" if aim.at_least is None else f"{aim.at_least:g}",
    )


def _line(told: Told, store: str, server: str, scenario: str) -> Mapping[str, Any]:
    about = {"store": store, "server": server, "scenario": scenario}
    return next(each for each in told["figures"] if about.items() <= each.items())


def _scale(told: Told) -> Iterator[str]:
    largest = told["sizes"][-1]
    octets = told["octets_of_a_session"]
    memory = "" if octets is None else f" Each active session takes {octets:.0f} octets of memory."
    yield _picture("scale", "What a packet costs in a large store")
    yield _paragraph(
        f"In a store of {largest['sessions']} sessions ({largest['active']} of them active) an Interim-Update costs",
        f"{told['growth']['interim']:.2f} times as much CPU as in one of {told['sizes'][0]['sessions']}, and a login",
        f"{told['growth']['login']:.2f} times.{memory} While a server starts and each of them reports once a minute,",
        f"the first is answered after {largest['first_answer']:.1f} s, and after {largest['taken_over']:.1f} s no",
        f"router has to ask twice any more. {NAMES[told['store']]}; {_made_on(told)} Repeat it: `scripts/bench scale`.",
    )


def _peak(told: Told) -> Iterator[str]:
    back = told["guests"][0]
    yield _picture("peak", "A branch is back after a power cut")
    yield _paragraph(
        f"When the power of a branch is back, half of its guests' requests are answered within {back['p50']:.0f} ms,",
        f"and 99 of 100 within {back['p99']:.0f} ms, while all others go on; {told['lost']} were lost.",
        f"{NAMES[told['store']]}; {_made_on(told)} Repeat it: `scripts/bench peak`.",
    )


def _soak(told: Told) -> Iterator[str]:
    first, last = told["samples"][0], told["samples"][-1]
    yield _picture("soak-memory", "Memory of the server under steady traffic")
    yield _picture("soak-p99", "Latency under steady traffic")
    yield _paragraph(
        f"{last['minutes']:.1f} minutes of steady traffic: {first['memory']:.0f} MB in RAM at first,",
        f"{last['memory']:.0f} in the end; {told['lost']} requests were lost. {NAMES[told['store']]};",
        f"{_made_on(told)} Repeat it: `scripts/bench soak`.",
    )


def _paragraph(*words: str) -> str:
    return fill(" ".join(words), 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _picture(name: str, words: str) -> str:
    return f"![{words}](docs/figures/{name}.svg)\n"


def _rounds(count: int) -> str:
    return "1 round" if count == 1 else f"{count} rounds"


def _made_on(told: Told) -> str:
    return f"{Machine(**told['machine'])}; commit {told['commit']}, {told['date']}."
