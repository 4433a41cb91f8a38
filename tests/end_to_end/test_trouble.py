"""What keeps a server from starting is told in one clear sentence, with a status that says whether to try again; and
what an administrator does is acted upon at once."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.end_to_end.cafe import SECRET, Cafe, eventually
from tests.end_to_end.nas import Nas

PHONE = "AA:BB:CC:00:00:01"


@pytest.fixture
def closed(tmp_path: Path, database_url: str) -> Cafe:
    """A café that is not open yet."""
    return Cafe(tmp_path, database_url)


def why_not(cafe: Cafe, status: int = 2) -> str:
    """What radiusd says when it does not start."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "radiusd", "--config", str(cafe.config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def edit(cafe: Cafe, old: str, new: str) -> None:
    content = cafe.config.read_text()
    assert old in content
    cafe.config.write_text(content.replace(old, new))


def test_every_mistake_in_the_configuration_is_told_at_once_with_its_line(closed: Cafe) -> None:
    edit(closed, "auth = ", "auht = ")
    edit(closed, 'coa_source = "127.0.0.1"', 'coa_source = "nowhere"')
    told = why_not(closed).splitlines()
    assert "radiusd.toml:2: server.auht: unknown key, did you mean auth?" in told[0]
    assert "radiusd.toml:5: server.coa_source: expected an IP address, found 'nowhere'" in told[1]


def test_a_port_in_use_is_named(closed: Cafe) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", closed.acct))
        told = why_not(closed)
    assert f"cannot listen at 127.0.0.1:{closed.acct}" in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_an_address_that_may_come_is_waited_for(closed: Cafe, workers: int) -> None:
    """As that of a tunnel, which comes after the server when a machine starts."""
    edit(closed, "[server]\n", f"[server]\nworkers = {workers}\n")
    edit(closed, f'auth = "127.0.0.1:{closed.auth}"', f'auth = "192.0.2.7:{closed.auth}"')
    told = why_not(closed, status=1)
    assert f"cannot listen at 192.0.2.7:{closed.auth}" in told
    assert "does not have that address, or not yet" in told


@pytest.mark.parametrize("workers", [1, 2])
def test_a_database_that_may_come_is_waited_for(closed: Cafe, workers: int) -> None:
    edit(closed, "[server]\n", f"[server]\nworkers = {workers}\n")
    edit(closed, "url = ", 'url = "postgresql://icafe@127.0.0.1:9/icafe" #')
    assert "cannot use the database postgresql" in why_not(closed, status=1)


def test_what_is_said_while_it_starts_is_in_the_log(closed: Cafe) -> None:
    """Such as that nothing can be kept while the store is away, which somebody must hear of before it is."""
    (closed.folder / "spool").write_text("no folder")
    edit(closed, "key_file = ", 'spool = "spool"\nkey_file = ')
    with closed:
        assert "cannot be written" in closed.log.read_text()


def test_a_missing_dictionary_is_named(closed: Cafe) -> None:
    edit(closed, "[server]\n", '[server]\ndictionary = "gone"\n')
    assert "cannot read the dictionary" in why_not(closed)


def test_a_key_file_that_others_can_read_is_refused(closed: Cafe) -> None:
    (closed.folder / "key").chmod(0o644)
    assert "can be read by others: run chmod 600" in why_not(closed)


def test_a_store_that_is_not_there_is_not_made(closed: Cafe) -> None:
    edit(closed, "url = ", 'url = "sqlite:///gone.sqlite3" #')
    assert "`icafectl store init` makes one" in why_not(closed)
    assert not (closed.folder / "gone.sqlite3").exists()


def test_a_database_of_a_newer_version_is_refused(closed: Cafe, database_url: str) -> None:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert "was made by a newer version" in why_not(closed)
    assert "was made by a newer version" in closed.icafectl("branch", "list", status=2)


