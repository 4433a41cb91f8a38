"""What a PC system reports, inside its transaction."""

from collections.abc import Collection, Mapping

from attrs import frozen

from policy.facts import fact
from policy.holding import Holding
from policy.pc import LoggedOff, log_off, resume
from policy.quantities import Instant
from radiusd.jobs.playing import leave_seat
from radiusd.store.decisions import Decision
from radiusd.store.directory import Cafe
from radiusd.store.pc_book import PcAsked, PcEventRow, PcUser
from radiusd.store.pc_directory import PcSystem
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job

LOGOUT, LOGIN, BALANCE = "USER_LOGOUT", "USER_LOGIN", "BALANCE_UPDATE"

ENDED = "sessions ended"
NOTHING_TO_END = "nothing to end"
NOBODY_KNOWN = "no account of ours"
OVERTAKEN_BY_LOGIN = "older than a newer login"
OVERTAKEN_BY_LOGOUT = "older than a newer logout"
PRESENT = "at a PC"
RESUMED = "at a PC, and a pass goes on"
NOTICED = "noticed"


@frozen(kw_only=True)
class PcEvent:
    """One event, authenticated; `happened_at` is by the PC system's clock, `digest` names it for ever."""

    kind: str
    pc_user_id: str
    happened_at: Instant
    digest: str


@frozen(kw_only=True)
class PcOutcome:
    """What an event did. `cut`: the connections that are to be cut; `is_repeat`: that was done before."""

    effect: str
    sessions_terminated: int
    cut: tuple[int, ...] = ()
    is_repeat: bool = False


@frozen(kw_only=True)
class PcEventJob(Job):
    """One event of a branch; `router_ids` are the routers that stand there.

    `binds_games`: whether a logout ends what is played on the PC, too.
    """

    at: Instant
    event: PcEvent
    system: PcSystem
    source: str
    router_ids: Collection[int]
    cafes: Mapping[int, Cafe]
    binds_games: bool = True

    def needs(self) -> Needs:
        """Whether it came before, the user, and by them the passes."""
        asked = PcAsked(branch_id=self.system.branch_id, user=self._user, digest=self.event.digest)
        return Needs(pc=(asked,))

    @property
    def _user(self) -> PcUser:
        return PcUser(self.system.realm, self.event.pc_user_id)

    @property
    def _branch(self) -> Cafe:
        return self.cafes[self.system.branch_id]

    def run(self, work: Work) -> PcOutcome:
        """Do what follows from it, once."""
        past = work.pc.event(self.event.digest)
        if past is not None:
            return PcOutcome(effect=past.effect, sessions_terminated=past.sessions_terminated, is_repeat=True)
        outcome = self._take_in(work)
        work.pc.keep(self._row(outcome), work.new_id("pc_events"))
        return outcome

    def _take_in(self, work: Work) -> PcOutcome:
        match self.event.kind:
            case "USER_LOGOUT":
                return self._log_out(work)
            case "USER_LOGIN":
                return self._log_in(work)
            case _:
                return PcOutcome(effect=NOTICED, sessions_terminated=0)

    def _row(self, outcome: PcOutcome) -> PcEventRow:
        return PcEventRow(
            branch_id=self.system.branch_id,
            digest=self.event.digest,
            kind=self.event.kind,
            pc_user_id=self.event.pc_user_id,
            happened_at=self.event.happened_at,
            received_at=self.at,
            source=self.source,
            effect=outcome.effect,
            sessions_terminated=outcome.sessions_terminated,
        )

    def _log_out(self, work: Work) -> PcOutcome:
        branch_id, name, happened_at = self.system.branch_id, self.event.pc_user_id, self.event.happened_at
        presence = work.pc.presence(branch_id, name)
        work.pc.put_presence(branch_id, name, presence.with_logout(happened_at))
        if presence.is_older_than_login(happened_at):
            return PcOutcome(effect=OVERTAKEN_BY_LOGIN, sessions_terminated=0)
        work.pc.revoke_portal(branch_id, name, happened_at, self.at)
        if self.binds_games:
            leave_seat(work, branch_id, name, happened_at, self.at)
        account_id = self._account_id(work)
        if account_id is None:
            return PcOutcome(effect=NOBODY_KNOWN, sessions_terminated=0)
        commands_before = len(work.commands)
        ended = sum(self._end(work, account_id, holding) for holding in work.holdings_of(account_id))
        cut = tuple(each.connection.id for each in work.commands[commands_before:])
        return PcOutcome(effect=ENDED if ended else NOTHING_TO_END, sessions_terminated=ended, cut=cut)

    def _account_id(self, work: Work) -> int | None:
        """Whose sessions the event is about; an account made in this very batch has none yet."""
        account_id = work.pc.account_id(self._user)
        return account_id if account_id in work.accounts else None

    def _end(self, work: Work, account_id: int, holding: Holding) -> int:
        event = LoggedOff(
            at=self.at,
            happened_at=self.event.happened_at,
            pc_user=self.event.pc_user_id,
            branch=self._branch.name,
            router_ids=self.router_ids,
        )
        home = work.accounts[account_id].branch_id
        after, effects, ended = log_off(holding, event, self.system.resume, is_of_branch=home == self.system.branch_id)
        if after is not holding:
            work.put(after, effects, self.cafes[home].branch(self.at), self.at)
        return ended

    def _log_in(self, work: Work) -> PcOutcome:
        branch_id, name, happened_at = self.system.branch_id, self.event.pc_user_id, self.event.happened_at
        presence = work.pc.presence(branch_id, name)
        work.pc.put_presence(branch_id, name, presence.with_login(happened_at))
        if presence.is_older_than_logout(happened_at):
            return PcOutcome(effect=OVERTAKEN_BY_LOGOUT, sessions_terminated=0)
        account_id = self._account_id(work)
        waiting = [] if account_id is None else self._waiting(work, account_id)
        for each in waiting:
            self._resume(work, each)
        return PcOutcome(effect=RESUMED if waiting else PRESENT, sessions_terminated=0)

    def _waiting(self, work: Work, account_id: int) -> list[Holding]:
        if work.accounts[account_id].branch_id != self.system.branch_id:
            return []
        return [each for each in work.holdings_of(account_id) if each.bought.paused_at is not None]

    def _resume(self, work: Work, holding: Holding) -> None:
        account = work.accounts[holding.bought.account_id]
        work.put(resume(holding, self.at), (), self._branch.branch(self.at), self.at)
        why = fact("pc_logged_in", pc_user=self.event.pc_user_id, branch=self._branch.name, pass_id=holding.bought.id)
        work.decide(
            Decision(
                at=self.at,
                verdict="released",
                reason="pc_logged_in",
                name=account.name,
                account_id=account.id,
                facts=(why,),
            )
        )
