"""Small values to start a test from, each with what matters to it named by the test itself."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from policy.accounts import Account, Branch, Device
from policy.admission import Accepted, Admission, Question, Refused, admit
from policy.connection import AccountingStart, AccountingStop, Connection, InterimUpdate
from policy.holding import Holding, Step, report
from policy.package import Package
from policy.passes import Pass
from policy.quantities import HOUR, Instant, Octets, Seconds
from policy.session import Session
from policy.usage import Report

NOON = Instant(1_795_262_400_000)  # 2026-11-21 12:00 UTC
BRANCH = Branch(id=1, name="q1")
NORA = Account(1, "nora", 1)
PHONE, TABLET, LAPTOP = "AA:AA:AA:AA:AA:01", "AA:AA:AA:AA:AA:02", "AA:AA:AA:AA:AA:03"

_ids: Iterator[int] = count(100)


def at(seconds: float) -> Instant:
    """So many seconds after noon."""
    return Instant(NOON + int(seconds * 1000))


def a_package(**terms: Any) -> Package:
    """An hour for one device, unless told otherwise."""
    return Package(**{"name": "1h", "time": HOUR, **terms})


def a_holding(**terms: Any) -> Holding:
    """A pass of `a_package`, just sold."""
    bought = Pass(id=1, account_id=NORA.id, terms=a_package(**terms), sold_at=NOON)
    return Holding(bought, (Session(id=1, pass_id=1, created_at=NOON),))


def a_question(device: str = PHONE, when: Instant = NOON, **more: Any) -> Question:
    """Nora asks with this device."""
    values: dict[str, Any] = {
        "at": when,
        "account": NORA,
        "branch": BRANCH,
        "router_id": 1,
        "device": Device(device),
        "user_name": "nora",
        "new_session_id": lambda: next(_ids),
        "new_connection_id": lambda: next(_ids),
        **more,
    }
    return Question(**values)


def ask(holding: Holding, device: str = PHONE, when: Instant = NOON, **more: Any) -> tuple[Holding, Admission]:
    """The holding after the answer, and the answer."""
    admission = admit(a_question(device, when, **more), (holding,))
    return (admission.steps[0][0] if admission.steps else holding), admission


def log_in(holding: Holding, device: str = PHONE, when: Instant = NOON, **more: Any) -> tuple[Holding, Accepted]:
    """As `ask`, where only an acceptance will do."""
    holding, admission = ask(holding, device, when, **more)
    assert isinstance(admission.answer, Accepted), admission
    return holding, admission.answer


def refusal(admission: Admission) -> Refused:
    """The refusal, where only a refusal will do."""
    assert isinstance(admission.answer, Refused), admission
    return admission.answer


def figures(seconds: int, uploaded: int = 0, downloaded: int = 0, *, is_exact: bool = True) -> Report:
    """What a NAS reports."""
    return Report(Octets(uploaded), Octets(downloaded), Seconds(seconds), is_exact)


def start(holding: Holding, line: int, when: Instant, **more: Any) -> Step:
    """An Accounting Start."""
    return report(holding, line, AccountingStart(at=when, **more), BRANCH)


def interim(holding: Holding, line: int, when: Instant, counters: Report, **more: Any) -> Step:
    """An Interim-Update."""
    return report(holding, line, InterimUpdate(at=when, report=counters, **more), BRANCH)


def stop(holding: Holding, line: int, when: Instant, counters: Report, cause: int | None = None) -> Step:
    """An Accounting Stop."""
    return report(holding, line, AccountingStop(at=when, report=counters, cause=cause), BRANCH)


def a_connection(**more: Any) -> Connection:
    """An open line of session 1."""
    values: dict[str, Any] = {
        "id": 1,
        "session_id": 1,
        "router_id": 1,
        "user_name": "nora",
        "device": PHONE,
        "opened_at": NOON,
        "last_at": NOON,
        **more,
    }
    return Connection(**values)
