"""Exchanges with Dynamic Authorization Servers (RFC 5176): Identifiers, resend times, which answer is to which request.

No sockets and no clock: instants, in milliseconds, are arguments. Each NAS has a line of its own, with its own
Identifiers and its own socket, named by a number that grows. A resend has the same Identifier, authenticator and
octets (RFC 5080 §2.2.1). Some NASes take an old answer for a new request that shares its address, port and Identifier,
so an Identifier rests for five minutes, and a line that has none left goes on from a new socket. The older one is kept
until its last Identifier has rested: its port could be given out again.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from random import Random

from attrs import define, field, frozen
from pyrad.dictionary import Dictionary
from pyrad.packet import CoAPacket

from policy.quantities import Instant
from radiusd.coa.orders import Acknowledged, Answer, Order, Refused, Silent, Target
from radiusd.wire.errors import WireError
from radiusd.wire.packet import decode
from radiusd.wire.replies import error_cause, is_reply_to

IN_FLIGHT = 20
IDENTIFIER_RESTS = 300_000


@frozen
class Timing:
    """When to send, in milliseconds from the first time, and when to give up."""

    sends: tuple[int, ...] = (0, 300, 900, 2_100)
    gives_up: int = 4_500


FOR_A_CAFE = Timing()


@frozen
class Datagram:
    """Octets for `target`, from the socket `socket` of its line."""

    target: Target
    socket: int
    octets: bytes = field(repr=False)


@define
class _Exchange:
    orders: list[Order]
    octets: bytes
    socket: int
    identifier: int
    began: Instant
    attempts: int = 0

    def next_at(self, timing: Timing) -> Instant:
        after = timing.sends[self.attempts] if self.attempts < len(timing.sends) else timing.gives_up
        return Instant(self.began + after)


class Line:
    """All that is going on with one NAS. `now` is the time of day, for Event-Timestamp; all others are of `at`."""

    def __init__(
        self, target: Target, dictionary: Dictionary, random: Random, timing: Timing, now: Callable[[], Instant]
    ) -> None:
        self.target = target
        self.socket = 0
        self._dictionary = dictionary
        self._timing = timing
        self._now = now
        self._next_identifier = random.randrange(256)
        self._resting: OrderedDict[int, Instant] = OrderedDict()
        self._left_at: dict[int, Instant] = {}
        self._in_flight: dict[tuple[int, int], _Exchange] = {}
        self._waiting: deque[Order] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked and nothing waits."""
        return not self._in_flight and not self._waiting

    def begin(self, order: Order, at: Instant) -> None:
        """Ask as soon as there is room; a second wish for one session joins the first."""
        for exchange in self._in_flight.values():
            if exchange.orders[0].session == order.session:
                exchange.orders.append(order)
                return
        self._waiting.append(order)
        self._fill(at)

    def forget(self, order: Order, at: Instant) -> None:
        """Ask for `order` no more; an answer that comes all the same is to nothing."""
        if order in self._waiting:
            self._waiting.remove(order)
            return
        for key, exchange in self._in_flight.items():
            if order in exchange.orders:
                exchange.orders.remove(order)
                if not exchange.orders:
                    del self._in_flight[key]
                    self._fill(at)
                return

    def _fill(self, at: Instant) -> None:
        while self._waiting and len(self._in_flight) < IN_FLIGHT:
            order = self._waiting.popleft()
            identifier = self._take_identifier(at)
            octets = _request(order, identifier, self._now(), self._dictionary)
            self._in_flight[self.socket, identifier] = _Exchange([order], octets, self.socket, identifier, at)

    def _take_identifier(self, at: Instant) -> int:
        while self._resting and at - next(iter(self._resting.values())) >= IDENTIFIER_RESTS:
            self._resting.popitem(last=False)
        if len(self._resting) == 256:
            self._left_at[self.socket] = next(reversed(self._resting.values()))
            self.socket += 1
            self._resting.clear()
        identifier = self._next_identifier
        self._next_identifier = (identifier + 1) % 256
        self._resting[identifier] = at
        return identifier

    def done_with(self, at: Instant) -> Iterator[int]:
        """The older sockets that nothing is asked from any more, and whose Identifiers have rested; each once."""
        for socket, left_at in tuple(self._left_at.items()):
            has_rested = at - left_at >= IDENTIFIER_RESTS
            if has_rested and all(key[0] != socket for key in self._in_flight):
                del self._left_at[socket]
                yield socket

    def due(self, at: Instant) -> Iterator[Datagram]:
        """What must be sent by now."""
        for exchange in self._in_flight.values():
            while exchange.attempts < len(self._timing.sends) and exchange.next_at(self._timing) <= at:
                exchange.attempts += 1
                yield Datagram(self.target, exchange.socket, exchange.octets)

    def receive(self, socket: int, octets: bytes, at: Instant) -> tuple[list[Order], Answer] | str:
        """The orders that `octets` answer, and how; or why they answer none, in one word."""
        try:
            packet = decode(octets)
        except WireError as error:
            return error.reason
        exchange = self._in_flight.get((socket, packet.identifier))
        if exchange is None:
            return "unasked"
        if not is_reply_to(packet, exchange.octets, self.target.secret):
            return "bad_authenticator"
        code = exchange.orders[0].code
        if packet.code not in (code + 1, code + 2):
            return "wrong_code"
        del self._in_flight[socket, packet.identifier]
        elapsed = at - exchange.began
        if packet.code == code + 1:
            return exchange.orders, Acknowledged(exchange.attempts, elapsed)
        return exchange.orders, Refused(error_cause(packet), exchange.attempts, elapsed)

    def give_up(self, at: Instant) -> Iterator[tuple[list[Order], Answer]]:
        """The orders that nobody answered in time; then there is room for those that wait."""
        for key, exchange in tuple(self._in_flight.items()):
            if at - exchange.began >= self._timing.gives_up:
                del self._in_flight[key]
                yield exchange.orders, Silent(exchange.attempts, at - exchange.began)
        self._fill(at)

    def next_at(self) -> Instant | None:
        """When there is something to send or to give up."""
        return min((each.next_at(self._timing) for each in self._in_flight.values()), default=None)


def _request(order: Order, identifier: int, at: Instant, dictionary: Dictionary) -> bytes:
    """The Disconnect-Request or CoA-Request: identification, Event-Timestamp, Message-Authenticator (RFC 5176 §3)."""
    packet = CoAPacket(code=order.code, id=identifier, secret=order.target.secret, dict=dictionary)
    packet["User-Name"] = order.user_name
    if order.acct_session_id is not None:
        packet["Acct-Session-Id"] = order.acct_session_id
    if order.framed_ip_address is not None:
        packet["Framed-IP-Address"] = order.framed_ip_address
    for name, value in order.attributes:
        packet[name] = value
    packet["Event-Timestamp"] = at // 1000
    packet.add_message_authenticator()
    octets: bytes = packet.RequestPacket()
    return octets
