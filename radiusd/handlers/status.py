"""Status-Server: are you there? (RFC 5997)"""

from radiusd.server.protocol import Answer, Handler, Reply, Request
from radiusd.wire.codes import Code


def status(code: Code) -> Handler:
    """A handler that answers with `code`: Access-Accept or Accounting-Response, by the port it is for."""

    def answer_at_once(_: Request, answer: Answer) -> None:
        answer(Reply(code))

    return answer_at_once
