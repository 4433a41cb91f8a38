"""What a studio's game server does with an answer, as the contract's sample client does it."""

from radiusd.virtual_playwave.steps import Reaction
from radiusd.virtual_playwave.wire import Answer

_REFUSED = {
    "OTT_EXPIRED": Reaction.TO_LAUNCHER,
    "OTT_ALREADY_USED": Reaction.KICK,
    "GAME_MISMATCH": Reaction.KICK,
    "NOT_CHARGEABLE": Reaction.KICK,
}
_BEATEN = {
    "OK": Reaction.GO_ON,
    "CHARGE_EXHAUSTED": Reaction.TELL_SPENT,
    "SESSION_REPLACED": Reaction.STOP,
}


def to_verify(answer: Answer) -> Reaction:
    """A refusal is a 200: what counts is `is_valid`, and then `reason`."""
    if not answer.is_success:
        # A key that is not known, or a request that cannot be read, is no better the next time.
        return Reaction.KICK if 400 <= answer.status < 429 else Reaction.RETRY
    if answer.data.get("is_valid") is True:
        return Reaction.LET_IN if answer.data.get("is_pc_cafe") is True else Reaction.ORDINARY
    return _REFUSED.get(answer.text("reason"), Reaction.KICK)


def to_heartbeat(answer: Answer) -> Reaction:
    """Only 404 and 410 end a game; whatever else goes wrong is tried again in the next cycle."""
    if answer.status in (404, 410):
        return Reaction.KICK
    if not answer.is_success:
        return Reaction.RETRY
    return _BEATEN.get(answer.text("result"), Reaction.GO_ON)


def to_end(_: Answer) -> Reaction:
    """The player has left in any case; an error is logged and ignored."""
    return Reaction.LEAVE
