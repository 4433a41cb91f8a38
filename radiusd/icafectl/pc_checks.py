"""What must be right for a PC logout to end anything, each with what to do if it is not."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, RowMapping

from policy.quantities import DAY, Instant, later
from policy.telling import told_since
from radiusd.config import Config
from radiusd.icafectl import pc_owner, pc_reach
from radiusd.icafectl.printing import instant
from radiusd.store import pc_directory, pc_lists, pc_networks
from radiusd.vault import Vault

_LATE = 60_000
_SHOWN = 5

CAUSES = {
    "token_missing": "it came without the header X-PC-Secret",
    "token_unknown": "its token is none of ours: enter the token anew, or make another with pc-sync rotate",
    "signature_missing": "it came without the header X-PC-Signature",
    "signature_wrong": "sign the octets of the body as they are sent, with the signing_key as it is written",
    "key_retired": "it uses the secrets that were replaced: enter the new ones",
    "address_foreign": "that address is not allowed: icafectl branch allow {branch} {source}",
    "shape_not_allowed": "it has an older form: icafectl branch pc-sync set {branch} --shapes SHAPES",
    "location_wrong": "it names another location_id: icafectl branch pc-sync show {branch}",
    "timestamp_stale": "it is more than five minutes old: set the clock of the PC system",
    "timestamp_future": "it is more than five minutes ahead: set the clock of the PC system",
}
"""Why events are turned away, and what to do about each."""


@frozen
class Check:
    """One thing that was looked at; `advice` is what to do, or what else is to be known."""

    name: str
    is_ok: bool
    text: str
    advice: tuple[str, ...] = ()


def reachable(config: Config, networks: Sequence[str]) -> Check:
    """Whether those who may send events can."""
    url = pc_owner.event_url(config)
    if url is None:
        return Check("url", False, "the server takes no events", (f"set web in [server] of {config.path}",))
    if pc_owner.is_only_here(config) and not all(ip_network(each).is_loopback for each in networks):
        advice = f"set public_url in [web] of {config.path} to an address that the branch reaches"
        return Check("url", False, f"events go to {url}, which only this machine reaches", (advice,))
    return Check("url", True, f"events go to {url}")


def stored(connection: Connection, vault: Vault, config: Config, branch: RowMapping, at: Instant) -> list[Check]:
    """What the configuration and the store tell."""
    networks = pc_networks.networks_of(connection, branch["id"])
    latest = pc_lists.latest_event(connection, branch["id"])
    return [
        reachable(config, networks),
        _secrets(connection, vault, branch, at),
        _networks(networks, branch),
        _latest(latest, branch, at),
        _clock(latest),
        _refusals(connection, branch, latest, at),
        _users(connection, branch),
    ]


def _secrets(connection: Connection, vault: Vault, branch: RowMapping, at: Instant) -> Check:
    keys = pc_directory.load(connection, vault)[branch["id"]].keys
    valid = [each for each in keys if each.is_valid(at)]
    if not valid:
        return Check("secrets", False, "no secrets are valid", (f"icafectl branch pc-sync rotate {branch['name']}",))
    retiring = [each.retires_at for each in valid if each.retires_at is not None]
    until = f", and former ones until {instant(max(retiring))}" if retiring else ""
    return Check("secrets", True, f"the secrets are valid{until}")


def _networks(found: Sequence[str], branch: RowMapping) -> Check:
    if not found:
        advice = f"icafectl branch allow {branch['name']} ADDRESS"
        return Check("networks", False, "no address may send events", (advice,))
    return Check("networks", True, f"events are taken from {', '.join(found)}")


def _latest(latest: dict[str, Any] | None, branch: RowMapping, at: Instant) -> Check:
    if latest is None:
        advice = (
            "have the PC system send one; if it does, and nothing comes, look at its address and its url",
            f"icafectl branch pc-sync rotate {branch['name']} prints a line to try with",
        )
        return Check("event", False, "no event ever came", advice)
    when = told_since(latest["received_at"], at)
    what = f"{latest['kind']} of {latest['pc_user_id']}: {latest['effect']}"
    return Check("event", True, f"the last event came {when} from {latest['source']} ({what})")


def _clock(latest: dict[str, Any] | None) -> Check:
    lateness = 0 if latest is None else latest["lateness"]
    if abs(lateness) <= _LATE:
        return Check("clock", True, "the clock of the PC system is not known to be wrong")
    how = "late" if lateness > 0 else "early"
    advice = "set its clock by NTP; events more than five minutes off are turned away"
    return Check(
        "clock", False, f"the last event came {abs(lateness) // 1000} s {how} by the PC system's clock", (advice,)
    )


def _refusals(connection: Connection, branch: RowMapping, latest: dict[str, Any] | None, at: Instant) -> Check:
    """Wrong are those of the branch that came after its last event; a stranger's only tell what happened."""
    found = pc_lists.list_refusals(connection, branch["id"], later(at, -DAY), _SHOWN)
    if not found:
        return Check("refusals", True, "no event was turned away in the last 24 hours")
    since = 0 if latest is None else latest["received_at"]
    wrong = [each for each in found if each["is_of_branch"] and each["at"] > since]
    text = "events are being turned away" if wrong else "events were turned away in the last 24 hours"
    return Check("refusals", not wrong, text, tuple(_told_refusals(found, branch, at)))


def _told_refusals(found: Sequence[dict[str, Any]], branch: RowMapping, at: Instant) -> list[str]:
    return [
        f"{told_since(each['at'], at)} from {each['source']}, {each['times']} x {each['cause']}: "
        + CAUSES.get(each["cause"], "the server's log says more").format(branch=branch["name"], source=each["source"])
        for each in found
    ]


def _users(connection: Connection, branch: RowMapping) -> Check:
    tied = pc_lists.count_tied(connection, branch["id"])
    if not tied:
        advice = "icafectl account set NAME --pc-user USER; a guest who logs in at the portal is tied by that"
        return Check(
            "users", False, "no account of the branch is tied to a PC user: no logout ends anything", (advice,)
        )
    return Check("users", True, f"{tied} accounts of the branch are tied to PC users")


def rest_api(url: str | None, branch: str) -> Check:
    """Whether the PC system answers; takes up to five seconds."""
    if url is None:
        advice = f"balances and PC logins need it: icafectl branch pc-sync set {branch} --api-url URL"
        return Check("api", True, "no REST API is known", (advice,))
    match pc_reach.ask(url):
        case pc_reach.Answered(status=status, milliseconds=took):
            return Check("api", True, f"the REST API at {url} answers in {took} ms (HTTP {status})")
        case pc_reach.Silent(why=why):
            advice = "is the PC system on, and does the router at the branch let this server through to it?"
            return Check("api", False, f"the REST API at {url} does not answer: {why}", (advice,))
