"""The page for makers of PC systems: its signatures made anew, its examples taken, its figures those of the code."""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from hashlib import sha256
from hmac import digest
from types import SimpleNamespace
from typing import Any, get_args

import attrs
import pytest

from policy.quantities import Instant
from radiusd.pc_system import client, errors, reading
from radiusd.pc_system.http import LONGEST_ANSWER, Answer
from radiusd.pc_system.values import DEFAULT_PATHS
from radiusd.store.pc_directory import PcKey, hash_token
from radiusd.web import rates, table
from radiusd.web.channel import Limits
from radiusd.web.errors import STATUS_OF, ErrorReply
from radiusd.web.pc_sync import shapes
from radiusd.web.pc_sync.events import NOT_ACCEPTED, PcSyncReply
from radiusd.web.pc_sync.guards import WINDOW, Delivery, Guards, LetIn
from radiusd.web.speaking import as_json
from tests.docs import pages
from tests.docs.pages import Block, rows
from tests.pc_sync.given import NOW, SOURCE, a_system

PAGE = pages.DOCS / "integrator" / "pc-sync.md"
TEXT = PAGE.read_text()
SIGNING = pages.blocks_under(PAGE, "How to sign")
REST = pages.section(PAGE, "What we ask of your REST API")
HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


EXAMPLE = {row[0]: row[1] for row in rows(pages.section(PAGE, "How to sign")) if len(row) == 2}
KEY, BODY, SIGNATURE = (
    next(value for name, value in EXAMPLE.items() if name.startswith(word))
    for word in ("signing key", "body", "signature")
)


def block_in(language: str) -> Block:
    return next(block for block in SIGNING if block.language == language)


# The worked signature


def test_the_signature_is_that_of_the_key_and_the_body() -> None:
    assert digest(KEY.encode(), BODY.encode(), sha256).hex() == SIGNATURE
    assert f"body, {len(BODY.encode())} octets" in EXAMPLE


def test_wherever_the_page_shows_an_example_it_is_this_one() -> None:
    in_forms = HEX.findall(pages.section(PAGE, "Older forms of the event"))
    assert set(HEX.findall(TEXT)) - set(in_forms) == {SIGNATURE}
    for block in SIGNING:
        assert KEY in block.text or block.language == "text"
        if block.language in ("python", "javascript", "csharp"):
            assert re.findall(r"\w+_(?:type|id)|timestamp", block.text)[:4] == list(json.loads(BODY))
            assert all(f'"{value}"' in block.text for value in json.loads(BODY).values())


def test_the_shell_prints_it() -> None:
    shell = block_in("sh")
    done = subprocess.run(["bash", "-euc", shell.text], capture_output=True, text=True, check=True, timeout=10)
    assert done.stdout.strip() == shell.prints.strip() == SIGNATURE  # type: ignore[union-attr]


