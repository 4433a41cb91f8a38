"""A cut that names an address must know of every later connection there, whichever server let it in."""

from radiusd.jobs.cuts import FindSuccessorJob, Successor
from radiusd.store.writer import Committer
from tests.cutting.given import CuttingServer


def test_a_later_connection_is_found_whatever_its_number(server: CuttingServer) -> None:
    first, second = server.committer, Committer(server.database)
    with server.database.writing() as connection:
        server.add_account(connection, "hanh", "secret")
    server.come_online("hanh", "AA:BB:CC:00:00:09", number=7)
    server.committer = second
    server.come_online(number=1)
    server.cut(1)
    older = server.cutter._tries[server.wish().id].command.connection
    server.committer = first
    server.pass_time(1)
    with server.database.writing() as connection:
        connection.exec_driver_sql("UPDATE passes SET held = NULL")
    server.log_in(Acct_Session_Id="80100002", Framed_IP_Address="10.5.0.2")
    (found,), _ = first.commit([FindSuccessorJob(older)])
    assert found is Successor.ACCEPTED


def test_who_may_be_in_again_from_memory_is_not_hit_by_an_order_that_names_an_address(server: CuttingServer) -> None:
    server.come_online(number=1)
    server.cut(1)
    older = server.cutter._tries[server.wish().id].command.connection
    with server.database.writing() as connection:
        connection.exec_driver_sql("UPDATE passes SET held = NULL")
    server.log_in(Acct_Session_Id="80100002", Framed_IP_Address="10.5.0.2")
    with server.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM connections WHERE acct_session_id = '80100002'")
    (found,), _ = server.committer.commit([FindSuccessorJob(older)])
    assert found is Successor.ACCEPTED
