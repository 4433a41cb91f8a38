"""Which sockets a parent opens, and whose they are."""

from pathlib import Path

from radiusd.config import Config, parse
from radiusd.workers.sockets import places

STORE = '[store]\nurl = "sqlite:////store"\nkey_file = "/key"\n'


def settings(workers: int, more: str = "") -> Config:
    text = f"{STORE}[server]\nworkers = {workers}\n{more}"
    return parse(Path("/radiusd.toml"), text)


def where(config: Config, name: str) -> list[tuple[str, int]]:
    return [(str(each.address), each.worker) for each in places(config) if each.name == name]


def test_each_worker_has_its_own_sockets_on_the_ports_of_radius() -> None:
    config = settings(2)
    assert where(config, "auth") == [("0.0.0.0:1812", 0), ("0.0.0.0:1812", 1)]
    assert where(config, "acct") == [("0.0.0.0:1813", 0), ("0.0.0.0:1813", 1)]


def test_the_first_alone_has_the_web() -> None:
    assert where(settings(3), "web") == [("127.0.0.1:8080", 0)]


def test_each_shows_what_it_counts_at_a_port_of_its_own() -> None:
    assert where(settings(3), "metrics") == [("127.0.0.1:9812", 0), ("127.0.0.1:9813", 1), ("127.0.0.1:9814", 2)]


def test_what_is_served_nowhere_is_not_opened() -> None:
    config = settings(2, 'web = ""\n[web]\nmetrics = ""\n')
    assert {each.name for each in places(config)} == {"auth", "acct"}
