"""The counter of a café: the administrator's tool, a clock that stands still, and guests who log in."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from policy.connection import AccountingReport, AccountingStart
from policy.quantities import Instant
from radiusd.handlers.translate import Line, Pap
from radiusd.icafectl.desk import Desk
from radiusd.icafectl.root import icafectl
from radiusd.jobs.access import AccessJob, Answer
from radiusd.jobs.accounting import AccountingJob
from radiusd.jobs.pc_events import PcEvent, PcEventJob, PcOutcome
from radiusd.jobs.pc_refusals import KeepPcRefusalJob
from radiusd.store import directory
from radiusd.store.database import Database
from radiusd.store.directory import Cafe, Router
from radiusd.store.writer import Committer, Failed
from radiusd.vault import Vault, read_key_file

NOON = Instant(1_795_262_400_000)
PHONE, LAPTOP = "AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"


class Counter:
    """Runs icafectl as a test types it; `at` is what the clock shows."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.config = folder / "radiusd.toml"
        self.config.write_text(f'[store]\nurl = "{database_url}"\nkey_file = "key"\n')
        self.database_url = database_url
        self.at = NOON
        self.printed = ""

    def pass_time(self, seconds: float) -> None:
        self.at = Instant(self.at + int(seconds * 1000))

    def run(self, *arguments: str, typed: str | None = None, status: int = 0) -> str:
        """What the command prints, on either stream; fails unless it ends with `status`."""
        desk = Desk(now=lambda: self.at)
        result = CliRunner().invoke(
            icafectl, ["--config", str(self.config), *arguments], input=typed, obj=desk, prog_name="icafectl"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, f"icafectl {arguments}: {result.output}"
        self.printed += result.output
        self.stdout = result.stdout
        return result.output

    def read(self, *arguments: str, typed: str | None = None) -> Any:
        """What the command prints with --json."""
        self.run(*arguments, "--json", typed=typed)
        return json.loads(self.stdout)

    def open(self) -> "Counter":
        """One branch with one router, a package and an account that bought it."""
        self.run("store", "init")
        self.run("branch", "add", "Centre", "--timezone", "UTC")
        self.run("router", "add", "q1", "--address", "10.0.0.1", "--secret", "sixteen characters")
        self.run(
            "package", "add", "3h", "--time", "3h", "--data", "2G", "--up", "2M", "--down", "10M", "--price", "12000"
        )
        self.run("account", "add", "nora", "--password", "geheim", "--package", "3h")
        return self

    def log_in(self, name: str = "nora", device: str = PHONE, password: str = "geheim", number: int = 1) -> Answer:
        """What the server answers to a login at router q1."""
        answer: Answer = self._commit(
            lambda vault, cafe, router: AccessJob(
                at=self.at,
                came_at=self.at,
                line=self._line(name, device, number),
                credentials=Pap(password.encode()),
                router=router,
                cafe=cafe,
                source="10.0.0.1",
                vault=vault,
            )
        )
        return answer

    def report(self, event: AccountingReport, name: str = "nora", device: str = PHONE, number: int = 1) -> None:
        """The router reports the connection of a login."""
        self._commit(
            lambda _, cafe, router: AccountingJob(
                received_at=self.at,
                line=self._line(name, device, number),
                event=event,
                named=None,
                router=router,
                cafe=cafe,
            )
        )

    def come_online(self, name: str = "nora", device: str = PHONE, number: int = 1) -> None:
        """Log in, and have the router report the start."""
        self.log_in(name, device, number=number)
        line = self._line(name, device, number)
        event = AccountingStart(at=self.at, acct_session_id=line.acct_session_id, boot=line.boot)
        self.report(event, name, device, number)

    def pc_event(self, kind: str, user: str, seconds_ago: float = 0, branch: str = "Centre") -> PcOutcome:
        """The PC system of a branch reports an event."""
        outcome: PcOutcome = self._commit_knowing(
            lambda _, known: self._pc_event(known, branch, kind, user, seconds_ago)
        )
        return outcome

    def _pc_event(self, known: directory.Directory, branch: str, kind: str, user: str, ago: float) -> PcEventJob:
        branch_id = next(each.id for each in known.cafes.values() if each.name == branch)
        happened_at = Instant(self.at - int(ago * 1000))
        return PcEventJob(
            at=self.at,
            event=PcEvent(
                kind=kind, pc_user_id=user, happened_at=happened_at, digest=f"{branch}{kind}{user}{happened_at}"
            ),
            system=known.pc_systems[branch_id],
            source="203.0.113.7",
            router_ids={each.id for each in known.routers.values() if each.branch_id == branch_id},
            cafes=known.cafes,
        )

    def checks(self) -> Any:
        """What `branch pc-sync test` says of the branch, whether or not anything is wrong."""
        desk = Desk(now=lambda: self.at)
        words = ["--config", str(self.config), "branch", "pc-sync", "test", "Centre", "--json"]
        return json.loads(CliRunner().invoke(icafectl, words, obj=desk, prog_name="icafectl").stdout)

    def execute(self, statement: str) -> None:
        """Change the store behind everybody's back."""
        database = Database(self.database_url)
        with database.writing() as connection:
            connection.exec_driver_sql(statement)
        database.close()

    def refuse_pc_event(self, cause: str, branch_id: int | None, times: int = 1) -> None:
        """An event is turned away."""
        self._commit_knowing(
            lambda *_: KeepPcRefusalJob(
                at=self.at, branch_id=branch_id, source="198.51.100.9", cause=cause, times=times
            )
        )

    @staticmethod
    def _line(name: str, device: str, number: int) -> Line:
        return Line(
            user_name=name,
            device=device,
            nas="q1",
            acct_session_id=f"8010000{number}",
            framed_ip_address="10.5.50.2",
            boot="1",
        )

    def _commit(self, job: Any) -> Any:
        return self._commit_knowing(lambda vault, known: job(vault, *_first(known)))

    def _commit_knowing(self, job: Any) -> Any:
        database = Database(self.database_url)
        try:
            vault = Vault(read_key_file(self.folder / "key"))
            with database.reading() as connection:
                known = directory.load(connection, vault)
            (result,), _ = Committer(database).commit([job(vault, known)])
        finally:
            database.close()
        assert not isinstance(result, Failed), result
        return result


def _first(known: directory.Directory) -> tuple[Cafe, Router]:
    return next(iter(known.cafes.values())), next(iter(known.routers.values()))
