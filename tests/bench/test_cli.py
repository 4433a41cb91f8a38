"""What the command takes, and what it says before anything is started."""

from pathlib import Path

from click.testing import CliRunner, Result

from radiusd.bench.cli import main


def run(*arguments: str) -> Result:
    """The command, within the test."""
    return CliRunner().invoke(main, arguments, prog_name="bench")


def test_without_a_command_it_is_load() -> None:
    assert run("--nothing").output.startswith("Usage: bench load")


def test_help_names_the_commands() -> None:
    assert "Commands:" in run("--help").output


def test_a_folder_without_the_generator_is_refused(tmp_path: Path) -> None:
    done = run("--generator", str(tmp_path))
    assert (done.exit_code, "there is no radload.c" in done.output) == (2, True)


def test_a_peer_needs_the_folder_that_sets_it_up() -> None:
    done = run("--virtual-routers", "--peer")
    assert (done.exit_code, "--peer needs the folder" in done.output) == (2, True)


def test_virtual_routers_are_not_asked_for_what_they_cannot_do() -> None:
    done = run("--virtual-routers", "--scenario", "acct")
    assert (done.exit_code, "cannot do acct" in done.output) == (1, True)


def test_a_generator_that_cannot_be_built_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "radload.c").write_text("this is no C")
    done = run("--generator", str(tmp_path))
    assert done.exit_code == 1
    assert "bench: " in done.output
    assert "radload" in done.output or "gcc is missing" in done.output
    assert "Traceback" not in done.output
