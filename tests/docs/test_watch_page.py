"""What is told of figures: those that rules and pages name are a server's, and an alarm hears of the first one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from twisted.internet.testing import MemoryReactorClock

from radiusd import config
from radiusd.app import App
from tests.docs import pages
from tests.icafectl.counter import Counter

PAGE = pages.OPERATOR / "watch-it.md"
HEALTH = pages.DOCS / "integrator" / "health-and-json.md"
TROUBLE = pages.OPERATOR / "when-it-does-not-work.md"
OF_PROMETHEUS = {"up", "increase", "and", "sort_desc", "min", "by", "branch", "router", "job", "what"}
"""Words of its language, and labels."""


class Reactor(MemoryReactorClock):
    """One with threads that nobody asks for anything."""

    def getThreadPool(self) -> None:
        return None


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[CollectorRegistry]:
    """What a server shows that has just begun, and knows a router."""
    Counter(tmp_path, f"sqlite:///{tmp_path / 'icafe.sqlite'}").open()
    app = App(Reactor(), config.load(tmp_path / "radiusd.toml"))
    app._listen_web(None)
    yield app.counters.registry
    app._presence.end()
    app._database.close()


def shown(registry: CollectorRegistry) -> dict[str, float]:
    """Every figure without labels, and every count of packets by what became of them."""
    samples = [sample for family in registry.collect() for sample in family.samples]
    return {each.labels.get("what", each.name): each.value for each in samples}


def rules() -> list[str]:
    """Expressions of the page."""
    asked = re.search(r"^sort_desc.*$", PAGE.read_text(), re.MULTILINE)
    assert asked is not None
    return [*re.findall(r"^ +expr: (.+)$", PAGE.read_text(), re.MULTILINE), asked[0]]


def worth_an_alarm() -> set[str]:
    """What the pages say is worth one, or is dropped for a reason that they explain."""
    (told,) = re.findall(r"^Worth an alarm: (.*?) growing at all;", HEALTH.read_text(), re.MULTILINE | re.DOTALL)
    text = pages.section(TROUBLE, "3. Do packets arrive, and are they believed?")
    reasons = pages.rows(text[: text.index("```routeros")])[1:]
    dropped = {each for first, *_ in reasons for each in re.findall(r"\w+", first)} - {"failed", "not_recorded"}
    return {*re.findall(r"`(\w+)`", told), *(f"dropped_{each}" for each in dropped)}


def test_every_figure_in_a_rule_is_one_of_a_server(registry: CollectorRegistry) -> None:
    figures = {each.name for family in registry.collect() for each in family.samples}
    for rule in rules():
        named = set(re.findall(r"[a-z_]+", re.sub(r'"[^"]*"|\[.*?\]', "", rule))) - OF_PROMETHEUS
        assert named <= figures, rule


def test_every_count_in_a_rule_is_there_before_it_grows(registry: CollectorRegistry) -> None:
    counted = {each for rule in rules() for each in re.findall(r'what="(\w+)"', rule)}
    assert {shown(registry).get(each) for each in counted} == {0}


def test_all_that_is_worth_an_alarm_is_there_before_it_happens(registry: CollectorRegistry) -> None:
    figures = shown(registry)
    assert {each for each in worth_an_alarm() if figures.get(each) != 0} == set()


def test_how_long_a_router_is_silent_is_told_with_its_branch(registry: CollectorRegistry) -> None:
    labels: Any = {"router": "q1", "branch": "Centre"}
    assert registry.get_sample_value("radius_router_last_heard_seconds", labels) == 0


def test_every_alarm_is_explained() -> None:
    text = pages.section(PAGE, "Four alarms")
    named = re.findall(r"- alert: (\w+)", text)
    assert [each[0] for each in pages.rows(text)[1:]] == named
    assert len(named) == 4


def test_every_worker_is_asked_at_its_port() -> None:
    ports = [int(each) for each in re.findall(r"^ +- 10\.0\.0\.5:(\d+)", PAGE.read_text(), re.MULTILINE)]
    metrics = config.load(pages.ROOT / "conf/radiusd.toml").at_web.metrics
    assert metrics is not None
    assert ports == [metrics.port, metrics.port + 1]
