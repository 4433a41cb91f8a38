"""The portal: the PC's name and password for a token of ours, the balance live, and never more guesses than allowed."""

from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import select
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, formatEvent

from policy.quantities import Instant
from radiusd.pc_system.client import PcSystemClient
from radiusd.pc_system.http import over
from radiusd.store import accounts, devices, portal
from radiusd.store.database import Database
from radiusd.store.pc_schema import pc_events, pc_users, portal_logins
from radiusd.web.errors import WebError
from radiusd.web.fair import FairQueue
from radiusd.web.portal.guests import Guests
from radiusd.web.portal.login import PcLoginReply, PcLoginRequest, PcLogins
from radiusd.web.portal.tries import (
    MOST_BY_ADDRESS,
    MOST_BY_NAME,
    MOST_IN_ALL,
    MOST_OF_A_BRANCH,
    WINDOW,
    Crowd,
)
from radiusd.web.portal.wallet import Wallet
from radiusd.web.routes import Call, Headers
from tests.pc_sync.given import SOURCE
from tests.pc_sync.town import LOCATION, PcCafe
from tests.pc_system.given import PcSystem, says
from tests.server.given import PHONE, TABLET

BALANCE = 918_273_645
WELCOME = says(
    success=True, user_id="minh_02", username="minh", balance=BALANCE, session_token="pc-session", expires_at=None
)
WRONG = says(401, success=False, error_code="INVALID_CREDENTIALS", message="no")
STRANGER = says(404, success=False, error_code="USER_NOT_FOUND", message="no such user")
LIVE = says(balance_vnd=BALANCE)


class Portal:
    """A guest's phone, the server, and a PC system that answers what it is told."""

    def __init__(self, cafe: PcCafe) -> None:
        self.cafe = cafe
        self.pc = PcSystem(WELCOME)
        client = PcSystemClient(over(self.pc), cafe.clock, Random(3))
        guests = Guests(self._find, lambda: cafe.known.directory)
        self._guests = guests
        self._tokens = (f"token {number}" for number in range(1_000))
        self._logins = PcLogins(guests, client, FairQueue(cafe.submit), cafe.vault, lambda: next(self._tokens))
        self.wallet = Wallet(guests, client, cafe.balances, lambda: cafe.at)

    async def _find(self, token: str) -> portal.PortalLogin | None:
        with self.cafe.database.reading() as connection:
            return portal.find(connection, self.cafe.vault, token, self.cafe.at)

    def _call(self, source: str, **more: Any) -> Call:
        return Call(source=source, body=b"", headers=Headers({}), at=self.cafe.at, **more)

    def log_in(self, name: str = "minh", source: str = SOURCE, **more: Any) -> Any:
        """The reply, or the WebError, or nothing yet."""
        asked = PcLoginRequest(**{"username": name, "password": "hunter2", "location_id": LOCATION, **more})
        return outcome(self._logins.log_in(self._call(source, value=asked)))

    def guest(self, token: str) -> Any:
        """Whose token it is."""
        return outcome(self._guests.authenticate(token))

    def balance(self, token: str) -> Any:
        """What is shown to whoever has this token."""
        return outcome(self.wallet.balance(self._call(SOURCE, guest=self.guest(token))))


def outcome(coroutine: Coroutine[Any, Any, Any]) -> Any:
    answers: list[Any] = []
    done = Deferred.fromCoroutine(coroutine)
    done.addCallbacks(answers.append, lambda failure: answers.append(failure.trap(WebError) and failure.value))
    return answers[0] if answers else None


@pytest.fixture
def phone(cafe: PcCafe) -> Portal:
    return Portal(cafe)


# Letting in


def test_the_right_password_gives_a_token_that_names_the_guest(phone: Portal) -> None:
    reply = phone.log_in()
    assert isinstance(reply, PcLoginReply)
    assert (reply.user.pc_user_id, reply.user.username, reply.user.balance) == ("minh_02", "minh", BALANCE)
    login = phone.guest(reply.session_token)
    assert (login.pc_user_id, login.account_id, login.pc_token) == ("minh_02", login.account_id, "pc-session")


def test_user_account_and_device_are_tied_so_that_a_logout_finds_them(phone: Portal) -> None:
    phone.pc.answers = [says(success=True, user_id="nora_01", username="nora", balance=1, session_token="s")]
    assert phone.log_in("nora", device_mac=PHONE).device_tied
    assert phone.cafe.log_in(PHONE, "", PHONE).code == 2
    assert phone.cafe.logout("nora_01") == 1


