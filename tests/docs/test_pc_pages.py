"""What is told of gaming PCs to operators and to makers of portals: rules, causes and figures are those of the code."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from policy.pc import Resume
from policy.words import REFUSALS
from radiusd import config
from radiusd.icafectl import pc_checks
from radiusd.jobs import pc_events
from radiusd.pc_system.breaker import RESTS
from radiusd.store import portal
from radiusd.web import rates, streams, table
from radiusd.web.channel import Limits
from radiusd.web.errors import STATUS_OF
from radiusd.web.portal import tries
from radiusd.web.portal.login import PcLoginReply, PcLoginRequest, PcLoginUser
from radiusd.web.routes import LARGEST_BODY, Route
from tests.docs import pages
from tests.docs.pages import DOCS, rows

OPERATORS = DOCS / "operator" / "gaming-pcs.md"
PORTAL = DOCS / "integrator" / "portal.md"


# For operators


def test_the_rules_are_told_with_what_the_guest_reads() -> None:
    told = {
        row[0].split("`")[0]: row[2] for row in rows(pages.section(OPERATORS, "What becomes of the guest's money"))[1:]
    }
    assert set(told) == {each.value for each in Resume}
    assert REFUSALS["pass_waits_for_pc"] in told["after_pc_login"]
    assert REFUSALS["pass_held"] in told["never"]


def test_every_cause_of_turning_an_event_away_is_told_with_what_to_do() -> None:
    section = pages.section(OPERATORS, "When it does not work")
    assert {cause for row in rows(section) for cause in re.findall(r"[a-z]+_[a-z_]+", row[0])} == set(pc_checks.CAUSES)


def test_every_effect_of_an_event_is_told() -> None:
    section = rows(pages.section(OPERATORS, "Who is at a PC, and what was reported"))
    told = {effect for row in section[1:] for effect in re.split("; |, (?=older)", row[0])}
    names = ("ENDED", "NOTHING_TO_END", "NOBODY_KNOWN", "OVERTAKEN_BY_LOGIN", "OVERTAKEN_BY_LOGOUT", "PRESENT")
    assert told == {getattr(pc_events, name) for name in (*names, "RESUMED", "NOTICED")}


@pytest.mark.parametrize("block", [each for each in pages.blocks(OPERATORS) if each.language == "toml"], ids=str)
def test_the_lines_for_the_configuration_are_taken(block: pages.Block, tmp_path: Path) -> None:
    file = tmp_path / "radiusd.toml"
    file.write_text(f'{block.text}\n[store]\nurl = "sqlite:///store.sqlite3"\nkey_file = "key"\n')
    taken = config.load(file)
    assert taken.at_web != config.Web() or str(taken.web) == "10.8.0.1:8080"


# For makers of portals


def routes() -> Iterable[Route]:
    logins: Any = SimpleNamespace(log_in=None)
    wallet: Any = SimpleNamespace(balance=None, changes=None)
    return table.portal_routes(logins, wallet)


def test_every_answer_of_the_login_is_told_with_its_status() -> None:
    section = pages.section(PORTAL, "Log in")
    lines = [row[0] for row in rows(section) if row[0][:3].isdigit()]
    told = {
        (int(status), code)
        for line in lines
        for status, codes in re.findall(r"(\d{3}) ([^;]+)", line)
        for code in re.findall("[A-Z_]{4,}", codes)
    }
    login = next(each for each in routes() if each.path == "/api/auth/pc-login")
    codes = {*login.errors, "BAD_REQUEST", "UNSUPPORTED_TYPE", "RATE_LIMITED"}
    assert told == {(STATUS_OF[code], code) for code in codes}


def test_every_field_of_the_login_is_told() -> None:
    section = rows(pages.section(PORTAL, "Log in"))
    told = {name for row in section for name in re.findall(r"[a-z][a-z_.]+", row[0])}
    fields = {each.name for kind in (PcLoginRequest, PcLoginReply) for each in attrs.fields(kind)}
    user = {f"user.{each.name}" for each in attrs.fields(PcLoginUser)}
    assert told >= (fields - {"success", "user"}) | user


def test_the_portals_figures_are_those_of_the_code() -> None:
    text = PORTAL.read_text()
    for claim in (
        f"{portal.LASTS // 3_600_000} hours later",
        f"more than {rates.LOGINS.most} calls a minute",
        f"more than {tries.MOST_OF_A_BRANCH} logins a second at the branch, {tries.MOST_IN_ALL} in all",
        f"At most {rates.READS.most} reads a minute",
        f"{LARGEST_BODY:,} octets".replace(",", " "),
        f"{Limits().connections_per_address} connections",
        f"every {streams.ALIVE_EVERY:.0f} seconds",
        f"up to {streams.MOST_BY_ADDRESS} streams",
        f"left alone for {RESTS:.0f} seconds",
    ):
        assert claim in text, claim
    assert (tries.MOST_BY_NAME, tries.MOST_BY_ADDRESS, tries.WINDOW) == (3, 10, 300_000)
    assert (rates.LOGINS.seconds, rates.READS.seconds, streams.LASTS) == (60, 60, 3_600)


def test_every_address_of_the_portal_is_told() -> None:
    assert all(each.path in PORTAL.read_text() for each in routes())


SERVED = """
const parts = [": open\\n\\n", "event: bal", "ance\\ndata:\\n\\n:\\n\\nevent: balance\\ndata:\\n\\n"];
globalThis.fetch = async (path, { headers }) => {
  console.log(path, headers.Authorization);
  return { body: new Blob(parts).stream() };
};
await follow("t0ken", () => console.log("changed"));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not here")
def test_the_page_that_follows_the_stream_hears_of_changes() -> None:
    (block,) = (each for each in pages.blocks(PORTAL) if each.language == "javascript")
    command = ["node", "--input-type=module", "-"]
    done = subprocess.run(command, input=block.text + SERVED, capture_output=True, text=True, check=True, timeout=30)
    first, *heard = done.stdout.splitlines()
    assert first == "/api/wallet/pc-balance/changes Bearer t0ken"
    assert set(heard) == {"changed"}
