"""The commands' way to the virtual PC system that runs."""

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

import click

PATIENCE = 30.0


class Running:
    """The one at this port of this machine. Every call raises ClickException with what to do."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, what: str) -> dict[str, Any]:
        """What there is to know."""
        return self._ask("GET", what, None)

    def press(self, what: str, **fields: Any) -> dict[str, Any]:
        """One switch."""
        return self._ask("POST", what, fields)

    def _ask(self, method: str, what: str, fields: dict[str, Any] | None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        body = None if fields is None else json.dumps(fields)
        try:
            connection.request(method, f"/control/{what}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
        except ConnectionRefusedError as error:
            raise click.ClickException(
                f"no PC system runs at port {self._port}; start one with: scripts/pc-system serve"
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise click.ClickException(f"what runs at port {self._port} is no virtual PC system") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise click.ClickException(str(found.get("message", f"it answered {answer.status}")))
        return found

    def follow(self, event: dict[str, Any], seconds: float, told: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """The event once it is settled, or as it is after `seconds`; `told` gets every further try."""
        until = time.monotonic() + seconds
        tries = 0
        while True:
            event = self.get(f"events/{event['number']}")
            if event["tries"] > tries:
                tries = event["tries"]
                told(event)
            if event["outcome"] != "waiting" or time.monotonic() >= until:
                return event
            time.sleep(0.02)
