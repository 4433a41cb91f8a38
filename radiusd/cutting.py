"""Carries out the cuts that were decided and stored, and sees to it that each is proven."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol, assert_never

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from policy.connection import Closing
from policy.cut import BY_CLOSING, Outcome, Verdict
from policy.quantities import Instant
from radiusd.coa.ladder import FOR_A_CAFE, Action, AskApi, Disconnect, Ladder, Means, Naming, Pace
from radiusd.coa.orders import Acknowledged, Answer, Order, Silent
from radiusd.coa.routeros import ApiAccess, ApiUnavailable, Guest, Removal
from radiusd.coa.steady import steady_time
from radiusd.handlers.access import Submit
from radiusd.handlers.directory import Known
from radiusd.jobs.cuts import CutDecidedJob, FindSuccessorJob, Successor
from radiusd.jobs.routers import CoaLearnedJob
from radiusd.reaching import OTHER_PORT, api_access, guest, order
from radiusd.server.counters import Counters
from radiusd.store.directory import Router
from radiusd.store.work import CutCommand, CutSettled
from radiusd.wire.codes import Code

_log = Logger()

HEARS_US_FOR = 600_000
"""How long an ACK shows that a router hears us, in milliseconds."""


class Client(Protocol):
    """A Dynamic Authorization Client; the first datagram is on the wire when `request` returns."""

    def request(self, order: Order) -> "Deferred[Answer]": ...

    def forget(self, order: Order) -> None: ...


class Api(Protocol):
    """The RouterOS API."""

    def remove(self, access: ApiAccess, guest: Guest) -> "Deferred[Removal]": ...


class Clock(Protocol):
    """The part of a reactor that calls later; its seconds are those of no clock that may be set."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> IDelayedCall: ...


@define
class _Try:
    """One cut on its way."""

    command: CutCommand
    router: Router
    ladder: Ladder
    orders: list[Order] = field(factory=list)
    timer: IDelayedCall | None = None


