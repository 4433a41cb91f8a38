"""A branch with a PC system, and events signed as its owner would sign them."""

import json
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from policy.pc import Resume
from policy.quantities import Instant
from radiusd.store.pc_directory import PcKey, PcSystem, hash_token
from radiusd.web.pc_sync.guards import Delivery, sign

NOW = Instant(1_771_237_800_000)  # 2026-02-16T10:30:00Z
TOKEN, KEY = "pc_token-of-centre", b"signing key of centre"
OTHER_TOKEN, OTHER_KEY = "pc_token-of-riverside", b"signing key of riverside"
SOURCE = "203.0.113.7"


def a_key(token: str = TOKEN, key: bytes = KEY, retires_at: int | None = None) -> PcKey:
    return PcKey(
        token_hash=hash_token(token), signing_key=key, retires_at=None if retires_at is None else Instant(retires_at)
    )


def a_system(branch_id: int = 1, location_id: str = "loc_centre", *keys: PcKey, **changed: Any) -> PcSystem:
    settings: dict[str, Any] = {
        "branch_id": branch_id,
        "location_id": location_id,
        "realm": location_id,
        "resume": Resume.AFTER_PC_LOGIN,
        "networks": (ip_network("203.0.113.7/32"), ip_network("10.77.0.0/16"), ip_network("2001:db8::/64")),
        "keys": keys or (a_key(),),
    }
    return PcSystem(**{**settings, **changed})


CENTRE = a_system()
RIVERSIDE = a_system(2, "loc_riverside", a_key(OTHER_TOKEN, OTHER_KEY), networks=(ip_network("198.51.100.0/24"),))


def told(at: int) -> str:
    """An instant as the PC system writes it."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def an_event(kind: str = "USER_LOGOUT", user: str = "nora_01", at: int = NOW, **changed: Any) -> bytes:
    event = {"event_type": kind, "pc_user_id": user, "timestamp": told(at), "location_id": "loc_centre"}
    return json.dumps({**event, **changed}).encode()


def delivered(body: bytes, token: str = TOKEN, key: bytes = KEY, source: str = SOURCE, at: int = NOW) -> Delivery:
    return Delivery(body=body, token=token, signature=f"sha256={sign(key, body)}", source=source, at=Instant(at))
