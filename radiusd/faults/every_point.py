"""R28: the k-th call to the database, to fsync or of sending fails, for every k of what guests and cafés do.

A process of its own, since it lets its own calls fail: `python -m radiusd.faults.every_point FOLDER STORE-URL ACT,ACT`
prints what came of it as JSON.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, define, evolve, field, frozen

from policy.quantities import Instant
from radiusd.bench.pc_town import PC_USER
from radiusd.faults import comparing, ledger, towns
from radiusd.faults.asking import line_of, login, report, written
from radiusd.faults.breaking import SWITCHES
from radiusd.faults.comparing import event_name
from radiusd.faults.failing import DATABASE, FSYNC, SEND, Calls, Failure, install
from radiusd.faults.one_process import ACCT, AUTH, WEB, House
from radiusd.faults.towns import MONEY, Town, put_on
from radiusd.store import accounts, branches, packages, sales
from radiusd.store.database import Database
from radiusd.store.errors import AlreadyThere
from radiusd.vault import Vault, read_key_file
from radiusd.virtual_router.packets import Counters, Line, read_grant
from radiusd.wire.codes import AcctStatusType, Code
from radiusd.wire.packet import decode

DEADLINE = 10.0
"""Seconds on the server's clock until whoever asks again and again must have an answer."""
_MOST = 80
_GUESTS = 900
_HTTP_SOURCE = "127.0.0.1"
Entry = dict[str, Any]


@define(eq=False)
class Scene:
    """A server, a town, and what was asked and told; each act has a guest of its own."""

    house: House
    calls: Calls
    town: Town
    database: Database
    vault: Vault
    entries: list[Entry] = field(factory=list)
    hangs: list[str] = field(factory=list)
    _guest: int = 0
    _identifier: int = 0

    def next_guest(self) -> int:
        """One whom nobody has seen yet."""
        self._guest += 1
        return self._guest - 1

    def write(self, which: str, kind: str, **fields: Any) -> None:
        """Asked, or told."""
        self.entries.append({"which": which, "kind": kind, **fields})

    def log_in(self, guest: int) -> Line | None:
        """A first login; the line of who was let in."""
        line = line_of(self.town, guest)
        self.write("asked", "login", line=line.acct_session_id)
        request = login(self.town, guest, line)(self._next())
        reply = self.house.ask(AUTH, request, self._source(guest), DEADLINE)
        if reply is None or reply[0] != Code.ACCESS_ACCEPT:
            return None
        self.write("told", "login", line=line.acct_session_id)
        return evolve(line, class_=read_grant(decode(reply)).class_)

    def report(self, guest: int, line: Line, status: AcctStatusType, octets: int = 0) -> bool:
        """Whether a report was answered."""
        counted = Counters(octets_in=octets, octets_out=octets * 10)
        fields = written(line, status, counted)
        self.write("asked", "report", **fields)
        request = report(self.town, guest, line, status, counted, self.house.at)(self._next())
        reply = self.house.ask(ACCT, request, self._source(guest), DEADLINE)
        if reply is not None:
            self.write("told", "report", **fields)
        return reply is not None

    def post(self, request: bytes) -> tuple[int, Any]:
        """Status and JSON."""
        status, body = self.house.post(request, _HTTP_SOURCE, DEADLINE)
        return status, json.loads(body) if status else None

    def _source(self, guest: int) -> tuple[str, int]:
        return self.town.address_of(self.town.router_of(guest)), 40_000 + guest % 10_000

    def _next(self) -> int:
        self._identifier = (self._identifier + 1) % 256
        return self._identifier


Act = Callable[[Scene], Callable[[], bool]]
"""Prepares, and gives what is done while a call fails: whether whoever asked had an answer in time."""


def _login(scene: Scene) -> Callable[[], bool]:
    guest = scene.next_guest()
    return lambda: scene.log_in(guest) is not None


def _stop(scene: Scene) -> Callable[[], bool]:
    guest = scene.next_guest()
    line = scene.log_in(guest)
    assert line is not None  # noqa: S101 - nothing fails yet
    scene.report(guest, line, AcctStatusType.START)
    scene.report(guest, line, AcctStatusType.INTERIM_UPDATE, 1_000)
    return lambda: scene.report(guest, line, AcctStatusType.STOP, 2_000)


def _spooled(scene: Scene) -> Callable[[], bool]:
    """A report while the store is away, and the store's return."""
    guest = scene.next_guest()
    line = scene.log_in(guest)
    assert line is not None  # noqa: S101 - nothing fails yet
    scene.report(guest, line, AcctStatusType.START)
    scene.calls.is_away = True
    scene.report(guest, line, AcctStatusType.INTERIM_UPDATE, 1_000)

    def tell() -> bool:
        try:
            return scene.report(guest, line, AcctStatusType.INTERIM_UPDATE, 2_000)
        finally:
            scene.calls.is_away = False
            scene.house.reactor.pass_time(2)

    return tell


def _logout(scene: Scene) -> Callable[[], bool]:
    guest = scene.next_guest()
    line = scene.log_in(guest)
    assert line is not None  # noqa: S101 - nothing fails yet
    scene.report(guest, line, AcctStatusType.START)
    scene.house.reactor.pass_time(0.3)

    def tell() -> bool:
        at = int(scene.house.at * 1000) // 2 * 2 + 1
        name = event_name("USER_LOGOUT", PC_USER % guest, at)
        scene.write("asked", "event", name=name)
        status, body = scene.post(scene.town.branch.event(guest, at / 1000 + 0.0001))
        if status == 200:
            scene.write("told", "event", name=name, ended=body["sessions_terminated"])
        return status == 200

    return tell


