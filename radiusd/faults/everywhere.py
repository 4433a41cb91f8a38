"""R28, from outside: the process in which calls fail, and what it found."""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from radiusd.bench.errors import BenchError
from radiusd.bench.processes import last_line
from radiusd.faults.stage import Stage
from radiusd.faults.verdicts import Report, at_least, at_most

ACTS = ("login", "stop", "spooled report", "sale", "PC logout", "OTT verify")


@frozen(kw_only=True)
class Plan:
    """Which acts, and how many points they have at least: fewer were a test that tests nothing."""

    acts: Sequence[str] = ACTS
    fewest: int = 150


async def run(stage: Stage, plan: Plan) -> Report:
    """Every point there is."""
    with stage.places.folder() as folder, stage.places.store(stage.store, folder) as store:
        told = (str(folder), store.url, ",".join(plan.acts), *stage.switches)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "radiusd.faults.every_point", *told,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True, limit=1 << 26,
        )  # fmt: skip
        reading = asyncio.create_task(_complaints(process))
        try:
            found = await _result(process, stage, plan)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            complained = await reading
    if found is None:
        raise BenchError(f"the process in which calls fail ended by itself: {last_line(complained)}")
    return Report(
        figures=[
            at_least("points at which a call failed", found["points"], plan.fewest),
            at_most("without an answer in time", len(found["hangs"]), 0),
            at_most("lost, doubled, wrong, or against an invariant", len(found["wrong"]), 0),
        ],
        complaints=[*found["hangs"], *found["wrong"]],
    )


async def _complaints(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None  # noqa: S101 - it was asked for
    return (await process.stderr.read()).decode(errors="replace")


async def _result(process: asyncio.subprocess.Process, stage: Stage, plan: Plan) -> dict[str, Any] | None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    points = 0
    async for line in process.stdout:
        told: dict[str, Any] = json.loads(line)
        if "points" in told:
            return told
        points += 1
        stage.progress(points, max(points, plan.fewest))
    return None
