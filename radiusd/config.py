"""The configuration file: TOML to one frozen Config, or every mistake in it at once, by file, line and key."""

import re
import tomllib
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from attrs import evolve, fields, frozen

from radiusd import paths


class ConfigError(Exception):
    """The configuration cannot be used; the message has one line for each mistake."""


@frozen
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@frozen
class Cuts:
    """When a cut is asked for, in milliseconds from its start; `longest_pause` between tries is in seconds."""

    sends: tuple[int, ...] = (0, 300, 900, 2_100)
    api_after: int = 450
    decided_after: int = 4_500
    longest_pause: int = 60


@frozen(kw_only=True)
class Web:
    """How the web root is reached; `metrics` is None when they are shown nowhere.

    `proxies` are those whose word is taken for who calls. `public_url` is what PC systems are told, without a path.
    """

    metrics: Address | None = None
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    public_url: str = ""
    connections_per_address: int = 64


@frozen
class Redis:
    """Through which servers on one store wake each other; `url` holds no password.

    `live`: whether sessions are shown there. `expiring`: seconds before its end in which a session is told to expire.
    """

    url: str
    prefix: str
    password_file: Path | None
    live: bool = True
    expiring: int = 300


@frozen(kw_only=True)
class Games:
    """The rules for games. `partner_key_file` is None where the cafés' own wallets are charged.

    `charge_outage`: seconds that a game goes on while nobody can tell whether it is paid; 0 for ever.
    """

    bind_to_seat: bool = True
    charge_outage: int = 0
    partner_url: str = ""
    partner_key_file: Path | None = None


@frozen(kw_only=True)
class StoreLoss:
    """What is done while the store is away. `spool` is a folder, `spool_limit` in MiB, `patience` in milliseconds.

    `on_store_loss` says how logins are answered then: last_decision, or refuse.
    """

    spool: Path
    spool_limit: int = 1_024
    patience: int = 5_000
    on_store_loss: str = "last_decision"


@frozen
class Config:
    """Everything the server is told from outside; `web` is None when nothing is served there, `redis` without one."""

    path: Path
    auth: Address
    acct: Address
    web: Address | None
    coa_source: str
    store_url: str
    key_file: Path
    dictionary: Path
    log_level: str
    cuts: Cuts = Cuts()
    at_web: Web = Web()
    games: Games = Games()
    redis: Redis | None = None
    workers: int = 1
    pin_workers: bool = True
    store_loss: StoreLoss = StoreLoss(spool=Path("/var/lib/icafe-radiusd/spool"))


@frozen
class _Server:
    auth: str = "0.0.0.0:1812"
    acct: str = "0.0.0.0:1813"
    web: str = "127.0.0.1:8080"
    coa_source: str = "0.0.0.0"  # noqa: S104
    dictionary: str = ""
    workers: int = 1
    pin_workers: bool = True


@frozen
class _Web:
    metrics: str = "127.0.0.1:9812"
    proxies: tuple[str, ...] = ()
    public_url: str = ""
    connections_per_address: int = 64


@frozen
class _Games:
    bind_to_seat: bool = True
    charge_outage: int = 0
    partner_url: str = ""
    partner_key_file: str = ""


@frozen
class _Store:
    url: str = ""
    key_file: str = ""
    on_store_loss: str = "last_decision"
    patience: int = 5_000
    spool: str = ""
    spool_limit: int = 1_024


@frozen
class _Redis:
    url: str = ""
    password_file: str = ""
    prefix: str = "icafe:"
    live: bool = True
    expiring: int = 300


@frozen
class _Log:
    level: str = "info"


_SECTIONS: dict[str, type] = {
    "server": _Server,
    "web": _Web,
    "store": _Store,
    "redis": _Redis,
    "games": _Games,
    "cuts": Cuts,
    "log": _Log,
}
_MOST_SENDS = 10
_LATEST = 5_000
"""Milliseconds in which it must be known how a cut stands."""
_MOST_CONNECTIONS = 10_000
_ON_STORE_LOSS = ("last_decision", "refuse")
_MOST_PATIENCE = 60_000
_LARGEST_SPOOL = 1_048_576
_MOST_WORKERS = 64
_HIGHEST_PORT = 65_535
_LONGEST_OUTAGE = 86_400
_SOONEST = 86_400
_DB = r"(db=\d{1,5})?"
_LEVELS = ("debug", "info", "warn", "error")


