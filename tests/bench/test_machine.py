"""The line about the machine."""

from radiusd.bench.machine import Machine, cpu_model, this_machine


def test_the_model_is_the_first_that_is_named() -> None:
    text = "processor\t: 0\nvendor_id\t: X\nmodel\t\t: 1\nmodel name\t: Some  CPU @ 2.00GHz\n\nmodel name\t: Other\n"
    assert cpu_model(text) == "Some CPU @ 2.00GHz"


def test_a_small_board_names_itself_instead() -> None:
    assert cpu_model("processor\t: 0\nBogoMIPS\t: 108.00\n\nModel\t\t: Some Board Rev 1.2\n") == "Some Board Rev 1.2"


def test_a_cpu_may_have_no_name() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t:\n") is None


def test_a_machine_is_one_line() -> None:
    machine = Machine(cpu="Some CPU", cores=2, python="3.11.2", kernel="Linux 6.1", sqlite="3.40.1")
    assert str(machine) == "Some CPU, 2 cores; Python 3.11.2; Linux 6.1; SQLite 3.40.1"


def test_this_machine_can_be_told() -> None:
    assert "\n" not in str(this_machine())
