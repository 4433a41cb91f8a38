"""The files of the project, whatever is in them."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from pyrad.dictionary import Dictionary

from radiusd.wire.attributes import MIKROTIK, Attribute, Mikrotik

ROOT = Path(__file__).parents[1]
DICTIONARIES = ROOT / "dictionaries"
# Written so that this very file does not hold them.
PLACES = re.compile(r"/(?:work|home)/[a-z]|\b(?:pypi\.org|pythonhosted\.org|index-url|proxy\.golang)", re.IGNORECASE)
# An operator is root, and the manual may well keep something there.
HOME_OF_ROOT = re.compile(r"/root/")


def project() -> list[Path]:
    """The files under version control, or all that could be where there is none."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout")
    return [ROOT / each for each in listed.stdout.split("\0") if each and (ROOT / each).is_file()]


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def test_no_file_names_a_place_on_somebodys_machine_or_where_packages_came_from() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in project()
        if file != Path(__file__)
        for number, line in enumerate(lines(file), 1)
        if PLACES.search(line) or (HOME_OF_ROOT.search(line) and file.suffix != ".md")
    ]
    assert found == []


def test_such_places_are_seen() -> None:
    for place in ("/work" + "/main/x", "cd /home" + "/ann", "https://pypi" + ".org/simple"):
        assert PLACES.search(place)


def test_no_file_has_trailing_spaces_or_lacks_its_last_newline() -> None:
    texts = {file.relative_to(ROOT): file.read_bytes() for file in project()}
    assert [str(name) for name, text in texts.items() if text and not text.endswith(b"\n")] == []
    assert [str(name) for name, text in texts.items() if re.search(rb"[ \t\r]$", text, re.MULTILINE)] == []


def test_continuous_integration_runs_the_check_and_leaves_nothing_out() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    assert lines(run)[-2:] == ["export CI=true", "exec scripts/check"]


def test_every_script_can_be_run_and_stops_at_the_first_failure() -> None:
    for script in [each for each in (ROOT / "scripts").iterdir() if each.is_file()]:
        assert os.access(script, os.X_OK), script
        if lines(script)[0].endswith("bash"):
            assert "set -euo pipefail" in lines(script), script


# The dictionaries


def test_every_dictionary_is_included() -> None:
    included = {each.split()[1] for each in lines(DICTIONARIES / "dictionary") if each.startswith("$INCLUDE")}
    assert included == {each.name for each in DICTIONARIES.iterdir()} - {"dictionary"}


def test_pyrad_reads_them_all_and_ignores_nothing(caplog: pytest.LogCaptureFixture) -> None:
    read = Dictionary(str(DICTIONARIES / "dictionary"))
    assert len(read.attributes) > 150
    assert caplog.messages == []


def test_they_know_every_attribute_we_name() -> None:
    names = Dictionary(str(DICTIONARIES / "dictionary")).attrindex.backward
    ours = {each.value: each.name for each in Attribute}
    ours_of_mikrotik = {(MIKROTIK, each.value): f"MIKROTIK_{each.name}" for each in Mikrotik}
    for number, name in {**ours, **ours_of_mikrotik}.items():
        assert names[number].upper().replace("-", "_") == name
