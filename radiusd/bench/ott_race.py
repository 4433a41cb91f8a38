"""One-time tokens, each verified many times at the same moment over several servers: exactly one success each (R14)."""

import hmac
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import field, frozen
from sqlalchemy import func, insert, select
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from policy.quantities import Instant
from radiusd.bench.errors import BenchError
from radiusd.bench.posting import Answer, Wire, Wires, post
from radiusd.bench.server import Server
from radiusd.store import branches, games, launchers
from radiusd.store.database import Database
from radiusd.store.game_schema import game_sessions, wallet_charges
from radiusd.store.pc_schema import branch_networks
from radiusd.vault import Vault, make_key_file, read_key_file

_LAUNCHER = "race"
_START, _OTT, _VERIFY = "/v1/launcher/session/start", "/v1/launcher/ott", "/v1/game/session/verify"
_IN, _USED, _EXPIRED = "valid", "OTT_ALREADY_USED", "OTT_EXPIRED"
AGES = {59: _IN, 61: _EXPIRED}
"""What becomes of a token that is verified so many seconds after it was issued, by the clock on the wall."""


@frozen(kw_only=True)
class Plan:
    """`at_once` verifies of each of `tokens`, over `servers`. Calls are counted by game, so there are many `games`."""

    tokens: int = 1000
    at_once: int = 50
    servers: int = 2
    games: int = 40
    ages: bool = True


@frozen(kw_only=True)
class Result:
    """`successes`: how many tokens had so many of them. `ages`: what came of tokens of so many seconds."""

    plan: Plan
    successes: Counter[int]
    outcomes: Counter[str]
    seconds: float
    p50: float
    p99: float
    sessions: int
    charges: int
    ages: dict[int, str]

    @property
    def complaints(self) -> list[str]:
        """What is not as it must be."""
        plan, tokens = self.plan, self.plan.tokens
        found = [f"{many} tokens had {each} successes" for each, many in sorted(self.successes.items()) if each != 1]
        expected = {_IN: tokens, _USED: tokens * (plan.at_once - 1)}
        found += [
            f"{self.outcomes[each]} verifies came to {each}, and {expected.get(each, 0)} should have"
            for each in sorted({*self.outcomes, *expected})
            if self.outcomes[each] != expected.get(each, 0)
        ]
        begun = tokens + sum(each == _IN for each in self.ages.values())
        for what, many in (("game sessions", self.sessions), ("charges", self.charges)):
            if many != begun:
                found.append(f"there are {many} {what} of {begun} tokens")
        found += [
            f"a token of {age} s came to {came}, and should have to {AGES[age]}"
            for age, came in self.ages.items()
            if came != AGES[age]
        ]
        return found


@frozen
class _Arcade:
    """What the store was filled with."""

    secret: str = field(repr=False)
    keys: Sequence[tuple[str, str]] = field(repr=False)


def fill(database: Database, vault: Vault, plan: Plan, at: Instant) -> _Arcade:
    """The tables, a café on loopback, a launcher, and games that cost nothing."""
    database.migrate()
    with database.writing() as connection:
        settings = {"password_store": "recoverable", "interim": 120, "idle_timeout": 300, "timezone": "UTC"}
        branch_id = branches.add(connection, "race", at, **settings)
        network = {"branch_id": branch_id, "network": "127.0.0.1/32", "created_at": at}
        connection.execute(insert(branch_networks), network)
        secret = launchers.add(connection, vault, _LAUNCHER, branches.find(connection, "race"), at)
        keys = []
        for number in range(plan.games):
            name, columns = f"game {number}", {"provider": "roblox", "place_id": "1", "rate": 0, "period": 60}
            key = games.add(connection, name, columns, at)
            keys.append((str(games.find(connection, name)["id"]), key))
    return _Arcade(secret, keys)


