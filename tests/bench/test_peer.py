"""What a comparison comes to, and how FreeRADIUS is told what to do."""

from pathlib import Path

import pytest

from radiusd.bench import freeradius_settings
from radiusd.bench.chain import Chain
from radiusd.bench.figures import Ratio
from radiusd.bench.freeradius_settings import Wanted
from radiusd.bench.load import AT_PEERS_RATE, Compared, Line, Plan, Results, name_of
from radiusd.bench.peer import headline, table_of_aims
from tests.bench.given import figures


def plan(*workers: int) -> Plan:
    """With so many workers in turn."""
    return Plan(scenarios=("acct",), rounds=1, requests=600, users=1000, in_flight=64, workers=workers, with_peer=True)


def compared(store: str, workers: int, scenario: str, times: float, peer: str | None = None) -> Compared:
    """Ours to FreeRADIUS on the same store, unless another is said."""
    return Compared(
        store=store,
        server=name_of(workers),
        peer=f"FreeRADIUS {peer or store}",
        scenario=scenario,
        ratio=Ratio(times, 0.5),
    )


def results() -> Results:
    """Of one and two workers."""
    return Results(
        {Line("postgresql", name_of(1), "acct"): [figures(lost=1), figures(wrong=2)]},
        [
            compared("postgresql", 1, "acct", 3.0),
            compared("postgresql", 2, "acct", 5.0),
            compared("postgresql", 2, "auth-pap", 6.0),
            compared("postgresql", 2, "auth-pap", 1.5, "memory"),
            compared("postgresql", 2, "auth-pap" + AT_PEERS_RATE, 1.0),
            compared("sqlite", 1, "acct", 7.0),
            compared("sqlite", 2, "acct", 9.0),
        ],
    )


def test_the_headline_is_of_the_most_workers() -> None:
    told = headline(results(), plan(1, 2))
    assert (told["acct_ratio_pg"], told["acct_ratio_sqlite"], told["workers"]) == (5.0, 9.0, 2)
    assert (told["auth_ratio_pg"], told["auth_ratio_memory"]) == (6.0, 1.5)


def test_what_was_not_measured_has_no_ratio() -> None:
    told = headline(results(), plan(1, 2))
    assert (told["first_login_ratio_pg"], told["mixed_ratio_pg"]) == (None, None)
    assert "first logins" not in table_of_aims(results(), plan(1, 2))


def test_whatever_anybody_lost_or_got_wrong_is_counted() -> None:
    assert headline(results(), plan(1, 2))["lost"] == 3


def test_the_p99_at_the_peer_s_rate_is_beside_them() -> None:
    told = headline(results(), plan(1, 2))["p99_at_peers_rate"]
    assert told == {"postgresql icafe-radiusd, 2 workers auth-pap": 0.5}


def test_the_table_has_each_ratio_beside_its_aim() -> None:
    assert "| postgresql | accounting" in table_of_aims(results(), plan(1, 2))
    assert "|  5.00 |   4 |" in table_of_aims(results(), plan(1, 2))


# How FreeRADIUS is set up


def wanted(folder: Path, configuration: str, url: str = "") -> Wanted:
    """A configuration of a few guests."""
    return Wanted(
        configuration=configuration,
        folder=folder,
        stock=Path("/stock"),
        libraries=Path("/libraries"),
        auth_port=11812,
        acct_port=11813,
        store_url=url,
        chain=Chain.of(40),
    )


def written(folder: Path, configuration: str, url: str = "") -> str:
    """The main file."""
    freeradius_settings.write(wanted(folder, configuration, url))
    return (folder / "radiusd.conf").read_text()


def test_every_router_is_known_to_it_and_must_sign(tmp_path: Path) -> None:
    text = written(tmp_path, "memory")
    assert text.count("require_message_authenticator = yes") == 1 + Chain.of(40).routers
    assert "ipaddr = 127.0.1.1\n" in text


def test_guests_in_memory_are_in_a_file_and_their_accounting_is_not_stored(tmp_path: Path) -> None:
    assert "        ok\n" in written(tmp_path, "memory")
    users = (tmp_path / "users").read_text()
    assert users.count("Cleartext-Password") == 40
    assert 'user000039 Cleartext-Password := "pass000039"' in users


@pytest.mark.parametrize(
    ("configuration", "url", "where"),
    [
        ("sqlite", "sqlite:////tmp/guests.sqlite3", 'filename = "/tmp/guests.sqlite3"'),
        ("postgresql", "postgresql://icafe@/guests?host=/tmp/here", '"host=/tmp/here user=icafe dbname=guests"'),
        ("postgresql", "postgresql://u:p@db:5433/guests", '"host=db port=5433 user=u password=p dbname=guests"'),
    ],
)
def test_guests_in_a_database_are_asked_for_there(tmp_path: Path, configuration: str, url: str, where: str) -> None:
    text = written(tmp_path, configuration, url)
    assert where in text
    assert f"$INCLUDE /stock/mods-config/sql/main/{configuration}/queries.conf" in text
    assert not (tmp_path / "users").exists()


def test_nobody_else_can_read_what_is_written(tmp_path: Path) -> None:
    written(tmp_path, "memory")
    assert {oct(each.stat().st_mode & 0o077) for each in tmp_path.iterdir()} == {"0o0"}
