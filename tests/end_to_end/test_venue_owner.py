"""What a venue owner would judge it by: time, data, devices, speed, cuts and outages, over real sockets."""

import signal
import time
from datetime import datetime

from tests.end_to_end.cafe import Cafe, eventually
from tests.end_to_end.nas import Nas

PHONE, TABLET, LAPTOP = "AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02", "AA:BB:CC:00:00:03"
ACCEPT, REJECT = 2, 3


def test_a_cut_session_is_disconnected_terminated_and_refused(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    accept = nas.log_in("nora", "secret", PHONE, Acct_Session_Id="80100001", Framed_IP_Address="10.5.0.2")
    assert accept is not None
    assert accept.code == ACCEPT
    assert nas.report("Start", "80100001", User_Name="nora", Class=accept["Class"][0])
    session = cafe.sessions("--active")[0]["id"]

    cafe.icafectl_itself("session", "cut", str(session), "--reason", "smoking")
    disconnect = nas.wait_for_disconnect()
    assert disconnect is not None

    named = nas.named_in(disconnect)
    assert (named["User-Name"], named["Acct-Session-Id"]) == ("nora", "80100001")
    assert named["Framed-IP-Address"] == "10.5.0.2"
    shown = cafe.read("session", "show", str(session))
    assert (shown["phase"], shown["end_reason"]) == ("TERMINATED", "ADMIN_ACTION")
    refused = nas.log_in("nora", "secret", PHONE)
    assert refused is not None
    assert refused.code == REJECT
    assert "smoking" in cafe.icafectl("why", "nora")
    assert cafe.read("session", "show", str(session))["cut"] in ("waiting", "not cut")  # an ACK alone proves nothing
    assert nas.report("Stop", "80100001", User_Name="nora", Acct_Terminate_Cause=6)
    (order,) = cafe.read("session", "show", str(session))["commands"]
    ordered = datetime.fromisoformat(order["created_at"]).timestamp()
    assert disconnect.at / 1e9 - ordered < 1
    assert (order["outcome"], order["evidence"], order["is_open"]) == ("confirmed", "the router's Stop", False)


def test_paid_time_is_exact_and_ends_within_five_seconds(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "short", "--time", "8s")
    cafe.sell("nora", "short")
    began = time.monotonic()
    first = nas.log_in("nora", "secret", PHONE, Acct_Session_Id="80100001")
    assert first is not None
    assert first["Session-Timeout"] == [8]
    assert nas.report("Start", "80100001", User_Name="nora", Class=first["Class"][0])
    for number in range(2, 5):
        time.sleep(1)
        again = nas.log_in("nora", "secret", PHONE, Acct_Session_Id=f"8010000{number}")
        assert again is not None
        left = 8 - (time.monotonic() - began)
        assert left - 1.1 <= again["Session-Timeout"][0] <= left + 0.6
    # The router says nothing more; the server ends it all the same.
    assert nas.wait_for_disconnect(within=8 - (time.monotonic() - began) + 5) is not None
    assert 8 <= time.monotonic() - began < 13
    assert cafe.sessions()[0]["phase"] == "EXPIRED"
    assert cafe.sessions()[0]["end_reason"] == "TIME_EXPIRED"
    refused = nas.log_in("nora", "secret", PHONE)
    assert refused is not None
    assert refused.code == REJECT


def test_the_data_cap_holds_beyond_four_gigabytes(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "5G", "--data", "5G")
    cafe.sell("nora", "5G")
    accept = nas.log_in("nora", "secret", PHONE, Acct_Session_Id="80100001")
    assert accept is not None
    assert accept["Mikrotik-Total-Limit"] == [5_000_000_000 - (1 << 32)]
    assert accept["Mikrotik-Total-Limit-Gigawords"] == [1]
    line = {"User_Name": "nora", "Class": accept["Class"][0]}
    assert nas.report("Start", "80100001", **line)

    def interim(total: int, seconds: int) -> bool:
        octets = {"Acct_Output_Octets": total % (1 << 32), "Acct_Output_Gigawords": total >> 32}
        upload = {"Acct_Input_Octets": 0, "Acct_Input_Gigawords": 0}
        return nas.report("Interim-Update", "80100001", Acct_Session_Time=seconds, **octets, **upload, **line)

    assert interim(5_000_000_000, 1)
    assert cafe.sessions()[0]["phase"] == "ACTIVE"
    assert not nas.disconnects
    assert interim(5_000_000_001, 2)
    assert nas.disconnects or nas.wait_for_disconnect(2) is not None
    session = cafe.sessions()[0]
    assert (session["phase"], session["end_reason"]) == ("EXPIRED", "DATA_LIMIT")
    assert session["data_used"] == 5_000_000_001


def test_with_one_place_the_old_phone_is_disconnected_before_the_new_one_is_accepted(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    first = nas.log_in("nora", "secret", PHONE, Acct_Session_Id="80100001", Framed_IP_Address="10.5.0.2")
    assert first is not None
    assert nas.report("Start", "80100001", User_Name="nora", Class=first["Class"][0])
    second = nas.log_in("nora", "secret", TABLET, Acct_Session_Id="80100002", Framed_IP_Address="10.5.0.3")
    assert second is not None
    assert second.code == ACCEPT
    disconnect = nas.disconnects[0] if nas.disconnects else nas.wait_for_disconnect(1)
    assert disconnect is not None
    assert disconnect.at < second.arrived_at
    assert nas.named_in(disconnect)["Acct-Session-Id"] == "80100001"
    new, old = cafe.sessions()
    assert (old["phase"], old["end_reason"], old["device"]) == ("TERMINATED", "DEVICE_CONFLICT", PHONE)
    assert (new["phase"], new["device"]) == ("ACTIVE", TABLET)
    assert new["time_left"] <= 3600


def test_with_two_places_the_third_device_is_refused_and_the_first_comes_back(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "family", "--time", "1h", "--devices", "2")
    cafe.sell("nora", "family")
    for number, mac in enumerate((PHONE, TABLET), 1):
        accept = nas.log_in("nora", "secret", mac, Acct_Session_Id=f"8010000{number}")
        assert accept is not None
        assert accept["Port-Limit"] == [3]
        assert nas.report("Start", f"8010000{number}", User_Name="nora", Class=accept["Class"][0])
    refused = nas.log_in("nora", "secret", LAPTOP, Acct_Session_Id="80100003")
    assert refused is not None
    assert refused.code == REJECT
    assert PHONE in refused["Reply-Message"][0]
    assert TABLET in refused["Reply-Message"][0]
    back = nas.log_in("nora", "secret", PHONE, Acct_Session_Id="80100004")
    assert back is not None
    assert back.code == ACCEPT


def test_the_sold_speed_is_sent_upload_first(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "fast", "--time", "1h", "--up", "2M", "--down", "10M")
    cafe.icafectl(
        "package", "add", "burst", "--time", "1h", "--up", "2M", "--down", "10M", "--burst", "20", "--priority", "5"
    )
    cafe.sell("nora", "fast")
    cafe.sell("an", "burst")
    accept = nas.log_in("nora", "secret", PHONE)
    assert accept is not None
    assert accept["Mikrotik-Rate-Limit"] == ["2M/10M"]
    accept = nas.log_in("an", "secret", TABLET)
    assert accept is not None
    assert accept["Mikrotik-Rate-Limit"] == ["2M/10M 2400k/12M 1600k/8M 10/10 5"]


def test_an_outage_loses_nothing(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "short", "--time", "6s")
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    cafe.sell("an", "short")
    lines = {}
    for name, mac, line in (("nora", PHONE, "80100001"), ("an", TABLET, "80100002")):
        accept = nas.log_in(name, "secret", mac, Acct_Session_Id=line)
        assert accept is not None
        lines[name] = {"User_Name": name, "Class": accept["Class"][0]}
        assert nas.report("Start", line, **lines[name])
    assert nas.report("Interim-Update", "80100001", Acct_Session_Time=1, Acct_Output_Octets=1000, **lines["nora"])
    cafe.stop(signal.SIGKILL)
    time.sleep(6)
    cafe.start()
    # What ended meanwhile is ended and cut, with nobody's help; what was acknowledged is there.
    assert nas.disconnects or nas.wait_for_disconnect(3) is not None
    assert nas.named_in(nas.disconnects[0])["User-Name"] == "an"
    by_name = {each["account"]: each for each in cafe.sessions()}
    assert (by_name["an"]["phase"], by_name["an"]["end_reason"]) == ("EXPIRED", "TIME_EXPIRED")
    assert (by_name["nora"]["phase"], by_name["nora"]["data_used"]) == ("ACTIVE", 1000)
    assert by_name["nora"]["time_left"] <= 3600 - 6
    assert nas.report("Interim-Update", "80100001", Acct_Session_Time=9, Acct_Output_Octets=5000, **lines["nora"])
    assert {each["account"]: each["data_used"] for each in cafe.sessions()}["nora"] == 5000


def test_a_cut_that_the_router_did_not_take_is_tried_until_it_does(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    accept = nas.log_in("nora", "secret", PHONE, Acct_Session_Id="80100001")
    assert accept is not None
    nas.answers_disconnects_with = None
    session = cafe.sessions()[0]["id"]
    cafe.icafectl("session", "cut", str(session), "--reason", "test")
    first = nas.wait_for_disconnect()
    again = nas.wait_for_disconnect(1)
    assert first is not None
    assert again is not None
    assert first.octets == again.octets  # the same Identifier and authenticator on a resend
    cafe.stop(signal.SIGKILL)
    cafe.start()
    nas.answers_disconnects_with = 42
    assert nas.wait_for_disconnect(10) is not None
    eventually(lambda: (cafe.read("session", "show", str(session))["cut"] or "").startswith("gone"))
