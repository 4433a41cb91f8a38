"""The virtual PC system as a program: its commands, its page in a real browser, its webhooks over real sockets."""

import hashlib
import hmac
import json
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.browser import CHROMIUM, Browser
from tests.end_to_end.cafe import eventually

ROOT = Path(__file__).parents[2]
KEY, TOKEN = "f00dfeed", "a-token"


class Receiver:
    """The other end of the webhook; answers what `status` says."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, dict[str, str]]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((body, {name.lower(): value for name, value in self.headers.items()}))
                answer = b'{"success": true, "sessions_terminated": 1}'
                self.send_response(receiver.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Nothing to standard error."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/api/pc-sync/event"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def events(self) -> list[tuple[str, str]]:
        """Kind and user of each, their signatures checked."""
        found = []
        for body, headers in self.received:
            made_here = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
            assert headers["x-pc-signature"] == f"sha256={made_here}"
            assert headers["x-pc-secret"] == TOKEN
            fields = json.loads(body)
            found.append((fields["event_type"], fields["pc_user_id"]))
        return found


class PcSystem:
    """A running scripts/pc-system."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        settings = {"location_id": "loc_abc", "token": TOKEN, "signing_key": KEY, "url": url, "api_key": "a-key"}
        (folder / "q1.json").write_text(json.dumps(settings))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(ROOT / "scripts/pc-system"), "serve", "--settings", str(self._folder / "q1.json")]
        command += ["--port", str(self.port), "--state", str(self._folder / "state.json")]
        with (self._folder / "out").open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        eventually(self._is_there)

    def _is_there(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.printed()
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            status, self._process = self._process.wait(10), None
            assert status == 0, self.printed()

    def printed(self) -> str:
        return (self._folder / "out").read_text()

    def run(self, *arguments: str, status: int = 0) -> str:
        """What a command prints."""
        command = [str(ROOT / "scripts/pc-system"), *arguments, "--port", str(self.port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that listens to webhooks."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def system(tmp_path: Path, receiver: Receiver) -> Iterator[PcSystem]:
    """A PC system that tells it."""
    made = PcSystem(tmp_path, receiver.url)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_the_commands_tell_the_server_and_show_its_answer(system: PcSystem, receiver: Receiver) -> None:
    assert re.fullmatch(
        r"USER_LOGOUT nora_01: HTTP 200, sessions_terminated 1, [\d.]+ ms \(accepted, 1 session ended\)\n",
        system.run("logout", "nora_01"),
    )
    system.run("login", "nora_01")
    system.run("top-up", "nora_01", "50000")
    assert receiver.events == [
        ("USER_LOGOUT", "nora_01"), ("USER_LOGIN", "nora_01"), ("BALANCE_UPDATE", "nora_01"),
    ]  # fmt: skip
    assert "nora_01" in system.run("list", "--on")
    assert TOKEN not in system.printed()
    assert KEY not in system.printed()


def test_a_command_that_cannot_be_done_ends_with_one_and_says_what_to_do(system: PcSystem, receiver: Receiver) -> None:
    assert "no such user" in system.run("logout", "nobody", status=1)
    receiver.status = 401
    assert "does not believe it" in system.run("logout", "nora_01", status=1)
    receiver.status = 503
    assert "still sent again" in system.run("logout", "minh_02", "--wait", "0.5", status=1)
    system.stop()
    assert "scripts/pc-system serve" in system.run("list", status=1)


def test_an_untold_logout_is_told_after_a_restart(system: PcSystem, receiver: Receiver) -> None:
    receiver.status = 503
    system.run("logout", "nora_01", "--wait", "0", status=1)
    system.stop()
    receiver.status = 200
    before = len(receiver.received)
    system.start()
    eventually(lambda: len(receiver.received) > before)
    assert len({body for body, _ in receiver.received}) == 1
    assert "away" in next(line for line in system.run("list").splitlines() if "nora_01" in line)


def test_a_storm_reaches_the_server_whole(system: PcSystem, receiver: Receiver) -> None:
    assert re.match(r"1000 logouts in [\d.]+ s: 1000 done;", system.run("storm", "--count", "1000"))
    assert len({body for body, _ in receiver.received}) == 1000
    assert len(set(receiver.events)) == 500


def test_faults_are_set_and_shown(system: PcSystem) -> None:
    assert re.search(r"latency +250\n", system.run("faults", "--latency", "250", "--down"))
    assert re.search(r"down +cut\n", system.run("faults"))
    assert re.search(r"down +up\n", system.run("faults", "--none"))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with Browser(tmp_path / "profile") as made:
        yield made


def count(browser: Browser, selector: str) -> Any:
    return browser.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length")


def test_the_page_shows_everybody_and_its_button_logs_off(
    system: PcSystem, receiver: Receiver, browser: Browser
) -> None:
    browser.open(f"http://127.0.0.1:{system.port}/")
    eventually(lambda: count(browser, "#users tr") == 500, within=30)
    browser.click("#filter")
    browser.type("nora_01")
    eventually(lambda: count(browser, "#users tr:not([hidden])") == 1)
    browser.click('button[data-user="nora_01"]')
    eventually(lambda: receiver.events == [("USER_LOGOUT", "nora_01")])
    eventually(lambda: count(browser, "#events li.done") == 1)
    assert "logout nora_01" in browser.evaluate("document.querySelector('#events').textContent")
    assert browser.evaluate("document.querySelector('button[data-user=\"nora_01\"]').textContent") == "Log on"


def test_the_page_sets_faults(system: PcSystem, browser: Browser) -> None:
    browser.open(f"http://127.0.0.1:{system.port}/")
    eventually(lambda: count(browser, "#users tr") == 500, within=30)
    browser.evaluate("document.querySelector('[name=down]').value = 'hang'")
    browser.click("#faults button[type=submit]")
    eventually(lambda: re.search(r"down +hang\n", system.run("faults")))
