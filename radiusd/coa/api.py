"""One logged-in connection to a RouterOS API, through librouteros: sentences out, rows and traps in.

librouteros does the framing; what it leaves out is done here. Words stay octets on their way through it (latin-1 maps
them one to one) and are UTF-8 on our side: its own decoding drops what it cannot read, so that two names could look
alike, and it makes a number of the user name "1234" and a truth value of "true". Its socket timeout is for each read;
here a deadline is for all that is done until then, however slowly the octets trickle in.
"""

import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from hashlib import md5
from typing import Any

from attrs import field, frozen
from librouteros.exceptions import ConnectionClosed, FatalError, LibRouterosError, ProtocolError
from librouteros.protocol import ApiProtocol, encode_sentence

# At its debug level it writes every word that comes and goes.
logging.getLogger("librouteros").disabled = True

Connect = Callable[..., Any]
"""librouteros.connect, or what stands for it."""

TRANSIENT = (OSError, LibRouterosError)
_LONGEST_WORD = 1 << 16
_LONGEST_ANSWER = 1 << 24
_MAY_PASS = (2, 4)  # interrupted; a general failure


@frozen
class ApiAccess:
    """Where a router's API is, and as whom to log in there."""

    router_id: int
    address: str
    port: int
    user: str
    password: str = field(repr=False)
    is_tls: bool = False


