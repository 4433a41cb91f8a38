"""The REST API of a PC system, with the faults it is told to have."""

from collections.abc import Callable
from hmac import compare_digest
from random import Random
from typing import Any

from twisted.web.server import NOT_DONE_YET, Request

from radiusd.virtual_pc_system import faults
from radiusd.virtual_pc_system.cafe import Cafe, Refusal
from radiusd.virtual_pc_system.speaking import Leaf, fields_of, path, written

PATHS = {
    ("POST", "/pc-api/login"): "login",
    ("GET", "/api/v1/user/balance"): "balance",
    ("GET", "/pc-api/balance"): "older_balance",
    ("POST", "/pc-api/debit"): "debit",
    ("POST", "/pc-api/refund"): "refund",
    ("POST", "/pc-api/validate"): "validate",
}


class Api(Leaf):
    """Answers for `cafe`; `told` gets one line for each request. With no `api_key` any key will do."""

    def __init__(
        self,
        clock: Any,
        cafe: Cafe,
        random: Random,
        now: Callable[[], float],
        told: Callable[[str], None],
        api_key: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.faults = faults.NONE
        self._clock = clock
        self._cafe = cafe
        self._random = random
        self._now = now
        self._told = told
        self._api_key = api_key

    def render(self, request: Request) -> bytes | int:
        """The answer, unless a fault comes in between."""
        what = f"{request.method.decode('latin-1')} {path(request)}"
        if self.faults.down:
            self._told(f"{what}: down, {'no answer' if self.faults.down == 'hang' else 'cut off'}")
            return self._cut(request) if self.faults.down == "cut" else NOT_DONE_YET
        if self._random.random() < self.faults.fail:
            self._told(f"{what}: 500, nothing done")
            return self._later(request, 500, {"success": False, "error_code": "SYSTEM_ERROR", "message": "A fault"})
        result = super().render(request)
        if self._random.random() < self.faults.lose:
            self._told(f"{what}: done, and cut off")
            return self._cut(request)
        return result

    def answer(self, request: Request, method: str, where: str) -> tuple[int, dict[str, Any]]:
        """What the café's till does."""
        operation = PATHS.get((method, where))
        if method == "HEAD":
            return 200, {}
        if operation is None:
            raise Refusal(404, "NOT_FOUND", "There is no such operation")
        at = self._now()
        match operation:
            case "login":
                return 200, self._cafe.log_in(fields_of(request), at)
            case "balance":
                return 200, {"balance_vnd": self._cafe.user_of(bearer(request), at).balance}
            case "older_balance":
                user = self._cafe.user_of(bearer(request), at)
                return 200, {"user_id": user.name, "balance": user.balance, "currency": "VND"}
            case "validate":
                return 200, self._cafe.validate(bearer(request), at)
            case "debit":
                self._check_key(request)
                return 200, self._cafe.debit(fields_of(request), at)
            case _:
                self._check_key(request)
                return 200, self._cafe.refund(fields_of(request), at)

    def _check_key(self, request: Request) -> None:
        given, wanted = bearer(request), self._api_key
        if not given or (wanted is not None and not compare_digest(given.encode(), wanted.encode())):
            raise Refusal(401, "API_KEY_REFUSED", "The API key is not the one of this PC system")

    def speak(self, request: Request, status: int, fields: dict[str, Any]) -> bytes | int:
        """Answer, after the latency that is wanted; no balance is told."""
        self._told(f"{request.method.decode('latin-1')} {path(request)}: {fields.get('error_code', status)}")
        return self._later(request, status, fields)

    def _later(self, request: Request, status: int, fields: dict[str, Any]) -> bytes | int:
        if not self.faults.latency:
            return written(request, status, fields)
        timer = self._clock.callLater(self.faults.latency / 1000, _finish, request, status, fields)
        request.notifyFinish().addErrback(lambda _: timer.active() and timer.cancel())
        return NOT_DONE_YET

    def _cut(self, request: Request) -> int:
        # After whoever called has seen that the answer is not done.
        self._clock.callLater(0, request.loseConnection)
        return NOT_DONE_YET


def bearer(request: Request) -> str:
    """What stands behind `Authorization: Bearer`, or an empty text."""
    kind, _, given = (request.getHeader("authorization") or "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else ""


def _finish(request: Request, status: int, fields: dict[str, Any]) -> None:
    request.write(written(request, status, fields))
    request.finish()
