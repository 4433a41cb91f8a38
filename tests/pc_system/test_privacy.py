"""A balance is shown, and left nowhere."""

import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import LogEvent, eventAsText, globalLogPublisher
from twisted.python.failure import Failure

from policy.quantities import Money
from tests.pc_system.given import ACCESS, REFUSED, SILENT, Asker, Reply, says

FIGURE = 73_190_264
SECRETS = (str(FIGURE), f"{FIGURE:,}", "S3SSION-TOKEN", "P4SSWORD", ACCESS.api_key or "")
FIGURES: dict[str, Any] = {"balance": FIGURE, "new_balance": FIGURE, "current_balance": FIGURE}
PLAIN = f"balance is {FIGURE}".encode()


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    """Every log event, as it comes."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


ANSWERS = [
    says(user_id="u1", username="nora_01", session_token="S3SSION-TOKEN", transaction_id="t1", refund_id="r1",
         valid=True, **FIGURES),
    says(402, success=False, error_code="INSUFFICIENT_BALANCE", message=f"only {FIGURE} left", **FIGURES),
    says(402, success=False, error_code=f"ONLY_{FIGURE}_LEFT", **FIGURES),
    says(402, success=False, error_code="NEW_CODE", message=f"only {FIGURE:,} left", **FIGURES),
    says(500, message=f"{FIGURE} is odd", **FIGURES),
    says(balance=str(FIGURE), new_balance=str(FIGURE), user_id=FIGURE, transaction_id=FIGURE, refund_id=FIGURE,
         valid=FIGURE),
    says(balance=FIGURE + 0.5, new_balance=FIGURE + 0.5, user_id="u1", session_token="S3SSION-TOKEN",
         transaction_id="t1"),
    Reply(200, PLAIN), Reply(500, PLAIN), Reply(200, PLAIN, ends=False),
    REFUSED, SILENT, ValueError(PLAIN),
]  # fmt: skip


def everything_said_of(value: Any) -> str:
    """What a careless log line could have of it."""
    texts = [repr(value), str(value), f"{value}"]
    if isinstance(value, Exception):
        failure = Failure(value)
        texts += traceback.format_exception(value)
        texts += [failure.getTraceback(), failure.getErrorMessage(), repr(value.args), repr(value.__context__)]
    return "\n".join(texts)


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_figure_and_no_secret_is_in_any_log_event_value_or_error(answer: Any, logged: list[LogEvent]) -> None:
    asker = Asker(answer)
    client = asker.client
    for wish in (
        client.log_in(ACCESS, "nora_01", "P4SSWORD", "loc_abc"),
        client.balance(ACCESS, "S3SSION-TOKEN"),
        client.debit(ACCESS, "u1", Money(20_000), "WiFi", "key"),
        client.refund(ACCESS, "t1", Money(20_000), "WiFi", "key"),
        client.validate(ACCESS, "S3SSION-TOKEN"),
    ):
        asker.ask(wish)
    asker.turn(60)
    assert len(asker.came) == 5
    said = [everything_said_of(each) for each in (*asker.came, ACCESS, client)]
    said += [eventAsText(each) + repr(each) for each in logged]
    assert [text for text in said for secret in SECRETS if secret in text] == []


def test_nothing_of_an_answer_stays_with_the_client() -> None:
    asker = Asker(says(balance_vnd=FIGURE))
    assert asker.result(asker.balance()).amount == FIGURE
    asker.system.answers = [says(balance_vnd=FIGURE + 1)]
    assert asker.result(asker.balance()).amount == FIGURE + 1
    assert str(FIGURE) not in repr({name: repr(value) for name, value in vars(asker.client).items()})


def test_trouble_is_logged_with_its_branch_and_code(logged: list[LogEvent]) -> None:
    asker = Asker(SILENT)
    for _ in range(3):
        asker.ask(asker.balance())
    asker.turn(8)
    told = [eventAsText(each, includeTimestamp=False, includeSystem=False) for each in logged]
    assert told == ["PC system of branch 1: balance failed, PC_API_TIMEOUT"] * 3 + [
        "PC system of branch 1 is left alone for 30 s"
    ]
