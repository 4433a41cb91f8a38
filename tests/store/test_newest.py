"""A router's ids are used again, and servers number connections from blocks of their own."""

from radiusd.store import loading
from radiusd.store.database import Database
from radiusd.store.rows import connection_key
from radiusd.store.writer import Committer
from tests.cutting.given import CuttingServer


def test_the_newest_under_an_id_is_the_one_that_began_last_whatever_its_number(database: Database) -> None:
    server = CuttingServer(database)
    first, second = server.committer, Committer(database)
    with database.writing() as connection:
        server.add_account(connection, "hanh", "secret")
    server.come_online("hanh", "AA:BB:CC:00:00:09", number=7)
    server.committer = second
    server.come_online(number=1)
    server.stop(number=1)
    server.committer = first
    server.pass_time(60)
    server.come_online(number=1)
    with database.reading() as connection:
        (found,) = loading.find_connections(connection, (), [connection_key(1, "r1", "80100001")])
        rows = connection.exec_driver_sql("SELECT id FROM connections ORDER BY opened_at DESC").scalars().all()
    assert found.id == rows[0] < rows[-1]
