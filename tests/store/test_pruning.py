"""What nobody asks about any more is forgotten after ninety days, and nothing else ever is."""

from sqlalchemy import Connection, func, insert, select

from policy.quantities import DAY, Instant, later
from radiusd.jobs.pruning import PruneJob
from radiusd.store.columns import metadata
from radiusd.store.database import Database
from radiusd.store.game_schema import games, launcher_sessions, launchers, otts
from radiusd.store.pc_schema import pc_events, pc_refusals, portal_logins
from radiusd.store.schema import accounts, decisions
from radiusd.store.writer import Committer
from tests.server.given import NOON, Server

NINETY_DAYS = later(NOON, -90 * DAY)


def decide(database: Database, *instants: int) -> None:
    """Keep one decision of each of these instants."""
    with database.writing() as connection:
        rows = [
            {"id": number, "at": at, "verdict": "accepted", "reason": "granted", "facts": "[]"}
            for number, at in enumerate(instants, 1000)
        ]
        connection.execute(insert(decisions), rows)


def prune(database: Database, at: Instant = NOON) -> bool:
    """Whether there may be more."""
    (has_more,), _ = Committer(database).commit([PruneJob(at)])
    assert isinstance(has_more, bool)
    return has_more


def kept(database: Database) -> list[int]:
    with database.reading() as connection:
        return list(connection.execute(select(decisions.c.at).order_by(decisions.c.at)).scalars())


def rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in metadata.tables.items()
    }


def test_a_decision_is_kept_for_ninety_days_and_no_longer(database: Database) -> None:
    decide(database, NINETY_DAYS - 1, NINETY_DAYS, NOON)
    assert not prune(database)
    assert kept(database) == [NINETY_DAYS, NOON]


def test_a_thousand_are_forgotten_at_a_time_the_oldest_first(database: Database) -> None:
    decide(database, *range(1500))
    assert prune(database)
    assert kept(database) == list(range(1000, 1500))
    assert not prune(database)
    assert kept(database) == []


def test_nothing_else_is_ever_forgotten(server: Server) -> None:
    server.log_in(Acct_Session_Id="80100001")
    server.report("Start", Acct_Session_Id="80100001")
    server.log_in(mac="AA:BB:CC:00:00:09")
    with server.database.reading() as connection:
        before = rows(connection)
    prune(server.database, later(NOON, 400 * DAY))
    with server.database.reading() as connection:
        assert rows(connection) == {**before, "decisions": 0}
    assert before["decisions"] > 0
    assert before["commands"] > 0


def report(server: Server, *instants: int) -> None:
    """Keep an event of a PC system, a refusal and a portal login of each of these instants."""
    with server.database.writing() as connection:
        account_id = connection.execute(select(accounts.c.id)).scalars().first()
        for number, at in enumerate(instants):
            common = {"id": number, "branch_id": server.branch_id}
            event = {"digest": str(number), "kind": "USER_LOGIN", "pc_user_id": "nora_01", "source": "203.0.113.7"}
            seen = {"happened_at": at, "received_at": at, "effect": "at a PC", "sessions_terminated": 0}
            connection.execute(insert(pc_events), {**common, **event, **seen})
            refusal = {"at": at, "source": "203.0.113.7", "cause": "token_unknown", "times": 1}
            connection.execute(insert(pc_refusals), {**common, **refusal})
            login = {"token_hash": bytes([number]), "account_id": account_id, "pc_user_id": "nora_01", "pc_token": b""}
            connection.execute(insert(portal_logins), {**common, **login, "created_at": at, "expires_at": at})


def test_what_pc_systems_reported_and_who_used_the_portal_is_forgotten_as_well(server: Server) -> None:
    report(server, NINETY_DAYS - 1, NINETY_DAYS)
    assert not prune(server.database)
    with server.database.reading() as connection:
        found = rows(connection)
    assert [found[name] for name in ("pc_events", "pc_refusals", "portal_logins")] == [1, 1, 1]


def test_tokens_are_forgotten_and_what_was_played_with_them_is_not(server: Server) -> None:
    with server.database.writing() as connection:
        game = {"id": 1, "name": "Obby", "place_id": "1", "rate": 1, "period": 60, "created_at": 0}
        connection.execute(insert(games), game)
        launcher = {"id": 1, "name": "centre", "branch_id": server.branch_id, "secret": b"", "created_at": 0}
        connection.execute(insert(launchers), launcher)
        seen = {"external_ip": "x", "internal_ip": "x", "hardware": "{}", "started_at": 0, "seen_at": 0, "ended_at": 1}
        session = {"id": 1, "token_hash": b"", "launcher_id": 1, "branch_id": server.branch_id, "pc": "1", **seen}
        connection.execute(insert(launcher_sessions), session)
        tokens = [
            {"ott_hash": bytes([number]), "launcher_session_id": 1, "game_id": 1, "issued_at": at}
            for number, at in enumerate((NINETY_DAYS - 1, NINETY_DAYS))
        ]
        connection.execute(insert(otts), tokens)
    prune(server.database)
    with server.database.reading() as connection:
        found = rows(connection)
    assert (found["otts"], found["launcher_sessions"]) == (1, 1)