class Cutter:
    """Sends each command once at a time, climbs the ladder, and has what came of it stored."""

    def __init__(
        self,
        client: Client,
        api: Api,
        clock: Clock,
        known: Known,
        submit: Submit,
        now: Callable[[], Instant],
        counters: Counters,
        pace: Pace = FOR_A_CAFE,
    ) -> None:
        self._client = client
        self._api = api
        self._clock = clock
        self._known = known
        self._submit = submit
        self._now = now
        self._steady = steady_time(clock)
        self._counters = counters
        self._pace = pace
        self._tries: dict[int, _Try] = {}
        self._by_connection: dict[int, int] = {}
        self._storing: set[int] = set()
        self._acknowledged_at: dict[int, Instant] = {}
        self._tried_other_port: set[int] = set()
        self._waiting: dict[int, list[Deferred[bool]]] = {}
        self._until_over: dict[int, list[Deferred[None]]] = {}
        self._not_cut: set[int] = set()

    # Cuts

    def cut(self, commands: Iterable[CutCommand]) -> None:
        """Begin with these commands, those that are not on their way already."""
        for command in commands:
            if command.id not in self._tries and command.id not in self._storing:
                try:
                    self._begin(command)
                except Exception as error:  # noqa: BLE001 - one cut's trouble is not the others', nor the answers'
                    _log.failure("a cut could not be begun")
                    self._tries.pop(command.id, None)
                    self._store(command, Verdict(Outcome.NOT_CUT, f"could not be sent: {type(error).__name__}"))

    def is_busy_with(self, command_id: int) -> bool:
        """Whether this command is on its way."""
        return command_id in self._tries or command_id in self._storing

    def settled(self, connections: Iterable[CutSettled]) -> None:
        """These connections are over, whatever we were doing about them."""
        for each in connections:
            is_between_tries = each.connection_id in self._not_cut and each.connection_id not in self._by_connection
            if is_between_tries:
                self._counters.count(f"cut_{BY_CLOSING[each.closing].outcome.name.lower()}")
            self._not_cut.discard(each.connection_id)
            self._tell(each.connection_id, is_over=True)
            attempt = self._tries.get(self._by_connection.get(each.connection_id, 0))
            if attempt is not None:
                self._act(attempt, attempt.ladder.closed(each.closing), is_stored=True)

    def when_settled(self, connection_ids: Collection[int]) -> "Deferred[bool]":
        """Fires when all of these connections are over (True), or one was found not to be (False)."""
        done: Deferred[bool] = Deferred()
        if not self._not_cut.isdisjoint(connection_ids):
            done.callback(False)
            return done
        left = {each for each in connection_ids if each in self._by_connection}

        def came(is_over: bool, connection_id: int) -> None:
            left.discard(connection_id)
            if not done.called and (not left or not is_over):
                done.callback(is_over)

        for each in tuple(left):
            one: Deferred[bool] = Deferred()
            one.addCallback(came, each)
            self._waiting.setdefault(each, []).append(one)
        if not left:
            done.callback(True)
        return done

    def when_over(self, connection_ids: Collection[int]) -> "Deferred[None]":
        """Fires when all of these connections are over, however many tries that takes."""
        left = set(connection_ids)
        done: Deferred[None] = Deferred()

        def over(_: object, connection_id: int) -> None:
            left.discard(connection_id)
            if not left and not done.called:
                done.callback(None)

        for each in connection_ids:
            one: Deferred[None] = Deferred()
            one.addCallback(over, each)
            self._until_over.setdefault(each, []).append(one)
        return done

    def hears_us(self, router_id: int) -> bool:
        """Whether the router acknowledged something lately."""
        last = self._acknowledged_at.get(router_id)
        return last is not None and self._steady() - last < HEARS_US_FOR

    def heard_us(self, router_id: int) -> None:
        """The router acknowledged something."""
        self._acknowledged_at[router_id] = self._steady()

    # One try

    def _begin(self, command: CutCommand) -> None:
        line = command.connection
        router = self._known.directory.routers.get(line.router_id)
        if router is None:
            self._store(command, Verdict(Outcome.NOT_CUT, "its router was removed"))
            return
        means = Means(
            uses_coa=router.uses_coa,
            has_api=router.has_api,
            is_routeros=router.is_mikrotik,
            names_address=router.is_mikrotik and not router.coa_plain,
            has_session_id=line.acct_session_id is not None,
            has_address=line.framed_ip_address is not None,
            hears_us=self.hears_us(router.id),
            has_other_port=self._may_try_other_port(router),
        )
        at, age = self._steady(), max(0, self._now() - command.created_at)
        attempt = _Try(command, router, Ladder(at, means, self._pace, wished=Instant(at - age)))
        self._tries[command.id] = attempt
        self._by_connection[line.id] = command.id
        self._act(attempt, attempt.ladder.begin())

    def _may_try_other_port(self, router: Router) -> bool:
        return not router.coa_answered and router.coa_port in OTHER_PORT and router.id not in self._tried_other_port

    def _act(self, attempt: _Try, actions: Iterable[Action], *, is_stored: bool = False) -> None:
        """Do what the ladder asks for, and wake it when it has more to say."""
        for action in actions:
            match action:
                case Disconnect():
                    self._disconnect(attempt, action)
                case AskApi():
                    self._unless_succeeded(
                        attempt,
                        lambda: self._ask_api(attempt),
                        lambda: self._act(attempt, attempt.ladder.api_postponed(self._steady())),
                    )
                case Verdict():
                    self._end(attempt, action, is_stored=is_stored)
                    return
                case never:
                    assert_never(never)
        self._wake_later(attempt)

    def _wake_later(self, attempt: _Try) -> None:
        if attempt.timer is not None and attempt.timer.active():
            attempt.timer.cancel()
        next_at = attempt.ladder.next_at()
        if next_at is not None:
            delay = max(0, next_at - self._steady()) / 1000
            attempt.timer = self._clock.callLater(delay, self._due, attempt)

    def _due(self, attempt: _Try) -> None:
        self._act(attempt, attempt.ladder.due(self._steady()))

    def _disconnect(self, attempt: _Try, action: Disconnect) -> None:
        """Send it; by address only if no later connection of the guest has it, for which the cut is not meant."""
        if action.naming is Naming.ADDRESS or attempt.command.connection.acct_session_id is None:
            self._unless_succeeded(
                attempt,
                lambda: self._send(attempt, action),
                lambda: self._act(attempt, attempt.ladder.skipped()),
            )
        else:
            self._send(attempt, action)

    def _unless_succeeded(self, attempt: _Try, go_on: Callable[[], None], skip: Callable[[], None]) -> None:
        """Go on only if no later connection of the guest has the address: nobody could tell the two apart there."""

        def looked(successor: Any) -> None:
            if attempt.ladder.is_decided:
                return
            if successor is Successor.BEGUN:
                self._act(attempt, attempt.ladder.closed(Closing.SUPERSEDED))
            elif successor is Successor.NONE:
                go_on()
            else:
                skip()

        self._submit(FindSuccessorJob(attempt.command.connection), looked)

    def _send(self, attempt: _Try, action: Disconnect) -> None:
        router, port = attempt.router, attempt.router.coa_port
        if action.is_at_other_port:
            self._tried_other_port.add(router.id)
            port = OTHER_PORT[port]
        asked = order(router, attempt.command.connection, Code.DISCONNECT_REQUEST, action.naming, port=port)
        attempt.orders.append(asked)
        self._counters.count("disconnect_sent")
        answered = self._client.request(asked)
        answered.addCallback(self._answered, attempt, asked)
        answered.addErrback(lambda failure: _log.failure("an answer to a cut could not be used", failure))

    def _answered(self, answer: Answer, attempt: _Try, asked: Order) -> None:
        attempt.orders.remove(asked)
        if isinstance(answer, Acknowledged):
            self.heard_us(attempt.router.id)
        actions = attempt.ladder.answered(answer, self._steady())
        self._learn(attempt, asked, answer)
        self._act(attempt, actions)

    def _learn(self, attempt: _Try, asked: Order, answer: Answer) -> None:
        router = attempt.router
        if isinstance(answer, Silent):
            return
        is_plain = router.coa_plain or attempt.ladder.learned_plain
        learned = CoaLearnedJob(router_id=router.id, port=asked.target.port, is_plain=is_plain)
        known = CoaLearnedJob(router_id=router.id, port=router.coa_port, is_plain=router.coa_plain)
        if learned != known or not router.coa_answered:
            self._submit(learned, _nobody_waits)

    def _ask_api(self, attempt: _Try) -> None:
        removed = self._remove(attempt)
        removed.addCallbacks(
            lambda removal: self._act(
                attempt, attempt.ladder.api_answered(is_gone=removal.is_gone, found=removal.found)
            ),
            lambda failure: self._act(attempt, self._api_failed(attempt, failure.value)),
        )
        removed.addErrback(lambda failure: _log.failure("an answer of the API could not be used", failure))

    def _remove(self, attempt: _Try) -> "Deferred[Removal]":
        line = attempt.command.connection
        wished_ago = (self._now() - attempt.command.created_at) / 1000
        return self._api.remove(api_access(attempt.router, line), guest(line, wished_ago))

    def _api_failed(self, attempt: _Try, error: BaseException) -> tuple[Action, ...]:
        if isinstance(error, ApiUnavailable) and error.may_tell_soon:
            return attempt.ladder.api_postponed(self._steady())
        return attempt.ladder.api_failed(str(error) if isinstance(error, ApiUnavailable) else type(error).__name__)

    def _clean_up(self, attempt: _Try) -> None:
        """The guest is off; what could bring the phone back, or keep a film playing, goes too: cookies and flows."""

        def looked(successor: Any) -> None:
            if successor is Successor.NONE:
                removed = self._remove(attempt)
                removed.addErrback(lambda _: self._counters.count("clean_up_failed"))

        self._submit(FindSuccessorJob(attempt.command.connection), looked)

    # The end of it

    def _end(self, attempt: _Try, verdict: Verdict, *, is_stored: bool) -> None:
        if attempt.timer is not None and attempt.timer.active():
            attempt.timer.cancel()
        for asked in attempt.orders:
            self._client.forget(asked)
        del self._tries[attempt.command.id]
        if verdict.closing is not None and attempt.router.has_api and not attempt.ladder.has_asked_api:
            self._clean_up(attempt)
        if is_stored:
            self._finish(attempt.command, verdict)
        else:
            self._store(attempt.command, verdict)

    def _store(self, command: CutCommand, verdict: Verdict) -> None:
        job = CutDecidedJob(
            at=self._now(),
            command_id=command.id,
            connection_id=command.connection.id,
            verdict=verdict,
            longest_pause=self._pace.longest_pause * 1_000,
            cafes=self._known.directory.cafes,
        )
        self._storing.add(command.id)

        def stored(is_first_alarm: Any) -> None:
            self._storing.discard(command.id)
            if is_first_alarm is True:
                self._alert(command, verdict)
            self._finish(command, verdict, is_news=verdict.closing is not None or is_first_alarm is True)

        self._submit(job, stored)

    def _finish(self, command: CutCommand, verdict: Verdict, *, is_news: bool = True) -> None:
        if is_news:
            self._counters.count(f"cut_{verdict.outcome.name.lower()}")
            self._counters.took(verdict.outcome.name.lower(), (self._now() - command.created_at) / 1000)
        connection_id, is_over = command.connection.id, verdict.closing is not None
        if self._by_connection.get(connection_id) == command.id:
            del self._by_connection[connection_id]
        if is_over:
            self._not_cut.discard(connection_id)
        else:
            self._not_cut.add(connection_id)
        self._tell(connection_id, is_over=is_over)

    def _tell(self, connection_id: int, *, is_over: bool) -> None:
        for each in self._waiting.pop(connection_id, ()):
            each.callback(is_over)
        for one in self._until_over.pop(connection_id, ()) if is_over else ():
            one.callback(None)

    def _alert(self, command: CutCommand, verdict: Verdict) -> None:
        line = command.connection
        router = self._known.directory.routers.get(line.router_id)
        _log.critical(
            "ALERT: NOT CUT: {name} ({device}, session {session}) may still be online at router {router}: {evidence}. "
            "It is tried again; `icafectl cut list --open` shows how it stands",
            name=line.user_name,
            device=line.device,
            session=line.session_id,
            router=line.router_id if router is None else router.name,
            evidence=verdict.evidence,
        )


def _nobody_waits(_: object) -> None:
    pass
