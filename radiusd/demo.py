"""A small café on this machine: made once, kept after that, served in the foreground (`scripts/demo`)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from secrets import token_hex, token_urlsafe
from shlex import quote
from typing import Any

import click
from attrs import asdict
from sqlalchemy import Connection, select

from policy.package import Package, Rate
from policy.quantities import DAY, HOUR, BitsPerSecond, Instant, Money, Octets, Seconds
from radiusd.charging import wallet
from radiusd.store import (
    accounts,
    branches,
    game_schema,
    games,
    launchers,
    packages,
    pc_networks,
    pc_schema,
    pc_systems,
    pc_ties,
    routers,
    sales,
    schema,
    vouchers,
)
from radiusd.store.database import Database
from radiusd.vault import Vault, make_key_file, read_key_file

BRANCH, ROUTER = "demo", "demo-router"
ADDRESS = "127.0.0.1"
RECOVERABLE = "recoverable"
_MEGABIT = 1_000_000
PACKAGES = (
    Package(
        name="1h",
        time=HOUR,
        rate=Rate(BitsPerSecond(2 * _MEGABIT), BitsPerSecond(10 * _MEGABIT)),
        price=Money(5_000),
        validity=DAY,
    ),
    Package(
        name="3h",
        time=Seconds(3 * HOUR),
        devices=2,
        rate=Rate(BitsPerSecond(5 * _MEGABIT), BitsPerSecond(20 * _MEGABIT), burst=20, priority=5),
        price=Money(12_000),
    ),
    Package(
        name="1G",
        data=Octets(1_000_000_000),
        rate=Rate(BitsPerSecond(2 * _MEGABIT), BitsPerSecond(10 * _MEGABIT)),
        price=Money(10_000),
    ),
)
GAME, LAUNCHER = "Sky Race", "demo-pcs"
GAME_SETTINGS = {"provider": "roblox", "place_id": "1818", "rate": Money(5), "period": Seconds(60)}
COINS = Money(1_000)
LOCATION = "loc_demo"
PC_USERS = (("demo1", "nora_01"), ("demo2", "minh_02"), ("demo3", "linh_03"))
"""Accounts, and who they are at the gaming PCs."""
ACCOUNTS = (("demo1", "1h"), ("demo2", "1h"), ("demo3", "3h"), ("demo4", "3h"), ("demo5", "1G"))


class Demo:
    """The files of one demo, all in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "radiusd.toml"
        self.description = folder / "demo.json"
        self.secret = folder / "secret"
        self._made = folder / "made.json"
        self._key = folder / "key"
        self._store = folder / "store.sqlite3"
        self.pc_settings = folder / "pc-system.json"
        self.game_settings = folder / "playwave.json"

    def prepare(self, ports: dict[str, int], at: Instant) -> dict[str, Any]:
        """Make what is missing; what demo.json tells, but for the process id."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._key.exists():
            make_key_file(self._key)
        made = self._credentials()
        _write(self.secret, made["secret"])
        _write(self.config, _configuration(ports))
        database = Database(f"sqlite:///{self._store}")
        database.migrate()
        vault = Vault(read_key_file(self._key))
        with database.writing() as connection:
            voucher = _fill(connection, vault, made, ports["coa"], at)
            self._prepare_pc_system(connection, vault, ports, at)
            self._prepare_game(connection, vault, ports, at)
        database.close()
        return {
            "auth": f"{ADDRESS}:{ports['auth']}",
            "acct": f"{ADDRESS}:{ports['acct']}",
            "web": f"http://{ADDRESS}:{ports['web']}",
            "metrics": f"http://{ADDRESS}:{ports['metrics']}/metrics",
            "secret": made["secret"],
            "branch": BRANCH,
            "router": ROUTER,
            "coa_port": ports["coa"],
            "pc_system": f"http://{ADDRESS}:{ports['pc']}",
            "config": str(self.config),
            "accounts": made["accounts"],
            "voucher": voucher,
        }

    def _prepare_pc_system(self, connection: Connection, vault: Vault, ports: dict[str, int], at: Instant) -> None:
        """The branch's PC system: its secrets, kept where the virtual one reads them, and where it is asked."""
        branch = branches.find(connection, BRANCH)
        if connection.execute(select(pc_schema.pc_systems.c.branch_id)).first() is None:
            issued = pc_systems.set_up(connection, vault, branch, {"location_id": LOCATION}, at)
            pc_networks.allow(connection, branch, [f"{ADDRESS}/32"], at)
            for name, pc_user in PC_USERS:
                pc_ties.tie(connection, accounts.find(connection, name), pc_user, at)
            _write(self.pc_settings, json.dumps(asdict(issued)))
        pc_systems.change(connection, branch, {"api_url": f"http://{ADDRESS}:{ports['pc']}"})
        secrets = json.loads(self.pc_settings.read_text())
        url = f"http://{ADDRESS}:{ports['web']}/api/pc-sync/event"
        _write(self.pc_settings, json.dumps({**secrets, "url": url}, indent=2) + "\n")

    def _prepare_game(self, connection: Connection, vault: Vault, ports: dict[str, int], at: Instant) -> None:
        """A game, a launcher at the branch and coins to play for; their secrets are kept for the virtual ones."""
        branch = branches.find(connection, BRANCH)
        if connection.execute(select(game_schema.games.c.id)).first() is None:
            api_key = games.add(connection, GAME, GAME_SETTINGS, at)
            secret = launchers.add(connection, vault, LAUNCHER, branch, at)
            wallet.top_up(connection, branch["id"], COINS, "demo", "from the house", at)
            made = {"launcher_id": LAUNCHER, "launcher_secret": secret, "api_key": api_key}
            game_id = str(games.find(connection, GAME)["id"])
            _write(self.game_settings, json.dumps({**made, "game_id": game_id}))
        settings = json.loads(self.game_settings.read_text())
        settings["server"] = f"http://{ADDRESS}:{ports['web']}"
        _write(self.game_settings, json.dumps(settings, indent=2) + "\n")

    def _credentials(self) -> dict[str, Any]:
        """The secret and the passwords, made once and kept before anything is stored under them."""
        if not self._made.exists():
            people = [{"name": n, "password": token_urlsafe(9), "package": package} for n, package in ACCOUNTS]
            _write(self._made, json.dumps({"secret": token_hex(16), "accounts": people}))
        made: dict[str, Any] = json.loads(self._made.read_text())
        return made

    def describe(self, told: dict[str, Any]) -> None:
        """Write demo.json, for this process."""
        _write(self.description, json.dumps({"pid": os.getpid(), **told}, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def _configuration(ports: dict[str, int]) -> str:
    return f"""# Written anew at every start of the demo.
[server]
auth = "{ADDRESS}:{ports["auth"]}"
acct = "{ADDRESS}:{ports["acct"]}"
web = "{ADDRESS}:{ports["web"]}"
coa_source = "{ADDRESS}"

[web]
metrics = "{ADDRESS}:{ports["metrics"]}"

[store]
url = "sqlite:///store.sqlite3"
key_file = "key"
"""


def _fill(connection: Connection, vault: Vault, made: dict[str, Any], coa_port: int, at: Instant) -> str:
    """Branch, router, packages, accounts and a voucher, all or none of them; the voucher's code."""
    if connection.execute(select(schema.branches.c.id)).first() is None:
        branch_id = branches.add(
            connection, BRANCH, at, password_store=RECOVERABLE, interim=120, idle_timeout=300, timezone="UTC"
        )
        settings = {
            "branch_id": branch_id,
            "network": f"{ADDRESS}/32",
            "kind": "mikrotik",
            "coa_port": coa_port,
            "require_message_authenticator": "learn",
            "mac_password": "empty",
        }
        routers.add(connection, vault, ROUTER, at, {**settings, **routers.sealed(vault, secret=made["secret"])})
        cafe = branches.cafe(connection, branch_id)
        terms = {each.name: each for each in PACKAGES}
        for package in PACKAGES:
            packages.add(connection, package, at)
        for person in made["accounts"]:
            accounts.add(connection, vault, person["name"], person["password"], cafe, at)
            buyer = accounts.buyer(connection, accounts.find(connection, person["name"]), at)
            sales.sell(connection, [buyer], terms[person["package"]], at)
        vouchers.create(connection, vault, terms["1h"], cafe, 1, at)
    elif routers.find(connection, ROUTER)["coa_port"] != coa_port:
        routers.change(connection, vault, ROUTER, {"coa_port": coa_port})
    query = select(schema.accounts.c.name).where(schema.accounts.c.kind == "voucher").order_by(schema.accounts.c.id)
    return str(connection.execute(query.limit(1)).scalar_one())


def _shown(path: Path) -> str:
    """A path as the caller would type it."""
    try:
        return quote(str(path.relative_to(Path.cwd())))
    except ValueError:
        return quote(str(path))


def _how_to_try(demo: Demo, told: dict[str, Any], *, with_pc_system: bool) -> str:
    first = told["accounts"][0]
    root = Path(__file__).resolve().parent.parent
    request = f'User-Name="{first["name"]}",User-Password="{first["password"]}",Message-Authenticator=0x00'
    icafectl = f"{_shown(root / '.venv/bin/icafectl')} --config {_shown(demo.config)}"
    return f"""
The café is open: RADIUS at {told["auth"]} (logins) and {told["acct"]} (accounting), {told["web"]}/health.
Everything about it is in {_shown(demo.description)}. Ctrl-C closes it; what it knows is kept.

Try it, in another terminal:

  a login, by a program of others (Debian: apt-get install freeradius-utils)
    echo '{request}' | radclient -x -S {_shown(demo.secret)} {told["auth"]} auth

  a whole evening of a guest at a virtual MikroTik router
    {_shown(root / "scripts/virtual-router")} --demo {_shown(demo.description)} evening

  what the café knows, and why
    {icafectl} session list
    {icafectl} why {first["name"]}

  a guest plays a game at a PC, and the café pays for it; three minutes take as many seconds
    {_shown(root / "scripts/playwave")} play --settings {_shown(demo.game_settings)} --minutes 3 --speed 60
    {icafectl} wallet history {BRANCH}
{_how_to_try_pc_system(demo, told) if with_pc_system else ""}"""


def _how_to_try_pc_system(demo: Demo, told: dict[str, Any]) -> str:
    root = Path(__file__).resolve().parent.parent
    router = f"{_shown(root / 'scripts/virtual-router')} --demo {_shown(demo.description)}"
    account, pc_user = PC_USERS[0]
    return f"""
  log off the gaming PC, and the WiFi is gone (or press the button on {told["pc_system"]}/)
    {router} evening --user {account} --interims 100
    {_shown(root / "scripts/pc-system")} logout {pc_user} --port {told["pc_system"].rpartition(":")[2]}
"""


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="ICAFE_DEMO_DIR",
    default="var/demo",
    help="Where to keep it (var/demo of the project).",
)
@click.option("--auth-port", default=1812, show_default=True, type=click.IntRange(1, 65535))
@click.option("--acct-port", default=1813, show_default=True, type=click.IntRange(1, 65535))
@click.option("--web-port", default=8080, show_default=True, type=click.IntRange(1, 65535))
@click.option("--metrics-port", default=9812, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--coa-port",
    default=3799,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Where the demo's router listens for disconnects.",
)
@click.option(
    "--with-pc-system", is_flag=True, help="Run a virtual PC system beside it: log a PC off, and the WiFi is gone."
)
@click.option(
    "--pc-port", default=8099, show_default=True, type=click.IntRange(1, 65535), help="Where that PC system answers."
)
def main(folder: Path, with_pc_system: bool, **ports_given: int) -> None:
    """Run a small café on this machine, in the foreground: one branch, one router, packages, guests, a voucher.

    Example: scripts/demo --dir /tmp/café --auth-port 18120 --acct-port 18130
    """
    from twisted.internet import asyncioreactor  # noqa: PLC0415 - it must come before anything that wants a reactor

    asyncioreactor.install()
    from radiusd import serving  # noqa: PLC0415
    from radiusd.app import wall_clock  # noqa: PLC0415

    os.umask(0o077)
    demo = Demo(folder.absolute())
    ports = {name.removesuffix("_port"): port for name, port in ports_given.items()}
    with serving.explained():
        told = demo.prepare(ports, wall_clock())

    def started() -> None:
        demo.describe(told)
        click.echo(_how_to_try(demo, told, with_pc_system=with_pc_system))
        sys.stdout.flush()

    with _pc_system(demo, ports["pc"]) if with_pc_system else nullcontext():
        serving.run(demo.config, started)


@contextmanager
def _pc_system(demo: Demo, port: int) -> Iterator[None]:
    """A virtual PC system in a process of its own, for as long as the demo runs."""
    command = [sys.executable, "-P", "-m", "radiusd.virtual_pc_system", "serve", "--port", str(port)]
    process = subprocess.Popen([*command, "--settings", str(demo.pc_settings)], start_new_session=True)  # noqa: S603
    try:
        yield
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
