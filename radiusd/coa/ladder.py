"""One try to cut a connection, rung by rung, until it is proven or five seconds are nearly over.

No sockets and no clock: instants, in milliseconds, are arguments. An ACK says that the NAS took the order, not that the
guest is off: some acknowledge and do nothing. Proof is the Stop, a NAS that finds the session no more, or its own list
of active sessions. What each NAK means is the table of RFC 5176 §3.5 as NASes really use it.
"""

from enum import Enum

from attrs import define, field, frozen

from policy.connection import Closing
from policy.cut import BY_CLOSING, Outcome, Verdict
from policy.quantities import Instant
from radiusd.coa.orders import Acknowledged, Answer, Refused, Silent
from radiusd.wire.codes import ErrorCause


@frozen
class Pace:
    """Milliseconds from the start of a try; `longest_pause` between tries is in seconds."""

    api_after: int = 450
    other_port_after: int = 1_200
    proof_within: int = 1_000
    decided_after: int = 4_500
    longest_pause: int = 60


FOR_A_CAFE = Pace()


class Naming(Enum):
    """What a Disconnect-Request names the session by, beside User-Name."""

    SESSION_AND_ADDRESS = "Acct-Session-Id and Framed-IP-Address"
    SESSION = "Acct-Session-Id"
    ADDRESS = "Framed-IP-Address"


@frozen
class Means:
    """What there is to reach a NAS by, and what is known of the connection.

    `hears_us`: it acknowledged something lately. `has_other_port`: it never answered, and may listen at another port.
    """

    uses_coa: bool = True
    has_api: bool = False
    is_routeros: bool = True
    names_address: bool = True
    has_session_id: bool = True
    has_address: bool = True
    hears_us: bool = False
    has_other_port: bool = False


@frozen
class Disconnect:
    """Send a Disconnect-Request that names the session so. By address only when no later session has that address."""

    naming: Naming
    is_at_other_port: bool = False


@frozen
class AskApi:
    """Remove the session through the API, and read back whether it is there."""


class _Api(Enum):
    UNASKED = "not asked"
    ASKED = "no answer"
    DONE = "asked"


Action = Disconnect | AskApi | Verdict

_NAMED_WRONGLY = frozenset(
    {
        ErrorCause.UNSUPPORTED_ATTRIBUTE,
        ErrorCause.MISSING_ATTRIBUTE,
        ErrorCause.INVALID_REQUEST,
        ErrorCause.INVALID_ATTRIBUTE_VALUE,
        ErrorCause.UNSUPPORTED_EXTENSION,
        ErrorCause.SESSION_CONTEXT_NOT_REMOVABLE,
        ErrorCause.MULTIPLE_SESSION_SELECTION_UNSUPPORTED,
        None,
    }
)


