"""Feeds mutated packets to a server and sees that it stays right (P1 to P3 of its invariants)."""

from collections.abc import Callable
from typing import Any

from radiusd.server.protocol import RadiusProtocol
from radiusd.store.invariants import check
from radiusd.wire.authenticator import has_valid_accounting_authenticator, has_valid_message_authenticator
from radiusd.wire.codes import Code
from radiusd.wire.packet import Packet, decode
from radiusd.wire.replies import is_reply_to
from tests.server.given import SECRET, SOURCE, Server
from tests.server.mutations import mutated

REPLIES_TO = {Code.ACCESS_REQUEST: (2, 3), Code.ACCOUNTING_REQUEST: (5,), Code.STATUS_SERVER: (2, 5)}
ASKED_AGAIN = 16
"""Each such answer's request is sent a second time."""

_BATCH = 250


def feed(server: Server, seed: int, count: int, tell: Callable[[int], None] = lambda _: None) -> int:
    """Send `count` mutated packets; how many were answered. Raises AssertionError with the packet that did it.

    Each comes from a port of its own, so that an answer tells what it answers. They are committed in batches, as in
    a busy server.
    """
    answered = 0
    server.held_back = []
    for port in (server.auth, server.acct):
        _taken(port)
    asked: dict[int, tuple[bytes, RadiusProtocol]] = {}
    for number, each in enumerate(mutated(seed, count), 1):
        port = server.acct if (each[:1] == b"\x04") != (number % 50 == 0) else server.auth
        from_port = 1024 + number % 60_000
        server.pass_time(0.025)
        port.datagramReceived(each, (SOURCE[0], from_port))
        assert server.counters.counts["failed"] == 0, f"packet {number} of seed {seed} raised: {each.hex()}"
        asked[from_port] = each, port
        if len(asked) == _BATCH or number == count:
            _commit(server)
            answered += _look_at_answers(server, asked)
            asked.clear()
            tell(number)
    server.held_back = None
    return answered


def still_serves(server: Server) -> bool:
    """Whether a customer who comes now is let in, and the store holds what it must."""
    with server.database.writing() as connection:
        server.add_account(connection, "late", "word")
    is_let_in = server.log_in(name="late", password="word", mac="AA:BB:CC:00:00:99").code == Code.ACCESS_ACCEPT
    with server.database.reading() as connection:
        return is_let_in and check(connection) == []


def _commit(server: Server) -> None:
    while server.held_back:
        server.let_go()
        server.held_back = server.held_back or []
    for job, error in server.failures:
        raise AssertionError(f"could not be committed: {job}") from error


def _look_at_answers(server: Server, asked: dict[int, tuple[bytes, RadiusProtocol]]) -> int:
    sent = [(octets, to[1]) for port in (server.auth, server.acct) for octets, to in _taken(port)]
    assert len({to for _, to in sent}) == len(sent), "one request was answered twice"
    for reply, to in sent:
        request, port = asked[to]
        assert _is_authentic(decode(request)), f"an answer to what nobody signed: {request.hex()}"
        _check_reply(decode(reply), request)
        if to % ASKED_AGAIN == 0:
            port.datagramReceived(request, (SOURCE[0], to))
            assert _taken(port) == [(reply, (SOURCE[0], to))], f"another answer the second time: {request.hex()}"
    return len(sent)


def _taken(port: RadiusProtocol) -> list[tuple[bytes, tuple[str, int]]]:
    wire: Any = port.transport
    sent, wire.sent = wire.sent, []
    return list(sent)


def _is_authentic(packet: Packet) -> bool:
    if packet.code == Code.ACCOUNTING_REQUEST:
        return has_valid_accounting_authenticator(packet, SECRET)
    return has_valid_message_authenticator(packet, SECRET)


def _check_reply(reply: Packet, request: bytes) -> None:
    assert reply.code in REPLIES_TO[Code(request[0])], request.hex()
    assert is_reply_to(reply, request, SECRET), request.hex()
    if reply.code != Code.ACCOUNTING_RESPONSE:
        assert reply.attributes[0][0] == 80, request.hex()
