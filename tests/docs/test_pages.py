"""The documentation: its links lead somewhere, its commands are commands, and nothing in it is left to memory."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from radiusd import config
from radiusd.icafectl.root import icafectl
from radiusd.virtual_partner.cli import main as charging_partner
from radiusd.virtual_pc_system.cli import main as pc_system
from radiusd.virtual_playwave.cli import main as playwave
from radiusd.virtual_router.cli import main as virtual_router
from tests.docs import pages
from tests.docs.pages import PAGES, README, ROOT, Block

NOT_RUN = {"toml", "yaml", "routeros", "mermaid", "text", "http", "json", "csharp", "nginx", "caddy"}
PROGRAMS = {"python", "javascript"}
"""Run by the tests of their page."""
MOST_NOT_RUN = 5

ROUTEROS_MENUS = {
    "/radius add",
    "/radius incoming set",
    "/radius monitor",
    "/radius incoming monitor",
    "/ip hotspot profile set",
    "/ip hotspot user profile set",
    "/ip hotspot walled-garden ip add",
    "/ip firewall address-list add",
    "/ip firewall filter add",
    "/ip firewall filter disable",
    "/ip service set",
    "/system ntp client set",
    "/system ntp client servers add",
    "/user add",
    "/user group add",
    "/user set",
}
ROUTEROS_PARAMETERS = {
    *("accept", "action", "add-mac-cookie", "address", "chain", "comment", "disabled", "dst-address", "dst-port"),
    *("enabled", "group", "keepalive-timeout", "list", "login-by", "name", "password", "policy", "port", "protocol"),
    *("radius-accounting", "radius-interim-update", "require-message-auth", "secret", "service", "src-address-list"),
    *("timeout", "use-radius"),
}


def _named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in pages.links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in pages.anchors(target), f"{link}: no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, new = {README}, [README]
    while new:
        page = new.pop()
        for link in pages.links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target not in reached:
                reached.add(target)
                new.append(target)
    assert set(PAGES) - reached <= {pages.DOCS / "README.md"}


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    for block in pages.blocks(page):
        is_run = block.info == "sh" and page in (README, *pages.READ_IN_ORDER, *pages.TRIED_OUT)
        is_program = block.info in PROGRAMS and page in pages.TRIED_OUT
        assert is_run or is_program or block.why_not_run or block.info in NOT_RUN, f"{block}: {block.info!r}"


def test_few_commands_are_not_run() -> None:
    assert len([block for block in pages.all_blocks("sh") if block.why_not_run]) <= MOST_NOT_RUN


@pytest.mark.parametrize(("place", "line"), sorted(set(pages.commands("icafectl"))))
def test_every_icafectl_line_is_one(place: str, line: str) -> None:
    _parse(icafectl, "icafectl", line)


@pytest.mark.parametrize(("place", "line"), sorted(set(pages.commands("scripts/virtual-router"))))
def test_every_virtual_router_line_is_one(place: str, line: str) -> None:
    command = virtual_router.get_command(click.Context(virtual_router), "evening")
    assert command is not None
    command.make_context("evening", shlex.split(line.split(" evening ")[1]))


@pytest.mark.parametrize(("place", "line"), sorted(set(pages.commands("scripts/pc-system"))))
def test_every_pc_system_line_is_one(place: str, line: str) -> None:
    _parse(pc_system, "pc-system", line)


@pytest.mark.parametrize(("place", "line"), sorted(set(pages.commands("scripts/charging-partner"))))
def test_every_charging_partner_line_is_one(place: str, line: str) -> None:
    _parse(charging_partner, "charging-partner", line)


@pytest.mark.parametrize(("place", "line"), sorted(set(pages.commands("scripts/playwave"))))
def test_every_playwave_line_is_one(place: str, line: str) -> None:
    _parse(playwave, "playwave", line)


STANDS_FOR = {
    "PASS": "1",
    "NUMBER": "1",
    "$N": "1",
    "MAC": "AA:BB:CC:DD:EE:FF",
    "NETWORK": "10.8.0.0/24",
    "SHAPES": "webhook",
    "…": "10.0.0.2",
}
"""What a reader puts in place of a word in capitals, where it cannot be any word."""


def _parse(group: click.Command, name: str, line: str) -> None:
    """Have click read the words as it would from a shell, down to the last verb; nothing is carried out."""
    words = [STANDS_FOR.get(each, each) for each in shlex.split(re.split(r"\s[<>]", line)[0])][1:]
    words = [each for each in words if each != "--help"]
    context = click.Context(group, info_name=name)
    command: click.Command = group
    while isinstance(command, click.Group):
        if not words:
            return
        found = command.get_command(context, words[0])
        if words[0] == STANDS_FOR["…"]:
            return
        assert found is not None, f"{words[0]!r} is no command"
        context, command = click.Context(found, info_name=words[0], parent=context), found
        words = words[1:]
    if words:  # else it is only mentioned
        command.make_context(context.info_name, words, parent=context.parent)


def _verbs(group: click.Group, so_far: str = "icafectl") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _verbs(command, f"{so_far} {name}")
        else:
            yield f"{so_far} {name}"


@pytest.mark.parametrize("verb", list(_verbs(icafectl)))
def test_every_verb_is_in_the_operators_pages(verb: str) -> None:
    text = "\n".join(page.read_text() for page in sorted(pages.OPERATOR.glob("*.md")))
    assert re.search(rf"{verb}\b", text)


def test_every_key_of_the_configuration_is_explained() -> None:
    told = {
        (match[1], match[2])
        for match in re.finditer(
            r"^\| `\[(\w+)\]` \| `(\w+)` \|", (pages.OPERATOR / "configuration.md").read_text(), re.MULTILINE
        )
    }
    shipped = tomllib.loads((ROOT / "conf/radiusd.toml").read_text())
    assert told == {(section, key) for section, keys in shipped.items() for key in keys}
    config.load(ROOT / "conf/radiusd.toml")


@pytest.mark.parametrize("block", pages.all_blocks("routeros"), ids=str)
def test_routeros_lines_use_known_words(block: Block) -> None:
    for line in block.text.splitlines():
        menu, parameters = _routeros(line)
        assert menu in ROUTEROS_MENUS, line
        assert parameters <= ROUTEROS_PARAMETERS, line


def _routeros(line: str) -> tuple[str, set[str]]:
    """The menu with its verb, and the names of the parameters; what a find is for is none of them."""
    words = shlex.split(re.sub(r"\[find[^]]*\]", "", line))
    plain = [each for each in words if "=" not in each and each not in ("0", "once", "default", "api", "api-ssl")]
    return " ".join(plain), {each.partition("=")[0] for each in words if "=" in each}


def test_a_block_and_what_it_prints_belong_together(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A\n\n```sh\nls\n```\n\n```text\none … two\n```\n\nMore.\n\n```sh not-run: it is far\nfar\n```\n")
    first, _, far = pages.blocks(page)
    assert (first.line, first.info, first.text, first.prints) == (3, "sh", "ls\n", "one … two\n")
    assert (far.why_not_run, far.prints) == ("it is far", None)


@pytest.mark.parametrize(
    ("printed", "expected", "is_so"),
    [
        ("one 1\n  two", "one … two", True),
        ("before one 1 two after", "… one … two …", True),
        ("two one", "one … two", False),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
    ],
)
def test_dots_stand_for_what_differs(printed: str, expected: str, is_so: bool) -> None:
    assert pages.matches(printed, expected) is is_so
