"""The API client in threads against a virtual router, over real sockets: log in, list, remove, and the Stop arrives."""

import asyncio
import datetime
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from random import Random
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL
from pyrad.packet import AcctPacket
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.threads import deferToThreadPool
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from radiusd.bench.processes import free_ports
from radiusd.coa.routeros import ApiAccess, ApiUnavailable, Guest, Removal, RouterOsApi
from radiusd.virtual_router import guests
from radiusd.virtual_router.api import ApiAccount
from radiusd.virtual_router.guests import Server
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.router import VirtualRouter
from tests.end_to_end.nas import DICTIONARY

SECRET, PASSWORD = b"a secret of sixteen", "the router's own"
NORA = guests.Guest(name="nora", password="secret", mac="AA:BB:CC:00:00:01", address="10.5.50.2")
MEANT = Guest("nora", "AA:BB:CC:00:00:01", "10.5.50.2", "80100001")


class Site:
    """A reactor of its own, a router with an API on it, a client in threads, and an ear for accounting."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.reactor: Any = AsyncioSelectorReactor(self.loop)
        self.pool = ThreadPool(0, 2, "api")
        self.api = RouterOsApi(partial(deferToThreadPool, self.reactor, self.pool), self.reactor.seconds, limit=1.0)
        self.ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ear.bind(("127.0.0.1", 0))
        self.ear.settimeout(2.0)
        coa_port, api_port = free_ports(2)
        server = Server(coa_port=coa_port, acct_port=self.ear.getsockname()[1], secret=SECRET, timeout=0.5)
        account = ApiAccount(password=PASSWORD, port=api_port)
        self.router = VirtualRouter(self.reactor, server, Random(7), time.time, api=account)
        self.access = ApiAccess(1, "127.0.0.1", account.port, account.user, PASSWORD)

    def run(self, what: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """What it comes to."""
        results: list[Any] = []

        def begin() -> None:
            self.pool.start()
            self.router.start()
            done = Deferred.fromCoroutine(what())
            done.addBoth(results.append)
            done.addBoth(lambda _: self.end())

        self.reactor.callWhenRunning(begin)
        self.reactor.run(installSignalHandlers=False)
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def end(self) -> None:
        self.api.close()
        self.router.stop_listening()
        self.pool.stop()
        self.reactor.callLater(0, self.reactor.stop)

    def causes(self, count: int) -> list[str | None]:
        """The Acct-Terminate-Cause of so many reports."""
        reports = (AcctPacket(dict=DICTIONARY, secret=SECRET, packet=self.ear.recv(4096)) for _ in range(count))
        return [report.get("Acct-Terminate-Cause", [None])[0] for report in reports]

    def close(self) -> None:
        self.ear.close()
        self.loop.close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


def test_a_guest_is_taken_off_and_the_stop_arrives(site: Site) -> None:
    async def evening() -> tuple[bool, Removal, bool]:
        site.router.admit(NORA)
        return (
            await site.api.is_online(site.access, MEANT),
            await site.api.remove(site.access, MEANT),
            await site.api.is_online(site.access, MEANT),
        )

    assert site.run(evening) == (True, Removal(found=1, cookies=0, flows=0, is_gone=True), False)
    assert site.causes(2) == [None, "Admin-Reset"]
    assert site.router.api is not None
    assert site.router.api.logins == 1


def test_a_hung_router_is_given_up_in_time(site: Site) -> None:
    async def evening() -> float:
        site.router.habits = Habits(api_hang=True)
        began = time.monotonic()
        with pytest.raises(ApiUnavailable, match="no answer in time"):
            await site.api.remove(site.access, MEANT)
        with pytest.raises(ApiUnavailable, match="asked again in"):
            await site.api.remove(site.access, MEANT)
        return time.monotonic() - began

    assert 0.9 < site.run(evening) < 1.5


@pytest.mark.parametrize("has_certificate", [True, False], ids=["a certificate of its own", "anonymous Diffie-Hellman"])
def test_tls_as_routers_have_it(site: Site, has_certificate: bool) -> None:
    async def evening() -> Removal:
        context = Certified() if has_certificate else Anonymous()
        port = site.reactor.listenTCP(0, TLSMemoryBIOFactory(context, False, site.router.api, site.reactor))
        site.router.admit(NORA)
        access = ApiAccess(2, "127.0.0.1", port.getHost().port, "api", PASSWORD, is_tls=True)
        removal = await site.api.remove(access, MEANT)
        port.stopListening()
        return removal

    assert site.run(evening).found == 1


@implementer(IOpenSSLContextFactory)
class Anonymous:
    """Makes the contexts of a router without a certificate."""

    def getContext(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(b"ADH:@SECLEVEL=0")
        return context


@implementer(IOpenSSLContextFactory)
class Certified:
    """Makes the contexts of a router that signed for itself."""

    def getContext(self) -> SSL.Context:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "router")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_privatekey(key)
        context.use_certificate(builder.sign(key, SHA256()))
        return context
