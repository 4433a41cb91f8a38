"""A server that cuts, whose branch has a PC system; events go the way of the web, without sockets."""

from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection, insert, select
from twisted.internet.defer import Deferred

from policy.pc import Resume
from policy.quantities import Instant
from radiusd.store import accounts, branches
from radiusd.store.database import Database
from radiusd.store.pc_directory import SIGNING_KEY, hash_token
from radiusd.store.pc_schema import branch_networks, pc_keys, pc_systems, pc_users
from radiusd.store.schema import passes
from radiusd.web.balances import Balances
from radiusd.web.errors import WebError
from radiusd.web.fair import FairQueue
from radiusd.web.pc_sync.events import PcSyncEvents, PcSyncReply
from radiusd.web.pc_sync.guards import sign
from radiusd.web.pc_sync.refusals import Refusals
from radiusd.web.routes import Call, Headers
from tests.cutting.given import CuttingServer
from tests.pc_sync.given import KEY, SOURCE, TOKEN, an_event
from tests.server.given import NOON

LOCATION = "loc_centre"


def set_up(
    connection: Connection,
    vault: Any,
    branch_id: int,
    location_id: str = LOCATION,
    *,
    token: str = TOKEN,
    key: bytes = KEY,
    network: str = f"{SOURCE}/32",
    realm: str | None = None,
    resume: Resume = Resume.AFTER_PC_LOGIN,
) -> None:
    """A PC system for a branch, with secrets a test knows."""
    system = {
        "branch_id": branch_id,
        "location_id": location_id,
        "realm": realm or location_id,
        "resume": resume.value,
        "shapes": "",
        "api_url": "http://pc.invalid",
        "created_at": NOON,
    }
    connection.execute(insert(pc_systems), system)
    connection.execute(
        insert(pc_keys),
        {
            "id": branch_id,
            "branch_id": branch_id,
            "token_hash": hash_token(token),
            "signing_key": vault.seal(key, SIGNING_KEY),
            "created_at": NOON,
        },
    )
    connection.execute(insert(branch_networks), {"branch_id": branch_id, "network": network, "created_at": NOON})


def tie(connection: Connection, account: str, pc_user: str, realm: str = LOCATION) -> None:
    """This PC user is that account."""
    account_id = accounts.find(connection, account)["id"]
    row = {"realm": realm, "pc_user_id": pc_user, "account_id": account_id, "created_at": NOON}
    connection.execute(insert(pc_users), row)


@frozen
class Timings:
    """Keeps what it is told."""

    told: list[tuple[str, float]]

    def logged_off(self, until: str, seconds: float) -> None:
        self.told.append((until, seconds))


class PcCafe(CuttingServer):
    """`report` is what the PC system posts; the result is the answer, or the error it got."""

    def __init__(self, database: Database, **more: Any) -> None:
        self.balances = Balances()
        self.timings = Timings([])
        self.binds_games = True
        super().__init__(database, **more)

    def _fill(self, connection: Any, hashes: bool, router: dict[str, Any]) -> None:
        super()._fill(connection, hashes, router)
        set_up(connection, self.vault, self.branch_id)
        tie(connection, "nora", "nora_01")

    def restart(self) -> None:
        """Everything in memory is new; the store stays."""
        super().restart()
        self.queue = FairQueue(self.submit)
        self.events = PcSyncEvents(
            lambda: self.known.directory,
            self.queue,
            self.cutter,
            self.balances,
            Refusals(self.submit, self.counters),
            self.timings,
            lambda: self.at,
            binds_games=self.binds_games,
        )

    def add_branch(self, name: str, location_id: str, network: str, **more: Any) -> int:
        """One more café with a PC system; the server knows it at once."""
        with self.database.writing() as connection:
            branch_id = branches.add(
                connection,
                name,
                NOON,
                password_store="recoverable",
                interim=120,
                idle_timeout=300,
                timezone="UTC",
            )
            set_up(connection, self.vault, branch_id, location_id, network=network, **more)
        self.look()
        return branch_id

    def set_rule(self, rule: Resume) -> None:
        """What is left of a pass from now on."""
        with self.database.writing() as connection:
            connection.execute(pc_systems.update().values(resume=rule.value))
        systems = {key: evolve(each, resume=rule) for key, each in self.known.directory.pc_systems.items()}
        self.known.replace(evolve(self.known.directory, pc_systems=systems))

    def post(self, body: bytes, *, token: str = TOKEN, key: bytes = KEY, source: str = SOURCE) -> Any:
        """A signed event; the reply, or the WebError, or nothing yet."""
        headers = {"X-PC-Secret": token, "X-PC-Signature": f"sha256={sign(key, body)}"}
        return self.take(Call(source=source, body=body, headers=Headers(headers), at=self.at))

    def take(self, call: Call) -> Any:
        """What the route makes of a call."""
        answers: list[Any] = []
        taken = Deferred.fromCoroutine(self.events.take(call))
        taken.addCallback(answers.append)
        taken.addErrback(lambda failure: answers.append(failure.trap(WebError) and failure.value))
        return answers[0] if answers else None

    def pc(self, kind: str, user: str = "nora_01", *, ago: float = 0.0, **more: Any) -> PcSyncReply:
        """What the PC system reports; it happened `ago` seconds ago."""
        at = Instant(self.at - int(ago * 1000))
        location = more.pop("location", LOCATION)
        reply = self.post(an_event(kind, user, at, location_id=location), **more)
        assert isinstance(reply, PcSyncReply), reply
        return reply

    def logout(self, user: str = "nora_01", **more: Any) -> int:
        """How many sessions the report ended."""
        return self.pc("USER_LOGOUT", user, **more).sessions_terminated

    def login(self, user: str = "nora_01", **more: Any) -> PcSyncReply:
        """The guest sits down at a PC."""
        return self.pc("USER_LOGIN", user, **more)

    def bought(self) -> Any:
        """The only pass."""
        with self.database.reading() as connection:
            return connection.execute(select(passes)).mappings().one()
