"""The product can be broken from outside alone."""

import sys
from pathlib import Path

import pytest

from radiusd.faults.breaking import BEFORE_COMMIT, SWITCHES, Point, command, read_point
from radiusd.faults.catalogue import FAULTS, named

RADIUSD = Path(__file__).parents[2] / "radiusd"


def test_nothing_of_the_product_knows_of_what_breaks_it() -> None:
    product = [each for each in RADIUSD.rglob("*.py") if RADIUSD / "faults" not in each.parents]
    assert [each.name for each in product if "radiusd.faults" in each.read_text()] == []


def test_no_setting_of_the_product_is_named_as_a_switch() -> None:
    configuration = (RADIUSD.parent / "conf" / "radiusd.toml").read_text()
    assert [each for each in SWITCHES if each in configuration or each.replace("-", "_") in configuration] == []


def test_a_sound_server_is_started_as_an_operator_starts_it() -> None:
    config = Path("radiusd.toml")
    assert command(config) == [sys.executable, "-P", "-m", "radiusd", "--config", "radiusd.toml"]
    assert "radiusd.faults.breaking" in command(config, ["no-duplicates"])


def test_a_point_survives_its_way_over_a_command_line() -> None:
    point = Point(BEFORE_COMMIT, 1.25, 0.013)
    assert read_point(str(point)) == point


@pytest.mark.parametrize("text", ["nowhere:1:0", "before-commit:1", "before-commit:x:0"])
def test_a_point_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_point(text)


def test_every_fault_has_a_control_that_there_is() -> None:
    assert [each.id for each in FAULTS if each.control not in SWITCHES] == []
    assert [each.id for each in FAULTS if each.control_store not in each.stores] == []


def test_faults_are_chosen_by_their_ids_in_any_case() -> None:
    assert [each.id for each in named(["r6", "R1", "r1"])] == ["R6", "R1"]
    with pytest.raises(KeyError):
        named(["R99"])
