"""verify, heartbeat and end: what game servers ask for."""

from collections import defaultdict
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Protocol

from attrs import frozen
from sqlalchemy.exc import IntegrityError
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from policy.game import HEARTBEAT_EVERY, Beat, BeatRenewed, BeatUnpaid, GamePhase, OttRefusal
from policy.quantities import Seconds
from radiusd.charging.port import CafeAuth, ChargeUnavailable
from radiusd.jobs.playing import EndJob, HeartbeatJob, Stand, Standing
from radiusd.jobs.verifying import BeginJob, Claim, ClaimJob, GiveUpJob, ReplaceJob
from radiusd.store.absence import StoreIsAway
from radiusd.store.game_directory import Game
from radiusd.store.writer import Failed, Job
from radiusd.web.errors import WebError
from radiusd.web.fair import Submit
from radiusd.web.games.forms import (
    EndReply,
    EndRequest,
    HeartbeatReply,
    HeartbeatRequest,
    NotVerified,
    Verified,
    VerifyRequest,
)
from radiusd.web.games.keys import Keys
from radiusd.web.reading import read_json
from radiusd.web.routes import Call

_log = Logger()

STOP_WITHIN = 2.0
"""Seconds that an answer waits for a charge to be stopped; if it takes longer it goes on without it."""


class Stopping(Protocol):
    """Stops charges that are ordered to be."""

    def stop_now(self, game_session_id: str, within: float) -> "Deferred[bool]": ...


class Seats(Protocol):
    """Knows which networks a café has."""

    def is_at_home(self, branch_id: int, address: str) -> bool: ...


@frozen(kw_only=True)
class PlayingParts:
    """What serving games takes. `ends_after`: milliseconds that a charge may go unrenewed because nobody answers."""

    keys: Keys
    cafe: CafeAuth
    stopping: Stopping
    seats: Seats
    submit: Submit
    new_session_id: Callable[[], str]
    ends_after: int | None = None


