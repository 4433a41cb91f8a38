"""The command charging-partner: what it takes, and what it says when nothing runs."""

import pytest
from click.testing import CliRunner

from radiusd.virtual_partner.cli import main


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["serve", "--branch", "one=198.51.100.0/24"], "is not like 1=198.51.100.0/24"),
        (["serve", "--branch", "1=198.51.100.7/24"], "is not like 1=198.51.100.0/24"),
        (["serve", "--address", "8.8.8.8"], "a toy has no place on the internet"),
        (["serve", "--address", "here"], "--address takes an IP address"),
        (["faults", "--fail", "2"], "2.0 is not in the range"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], says: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert says in result.output