class Trap(Exception):
    """The router's refusal of one command; the connection goes on."""

    def __init__(self, category: int | None, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.is_missing = category == 0 or (category is None and message.startswith("no such "))
        self.may_pass = category in _MAY_PASS


class LoginRefused(Exception):
    """The name or the password is wrong, or may not be used from here."""


class _Timed:
    """Stands in for librouteros' transport: reads in large pieces, and neither reads nor writes past `deadline`."""

    def __init__(self, sock: socket.socket, seconds: Callable[[], float], deadline: float) -> None:
        self.deadline = deadline
        self.allowance = _LONGEST_ANSWER
        self._sock = sock
        self._seconds = seconds
        self._read = bytearray()

    def left(self) -> float:
        """Seconds until the deadline; raises TimeoutError when there are none."""
        left = self.deadline - self._seconds()
        if left <= 0:
            raise TimeoutError
        return left

    def write(self, octets: bytes) -> None:
        """Send all of it."""
        self._sock.settimeout(self.left())
        self._sock.sendall(octets)

    def read(self, length: int) -> bytes:
        """So many octets."""
        if length > _LONGEST_WORD or self.allowance < 0:
            raise ProtocolError("the answer is too long")
        while len(self._read) < length:
            self._sock.settimeout(self.left())
            got = self._sock.recv(_LONGEST_WORD)
            if not got:
                raise ConnectionClosed("closed")
            self._read += got
            self.allowance -= len(got)
        octets = bytes(self._read[:length])
        del self._read[:length]
        return octets

    def shut(self) -> None:
        """Wake the thread that waits for this socket, with an error."""
        with suppress(OSError):  # it was not connected any more
            if isinstance(self._sock, ssl.SSLSocket):
                # SSLSocket's own would pull the TLS state from under the thread that reads.
                super(ssl.SSLSocket, self._sock).shutdown(socket.SHUT_RDWR)
            else:
                self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up, on a router that does not listen either."""
        self.shut()
        self._sock.close()


class Talk:
    """Sentences on one connection, one after another."""

    def __init__(self, protocol: ApiProtocol, transport: _Timed) -> None:
        self._protocol = protocol
        self._transport = transport
        self.shut = transport.shut
        self.close = transport.close

    def until(self, deadline: float) -> None:
        """Give up at this time, whatever is being done."""
        self._transport.deadline = deadline

    def rows(self, command: str, *words: str) -> list[dict[str, str]]:
        """What the command returns, a value being the text that was sent. Raises Trap, or one of TRANSIENT."""
        self._transport.allowance = _LONGEST_ANSWER
        # Not by librouteros' writeSentence, which logs the words, the password of a login among them.
        self._transport.write(encode_sentence(_octets(command), *map(_octets, words), encoding="latin-1"))
        rows: list[dict[str, str]] = []
        trap = None
        while True:
            kind, attributes = self._sentence()
            if kind == "!trap":
                trap = trap or Trap(_number(attributes.get("category")), attributes.get("message", ""))
            elif attributes:
                rows.append(attributes)
            if kind == "!done":
                break
        if trap is not None:
            raise trap
        return rows

    def _sentence(self) -> tuple[str, dict[str, str]]:
        try:
            kind, words = self._protocol.readSentence()
        except IndexError as error:  # librouteros' way with a sentence that has no word, or a !fatal that has one only
            raise ProtocolError("an empty sentence") from error
        pairs = (_text(word)[1:].partition("=") for word in words if word.startswith("="))
        return kind, {name: value for name, _, value in pairs}

    def log_in(self, user: str, password: str) -> None:
        """Log in; a router older than 6.43 answers the first sentence with a challenge. Raises LoginRefused."""
        try:
            rows = self.rows("/login", f"=name={user}", f"=password={password}")
            if rows and "ret" in rows[0]:
                self.rows("/login", f"=name={user}", f"=response={_answer(rows[0]['ret'], password)}")
        except Trap as trap:
            if trap.may_pass and "password" not in trap.message:
                raise
            raise LoginRefused from None


def open_talk(connect: Connect, access: ApiAccess, seconds: Callable[[], float], deadline: float) -> Talk:
    """A new connection, logged in. Raises LoginRefused, Trap, or one of TRANSIENT."""
    made: list[Talk] = []

    def wrap(sock: socket.socket) -> socket.socket:
        sock.settimeout(max(deadline - seconds(), 0.001))
        try:
            return _encrypting().wrap_socket(sock)
        except OSError:
            sock.close()
            raise

    def log_in(api: Any, user: str, password: str) -> None:
        transport = _Timed(api.protocol.transport.sock, seconds, deadline)
        api.protocol.transport = transport
        talk = Talk(api.protocol, transport)
        talk.log_in(user, password)
        made.append(talk)

    timeout = deadline - seconds()
    if timeout <= 0:
        raise TimeoutError
    connect(
        access.address,
        access.user,
        access.password,
        port=access.port,
        timeout=timeout,
        encoding="latin-1",
        ssl_wrapper=wrap if access.is_tls else None,
        login_method=log_in,
    )
    return made[0]


def _encrypting() -> ssl.SSLContext:
    """Encryption without proof of who it is: routers have certificates of their own making, or none at all.

    Without one RouterOS speaks anonymous Diffie-Hellman only, which OpenSSL allows at its lowest level.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:!eNULL:@SECLEVEL=0")
    return context


def describe(error: Exception) -> str:
    """A few words for what went wrong on a connection, none of them the router's own but in a !fatal."""
    match error:
        case TimeoutError():
            return "no answer in time"
        case ConnectionRefusedError():
            return "the connection is refused"
        case ssl.SSLError():
            return "TLS failed"
        case FatalError():
            return "the router ended the connection"
        case ConnectionClosed() | ConnectionResetError() | BrokenPipeError():
            return "the connection was closed"
        case OSError():
            return (error.strerror or "the connection failed").lower()
        case _:
            return "the answer cannot be read"


def _octets(text: str) -> str:
    return text.encode(errors="surrogateescape").decode("latin-1")


def _text(word: str) -> str:
    """What is not UTF-8 keeps its octets, and so equals no name of ours."""
    return word.encode("latin-1").decode(errors="surrogateescape")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _answer(challenge: str, password: str) -> str:
    try:
        octets = bytes.fromhex(challenge)
    except ValueError as error:
        raise ProtocolError("a challenge that is not hexadecimal") from error
    return "00" + md5(b"\0" + password.encode() + octets, usedforsecurity=False).hexdigest()
