"""Accounting that is recorded in any case: in the store, or on the disk until the store is back."""

from collections.abc import Callable
from functools import partial

from attrs import define
from twisted.logger import Logger

from radiusd.away.entries import Accounting, encode
from radiusd.away.gate import Gate
from radiusd.away.outlook import Outlook
from radiusd.server.counters import Counters
from radiusd.server.protocol import Answer, Handler, Reply, Request
from radiusd.spool.errors import SpoolError
from radiusd.spool.keeping import Keeping
from radiusd.wire.codes import Code

_log = Logger()
MOST_HELD = 10_000
RECORDED = Reply(Code.ACCOUNTING_RESPONSE)


@define(eq=False)
class _Asked:
    """A request in the hands of the store: what became of it there, and whether it was given to the spool as well."""

    request: Request
    answer: Answer
    number: int = 0
    is_answered: bool = False
    is_spooling: bool = False
    is_done: bool = False


class Recording:
    """Handles Accounting-Requests by `handler`, or else puts them into the spool; either way, recorded, then answered.

    A request may go both ways, when the store was given up too soon: it counts once all the same, for the counters in
    it are totals since the line began, and a Start or Stop told again says what is known already.
    """

    def __init__(
        self, handler: Handler, gate: Gate, spool: Keeping, counters: Counters, check: Callable[[Request], object]
    ) -> None:
        """`check` raises MalformedPacket for what `handler` would not take either."""
        self._handler = handler
        self._check = check
        self._gate = gate
        self._spool = spool
        self._counters = counters
        self._held: list[tuple[Request, Answer]] | None = None
        self.is_behind = False
        """Whether older accounting is still in the spool: what is new must queue up behind it."""
        self.spooled: Callable[[], None] = _nothing

    def __call__(self, request: Request, answer: Answer) -> None:
        """Record, then answer. Raises MalformedPacket for attributes that are not of their type."""
        if self._held is not None and len(self._held) < MOST_HELD:
            self._check(request)
            self._held.append((request, answer))
        elif self.is_behind or self._held is not None or self._gate.outlook is not Outlook.HERE:
            self._check(request)
            self._keep(request, partial(_answer, answer))
        else:
            self._hand_on(request, answer)

    def hold(self) -> None:
        """The last of the spool is on its way to the store: what comes now waits until it has arrived."""
        if self._held is None:
            self._held = []

    def let_go(self, *, is_behind: bool) -> None:
        """It has arrived, or it has not, and what was held goes the way of all others."""
        held, self._held, self.is_behind = self._held or [], None, is_behind
        for request, answer in held:
            try:
                self(request, answer)
            except Exception:  # noqa: BLE001 - whatever is wrong with one, the others are handled
                _log.failure("an Accounting-Request that was held could not be handled")
                answer(None)

    def _hand_on(self, request: Request, answer: Answer) -> None:
        asked = _Asked(request, answer)
        asked.number = self._gate.watch(partial(self._divert, asked))
        try:
            self._handler(request, partial(self._handled, asked))
        except BaseException:
            self._gate.settle(asked.number)
            raise

    def _handled(self, asked: _Asked, reply: Reply | None) -> None:
        self._gate.settle(asked.number)
        asked.is_done = True
        if asked.is_answered:
            return
        if reply is None and not asked.is_spooling and self._gate.outlook is Outlook.AWAY:
            self._divert(asked)
        elif reply is not None or not asked.is_spooling:
            asked.is_answered = True
            asked.answer(reply)

    def _divert(self, asked: _Asked) -> None:
        if not asked.is_spooling and not asked.is_answered:
            asked.is_spooling = True
            self._keep(asked.request, partial(self._kept, asked))

    def _kept(self, asked: _Asked, *, is_kept: bool) -> None:
        asked.is_spooling = False
        if asked.is_answered or not (is_kept or asked.is_done):
            return
        asked.is_answered = True
        asked.answer(RECORDED if is_kept else None)

    def _keep(self, request: Request, kept: Callable[..., None]) -> None:
        entry = Accounting(request.router.id, request.at, request.source, request.packet.octets)
        self.is_behind = True
        self._spool.append(encode(entry), partial(self._appended, kept))
        self.spooled()

    def _appended(self, kept: Callable[..., None], error: SpoolError | None) -> None:
        if error is None:
            self._counters.count("spooled")
        else:
            self._counters.drop(error.reason, "the spool", f"({error})", what="an Accounting-Request")
        kept(is_kept=error is None)


def _answer(answer: Answer, *, is_kept: bool) -> None:
    answer(RECORDED if is_kept else None)


def _nothing() -> None:
    pass
