"""Answers on paper."""

import json
import sys

import pytest
from rich.console import Console

from radiusd.icafectl import printing
from radiusd.icafectl.printing import Column, clean, print_json, print_list, print_table

COLUMNS = (Column("Name", "name"), Column("Count", "count"), Column("Held", "held"))


def test_text_is_aligned_however_wide_its_letters_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": "漢字", "count": 1}, {"name": "abcd", "count": 22}], COLUMNS)
    assert capsys.readouterr().out == "NAME  COUNT\n漢字  1\nabcd  22\n"


def test_a_terminal_gets_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(printing, "Console", lambda: Console(width=60, file=sys.stdout))
    print_table([{"name": "[bold]x[/bold]", "count": True}], COLUMNS)
    shown = capsys.readouterr().out
    assert "[bold]x[/bold]" in shown
    assert "yes" in shown


def test_an_empty_listing_says_so_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    print_list([], COLUMNS, as_json=False, limit=5)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "none\n")


def test_instants_are_rfc_3339_and_numbers_stay_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"at": 1, "sold_at": 1_795_262_400_123, "valid_until": None, "data": 5, "that": 1, "is_at": True})
    assert json.loads(capsys.readouterr().out) == {
        "at": "1970-01-01T00:00:00.001Z",
        "sold_at": "2026-11-21T12:00:00.123Z",
        "valid_until": None,
        "data": 5,
        "that": 1,
        "is_at": True,
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb", "a\\nb"),
        ("a\x9bb", "a\\x9bb"),
        ("a\u202eb", "a\\u202eb"),
        ("a\udcffb", "a\\udcffb"),
    ],
)
def test_nothing_a_terminal_would_obey_is_printed(text: str, shown: str) -> None:
    assert clean(text) == shown
