"""radclient speaks with us, and tshark reads what we say: two programs that we did not write."""

import shutil
import subprocess
from pathlib import Path

import pytest
from pyrad.packet import AuthPacket

from tests.end_to_end import capture
from tests.end_to_end.cafe import SECRET, Cafe
from tests.end_to_end.nas import DICTIONARY, Nas

PHONE, TABLET = "AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02"

needs_radclient = pytest.mark.skipif(shutil.which("radclient") is None, reason="radclient is not installed")
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@pytest.fixture
def hour(cafe: Cafe) -> Cafe:
    """A café that sold nora an hour."""
    cafe.icafectl("package", "add", "1h", "--time", "1h", "--up", "2M", "--down", "10M")
    cafe.sell("nora", "1h")
    return cafe


def radclient(cafe: Cafe, kind: str, *attributes: str, secret: str = SECRET) -> str:
    """What radclient prints; one try of a second."""
    keyfile = cafe.folder / "radclient-secret"
    keyfile.write_text(secret)
    port = cafe.auth if kind in ("auth", "status") else cafe.acct
    done = subprocess.run(
        ["radclient", "-x", "-r", "1", "-t", "1", "-S", str(keyfile), f"127.0.0.1:{port}", kind],
        input=", ".join(attributes),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout + done.stderr


LOGIN = ('User-Name = "nora"', f'Calling-Station-Id = "{PHONE}"', 'Acct-Session-Id = "80100001"')
SIGNED = "Message-Authenticator = 0x00"


@needs_radclient
@pytest.mark.parametrize("password", ['User-Password = "secret"', 'CHAP-Password = "secret"'])
def test_radclient_is_accepted_by_pap_and_by_chap(hour: Cafe, password: str) -> None:
    printed = radclient(hour, "auth", *LOGIN, password, SIGNED)
    assert "Received Access-Accept" in printed
    assert "Session-Timeout = 3600" in printed
    assert 'Mikrotik-Rate-Limit = "2M/10M"' in printed
    assert "Acct-Interim-Interval = 120" in printed


@needs_radclient
def test_radclient_is_rejected_alike_for_a_wrong_password_and_an_unknown_name(hour: Cafe) -> None:
    wrong = radclient(hour, "auth", *LOGIN, 'User-Password = "wrong"', SIGNED)
    unknown = radclient(hour, "auth", 'User-Name = "nobody"', 'User-Password = "wrong"', SIGNED)
    for printed in (wrong, unknown):
        assert "Received Access-Reject" in printed
        assert 'Reply-Message = "Wrong user name or password."' in printed


@needs_radclient
def test_radclient_is_answered_after_start_interim_and_stop(hour: Cafe) -> None:
    radclient(hour, "auth", *LOGIN, 'User-Password = "secret"', SIGNED)
    figures = ("Acct-Session-Time = 1", "Acct-Input-Octets = 100", "Acct-Output-Octets = 900")
    assert "Received Accounting-Response" in radclient(hour, "acct", *LOGIN, "Acct-Status-Type = Start")
    assert "Received Accounting-Response" in radclient(
        hour, "acct", *LOGIN, *figures, "Acct-Status-Type = Interim-Update"
    )
    ended = ("Acct-Status-Type = Stop", "Acct-Terminate-Cause = User-Request")
    assert "Received Accounting-Response" in radclient(hour, "acct", *LOGIN, *figures, *ended)
    session = hour.sessions()[0]
    assert (session["phase"], session["end_reason"]) == ("TERMINATED", "USER_LOGOUT")
    assert (session["uploaded"], session["downloaded"]) == (100, 900)
    assert hour.icafectl("doctor", "store")


@needs_radclient
def test_radclient_with_a_wrong_secret_gets_no_answer(hour: Cafe) -> None:
    for kind, more in (("auth", 'User-Password = "secret"'), ("acct", "Acct-Status-Type = Start")):
        printed = radclient(
            hour, kind, *LOGIN, more, SIGNED if kind == "auth" else "Acct-Delay-Time = 0", secret="wrong"
        )
        assert "No reply" in printed
        assert "Received" not in printed
    counted = hour.counters()
    assert counted["dropped_bad_message_authenticator"] >= 1
    assert counted["dropped_bad_authenticator"] >= 1


@needs_radclient
def test_radclient_asks_for_the_status_of_both_ports(hour: Cafe) -> None:
    assert "Received Access-Accept" in radclient(hour, "status", SIGNED)


@needs_radclient
def test_once_signed_always_signed_over_a_restart_too(hour: Cafe) -> None:
    unsigned = (*LOGIN, 'User-Password = "secret"')
    assert "Received Access-Accept" in radclient(hour, "auth", *unsigned)
    assert "Received Access-Accept" in radclient(hour, "auth", *unsigned, SIGNED)
    assert "No reply" in radclient(hour, "auth", *unsigned)
    hour.stop()
    hour.start()
    assert "No reply" in radclient(hour, "auth", *unsigned)
    assert hour.counters()["dropped_message_authenticator_missing"] >= 1


def test_a_duplicate_gets_the_same_bytes_and_no_second_decision(hour: Cafe) -> None:
    with Nas(hour.auth, hour.acct, hour.coa) as nas:
        request = AuthPacket(secret=SECRET.encode(), dict=DICTIONARY)
        request["User-Name"] = "nora"
        request["User-Password"] = request.PwCrypt("secret")
        request.add_message_authenticator()
        octets = request.RequestPacket()
        first, again = nas.ask(octets, "auth"), nas.ask(octets, "auth")
    assert first is not None
    assert again is not None
    assert first.octets == again.octets
    assert first.octets[20:22] == b"\x50\x12"  # Message-Authenticator comes first
    assert hour.counters()["duplicate"] == 1
    assert hour.counters()["received_1"] == 1


@needs_tshark
def test_tshark_finds_every_packet_of_an_evening_whole_and_signed(hour: Cafe, tmp_path: Path) -> None:
    with Nas(hour.auth, hour.acct, hour.coa) as nas:
        for number, mac in enumerate((PHONE, TABLET), 1):
            line = f"8010000{number}"
            accept = nas.log_in("nora", "secret", mac, Acct_Session_Id=line, Framed_IP_Address=f"10.5.0.{number}")
            assert accept is not None
            named = {"User_Name": "nora", "Class": accept["Class"][0]}
            assert nas.report("Start", line, **named)
            assert nas.report("Interim-Update", line, Acct_Session_Time=1, Acct_Output_Octets=5, **named)
        assert nas.report(
            "Stop", "80100002", Acct_Session_Time=2, Acct_Output_Octets=9, Acct_Terminate_Cause=1, **named
        )
        assert nas.log_in("nora", "wrong", PHONE) is not None
        recording = nas.recording
    assert len(recording) >= 18
    assert any(frame.octets[0] == 40 for frame in recording), "nobody was disconnected"
    file = tmp_path / "evening.pcap"
    capture.write(file, recording)
    ports = (hour.auth, hour.acct, hour.coa)

    def count(what: str) -> int:
        return capture.count(file, what, SECRET, ports)

    assert count("radius") == len(recording)
    assert count("_ws.malformed || radius.invalid_length") == 0
    # tshark verifies what answers something; the requests were verified by whoever they were sent to.
    replies = sum(frame.octets[0] in (2, 3, 5, 41) for frame in recording)
    assert count("radius.authenticator.valid == 1") == replies == len(recording) / 2
    assert count("radius.authenticator.invalid == 1") == 0
    assert capture.count(file, "radius.authenticator.invalid == 1", "another secret", ports) > 0
