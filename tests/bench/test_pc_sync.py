"""The figures of runs with a PC system, the events that are sent, and the answers that are read."""

import hmac
import json
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from radiusd.bench.besides import Sample, Samples
from radiusd.bench.machine import Machine
from radiusd.bench.pc_figures import Figure, Outcome, Results, as_json, part_of, table
from radiusd.bench.pc_storm import shares
from radiusd.bench.pc_town import Branch
from radiusd.bench.posting import Answer, Wire
from radiusd.store.pc_systems import Issued

MACHINE = Machine(cpu="Some CPU", cores=2, python="3.11.2", kernel="Linux 6.1", sqlite="3.40.1")


def outcome(value: float, *broken: str) -> Outcome:
    """A run with one figure, whose aim is at most 20."""
    return Outcome([Figure(name="webhook to wire, p99", value=value, aim=20)], list(broken))


# Figures


def test_an_aim_is_missed_by_the_median_and_not_by_one_round() -> None:
    assert Results({"logout": [outcome(19), outcome(80), outcome(12)]}).missed == []
    (missed,) = Results({"logout": [outcome(19), outcome(80), outcome(30)]}).missed
    assert missed == "logout: webhook to wire, p99 is 30 ms, at most 20"


def test_an_aim_may_be_a_least() -> None:
    assert Figure(name="closed", value=199, unit="", aim=200, is_least=True).is_missed
    assert not Figure(name="closed", value=200, unit="", aim=200, is_least=True).is_missed


def test_what_one_round_broke_is_broken() -> None:
    results = Results({"storm": [outcome(1), outcome(1, "2 events were lost"), outcome(1)]})
    assert results.broken == ["storm: 2 events were lost"]


def test_what_must_be_and_is_not_is_told() -> None:
    made = Outcome()
    made.must(True, "all is well")
    made.must(0, "nothing came")
    assert made.broken == ["nothing came"]


def test_times_are_told_by_their_p50_p99_and_worst() -> None:
    made = Outcome()
    made.note_times("answer", range(200, 0, -1), aim=20)
    assert [(each.value, each.aim) for each in made.figures] == [(101, None), (199, 20), (200, None)]


def test_no_times_at_all_are_zero() -> None:
    assert part_of([], 0.99) == 0


def test_the_table_shows_every_round_beside_the_median() -> None:
    assert table(Results({"logout": [outcome(19), outcome(80.25), outcome(12)]})).splitlines() == [
        "| part   | figure               | median | rounds         | aim        |",
        "| ------ | -------------------- | -----: | -------------- | ---------- |",
        "| logout | webhook to wire, p99 |  19 ms | 19 · 80.2 · 12 | at most 20 |",
    ]


def test_one_round_has_no_column_of_rounds() -> None:
    assert "rounds" not in table(Results({"logout": [outcome(19)]}))


def test_json_keeps_every_round() -> None:
    told = json.loads(
        json.dumps(as_json(Results({"logout": [outcome(19), outcome(21)]}), MACHINE, {"store": "sqlite"}))
    )
    assert told["parts"]["logout"]["webhook to wire, p99"] == {
        "value": 20.0,
        "unit": "ms",
        "aim": 20,
        "rounds": [19, 21],
    }
    assert (told["machine"]["cores"], told["store"], told["broken"], told["missed"]) == (2, "sqlite", [], [])


# The storm


@pytest.mark.parametrize(("events", "branches"), [(5000, 50), (300, 11), (60, 2)])
def test_one_branch_of_a_storm_has_ten_times_the_events_of_each_other(events: int, branches: int) -> None:
    large, *small = shares(events, branches)
    assert (large + sum(small), len(small)) == (events, branches - 1)
    assert len(set(small)) == 1
    assert 9 <= large / small[0] <= 11.5


# RADIUS beside


def test_samples_are_of_the_time_they_were_sent_in() -> None:
    samples = Samples([Sample(1.0, 5.0, True), Sample(2.0, None, False), Sample(3.0, 9.0, False)])
    assert (samples.lost, samples.wrong, samples.p99) == (1, 1, 9.0)
    assert samples.within(1.0, 2.0).all == [Sample(1.0, 5.0, True)]


# Events and answers


def branch() -> Branch:
    """One whose secrets are known."""
    issued = Issued(location_id="loc_1", token="pc_t", signing_key="key")
    return Branch(number=3, guests=range(10), routers=range(1), issued=issued)


def test_an_event_is_signed_with_its_branch_s_key() -> None:
    head, _, body = branch().event(7, 1.5).partition(b"\r\n\r\n")
    assert json.loads(body) == {
        "event_type": "USER_LOGOUT",
        "pc_user_id": "pc_000007",
        "timestamp": "1970-01-01T00:00:01.500Z",
        "location_id": "loc_1",
    }
    assert b"X-PC-Signature: sha256=" + hmac.new(b"key", body, "sha256").hexdigest().encode() in head
    assert f"Content-Length: {len(body)}".encode() in head


class Asked:
    """A connection that was asked at 10 s."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(10)
        self.wire = Wire(self.clock)
        self.wire.makeConnection(_Transport())
        self.answers: list[Any] = []
        self.wire.ask(b"POST").addCallback(self.answers.append)


class _Transport(StringTransport):
    def setTcpNoDelay(self, enabled: bool) -> None:
        """It may."""


def test_an_answer_is_over_with_its_last_octet() -> None:
    asked = Asked()
    asked.wire.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{")
    asked.clock.advance(0.25)
    assert asked.answers == []
    asked.wire.dataReceived(b'"":')
    assert asked.answers == [Answer(status=200, sent=10, came=10.25, body=b'{"":')]
    assert asked.answers[0].took == 250


def test_a_connection_that_is_lost_gives_no_answer() -> None:
    asked = Asked()
    asked.wire.connectionLost()
    assert [(each.status, asked.wire.is_open) for each in asked.answers] == [(0, False)]
