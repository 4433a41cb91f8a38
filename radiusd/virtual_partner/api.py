"""The five requests, answered with the faults that are wanted; and a list of what was asked."""

from collections import deque
from collections.abc import Callable
from hmac import compare_digest
from random import Random
from typing import Any

from attrs import asdict, frozen
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from radiusd.virtual_partner.faults import NONE, Faults
from radiusd.virtual_partner.speaking import fields_of, path, written
from radiusd.virtual_partner.till import Refusal, Till

KEPT = 10_000
PREFIX = "/v1/"


@frozen
class Asked:
    """One request; `outcome` is the answer's own word, or what became of it."""

    at: float
    operation: str
    idempotency_key: str | None
    fields: dict[str, Any]
    outcome: str

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Api(Resource):
    """Answers from `till`. `told` gets every request as it is done; with no `key` any bearer will do."""

    isLeaf = True

    def __init__(
        self,
        clock: Any,
        till: Till,
        random: Random,
        now: Callable[[], float],
        told: Callable[[Asked], None],
        key: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.asked: deque[Asked] = deque(maxlen=KEPT)
        self._clock = clock
        self._till = till
        self._random = random
        self._now = now
        self._told = told
        self._key = key
        self._faults = NONE

    @property
    def faults(self) -> Faults:
        """What goes wrong now."""
        return self._faults

    def break_down(self, faults: Faults) -> None:
        """Have these faults from now on."""
        self._faults = faults
        self._till.refuses = faults.refuse
        self._till.exhausted_after = faults.exhausted_after

    def render(self, request: Request) -> bytes | int:
        """The answer, unless a fault comes in between."""
        operation = path(request).removeprefix(PREFIX)
        if self._faults.down:
            self._note(request, operation, {}, f"down, {self._faults.down}")
            return self._cut(request) if self._faults.down == "cut" else NOT_DONE_YET
        if self._random.random() < self._faults.fail:
            self._note(request, operation, {}, "failed, nothing done")
            return self._later(request, 500, {"message": "a fault"})
        fields: dict[str, Any] = {}
        try:
            self._check_key(request)
            fields = fields_of(request)
            status, answer = 200, self._answer(operation, fields)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.fields
        if self._random.random() < self._faults.lose:
            self._note(request, operation, fields, f"{_word(status, answer)}, answer lost")
            return self._cut(request)
        self._note(request, operation, fields, _word(status, answer))
        return self._later(request, status, answer)

    def _answer(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "verify-ip":
                return self._till.verify_ip(fields)
            case "check":
                return self._till.check(fields)
            case "start":
                return self._till.start(fields)
            case "renew":
                return self._till.renew(fields)
            case "stop":
                return self._till.stop(fields)
            case _:
                raise Refusal(404, f"there is {PREFIX}verify-ip, check, start, renew and stop, nothing else")

    def _check_key(self, request: Request) -> None:
        kind, _, given = (request.getHeader("authorization") or "").partition(" ")
        is_right = self._key is None or compare_digest(given.strip().encode(), self._key.encode())
        if kind.lower() != "bearer" or not given or not is_right:
            raise Refusal(401, "the key is not the one that was given out")

    def _note(self, request: Request, operation: str, fields: dict[str, Any], outcome: str) -> None:
        asked = Asked(self._now(), operation, request.getHeader("idempotency-key"), fields, outcome)
        self.asked.append(asked)
        self._told(asked)

    def _later(self, request: Request, status: int, fields: dict[str, Any]) -> bytes | int:
        if not self._faults.latency:
            return written(request, status, fields)
        timer = self._clock.callLater(self._faults.latency / 1000, _finish, request, status, fields)
        request.notifyFinish().addErrback(lambda _: timer.active() and timer.cancel())
        return NOT_DONE_YET

    def _cut(self, request: Request) -> int:
        # After whoever called has seen that the answer is not done.
        self._clock.callLater(0, request.loseConnection)
        return NOT_DONE_YET


def _finish(request: Request, status: int, fields: dict[str, Any]) -> None:
    request.write(written(request, status, fields))
    request.finish()


def _word(status: int, answer: dict[str, Any]) -> str:
    if status != 200:
        return f"{status} {answer['message']}"
    return str(answer.get("result", answer.get("branch_id")))
