"""How a connection's router is reached: where its Dynamic Authorization Server listens, and how it names a session."""

from itertools import count

from policy.connection import Connection
from radiusd.coa.ladder import Naming
from radiusd.coa.orders import Order, Target
from radiusd.coa.routeros import ApiAccess, Guest
from radiusd.store.directory import Router
from radiusd.wire.codes import Code

OTHER_PORT = {3799: 1700, 1700: 3799}
"""RFC 5176's port, and the one that RouterOS's manual gives as its default."""

_API_PORT, _API_TLS_PORT = 8728, 8729
_keys = count(1)


def order(
    router: Router,
    line: Connection,
    code: Code,
    naming: Naming,
    *,
    port: int | None = None,
    attributes: tuple[tuple[str, str | int], ...] = (),
) -> Order:
    """The wish as it is asked of the router, at the address its packets come from unless told otherwise."""
    return Order(
        key=next(_keys),
        target=Target(router.id, router.coa_address or line.nas_address, port or router.coa_port, router.secret),
        code=code,
        user_name=line.user_name,
        acct_session_id=None if naming is Naming.ADDRESS else line.acct_session_id,
        framed_ip_address=None if naming is Naming.SESSION else line.framed_ip_address,
        attributes=attributes,
    )


def naming_of(router: Router, line: Connection) -> Naming:
    """How this router is told which session: RouterOS wants the address too, others may refuse it."""
    if router.is_mikrotik and not router.coa_plain and line.framed_ip_address and line.acct_session_id:
        return Naming.SESSION_AND_ADDRESS
    if line.acct_session_id or not line.framed_ip_address:
        return Naming.SESSION
    return Naming.ADDRESS


def api_access(router: Router, line: Connection) -> ApiAccess:
    """Where the router's API is: at the address its packets come from, unless told otherwise."""
    return ApiAccess(
        router_id=router.id,
        address=router.api_address or line.nas_address,
        port=router.api_port or (_API_TLS_PORT if router.api_tls else _API_PORT),
        user=router.api_user or "",
        password=router.api_password,
        is_tls=router.api_tls,
    )


def guest(line: Connection, wished_ago: float) -> Guest:
    """Whom the API is asked about; who logged in within the last `wished_ago` seconds is not meant."""
    return Guest(line.user_name, line.device, line.framed_ip_address, line.acct_session_id, wished_ago)
