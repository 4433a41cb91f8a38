"""The page about the web root: its tables are the route table, the rates and the limits of the code."""

import re
from types import SimpleNamespace
from typing import Any

from attrs import asdict
from twisted.internet.task import Clock

from policy.quantities import Instant
from radiusd import config
from radiusd.web import fair, rates, streams
from radiusd.web.building import Games, Web, WebParts
from radiusd.web.channel import Channel, Limits
from tests.docs import pages
from tests.docs.pages import DOCS, rows

PAGE = DOCS / "engineering" / "web.md"


def web() -> Web:
    """A web root over nothing."""
    nothing: Any = SimpleNamespace(pc_systems={}, routers={})
    parts = dict.fromkeys(("submit", "cuts", "counters", "vault", "find_guest", "oldest_uncut", "waiting"))
    games: Any = Games(cafe=nothing, stopping=nothing, settings=config.Games())
    return Web(
        WebParts(directory=lambda: nothing, reactor=Clock(), now=lambda: Instant(0), games=games, **parts)  # type: ignore[arg-type]
    )


def test_the_table_of_routes_is_the_route_table() -> None:
    told = [tuple(row) for row in rows(pages.section(PAGE, "The route table")) if len(row) == 5][1:]
    routes = web().routes
    each_path = [(method, path.strip("`"), *rest) for method, paths, *rest in told for path in paths.split(", ")]
    assert sorted(each_path) == sorted(
        (each.method, each.path, each.who.value, each.rate.name, str(each.largest_body)) for each in routes
    )
    classes = {tuple(row) for row in rows(pages.section(PAGE, "The route table")) if len(row) == 3} - {
        ("Rate class", "Most calls", "In seconds")
    }
    assert classes == {
        (each.name, str(each.most), str(each.seconds)) for each in (rates.PC_EVENTS, rates.LOGINS, rates.READS)
    }
    assert {each.rate.name for each in routes} == {name for name, _, _ in classes}


def test_the_limits_told_are_those_of_the_channel() -> None:
    told = {row[0]: row[1] for row in rows(pages.section(PAGE, "The channel's limits"))}
    limits = asdict(Limits())
    seconds = {
        "the header, whole": "header",
        "the body, whole": "body",
        "nothing more is said": "idle",
        "an answer is not read": "unread",
        "after a refusal": "farewell",
    }
    for line, name in seconds.items():
        assert told[line] == f"{limits.pop(name):g} s"
    assert told["connections of one address"] == str(limits.pop("connections_per_address"))
    assert told["connections in all"] == str(limits.pop("connections"))
    assert told["streams of one address, in all"] == f"{streams.MOST_BY_ADDRESS}, {streams.MOST}"
    assert limits == {}
    assert (Channel.totalHeadersSize, Channel.maxHeaders) == (16 * 1024, 64)


def test_the_queue_is_as_long_as_the_page_says() -> None:
    text = pages.section(PAGE, "Fairness")
    assert f"hands {fair.AT_ONCE} at a time" in text
    assert f"{fair.MOST_WAITING:,} may wait".replace(",", " ") in text


def test_every_module_that_is_named_is_there() -> None:
    for name in re.findall(r"`((?:radiusd|policy|tests)/[\w/.]+)`", PAGE.read_text()):
        assert (pages.ROOT / name).exists(), name
