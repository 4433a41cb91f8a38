"""What the server keeps in memory of the branches' PC systems."""

import json
from collections import defaultdict
from collections.abc import Mapping
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network

from attrs import field, frozen
from sqlalchemy import Connection, RowMapping, select

from policy.pc import Resume
from policy.quantities import Instant
from radiusd.store.pc_schema import branch_networks, pc_keys, pc_systems
from radiusd.vault import Vault

SIGNING_KEY = "pc signing key"  # what it is sealed for
API_KEY = "pc api key"

Networks = tuple[IPv4Network | IPv6Network, ...]


@frozen(kw_only=True)
class PcKey:
    """A pair of token and signing key; of the token only the SHA-256 is known. `retires_at` is None for the newest."""

    token_hash: bytes
    signing_key: bytes = field(repr=False)
    retires_at: Instant | None = None

    def is_valid(self, at: Instant) -> bool:
        """Whether events may be signed with it at `at`."""
        return self.retires_at is None or at < self.retires_at


@frozen(kw_only=True)
class PcSystem:
    """What a branch and its PC system agreed on. `networks` is where its events may come from.

    `shapes` are the older forms of the event that are understood beside the present one. `api_url` is None where the
    PC system cannot be asked.
    """

    branch_id: int
    location_id: str
    realm: str
    resume: Resume
    shapes: frozenset[str] = frozenset()
    networks: Networks = ()
    keys: tuple[PcKey, ...] = ()
    api_url: str | None = None
    api_paths: Mapping[str, str] = field(factory=dict)
    api_key: str = field(default="", repr=False)


def hash_token(token: str) -> bytes:
    """What is kept of a token."""
    return sha256(token.encode()).digest()


def load_networks(connection: Connection) -> dict[int, Networks]:
    """Where each branch's own machines call from, by branch id."""
    networks: defaultdict[int, list[IPv4Network | IPv6Network]] = defaultdict(list)
    for row in connection.execute(select(branch_networks.c.branch_id, branch_networks.c.network)):
        networks[row.branch_id].append(ip_network(row.network))
    return {branch_id: tuple(each) for branch_id, each in networks.items()}


def load(connection: Connection, vault: Vault) -> dict[int, PcSystem]:
    """The PC systems by branch id; raises VaultError if a secret does not open."""
    networks = load_networks(connection)
    keys: defaultdict[int, list[PcKey]] = defaultdict(list)
    for row in connection.execute(select(pc_keys).order_by(pc_keys.c.id.desc())):
        key = PcKey(
            token_hash=row.token_hash,
            signing_key=vault.open(row.signing_key, SIGNING_KEY),
            retires_at=row.retires_at,
        )
        keys[row.branch_id].append(key)
    found = connection.execute(select(pc_systems)).mappings()
    return {
        row["branch_id"]: _pc_system(row, vault, networks.get(row["branch_id"], ()), tuple(keys[row["branch_id"]]))
        for row in found
    }


def _pc_system(row: RowMapping, vault: Vault, networks: Networks, keys: tuple[PcKey, ...]) -> PcSystem:
    sealed = row["api_key"]
    return PcSystem(
        branch_id=row["branch_id"],
        location_id=row["location_id"],
        realm=row["realm"],
        resume=Resume(row["resume"]),
        shapes=frozenset(row["shapes"].split()),
        networks=networks,
        keys=keys,
        api_url=row["api_url"],
        api_paths=json.loads(row["api_paths"]),
        api_key="" if sealed is None else vault.open(sealed, API_KEY).decode(),
    )
