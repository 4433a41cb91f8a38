"""Log off the gaming PC and the WiFi is gone, and nobody else can do it: the venue owner's statements 1-4, 11, 12."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from attrs import evolve

from tests.end_to_end.cafe import SECRET, Cafe, eventually
from tests.end_to_end.nas import Arrival, Nas
from tests.end_to_end.pc_town import PcOwner, Post, ask, ask_json

PHONE, TABLET = "AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02"
ACCEPT, REJECT = 2, 3
TERMINATED = ("TERMINATED", "PC_LOGOUT")


@pytest.fixture
def owner(cafe: Cafe) -> PcOwner:
    """Who has the secrets of q1; nora is nora_01 at its PCs and has an hour."""
    made = PcOwner(cafe)
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    cafe.icafectl("account", "set", "nora", "--pc-user", "nora_01")
    return made


def come_online(nas: Nas, name: str = "nora", mac: str = PHONE, line: str = "80100001") -> None:
    accept = nas.log_in(name, "secret", mac, Acct_Session_Id=line, Framed_IP_Address="10.5.0.2")
    assert accept is not None
    assert accept.code == ACCEPT
    assert nas.report("Start", line, User_Name=name, Class=accept["Class"][0])


def code(nas: Nas, name: str = "nora", mac: str = PHONE) -> int:
    answer = nas.log_in(name, "secret", mac)
    assert answer is not None
    return int(answer.code)


def phase(cafe: Cafe, number: int = 0) -> tuple[str, str | None]:
    session = cafe.sessions()[number]
    return session["phase"], session["end_reason"]


def disconnected(nas: Nas, within: float = 5.0) -> Arrival:
    arrival = nas.disconnects[0] if nas.disconnects else nas.wait_for_disconnect(within)
    assert arrival is not None
    return arrival


# 1


def test_a_logout_at_the_pc_cuts_the_wifi_within_a_second_and_keeps_the_device_out(
    cafe: Cafe, nas: Nas, owner: PcOwner
) -> None:
    come_online(nas)
    sent = time.time_ns()
    answer = owner.report("USER_LOGOUT")
    assert (answer.status, answer.fields["success"], answer.fields["sessions_terminated"]) == (200, True, 1)
    assert phase(cafe) == TERMINATED
    arrival = disconnected(nas)
    assert arrival.at - sent < 1_000_000_000
    assert nas.named_in(arrival)["User-Name"] == "nora"
    assert code(nas) == REJECT
    assert "PC" in cafe.icafectl("why", "nora")
    assert nas.report("Stop", "80100001", User_Name="nora", Acct_Terminate_Cause=6)
    eventually(lambda: "is proven off WiFi after" in cafe.log.read_text())
    assert owner.report("USER_LOGIN").status == 200
    assert code(nas) == ACCEPT


# 2


def forgeries(owner: PcOwner, post: Post) -> Iterator[tuple[str, Post]]:
    flipped = post.body[:30] + bytes([post.body[30] ^ 1]) + post.body[31:]
    yield "an altered body", evolve(post, body=flipped)
    yield "a body written anew", evolve(post, body=post.body.replace(b": ", b":"))
    for header in ("X-PC-Secret", "X-PC-Signature"):
        wrong = post.headers[header][:-1] + ("0" if post.headers[header][-1] != "0" else "1")
        yield f"a wrong {header}", evolve(post, headers={**post.headers, header: wrong})
        yield f"no {header}", evolve(post, headers={k: v for k, v in post.headers.items() if k != header})
    yield "ten minutes old", owner.signed(owner.event("USER_LOGOUT", ago=600))
    yield "from the future", owner.signed(owner.event("USER_LOGOUT", ago=-600))
    yield "of another location", owner.signed(owner.event("USER_LOGOUT", location_id="loc_elsewhere"))


def test_nobody_else_can_cut_it_and_the_answer_does_not_say_why(cafe: Cafe, nas: Nas, owner: PcOwner) -> None:
    cafe.icafectl("branch", "add", "q2")
    other = PcOwner(cafe, "q2")
    come_online(nas)
    post = owner.signed(owner.event("USER_LOGOUT"))
    answers = {name: owner.post(forged) for name, forged in forgeries(owner, post)}
    answers["another branch's key"] = owner.post(other.signed(post.body))
    cafe.icafectl("branch", "disallow", "q1", "127.0.0.1")
    cafe.icafectl("branch", "allow", "q1", "203.0.113.7")
    eventually(lambda: owner.post(owner.signed(owner.event("BALANCE_UPDATE"))).status == 401)
    answers["a foreign address"] = owner.post(post)
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert len({str(answer.fields) for answer in answers.values()}) == 1
    assert phase(cafe) == ("ACTIVE", None)
    assert nas.wait_for_disconnect(within=0.5) is None
    log = cafe.log.read_text()
    for cause in ("signature_wrong", "token_missing", "timestamp_stale", "location_wrong", "address_foreign"):
        assert cause in log
    assert owner.secrets["token"] not in log
    assert owner.secrets["signing_key"] not in log


def test_a_replay_does_nothing_more(cafe: Cafe, nas: Nas, owner: PcOwner) -> None:
    come_online(nas)
    post = owner.signed(owner.event("USER_LOGOUT"))
    first = owner.post(post)
    assert nas.report("Stop", "80100001", User_Name="nora", Acct_Terminate_Cause=6)
    assert owner.report("USER_LOGIN").status == 200
    come_online(nas, line="80100002")
    asked = len(nas.disconnects)
    assert [owner.post(post).fields for _ in range(100)] == [first.fields] * 100
    assert phase(cafe) == ("ACTIVE", None)
    assert nas.wait_for_disconnect(within=0.3) is None
    assert len(nas.disconnects) == asked


# 3


def test_no_logout_is_lost_with_the_router_away_and_the_server_killed_in_between(
    cafe: Cafe, nas: Nas, owner: PcOwner
) -> None:
    come_online(nas)
    nas.answers_disconnects_with = None
    assert owner.report("USER_LOGOUT").fields["sessions_terminated"] == 1
    cafe.stop(signal.SIGKILL)
    cafe.start()
    session = cafe.sessions()[0]["id"]
    assert cafe.read("session", "show", str(session))["cut"] in ("waiting", "not cut")
    nas.answers_disconnects_with = 42  # it is back, and knows of no such session
    back = time.monotonic()

    def is_cut() -> bool:
        nas.wait_for_disconnect(within=0.2)
        return (cafe.read("session", "show", str(session))["cut"] or "").startswith("gone")

    eventually(is_cut, within=60)
    assert time.monotonic() - back < 60


# 4


def test_a_logout_of_a_stranger_a_guest_or_at_another_branch_is_harmless(cafe: Cafe, nas: Nas, owner: PcOwner) -> None:
    cafe.icafectl("branch", "add", "q2")
    other = PcOwner(cafe, "q2")
    come_online(nas)
    cafe.sell("guest", "1h")  # tied to no PC user
    come_online(nas, "guest", TABLET, "80100002")
    for owner_, user in ((owner, "nobody"), (owner, "guest"), (owner, "nora"), (other, "nora_01")):
        answer = owner_.report("USER_LOGOUT", user)
        assert (answer.status, answer.fields["sessions_terminated"]) == (200, 0), user
    assert nas.wait_for_disconnect(within=0.5) is None
    assert [phase(cafe, 0), phase(cafe, 1)] == [("ACTIVE", None)] * 2


# 11


class PcSystem:
    """scripts/pc-system in a process of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.log = folder / "pc-system.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "radiusd.virtual_pc_system", "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._answers, within=20)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "-P", "-m", "radiusd.virtual_pc_system", *arguments, "--port", str(self.port)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@pytest.fixture
