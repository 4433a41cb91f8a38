"""What is told of a run, and when it is good enough."""

import json

from attrs import evolve

from radiusd.faults.verdicts import Report, Verdict, as_json, at_least, at_most, complaints, table

GOOD = Report(figures=[at_most("lost", 0, 0), at_least("kills", 30, 30)])
BAD = Report(figures=[at_most("lost", 2, 0)], complaints=[f"lost: line {each}" for each in range(5)])
FAULT = Verdict(fault="R1", title="kill -9", store="sqlite", seconds=61.4, report=GOOD)
CONTROL = evolve(FAULT, switch="answer-before-commit", proof="lost", report=BAD)


def test_a_figure_is_met_up_to_its_aim_and_no_further() -> None:
    assert [at_most("x", each, 2).is_met for each in (1, 2, 2.1)] == [True, True, False]
    assert [at_least("x", each, 2).is_met for each in (1.9, 2, 3)] == [False, True, True]


def test_a_fault_must_be_green_and_a_control_red() -> None:
    assert FAULT.is_as_it_should
    assert not evolve(FAULT, report=BAD).is_as_it_should
    assert CONTROL.is_as_it_should
    assert not evolve(CONTROL, report=GOOD).is_as_it_should


def test_a_control_that_spoils_another_figure_proves_nothing() -> None:
    assert not evolve(CONTROL, proof="kills").is_as_it_should


def test_what_did_not_run_is_neither() -> None:
    assert not evolve(FAULT, trouble="no PostgreSQL").is_as_it_should
    assert not evolve(CONTROL, trouble="no PostgreSQL").is_as_it_should


def test_a_complaint_alone_makes_a_report_red() -> None:
    assert not evolve(GOOD, complaints=["lost: line 1"]).is_green


def test_the_table_has_a_row_for_each_figure_and_one_for_a_control() -> None:
    lines = table([FAULT, CONTROL]).splitlines()
    assert len(lines) == 2 + 2 + 1
    assert len({len(line) for line in lines}) == 1
    assert "red, as it must be" in lines[-1]
    assert "answer-before-commit" in lines[-1]


def test_a_missed_figure_is_marked_in_the_table() -> None:
    assert "<= 0 MISSED" in table([evolve(FAULT, report=BAD)])


def test_only_what_is_not_as_it_should_be_is_complained_of() -> None:
    assert complaints([FAULT, CONTROL]) == []
    told = complaints([evolve(FAULT, report=BAD), evolve(CONTROL, report=GOOD), evolve(FAULT, trouble="no PostgreSQL")])
    assert "R1 on sqlite: lost is 2, and should be <= 0" in told
    assert "R1 on sqlite: and 2 complaints more (see --json)" in told
    assert any("`lost` is met all the same" in each for each in told)
    assert told[-1] == "R1 on sqlite did not run: no PostgreSQL"


def test_the_json_has_every_complaint() -> None:
    (found,) = json.loads(json.dumps(as_json([CONTROL])))
    assert (found["verdict"], found["is_as_it_should"], len(found["complaints"])) == ("red, as it must be", True, 5)
