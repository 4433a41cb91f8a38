"""The page for makers of launchers: its signature made anew, its example taken, its answers those of the code."""

import io
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from hashlib import sha256
from hmac import digest
from types import SimpleNamespace
from typing import Any

import attrs
import msgspec
import pytest
from twisted.internet.defer import Deferred

from policy.game import HEARTBEAT_EVERY, OTT_LASTS, SILENT_FOR
from policy.quantities import Instant
from radiusd.store.game_directory import Games, Launcher
from radiusd.web.errors import STATUS_OF, WebError
from radiusd.web.games import forms, launching, table
from radiusd.web.games.launching import Launching, LaunchingParts
from radiusd.web.routes import Call, Headers, Route
from tests.docs import pages
from tests.docs.pages import Block, rows

PAGE = pages.DOCS / "integrator" / "launcher.md"
TEXT = PAGE.read_text()
SIGNING = pages.blocks_under(PAGE, "How to sign")
PATH = "/v1/launcher/session/start"
HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
CALLS = {"start": PATH, "token": "/v1/launcher/ott"} | {
    each: f"/v1/launcher/session/{each}" for each in ("heartbeat", "end")
}

EXAMPLE = {row[0]: row[1] for row in rows(pages.section(PAGE, "How to sign")) if len(row) == 2}
SECRET, TIMESTAMP, NONCE, BODY, HASH, SIGNED, SIGNATURE = (
    next(value for name, value in EXAMPLE.items() if name.startswith(word))
    for word in ("secret", "timestamp", "nonce", "body", "SHA-256", "what is signed", "signature")
)


def block_in(language: str) -> Block:
    return next(block for block in SIGNING if block.language == language)


def routes() -> dict[str, Route]:
    """The full addresses, by what they are called on the page."""
    served: Any = SimpleNamespace(starter=lambda _: None, ott=None, heartbeat=None, end=None)
    found = {each.path: each for each in table.launcher_routes(served)}
    return {name: found[path] for name, path in CALLS.items()}


# The worked signature


def test_the_signature_is_that_of_the_five_lines() -> None:
    text = "\n".join(("POST", PATH, TIMESTAMP, NONCE, sha256(BODY.encode()).hexdigest()))
    assert sha256(BODY.encode()).hexdigest() == HASH
    assert digest(SECRET.encode(), text.encode(), sha256).hex() == SIGNATURE
    assert f"{len(text)} octets" == SIGNED
    assert f"body, {len(BODY.encode())} octets" in EXAMPLE


def test_wherever_the_page_shows_an_example_it_is_this_one() -> None:
    assert set(HEX.findall(TEXT)) == {HASH, SIGNATURE}
    for block in SIGNING:
        if block.language in ("python", "csharp"):
            assert all(f'"{value}"' in block.text for value in (SECRET, TIMESTAMP, NONCE, PATH))
            assert all(f'"{value}"' in block.text for value in ("192.168.10.21", "pc-21", "PC-21", "1.0", "nora_01"))


def test_the_shell_prints_it() -> None:
    shell = block_in("sh")
    done = subprocess.run(["bash", "-euc", shell.text], capture_output=True, text=True, check=True, timeout=10)
    assert done.stdout.strip() == shell.prints.strip() == SIGNATURE  # type: ignore[union-attr]


def test_python_prints_it() -> None:
    printed = io.StringIO()
    names: dict[str, Any] = {}
    with redirect_stdout(printed):
        exec(compile(block_in("python").text, str(block_in("python")), "exec"), names)  # noqa: S102 - the page's own text
    assert printed.getvalue().strip() == SIGNATURE
    assert names["body"] == BODY.encode()


# The example is a start that the server takes


class Nowhere:
    """A café's side that knows no address: who gets as far as this has signed as it should be."""

    async def verify_ip(self, ip: str) -> int | None:
        return None


def refused(headers: dict[str, str], body: str, at: int) -> str:
    """The code that a start is refused with at an address that is no café's."""
    launcher = Launcher(id=1, name="centre-pcs", branch_id=1, secret=SECRET.encode())
    directory: Any = SimpleNamespace(games=Games(launchers={launcher.name: launcher}))
    nobody: Any = None
    parts = LaunchingParts(
        directory=lambda: directory,
        cafe=Nowhere(),
        submit=nobody,
        new_token=nobody,
        new_ott=nobody,  # type: ignore[arg-type]
    )
    call = Call(at=Instant(at), source="203.0.113.9", headers=Headers(headers), body=body.encode())
    failed: list[Any] = []
    start: Any = Launching(parts).starter(PATH)(call)
    Deferred.fromCoroutine(start).addErrback(lambda failure: failed.append(failure.value))
    (error,) = failed
    assert isinstance(error, WebError)
    return error.code


def the_request() -> tuple[str, dict[str, str], str]:
    """The first line, the headers and the body of the request on the page."""
    http = next(block for block in pages.blocks(PAGE) if block.language == "http")
    head, _, body = http.text.partition("\n\n")
    first, *lines = head.splitlines()
    return first, dict(line.split(": ", 1) for line in lines), body.rstrip("\n")