def test_a_new_user_gets_an_account_and_never_one_that_somebody_has(phone: Portal) -> None:
    cafe = phone.cafe
    phone.pc.answers = [says(success=True, user_id="nora", username="nora", balance=1, session_token="s")]
    first, again = phone.log_in("nora"), phone.log_in("nora")
    assert first.user.id == again.user.id == f"nora@{LOCATION}"
    phone.pc.answers = [says(success=True, user_id="wifi_7", username="x", balance=1, session_token="s")]
    assert phone.log_in("x").user.id == f"wifi_7@{LOCATION}"
    with cafe.database.reading() as connection:
        assert accounts.find(connection, f"nora@{LOCATION}")["id"] != accounts.find(connection, "nora")["id"]
        assert len(connection.execute(select(pc_users)).all()) == 3


def test_a_device_of_another_account_stays_there(phone: Portal) -> None:
    with phone.cafe.database.writing() as connection:
        devices.tie(connection, PHONE, accounts.find(connection, "nora")["id"], phone.cafe.at)
    assert not phone.log_in(device_mac=PHONE).device_tied
    assert phone.log_in(device_mac=TABLET).device_tied
    assert phone.log_in(device_mac=TABLET.lower().replace(":", "-")).device_tied


def test_a_mac_that_is_none_is_refused_before_the_pc_system_is_asked(phone: Portal) -> None:
    refused = phone.log_in(device_mac="my phone")
    assert (refused.status, "AA:BB:CC:DD:EE:FF" in refused.message) == (400, True)
    assert phone.pc.calls == []


def test_a_token_lasts_a_day(phone: Portal) -> None:
    token = phone.log_in().session_token
    phone.cafe.at = Instant(phone.cafe.at + portal.LASTS - 1)
    assert phone.guest(token) is not None
    phone.cafe.at = Instant(phone.cafe.at + 1)
    assert phone.guest(token) is None


def test_a_pc_logout_ends_it_and_one_that_happened_before_it_does_not(phone: Portal) -> None:
    phone.cafe.pass_time(60)
    token = phone.log_in().session_token
    phone.cafe.logout("minh_02", ago=30)
    assert phone.guest(token) is not None
    phone.cafe.logout("minh_02")
    assert phone.guest(token) is None


def test_of_the_token_only_its_hash_is_kept_and_the_pc_systems_token_is_sealed(phone: Portal) -> None:
    token = phone.log_in().session_token
    with phone.cafe.database.reading() as connection:
        row = str(connection.execute(select(portal_logins)).all())
    assert token not in row
    assert "pc-session" not in row


@pytest.mark.parametrize("token", ["", "token 0x", "x" * 100_000, "caf\u00e9"])
def test_a_token_of_nobody_is_nobodys(phone: Portal, token: str) -> None:
    phone.log_in()
    assert phone.guest(token) is None


# Keeping out


def test_a_wrong_name_and_a_wrong_password_get_the_same_words(phone: Portal) -> None:
    answers = set()
    for wrong in (WRONG, STRANGER):
        phone.pc.answers = [wrong]
        refused = phone.log_in(f"guest {wrong.status}")
        answers.add((refused.status, refused.code, refused.message))
    assert answers == {(401, "INVALID_CREDENTIALS", "Wrong user name or password.")}


def test_the_fourth_guess_in_five_minutes_is_not_even_asked_about(phone: Portal) -> None:
    phone.pc.answers = [WRONG]
    told = [phone.log_in(name).status for name in ("minh", "MINH", "Minh", "minh")]
    assert told == [401, 401, 401, 429]
    assert len(phone.pc.calls) == MOST_BY_NAME
    phone.cafe.at = Instant(phone.cafe.at + WINDOW)
    assert phone.log_in().status == 401


def test_it_says_when_to_try_again(phone: Portal) -> None:
    phone.pc.answers = [WRONG]
    for _ in range(3):
        phone.log_in()
        phone.cafe.pass_time(10)
    assert phone.log_in().headers == (("Retry-After", "270"),)


def test_from_one_address_ten_names_may_be_guessed(phone: Portal) -> None:
    phone.pc.answers = [WRONG]
    told = [phone.log_in(f"guest {number}").status for number in range(MOST_BY_ADDRESS + 1)]
    assert told == [401] * MOST_BY_ADDRESS + [429]
    assert phone.log_in("another", source="203.0.113.99").status == 401


def test_guesses_that_are_made_all_at_once_count_before_they_are_answered(phone: Portal) -> None:
    phone.pc.answers = [None]
    waiting = [phone.log_in() for _ in range(5)]
    assert [each and each.status for each in waiting] == [None, None, None, 429, 429]


