"""What the command takes, and what it says before anything is started."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from radiusd.bench.cli import main


def run(*arguments: str) -> Result:
    """The command, within the test."""
    return CliRunner().invoke(main, arguments, prog_name="bench")


def test_without_a_command_it_is_load() -> None:
    assert run("--nothing").output.startswith("Usage: bench load")


def test_help_names_the_commands() -> None:
    assert "Commands:" in run("--help").output


def test_virtual_routers_are_not_asked_for_what_they_cannot_do() -> None:
    done = run("--virtual-routers", "--scenario", "acct")
    assert (done.exit_code, "cannot do acct" in done.output) == (1, True)


def test_a_scenario_there_is_not_is_refused_with_those_there_are() -> None:
    done = run("peer", "--scenario", "eap")
    assert (done.exit_code, "'auth-pap'" in done.output) == (2, True)


def test_without_freeradius_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radiusd.bench.freeradius.shutil.which", lambda *_, **__: None)
    done = run("peer", "--quick")
    assert (done.exit_code, "apt-get install freeradius" in done.output) == (1, True)


def test_without_a_compiler_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("radiusd.bench.generators.shutil.which", lambda *_, **__: None)
    done = run("load")
    assert (done.exit_code, "apt-get install gcc" in done.output) == (1, True)
    assert "Traceback" not in done.output
