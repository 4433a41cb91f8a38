"""CPU time out of /proc."""

import os
import subprocess
import sys

import pytest

from radiusd.bench import processes
from radiusd.bench.processes import cpu_seconds, free_ports, last_line, read_stat


def test_a_process_may_be_called_anything() -> None:
    text = "42 (a) b (c) S 7 42 42 0 -1 4194304 100 200 0 0 11 22 33 44 20 0 3 0 1000 0 0"
    parent, of_children = read_stat(text)
    assert (parent, of_children * os.sysconf("SC_CLK_TCK")) == (7, pytest.approx(33 + 44))


def test_our_own_cpu_time_is_found_to_less_than_a_tick() -> None:
    before, seen = os.times(), cpu_seconds([os.getpid()])
    assert seen >= before.user + before.system + before.children_user + before.children_system - 0.1
    assert seen * 100 % 1 != pytest.approx(0, abs=1e-9)


def test_a_process_that_is_gone_used_nothing() -> None:
    assert cpu_seconds([]) == 0


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(5))) == 5


def test_ports_of_one_process_are_given_to_no_other() -> None:
    (ours,) = free_ports(1)
    (block,) = [each for each in processes._BLOCKS if ours in each]
    program = (
        f"from radiusd.bench import processes; blocks = iter([{block}, *processes._BLOCKS]);"
        " processes.secrets.choice = lambda _: next(blocks); print(processes.free_ports(1)[0])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert int(told.stdout) not in range(block.start, block.stop)


def test_the_last_line_is_the_last_with_words() -> None:
    assert last_line("first\n  why it failed \n\n") == "why it failed"
    assert last_line("\n") == ""
