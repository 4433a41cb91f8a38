"""A server of one process reads its configuration again: the log's level is taken over, the rest is named."""

from pathlib import Path

import pytest
from twisted.logger import LogEvent, formatEvent

from radiusd.rereading import Rereading

LEAST = '[store]\nurl = "sqlite:////store"\nkey_file = "/key"\n'


class Server:
    """Started with one text in its file, which then is changed."""

    def __init__(self, file: Path, logged: list[LogEvent]) -> None:
        self._file = file
        self._logged = logged
        self.levels: list[str] = []
        self._reread = Rereading(file, LEAST, self.levels.append)

    def rereads(self, text: str) -> list[str]:
        """What it says."""
        self._file.write_text(text)
        self._reread()
        return [formatEvent(each) for each in self._logged]


@pytest.fixture
def server(tmp_path: Path, logged: list[LogEvent]) -> Server:
    return Server(tmp_path / "radiusd.toml", logged)


def test_the_level_of_the_log_is_taken_over(server: Server) -> None:
    said = server.rereads(LEAST + '[log]\nlevel = "debug"\n')
    assert server.levels == ["debug"]
    assert said == ["the configuration is read again; what is logged: debug"]


def test_what_needs_a_restart_is_named(server: Server) -> None:
    said = server.rereads(LEAST + '[server]\nauth = "0.0.0.0:1645"\n[cuts]\napi_after = 500\n[log]\nlevel = "warn"\n')
    assert server.levels == ["warn"]
    assert said[1:] == ["restart the server to have it take over server.auth, cuts.api_after"]


def test_a_mistake_changes_nothing(server: Server) -> None:
    (said,) = server.rereads(LEAST + '[log]\nlevel = "debug"\ncolour = "red"\n')
    assert said.startswith("nothing is changed: ")
    assert "log.colour: unknown key" in said
    assert server.levels == []


def test_a_default_that_is_written_out_is_no_change(server: Server) -> None:
    assert server.rereads(LEAST + "[server]\nworkers = 1\n")[1:] == []
