"""The forms of a settlement. Sessions are written as they come, so that a month of any size fits in memory."""

import csv
from collections.abc import Iterable
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import Any, TextIO

from attrs import asdict, frozen

from policy.settlement import ABNORMAL, Tally, is_settled, tally
from radiusd.icafectl.printing import json_line, rfc3339
from radiusd.store.settlement import CafeMonth, Line, Month

_IN_MEMORY = 1 << 20
_TALLIED = tuple(asdict(Tally()))


@frozen
class Heading:
    """What a settlement is about."""

    game: str
    month: Month


class Account:
    """The tallies of the cafés at which anything was played, and of all together."""

    def __init__(self) -> None:
        self.total = Tally()
        self._cafes: dict[int, tuple[CafeMonth, Tally]] = {}

    def add(self, line: Line) -> None:
        """Count a session."""
        one = tally(line.session)
        _, so_far = self._cafes.get(line.cafe.branch_id, (line.cafe, Tally()))
        self._cafes[line.cafe.branch_id] = line.cafe, so_far + one
        self.total += one

    @property
    def cafes(self) -> list[tuple[CafeMonth, Tally]]:
        """By the name of the café."""
        return sorted(self._cafes.values(), key=lambda each: each[0].branch)


def write_csv(out: TextIO, heading: Heading, lines: Iterable[Line]) -> Account:
    """A row for each café, and one for all, told apart by the first column."""
    account = Account()
    for line in lines:
        account.add(line)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["row", "month", "game", "branch", "timezone", "begins_at", "ends_at", *_TALLIED])
    about = (str(heading.month), heading.game)
    for cafe, counted in account.cafes:
        month = (rfc3339(cafe.begins_at), rfc3339(cafe.ends_at))
        writer.writerow(["cafe", *about, cafe.branch, cafe.timezone, *month, *asdict(counted).values()])
    writer.writerow(["total", *about, "", "", "", "", *asdict(account.total).values()])
    return account


def write_json(out: TextIO, heading: Heading, lines: Iterable[Line], *, with_sessions: bool) -> Account:
    """One object: with the sessions that are counted if they are wanted, and those that are not in any case."""
    account = Account()
    out.write(f'{{\n  "game": {json_line(heading.game)},\n  "month": {json_line(str(heading.month))},\n')
    with SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="utf-8") as kept:
        counted, uncounted = _Array(out), _Array(kept)
        if with_sessions:
            out.write('  "sessions": [')
        for line in lines:
            account.add(line)
            if not is_settled(line.session):
                uncounted.add(_session(line))
            elif with_sessions:
                counted.add(_session(line))
        out.write('\n  ],\n  "not_counted": [' if with_sessions else '  "not_counted": [')
        kept.seek(0)
        copyfileobj(kept, out)
    out.write('\n  ],\n  "cafes": [')
    cafes = _Array(out)
    for cafe, sums in account.cafes:
        cafes.add({**_about(cafe), **asdict(sums)})
    out.write(f'\n  ],\n  "total": {json_line(asdict(account.total))}\n}}\n')
    return account


class _Array:
    """The inside of a JSON array, written piece by piece."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._between = "\n    "

    def add(self, value: Any) -> None:
        """One more."""
        self._out.write(self._between + json_line(value))
        self._between = ",\n    "


def _about(cafe: CafeMonth) -> dict[str, Any]:
    return {
        "branch": cafe.branch,
        "timezone": cafe.timezone,
        "begins_at": cafe.begins_at,
        "ends_at": cafe.ends_at,
    }


def _session(line: Line) -> dict[str, Any]:
    session, row = line.session, line.row
    over = session.ended_at
    return {
        "id": session.id,
        "branch": line.cafe.branch,
        "provider_user_id": row["provider_user_id"],
        "phase": session.phase.value,
        "started_at": session.started_at,
        "ended_at": over,
        "end": row["end_reason"],
        "is_abnormal": session.end in ABNORMAL,
        "play_seconds": None if over is None else session.played(over),
        "unbilled_seconds": session.unbilled,
        "client_seconds": row["client_seconds"],
    }
