"""An Accounting-Request inside its transaction: which connection is it about, and what is new in it?"""

from collections.abc import Callable
from typing import ClassVar

from attrs import field, frozen

from policy import connection as connections
from policy.connection import AccountingReport, Connection
from policy.holding import Holding, report
from policy.macs import canonical_mac
from policy.matching import is_about
from policy.quantities import Instant
from radiusd.handlers.classes import NOBODY, ClassKey
from radiusd.handlers.translate import Line
from radiusd.store.directory import Cafe, Router
from radiusd.store.memory import Guest, Kept, Known, Memory, Wire
from radiusd.store.rows import connection_key, key_of
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job


@frozen(kw_only=True)
class AccountingJob(Job):
    """A Start, Interim-Update or Stop; `named` is what its Class names, if we wrote it.

    `wire` is how the packet names the connection, None if it has no Acct-Session-Id; `known` is what is remembered
    under that.
    """

    received_at: Instant
    line: Line
    event: AccountingReport
    named: ClassKey | None
    router: Router
    cafe: Cafe
    wire: Wire | None = None
    known: Known | None = None

    _key: str | None = field(init=False)

    @_key.default
    def _named_key(self) -> str | None:
        name = self.line.acct_session_id
        return None if name is None else connection_key(self.router.id, self.line.nas, name)

    def recall(self, memory: Memory) -> Kept | Known | None:
        """The pass whose connection it is, or the connection of no pass."""
        known = self.known
        if known is not None and known.is_current and known.named_by == (self.wire and self.wire.named_by):
            return known if known.kept is None else known.kept
        kept = memory.of_guest(self._guest) if self.named is None else memory.of_session(self.named.session_id)
        if kept is None or self._named_connection is None or self._is_of_another(kept):
            return kept
        line = kept.holding.connection(self._named_connection)
        # By any other name the NAS may mean one that is over, and was forgotten.
        return kept if _has_name(line, self.event) and self._may_be_of(line.device) else None

    @property
    def _guest(self) -> Guest:
        return self.line.user_name, self.line.device

    @property
    def _named_connection(self) -> int | None:
        """Whom a Class from memory names has no row before its Start, and no number."""
        return None if self.named is None or self.named.connection_id == NOBODY else self.named.connection_id

    def _is_of_another(self, kept: Kept) -> bool:
        """Whether it is about none of the connections of a pass that are remembered."""
        if self._named_connection is not None:
            return self._named_connection not in kept.versions
        return all(key_of(each) != self._key for each in kept.holding.connections)

    def beside(self, found: Kept | Known) -> Needs | None:
        """Of the pass that is remembered, a connection that is not."""
        return self.needs() if isinstance(found, Kept) and self._is_of_another(found) else None

    def needs(self) -> Needs:
        """The connection, by our Class and by the NAS's own name for it."""
        ids = () if self._named_connection is None else (self._named_connection,)
        return Needs(connection_ids=ids, keys=() if self._key is None else (self._key,))

    def more(self, work: Work) -> Needs | None:
        """When the connection is not known: the session that Class names, or whatever the user name leads to."""
        if self._known(work) is not None or self._session_at_hand(work) is not None:
            return None
        name = self.line.user_name
        return Needs(
            names={name, name.upper()} - {""},
            devices={canonical_mac(name) or ""} - {""},
            session_ids=set() if self.named is None else {self.named.session_id},
        )

    def run(self, work: Work) -> None:
        """Take the report over."""
        work.learned_at(self.received_at)
        line = self._known(work)
        holding = None if line is None else work.holding_of_connection(line.id)
        if line is None:
            holding = self._holding_of_its_session(work)
            line = self._adopt(work, holding)
            if holding is not None:
                holding = holding.with_connection(line)
        # A late one may name an address that the line has no more.
        if self.wire is not None and self.event.at >= line.last_at:
            work.heard(line.id, self.wire)
        if holding is None:
            work.put_loose(connections.advance(line, self.event)[0])
            return
        branch = self.cafe.branch(self.event.at)
        after, effects = report(holding, line.id, self.event, branch)
        if after is not work.holding(holding.bought.id):
            work.put(after, effects, branch, self.event.at)

    def _known(self, work: Work) -> Connection | None:
        named = self.named
        line = None if self._key is None else work.latest_by_key(self._key)
        if line is not None and (named is None or line.session_id in (None, named.session_id)):
            by_class = named is not None and line.id == named.connection_id
            if is_about(line, self.event, by_class=by_class):
                return line
        line = None if named is None else work.connection(named.connection_id)
        if line is None or line.router_id != self.router.id or not self._may_be_of(line.device):
            return None
        return line if is_about(line, self.event, by_class=True) else None

    def _may_be_of(self, device: str | None) -> bool:
        """Whether Class names what is this device's. Where a backup was restored ids are given out again, and a Class
        from before may name a stranger's session."""
        mine = self.line.device
        return mine == device or not mine or not device

    def _holding_of_its_session(self, work: Work) -> Holding | None:
        session_id = self._session_id(work)
        return None if session_id is None else work.holding_of_session(session_id)

    def _session_at_hand(self, work: Work) -> int | None:
        """That which Class names, or without one that in which the guest is here."""
        if self.named is not None:
            session_id = self.named.session_id
            holding = work.holding_of_session(session_id)
            return session_id if holding is not None and self._may_be_of(holding.session(session_id).device) else None
        session = work.session_of_guest(self._guest)
        return None if session is None else session.id

    def _session_id(self, work: Work) -> int | None:
        """The session of this user and device; by the user name alone only if there is just one."""
        at_hand = self._session_at_hand(work)
        if at_hand is not None:
            return at_hand
        name = self.line.user_name
        login = work.logins.get(name) or work.logins.get(name.upper())
        _, tied = work.devices.get(canonical_mac(name) or "", (None, None))
        account_id = tied if login is None else login.account_id
        if account_id is None:
            return None
        active = [session for holding in work.holdings_of(account_id) for session in holding.active()]
        mine = [session for session in active if session.device == self.line.device]
        found = mine or (active if not self.line.device else [])
        return found[0].id if len(found) == 1 else None

    def _adopt(self, work: Work, holding: Holding | None) -> Connection:
        """The connection accepted and not yet named, or a new one, or one that belongs to nobody we know."""
        session_id = None if holding is None else self._session_id(work)
        if holding is not None and session_id is not None:
            for each in holding.running(session_id):
                if each.router_id == self.router.id and each.acct_session_id is None and each.started_at is None:
                    return each
        seconds = self.event.report.seconds or 0
        opened_at = Instant(self.event.at - seconds * 1000)
        if holding is not None and session_id is not None:
            began = holding.session(session_id).started_at
            opened_at = max(opened_at, min(began or opened_at, self.event.at))
        return Connection(
            id=work.new_id("connections"),
            session_id=session_id,
            router_id=self.router.id,
            nas=self.line.nas,
            nas_address=self.event.nas_address,
            user_name=self.line.user_name,
            device=self.line.device,
            acct_session_id=self.line.acct_session_id,
            framed_ip_address=self.line.framed_ip_address,
            boot=self.line.boot,
            opened_at=opened_at,
            last_at=opened_at,
        )


def _has_name(line: Connection, event: AccountingReport) -> bool:
    known, name = line.acct_session_id, event.acct_session_id
    return known is None or name is None or known.lower() == name.lower()


@frozen(eq=False)
class InterimJob(Job):
    """An Interim-Update of a connection that is remembered; `whole` makes the job that looks at everything."""

    known: Known
    at: Instant
    uploaded: int
    downloaded: int
    seconds: int
    whole: Callable[[], AccountingJob]

    is_ordinary: ClassVar[bool] = True

    def run(self, work: Work) -> None:
        """Count; and if more may follow from it, look at everything."""
        if not work.count(self.known, self.at, self.uploaded, self.downloaded, self.seconds):
            job = self.whole()
            work.prepare([job])
            job.run(work)