def load(path: Path) -> Config:
    """The configuration in `path`; relative paths in it start at its folder. Raises ConfigError."""
    return parse(path, text_of(path))


def text_of(path: Path) -> str:
    """What stands in `path`. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the configuration {path}: {reason}") from error


def parse(path: Path, text: str) -> Config:
    """The configuration `text`, as read from `path`. Raises ConfigError."""
    return _Reader(path, text).read()


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._text = text
        self._mistakes: dict[tuple[str, str | None], tuple[int, str]] = {}

    def read(self) -> Config:
        try:
            document = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            at = int(line.group(1)) if line else len(self._lines)
            raise ConfigError(f"{self._path}:{at}: this is not TOML: {error}") from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{self._path}: this cannot be read: {error}") from error
        for name in document:
            if name not in _SECTIONS:
                self._mistake(name, None, f"unknown section{_did_you_mean(name, list(_SECTIONS))}")
        parts = {name: self._section(name, document.get(name, {})) for name in _SECTIONS}
        self._check_cuts(parts["cuts"])
        config = evolve(
            self._config(parts["server"], parts["store"], parts["log"], parts["cuts"]),
            at_web=self._web(parts["web"]),
            redis=self._redis(parts["redis"]),
            games=self._games(parts["games"]),
            store_loss=self._store_loss(parts["store"]),
        )
        metrics = config.at_web.metrics
        if metrics is not None and metrics.port + config.workers - 1 > _HIGHEST_PORT:
            self._mistake("web", "metrics", f"{config.workers} workers need as many ports from here on")
        if self._mistakes:
            raise ConfigError(
                "\n".join(f"{self._path}:{line}: {what}" for line, what in sorted(self._mistakes.values()))
            )
        return config

    def _section(self, name: str, values: Any) -> Any:
        kind = _SECTIONS[name]
        known = [each.name for each in fields(kind)]
        if not isinstance(values, dict):
            self._mistake(name, None, "expected a section, as in [server]")
            return kind()
        good: dict[str, Any] = {}
        for key, value in values.items():
            if key not in known:
                self._mistake(name, key, f"unknown key{_did_you_mean(key, known)}")
                continue
            if isinstance(value, str) and "\0" in value:
                self._mistake(name, key, "expected no character 0 in it")
                continue
            try:
                msgspec.convert({key: value}, kind, strict=True)
            except msgspec.ValidationError as error:
                self._mistake(name, key, str(error).split(" - at ")[0])
                continue
            good[key] = tuple(value) if isinstance(value, list) else value
        return kind(**good)

    def _check_cuts(self, cuts: Cuts) -> None:
        is_rising = all(one < two for one, two in pairwise(cuts.sends))
        if cuts.sends[:1] != (0,) or not is_rising or len(cuts.sends) > _MOST_SENDS:
            self._mistake("cuts", "sends", "expected rising milliseconds from 0 on, as in [0, 300, 900, 2100]")
        if not 1_000 <= cuts.decided_after <= _LATEST:
            self._mistake("cuts", "decided_after", f"expected 1000 to {_LATEST} milliseconds")
        elif cuts.sends and cuts.sends[-1] >= cuts.decided_after:
            self._mistake("cuts", "sends", f"expected the last before decided_after, {cuts.decided_after}")
        if not 0 <= cuts.api_after < _LATEST:
            self._mistake("cuts", "api_after", f"expected milliseconds under {_LATEST}, as in 450")
        if not 1 <= cuts.longest_pause <= 3_600:
            self._mistake("cuts", "longest_pause", "expected 1 to 3600 seconds")

    def _config(self, server: _Server, store: _Store, log: _Log, cuts: Cuts) -> Config:
        if not store.url:
            self._mistake(
                "store", "url", "expected where to keep the data, as in sqlite:////var/lib/icafe/store.sqlite3"
            )
        if not store.key_file:
            self._mistake("store", "key_file", "expected the file with the key that secrets are sealed under")
        if log.level not in _LEVELS:
            self._mistake("log", "level", f"expected one of {', '.join(_LEVELS)}")
        if not 1 <= server.workers <= _MOST_WORKERS:
            self._mistake("server", "workers", f"expected 1 to {_MOST_WORKERS} processes")
        folder = self._path.parent
        return Config(
            path=self._path,
            auth=self._address("server", "auth", server.auth),
            acct=self._address("server", "acct", server.acct),
            web=self._address("server", "web", server.web) if server.web else None,
            coa_source=self._host("server", "coa_source", server.coa_source),
            store_url=_from(folder, store.url),
            key_file=folder / store.key_file,
            dictionary=folder / server.dictionary if server.dictionary else paths.dictionary(),
            log_level=log.level,
            cuts=cuts,
            workers=server.workers,
            pin_workers=server.pin_workers,
        )

    def _store_loss(self, store: _Store) -> StoreLoss:
        if store.on_store_loss not in _ON_STORE_LOSS:
            self._mistake("store", "on_store_loss", f"expected one of {', '.join(_ON_STORE_LOSS)}")
        if not 500 <= store.patience <= _MOST_PATIENCE:
            self._mistake("store", "patience", f"expected 500 to {_MOST_PATIENCE} milliseconds")
        if not 1 <= store.spool_limit <= _LARGEST_SPOOL:
            self._mistake("store", "spool_limit", f"expected 1 to {_LARGEST_SPOOL} MiB")
        folder = self._path.parent
        file = re.fullmatch(r"sqlite:///(.+)", _from(folder, store.url))
        beside = Path(file.group(1)) if file else folder / (store.key_file or "key")
        return StoreLoss(
            spool=folder / store.spool if store.spool else beside.parent / "spool",
            spool_limit=store.spool_limit,
            patience=store.patience,
            on_store_loss=store.on_store_loss,
        )

    def _games(self, games: _Games) -> Games:
        if not 0 <= games.charge_outage <= _LONGEST_OUTAGE:
            self._mistake("games", "charge_outage", f"expected 0 to {_LONGEST_OUTAGE} seconds; 0 for any time")
        wrong = _wrong_with_partner_url(games.partner_url)
        if wrong:
            # Never what was found there, either.
            self._mistake("games", "partner_url", wrong)
        if bool(games.partner_url) != bool(games.partner_key_file):
            self._mistake("games", "partner_key_file", "expected together with partner_url, the file with its key")
        key_file = self._path.parent / games.partner_key_file if games.partner_key_file else None
        return Games(
            bind_to_seat=games.bind_to_seat,
            charge_outage=games.charge_outage,
            partner_url=games.partner_url,
            partner_key_file=key_file,
        )

    def _web(self, web: _Web) -> Web:
        if not _is_public_url(web.public_url):
            self._mistake("web", "public_url", "expected http(s)://HOST without a path, as in https://wifi.example.net")
        if not 1 <= web.connections_per_address <= _MOST_CONNECTIONS:
            self._mistake("web", "connections_per_address", f"expected 1 to {_MOST_CONNECTIONS}")
        return Web(
            metrics=self._address("web", "metrics", web.metrics) if web.metrics else None,
            proxies=tuple(network for text in web.proxies if (network := self._network("web", "proxies", text))),
            public_url=web.public_url.rstrip("/"),
            connections_per_address=web.connections_per_address,
        )

    def _redis(self, redis: _Redis) -> Redis | None:
        wrong = _wrong_with_redis_url(redis.url)
        if wrong:
            # Never what was found there: it may be a password.
            self._mistake("redis", "url", wrong)
        if not re.fullmatch(r"[\w.:-]{1,64}", redis.prefix, re.ASCII):
            self._mistake("redis", "prefix", "expected 1 to 64 letters, digits or any of _ . : -, as in icafe:")
        if not 1 <= redis.expiring <= _SOONEST:
            self._mistake("redis", "expiring", f"expected 1 to {_SOONEST} seconds")
        password_file = self._path.parent / redis.password_file if redis.password_file else None
        return Redis(redis.url, redis.prefix, password_file, redis.live, redis.expiring) if redis.url else None

    def _network(self, section: str, key: str, text: str) -> IPv4Network | IPv6Network | None:
        try:
            return ip_network(text)
        except ValueError:
            self._mistake(section, key, f'expected addresses or networks, as in ["10.0.0.1"], found {text!r}')
            return None

    def _address(self, section: str, key: str, text: str) -> Address:
        host, _, port = text.rpartition(":")
        if not (host and re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65536):
            self._mistake(section, key, f"expected ADDRESS:PORT, as in 127.0.0.1:1812, found {text!r}")
            return Address("127.0.0.1", 1)
        return Address(self._host(section, key, host.strip("[]")), int(port))

    def _host(self, section: str, key: str, text: str) -> str:
        try:
            return str(ip_address(text))
        except ValueError:
            self._mistake(section, key, f"expected an IP address, found {text!r}")
            return "127.0.0.1"

    def _mistake(self, section: str, key: str | None, what: str) -> None:
        name = section if key is None else f"{section}.{key}"
        # What is of the wrong type is not missing as well.
        self._mistakes.setdefault((section, key), (self._line_of(section, key), f"{name}: {what}"))

    def _line_of(self, section: str, key: str | None) -> int:
        """Where `key` stands in its section; the section's line when it is missing, line 1 when both are."""
        at, inside = 1, False
        for number, line in enumerate(self._lines, 1):
            heading = re.match(r"\s*\[+\s*([\w.-]+)", line)
            if heading:
                inside = heading.group(1) == section
                at = number if inside else at
            elif re.match(rf"\s*{re.escape(section)}\s*[.=]", line) and not inside:
                at = number
            if inside and key is not None and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return number
        return at


