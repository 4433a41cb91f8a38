"""Logging in, what an Accept grants, and the command line."""

from hashlib import md5
from typing import Any

import pytest
from click.testing import CliRunner

from radiusd.virtual_router.cli import main
from radiusd.virtual_router.guests import Accepted, Guest, NoAnswer, Outcome, Rejected
from radiusd.virtual_router.habits import MEANINGS, Habits
from radiusd.wire.attributes import Attribute, encode_integer, encode_text
from radiusd.wire.authenticator import sign_access_reply
from radiusd.wire.codes import AcctStatusType, Code, TerminateCause
from tests.virtual_router.given import NORA, SECRET, US, Site

ALLOWED = encode_integer(Attribute.SESSION_TIMEOUT, 3600) + encode_integer(Attribute.ACCT_INTERIM_INTERVAL, 600)


def log_in(site: Site, guest: Guest, code: Code, attributes: bytes, secret: bytes = SECRET) -> list[Outcome]:
    """What comes of a login that is answered so."""
    outcomes: list[Outcome] = []
    site.router.log_in(guest).addCallback(outcomes.append)
    request = site.logins[-1]
    reply = sign_access_reply(code, request.identifier, request.authenticator, attributes, secret)
    site.router.link.datagramReceived(reply, US)
    return outcomes


def test_an_accepted_guest_is_online_for_what_was_granted() -> None:
    site = Site()
    outcome = log_in(site, NORA, Code.ACCESS_ACCEPT, ALLOWED)[0]
    assert isinstance(outcome, Accepted)
    assert outcome.online.grant.session_timeout == 3600
    site.reactor.pump([600] * 6)
    assert site.ended == [(outcome.online, TerminateCause.SESSION_TIMEOUT)]
    kinds = [each.status for each in site.reports]
    assert kinds[0] is AcctStatusType.START
    assert AcctStatusType.INTERIM_UPDATE in kinds


def test_a_rejected_guest_reads_why() -> None:
    site = Site()
    text = encode_text(Attribute.REPLY_MESSAGE, "your time is over")
    assert log_in(site, NORA, Code.ACCESS_REJECT, text) == [Rejected("your time is over")]
    assert site.router.online == []


def test_a_reply_with_another_secret_is_not_believed() -> None:
    site = Site()
    assert log_in(site, NORA, Code.ACCESS_ACCEPT, ALLOWED, secret=b"another one") == []
    assert site.router.link.bad_replies == 1


def test_nobody_answers() -> None:
    site = Site()
    outcomes: list[Outcome] = []
    site.router.log_in(NORA).addCallback(outcomes.append)
    site.reactor.pump([1.1] * 4)
    assert outcomes == [NoAnswer()]
    assert site.router.link.resends == 3


def test_a_random_mac_is_another_at_each_login() -> None:
    site = Site(Habits(random_mac=True))
    macs = {site.router.admit(NORA).line.mac for _ in range(5)}
    assert len(macs) == 5


def test_chap_answers_a_challenge_of_its_own() -> None:
    site = Site()
    site.router.log_in(NORA)
    values: Any = site.logins[0].values
    challenge = values[Attribute.CHAP_CHALLENGE]
    digest = md5(b"\x01secret" + challenge, usedforsecurity=False).digest()
    assert values[Attribute.CHAP_PASSWORD] == b"\x01" + digest


def test_the_command_lists_its_habits() -> None:
    done = CliRunner().invoke(main, ["habits"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == list(MEANINGS)


@pytest.mark.parametrize("arguments", [["--habit", "friendly"], ["--habit", "late=soon"]])
def test_what_is_no_habit_ends_the_command_with_a_sentence(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, ["--secret", "x", "evening", "--user", "u", "--password", "p", *arguments])
    assert done.exit_code == 2
    assert "habit" in done.output


def test_a_virtual_router_is_for_servers_of_ones_own() -> None:
    for arguments in (["--server", "8.8.8.8"], ["--local", "8.8.8.8"]):
        done = CliRunner().invoke(main, ["--secret", "x", *arguments, "listen"])
        assert done.exit_code == 2
        assert "private" in done.output
