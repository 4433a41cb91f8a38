"""The older forms of an event: each is off until its branch switches it on, and guarded as well as it can be."""

import json
from typing import Any

import pytest
from attrs import evolve

from radiusd.web.pc_sync.guards import Delivery, Guards, LetIn, TurnedAway, sign
from radiusd.web.pc_sync.shapes import OLDER, Unreadable
from tests.pc_sync.given import CENTRE, KEY, NOW, SOURCE, delivered, told


def canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def bare(body: bytes, **changed: Any) -> Delivery:
    return evolve(Delivery(body=body, token=None, signature=None, source=SOURCE, at=NOW), **changed)


def signed_in_body(fields: dict[str, Any], key: bytes = KEY) -> Delivery:
    return bare(json.dumps({**fields, "signature": sign(key, canonical(fields))}).encode())


def template(fields: dict[str, Any], key: bytes = KEY) -> Delivery:
    body = json.dumps(fields).encode()
    return bare(body, template_signature=sign(key, body))


SHORT = {"pc_user_id": "nora_01", "event": "LOGOUT"}
SIGNED_BODY = {"event": "PC_LOGOUT", "username": "nora_01", "location_id": "loc_centre", "timestamp": told(NOW)}
WEBHOOK = {"user_id": "nora_01", "location_id": "loc_centre", "event": "logout"}
ABOUT = {"pc_user_id": "nora_01", "location_id": "loc_centre"}
TEMPLATE = {"event": "USER_LOGOUT", "timestamp": told(NOW), "data": ABOUT}

DELIVERIES = {
    "short": delivered(json.dumps(SHORT).encode()),
    "signed-body": signed_in_body(SIGNED_BODY),
    "webhook": signed_in_body(WEBHOOK),
    "template": template(TEMPLATE),
}


def guards(*shapes: str) -> Guards:
    return Guards({1: evolve(CENTRE, shapes=frozenset(shapes))})


def is_let_in(delivery: Delivery, *shapes: str) -> bool:
    try:
        return isinstance(guards(*shapes).judge(delivery), LetIn)
    except Unreadable:
        return False


def test_all_forms_are_tried_here() -> None:
    assert tuple(DELIVERIES) == OLDER


@pytest.mark.parametrize("shape", OLDER)
def test_a_form_is_understood_where_it_is_switched_on(shape: str) -> None:
    judged = guards(shape).judge(DELIVERIES[shape])
    assert isinstance(judged, LetIn)
    assert (judged.event.kind, judged.event.pc_user_id) == ("USER_LOGOUT", "nora_01")


@pytest.mark.parametrize("shape", OLDER)
def test_and_nowhere_else(shape: str) -> None:
    others = set(OLDER) - {shape}
    assert not is_let_in(DELIVERIES[shape])
    assert not is_let_in(DELIVERIES[shape], *others)


@pytest.mark.parametrize("shape", OLDER)
def test_from_elsewhere_it_is_turned_away(shape: str) -> None:
    assert not is_let_in(evolve(DELIVERIES[shape], source="203.0.113.8"), shape)


@pytest.mark.parametrize(
    ("shape", "forged"),
    [
        ("short", evolve(DELIVERIES["short"], body=json.dumps({**SHORT, "pc_user_id": "minh_02"}).encode())),
        ("signed-body", signed_in_body(SIGNED_BODY, b"another key")),
        ("webhook", signed_in_body(WEBHOOK, b"another key")),
        ("template", template(TEMPLATE, b"another key")),
        ("template", evolve(DELIVERIES["template"], template_signature=None)),
        ("webhook", bare(json.dumps({**WEBHOOK, "signature": ""}).encode())),
        ("signed-body", signed_in_body({**SIGNED_BODY, "timestamp": told(NOW - 600_000)})),
        ("template", template({**TEMPLATE, "timestamp": told(NOW + 600_000)})),
        ("webhook", signed_in_body({**WEBHOOK, "location_id": "loc_riverside"})),
    ],
)
def test_forged_stale_or_for_another_branch_it_is_turned_away(shape: str, forged: Delivery) -> None:
    assert not is_let_in(forged, shape)


@pytest.mark.parametrize("more", [b'"n": ' + b"9" * 5_000, b'"n": ' + b"[" * 400 + b"]" * 400])
def test_what_nobody_could_have_signed_is_turned_away_as_any_forgery(more: bytes) -> None:
    whole = json.dumps({**SIGNED_BODY, "signature": "0" * 64}).encode()
    judged = guards("signed-body").judge(bare(whole[:-1] + b", " + more + b"}"))
    assert judged == TurnedAway("signature_wrong", 1)


def test_a_wrong_field_is_named_though_the_short_form_is_tried_too() -> None:
    body = json.dumps({"event_type": "USER_LOGIN", "timestamp": 5, **ABOUT}).encode()
    with pytest.raises(Unreadable, match="timestamp"):
        guards("short").judge(delivered(body))


def test_the_present_form_goes_on_beside_them() -> None:
    body = json.dumps({"event_type": "USER_LOGIN", "timestamp": told(NOW), **ABOUT}).encode()
    assert is_let_in(delivered(body), *OLDER)


def test_a_form_without_a_time_is_a_retry_within_its_minute_and_a_new_event_after_it() -> None:
    def digest(at: int) -> str:
        judged = guards("webhook").judge(evolve(DELIVERIES["webhook"], at=at))
        assert isinstance(judged, LetIn)
        return judged.event.digest

    start = NOW - NOW % 60_000
    assert digest(start) == digest(start + 59_999)
    assert digest(start) != digest(start + 60_000)
