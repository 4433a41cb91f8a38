"""Clients that mean ill: they drip, never end, never read. A process: `python -m radiusd.bench.ill PORT SECONDS`.

It goes on until its standard input ends, waits until the last dripping connection is closed, and up to SECONDS for
those that never read, and then prints what became of them.
"""

import gzip
import json
import select
import socket
import sys
import time
from collections.abc import Callable
from threading import Event, Thread

from attrs import define, field

DRIPPING, ADDRESSES = 200, 20
_PAUSE = 0.5
_AT_ONCE = 10
_LOOKS_EVERY = 0.1
_LONG = 200_000_000
_PIECE = b"a" * 65_536
_BOMB = 20_000_000
_UNREADING = 20
_PATIENCE = 20.0
_EVENTS = b"POST /api/pc-sync/event HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"


@define
class Story:
    """What became of them. Lives are in seconds; `statuses` are those of answers to bodies that no route takes."""

    dripping: list[float] = field(factory=list)
    dripping_answered: list[float] = field(factory=list)
    still_dripping: int = 0
    statuses: dict[str, int] = field(factory=dict)
    long_bodies: list[float] = field(factory=list)
    unreading: list[float] = field(factory=list)
    still_unreading: int = 0


@define
class Drip:
    """One connection to which an octet is added twice a second."""

    sock: socket.socket
    began: float
    answered: float | None = None
    dripped: float = 0.0

    ended: float | None = None

    def go_on(self) -> bool:
        """One octet more, if it is time; False when the server has closed it for good, told off or not."""
        now = time.time()
        try:
            if self.answered is None and select.select([self.sock], [], [], 0)[0]:
                self.sock.recv(4096)
                self.answered = now
            if now - self.dripped > (_PAUSE if self.answered is None else _LOOKS_EVERY / 2):
                self.dripped = now
                self.sock.send(b"a")
        except OSError:
            self.ended = now
            return False
        return True


@define
class Ill:
    """All of them, against a port of loopback."""

    port: int
    waits: float
    story: Story = field(factory=Story)
    over: Event = field(factory=Event)
    _begun: int = 0

    def _connect(self, source: str) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), _PATIENCE, (source, 0))

    def drip(self) -> None:
        """Half of them within the header, half within the body; whoever is closed comes again until it is over."""
        drips: list[Drip] = []
        ends_at = 0.0
        while True:
            time.sleep(_LOOKS_EVERY)
            now = time.time()
            if self.over.is_set():
                ends_at = ends_at or now + _PATIENCE
            for drip in drips:
                if not drip.go_on():
                    self._tell(drip)
            drips = [drip for drip in drips if drip.ended is None]
            if not self.over.is_set():
                # A few at a time: to connect may take a while, in which nobody would look at the others.
                drips += self._begin_to_drip(min(_AT_ONCE, DRIPPING - len(drips)))
            if self.over.is_set() and (not drips or now > ends_at):
                self.story.still_dripping = len(drips)
                return

    def _begin_to_drip(self, count: int) -> list[Drip]:
        self._begun += count
        return [drip for number in range(count) if (drip := self._drip(self._begun - number)) is not None]

    def _drip(self, number: int) -> Drip | None:
        try:
            made = self._connect(f"127.50.0.{number % ADDRESSES + 1}")
            made.sendall(_EVENTS + (b"X-Long: " if number % 2 else b"Content-Length: 4000\r\n\r\n"))
        except OSError:
            return None
        return Drip(made, time.time())

    def _tell(self, drip: Drip) -> None:
        self.story.dripping.append((drip.ended or 0.0) - drip.began)
        if drip.answered is not None:
            self.story.dripping_answered.append(drip.answered - drip.began)
        drip.sock.close()

    def send_long(self) -> None:
        """Bodies of 200 MB, of a known length and in chunks, and a bomb; one after the other."""
        bomb = gzip.compress(bytes(_BOMB))[:8000]
        bombed = _EVENTS + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
        known = _EVENTS + b"Content-Length: %d\r\n\r\n" % _LONG
        chunked = _EVENTS + b"Transfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%s\r\n" % (len(_PIECE), _PIECE)
        while not self.over.is_set():
            for name, head, piece in (("known", known, _PIECE), ("chunked", chunked, chunk), ("bomb", bombed, b"")):
                began = time.time()
                status = self._send_long(head, piece)
                self.story.long_bodies.append(time.time() - began)
                key = f"{name} {status}"
                self.story.statuses[key] = self.story.statuses.get(key, 0) + 1
                self.over.wait(_PAUSE)

    def _send_long(self, head: bytes, piece: bytes) -> int:
        """The status that is answered; 0 when the connection ends without one. All is sent if the server takes it."""
        answer = b""
        try:
            with self._connect("127.51.0.1") as sock:
                sock.sendall(head)
                for _ in range(_LONG // len(_PIECE) if piece else 0):
                    sock.sendall(piece)
                    if not answer and select.select([sock], [], [], 0)[0]:
                        answer = sock.recv(4096)
                answer = answer or sock.recv(4096)
        except OSError:
            pass
        return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0

    def never_read(self) -> None:
        """Ask again and again for the longest answer there is, and read none."""
        socks: list[tuple[socket.socket, float]] = []
        request = b"GET /openapi.json HTTP/1.1\r\nHost: bench\r\n\r\n" * 50
        for number in range(_UNREADING):
            try:
                made = socket.socket()
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                made.bind((f"127.52.0.{number + 1}", 0))
                made.connect(("127.0.0.1", self.port))
                made.setblocking(False)
                socks.append((made, time.time()))
            except OSError:
                continue
        until = 0.0
        while socks:
            time.sleep(_PAUSE)
            if self.over.is_set():
                until = until or time.time() + self.waits
                if time.time() > until:
                    break
            socks = [each for each in socks if self._is_held(each, request)]
        self.story.still_unreading = len(socks)

    def _is_held(self, held: tuple[socket.socket, float], request: bytes) -> bool:
        sock, began = held
        try:
            sock.send(request)
        except BlockingIOError:
            return True
        except OSError:
            self.story.unreading.append(time.time() - began)
            sock.close()
            return False
        return True


def main() -> None:
    """Be the process."""
    ill = Ill(int(sys.argv[1]), float(sys.argv[2]))
    doing: tuple[Callable[[], None], ...] = (ill.drip, ill.send_long, ill.never_read)
    threads = [Thread(target=each, daemon=True) for each in doing]
    for each in threads:
        each.start()
    sys.stdin.read()
    ill.over.set()
    for each in threads:
        each.join(_PATIENCE + ill.waits)
    print(json.dumps({name: getattr(ill.story, name) for name in Story.__slots__ if not name.startswith("__")}))


if __name__ == "__main__":
    main()