def pc_system(tmp_path: Path) -> Iterator[PcSystem]:
    """A PC system that runs."""
    made = PcSystem(tmp_path)
    made.start()
    yield made
    made.stop()


def test_the_balance_shown_is_the_pc_systems_of_that_moment_and_is_kept_nowhere(
    cafe: Cafe, nas: Nas, owner: PcOwner, pc_system: PcSystem, tmp_path: Path
) -> None:
    cafe.icafectl("branch", "pc-sync", "set", "q1", "--api-url", pc_system.url)
    base = f"http://127.0.0.1:{cafe.web}/api"
    wish = {"username": "nora_01", "password": "toy-nora_01", "location_id": owner.secrets["location_id"]}
    login = eventually(lambda: (answer := ask_json(f"{base}/auth/pc-login", wish)).status == 200 and answer)
    bearer = {"Authorization": f"Bearer {login.fields['session_token']}"}
    assert ask(f"{base}/wallet/pc-balance").status == 401
    pc_system.run("top-up", "nora_01", "73190000")
    shown = ask(f"{base}/wallet/pc-balance", headers=bearer)
    assert shown.status == 200
    assert shown.fields["balance"] == login.fields["user"]["balance"] + 73_190_000
    assert shown.fields["formatted"] == f"{shown.fields['balance']:,} VND"

    figure = str(shown.fields["balance"]).encode()
    files = [each for each in tmp_path.iterdir() if each.is_file() and each != pc_system.log]
    assert [each.name for each in files if figure in each.read_bytes()] == []

    with socket.create_connection(("127.0.0.1", cafe.web), 10) as page:
        token = login.fields["session_token"]
        page.sendall(
            f"GET /api/wallet/pc-balance/changes HTTP/1.1\r\nHost: q1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        assert b"text/event-stream" in received(page, b"\r\n\r\n")
        assert owner.report("BALANCE_UPDATE").status == 200
        assert figure not in received(page, b"event: balance\n")

    pc_system.stop()
    with ThreadPoolExecutor(3) as guests:
        away = list(guests.map(lambda _: ask(f"{base}/wallet/pc-balance", headers=bearer), range(3)))
    assert [(each.status, each.fields["error_code"]) for each in away] == [(502, "PC_API_ERROR")] * 3
    assert {"PC system does not answer" in each.fields["message"] for each in away} == {True}
    again = ask(f"{base}/wallet/pc-balance", headers=bearer)
    assert (again.status, again.fields["error_code"]) == (503, "PC_API_UNAVAILABLE")
    assert again.took < 1  # it is left alone for a while
    come_online(nas)  # whoever has paid gets in all the same
    assert owner.report("USER_LOGOUT").fields["sessions_terminated"] == 1
    assert ask(f"{base}/wallet/pc-balance", headers=bearer).status == 401


def received(from_: socket.socket, until: bytes) -> bytes:
    """All that comes, up to and with `until`."""
    octets = b""
    while until not in octets:
        more = from_.recv(4096)
        assert more, octets
        octets += more
    return octets


# 12


def test_branches_never_mix(cafe: Cafe, nas: Nas, owner: PcOwner) -> None:
    cafe.icafectl("branch", "add", "q2")
    other = PcOwner(cafe, "q2")
    come_online(nas)
    # The same name at the other branch is somebody else; its token opens nothing here, nor ours there.
    assert other.report("USER_LOGOUT", "nora_01").fields["sessions_terminated"] == 0
    ours = owner.secrets["location_id"]
    assert other.report("USER_LOGOUT", "nora_01", location_id=ours).status == 401
    assert phase(cafe) == ("ACTIVE", None)
    for identifier, secret in (("r1", "another secret of sixteen"), ("elsewhere", "x" * 16)):
        with Nas(cafe.auth, cafe.acct, 0, secret, identifier) as stranger:
            request = stranger.log_in("nora", "secret", TABLET) if secret != SECRET else None
            assert request is None
    cafe.icafectl("account", "add", "an", "--password", "-", "--branch", "q2", "--package", "1h", typed="secret")
    assert code(nas, "an", TABLET) == REJECT  # a guest of the other branch


def test_the_time_of_every_step_is_told_to_the_administrator(cafe: Cafe, nas: Nas, owner: PcOwner) -> None:
    come_online(nas)
    owner.report("USER_LOGOUT")
    assert nas.report("Stop", "80100001", User_Name="nora", Acct_Terminate_Cause=6)
    event = cafe.read("pc", "events", "q1")[0]
    assert event["kind"] == "USER_LOGOUT"
    assert datetime.fromisoformat(event["received_at"])
    assert "nora_01" in cafe.icafectl("pc", "events", "q1")
    assert "USER_LOGOUT" in cafe.icafectl("pc", "events", "nora_01")
