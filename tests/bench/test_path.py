"""Where each microsecond of a packet goes."""

from pathlib import Path

from radiusd.bench.path import REST_OF_READING, REST_OF_WRITING, STEPS, Figure, measure, table

PACKETS = 130  # two batches and a bit


def test_every_packet_of_every_kind_is_answered_and_every_step_of_its_way_is_timed(tmp_path: Path) -> None:
    told: list[str] = []
    figures = {each.kind: each for each in measure(f"sqlite:///{tmp_path / 'path.sqlite'}", PACKETS, told.append)}
    assert [*told] == ["filling the store", *figures]
    steps = {REST_OF_READING, REST_OF_WRITING, *(step for step, _ in STEPS)}
    assert all(set(each.steps) <= steps and each.total > 0 for each in figures.values())
    # What is not new is not looked at, and who comes back costs the store nothing.
    assert "decode" not in figures["duplicate of it"].steps
    assert "write" not in figures["login of a device that comes back"].steps
    assert "load" in figures["first login"].steps
    assert {"decide", "write"} <= set(figures["Interim-Update"].steps)


def test_what_was_wrapped_is_as_it_was_afterwards() -> None:
    before = [getattr(place, name) for _, places in STEPS for place, name in places]
    assert not any(each.__qualname__.endswith("timed") for each in before)


def test_the_table_has_a_line_for_each_step_and_one_for_all() -> None:
    text = table([Figure("Stop", {"decode": 7.04, "sign": 3.0})])
    assert "| decode | 7.0 |" in text
    assert "| load |  |" in text
    assert text.endswith("| **all** | 10.0 |")