def test_the_request_on_the_page_is_signed_as_the_server_wants_it() -> None:
    first, headers, body = the_request()
    assert (first, body) == (f"POST {PATH} HTTP/1.1", BODY)
    assert refused(headers, body, int(TIMESTAMP) * 1000) == "NOT_PC_CAFE"
    for name in ("X-Launcher-Id", "X-Timestamp", "X-Nonce", "X-Signature"):
        bent = {**headers, name: headers[name][:-1] + ("1" if headers[name][-1] == "0" else "0")}
        assert refused(bent, body, int(TIMESTAMP) * 1000) == "INVALID_SIGNATURE", name
    assert refused(headers, body + " ", int(TIMESTAMP) * 1000) == "INVALID_SIGNATURE"


@pytest.mark.parametrize(("off", "code"), [(300, "NOT_PC_CAFE"), (301, "INVALID_SIGNATURE")])
def test_the_clock_may_be_off_as_far_as_the_page_says(off: int, code: str) -> None:
    _, headers, body = the_request()
    assert "It may be 300 s off our clock" in TEXT
    assert launching.WINDOW == 300_000
    for sign in (1, -1):
        assert refused(headers, body, (int(TIMESTAMP) + sign * off) * 1000) == code


@pytest.mark.parametrize(("digits", "code"), [(32, "NOT_PC_CAFE"), (30, "INVALID_SIGNATURE")])
def test_a_nonce_is_as_long_as_the_page_says(digits: int, code: str) -> None:
    assert "32 to 128 hexadecimal digits" in TEXT
    text = "\n".join(("POST", PATH, TIMESTAMP, "a" * digits, HASH))
    headers = {
        **the_request()[1],
        "X-Nonce": "a" * digits,
        "X-Signature": digest(SECRET.encode(), text.encode(), sha256).hex(),
    }
    assert refused(headers, BODY, int(TIMESTAMP) * 1000) == code


# What is sent and answered


def test_every_field_of_a_start_is_told_and_whether_it_is_needed() -> None:
    told = {
        name.strip("` "): need
        for row in rows(pages.section(PAGE, "A start"))
        if len(row) == 3
        for name, need in ((each, row[1]) for each in row[0].split(","))
    }
    fields = {each.name: each for each in attrs.fields(forms.LauncherStart) if each.name != "hardware"}
    fields |= {f"hardware.{each.name}": each for each in attrs.fields(forms.Hardware)}
    assert told == {
        name: "needed" if each.default is attrs.NOTHING else "may be missing" for name, each in fields.items()
    }
    msgspec.json.decode(BODY, type=forms.LauncherStart, strict=True)


def test_the_answer_shown_has_the_form_of_answers() -> None:
    (shown,) = (each for each in pages.blocks(PAGE) if each.language == "json")
    answer = msgspec.json.decode(shown.text, type=forms.LauncherStartAnswer)
    assert json.loads(shown.text) == attrs.asdict(answer)
    assert (answer.data.expires_in, answer.data.heartbeat_in) == (SILENT_FOR, HEARTBEAT_EVERY)
    fields = {row[0] for row in rows(pages.section(PAGE, "A start")) if len(row) == 2} - {"Field of `data", "Header"}
    assert fields >= {each.name for each in attrs.fields(forms.LauncherStarted)}


def answers() -> Iterator[tuple[str, str, str]]:
    """Call, status and code of every line of the great table."""
    for calls, status, code, *_ in rows(pages.section(PAGE, "Every answer"))[1:]:
        for each in CALLS if calls == "all" else calls.split(", "):
            yield each, status, code


@pytest.mark.parametrize("name", list(CALLS))
def test_every_code_is_told_with_its_status(name: str) -> None:
    told = {(code, status) for call, status, code in answers() if call == name and status != "none"}
    route = routes()[name]
    codes = {*route.errors, "NOT_FOUND", "METHOD_NOT_ALLOWED"}
    assert told == {(code, str(STATUS_OF[code])) for code in codes}


def test_the_addresses_are_those_of_the_table() -> None:
    served: Any = SimpleNamespace(starter=lambda _: None, ott=None, heartbeat=None, end=None)
    short = {f"{each.method} {each.path}" for each in table.launcher_routes(served) if not each.path.startswith("/v1/")}
    assert short == set(re.findall(r"`([A-Z]+ /[\w/]+)`", pages.section(PAGE, "Short addresses")))
    for route in routes().values():
        path = route.path.removeprefix("/v1")
        assert re.search(rf'(?:-X {route.method} )?"\$URL{path}"', TEXT), route.path


def test_figures_are_those_of_the_code() -> None:
    assert f"it is good for {OTT_LASTS} seconds" in TEXT
    assert f"every {HEARTBEAT_EVERY} seconds while the launcher runs" in TEXT
    assert f"After {SILENT_FOR} seconds of silence" in TEXT
    assert f"at most {table.LARGEST_BODY} octets" in TEXT
