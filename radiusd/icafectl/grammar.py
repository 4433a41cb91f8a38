"""What all verbs share: how they fail, how their help ends, and the options several of them have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from policy.errors import PolicyError
from radiusd.config import ConfigError
from radiusd.store.errors import AlreadyThere, NotFound, Refused, StoreError
from radiusd.vault import VaultError

_ANSWERS = (NotFound, AlreadyThere, Refused)
_UNUSABLE = (StoreError, ConfigError, VaultError, PolicyError)

F = TypeVar("F", bound=Callable[..., Any])


class Declined(click.ClickException):
    """One clear sentence: it is not there, or may not be."""

    exit_code = 1


class Unusable(click.ClickException):
    """One clear sentence: the words, the configuration, the key or the store cannot be used."""

    exit_code = 2


class Group(click.Group):
    """A group of verbs whose failures are sentences; used by the outermost one."""

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the verb."""
        try:
            return super().invoke(ctx)
        except _ANSWERS as error:
            raise Declined(str(error)) from error
        except _UNUSABLE as error:
            raise Unusable(str(error)) from error
        except IntegrityError as error:
            raise Declined("somebody else changed the same just now, so nothing was done: try again") from error
        except SQLAlchemyError as error:
            raise Unusable(f"the store did not answer, so nothing was done: {_first_line(error)}") from error
        except UnicodeEncodeError as error:
            raise Unusable("what was typed is not UTF-8: see the settings of the terminal") from error
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            if error.filename is None:
                raise Unusable(f"what was asked for may be done, but cannot be told: {error.strerror}") from error
            raise Unusable(f"cannot use {error.filename}: {error.strerror}") from error


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0]


def examples(*lines: str) -> str:
    """The end of a verb's help."""
    shown = "\n".join(f"  icafectl {line}" for line in lines)
    return f"\b\nExample:\n{shown}"


NUMBER = click.IntRange(1, 10**15)
"""Of a pass, a session and the like; no store has a greater one."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True, metavar="N", help="Show at most N."
)


def composed(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in the order they are shown."""

    def decorate(function: F) -> F:
        for each in reversed(options):
            function = each(function)
        return function

    return decorate


def given(**settings: Any) -> dict[str, Any]:
    """The settings that were given; raises UsageError if none was."""
    found = {name: value for name, value in settings.items() if value is not None}
    if not found:
        raise click.UsageError("nothing to change: give at least one option, see --help")
    return found
