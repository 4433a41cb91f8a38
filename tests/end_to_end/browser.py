"""Chromium without a window, driven by the DevTools protocol through a pipe: JSON texts, each ended by a zero octet.

A pipe needs no port and no WebSocket.
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

CHROMIUM = shutil.which("chromium")
PATIENCE = 30.0


class Browser:
    """One page of a Chromium with a profile of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None
        theirs_in, self._to = _pipe()
        self._from, theirs_out = _pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
        command = [CHROMIUM, *options, f"--user-data-dir={folder}", "about:blank"]
        # Chromium reads descriptor 3 and writes descriptor 4.
        line = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        with (folder.parent / f"{folder.name}.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["bash", "-c", line, "bash", *command], pass_fds=(theirs_in, theirs_out), stdout=log, stderr=log
            )
        os.close(theirs_in)
        os.close(theirs_out)
        self._unread = b""
        self._number = 0
        self._page: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._page = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._to)
        os.close(self._from)

    def open(self, url: str) -> None:
        """Go there; what is on the page comes when it comes."""
        self._call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression is on the page, if it is JSON."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def click(self, selector: str) -> None:
        """Press the mouse button in the middle of the element."""
        box = self.evaluate(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            " found.scrollIntoView({block: 'center'}); const box = found.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        self._call("Input.insertText", text=text)

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._page is not None:
            message["sessionId"] = self._page
        os.write(self._to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while True:
            answer = self._next(until)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def _next(self, until: float) -> Any:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(0, until - time.monotonic()))
            assert ready, "Chromium says nothing"
            octets = os.read(self._from, 65_536)
            assert octets, "Chromium has ended"
            self._unread += octets
        text, _, self._unread = self._unread.partition(b"\0")
        return json.loads(text)


def _pipe() -> tuple[int, int]:
    """To read and to write, both above the descriptors that Chromium uses."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in ends)
    for each in ends:
        os.close(each)
    return high[0], high[1]