@define
class Ladder:
    """What to do next about one connection. Every method returns what must be done now; a Verdict is the end.

    The time to decide runs from the wish, where that is fresh: what it waited for to be begun is part of it.
    """

    began: Instant
    means: Means
    pace: Pace = FOR_A_CAFE
    wished: Instant | None = None
    is_decided: bool = field(default=False, init=False)
    learned_plain: bool = field(default=False, init=False)
    _asked: list[Naming] = field(factory=list, init=False)
    _in_flight: int = field(default=0, init=False)
    _is_acknowledged: bool = field(default=False, init=False)
    _prove_by: Instant | None = field(default=None, init=False)
    _causes: list[int | None] = field(factory=list, init=False)
    _api: _Api = field(default=_Api.UNASKED, init=False)
    _api_not_before: Instant = field(default=Instant(0), init=False)
    _api_trouble: str = field(default="", init=False)
    _other_port_at: Instant | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        waits = self.began + self.pace.other_port_after
        self._other_port_at = Instant(waits) if self.means.has_other_port else None

    def begin(self) -> tuple[Action, ...]:
        """The first rung."""
        if not self.means.uses_coa:
            return self._ask_api()
        if self.means.names_address and self.means.has_address and self.means.has_session_id:
            return self._disconnect(Naming.SESSION_AND_ADDRESS)
        if self.means.has_session_id or not self.means.has_address:
            return self._disconnect(Naming.SESSION)
        return self._disconnect(Naming.ADDRESS)

    def answered(self, answer: Answer, at: Instant) -> tuple[Action, ...]:
        """A Disconnect-Request was answered, or nobody answered it."""
        self._in_flight -= 1
        if self.is_decided:
            return ()
        if not isinstance(answer, Silent):
            self._other_port_at = None
        match answer:
            case Acknowledged():
                self.learned_plain = self.learned_plain or self._fell_back_to_plain()
                self._is_acknowledged = True
                self._prove_by = Instant(at + self.pace.proof_within)
                return ()
            case Refused(error_cause=cause):
                return self._refused(cause)
            case Silent():
                return self._unless_hopeless(())

    def skipped(self) -> tuple[Action, ...]:
        """A Disconnect-Request was not sent, since it might hit another session."""
        self._in_flight -= 1
        return () if self.is_decided else self._step_up()

    def api_answered(self, *, is_gone: bool, found: int) -> tuple[Action, ...]:
        """The API was asked; `found` rows of this session were there, and on reading back none is if `is_gone`."""
        if self.is_decided:
            return ()
        self._api = _Api.DONE
        if not is_gone:
            self._api_trouble = "removed through the API, it is still listed"
            return self._unless_hopeless(())
        if found or self._is_acknowledged:
            return self._decide(BY_CLOSING[Closing.ABSENT])
        return self._decide(Verdict(Outcome.GONE, "the router's active list does not have it", Closing.ABSENT))

    def api_failed(self, why: str) -> tuple[Action, ...]:
        """The API could not be asked."""
        self._api, self._api_trouble = _Api.DONE, f"the API: {why}"
        return () if self.is_decided else self._unless_hopeless(())

    def api_postponed(self, at: Instant) -> tuple[Action, ...]:
        """The API could not tell the session from a later one just now."""
        if self.is_decided:
            return ()
        self._api, self._api_not_before = _Api.UNASKED, Instant(at + self.pace.api_after // 2)
        return ()

    def closed(self, closing: Closing) -> tuple[Action, ...]:
        """The connection was closed by something else, its Stop above all."""
        return () if self.is_decided else self._decide(BY_CLOSING[closing])

    def due(self, at: Instant) -> tuple[Action, ...]:
        """What the time asks for."""
        if self.is_decided:
            return ()
        if at >= self._decide_at:
            return self._decide(self._not_cut())
        actions: tuple[Action, ...] = ()
        if self._api_at is not None and at >= self._api_at:
            actions += self._ask_api()
        if self._other_port_at is not None and at >= self._other_port_at:
            self._other_port_at = None
            actions += self._disconnect(self._asked[-1], is_at_other_port=True)
        if self._prove_by is not None and at >= self._prove_by:
            # Asked a second time, a NAS that did as it said knows no such session.
            self._prove_by = None
            actions += self._disconnect(self._asked[-1])
        return actions

    @property
    def has_asked_api(self) -> bool:
        """Whether the API had its turn."""
        return self._api is not _Api.UNASKED

    def next_at(self) -> Instant | None:
        """When `due` has something to say."""
        if self.is_decided:
            return None
        instants = (self._decide_at, self._api_at, self._other_port_at, self._prove_by)
        return min(each for each in instants if each is not None)

    @property
    def _decide_at(self) -> Instant:
        longest_wait = self.pace.decided_after - self.pace.proof_within
        since = self.began
        if self.wished is not None and self.began - self.wished < longest_wait:
            since = self.wished
        return Instant(since + self.pace.decided_after)

    @property
    def _api_at(self) -> Instant | None:
        if not self.means.has_api or self._api is not _Api.UNASKED:
            return None
        return max(Instant(self.began + self.pace.api_after), self._api_not_before)

    def _disconnect(self, naming: Naming, *, is_at_other_port: bool = False) -> tuple[Action, ...]:
        self._in_flight += 1
        self._asked.append(naming)
        return (Disconnect(naming, is_at_other_port),)

    def _ask_api(self) -> tuple[Action, ...]:
        self._api = _Api.ASKED
        return (AskApi(),)

    def _refused(self, cause: int | None) -> tuple[Action, ...]:
        self._causes.append(cause)
        if self._means_no_such_session(cause):
            code = "" if cause is None else f" ({cause})"
            if self._is_acknowledged:
                evidence = f"acknowledged, and asked again the router knows no such session{code}"
                return self._decide(Verdict(Outcome.CONFIRMED, evidence, Closing.GONE))
            return self._decide(Verdict(Outcome.GONE, f"the router knows no such session{code}", Closing.GONE))
        if cause in _NAMED_WRONGLY:
            return self._step_up()
        return self._to_the_api()

    def _means_no_such_session(self, cause: int | None) -> bool:
        """503 by the book; 406 of a router that acknowledges other things; no cause at all of those that give none."""
        if cause is None:
            return self._is_acknowledged or not self.means.is_routeros
        if cause == ErrorCause.UNSUPPORTED_EXTENSION:
            return self._is_acknowledged or self.means.hears_us
        return cause == ErrorCause.SESSION_CONTEXT_NOT_FOUND

    def _step_up(self) -> tuple[Action, ...]:
        """Another way to name it, if there is one left, then the API."""
        if self._asked[-1] is Naming.SESSION_AND_ADDRESS and self._causes[-1:] == [ErrorCause.UNSUPPORTED_ATTRIBUTE]:
            return self._disconnect(Naming.SESSION)
        if self.means.has_address and self.means.names_address and Naming.ADDRESS not in self._asked:
            return self._disconnect(Naming.ADDRESS)
        return self._to_the_api()

    def _to_the_api(self) -> tuple[Action, ...]:
        return self._unless_hopeless(() if self._api_at is None else self._ask_api())

    def _fell_back_to_plain(self) -> bool:
        return self._asked[-1] is Naming.SESSION and Naming.SESSION_AND_ADDRESS in self._asked

    def _unless_hopeless(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """These, or the end if nothing more can come of this try."""
        api_may_help = self.means.has_api and self._api is not _Api.DONE
        if actions or self._in_flight or self._is_acknowledged or api_may_help or self._other_port_at is not None:
            return actions
        return self._decide(self._not_cut())

    def _not_cut(self) -> Verdict:
        words = []
        if self._is_acknowledged:
            words.append("acknowledged, but neither a Stop nor anything else shows that it was done")
        elif self._causes:
            words.append("refused: " + ", ".join("no cause" if each is None else str(each) for each in self._causes))
        elif self._asked:
            words.append("no answer to any Disconnect-Request")
        if self._api is _Api.ASKED:
            words.append("the API did not answer")
        elif self._api_trouble:
            words.append(self._api_trouble)
        return Verdict(Outcome.NOT_CUT, "; ".join(words) or "nothing could be asked")

    def _decide(self, verdict: Verdict) -> tuple[Action, ...]:
        self.is_decided = True
        return (verdict,)
