"""Dynamic Authorization Servers that we did not write are told to disconnect, and do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import freeradius, strongswan
from tests.end_to_end.cafe import SECRET, Cafe, eventually
from tests.end_to_end.nas import Nas

PHONE, LINE = "AA:BB:CC:00:00:01", "80100001"


def needs(missing: str) -> pytest.MarkDecorator:
    """Skips where something is missing."""
    return pytest.mark.skipif(bool(missing), reason=missing)


needs_strongswan = needs(strongswan.missing())
needs_freeradius = needs(freeradius.missing())


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[strongswan.Venue]:
    """A gateway and a laptop, not switched on yet."""
    with strongswan.Venue(tmp_path) as made:
        yield made


@pytest.fixture
def tunnelled_cafe(venue: strongswan.Venue, tmp_path: Path, database_url: str) -> Iterator[Cafe]:
    """An open café whose router is the gateway, and which sold nora an hour."""
    cafe = Cafe(tmp_path, database_url)
    config = cafe.config.read_text()
    for key in ("auth", "acct", "coa_source"):
        config = config.replace(f'{key} = "127.0.0.1', f'{key} = "{venue.server}')
    cafe.config.write_text(config)
    cafe.icafectl(
        "router", "add", "gateway", "--branch", "q1", "--address", venue.gateway_address, "--secret", "-",
        "--kind", "other", "--coa-port", str(strongswan.DAE_PORT), typed=SECRET,
    )  # fmt: skip
    cafe.icafectl("package", "add", "1h", "--time", "1h", "--up", "2M", "--down", "10M")
    cafe.sell("nora", "1h")
    with cafe:
        yield cafe


def shown(cafe: Cafe, session: int) -> Any:
    """The session and its one connection."""
    told = cafe.read("session", "show", str(session))
    (connection,) = told["connections"]
    return told, connection


def online(cafe: Cafe, nas: Nas, das: freeradius.FreeRadius) -> int:
    """The session of nora, who bought an hour and logged in."""
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    accept = nas.log_in("nora", "secret", PHONE, Acct_Session_Id=LINE, Framed_IP_Address="10.5.0.2")
    assert accept is not None
    assert nas.report("Start", LINE, User_Name="nora", Class=accept["Class"][0])
    das.comes_online(LINE)
    session: int = cafe.sessions("--active")[0]["id"]
    return session


def wish(told: dict[str, Any]) -> tuple[str, str]:
    """What became of the only cut of a session, and what that rests on."""
    (cut,) = told["commands"]
    return cut["outcome"], cut["evidence"]


@needs_strongswan
def test_strongswan_takes_down_the_tunnel_of_a_guest_who_is_cut_and_its_stop_proves_it(
    tunnelled_cafe: Cafe, venue: strongswan.Venue
) -> None:
    cafe = tunnelled_cafe
    gateway, laptop = venue.open_gateway(cafe.auth, cafe.acct), venue.open_laptop("nora", "secret")
    assert laptop.dials_in()
    assert laptop.reaches_what_is_behind_the_gateway()
    assert "nora" in gateway.associations()
    (session,) = cafe.sessions("--active")
    assert (session["router"], session["login"], session["online"]) == ("gateway", "nora", True)
    told, connection = shown(cafe, session["id"])
    assert connection["state"] == "OPEN"
    assert connection["framed_ip_address"] == "10.8.0.1"

    cafe.icafectl_itself("session", "cut", str(session["id"]), "--reason", "smoking")

    eventually(lambda: not gateway.associations(), within=5)
    eventually(lambda: shown(cafe, session["id"])[1]["state"] == "CLOSED", within=5)
    told, connection = shown(cafe, session["id"])
    assert (told["phase"], told["end_reason"]) == ("TERMINATED", "ADMIN_ACTION")
    assert wish(told) == ("confirmed", "the router's Stop")
    # strongSwan's Stop says 1, User-Request. There was no Interim, so these octets are the Stop's as well.
    assert connection["terminate_cause"] == 1
    assert connection["uploaded"] > 0
    assert connection["downloaded"] > 0
    assert "closing 1 IKE_SA matching Disconnect-Request, sending Disconnect-ACK" in gateway.log()
    assert not laptop.reaches_what_is_behind_the_gateway()
    assert not cafe.sessions("--active")

    assert not laptop.dials_in()
    assert not gateway.associations()
    cafe.icafectl("pass", "release", str(session["pass_id"]))
    assert laptop.dials_in()
    assert cafe.sessions("--active")[0]["id"] != session["id"]


@needs_strongswan
def test_strongswan_refuses_to_disconnect_whom_it_lost_and_the_guest_who_was_cut_stays_out(
    tunnelled_cafe: Cafe, venue: strongswan.Venue
) -> None:
    cafe = tunnelled_cafe
    gateway, laptop = venue.open_gateway(cafe.auth, cafe.acct), venue.open_laptop("nora", "secret")
    assert laptop.dials_in()
    (session,) = cafe.sessions("--active")
    cafe.stop()
    laptop.hangs_up()  # strongSwan says Stop to nobody, and forgets it
    eventually(lambda: not gateway.associations())
    cafe.start()
    assert cafe.sessions("--active")[0]["id"] == session["id"]

    cafe.icafectl_itself("session", "cut", str(session["id"]), "--reason", "smoking")

    eventually(lambda: "sending Disconnect-NAK" in gateway.log(), within=5)
    eventually(lambda: shown(cafe, session["id"])[1]["state"] == "CLOSED", within=5)
    told, _ = shown(cafe, session["id"])
    assert (told["phase"], told["end_reason"]) == ("TERMINATED", "ADMIN_ACTION")
    assert wish(told) == ("gone", "the router knows no such session")
    assert not laptop.dials_in()


@needs_freeradius
def test_freeradius_acknowledges_a_disconnect_and_the_stop_that_follows_proves_it(cafe: Cafe) -> None:
    with freeradius.FreeRadius(cafe) as das, Nas(cafe.auth, cafe.acct, coa=0) as nas:
        session = online(cafe, nas, das)
        cafe.icafectl_itself("session", "cut", str(session), "--reason", "smoking")
        eventually(lambda: not das.is_online(LINE), within=5)
        eventually(lambda: shown(cafe, session)[1]["state"] == "CLOSED", within=5)
        told, connection = shown(cafe, session)
        assert connection["terminate_cause"] == 6
        assert (told["phase"], told["end_reason"]) == ("TERMINATED", "ADMIN_ACTION")
        assert wish(told) == ("confirmed", "the router's Stop")
        assert (connection["uploaded"], connection["downloaded"]) == (700, 9000)
        assert "Sent Disconnect-ACK" in das.log()
        assert "Sent Disconnect-NAK" not in das.log()


@needs_freeradius
def test_freeradius_refuses_to_disconnect_whom_it_does_not_know_and_the_session_is_gone(cafe: Cafe) -> None:
    with freeradius.FreeRadius(cafe) as das, Nas(cafe.auth, cafe.acct, coa=0) as nas:
        session = online(cafe, nas, das)
        das.forgets(LINE)
        cafe.icafectl_itself("session", "cut", str(session), "--reason", "smoking")
        eventually(lambda: shown(cafe, session)[1]["state"] == "CLOSED", within=5)
        told, connection = shown(cafe, session)
        assert (told["phase"], told["end_reason"]) == ("TERMINATED", "ADMIN_ACTION")
        assert connection["terminate_cause"] is None
        assert wish(told) == ("gone", "the router knows no such session (503)")
        assert "Sent Disconnect-NAK" in das.log()
        assert "Sent Disconnect-ACK" not in das.log()
