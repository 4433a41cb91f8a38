"""One plain line that answers `why`, and what an administrator may ask next."""

from collections.abc import Mapping, Sequence
from typing import Any

from policy.quantities import Instant
from policy.telling import told_octets, told_seconds, told_since, told_speed
from radiusd.icafectl.printing import told
from radiusd.store.decisions import Decision
from radiusd.store.reasons import Case

Record = Mapping[str, Any]


def headline(case: Case, at: Instant) -> str:
    """The newest thing that happened, and its reason."""
    newest = case.decisions[0] if case.decisions else None
    if newest is not None and newest.verdict == "refused":
        return _refused(case, newest, at)
    online = [each for each in case.sessions if each["phase"] == "ACTIVE"]
    if online:
        return _online(case, online, at)
    ended = next((each for each in case.decisions if each.verdict == "ended"), None)
    if ended is not None and (newest is ended or case.subject.session_id is not None):
        return f"{_title(case, ended)}ended {told_since(ended.at, at)}: {_cause(ended)}"
    if newest is not None:
        return f"{_waiting(case)}; {told_since(newest.at, at)}: {_cause(newest)}"
    return f"{case.subject.title} is not online, and nothing was decided about it yet"


def _waiting(case: Case) -> str:
    is_waiting = case.subject.session_id is not None and any(each["phase"] == "PENDING" for each in case.sessions)
    return f"{case.subject.title} {'waits for its first login' if is_waiting else 'is not online'}"


def _title(case: Case, ended: Decision) -> str:
    session = f"session {ended.session_id}"
    if case.subject.session_id is not None:
        return f"{session} "
    return f"{case.subject.title} is not online: {session} "


def _cause(decision: Decision) -> str:
    """The reason: last in the chain of a refusal, after the bare end in that of an ending."""
    facts = decision.facts
    if not facts:
        return decision.reason
    return told(facts[1] if decision.verdict == "ended" and len(facts) > 1 else facts[-1])


def _refused(case: Case, decision: Decision, at: Instant) -> str:
    device = f" on {decision.device}" if decision.device and case.subject.device is None else ""
    where = router_of(case, decision)
    return f"{case.subject.title} was refused {told_since(decision.at, at)}{where}{device}: {_cause(decision)}"


def router_of(case: Case, decision: Decision) -> str:
    """` at router …`, empty where no router was concerned."""
    if decision.router_id is None:
        return ""
    return f" at router {case.routers.get(decision.router_id, decision.router_id)}"


def _online(case: Case, online: Sequence[Record], at: Instant) -> str:
    session = max(online, key=lambda each: (each["started_at"] or 0, each["id"]))
    who = case.subject.title if case.subject.account_id is not None else f"{case.subject.title} ({session['account']})"
    router = f" at router {session['router']}" if session["router"] else ""
    also = f" and {len(online) - 1} more" if len(online) > 1 else ""
    where = f"on {session['device']}{also}{router}"
    since = told_since(session["started_at"] or at, at)
    rest = f"with {_left(session)}{_speed(session)}"
    if session["online"]:
        return f"{who} is online {where} (let in {since}), {rest}"
    return f"{who} was let in {since} {where}, {rest}, but no router reports it now"


def _left(session: Record) -> str:
    parts = []
    if session["time_left"] is not None:
        parts.append(told_seconds(session["time_left"]))
    if session["data_limit"] is not None:
        parts.append(told_octets(max(0, session["data_limit"] - session["data_used"])))
    return f"{' and '.join(parts)} left" if parts else "no limit of time or data"


def _speed(session: Record) -> str:
    if session["rate_up"] is None:
        return ""
    return f" at {told_speed(session['rate_up'])}/{told_speed(session['rate_down'])}"


def notes(case: Case, at: Instant) -> list[str]:
    """How it stands besides: blocked, held, speed and price, cuts under way."""
    found = [f"{case.subject.title} is blocked"] if case.subject.is_blocked else []
    newest = case.passes[0] if case.passes else None
    if newest is not None:
        found += _pass_notes(newest, at)
    shown = next((each for each in case.sessions if each["phase"] == "ACTIVE"), None)
    if shown is None and case.subject.session_id is not None:
        shown = next(iter(case.sessions), None)
    if shown is not None:
        found += _session_notes(shown, with_held=newest is None or newest["id"] != shown["pass_id"])
    elif case.subject.account_id is not None:
        found += _cut_notes(case.sessions)
    return found


def _pass_notes(bought: Record, at: Instant) -> list[str]:
    number, online, octets = bought["id"], told_seconds(bought["seconds_online"]), told_octets(bought["data_used"])
    sold = (
        f"pass {number}, package {bought['package']}, {bought['price']} VND, sold {told_since(bought['sold_at'], at)}"
    )
    limits = f"time {told_seconds(bought['time'])}, data {told_octets(bought['data_limit'])}"
    found = [f"{sold} ({limits}); used so far: {online} online, {octets}"]
    if bought["held"] is not None:
        found.append(f"pass {number} is held ({bought['held']}): icafectl pass release {number}")
    return found


def _session_notes(session: Record, *, with_held: bool) -> list[str]:
    up, down = session["rate_up"], session["rate_down"]
    found = [
        "no speed limit was sold"
        if up is None
        else f"speed sold: {told_speed(up)} up, {told_speed(down)} down; the router keeps each device to it"
    ]
    if with_held and session["held"] is not None:
        held = session["pass_id"]
        found.append(f"pass {held} is held ({session['held']}): icafectl pass release {held}")
    return found + _cut_notes([session])


def _cut_notes(sessions: Sequence[Record]) -> list[str]:
    found = [
        f"the cut of session {each['id']} is not proven yet by router {each['router']}: icafectl cut list --open"
        for each in sessions
        if each["cut"] in ("waiting", "not cut")
    ]
    newest = next(iter(sessions), None)
    if not found and newest is not None and newest["cut"] is not None:
        found.append(f"the cut of session {newest['id']}: {newest['cut']}")
    return found
