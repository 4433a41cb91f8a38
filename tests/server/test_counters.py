"""What is counted, as Prometheus reads it."""

from radiusd.server.counters import WORTH_AN_ALARM, Counters


def shown(counters: Counters, what: str) -> float | None:
    return counters.registry.get_sample_value("radius_packets_total", {"what": what})


def test_what_is_worth_an_alarm_is_shown_before_it_happened() -> None:
    counters = Counters(lambda: 0.0)
    assert {shown(counters, each) for each in WORTH_AN_ALARM} == {0}
    counters.count("cut_not_cut")
    assert shown(counters, "cut_not_cut") == 1


def test_anything_else_is_shown_once_it_happened() -> None:
    counters = Counters(lambda: 0.0)
    assert shown(counters, "received_1") is None
    counters.count("received_1")
    assert shown(counters, "received_1") == 1
