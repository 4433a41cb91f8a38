"""The grammar: every verb explains itself, and every wrong word is told what was expected."""

from collections.abc import Iterator

import click
import pytest

from radiusd.icafectl.root import icafectl
from tests.icafectl.counter import Counter


def verbs(group: click.Group = icafectl, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, (*path, name))
        else:
            yield (*path, name), command


VERBS = dict(verbs())


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example_of_itself(bare: Counter, path: tuple[str, ...]) -> None:
    shown = bare.run(*path, "--help")
    assert "Example:" in shown
    examples = shown.split("Example:")[1]
    assert f"icafectl {' '.join(path)}" in examples or f" {' '.join(path)}" in examples
    assert VERBS[path].help


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_every_option_of_every_verb_has_help(path: tuple[str, ...]) -> None:
    options = [each for each in VERBS[path].params if isinstance(each, click.Option)]
    assert [each.name for each in options if not each.help] == []


GRAMMAR = {
    "branch add": "--password-store --interim",
    "branch set": "--password-store --interim",
    "branch list": "--json",
    "branch show": "--json",
    "branch allow": "--anyone",
    "branch disallow": "",
    "branch pc-sync set-up": "--location-id --realm --resume --allow --api-url --api-key --json",
    "branch pc-sync rotate": "--overlap --json",
    "branch pc-sync set": "--resume --realm --shapes --api-url --api-path --api-key",
    "branch pc-sync show": "--json",
    "branch pc-sync test": "--json",
    "router add": "--branch --address --secret --coa-port --require-message-authenticator",
    "router set": "--branch --address --secret --coa-port --require-message-authenticator",
    "router list": "--json",
    "router remove": "",
    "package add": "--time --online-time --data --up --down --devices --price --valid",
    "package list": "--json",
    "account add": "--password --branch --package",
    "account set": "--branch --pc-user --no-pc-user",
    "account list": "--json",
    "account show": "--json",
    "account block": "",
    "device tie": "--account",
    "device block": "",
    "device list": "--json",
    "pass sell": "--account --package --json",
    "voucher create": "--package --count --json",
    "session list": "--active --json",
    "session show": "--json",
    "session cut": "--reason",
    "session extend": "--time --data",
    "pc events": "--limit --json",
    "pc present": "--limit --json",
    "game add": "--place-id --provider --image-url --rate --period --json",
    "game set": "--place-id --provider --image-url --rate --period",
    "game list": "--json",
    "game show": "--json",
    "game key rotate": "--overlap --json",
    "game stop": "",
    "game start": "",
    "game sessions": "--game --branch --live --limit --json",
    "game session show": "--json",
    "wallet show": "--json",
    "wallet top-up": "--key --text --json",
    "wallet history": "--limit --json",
    "settlement export": "--month --game --branch --format --sessions --output --force",
    "launcher add": "--branch --json",
    "launcher list": "--json",
    "launcher show": "--json",
    "launcher rotate": "--json",
    "launcher stop": "",
    "launcher start": "",
    "why": "--json",
    "doctor store": "",
}


@pytest.mark.parametrize("verb", GRAMMAR)
def test_the_grammar_that_was_promised_is_there(verb: str) -> None:
    command = VERBS[tuple(verb.split())]
    known = {option for each in command.params for option in each.opts}
    assert set(GRAMMAR[verb].split()) <= known


def test_every_listing_has_json_and_a_limit() -> None:
    for path, command in VERBS.items():
        if path[-1] == "list":
            assert {"as_json", "limit"} <= {each.name for each in command.params}, path


def test_a_mistyped_verb_is_told_what_is_like_it(bare: Counter) -> None:
    assert "account" in bare.run("acount", "list", status=2)
    assert "block" in bare.run("account", "blok", "nora", status=2)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(bare: Counter, shell: str) -> None:
    assert "_ICAFECTL_COMPLETE" in bare.run("completion", shell)


def test_names_are_completed_but_vouchers_codes_are_not(counter: Counter) -> None:
    counter.run("voucher", "create", "--package", "3h")
    assert complete(counter, "account", "show", "") == ["nora"]
    assert complete(counter, "router", "show", "q") == ["q1"]


def test_without_a_store_nothing_is_completed_and_nothing_complains(bare: Counter) -> None:
    assert complete(bare, "account", "show", "") == []


def complete(counter: Counter, group: str, verb: str, start: str) -> list[str]:
    root = click.Context(icafectl)
    root.params["config"] = counter.config
    command = VERBS[group, verb]
    context = click.Context(command, parent=root)
    return [each.value for each in command.params[0].shell_complete(context, start)]
