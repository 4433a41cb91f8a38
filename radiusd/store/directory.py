"""What the server keeps in memory of its branches and routers, read anew when they change."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from zoneinfo import ZoneInfo

from attrs import field, frozen
from sqlalchemy import Connection, RowMapping, select

from policy.accounts import Branch
from policy.quantities import Instant, Seconds
from radiusd.store import game_directory, pc_directory
from radiusd.store.game_directory import Games
from radiusd.store.pc_directory import Networks, PcSystem
from radiusd.store.schema import branches, routers
from radiusd.vault import Vault, VaultError

_HASH = "hash"
SECRET = "router secret"  # noqa: S105 - what it is sealed for
MAC_PASSWORD = "mac password"  # noqa: S105
API_PASSWORD = "api password"  # noqa: S105


@frozen(kw_only=True)
class Router:
    """A NAS. `network` is where its packets come from; `signs_requests` says that a Message-Authenticator was seen.

    `coa_address`: where it takes disconnects, if not where its packets come from. `coa_answered`: it answered at
    `coa_port`. `coa_plain`: it refuses Framed-IP-Address in a Disconnect-Request.
    `cut_by` is coa, api or both. `timeout`: how many milliseconds it waits for our answer before it asks again.
    """

    id: int
    name: str
    branch_id: int
    network: IPv4Network | IPv6Network
    secret: bytes = field(repr=False)
    is_mikrotik: bool = True
    coa_address: str | None = None
    coa_port: int = 3799
    coa_answered: bool = False
    coa_plain: bool = False
    cut_by: str = "coa"
    api_address: str | None = None
    api_port: int | None = None
    api_tls: bool = False
    api_user: str | None = None
    api_password: str = field(default="", repr=False)
    timeout: int = 300
    require_message_authenticator: str = "learn"
    signs_requests: bool = False
    mac_password: str = "empty"  # noqa: S105 - which kind, not the password
    mac_password_value: bytes | None = field(default=None, repr=False)

    @property
    def uses_coa(self) -> bool:
        """Whether it takes Disconnect-Requests."""
        return self.cut_by != "api"

    @property
    def has_api(self) -> bool:
        """Whether it may be asked through the RouterOS API."""
        return self.cut_by != "coa" and self.api_user is not None

    @property
    def demands_message_authenticator(self) -> bool:
        """Whether an Access-Request without one is dropped."""
        wanted = self.require_message_authenticator
        return wanted == "yes" or (wanted == "learn" and self.signs_requests)


@frozen(kw_only=True, cache_hash=True)
class Cafe:
    """A branch with what only the shell needs of it."""

    id: int
    name: str
    hashes_passwords: bool
    interim: int
    idle_timeout: int | None
    timezone: str
    switch_rule: str = "leash"

    def branch(self, at: Instant) -> Branch:
        """The branch as policy sees it at `at`: local time may shift with the season."""
        return _branch(self, at // _MINUTE)


_MINUTE = 60_000


@lru_cache(maxsize=4_096)
def _branch(cafe: Cafe, minute: int) -> Branch:
    """The branch in a minute since 1970: clocks are set to another season's time between two of them."""
    offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(cafe.timezone)).utcoffset()
    return Branch(
        id=cafe.id,
        name=cafe.name,
        utc_offset=Seconds(int(offset.total_seconds()) if offset else 0),
        interim=Seconds(cafe.interim),
        idle_timeout=None if cafe.idle_timeout is None else Seconds(cafe.idle_timeout),
    )


@frozen
class Directory:
    """Branches and routers by id, PC systems and networks by the id of their branch, and the games."""

    cafes: Mapping[int, Cafe]
    routers: Mapping[int, Router]
    pc_systems: Mapping[int, PcSystem] = field(factory=dict)
    games: Games = field(factory=Games)
    networks: Mapping[int, Networks] = field(factory=dict)


def load(connection: Connection, vault: Vault) -> Directory:
    """The directory as it is stored; raises VaultError if a secret does not open."""
    found = {row["id"]: cafe_from_row(row) for row in connection.execute(select(branches)).mappings()}
    nases = connection.execute(select(routers).where(routers.c.removed_at.is_(None))).mappings()
    known = {row["id"]: router_from_row(row, vault) for row in nases}
    return Directory(
        found,
        known,
        pc_directory.load(connection, vault),
        game_directory.load(connection, vault),
        pc_directory.load_networks(connection),
    )


def cafe_from_row(row: RowMapping) -> Cafe:
    """A row of `branches`."""
    return Cafe(
        id=row["id"],
        name=row["name"],
        hashes_passwords=row["password_store"] == _HASH,
        interim=row["interim"],
        idle_timeout=row["idle_timeout"],
        timezone=row["timezone"],
        switch_rule=row["switch_rule"],
    )


def router_from_row(row: RowMapping, vault: Vault) -> Router:
    """A row of `routers`, its secrets opened."""
    try:
        return _opened(row, vault)
    except VaultError as error:
        raise VaultError(f"router {row['name']}: {error}") from error


def _opened(row: RowMapping, vault: Vault) -> Router:
    value, password = row["mac_password_value"], row["api_password"]
    return Router(
        id=row["id"],
        name=row["name"],
        branch_id=row["branch_id"],
        network=ip_network(row["network"]),
        secret=vault.open(row["secret"], SECRET),
        is_mikrotik=row["kind"] == "mikrotik",
        coa_address=row["coa_address"],
        coa_port=row["coa_port"],
        coa_answered=row["coa_answered"],
        coa_plain=row["coa_plain"],
        cut_by=row["cut_by"],
        api_address=row["api_address"],
        api_port=row["api_port"],
        api_tls=row["api_tls"],
        api_user=row["api_user"],
        api_password="" if password is None else vault.open(password, API_PASSWORD).decode(),
        timeout=row["timeout"],
        require_message_authenticator=row["require_message_authenticator"],
        signs_requests=row["signs_requests"],
        mac_password=row["mac_password"],
        mac_password_value=None if value is None else vault.open(value, MAC_PASSWORD),
    )
