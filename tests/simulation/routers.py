"""Model routers: what RouterOS does with servers that are slow, silent or gone, and with orders that reach it."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field

from radiusd.store.rows import connection_key
from radiusd.virtual_router.packets import (
    Counters,
    Grant,
    Identity,
    Line,
    access_request,
    accounting_request,
    read_grant,
    sign_request,
)
from radiusd.wire.attributes import Attribute, decode_address, decode_integer, encode_integer, encode_text
from radiusd.wire.authenticator import sign_accounting_reply
from radiusd.wire.codes import AcctStatusType, Code, ErrorCause, TerminateCause
from radiusd.wire.packet import Packet, decode, encode
from radiusd.wire.replies import is_reply_to
from tests.simulation.clock import Life, Timer
from tests.simulation.node import ACCT, AUTH, Address
from tests.simulation.store import Place

if TYPE_CHECKING:
    from tests.simulation.guests import Phone
    from tests.simulation.world import World

DAS = 3799
_ROUNDS = 2
_BETWEEN_ROUNDS = 5_000
_REMEMBERED = 12_000
_SAME_ANSWER_WITHIN = 8_000
_LONGEST_OUTAGE = 8_000


@define(eq=False)
class Online:
    """A row in a router's list of who is logged in."""

    router: "Router"
    line: Line
    phone: "Phone"
    grant: Grant
    since: int
    up: int
    down: int
    timers: list[Timer] = field(factory=list)

    def counters(self, at: int) -> Counters:
        """What went over the line by now, in octets and whole seconds."""
        gone = at - self.since
        return Counters(octets_in=gone * self.up // 1000, octets_out=gone * self.down // 1000, seconds=gone // 1000)


@define(eq=False)
class Exchange:
    """A request that is asked until it is answered; `build` makes it from an Identifier and its age in seconds."""

    number: int
    port: int
    build: Callable[[int, int], bytes]
    done: Callable[[Packet | None], None]
    for_ever: bool
    began: int
    octets: bytes = b""
    server: int = 0
    sends: int = 0
    rounds: int = 0
    timer: Timer | None = None
    is_over: bool = False
    over_at: int = 0
    replies: dict[Any, tuple[bytes, int]] = field(factory=dict)


class Router:
    """One router; `life` ends with its power, and `online` is the truth, whatever a server believes."""

    def __init__(self, world: "World", place: Place, number: int) -> None:
        self.world = world
        self.place = place
        self.number = number
        self.life = Life()
        self.boot = 1
        self.is_on = True
        self.online: dict[str, Online] = {}
        self.says_406 = number % 2 == 1
        self.leaves_out_gigawords = number % 3 == 2
        self._servers = [each.address for each in world.nodes]
        world.random.shuffle(self._servers)
        self._identity = Identity(name=place.name, address=place.address)
        self._exchanges: dict[tuple[int, int], Exchange] = {}
        self._over: deque[tuple[tuple[int, int], Exchange]] = deque()
        self._asked = 0
        self._last_id = 0

    # Asking

    def ask(
        self, port: int, build: Callable[[int, int], bytes], done: Callable[[Packet | None], None], *, for_ever: bool
    ) -> None:
        """Ask one server after the other; `done` gets the answer, or None when it gives up."""
        exchange = Exchange(0, port, build, done, for_ever, self.world.clock.at)
        self._begin(exchange)

    def _begin(self, exchange: Exchange) -> None:
        """Ask another server, as another request."""
        self._forget_old()
        exchange.number, self._asked = self._asked, self._asked + 1
        age = (self.world.clock.at - exchange.began) // 1000
        exchange.octets = exchange.build(exchange.number % 256, age)
        exchange.sends = 0
        exchange.replies = {}
        self._exchanges[self._source(exchange)[1], exchange.number % 256] = exchange
        self._send(exchange)

    def _source(self, exchange: Exchange) -> Address:
        return self.place.address, 20_000 + exchange.number // 256 % 20_000

    def _send(self, exchange: Exchange) -> None:
        exchange.sends += 1
        to = self._servers[exchange.server], exchange.port
        self.world.carry(exchange.octets, self._source(exchange), to)
        exchange.timer = self.world.clock.later(self.world.mix.timeout, self._time_out, exchange, life=self.life)

    def _time_out(self, exchange: Exchange) -> None:
        if exchange.sends < self.world.mix.sends:
            self._send(exchange)
            return
        self._give_back(exchange)
        exchange.server = (exchange.server + 1) % len(self._servers)
        if exchange.server:
            self._begin(exchange)
            return
        exchange.rounds += 1
        if exchange.for_ever and (exchange.rounds < _ROUNDS or not self.world.faults.forgetful_routers):
            self.world.clock.later(_BETWEEN_ROUNDS, self._begin, exchange, life=self.life)
        else:
            self._end(exchange, None)

    def _give_back(self, exchange: Exchange) -> None:
        self._over.append(((self._source(exchange)[1], exchange.number % 256), exchange))

    def _end(self, exchange: Exchange, reply: Packet | None) -> None:
        exchange.is_over = True
        exchange.over_at = self.world.clock.at
        exchange.done(reply)

    def _forget_old(self) -> None:
        while self._over and self._over[0][1].over_at + _REMEMBERED < self.world.clock.at:
            key, exchange = self._over.popleft()
            if self._exchanges.get(key) is exchange:
                del self._exchanges[key]

    def hear(self, octets: bytes, source: Address, port: int, sender: Any, sent_at: int) -> None:
        """A datagram came to one of its ports."""
        if not self.is_on:
            return
        if port == DAS:
            self._take_order(octets, source)
            return
        exchange = self._exchanges.get((port, octets[1]))
        if exchange is None or not is_reply_to(decode(octets), exchange.octets, self.place.secret):
            return  # to a request that was given up
        self._compare(exchange, octets, sender, sent_at)
        if exchange.is_over or source != (self._servers[exchange.server], exchange.port):
            return
        if exchange.timer is not None:
            exchange.timer.cancel()
        self._give_back(exchange)
        self._end(exchange, decode(octets))

    def _compare(self, exchange: Exchange, octets: bytes, sender: Any, sent_at: int) -> None:
        """P2 and P3: a repeated request gets the same octets, and an Access answer begins with its authenticator."""
        if exchange.port == AUTH and octets[20] != Attribute.MESSAGE_AUTHENTICATOR:
            self.world.fail("P3", "an Access answer does not begin with a Message-Authenticator")
        before = exchange.replies.setdefault((sender, exchange.number), (octets, sent_at))
        if before[0] != octets and abs(sent_at - before[1]) <= _SAME_ANSWER_WITHIN:
            self.world.fail("P2", f"{self.place.name} asked the same twice and got two answers from {sender}")

    # Guests

    def log_in(self, phone: "Phone", done: Callable[[Online | None], None]) -> None:
        """A phone wants in; `done` gets the row in the list, or None."""
        world, person = self.world, phone.guest.person
        line = self._new_line(phone)
        authenticator = world.random.randbytes(16)
        asked_at = world.clock.at

        def build(identifier: int, _: int) -> bytes:
            password = person.password.encode()
            chap = phone.uses_chap
            return access_request(
                identifier, authenticator, line, self._identity, password, self.place.secret, chap=chap
            )

        def answered(reply: Packet | None) -> None:
            if reply is None or reply.code != Code.ACCESS_ACCEPT:
                why = "no answer" if reply is None else read_grant(reply).message
                world.note(f"{person.account} is not let in: {why}")
                world.count(f"not let in: {why}")
                done(None)
                return
            world.count("accepted")
            grant = read_grant(reply)
            world.checks.accepted(grant, person, asked_at)
            done(self._seat(line, phone, grant))

        self.ask(AUTH, build, answered, for_ever=False)

    def _new_line(self, phone: "Phone") -> Line:
        self._last_id += 1
        number = 0x80 << 24 | self.boot % 16 << 20 | self._last_id
        address = f"10.5.{self.number}.{phone.number % 20 + 2}"
        return Line(number=number, user_name=phone.guest.person.account, mac=phone.mac, address=address)

    def _seat(self, line: Line, phone: "Phone", grant: Grant) -> Online:
        world = self.world
        for old in [each for each in self.online.values() if each.line.mac == line.mac]:
            self.end(old, TerminateCause.LOST_CARRIER)
        named = Line(
            number=line.number, user_name=line.user_name, mac=line.mac, address=line.address, class_=grant.class_
        )
        down = phone.guest.speed
        online = Online(self, named, phone, grant, world.clock.at, down // 10, down)
        self.online[named.acct_session_id] = online
        self._report(online, AcctStatusType.START)
        if grant.interim:
            self._later(online, grant.interim * 1000, self._interim, online)
        if grant.session_timeout is not None:
            self._later(online, grant.session_timeout * 1000, self.end, online, TerminateCause.SESSION_TIMEOUT)
        if grant.total_limit is not None:
            # It is noticed a little after it is reached.
            reached = grant.total_limit * 1000 // (online.up + online.down) + 500
            self._later(online, reached, self.end, online, TerminateCause.NAS_REQUEST)
        return online

    def _later(self, online: Online, milliseconds: int, call: Callable[..., None], *args: Any) -> None:
        online.timers.append(self.world.clock.later(milliseconds, call, *args, life=self.life))

    def _interim(self, online: Online) -> None:
        self._report(online, AcctStatusType.INTERIM_UPDATE)
        assert online.grant.interim is not None
        self._later(online, online.grant.interim * 1000, self._interim, online)

    def end(self, online: Online, cause: TerminateCause, *, is_told: bool = True) -> None:
        """The line is over, and the server is told by a Stop, unless that is lost before it leaves."""
        if self.online.get(online.line.acct_session_id) is not online:
            return
        del self.online[online.line.acct_session_id]
        for timer in online.timers:
            timer.cancel()
        if is_told and self.world.random.random() >= self.world.faults.lost_stop:
            self._report(online, AcctStatusType.STOP, cause)
        online.phone.lost(online)

    def _report(self, online: Online, status: AcctStatusType, cause: TerminateCause | None = None) -> None:
        world, at = self.world, self.world.clock.at
        counters = Counters() if status is AcctStatusType.START else online.counters(at)
        counted = b"" if status is AcctStatusType.START else counters.attributes(gigawords=not self._leaves_out(online))
        key = self.place.id, online.line.acct_session_id, self.boot
        record = world.ledger.record(key, counters)

        def build(identifier: int, age: int) -> bytes:
            octets = accounting_request(
                identifier, status, online.line, self._identity, self.place.secret, at // 1000, counted, cause
            )
            if age:
                # The same report, asked later, says how old it is.
                octets = _delayed(octets, age, self.place.secret)
            world.ledger.carries(octets, record)
            return octets

        def answered(reply: Packet | None) -> None:
            world.count("recorded" if reply is not None else "given up")
            if reply is not None:
                world.ledger.acknowledged(record)
                world.checks.recorded(connection_key(self.place.id, self.place.name, key[1]), counters)

        self.ask(ACCT, build, answered, for_ever=True)

    def _leaves_out(self, online: Online) -> bool:
        # What wraps more than once between two reports cannot be told without Gigawords.
        return self.leaves_out_gigawords and online.down < 10_000_000

    # Power

    def reboot(self, *, is_told: bool, off_for: int | None = None) -> None:
        """Everybody is out without a Stop, what waits to be reported is lost, and ids count in the next boot."""
        for online in tuple(self.online.values()):
            for timer in online.timers:
                timer.cancel()
            online.phone.lost(online)
        self.online.clear()
        self.life.is_over = True
        self.life = Life()
        self._exchanges.clear()
        self._over.clear()
        self.is_on = False
        self.boot += 1
        self._last_id = 0
        outage = self.world.random.randint(500, _LONGEST_OUTAGE) if off_for is None else off_for
        self.world.clock.later(outage, self._come_up, is_told, life=self.life)

    def _come_up(self, is_told: bool) -> None:
        self.is_on = True
        if is_told:
            self.ask(ACCT, self._accounting_on, lambda _: None, for_ever=False)

    def _accounting_on(self, identifier: int, _: int) -> bytes:
        attributes = encode_integer(Attribute.ACCT_STATUS_TYPE, AcctStatusType.ACCOUNTING_ON)
        attributes += encode_text(Attribute.NAS_IDENTIFIER, self.place.name)
        return sign_request(encode(Code.ACCOUNTING_REQUEST, identifier, bytes(16), attributes), self.place.secret)

    # Orders

    def _take_order(self, octets: bytes, source: Address) -> None:
        world = self.world
        request = decode(octets)
        if world.random.random() < world.faults.mute:
            return
        if world.random.random() < world.faults.nak:
            self._answer(request, source, ErrorCause.ADMINISTRATIVELY_PROHIBITED)
            return
        online = self._named(request)
        if online is None:
            missing = ErrorCause.UNSUPPORTED_EXTENSION if self.says_406 else ErrorCause.SESSION_CONTEXT_NOT_FOUND
            self._answer(request, source, missing)
            return
        self._answer(request, source, None)
        if request.code == Code.DISCONNECT_REQUEST:
            # One that names an address only may be on its way, and be sent again, when another line begins there; or
            # it was looked up that none does, and a server hears of that a moment later.
            if world.ordered_at(octets) > online.since + world.commit_takes:
                world.checks.cut_by_order(online)
            self.end(online, TerminateCause.ADMIN_RESET)
            online.phone.was_cut(self)
        else:
            self._change(online, request)

    def _named(self, request: Packet) -> Online | None:
        name = request.values.get(Attribute.ACCT_SESSION_ID)
        address = request.values.get(Attribute.FRAMED_IP_ADDRESS)
        if name is not None:
            return self.online.get(name.decode())
        found = [each for each in self.online.values() if address and each.line.address == decode_address(address)]
        user = request.values.get(Attribute.USER_NAME, b"").decode()
        return next((each for each in found if each.line.user_name == user), None)

    def _change(self, online: Online, request: Packet) -> None:
        timeout = request.values.get(Attribute.SESSION_TIMEOUT)
        if timeout is not None:
            milliseconds = decode_integer(timeout) * 1000
            for timer in online.timers:
                if timer.args[1:] == (TerminateCause.SESSION_TIMEOUT,):
                    timer.cancel()
            self._later(online, milliseconds, self.end, online, TerminateCause.SESSION_TIMEOUT)

    def _answer(self, request: Packet, to: Address, cause: ErrorCause | None) -> None:
        attributes = b"" if cause is None else encode_integer(Attribute.ERROR_CAUSE, cause)
        code = request.code + (1 if cause is None else 2)
        octets = sign_accounting_reply(code, request.identifier, request.authenticator, attributes, self.place.secret)
        self.world.carry(octets, (self.place.address, DAS), to)


def _delayed(octets: bytes, age: int, secret: bytes) -> bytes:
    """The request with its Acct-Delay-Time, the last attribute, set to `age`."""
    return sign_request(octets[:4] + bytes(16) + octets[20:-4] + age.to_bytes(4), secret)
