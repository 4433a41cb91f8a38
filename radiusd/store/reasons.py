"""Who is meant by a name, a MAC or a number, and every decision that was made about them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection, RowMapping, or_, select

from policy.facts import Fact
from policy.macs import canonical_mac
from policy.quantities import DAY, Instant, later
from radiusd.store import naming
from radiusd.store.decisions import KEPT_DAYS, OF_NO_SESSION, Decision, latest
from radiusd.store.errors import NotFound
from radiusd.store.keys import among
from radiusd.store.pass_list import Wanted as WantedPass
from radiusd.store.pass_list import list_passes
from radiusd.store.schema import accounts, branches, decisions, devices, logins, passes, routers, sessions
from radiusd.store.session_list import Wanted, list_sessions

_RECENT_SESSIONS = 20
# Several writers take their numbers in blocks, so the newest of them need not have the greatest number.
_BLOCKS = 100

_BY_LOGIN = (
    select(accounts.c.id, accounts.c.name, accounts.c.is_blocked)
    .join_from(logins, accounts, logins.c.account_id == accounts.c.id)
)  # fmt: skip


@frozen(kw_only=True)
class Subject:
    """Who is asked about: `title` as an administrator would say it; at most one of the others says more."""

    title: str
    account_id: int | None = None
    device: str | None = None
    session_id: int | None = None
    name: str | None = None
    is_blocked: bool = False


@frozen(kw_only=True)
class Case:
    """All that is known; decisions, sessions and passes with the newest first."""

    subject: Subject
    decisions: tuple[Decision, ...]
    sessions: tuple[Mapping[str, Any], ...]
    passes: tuple[Mapping[str, Any], ...]
    routers: Mapping[int, str]


def find_subject(connection: Connection, text: str, *, is_session: bool = False) -> Subject:
    """A login's account first, as at a login itself; then a device, a session, a name that was tried. Else NotFound."""
    if is_session:
        return _session(connection, text)
    account = _account(connection, text)
    if account is not None:
        title = text if text == account["name"] else f"{text} (account {account['name']})"
        return Subject(title=title, account_id=account["id"], is_blocked=account["is_blocked"])
    mac = canonical_mac(text)
    if mac is not None:
        return Subject(title=f"device {mac}", device=mac, is_blocked=_is_blocked_device(connection, mac))
    if text.isascii() and text.isdigit():
        return _session(connection, text)
    if latest(connection, 1, OF_NO_SESSION, decisions.c.name == text):
        return Subject(title=text, name=text)
    if _has_had_device(connection, text) or latest(connection, 1, OF_NO_SESSION, decisions.c.device == text):
        return Subject(title=f"device {text}", device=text)
    raise NotFound(
        f"nothing is known of {text!r}: it is no login, no MAC and no session, and nobody tried to log in with it"
        + naming.suggestion(connection, accounts, text)
    )


def _account(connection: Connection, text: str) -> RowMapping | None:
    for name, kinds in ((text, ("account", "pass", "voucher")), (text.upper(), ("voucher",))):
        query = _BY_LOGIN.where(logins.c.name == name, logins.c.kind.in_(kinds))
        found = connection.execute(query).mappings().first()
        if found is not None:
            return found
    return None


def _session(connection: Connection, text: str) -> Subject:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    if connection.execute(select(sessions.c.id).where(sessions.c.id == number)).first() is None:
        raise NotFound(f"there is no login and no session {text}: `icafectl session list` shows those there are")
    return Subject(title=f"session {number}", session_id=number)


def _is_blocked_device(connection: Connection, mac: str) -> bool:
    return bool(connection.execute(select(devices.c.is_blocked).where(devices.c.name == mac)).scalar())


def look_into(connection: Connection, subject: Subject, limit: int, at: Instant) -> Case:
    """What was decided about the subject, and how it stands at `at`."""
    names = _names(connection, routers)
    known = {"router": names, "router_id": names, "branch": _names(connection, branches)}
    found = _decisions(connection, subject, limit, at)
    return Case(
        subject=subject,
        decisions=tuple(evolve(each, facts=tuple(_named(fact, known) for fact in each.facts)) for each in found),
        sessions=tuple(_sessions(connection, subject, at)),
        passes=tuple(_passes(connection, subject, at)),
        routers=names,
    )


def _names(connection: Connection, table: Any) -> dict[int, str]:
    return {row[0]: row[1] for row in connection.execute(select(table.c.id, table.c.name))}


def _named(fact: Fact, known: Mapping[str, Mapping[int, str]]) -> Fact:
    """The fact with names where it holds ids of routers and branches."""
    ids = {key: value for key, value in fact.values.items() if key in known and isinstance(value, int)}
    return evolve(fact, values={**fact.values, **{key: known[key].get(each, each) for key, each in ids.items()}})


def _decisions(connection: Connection, subject: Subject, limit: int, at: Instant) -> list[Decision]:
    most = limit + _BLOCKS
    about = [decisions.c.name == name for name in _names_of(connection, subject)]
    if subject.device is not None:
        about.append(decisions.c.device == subject.device)
    found = [latest(connection, most, OF_NO_SESSION, each) for each in about]
    ids = list(_session_ids(connection, subject, at))
    found.append(latest(connection, most, among(decisions.c.session_id), keys=ids))
    return _newest(found, limit)


def _session_ids(connection: Connection, subject: Subject, at: Instant) -> Sequence[int]:
    """The sessions of which decisions may still be kept."""
    if subject.session_id is not None:
        return [subject.session_id]
    query = select(sessions.c.id).join_from(sessions, passes, sessions.c.pass_id == passes.c.id)
    if subject.device is not None:
        query = query.where(sessions.c.device == subject.device)
    elif subject.account_id is not None:
        query = query.where(passes.c.account_id == subject.account_id)
    else:
        return []
    is_kept = or_(sessions.c.ended_at.is_(None), sessions.c.ended_at >= later(at, -KEPT_DAYS * DAY))
    return connection.execute(query.where(is_kept)).scalars().all()


def _has_had_device(connection: Connection, device: str) -> bool:
    return connection.execute(select(sessions.c.id).where(sessions.c.device == device).limit(1)).first() is not None


def _names_of(connection: Connection, subject: Subject) -> Sequence[str]:
    if subject.account_id is None:
        return [] if subject.name is None else [subject.name]
    mine = select(logins.c.name).where(logins.c.account_id == subject.account_id)
    own = select(accounts.c.name).where(accounts.c.id == subject.account_id)
    return connection.execute(mine.union(own)).scalars().all()


def _newest(found: Iterable[list[Decision]], limit: int) -> list[Decision]:
    by_id = {each.id: each for some in found for each in some}
    return sorted(by_id.values(), key=lambda each: (each.at, each.id), reverse=True)[:limit]


def _sessions(connection: Connection, subject: Subject, at: Instant) -> list[dict[str, Any]]:
    if subject.name is not None:
        return []
    phase = "ACTIVE" if subject.device is not None else None
    wanted = Wanted(session_id=subject.session_id, account_id=subject.account_id, device=subject.device, phase=phase)
    return list_sessions(connection, wanted, _RECENT_SESSIONS, at)


def _passes(connection: Connection, subject: Subject, at: Instant) -> list[dict[str, Any]]:
    if subject.account_id is not None:
        return list_passes(connection, WantedPass(account_id=subject.account_id), 1, at)
    return []
