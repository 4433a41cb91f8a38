"""The RouterOS API of a virtual router, made of its documented behaviour: sentences in, rows and traps out."""

from collections.abc import Callable
from hashlib import md5
from hmac import compare_digest
from random import Random
from typing import Any

from attrs import field, frozen
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Protocol, ServerFactory

from radiusd.virtual_router.api_menus import Menu
from radiusd.virtual_router.api_queries import select
from radiusd.virtual_router.api_traps import Refusal
from radiusd.virtual_router.api_words import BadWord, SentenceReader, encode_sentence
from radiusd.virtual_router.habits import Habits

_WRONG_LOGIN = "invalid user name or password (6)"


@frozen(kw_only=True)
class ApiAccount:
    """Who may log in, and at which port."""

    user: str = "api"
    password: str = field(repr=False)
    port: int = 8728


class ApiFactory(ServerFactory):
    """Its connections, and what is counted over all of them."""

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        account: ApiAccount,
        habits: Callable[[], Habits],
        menus: dict[str, Menu],
        random: Random,
    ) -> None:
        self.clock = clock
        self.account = account
        self.habits = habits
        self.menus = menus
        self.random = random
        self.connections: set[ApiConnection] = set()
        self.commands: list[str] = []
        self.logins = 0
        self.traps = 0
        self.fatals = 0
        self._off_until = float("-inf")

    @property
    def is_off(self) -> bool:
        """Whether nobody is there: no power, or nobody listens."""
        return self.habits().api_refuse or self.clock.seconds() < self._off_until

    def hang_up(self, for_seconds: float = 0.0) -> None:
        """End all connections without a word, and take none for so long."""
        self._off_until = self.clock.seconds() + for_seconds
        for each in tuple(self.connections):
            each.abort()

    def buildProtocol(self, _: IAddress | None) -> "ApiConnection":
        """A connection that came in."""
        return ApiConnection(self)


class ApiConnection(Protocol):
    """One client; its commands are carried out one after another."""

    def __init__(self, router: ApiFactory) -> None:
        self._router = router
        self._reader = SentenceReader()
        self._is_in = False
        self._challenge = b""

    def connectionMade(self) -> None:
        """Take it, or hang up at once."""
        self._router.connections.add(self)
        if self._router.is_off:
            self.abort()

    def connectionLost(self, _: object = None) -> None:
        """It is over."""
        self._router.connections.discard(self)

    def abort(self) -> None:
        """End it without a word."""
        transport: Any = self.transport
        transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Take octets; say nothing to a client that sends what are no words."""
        if self._router.habits().api_hang:
            return
        try:
            sentences = self._reader.feed(data)
        except BadWord:
            self.abort()
            return
        for sentence in sentences:
            slow = self._router.habits().api_slow
            if slow:
                self._router.clock.callLater(slow, self._take, sentence)
            else:
                self._take(sentence)

    def _take(self, sentence: list[str]) -> None:
        if self not in self._router.connections:
            return
        command, words = sentence[0], sentence[1:]
        self._router.commands.append(command)
        tag = [word for word in words if word.startswith(".tag=")]
        if command == "/quit":
            self._end("session terminated on request")
        elif command != "/login" and not self._is_in:
            self._end("not logged in")
        elif self._is_in and self._router.fatals < self._router.habits().api_fatals:
            self._router.fatals += 1
            self._end("the router has had enough")
        else:
            self._reply(command, [word for word in words if word not in tag], tag)

    def _end(self, why: str) -> None:
        transport: Any = self.transport
        transport.write(encode_sentence("!fatal", why))
        transport.loseConnection()

    def _reply(self, command: str, words: list[str], tag: list[str]) -> None:
        try:
            if command == "/login":
                rows, done = [], self._log_in(_attributes(words))
            else:
                rows, done = self._carry_out(command, words), {}
        except Refusal as refusal:
            category = [] if refusal.category is None else [f"=category={refusal.category}"]
            self._say("!trap", *category, f"=message={refusal.message}", *tag)
            rows, done = [], {}
        for row in rows:
            self._say("!re", *(f"={name}={value}" for name, value in row.items()), *tag)
        self._say("!done", *(f"={name}={value}" for name, value in done.items()), *tag)

    def _say(self, *words: str) -> None:
        transport: Any = self.transport
        transport.write(encode_sentence(*words))

    def _log_in(self, given: dict[str, str]) -> dict[str, str]:
        """What comes with the !done: before 6.43 a challenge, to be answered by a second /login."""
        account = self._router.account
        if self._router.habits().api_old_login:
            if "response" not in given:
                self._challenge = self._router.random.randbytes(16)
                return {"ret": self._challenge.hex()}
            digest = md5(b"\0" + account.password.encode() + self._challenge, usedforsecurity=False)
            is_right = bool(self._challenge) and compare_digest(given["response"], "00" + digest.hexdigest())
        else:
            is_right = compare_digest(given.get("password", "").encode(), account.password.encode())
        if not is_right or given.get("name") != account.user:
            raise Refusal(None, _WRONG_LOGIN)
        self._is_in = True
        self._router.logins += 1
        return {}

    def _carry_out(self, command: str, words: list[str]) -> list[dict[str, str]]:
        if self._router.traps < self._router.habits().api_traps:
            self._router.traps += 1
            raise Refusal(4, "action timed out - try again, if error continues contact MikroTik support")
        path, _, verb = command.rpartition("/")
        menu = self._router.menus.get(path)
        if menu is None or not menu.is_there():
            raise Refusal(0, "no such command prefix")
        if verb in ("print", "getall"):
            return _print(menu, words)
        if verb == "remove" and menu.remove is not None:
            self._remove(menu.remove, words)
            return []
        raise Refusal(0, "no such command")

    def _remove(self, remove: Callable[[str], bool], words: list[str]) -> None:
        if any(word.startswith("?") for word in words):
            raise Refusal(1, "queries are for print only")
        given = _attributes(words)
        if set(given) != {".id"}:
            raise Refusal(1, f"unknown parameter {next(iter(set(given) - {'.id'}), '')}" if given else "missing .id")
        for each in given[".id"].split(","):
            if not self._router.habits().api_keeps and not remove(each):
                raise Refusal(0, "no such item")


def _attributes(words: list[str]) -> dict[str, str]:
    pairs = (word[1:].partition("=") for word in words if word.startswith("="))
    return {name: value for name, _, value in pairs}


def _print(menu: Menu, words: list[str]) -> list[dict[str, str]]:
    given = _attributes(words)
    unknown = set(given) - {".proplist", "detail"}
    columns = given[".proplist"].split(",") if ".proplist" in given else None
    unknown |= set(columns or ()) - menu.columns
    if unknown:
        raise Refusal(1, f"unknown parameter {min(unknown)}")
    rows = select(menu.rows(), [word for word in words if word.startswith("?")], menu.columns)
    if columns is None:
        return rows
    return [{name: row[name] for name in columns if name in row} for row in rows]
