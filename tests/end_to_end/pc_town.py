"""Cafés with a PC system beside them: events posted as its owner would, over real sockets."""

import hmac
import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from tests.end_to_end.cafe import Cafe, eventually


@frozen
class Answer:
    """Status and JSON of an HTTP answer, and how many seconds it took."""

    status: int
    fields: dict[str, Any]
    took: float


@frozen
class Post:
    """What is posted, and by which headers it is vouched for."""

    body: bytes
    headers: dict[str, str]


class PcOwner:
    """Somebody who was handed a branch's secrets, and reports events with them."""

    def __init__(self, cafe: Cafe, branch: str = "q1", *options: str, allow: str = "127.0.0.1") -> None:
        self.cafe = cafe
        self.secrets = cafe.read("branch", "pc-sync", "set-up", branch, *options)
        cafe.icafectl("branch", "allow", branch, allow)
        # The server reads what changed within a tenth of a second.
        eventually(lambda: self.report("BALANCE_UPDATE", "test").status == 200)

    def event(self, kind: str, user: str = "nora_01", *, ago: float = 0.0, **changed: Any) -> bytes:
        """The octets of an event."""
        at = datetime.fromtimestamp(time.time() - ago, UTC).isoformat(timespec="milliseconds")
        event = {
            "event_type": kind,
            "pc_user_id": user,
            "timestamp": at.replace("+00:00", "Z"),
            "location_id": self.secrets["location_id"],
        }
        return json.dumps({**event, **changed}).encode()

    def signed(self, body: bytes) -> Post:
        """With the headers that vouch for it."""
        signature = hmac.new(self.secrets["signing_key"].encode(), body, "sha256").hexdigest()
        headers = {"X-PC-Secret": self.secrets["token"], "X-PC-Signature": f"sha256={signature}"}
        return Post(body, {"Content-Type": "application/json", **headers})

    def post(self, post: Post) -> Answer:
        """What the server answers."""
        return ask(f"http://127.0.0.1:{self.cafe.web}/api/pc-sync/event", post.body, post.headers)

    def report(self, kind: str, user: str = "nora_01", **more: Any) -> Answer:
        """Report an event now."""
        return self.post(self.signed(self.event(kind, user, **more)))


def ask(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """What an HTTP server answers, errors too."""
    request = urllib.request.Request(url, body, headers or {})  # noqa: S310 - http only, of a test
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:  # noqa: S310
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return Answer(status, json.loads(text), time.monotonic() - began)


def ask_json(url: str, fields: dict[str, Any]) -> Answer:
    """What it answers to JSON."""
    return ask(url, json.dumps(fields).encode(), {"Content-Type": "application/json"})
