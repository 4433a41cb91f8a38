"""A café's accounts and till, as the documents of PC systems describe them: what the REST API does.

Nothing here waits or knows a clock: instants, in seconds since 1970, are arguments.
"""

from datetime import UTC, datetime
from random import Random
from typing import Any

from attrs import define, field, frozen

from radiusd.virtual_pc_system.users import User

KEYS_LAST = 24 * 3600
SESSIONS_LAST = 24 * 3600
WRONG_TRIES, WITHIN = 3, 300
_MOST_MONEY = 10**12


class Refusal(Exception):
    """An error answer: `success: false`, `error_code`, `message`, and sometimes more."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.fields = {"success": False, "error_code": code, "message": message, **more}


@frozen
class Session:
    """A login by the REST API."""

    user: str
    ends: float


@define
class Debit:
    """Money that was taken, and how much of it was given back."""

    user: str
    amount: int
    refunded: int = 0


@frozen
class Given:
    """The answer that a key got, and to what."""

    request: dict[str, Any]
    answer: dict[str, Any]
    at: float


@define
class Cafe:
    """All there is to know; `random` names sessions and transactions."""

    users: dict[str, User]
    random: Random
    sessions: dict[str, Session] = field(factory=dict)
    debits: dict[str, Debit] = field(factory=dict)
    given: dict[str, Given] = field(factory=dict)
    wrong: dict[str, list[float]] = field(factory=dict)

    def log_in(self, fields: dict[str, Any], at: float) -> dict[str, Any]:
        """A session for the right password; three wrong ones within five minutes are enough."""
        name, password = _text(fields, "username"), _text(fields, "password")
        tries = self.wrong[name] = [each for each in self.wrong.get(name, ()) if at - each < WITHIN]
        if len(tries) >= WRONG_TRIES:
            raise Refusal(429, "RATE_LIMITED", "Too many tries; wait 5 minutes")
        user = self.users.get(name)
        if user is None or password != user.password:
            tries.append(at)
            raise Refusal(401, "INVALID_CREDENTIALS", "Wrong name or password")
        if user.is_suspended:
            raise Refusal(403, "ACCOUNT_SUSPENDED", "This account is suspended")
        token = f"{self.random.getrandbits(128):032x}"
        self.sessions[token] = Session(name, at + SESSIONS_LAST)
        return {
            "success": True,
            "user_id": name,
            "username": name,
            "balance": user.balance,
            "session_token": token,
            "expires_at": iso(at + SESSIONS_LAST),
        }

    def user_of(self, token: str, at: float) -> User:
        """Whose session it is."""
        session = self.sessions.get(token)
        if session is None or session.ends <= at:
            raise Refusal(401, "INVALID_SESSION", "This session is not known, or has ended")
        return self.users[session.user]

    def validate(self, token: str, at: float) -> dict[str, Any]:
        """Whether a session is somebody's, which is no error either way."""
        try:
            user = self.user_of(token, at)
        except Refusal:
            return {"valid": False}
        return {"valid": True, "user_id": user.name, "username": user.name}

    def debit(self, fields: dict[str, Any], at: float) -> dict[str, Any]:
        """Take money; the same key takes it once in 24 hours and gets the first answer again."""
        return self._once(fields, at, self._debit)

    def refund(self, fields: dict[str, Any], at: float) -> dict[str, Any]:
        """Give money of a debit back, never more than was taken."""
        return self._once(fields, at, self._refund)

    def _once(self, fields: dict[str, Any], at: float, do: Any) -> dict[str, Any]:
        key = _text(fields, "idempotency_key")
        for old in [each for each, given in self.given.items() if at - given.at >= KEYS_LAST]:
            del self.given[old]
        if key in self.given:
            if self.given[key].request != fields:
                raise Refusal(409, "IDEMPOTENCY_CONFLICT", "This key was used for something else")
            return self.given[key].answer
        answer: dict[str, Any] = do(fields, at)
        self.given[key] = Given(fields, answer, at)
        return answer

    def _debit(self, fields: dict[str, Any], at: float) -> dict[str, Any]:
        user = self.users.get(_text(fields, "user_id"))
        amount = _amount(fields)
        if user is None:
            raise Refusal(404, "USER_NOT_FOUND", "There is no such account")
        if user.is_locked:
            raise Refusal(423, "ACCOUNT_LOCKED", "This account is locked")
        if user.balance < amount:
            raise Refusal(402, "INSUFFICIENT_BALANCE", "The balance is too low", current_balance=user.balance)
        user.balance -= amount
        name = self._name("t")
        self.debits[name] = Debit(user.name, amount)
        return {"success": True, "transaction_id": name, "new_balance": user.balance, "timestamp": iso(at)}

    def _refund(self, fields: dict[str, Any], _at: float) -> dict[str, Any]:
        debit = self.debits.get(_text(fields, "original_transaction_id"))
        amount = _amount(fields)
        if debit is None:
            raise Refusal(404, "TRANSACTION_NOT_FOUND", "There is no such debit")
        if debit.refunded + amount > debit.amount:
            raise Refusal(400, "INVALID_AMOUNT", "No more can be given back than was taken")
        debit.refunded += amount
        self.users[debit.user].balance += amount
        return {"success": True, "refund_id": self._name("r"), "message": "Given back"}

    def top_up(self, name: str, amount: int) -> None:
        """Money over the counter, or with a minus something bought there."""
        user = self.users[name]
        if not 0 < abs(amount) <= _MOST_MONEY or user.balance + amount < 0:
            raise Refusal(400, "INVALID_AMOUNT", "An amount is a whole number of VND that leaves no debt")
        user.balance += amount

    def set_on(self, name: str, is_on: bool) -> None:
        """Somebody logs on at the PC, or off; then the account's sessions end as well."""
        self.users[name].is_on = is_on
        if not is_on:
            for token in [each for each, session in self.sessions.items() if session.user == name]:
                del self.sessions[token]

    def _name(self, kind: str) -> str:
        return f"{kind}_{self.random.getrandbits(48):012x}"


def iso(at: float) -> str:
    """2026-02-16T10:30:00.123Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(400, "INVALID_REQUEST", f"{name} is missing, or is no text")
    return value


def _amount(fields: dict[str, Any]) -> int:
    amount = fields.get("amount")
    if type(amount) is not int or not 0 < amount <= _MOST_MONEY:
        raise Refusal(400, "INVALID_AMOUNT", "An amount is a whole number of VND above 0")
    return amount
