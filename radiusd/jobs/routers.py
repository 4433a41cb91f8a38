"""What a NAS tells of itself: that it rebooted, that it signs its requests."""

from attrs import frozen
from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import bindparam, select, text, update

from policy import connection as connections
from policy.connection import RouterRebooted
from policy.holding import reboot
from policy.quantities import Instant
from radiusd.store import loading, revisions
from radiusd.store.directory import Cafe, Router
from radiusd.store.schema import nases, routers
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job

_KEEP_BOOT = text(
    "INSERT INTO nases (router_id, name, boot, seen_at) VALUES (:router_id, :name, :boot, :seen_at) "
    "ON CONFLICT (router_id, name) DO UPDATE SET boot = excluded.boot, seen_at = excluded.seen_at"
)
_KNOWN_BOOT = select(nases.c.boot).where(nases.c.router_id == bindparam("of"), nases.c.name == bindparam("called"))
_SIGNS = update(routers).values(signs_requests=True)


@frozen(kw_only=True)
class RebootJob(Job):
    """Close what the NAS had open: all of it, or all but what belongs to `boot`.

    `is_first_boot_seen` says that whoever submits it has seen no other, which proves nothing if nobody else has either.
    """

    at: Instant
    router: Router
    cafe: Cafe
    nas: str
    how: str
    boot: str | None = None
    is_first_boot_seen: bool = False

    def more(self, work: Work) -> Needs | None:
        """Every running connection of the router."""
        if self._is_first(work.database):
            return None
        return Needs(connection_ids=loading.running_on(work.database, self.router.id))

    def run(self, work: Work) -> None:
        """Close them at their last packet's time."""
        work.learned_at(self.at)
        is_first = self._is_first(work.database)
        if self.boot is not None:
            _keep_boot(work.database, self)
        if is_first:
            return
        event = RouterRebooted(self.at)
        for holding in work.holdings():
            after, effects = reboot(holding, self.router.id, self.nas, self.boot, event, self.how)
            if after is not holding:
                work.put(after, effects, self.cafe.branch(self.at), self.at)
        for line in tuple(work.loose.values()):
            is_its = (line.router_id, line.nas) == (self.router.id, self.nas) and line.boot != (self.boot or "")
            if is_its and not line.is_closed and line.opened_at <= self.at:
                work.put_loose(connections.advance(line, event)[0])

    def _is_first(self, database: DatabaseConnection) -> bool:
        """Whether no other server has seen another boot: a router that comes back may meet one that did not know it."""
        if not self.is_first_boot_seen:
            return False
        known = database.execute(_KNOWN_BOOT, {"of": self.router.id, "called": self.nas}).scalar_one_or_none()
        return known in (None, self.boot)


def _keep_boot(database: DatabaseConnection, job: RebootJob) -> None:
    values = {"router_id": job.router.id, "name": job.nas, "boot": job.boot, "seen_at": job.at}
    database.execute(_KEEP_BOOT, values)


@frozen(kw_only=True)
class CoaLearnedJob(Job):
    """How the router takes Disconnect-Requests, as its answers showed."""

    router_id: int
    port: int
    is_plain: bool

    def run(self, work: Work) -> None:
        """Keep it, and have every server know."""
        learned = update(routers).where(routers.c.id == self.router_id)
        work.database.execute(learned.values(coa_port=self.port, coa_answered=True, coa_plain=self.is_plain))
        revisions.announce(work.database)


@frozen
class SignsRequestsJob(Job):
    """The router sent a valid Message-Authenticator: from now on it always must (RFC 3579 §3.2, Blast-RADIUS)."""

    router_id: int

    def run(self, work: Work) -> None:
        """Keep it."""
        work.database.execute(_SIGNS.where(routers.c.id == self.router_id))
