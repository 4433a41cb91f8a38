"""Every address of the web root: who may call it, with what, and what serves it."""

from radiusd.web.pc_sync.events import PcSyncEvents, PcSyncReply
from radiusd.web.pc_sync.shapes import PcSyncEvent
from radiusd.web.portal.login import PcLoginReply, PcLoginRequest, PcLogins
from radiusd.web.portal.wallet import BalanceReply, Wallet
from radiusd.web.rates import LOGINS, PC_EVENTS, READS
from radiusd.web.routes import Route, Who
from radiusd.web.streams import EventStream

LARGEST_EVENT = 8192


def pc_sync_routes(events: PcSyncEvents) -> tuple[Route, ...]:
    """What PC systems post to; the second address is that of the older form `webhook`."""
    return tuple(
        Route(
            method="POST",
            path=path,
            who=Who.PC_SYSTEM,
            rate=PC_EVENTS,
            takes=PcSyncEvent,
            gives=PcSyncReply,
            serve=events.take,
            reads_raw=True,
            largest_body=LARGEST_EVENT,
            summary=summary,
            errors=("UNAUTHORIZED", "BAD_REQUEST", "TRY_AGAIN"),
        )
        for path, summary in (
            ("/api/pc-sync/event", "Report that a PC user logged in or out, or that a balance changed"),
            ("/api/webhooks/pc-logout", "Report a logout in the older form `webhook`, where a branch switched it on"),
        )
    )


def portal_routes(logins: PcLogins, wallet: Wallet) -> tuple[Route, ...]:
    """What a guest's phone asks for."""
    away = ("PC_API_TIMEOUT", "PC_API_ERROR", "PC_API_ANSWER", "PC_API_UNAVAILABLE", "TRY_AGAIN")
    return (
        Route(
            method="POST",
            path="/api/auth/pc-login",
            who=Who.ANYONE,
            rate=LOGINS,
            takes=PcLoginRequest,
            gives=PcLoginReply,
            serve=logins.log_in,
            summary="Log in with the name and password of the gaming PC",
            errors=("INVALID_CREDENTIALS", "ACCOUNT_SUSPENDED", "ACCOUNT_LOCKED", "LOCATION_NOT_FOUND", *away),
        ),
        Route(
            method="GET",
            path="/api/wallet/pc-balance",
            who=Who.GUEST,
            rate=READS,
            gives=BalanceReply,
            serve=wallet.balance,
            summary="The balance of the PC account at this moment",
            errors=("INVALID_SESSION", "LOCATION_NOT_FOUND", *away),
        ),
        Route(
            method="GET",
            path="/api/wallet/pc-balance/changes",
            who=Who.GUEST,
            rate=READS,
            gives=EventStream,
            serve=wallet.changes,
            summary="A stream of events (text/event-stream): `balance` whenever the balance should be asked for again",
        ),
    )
