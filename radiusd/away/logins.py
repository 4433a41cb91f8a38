"""Logins while the store is away, by the rule that the operator wrote."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from policy.admission import Accepted, Refused
from policy.facts import fact
from radiusd.away.entries import encode
from radiusd.away.gate import Gate
from radiusd.away.outlook import Outlook
from radiusd.away.remembering import LetIn, LetInLately
from radiusd.handlers.translate import Chap
from radiusd.jobs.access import AccessJob
from radiusd.server.counters import Counters
from radiusd.spool.errors import SpoolError
from radiusd.spool.keeping import Keeping
from radiusd.store.absence import StoreIsAway
from radiusd.store.decisions import Decision
from radiusd.store.loading import Login
from radiusd.store.work import Afterwards, CutCommand
from radiusd.store.writer import Done, Failed, Job

_log = Logger()
EVERY = 1.0
"""Seconds between looks at the store for what memory lacks."""
_AT_ONCE = 2_000

FindLogins = Callable[[Collection[str]], "Deferred[dict[str, Login]]"]
FindEnded = Callable[[Sequence[int]], "Deferred[Collection[int]]"]


@define(eq=False)
class _Asked:
    """An Access-Request in the hands of the store: what it decided, and whether memory is granting it meanwhile."""

    job: AccessJob
    done: Done
    decided: Any = None
    is_being_granted: bool = False
    is_answered: bool = False

    def answer(self, result: Any) -> None:
        """Unless it was answered before."""
        if not self.is_answered:
            self.is_answered = True
            self.done(result)


class Logins:
    """Has Access-Requests decided by the store; while it is slow or away, by what it decided last."""

    def __init__(
        self, gate: Gate, lately: LetInLately, spool: Keeping, counters: Counters, *, by_last_decision: bool
    ) -> None:
        self._gate = gate
        self._lately = lately
        self._spool = spool
        self._counters = counters
        self._by_last_decision = by_last_decision
        self.without_proof: dict[str, LetIn] = {}
        self.spooled: Callable[[], None] = _nothing
        self.doubted: Callable[[], None] = _nothing

    def submit(self, job: Job, done: Done) -> None:
        """Have `job` committed; an Access-Request may be answered by memory instead, or by Failed at once."""
        if not isinstance(job, AccessJob) or not self._by_last_decision:
            self._gate.submit(job, done)
        elif self._gate.outlook is Outlook.HERE:
            self._ask(job, done)
        elif not self._grant(job, done):
            self._gate.submit(job, done)

    def _ask(self, job: AccessJob, done: Done) -> None:
        asked = _Asked(job, done)
        number = self._gate.watch(partial(self._divert, asked))
        self._gate.submit(job, partial(self._decided, asked, number))

    def _divert(self, asked: _Asked) -> None:
        """The store is slow: who is known need not wait for it. An unknown device waits on."""
        if not asked.is_answered:
            asked.is_being_granted = True
            if not self._grant(asked.job, partial(self._granted, asked)):
                asked.is_being_granted = False

    def _granted(self, asked: _Asked, result: Any) -> None:
        asked.is_being_granted = False
        if isinstance(result, Failed):
            if asked.decided is not None:
                result = asked.decided
            elif self._gate.outlook is not Outlook.AWAY:
                return  # it could not be written down, and a store that is only slow will tell in a while
        asked.answer(result)

    def _decided(self, asked: _Asked, number: int, result: Any) -> None:
        self._gate.settle(number)
        self._learn(asked.job, result)
        asked.decided = result
        if not asked.is_being_granted:
            asked.answer(result)

    def _learn(self, job: AccessJob, result: Any) -> None:
        if isinstance(result, Accepted):
            known = self._lately.keep(job, result)
            if known is not None and isinstance(job.credentials, Chap) and known.login is None:
                self.without_proof[job.line.user_name] = known
        elif isinstance(result, Refused):
            self._lately.forget(job)

    def _grant(self, job: AccessJob, done: Done) -> bool:
        """Let in who was let in, once that is written down; whether this is such a one.

        A store that is only slow will tell in a while: nobody is let in against what others may have changed in it.
        """
        granted = self._lately.grant(job, only_if_certain=self._gate.outlook is not Outlook.AWAY)
        if granted is None:
            return False
        why = fact("store_away", time=granted.time)
        decision = Decision(
            at=job.at,
            verdict="accepted",
            reason="store_away",
            name=job.line.user_name,
            device=job.line.device,
            router_id=job.router.id,
            session_id=granted.session_id,
            facts=(why,),
        )
        self._spool.append(encode(decision), partial(self._written, granted, done))
        self.spooled()
        return True

    def _written(self, granted: Accepted, done: Done, error: SpoolError | None) -> None:
        if error is None:
            self._counters.count("accepted_store_away")
            done(granted)
        else:
            self._counters.drop(error.reason, "the spool", f"({error})", what="an Access-Request")
            done(Failed(StoreIsAway(str(error))))

    def heard(self, afterwards: Iterable[Afterwards]) -> None:
        """What was committed, here or elsewhere: whose connection is to be cut is not let in from memory."""
        for each in afterwards:
            if isinstance(each, CutCommand) and each.connection.session_id is not None:
                self._lately.forget_session(each.connection.session_id)

    def others_changed(self, pass_ids: Collection[int] | None) -> None:
        """Others changed these passes, or anything."""
        self._lately.doubt(pass_ids)
        if self._lately.doubtful:
            self.doubted()


class Reminding:
    """Brings memory up to the store: the passwords of those seen by CHAP only, and sessions that others ended."""

    def __init__(
        self, logins: Logins, lately: LetInLately, gate: Gate, find_logins: FindLogins, find_ended: FindEnded
    ) -> None:
        self._logins = logins
        self._lately = lately
        self._gate = gate
        self._find_logins = find_logins
        self._find_ended = find_ended
        self._to_check: list[int] = []
        self._is_reading = False
        self._loop = LoopingCall(self.look)

    def start(self, clock: IReactorTime) -> None:
        """Begin to look: from time to time, and at once when there is a doubt."""
        self._logins.doubted = self.look
        self._loop.clock = clock
        self._loop.start(EVERY)

    def stop(self) -> None:
        """Look no more."""
        self._logins.doubted = _nothing
        if self._loop.running:
            self._loop.stop()

    def look(self) -> None:
        """Ask the store, unless it is still being asked, or is not there."""
        if self._is_reading or self._gate.outlook is Outlook.AWAY:
            return
        self._is_reading = True
        asked, self._logins.without_proof = self._logins.without_proof, {}
        names = {name for each in asked for name in (each, each.upper())}
        found: Deferred[Any] = self._find_logins(names) if names else _nothing_found()
        found.addCallback(partial(self._proven, asked)).addCallback(lambda _: self._check_some())
        found.addErrback(lambda _: self._logins.without_proof.update(asked)).addCallback(self._looked)

    def _proven(self, asked: dict[str, LetIn], found: dict[str, Login]) -> None:
        for name, known in asked.items():
            known.login = found.get(name) or found.get(name.upper())
            known.is_without_login = known.login is None

    def _check_some(self) -> "Deferred[None]":
        doubtful = self._lately.doubtful
        some = list(islice(doubtful, _AT_ONCE))
        for each in some:
            del doubtful[each]
        if not some:
            if not self._to_check:
                self._to_check = self._lately.sessions()
            some, self._to_check = self._to_check[:_AT_ONCE], self._to_check[_AT_ONCE:]
        found: Deferred[Any] = self._find_ended(some) if some else _nothing_found()
        return found.addCallbacks(partial(self._told, some), partial(self._not_told, some))

    def _told(self, asked: Sequence[int], ended: Collection[int]) -> None:
        for each in ended:
            self._lately.forget_session(each)
        for each in asked:
            self._lately.found_alive(each)

    def _not_told(self, asked: Sequence[int], failure: Failure) -> Failure:
        self._lately.doubtful.update(dict.fromkeys(asked))
        return failure

    def _looked(self, _: object) -> None:
        self._is_reading = False


def _nothing_found() -> "Deferred[Any]":
    found: Deferred[Any] = Deferred()
    found.callback({})
    return found


def _nothing() -> None:
    pass