def _verify(scene: Scene) -> Callable[[], bool]:
    number = scene.next_guest()
    token = scene.post(scene.town.start(f"PC-{number}", scene.house.at))[1]["data"]["session_token"]
    ott = scene.post(scene.town.wish(token, number))[1]["data"]["ott"]

    def verify() -> bool:
        scene.write("asked", "verify")
        status, body = scene.post(scene.town.verify(ott, number))
        if status == 200 and body["data"]["is_valid"]:
            scene.write("told", "verify", session=body["data"]["game_session_id"])
        return status == 200

    return verify


def _sale(scene: Scene) -> Callable[[], bool]:
    name = f"walk-in {scene.next_guest()}"

    def sell() -> bool:
        for _ in range(3):
            try:
                with scene.database.writing() as connection:
                    _sell(scene, connection, name)
            except AlreadyThere:
                return True
            except Exception:  # noqa: BLE001, S112 - whoever sells tries again
                continue
            return True
        return False

    return sell


def _sell(scene: Scene, connection: Any, name: str) -> None:
    at = Instant(int(scene.house.at * 1000))
    accounts.add(connection, scene.vault, name, "secret", branches.cafe(connection, scene.town.branch_id), at)
    buyer = accounts.buyer(connection, accounts.find(connection, name), at)
    sales.sell(connection, [buyer], packages.find(connection, "a month"), at)


ACTS: dict[str, Act] = {
    "login": _login,
    "stop": _stop,
    "spooled report": _spooled,
    "sale": _sale,
    "PC logout": _logout,
    "OTT verify": _verify,
}


@frozen(kw_only=True)
class Result:
    """What came of it: the points tried, who had no answer in time, and what is wrong in the store."""

    points: int
    hangs: list[str]
    wrong: list[str]


def try_all(scene: Scene, calls: Calls, acts: Mapping[str, Act], done: Callable[[str], None]) -> Result:
    """Every point of these acts."""
    points, wrong = 0, []
    for name, act in acts.items():
        for failure in _failures(scene, calls, act):
            if not _try(scene, calls, act, failure):
                scene.hangs.append(f"{name}, {failure}: no answer within {DEADLINE:g} s")
            points += 1
            done(f"{name}: {failure}")
        scene.house.reactor.pass_time(1)
        wrong += [f"{name}: {each}" for each in _violations(scene)]
    # What a crash or a failure left of a verified token is given up after half a minute.
    scene.house.reactor.pass_time(45, step=0.5)
    with scene.database.reading() as connection:
        found = comparing.compare(ledger.replay(scene.entries), comparing.read(connection))
    wrong += [f"{each.kind}: {each.text}" for each in found]
    wrong += [f"uncaught: {each}" for each in scene.house.reactor.uncaught]
    return Result(points=points, hangs=scene.hangs, wrong=list(dict.fromkeys(wrong)))


def _violations(scene: Scene) -> list[str]:
    with scene.database.reading() as connection:
        return list(comparing.read(connection).violations)


def _failures(scene: Scene, calls: Calls, act: Act) -> Iterator[Failure]:
    """All there are, by what an undisturbed act calls."""
    do = act(scene)
    with calls.watched(None):
        do()
    counts = Counter(calls.counts)
    for kind in (DATABASE, FSYNC, SEND):
        for number in range(1, min(counts[kind], _MOST) + 1):
            yield Failure(kind=kind, number=number)
            if kind == DATABASE:
                yield Failure(kind=kind, number=number, after=True)


def _try(scene: Scene, calls: Calls, act: Act, failure: Failure) -> bool:
    do = act(scene)
    with calls.watched(failure):
        return do()


def perform(folder: Path, url: str, town: Town, acts: Mapping[str, Act], done: Callable[[str], None]) -> Result:
    """A server on the filled store at `url`, whose calls fail one by one."""
    path = folder / "radiusd.toml"
    path.write_text(
        f'[server]\nauth = "127.0.0.1:{AUTH}"\nacct = "127.0.0.1:{ACCT}"\nweb = "127.0.0.1:{WEB}"\n'
        f'coa_source = "127.0.0.1"\n[web]\nmetrics = ""\n[store]\nurl = "{url}"\nkey_file = "key"\n'
    )
    path.chmod(0o600)
    calls = Calls()
    install(calls)
    database = Database(url)
    put_on(database, town, MONEY, "first")
    house = House.open(path, calls)
    scene = Scene(house, calls, town, database, Vault(read_key_file(folder / "key")))
    scene.write("asked", "top-up", amount=MONEY)
    scene.write("told", "top-up", amount=MONEY)
    return try_all(scene, calls, acts, done)


@frozen
class _Given:
    """A store that somebody else looks after."""

    url: str
    name: str = "given"
    pids: tuple[int, ...] | None = None

    def filled(self) -> None:
        """Nothing is copied."""


def main() -> None:
    """Be the process."""
    folder, url, acts, *switches = sys.argv[1:]
    for each in switches:
        SWITCHES[each]()
    town = towns.make(_Given(url), Path(folder), _GUESTS, lambda _: None)  # type: ignore[arg-type]
    wanted = {name: ACTS[name] for name in acts.split(",")}
    result = perform(Path(folder), url, town, wanted, lambda point: print(json.dumps({"point": point}), flush=True))
    print(json.dumps(asdict(result)), flush=True)
    # Its threads would wait for a reactor that turns no more.
    os._exit(0)


if __name__ == "__main__":
    main()
