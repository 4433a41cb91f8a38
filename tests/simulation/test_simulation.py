"""Many small worlds with all that may go wrong; the long run is scripts/simulate."""

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.broken import BREAKS
from tests.simulation.cli import Story, kept
from tests.simulation.swarm import draw, faults_of
from tests.simulation.world import Outcome

SEEDS = range(50)
LENGTH = 600
MOST_SEEDS_TO_FIND = 10
_TOLD_ELSEWHERE = "from tests.simulation.cli import Story; print(Story({seed}, {length}).tell().trace)"


@cache
def lived(seed: int) -> Outcome:
    """A seed's story, told once for all who ask."""
    return Story(seed, LENGTH).tell()


@pytest.mark.parametrize("tens", range(SEEDS.start, SEEDS.stop, 10))
def test_nothing_is_ever_wrong_in_worlds_where_all_goes_wrong(tens: int) -> None:
    outcomes = [lived(seed) for seed in range(tens, tens + 10)]
    assert [f"seed {each.seed}: {each.broken}" for each in outcomes if each.broken is not None] == []


@pytest.mark.parametrize("story", kept(), ids=lambda story: str(story.seed))
def test_what_went_wrong_once_does_not_again(story: Story) -> None:
    assert story.tell().broken is None


def test_one_seed_tells_one_story() -> None:
    first, second = lived(2), Story(2, LENGTH).tell()
    assert (first.trace, first.counts) == (second.trace, second.counts)


def test_two_seeds_tell_two_stories() -> None:
    assert Story(2, 100).tell().trace != Story(3, 100).tell().trace


def test_a_story_is_the_same_in_another_process_that_hashes_otherwise() -> None:
    mine = lived(7).trace
    told = _TOLD_ELSEWHERE.format(seed=7, length=LENGTH)
    for seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", told],
            env=environment, cwd=Path(__file__).parents[2], capture_output=True, check=True, text=True,
        )  # fmt: skip
        assert run.stdout.split()[-1] == mine


@pytest.mark.parametrize("seed", [0, 2, 9])
def test_the_store_in_memory_tells_what_the_real_one_tells(seed: int) -> None:
    assert lived(seed) == Story(seed, LENGTH, is_real=True).tell()


def test_a_world_without_faults_has_none() -> None:
    assert [faults_of(draw(seed)) for seed in (0, 10, 20)] == [(), (), ()]
    assert len(faults_of(draw(1))) == 1


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_a_product_that_is_broken_on_purpose_is_found_out(name: str) -> None:
    stories = (Story(seed, 1_500, breaks=name) for seed in range(MOST_SEEDS_TO_FIND))
    assert any(each.tell().broken is not None for each in stories)


def test_everything_that_may_go_wrong_does() -> None:
    happened: Counter[str] = Counter()
    for seed in SEEDS[:20]:
        happened += lived(seed).counts
    for what in ("lost", "killed", "reboots", "parted", "died after the commit", "USER_LOGOUT", "administrator cuts"):
        assert happened[what] > 0, what