def _is_public_url(text: str) -> bool:
    """Whether it is empty, or a URL to which a path can be added."""
    try:
        parts = urlsplit(text)
        is_host = bool(parts.hostname) and parts.port != 0 and re.search(r"[@\s]", parts.netloc) is None
    except ValueError:
        return False
    # Put together again, it lacks whatever stood behind the host.
    is_whole = text.removesuffix("/") == f"{parts.scheme}://{parts.netloc}"
    return not text or (is_host and is_whole and parts.scheme in ("http", "https"))


def _wrong_with_redis_url(url: str) -> str:
    """What is wrong with it; empty if nothing is."""
    form = "expected redis://HOST:PORT/0, rediss://HOST:PORT/0 (by TLS) or unix:///PATH"
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return form
    if parts.password is not None or "password" in parts.query.lower():
        return "a password does not belong here: write it to a file of its own, and name that in password_file"
    if parts.scheme == "unix":
        is_whole = not parts.netloc.rpartition("@")[2] and len(parts.path) > 1 and re.fullmatch(_DB, parts.query)
    else:
        is_known = parts.scheme in ("redis", "rediss") and not parts.query
        is_whole = is_known and has_host and re.fullmatch(r"/?|/\d{1,5}", parts.path)
    return "" if not url or (is_whole and not parts.fragment) else form


def _wrong_with_partner_url(url: str) -> str:
    """What is wrong with it; empty if nothing is."""
    form = "expected http(s)://HOST/PATH, as in https://pay.example.net/api"
    try:
        parts = urlsplit(url)
        is_host = bool(parts.hostname) and parts.port != 0 and re.search(r"\s", url) is None
        (parts.hostname or "").encode("idna")
    except ValueError:  # UnicodeError is one
        return form
    if "@" in parts.netloc:
        return "a password does not belong here: the key has a file of its own, see partner_key_file"
    return "" if not url or (is_host and parts.scheme in ("http", "https")) else form


def _did_you_mean(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, 1)
    return f", did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"


def _from(folder: Path, url: str) -> str:
    """A relative SQLite path starts at the configuration's folder, not wherever the server was started."""
    relative = re.fullmatch(r"sqlite:///([^/].*)", url)
    return f"sqlite:///{folder.resolve() / relative.group(1)}" if relative else url
