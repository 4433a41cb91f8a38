"""The server as a Twisted service, for `twist radiusd --config FILE`, on whichever reactor it runs."""

from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError

from radiusd import config
from radiusd.app import App
from radiusd.serving import keep_steady_time


class Options(TwistedOptions):
    """Command-line options of the plugin."""

    optParameters = [["config", "c", "/etc/icafe-radiusd/radiusd.toml", "The configuration file."]]  # noqa: RUF012

    def postOptions(self) -> None:
        """Read the configuration; a mistake in it is told like any other in the command line."""
        try:
            self.settings = config.load(Path(self["config"]))
        except config.ConfigError as error:
            raise UsageError(str(error)) from error
        if self.settings.workers > 1:
            raise UsageError("several workers need the command radiusd: twist runs one, with server.workers = 1")


class RadiusService(Service):
    """Starts and stops one App."""

    def __init__(self, reactor: Any, settings: config.Config) -> None:
        self._app = App(reactor, settings)

    def startService(self) -> None:
        """Listen."""
        super().startService()  # type: ignore[no-untyped-call]
        self._app.start()
        self._app.tell()

    def stopService(self) -> "Deferred[None]":
        """Commit what was taken, and go."""
        super().stopService()  # type: ignore[no-untyped-call]
        return self._app.stop()


def makeService(options: Options) -> RadiusService:
    """The service these options describe."""
    from twisted.internet import reactor  # noqa: PLC0415 - `twist` has chosen one by now

    keep_steady_time(reactor)
    return RadiusService(reactor, options.settings)
