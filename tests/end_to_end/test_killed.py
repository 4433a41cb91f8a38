"""A server that is killed between a decision and its acknowledgement carries every wish out after its restart."""

import signal
import time

import pytest

from tests.end_to_end.cafe import Cafe
from tests.end_to_end.nas import Nas
from tests.postgres import server_address

KILLS = 30 if server_address() is None else 5


@pytest.mark.timeout(300)
def test_every_wish_survives_the_kills_and_is_carried_out_once(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    for number in range(KILLS):
        session = f"801000{number:02x}"
        _come_online(cafe, nas, number, session)
        nas.answers_disconnects_with = None
        cafe.icafectl("session", "cut", str(number + 1), "--reason", "closing time")
        assert _asked_to_cut(nas, session)
        cafe.stop(signal.SIGKILL)
        assert cafe.read("session", "show", str(number + 1))["cut"] == "waiting"
        nas.disconnects.clear()
        nas.answers_disconnects_with = 41
        cafe.start()
        assert _asked_to_cut(nas, session)
        assert nas.report("Stop", session, User_Name=f"guest{number}", Acct_Terminate_Cause=6)
    cuts = cafe.read("cut", "list")
    assert [cut["outcome"] for cut in cuts] == ["confirmed"] * KILLS
    nas.disconnects.clear()
    cafe.stop(signal.SIGKILL)
    cafe.start()
    assert nas.wait_for_disconnect(within=1) is None  # what was carried out is not wished again


def _come_online(cafe: Cafe, nas: Nas, number: int, session: str) -> None:
    cafe.sell(f"guest{number}", "1h")
    accept = nas.log_in(f"guest{number}", "secret", f"AA:BB:CC:00:00:{number:02X}", Acct_Session_Id=session)
    assert accept is not None
    assert nas.report("Start", session, User_Name=f"guest{number}", Class=accept["Class"][0])


def _asked_to_cut(nas: Nas, session: str) -> bool:
    """Whether the Disconnect-Request of this session comes within seconds."""
    until = time.monotonic() + 8
    while time.monotonic() < until:
        if any(session.encode() in each.octets for each in nas.disconnects):
            return True
        nas.wait_for_disconnect(within=0.5)
    return False