class Playing:
    """Answers game servers."""

    def __init__(self, parts: PlayingParts) -> None:
        self._parts = parts
        self._pcs: defaultdict[str, DeferredLock] = defaultdict(DeferredLock)

    # verify

    async def verify(self, call: Call) -> Verified | NotVerified:
        """A token for a game session, once. Raises WebError."""
        parts = self._parts
        game = parts.keys.game(call)
        parts.keys.spend(game, call.at)
        asked = read_json(call, VerifyRequest)
        ott_hash = hash_ott(asked.ott)
        session_id = parts.new_session_id()
        claimed = await self._done(ClaimJob(at=call.at, ott_hash=ott_hash, game_id=game.id, session_id=session_id))
        if isinstance(claimed, OttRefusal):
            return NotVerified(is_valid=False, reason=claimed.value)
        return await self._begin(game, claimed, ott_hash, asked, call)

    async def _begin(
        self, game: Game, claim: Claim, ott_hash: bytes, asked: VerifyRequest, call: Call
    ) -> Verified | NotVerified:
        """One PC at a time, so that the old charge is stopped before the new one starts."""
        token = claim.token
        if not self._parts.seats.is_at_home(token.branch_id, token.external_ip):
            _log.warn("a game was refused: {address} is no address of its café any more", address=token.external_ip)
            return await self._give_up(claim, ott_hash, OttRefusal.EXPIRED, call)
        lock = self._pcs[token.pc]
        await lock.acquire()
        try:
            return await self._charge(game, claim, ott_hash, asked, call)
        finally:
            lock.release()
            if not lock.locked and not lock.waiting:
                self._pcs.pop(token.pc, None)

    async def _charge(
        self, game: Game, claim: Claim, ott_hash: bytes, asked: VerifyRequest, call: Call
    ) -> Verified | NotVerified:
        cafe, token = self._parts.cafe, claim.token
        may_have_started = False
        try:
            if not await cafe.check(token.branch_id, game.id):
                return await self._give_up(claim, ott_hash, OttRefusal.NOT_CHARGEABLE, call)
            await self._replace(token.pc, call)
            may_have_started = True
            if not await cafe.start(claim.session_id, token.branch_id, game.id):
                return await self._give_up(claim, ott_hash, OttRefusal.NOT_CHARGEABLE, call)
        except ChargeUnavailable as error:
            await self._done(GiveUpJob(at=call.at, ott_hash=ott_hash, claim=claim, why=None, stops=may_have_started))
            _log.error("a game could not be charged: {error}", error=error)
            raise WebError("INTERNAL_ERROR", "The café's charging does not answer. Try again.") from error
        begun = await self._done(
            BeginJob(at=call.at, ott_hash=ott_hash, claim=claim, provider_user_id=asked.provider_user_id)
        )
        if isinstance(begun, OttRefusal):
            return NotVerified(is_valid=False, reason=begun.value)
        if not begun:
            raise WebError("INTERNAL_ERROR", "It took too long. Start the game anew.")
        self._parts.keys.lives(claim.session_id, call.at)
        return Verified(is_valid=True, game_session_id=claim.session_id, is_pc_cafe=True)

    async def _replace(self, pc: str, call: Call) -> None:
        old = await self._done(ReplaceJob(at=call.at, pc=pc))
        if old is not None:
            await self._parts.stopping.stop_now(old, STOP_WITHIN)

    async def _give_up(self, claim: Claim, ott_hash: bytes, why: OttRefusal, call: Call) -> NotVerified:
        await self._done(GiveUpJob(at=call.at, ott_hash=ott_hash, claim=claim, why=why, stops=False))
        return NotVerified(is_valid=False, reason=why.value)

    # heartbeat

    async def heartbeat(self, call: Call) -> HeartbeatReply:
        """The session lives, if it does. Raises WebError."""
        keys = self._parts.keys
        game = keys.game(call)
        asked = self._read_heartbeat(game, call)
        look = HeartbeatJob(
            at=call.at,
            session_id=asked.game_session_id,
            game_id=game.id,
            provider_user_id=asked.provider_user_id,
        )
        stand: Stand = await self._done(look)
        if stand.standing is Standing.LIVE:
            event = await self._renewed(asked.game_session_id, stand, call)
            stand = await self._done(
                HeartbeatJob(
                    at=call.at,
                    session_id=asked.game_session_id,
                    game_id=game.id,
                    provider_user_id=asked.provider_user_id,
                    event=event,
                )
            )
        return await self._told(stand, asked.game_session_id, call)

    def _read_heartbeat(self, game: Game, call: Call) -> HeartbeatRequest:
        try:
            asked = read_json(call, HeartbeatRequest)
        except WebError:
            self._parts.keys.spend(game, call.at)
            raise
        if not self._parts.keys.is_due(asked.game_session_id, call.at):
            self._parts.keys.spend(game, call.at)
        return asked

    async def _renewed(self, session_id: str, stand: Stand, call: Call) -> Beat:
        """What the café's side says; that it does not answer is no exhaustion, unless it lasts."""
        try:
            is_paid = await self._parts.cafe.renew(session_id, stand.payable)
        except ChargeUnavailable as error:
            _log.warn("the charge of {session} could not be renewed: {error}", session=session_id, error=error)
            since, limit = stand.unrenewed_since, self._parts.ends_after
            is_over = limit is not None and since is not None and call.at - since > limit
            return BeatUnpaid(call.at) if is_over else Beat(call.at)
        return BeatRenewed(call.at) if is_paid else BeatUnpaid(call.at)

    async def _told(self, stand: Stand, session_id: str, call: Call) -> HeartbeatReply:
        if stand.ended_now:
            await self._parts.stopping.stop_now(session_id, STOP_WITHIN)
        if stand.standing is Standing.LIVE:
            self._parts.keys.lives(session_id, call.at)
        else:
            self._parts.keys.forget(session_id)
        match stand.standing:
            case Standing.NOT_FOUND:
                raise WebError("SESSION_NOT_FOUND", "There is no such game session.")
            case Standing.ENDING:
                raise WebError("SESSION_ENDING", "The game session is ending.")
            case Standing.ENDED:
                raise WebError("SESSION_ENDED", "The game session is over.")
            case Standing.LIVE | Standing.REPLACED:
                pass
        return HeartbeatReply(result=_result(stand), next_heartbeat_in=HEARTBEAT_EVERY, play_duration_sec=stand.played)

    # end

    async def end(self, call: Call) -> EndReply:
        """The player left. Raises WebError."""
        keys = self._parts.keys
        game = keys.game(call)
        asked = read_json(call, EndRequest)
        if not keys.is_known(asked.game_session_id):
            keys.spend(game, call.at)
        stand: Stand = await self._done(
            EndJob(
                at=call.at,
                session_id=asked.game_session_id,
                game_id=game.id,
                client_seconds=asked.client_seconds,
            )
        )
        if stand.ended_now:
            await self._parts.stopping.stop_now(asked.game_session_id, STOP_WITHIN)
        keys.forget(asked.game_session_id)
        if stand.standing is Standing.NOT_FOUND:
            raise WebError("SESSION_NOT_FOUND", "There is no such game session.")
        if stand.standing is not Standing.LIVE:
            raise WebError("ALREADY_ENDED", "The game session has ended already.")
        return EndReply(
            result="SUCCESS",
            play_duration_sec=Seconds(stand.played),
            client_play_duration_sec=asked.client_seconds,
        )

    async def _done(self, job: Job) -> Any:
        return await committed(self._parts.submit, job)


def _result(stand: Stand) -> str:
    if stand.standing is Standing.REPLACED:
        return "SESSION_REPLACED"
    return "CHARGE_EXHAUSTED" if stand.phase is GamePhase.GRACE else "OK"


async def committed(submit: Submit, job: Job) -> Any:
    """The result of a job. Raises WebError if it could not be stored."""
    result = await _once(submit, job)
    if isinstance(result, Failed) and isinstance(result.error, IntegrityError):
        # Another server did the like at this very moment, on the same PC or with the same nonce: now that can be seen.
        result = await _once(submit, job)
    if isinstance(result, Failed) and isinstance(result.error, StoreIsAway):
        raise result.error
    if isinstance(result, Failed):
        _log.error("a game could not be recorded: {error}", error=result.error)
        raise WebError("INTERNAL_ERROR", "It could not be recorded. Try again.")
    return result


def _once(submit: Submit, job: Job) -> "Deferred[Any]":
    done: Deferred[Any] = Deferred()
    submit(job, done.callback)
    return done


def hash_ott(ott: str) -> bytes:
    """What is kept of a one-time token; a UUID is the same in capitals."""
    return sha256(ott.lower().encode()).digest()
