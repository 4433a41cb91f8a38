"""Plots: well-formed, the same from the same figures, and with what is told in them."""

from xml.etree import ElementTree

import pytest

from radiusd.bench.plots import Axis, Bar, Series, bars, lines
from tests.bench.given import parsed

SVG = "{http://www.w3.org/2000/svg}"
RATIOS = [Bar(label="logins, <PAP & CHAP>", value=4.2, aim=4), Bar(label="accounting", value=0.31)]
SECONDS, MS = Axis(label="minutes"), Axis(label="p99, ms")


def texts(svg: str) -> list[str]:
    """All that can be read in it."""
    return [each.text or "" for each in parsed(svg).iter(f"{SVG}text")]


def elements(svg: str, name: str, kind: str) -> list[ElementTree.Element]:
    """Elements of a class."""
    return [each for each in parsed(svg).iter(SVG + name) if each.get("class") == kind]


def test_bars_are_told_with_their_values_and_units() -> None:
    told = texts(bars("Compared", "times", RATIOS))
    assert {"Compared", "times", "logins, <PAP & CHAP>", "4.2", "accounting", "0.31"} <= set(told)


def test_a_bar_twice_as_long_is_worth_twice_as_much() -> None:
    first, second = elements(bars("", "", [Bar(label="", value=2), Bar(label="", value=4)]), "rect", "s0")
    assert float(second.get("width", "0")) == pytest.approx(2 * float(first.get("width", "0")))


def test_an_aim_is_marked_where_a_bar_would_reach_it() -> None:
    drawn = bars("", "", [Bar(label="", value=4, aim=4)])
    (bar,), (aim,) = elements(drawn, "rect", "s0"), elements(drawn, "line", "aim")
    end = float(bar.get("x", "0")) + float(bar.get("width", "0"))
    assert float(aim.get("x1", "0")) == pytest.approx(end, abs=0.2)


def test_lines_are_told_with_their_names_and_axes() -> None:
    drawn = lines("Soaked", SECONDS, MS, [Series(name="sqlite", points=[(0, 1), (10, 3)])], aim=500)
    assert {"Soaked", "minutes", "p99, ms", "sqlite", "at most 500"} <= set(texts(drawn))


def test_more_is_higher_and_later_is_to_the_right() -> None:
    drawn = lines("", SECONDS, MS, [Series(name="", points=[(0, 1), (10, 3)])])
    first, second = elements(drawn, "circle", "s0")
    assert float(first.get("cx", "0")) < float(second.get("cx", "0"))
    assert float(first.get("cy", "0")) > float(second.get("cy", "0"))


def test_a_log_axis_has_a_line_for_every_power_of_ten() -> None:
    x = Axis(label="sessions", is_log=True)
    drawn = lines("", x, MS, [Series(name="", points=[(1000, 1), (1_000_000, 2)])])
    wanted = {"1\N{NARROW NO-BREAK SPACE}000", "1\N{NARROW NO-BREAK SPACE}000\N{NARROW NO-BREAK SPACE}000"}
    assert wanted <= set(texts(drawn))


@pytest.mark.parametrize(
    "points", [[], [(1.0, 0.0)], [(0.0, 0.0), (0.0, 0.0)], [(5.0, 7.0)], [(0.001, 1e9), (1e9, 1e-9)]]
)
@pytest.mark.parametrize("is_log", [False, True])
def test_any_points_can_be_drawn(points: list[tuple[float, float]], is_log: bool) -> None:
    x, y = Axis(label="x", is_log=is_log), Axis(label="y", is_log=is_log)
    drawn = lines("any", x, y, [Series(name="s", points=points)])
    parsed(drawn)
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_the_same_figures_give_the_same_file() -> None:
    assert bars("a", "b", RATIOS) == bars("a", "b", RATIOS)


def test_there_are_colours_for_dark_screens_and_words_for_those_who_hear() -> None:
    drawn = bars("Compared", "times", RATIOS)
    assert "prefers-color-scheme: dark" in drawn
    root = parsed(drawn)
    assert (root.get("role"), root.get("aria-label")) == ("img", "Compared")