def test_twist_runs_the_server_too(closed: Cafe) -> None:
    with (closed.folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "twisted", "--reactor=asyncio", "radiusd", "--config", str(closed.config)]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=os.fspath(Path(__file__).parents[2]))
    try:
        with Nas(closed.auth, closed.acct, closed.coa) as nas:
            assert eventually(lambda: nas.log_in("nobody", "x", PHONE)).code == 3
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in (0, -signal.SIGTERM)


def test_a_router_that_is_added_is_known_without_a_restart(cafe: Cafe) -> None:
    with Nas(cafe.auth, cafe.acct, cafe.coa, secret="another secret of 16") as stranger:
        assert stranger.log_in("nora", "secret", PHONE) is None
        cafe.icafectl(
            "router", "add", "r2", "--branch", "q1", "--address", "127.0.0.1", "--secret", "-",
            typed="another secret of 16",
        )  # fmt: skip
        assert eventually(lambda: stranger.log_in("nora", "secret", PHONE), within=2).code == 3


def test_an_account_that_is_blocked_is_cut_and_refused(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    accept = nas.log_in("nora", "secret", PHONE, Acct_Session_Id="80100001")
    assert accept is not None
    cafe.icafectl("account", "block", "nora")
    assert nas.wait_for_disconnect(2) is not None
    refused = nas.log_in("nora", "secret", PHONE)
    assert refused is not None
    assert "blocked" in refused["Reply-Message"][0]


def test_a_tied_device_logs_in_by_its_mac_alone(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    cafe.icafectl("device", "tie", "aabbcc-000001", "--account", "nora")
    assert nas.log_in("AA-BB-CC-00-00-01", "", PHONE).code == 2  # type: ignore[union-attr]
    assert nas.log_in("AA-BB-CC-00-00-02", "", "AA:BB:CC:00:00:02").code == 3  # type: ignore[union-attr]


def test_a_voucher_logs_in_by_its_code(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    code = cafe.read("voucher", "create", "--package", "1h", "--count", "1")
    name = code[0]["code"] if isinstance(code[0], dict) else code[0]
    assert nas.log_in(name.lower(), "", PHONE).code == 2  # type: ignore[union-attr]
    assert nas.log_in(name, name, PHONE).code == 2  # type: ignore[union-attr]
    assert nas.log_in(name, "wrong", PHONE).code == 3  # type: ignore[union-attr]


def test_credentials_of_a_pass_log_in_without_the_accounts_own(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    made = cafe.read("pass", "sell", "--account", "nora", "--package", "1h")
    assert nas.log_in(made["login"], made["password"], PHONE).code == 2  # type: ignore[union-attr]


def test_a_hashing_branch_takes_pap_and_tells_why_not_chap(tmp_path: Path, database_url: str) -> None:
    with Cafe(tmp_path, database_url, "--password-store", "hash") as cafe:
        cafe.icafectl("package", "add", "1h", "--time", "1h")
        cafe.sell("nora", "1h", password="pässword")
        with Nas(cafe.auth, cafe.acct, cafe.coa) as nas:
            by_chap = nas.log_in("nora", "pässword", PHONE)
            by_pap = nas.log_in_by_pap("nora", "pässword", PHONE)
            wrong = nas.log_in_by_pap("nora", "wrong", PHONE)
        assert by_chap is not None
        assert by_pap is not None
        assert wrong is not None
        assert (by_chap.code, by_pap.code, wrong.code) == (3, 2, 3)
        assert by_chap["Reply-Message"] == wrong["Reply-Message"]
        assert "CHAP" in cafe.icafectl("why", "nora")


def test_no_secret_is_in_the_log_or_the_configuration(cafe: Cafe, nas: Nas) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h", password="correct horse")
    nas.log_in("nora", "correct horse", PHONE)
    nas.log_in("nora", "wrong battery", PHONE)
    cafe.stop()
    written = cafe.log.read_text() + cafe.config.read_text()
    printed = cafe.icafectl("router", "list", "--json") + cafe.icafectl("account", "show", "nora", "--json")
    for secret in (SECRET, "correct horse", "wrong battery"):
        assert secret not in written + printed
