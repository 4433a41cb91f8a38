"""What the owner of a PC system is handed: where to send events, with which secrets, and one to try."""

import json
import shlex
from datetime import UTC, datetime
from hmac import digest
from ipaddress import ip_address

from policy.quantities import Instant
from radiusd.config import Config
from radiusd.icafectl.printing import print_json, say
from radiusd.store.pc_systems import Issued

PATH = "/api/pc-sync/event"


def event_url(config: Config) -> str | None:
    """Where events are sent; None if the server takes none."""
    return None if config.web is None else (config.at_web.public_url or f"http://{config.web}") + PATH


def is_only_here(config: Config) -> bool:
    """Whether that is an address which only this machine reaches."""
    if config.web is None or config.at_web.public_url:
        return False
    address = ip_address(config.web.host)
    return address.is_loopback or address.is_unspecified


def curl_line(issued: Issued, url: str, at: Instant) -> str:
    """A line for a shell that sends an event which changes nothing, signed; it is taken for five minutes."""
    event = {
        "event_type": "BALANCE_UPDATE",
        "pc_user_id": "test",
        "timestamp": f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "location_id": issued.location_id,
    }
    body = json.dumps(event, separators=(",", ":"))
    signature = digest(issued.signing_key.encode(), body.encode(), "sha256").hex()
    headers = (
        "Content-Type: application/json",
        f"X-PC-Secret: {issued.token}",
        f"X-PC-Signature: sha256={signature}",
    )
    told = " ".join(f"-H '{each}'" for each in headers)
    return f"curl -sS -X POST {shlex.quote(url)} {told} --data-raw '{body}'"


def hand_over(issued: Issued, config: Config, at: Instant, *, as_json: bool) -> None:
    """Print all of it; the only time that it is shown."""
    url = event_url(config)
    curl = None if url is None else curl_line(issued, url, at)
    if as_json:
        made = {"location_id": issued.location_id, "token": issued.token, "signing_key": issued.signing_key}
        print_json({**made, "url": url, "curl": curl})
        return
    say(
        "enter this at the PC system; it is shown only this once:",
        f"  location_id: {issued.location_id}",
        f"  token:       {issued.token}",
        f"  signing_key: {issued.signing_key}",
        f"  url:         {url or '- (the server takes no events: set web in [server] of ' + str(config.path) + ')'}",
    )
    if is_only_here(config):
        say(f"only this machine reaches that url: set public_url in [web] of {config.path} to what the branch reaches")
    if curl is not None:
        say("to try it, paste this within five minutes on a machine whose address is allowed:", curl)
