"""Several servers infer the same router's reboots from what each has seen of it."""

from typing import Any

import pytest
from sqlalchemy import select

from radiusd.jobs.routers import RebootJob
from radiusd.store.schema import connections, nases
from tests.server.given import Server


@pytest.fixture
def online(server: Server) -> Server:
    """Nora is online since boot 1, as this server has seen and kept."""
    reply = server.log_in(Acct_Session_Id="80100005", NAS_Port=0x80100005)
    assert server.report("Start", Acct_Session_Id="80100005", Class=reply["Class"][0])
    server.pass_time(60)
    return server


def another_infers(server: Server, boot: str) -> None:
    """A server that never saw this router before sees `boot`."""
    (router,) = server.known.directory.routers.values()
    with server.database.reading() as connection:
        nas = connection.execute(select(nases.c.name)).scalar_one()
    job = RebootJob(
        at=server.at,
        router=router,
        cafe=server.known.cafe(router),
        nas=nas,
        how="seen by another",
        boot=boot,
        is_first_boot_seen=True,
    )
    results: list[Any] = []
    server.submit(job, results.append)
    assert results == [None]


def state(server: Server) -> str:
    with server.database.reading() as connection:
        return str(connection.execute(select(connections.c.state)).scalar_one())


def test_another_boot_than_the_one_that_is_kept_is_a_reboot_even_if_it_is_the_first_that_a_server_sees(
    online: Server,
) -> None:
    another_infers(online, "2")
    assert state(online) == "CLOSED"
    with online.database.reading() as connection:
        assert connection.execute(select(nases.c.boot)).scalar_one() == "2"


def test_the_boot_that_is_kept_proves_nothing(online: Server) -> None:
    another_infers(online, "1")
    assert state(online) == "OPEN"


def test_the_first_boot_that_anybody_sees_proves_nothing(online: Server) -> None:
    with online.database.writing() as connection:
        connection.execute(nases.update().values(boot=None))
    another_infers(online, "2")
    assert state(online) == "OPEN"
