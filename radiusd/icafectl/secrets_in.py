"""Reading secrets so that neither the screen nor the list of processes shows them."""

import sys

import click

from radiusd.icafectl.kinds import is_text

IN_ARGUMENTS = "Others on this machine can see what is given here in the list of processes: use - or leave it out."


def read_secret(given: str | None, option: str, longest: int) -> str:
    """The secret: as given, from standard input for `-`, asked for at a terminal if it was left out."""
    if given is None:
        secret = _ask(option)
    elif given == "-":
        secret = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    else:
        secret = given
    if not is_text(secret, longest):
        # The value itself is never shown.
        raise click.UsageError(
            f"{option} must have 1 to {longest} octets of UTF-8 without control characters (one line, not empty)"
        )
    return secret


def _ask(option: str) -> str:
    if not is_terminal():
        raise click.UsageError(f"{option} is missing: give {option} - and write it to standard input")
    answer: str = click.prompt(option.lstrip("-").capitalize(), hide_input=True, confirmation_prompt=True, err=True)
    return answer


def is_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()
