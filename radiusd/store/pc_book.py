"""What one transaction knows and learns of gaming PCs: set-based, so that a burst costs few statements."""

from collections.abc import Collection
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Executable, bindparam, insert, select, update

from policy.pc import Presence
from policy.quantities import Instant
from radiusd.store.keys import among
from radiusd.store.pc_schema import pc_events, pc_presences, pc_users, portal_logins


@frozen
class PcUser:
    """Somebody at the gaming PCs of a branch; the name is one of the realm's."""

    realm: str
    name: str


@frozen(kw_only=True)
class PcAsked:
    """Which user, where, and the digest of the event that is about them (None: no event)."""

    branch_id: int
    user: PcUser
    digest: str | None = None


@frozen(kw_only=True)
class PcEventRow:
    """An event as it is kept: what it was, and what it did."""

    branch_id: int
    digest: str
    kind: str
    pc_user_id: str
    happened_at: Instant
    received_at: Instant
    source: str
    effect: str
    sessions_terminated: int


class PcBook:
    """Loads what events ask about; keeps events, presences and ties until `save`."""

    def __init__(self, database: Connection) -> None:
        self._database = database
        self._events: dict[str, PcEventRow] = {}
        self._accounts: dict[PcUser, int] = {}
        self._presences: dict[tuple[int, str], Presence] = {}
        self._stored_presences: set[tuple[int, str]] = set()
        self._changed: set[tuple[int, str]] = set()
        self._new: list[dict[str, Any]] = []
        self._revoked: list[dict[str, Any]] = []
        self._ties: list[dict[str, Any]] = []

    def load(self, asked: Collection[PcAsked]) -> set[int]:
        """Read what these ask about; the accounts their users are tied to."""
        names = sorted({each.user.name for each in asked})
        if not names:
            return set()
        digests = [each.digest for each in asked if each.digest is not None]
        if digests:
            found = self._database.execute(_EVENTS, {"keys": digests}).mappings()
            self._events.update((each["digest"], PcEventRow(**each)) for each in found)
        for user in self._database.execute(_USERS, {"keys": names}):
            self._accounts[PcUser(user.realm, user.pc_user_id)] = user.account_id
        for seen in self._database.execute(_PRESENCES, {"keys": names}):
            where = (seen.branch_id, seen.pc_user_id)
            self._stored_presences.add(where)
            self._presences.setdefault(where, Presence(seen.logged_in_at, seen.logged_out_at))
        users = {each.user for each in asked}
        return {account_id for user, account_id in self._accounts.items() if user in users}

    def event(self, digest: str) -> PcEventRow | None:
        """The event of this digest, if it came before."""
        return self._events.get(digest)

    def account_id(self, user: PcUser) -> int | None:
        """The account this user is tied to."""
        return self._accounts.get(user)

    def presence(self, branch_id: int, name: str) -> Presence:
        """What is known of this user at the PCs of a branch."""
        return self._presences.get((branch_id, name), Presence())

    def put_presence(self, branch_id: int, name: str, presence: Presence) -> None:
        """What is known of them now."""
        self._presences[branch_id, name] = presence
        self._changed.add((branch_id, name))

    def keep(self, event: PcEventRow, event_id: int) -> None:
        """Remember an event and what it did."""
        self._events[event.digest] = event
        self._new.append({"id": event_id, **{name: getattr(event, name) for name in _EVENT_COLUMNS}})

    def revoke_portal(self, branch_id: int, name: str, happened_at: Instant, at: Instant) -> None:
        """End the portal logins this user had at the branch when the PC was logged off."""
        self._revoked.append({"branch": branch_id, "user": name, "happened_at": happened_at, "at": at})

    def tie(self, user: PcUser, account_id: int, at: Instant) -> None:
        """From now on this user is that account."""
        self._accounts[user] = account_id
        tied = {"pc_user_id": user.name, "realm": user.realm, "account_id": account_id, "created_at": at}
        self._ties.append(tied)

    def save(self) -> None:
        """Write it all."""
        known = [each for each in self._changed if each in self._stored_presences]
        new = [each for each in self._changed if each not in self._stored_presences]
        self._write(_INSERT_TIE, self._ties)
        self._write(_INSERT_PRESENCE, [self._presence_row(*each) for each in new])
        self._write(_UPDATE_PRESENCE, [self._changed_presence_row(*each) for each in known])
        self._write(_INSERT_EVENT, self._new)
        self._write(_REVOKE, self._revoked)

    def _presence_row(self, branch_id: int, name: str) -> dict[str, Any]:
        seen = self._presences[branch_id, name]
        return {
            "branch_id": branch_id,
            "pc_user_id": name,
            "logged_in_at": seen.logged_in_at,
            "logged_out_at": seen.logged_out_at,
        }

    def _changed_presence_row(self, branch_id: int, name: str) -> dict[str, Any]:
        row = self._presence_row(branch_id, name)
        return {"branch": row.pop("branch_id"), "user": row.pop("pc_user_id"), **row}

    def _write(self, statement: Executable, batch: list[dict[str, Any]]) -> None:
        if batch:
            self._database.execute(statement, batch)


_EVENT_COLUMNS = tuple(each for each in pc_events.c.keys() if each != "id")  # noqa: SIM118 - a collection of columns
_EVENTS = select(*(pc_events.c[each] for each in _EVENT_COLUMNS)).where(among(pc_events.c.digest))
_USERS = select(pc_users.c.realm, pc_users.c.pc_user_id, pc_users.c.account_id).where(among(pc_users.c.pc_user_id))
# Locked in one order, so that two servers that hear of one guest decide one after the other.
_PRESENCES = (
    select(pc_presences)
    .where(among(pc_presences.c.pc_user_id))
    .order_by(pc_presences.c.pc_user_id, pc_presences.c.branch_id)
    .with_for_update()
)
_INSERT_TIE = insert(pc_users)
_INSERT_PRESENCE = insert(pc_presences)
_UPDATE_PRESENCE = (
    update(pc_presences)
    .where(pc_presences.c.branch_id == bindparam("branch"), pc_presences.c.pc_user_id == bindparam("user"))
    .values(logged_in_at=bindparam("logged_in_at"), logged_out_at=bindparam("logged_out_at"))
)
_INSERT_EVENT = insert(pc_events)
_REVOKE = (
    update(portal_logins)
    .where(
        portal_logins.c.branch_id == bindparam("branch"),
        portal_logins.c.pc_user_id == bindparam("user"),
        portal_logins.c.revoked_at.is_(None),
        portal_logins.c.created_at <= bindparam("happened_at"),
    )
    .values(revoked_at=bindparam("at"))
)
