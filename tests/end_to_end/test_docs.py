"""The commands of the documentation, pasted as they are printed into a machine where nothing else runs."""

import configparser
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import OPERATOR, READ_IN_ORDER, README, ROOT, TRIED_OUT, Block, blocks
from tests.end_to_end.machine import Machine, missing

STAYS = {"scripts/demo --with-pc-system\n": "icafectl"}
"""What does not end by itself, and a word that it prints when it is ready."""

GOES_ON = {
    "virtual-router": "it is recorded",
    "pc-system": "the page is at",
    "playwave": "the café is charged",
    "charging-partner": "partner_url is",
}
"""What is left running, and what it prints when it is ready."""


@pytest.fixture(scope="module", autouse=True)
def needs_a_machine() -> None:
    why = missing()
    if why is not None:
        assert os.environ.get("CI") not in ("true", "1"), why
        pytest.skip(why)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with Machine(tmp_path) as made:
        yield made


def commands(page: Path) -> Iterator[Block]:
    return (block for block in blocks(page) if block.language == "sh")


def follow(machine: Machine, block: Block) -> None:
    if block.text in STAYS:
        machine.begin(block.text, STAYS[block.text])
        return
    *before, last = block.text.strip().splitlines()
    if last.endswith("&"):
        machine.run("\n".join(before))
        machine.begin(last.removesuffix("&"), next(says for program, says in GOES_ON.items() if program in last))
        return
    machine.follow(block)


def test_the_lines_of_the_readme_work_as_printed(machine: Machine) -> None:
    for block in commands(README):
        if block.why_not_run is None:
            follow(machine, block)


@pytest.mark.timeout(300)
def test_the_integrators_pages_work_as_printed_in_a_demo(machine: Machine) -> None:
    for page in TRIED_OUT:
        for block in commands(page):
            if block.why_not_run is None:
                follow(machine, block)


@pytest.mark.timeout(300)
def test_the_operators_pages_work_as_printed_from_an_empty_machine_on(machine: Machine) -> None:
    # What the page installs is there already.
    machine.run(f"ln -s {ROOT} /opt/icafe-radiusd; rm -f /usr/local/bin/icafectl /usr/local/bin/radiusd")
    machine.run(f"printf %s {shlex.quote(_instead_of_systemd())} > /usr/local/bin/systemctl")
    machine.run("chmod +x /usr/local/bin/systemctl; hash -r")
    for page in READ_IN_ORDER:
        for block in commands(page):
            if block.why_not_run is None:
                follow(machine, block)


def _instead_of_systemd() -> str:
    """A systemctl that starts and stops the one unit as it says."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[method-assign, assignment]
    unit.read(ROOT / "conf/icafe-radiusd.service")
    service = unit["Service"]
    return f"""#!/bin/bash
log=/var/log/icafe-radiusd.log
case "$*" in
daemon-reload) ;;
"enable --now icafe-radiusd" | "start icafe-radiusd")
    runuser -u {service["User"]} -- {service["ExecStart"]} > $log 2>&1 < /dev/null &
    for _ in {{1..300}}; do ! grep -q 'answering RADIUS' $log || exit 0; sleep 0.1; done
    cat $log; exit 1 ;;
"stop icafe-radiusd")
    pkill --full -- '{service["ExecStart"]}'
    while pgrep --full -- '{service["ExecStart"]}'; do sleep 0.1; done ;;
*) echo "what is systemctl $*?"; exit 1 ;;
esac
"""


def test_the_pages_that_are_followed_are_those_of_operators() -> None:
    left_out = set(OPERATOR.glob("*.md")) - set(READ_IN_ORDER)
    assert all(not list(commands(page)) for page in left_out)
