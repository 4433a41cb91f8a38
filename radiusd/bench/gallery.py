"""Results that are kept, with the machine, the commit and the day, and the plots that are drawn from them."""

import json
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import asdict

from radiusd.bench.errors import BenchError
from radiusd.bench.machine import this_machine
from radiusd.bench.peer import AIMS
from radiusd.bench.plots import Axis, Bar, Series, bars, lines

_ROOT = Path(__file__).resolve().parents[2]
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
Told = Mapping[str, Any]


def keep(folder: Path, name: str, told: Told) -> None:
    """Write NAME.json and its plots into `folder`; raises BenchError."""
    whole = {"machine": asdict(this_machine()), **told, "commit": commit(), "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n")
    except OSError as error:
        raise BenchError(f"cannot keep the results in {folder}: {error.strerror}") from error
    _draw(folder, name, whole)


def draw_all(folder: Path) -> list[str]:
    """Draw the plots of all results in `folder` anew; gives the names of the files. Raises BenchError."""
    drawn: list[str] = []
    for name in _PLOTS:
        path = folder / f"{name}.json"
        if path.exists():
            try:
                drawn += _draw(folder, name, json.loads(path.read_text()))
            except (ValueError, KeyError, TypeError) as error:
                raise BenchError(f"{path} does not hold results of scripts/bench {name}") from error
    if not drawn:
        raise BenchError(f"there are no results in {folder}: keep some with --figures {folder}")
    return drawn


def read(folder: Path) -> dict[str, Told]:
    """All results that are kept in `folder`, by the name of the command that found them."""
    return {name: json.loads(path.read_text()) for name in _PLOTS if (path := folder / f"{name}.json").exists()}


def commit() -> str:
    """The commit that is measured, with a + if files differ from it; "unknown" outside a repository."""
    asked = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _draw(folder: Path, name: str, told: Told) -> list[str]:
    plots = {plot: draw(told) for plot, draw in _PLOTS[name].items()}
    for plot, text in plots.items():
        (folder / f"{plot}.svg").write_text(text)
    return [f"{plot}.svg" for plot in plots]


def _ratios(told: Told) -> str:
    shown = [
        Bar(label=f"{each.words}, {NAMES[each.store]}", value=told[each.name], aim=each.at_least)
        for each in AIMS
        if told.get(each.name) is not None
    ]
    return bars("Requests a second, compared with FreeRADIUS", "times as many; the mark is what is aimed at", shown)


def _costs(told: Told) -> str:
    def cost(of: str) -> list[tuple[float, float]]:
        return [(each["sessions"], each[of]) for each in told["sizes"]]

    shown = [
        Series(name="first login after a start", points=cost("first_login_cost")),
        Series(name="login", points=cost("login_cost")),
        Series(name="Interim-Update", points=cost("interim_cost")),
    ]
    x, y = Axis(label="sessions in the store", is_log=True), Axis(label="microseconds of CPU for each request")
    return lines("What a packet costs in a large store", x, y, shown)


def _latencies(told: Told) -> str:
    shown = [Series(name=each["who"], points=each["curve"]) for each in told["guests"]]
    x, y = Axis(label="so many of a hundred requests"), Axis(label="were answered within ms", is_log=True)
    return lines("A branch is back after a power cut", x, y, shown, aim=500)


def _memory(told: Told) -> str:
    return _over_time(told, "memory", "Memory of the server", "MB in RAM")


def _p99(told: Told) -> str:
    return _over_time(told, "p99", "Latency under steady traffic", "p99, ms")


def _over_time(told: Told, what: str, title: str, label: str) -> str:
    points = [(each["minutes"], each[what]) for each in told["samples"]]
    return lines(title, Axis(label="minutes"), Axis(label=label), [Series(name=NAMES[told["store"]], points=points)])


_PLOTS: Mapping[str, Mapping[str, Callable[[Told], str]]] = {
    "peer": {"peer": _ratios},
    "scale": {"scale": _costs},
    "peak": {"peak": _latencies},
    "soak": {"soak-memory": _memory, "soak-p99": _p99},
}
