"""The page, its switches, the settings and the state."""

import json
from pathlib import Path

import pytest
from twisted.web.http_headers import Headers

from radiusd.virtual_pc_system.keeping import Keeper, StateError
from radiusd.virtual_pc_system.keeping import read as read_state
from radiusd.virtual_pc_system.settings import Settings, SettingsError, read
from radiusd.virtual_pc_system.users import generated
from tests.virtual_pc_system.given import JSON, System

GOOD = {"location_id": "loc_abc", "token": "T0KEN", "signing_key": "K3Y", "url": "http://127.0.0.1:8080/event"}


def test_there_are_five_hundred_users_with_names_of_their_own() -> None:
    users = generated(500)
    assert len(users) == 500
    assert list(users)[:2] == ["nora_01", "minh_02"]
    assert len({each.seat for each in users.values()}) == 500
    assert users == generated(500)


def test_the_page_and_its_parts_are_served_and_need_nothing_from_outside() -> None:
    system = System()
    for path in ("/", "/page.css", "/page.js"):
        status, text = system.fetch("GET", path)
        assert status == 200
        assert b"http://" not in text
        assert b"https://" not in text


def test_the_state_tells_everybody_and_says_nothing_twice() -> None:
    system = System(users=5)
    _, state = system.ask("GET", "/control/state")
    assert [each["name"] for each in state["users"]] == ["nora_01", "minh_02", "linh_03", "tuan_04", "hoa_05"]
    assert [each["is_on"] for each in state["users"]] == [True, True, True, True, False]
    assert (state["url"], state["location_id"]) == ("http://127.0.0.1:8080/api/pc-sync/event", "loc_abc")
    assert system.ask("GET", f"/control/state?after={state['revision']}")[1] == {"revision": state["revision"]}
    system.control.touch()
    assert "users" in system.ask("GET", f"/control/state?after={state['revision']}")[1]


def test_the_switches_change_the_cafe() -> None:
    system = System()
    nora = system.cafe.users["nora_01"]
    before = nora.balance
    system.press("log-off", user="nora_01")
    system.press("top-up", user="nora_01", amount=50_000)
    assert (nora.is_on, nora.balance) == (False, before + 50_000)
    system.press("log-on", user="nora_01")
    system.press("top-up", user="nora_01", amount=-1_000)
    assert (nora.is_on, nora.balance) == (True, before + 49_000)


@pytest.mark.parametrize(
    ("switch", "fields", "status"),
    [
        ("log-off", {"user": "nobody"}, 404),
        ("log-off", {}, 404),
        ("log-off", {"user": ["nora_01"]}, 404),
        ("top-up", {"user": "nora_01", "amount": 0}, 400),
        ("top-up", {"user": "nora_01", "amount": 1.5}, 400),
        ("top-up", {"user": "nora_01", "amount": -(10**9)}, 400),
        ("faults", {"fail": 1.1}, 400),
        ("faults", {"latency": -1}, 400),
        ("faults", {"down": "perhaps"}, 400),
        ("storm", {"count": 0}, 400),
        ("nothing", {}, 404),
    ],
)
def test_a_switch_that_is_pressed_wrongly_says_so_and_tells_nobody(
    switch: str, fields: dict[str, object], status: int
) -> None:
    system = System()
    found, text = system.ask("POST", f"/control/{switch}", fields)
    assert (found, text["success"]) == (status, False)
    assert system.server.received == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": ["127.0.0.1:8099"]}, 415),
        ({"Host": ["127.0.0.1"], "Content-Type": ["text/plain"]}, 415),
        ({"Host": ["evil.example"], "Content-Type": ["application/json"]}, 403),
        ({"Host": ["localhost.evil.example:8099"], "Content-Type": ["application/json"]}, 403),
    ],
)
def test_the_page_of_another_site_presses_no_switch(headers: dict[str, list[str]], status: int) -> None:
    system = System()
    assert system.ask("POST", "/control/log-off", {"user": "nora_01"}, Headers(headers))[0] == status
    assert system.cafe.users["nora_01"].is_on
    assert system.server.received == []


@pytest.mark.parametrize("host", ["localhost:8099", "[::1]:8099", "192.168.1.5:8099"])
def test_the_machine_itself_may(host: str) -> None:
    headers = JSON.copy()
    headers.setRawHeaders("Host", [host])
    assert System().ask("POST", "/control/log-off", {"user": "nora_01"}, headers)[0] == 200


def test_faults_that_are_not_named_stay_as_they_are() -> None:
    system = System()
    system.press("faults", latency=100, fail=0.5)
    assert system.press("faults", fail=0)["latency"] == 100
    assert system.sender.faults is system.api.faults


# Settings


def test_settings_are_what_set_up_prints(tmp_path: Path) -> None:
    file = tmp_path / "q1.json"
    file.write_text(json.dumps({**GOOD, "api_key": "A", "curl": "something more"}))
    assert read(file) == Settings(**GOOD, api_key="A")
    file.write_text(json.dumps(GOOD))
    assert read(file).api_key is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("T0KEN K3Y", "it is not JSON"),
        ("{}", "location_id"),
        (json.dumps({**GOOD, "url": "here"}), "url"),
        (json.dumps({**GOOD, "signing_key": ""}), "signing_key"),
        (json.dumps({**GOOD, "token": ["T0KEN"]}), "token"),
    ],
)
def test_settings_that_are_wrong_say_where_and_repeat_no_secret(text: str, what: str, tmp_path: Path) -> None:
    file = tmp_path / "q1.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=what) as told:
        read(file)
    assert "pc-sync set-up NAME --json" in str(told.value)
    assert "T0KEN" not in str(told.value)
    assert "K3Y" not in str(told.value)


def test_settings_that_are_not_there_say_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        read(tmp_path / "none.json")


# The state


def test_money_keys_and_untold_events_outlive_the_program(tmp_path: Path) -> None:
    system = System(500)
    system.press("top-up", user="nora_01", amount=5)
    system.cafe.debit({"user_id": "nora_01", "amount": 7, "idempotency_key": "k"}, 5.0)
    file = tmp_path / "state.json"
    keeper = Keeper(system.clock, file, system.cafe, system.sender)
    waiting = len(system.clock.getDelayedCalls())
    keeper.changed()
    keeper.changed()
    assert len(system.clock.getDelayedCalls()) == waiting + 1
    system.turn(0.9)
    assert read_state(file) is None
    system.turn(0.2)
    state = read_state(file)
    assert state is not None
    assert {each.name: each for each in state.users} == system.cafe.users
    assert (state.debits, state.given) == (system.cafe.debits, system.cafe.given)
    (untold,) = state.untold
    assert (untold.kind, untold.user, untold.body.encode()) == (
        "BALANCE_UPDATE",
        "nora_01",
        system.server.received[0].body,
    )
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_another_file_is_not_taken_for_a_state(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("{}")
    with pytest.raises(StateError, match="delete it"):
        read_state(file)