def test_of_a_flood_of_guesses_from_everywhere_only_so_many_a_second_reach_the_pc_system(phone: Portal) -> None:
    phone.pc.answers = [WRONG]

    def guess(number: int) -> Any:
        return phone.log_in(f"guest {number}", source=f"203.0.113.{number}")

    told = [guess(number) for number in range(MOST_OF_A_BRANCH + 5)]
    assert [each.status for each in told] == [401] * MOST_OF_A_BRANCH + [429] * 5
    assert len(phone.pc.calls) == MOST_OF_A_BRANCH
    assert told[-1].headers == (("Retry-After", "1"),)
    phone.cafe.pass_time(1)
    # Being held back was no guess: all three of that name are left.
    last = MOST_OF_A_BRANCH + 4
    assert [guess(last).status for _ in range(MOST_BY_NAME + 1)] == [401] * MOST_BY_NAME + [429]


def test_a_flood_at_many_branches_is_bounded_in_all() -> None:
    crowd = Crowd()
    waits = [crowd.begin(number, 1_000) for number in range(MOST_IN_ALL + 1)]
    assert waits == [0] * MOST_IN_ALL + [1_000]
    assert crowd.begin(1, 2_000) == 0


def test_whoever_knows_the_password_may_log_in_as_often_as_they_like(phone: Portal) -> None:
    assert all(isinstance(phone.log_in(), PcLoginReply) for _ in range(20))


def test_a_pc_system_that_is_away_costs_no_guess(phone: Portal) -> None:
    phone.pc.answers = [says(500), says(500), says(500), WRONG]
    told = [(each.status, each.code) for each in (phone.log_in(), phone.log_in())]
    assert told == [(502, "PC_API_ERROR")] * 2
    phone.pc.answers = [WRONG]
    assert [phone.log_in().status for _ in range(3)] == [401] * 3


def test_an_unknown_location_and_one_without_an_api_are_told_apart(phone: Portal) -> None:
    assert phone.log_in(location_id="loc_moon").code == "LOCATION_NOT_FOUND"
    known = phone.cafe.known
    systems = {key: evolve(each, api_url=None) for key, each in known.directory.pc_systems.items()}
    known.replace(evolve(known.directory, pc_systems=systems))
    assert phone.log_in().code == "PC_API_UNAVAILABLE"


# The balance


def test_the_balance_is_the_pc_systems_of_this_moment(phone: Portal) -> None:
    token = phone.log_in().session_token
    for amount, shown in ((150_000, "150,000 VND"), (0, "0 VND")):
        phone.pc.answers = [says(balance_vnd=amount)]
        reply = phone.balance(token)
        assert (reply.balance, reply.currency, reply.formatted) == (amount, "VND", shown)
    assert phone.pc.calls[-1].bearer == "pc-session"


def test_with_the_pc_system_away_that_is_said_and_nothing_old_is_shown(phone: Portal) -> None:
    token = phone.log_in().session_token
    phone.balance(token)
    phone.pc.answers = [None]
    asked = outcome(phone.wallet.balance(phone._call(SOURCE, guest=phone.guest(token))))
    assert asked is None
    refused: list[Any] = []
    again = Deferred.fromCoroutine(phone.wallet.balance(phone._call(SOURCE, guest=phone.guest(token))))
    again.addErrback(lambda failure: refused.append(failure.value))
    phone.cafe.clock.pump([0.1] * 300)
    assert [(each.status, each.code) for each in refused] in ([(504, "PC_API_TIMEOUT")], [(503, "PC_API_UNAVAILABLE")])


def test_the_figure_is_nowhere_in_the_store_the_logs_or_what_is_remembered(
    phone: Portal, database: Database, logged: list[LogEvent]
) -> None:
    token = phone.log_in().session_token
    phone.pc.answers = [LIVE]
    assert phone.balance(token).balance == BALANCE
    phone.cafe.pc("BALANCE_UPDATE", "minh_02")
    figure = str(BALANCE)
    with database.reading() as connection:
        for table in pc_events.metadata.sorted_tables:
            assert figure not in str(connection.execute(table.select()).all()), table.name
    assert logged
    assert figure not in " ".join(str(formatEvent(each)) + repr(each) for each in logged)
    assert figure not in repr(phone.balance(token))
    assert figure not in repr(phone.log_in())
    phone.pc.answers = [None]
    assert phone.balance(token) is None  # nothing is shown before the PC system has answered again