class Race:
    """Runs between servers that are up; `shows` hears how far it is."""

    def __init__(self, reactor: Any, plan: Plan, arcade: _Arcade, ports: Sequence[int], shows: Any) -> None:
        self._reactor = reactor
        self._plan = plan
        self._arcade = arcade
        self._ports = ports
        self._shows = shows
        self._launchers = [Wires(reactor, port) for port in ports]
        self._wires: list[Wire] = []

    async def run(self) -> dict[str, Any]:
        """What came of it, as far as clients can tell."""
        plan = self._plan
        for number in range(plan.at_once):
            self._wires.append(await Wires(self._reactor, self._ports[number % len(self._ports)]).open())
        ages = Deferred.fromCoroutine(self._ages()) if plan.ages else None
        successes: Counter[int] = Counter()
        outcomes: Counter[str] = Counter()
        took: list[float] = []
        self._shows.expect(plan.tokens)
        began = self._reactor.seconds()
        for number in range(plan.tokens):
            told = await self._one(number)
            came = [_came(each) for each in told]
            successes[came.count(_IN)] += 1
            outcomes.update(came)
            took += [each.took for each in told]
            self._shows.one_done()
            if number % 100 == 99:
                self._shows.doing(f"{number + 1} tokens verified {plan.at_once} times each")
        seconds = self._reactor.seconds() - began
        if ages is not None:
            self._shows.doing("waiting for tokens of 59 and of 61 s")
        return {
            "successes": successes,
            "outcomes": outcomes,
            "seconds": seconds,
            "p50": _share(took, 0.5),
            "p99": _share(took, 0.99),
            "ages": {} if ages is None else await ages,
        }

    async def _one(self, number: int) -> list[Answer]:
        """The answers to one token's verifies, which leave in one turn of the reactor."""
        game_id, key = self._arcade.keys[number % len(self._arcade.keys)]
        request = _verify(await self._token(f"PC-{number}", game_id, number), key)
        told: list[Answer] = await gatherResults([wire.ask(request) for wire in self._wires])
        return told

    async def _ages(self) -> dict[int, str]:
        game_id, key = self._arcade.keys[0]
        came = {}
        issued = {age: (await self._token(f"PC of {age} s", game_id, 0), self._reactor.seconds()) for age in AGES}
        for age, (ott, at) in issued.items():
            await deferLater(self._reactor, max(0, at + age - self._reactor.seconds()), lambda: None)
            came[age] = _came(await self._launchers[-1].ask(_verify(ott, key)))
        return came

    async def _token(self, pc: str, game_id: str, number: int) -> str:
        """A token as a launcher gets it: a signed start, and a wish for a game."""
        wires = self._launchers[number % len(self._launchers)]
        started = _data(await wires.ask(_start(self._arcade.secret, pc)))
        headers = [("Authorization", f"Bearer {started['session_token']}")]
        wish = post(_OTT, json.dumps({"game_id": game_id}).encode(), headers)
        return str(_data(await wires.ask(wish))["ott"])

    def close(self) -> None:
        """All connections."""
        for wires in self._launchers:
            wires.close()
        for wire in self._wires:
            wire.transport.abortConnection()


def _start(key: str, pc: str) -> bytes:
    fields = {"internal_ip": "192.168.10.21", "hardware": {"hardware_id": pc}}
    body, now, nonce = json.dumps(fields).encode(), str(int(time.time())), secrets.token_hex(16)
    text = "\n".join(("POST", _START, now, nonce, sha256(body).hexdigest()))
    signature = hmac.new(key.encode(), text.encode(), "sha256").hexdigest()
    names = ("X-Launcher-Id", "X-Timestamp", "X-Nonce", "X-Signature")
    return post(_START, body, list(zip(names, (_LAUNCHER, now, nonce, signature), strict=True)))


def _verify(ott: str, key: str) -> bytes:
    body = json.dumps({"ott": ott, "provider_user_id": "90210"}).encode()
    return post(_VERIFY, body, [("X-Api-Key", key)])


def _data(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise BenchError(f"a launcher was answered {answer.status}: {answer.body.decode(errors='replace')[:200]}")
    found: dict[str, Any] = json.loads(answer.body)["data"]
    return found


def _came(answer: Answer) -> str:
    """What a verify came to."""
    if answer.status != 200:
        return f"status {answer.status}"
    data = json.loads(answer.body)["data"]
    return _IN if data["is_valid"] else str(data["reason"])


def _share(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def measure(plan: Plan, store_url: str, folder: Path, shows: Any) -> Result:
    """Run the race over servers on the empty store at `store_url`; raises BenchError."""
    key_file = folder / "key"
    make_key_file(key_file)
    database = Database(store_url)
    with ExitStack() as stack:
        stack.callback(database.close)
        arcade = fill(database, Vault(read_key_file(key_file)), plan, Instant(int(time.time() * 1000)))
        ports = [
            stack.enter_context(_server(folder / str(number), key_file, store_url)).web
            for number in range(plan.servers)
        ]
        came = _run(lambda reactor: Race(reactor, plan, arcade, ports, shows))
        with database.reading() as connection:
            counts = [
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (game_sessions, wallet_charges)
            ]
    return Result(plan=plan, sessions=counts[0], charges=counts[1], **came)


def _server(folder: Path, key_file: Path, store_url: str) -> Server:
    folder.mkdir()
    (folder / "key").write_bytes(key_file.read_bytes())
    (folder / "key").chmod(0o600)
    return Server(folder, store_url)


def _run(race: Callable[[Any], Race]) -> dict[str, Any]:
    """Raises BenchError, and KeyboardInterrupt if it was interrupted."""
    from twisted.internet import reactor as twisted_reactor  # noqa: PLC0415 - it is installed by being imported

    reactor: Any = twisted_reactor
    came: list[Any] = []
    running = race(reactor)
    done = Deferred.fromCoroutine(running.run())
    done.addBoth(came.append)
    done.addBoth(lambda _: running.close())
    done.addBoth(lambda _: reactor.callLater(0, reactor.stop))
    reactor.run()
    if not came:
        raise KeyboardInterrupt
    (result,) = came
    if isinstance(result, Failure):
        result.raiseException()
    found: dict[str, Any] = result
    return found