def test_python_prints_it() -> None:
    printed = io.StringIO()
    names: dict[str, Any] = {}
    with redirect_stdout(printed):
        exec(compile(block_in("python").text, str(block_in("python")), "exec"), names)  # noqa: S102 - the page's own text
    assert printed.getvalue().strip() == f"sha256={SIGNATURE}"
    assert names["body"] == BODY.encode()


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not here")
def test_javascript_prints_it() -> None:
    command = ["node", "--input-type=module", "-"]
    done = subprocess.run(
        command, input=block_in("javascript").text, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == f"sha256={SIGNATURE}"


# The example is an event that the server takes


def the_request() -> tuple[dict[str, str], str]:
    """Headers and body of the request on the page."""
    http = next(block for block in pages.blocks(PAGE) if block.language == "http")
    head, _, body = http.text.partition("\n\n")
    return dict(line.split(": ", 1) for line in head.splitlines()[1:]), body.rstrip("\n")


def guards(*forms: str) -> Guards:
    """Those of a branch whose secrets are the page's."""
    token = the_request()[0]["X-PC-Secret"]
    key = PcKey(token_hash=hash_token(token), signing_key=KEY.encode())
    return Guards({1: a_system(1, "loc_centre", key, shapes=frozenset(forms))})


def delivery(body: str, headers: dict[str, str], at: int = NOW) -> Delivery:
    return Delivery(
        body=body.encode(),
        token=headers.get("X-PC-Secret"),
        signature=headers.get("X-PC-Signature"),
        template_signature=headers.get("X-Webhook-Signature"),
        source=SOURCE,
        at=Instant(at),
    )


def test_the_request_on_the_page_is_let_in_at_its_time_and_at_no_other() -> None:
    headers, body = the_request()
    assert body == BODY
    judged = guards().judge(delivery(body, headers))
    assert isinstance(judged, LetIn)
    assert judged.event.pc_user_id == "nora_01"
    assert not isinstance(guards().judge(delivery(body, headers, NOW + 301_000)), LetIn)
    assert not isinstance(guards().judge(delivery(body + " ", headers)), LetIn)


def test_every_field_and_every_type_of_event_is_explained_and_no_other() -> None:
    section = rows(pages.section(PAGE, "An event"))
    names = [row[0] for row in section]
    fields = [field.name for field in attrs.fields(shapes.PcSyncEvent)]
    assert [name for name in names if name in fields] == [*fields[:4], fields[0]]
    assert {name for name in names if name.isupper()} == set(get_args(shapes.Kind))
    assert {name for name in names if name.startswith("X-")} == {"X-PC-Secret", "X-PC-Signature"}


def test_its_older_forms_are_taken_where_they_are_switched_on() -> None:
    told = {row[0]: row for row in rows(pages.section(PAGE, "Older forms of the event"))[1:]}
    assert tuple(told) == shapes.OLDER
    for form, (_, how, cell) in told.items():
        body = cell.split("`")[0]
        signed = digest(KEY.encode(), body.encode(), sha256).hex()
        headers = {"X-Webhook-Signature": signed} if "X-Webhook-Signature" in how else {}
        if "X-PC-Secret" in how:
            headers = {**the_request()[0], "X-PC-Signature": f"sha256={signed}"}
        assert isinstance(guards(form).judge(delivery(body, headers)), LetIn), form


# What the answers are


def test_every_answer_of_the_route_is_explained_with_its_status() -> None:
    section = pages.section(PAGE, "What the answers mean")
    told = {(status, code) for status, code in re.findall(r"(\d{3}) `([A-Z_]+)`", section)}
    assert all(STATUS_OF[code] == int(status) for status, code in told)
    events: Any = SimpleNamespace(take=None)
    route = next(each for each in table.pc_sync_routes(events) if each.path == "/api/pc-sync/event")
    codes = {*route.errors, "TOO_SLOW", "TOO_LARGE", "UNSUPPORTED_TYPE", "RATE_LIMITED"}
    assert {code for _, code in told} == codes


def test_the_answers_on_the_page_have_the_form_of_the_answers_given() -> None:
    good, bad = (json.loads(each.text) for each in pages.blocks_under(PAGE, "What the answers mean"))
    assert good == json.loads(as_json(PcSyncReply(**good)))
    assert bad == json.loads(as_json(ErrorReply(**bad)))
    assert (bad["error_code"], bad["message"]) == NOT_ACCEPTED


def test_the_figures_are_those_of_the_code() -> None:
    for claim in (
        f"five minutes ({WINDOW // 1000} s)",
        f"at most\n{table.LARGEST_EVENT} octets",
        f"More than {rates.PC_EVENTS.most:,} events".replace(",", " "),
        f"up to {Limits().connections_per_address} connections",
        f"At most {client.IN_FLIGHT} requests at once",
        f"at most {LONGEST_ANSWER // 1024} KiB",
        "after {:.0f}, {:.0f} and {:.0f} seconds".format(*client.PAUSES),
    ):
        assert claim in TEXT, claim
    assert (rates.PC_EVENTS.seconds, Limits().body, client.LIMIT) == (10, 10, 5)


# The REST API


def examples() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each operation with the JSON shown for it."""
    for part in re.split(r"^(?=\*\*|An \*\*)", REST, flags=re.MULTILINE):
        name = re.match(r"(?:An )?\*\*(\w+)\*\*", part)
        if name is not None:
            yield name[1], [json.loads(text) for text in re.findall(r"```json\n(.*?)```", part, re.DOTALL)]


READERS: dict[str, Callable[[Answer], Any]] = {
    "login": lambda answer: reading.read_login(answer, "nora_01"),
    "balance": reading.read_balance,
    "debit": reading.read_debit,
    "refund": reading.read_refund,
    "validate": reading.read_validated,
}


def test_every_answer_shown_is_understood() -> None:
    shown = dict(examples())
    for operation, read in READERS.items():
        answers = shown[operation] if operation in ("balance", "validate") else shown[operation][1:]
        assert answers
        for each in answers:
            assert read(Answer(200, json.dumps(each).encode())) is not None


def test_the_error_shown_is_understood() -> None:
    (shown,) = dict(examples())["error"]
    with pytest.raises(errors.BusinessError, match="the balance is too low") as caught:
        reading.read_debit(Answer(402, json.dumps(shown).encode()))
    assert caught.value.code == "INSUFFICIENT_BALANCE"


def test_paths_and_codes_are_those_of_the_code() -> None:
    paths = {row[0]: row[1].split("`")[-1].split(" ")[-1] for row in rows(REST) if row[0] in DEFAULT_PATHS}
    assert paths == DEFAULT_PATHS
    told = {row[0] for row in rows(REST) if row[0].isupper()}
    assert told == {*errors.BUSINESS_CODES, "SYSTEM_ERROR"} - {"EWALLET_INSUFFICIENT_BALANCE", "INVALID_PC_CREDENTIALS"}
