"""The configuration file: read to the last key, or refused with every mistake that is in it."""

import re
from pathlib import Path

import pytest
from attrs import evolve
from redis.asyncio import ConnectionPool as Connections

from radiusd import paths
from radiusd.config import Config, ConfigError, Games, Redis, StoreLoss, load

SHIPPED = Path(__file__).parents[1] / "conf" / "radiusd.toml"
LEAST = '[store]\nurl = "sqlite:////var/lib/icafe/store"\nkey_file = "/var/lib/icafe/key"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "radiusd.toml"


def read(file: Path, text: str) -> Config:
    file.write_text(text)
    return load(file)


def mistakes(file: Path, text: str) -> list[str]:
    """What is said of the file, without its name."""
    with pytest.raises(ConfigError) as caught:
        read(file, text)
    lines = str(caught.value).splitlines()
    assert all(each.startswith(f"{file}:") for each in lines)
    return [each.removeprefix(f"{file}:") for each in lines]


# What is read


def test_the_file_that_is_shipped_says_what_is_so_without_it(file: Path) -> None:
    shipped = load(SHIPPED)
    least = read(file, '[store]\nurl = "sqlite:////var/lib/icafe-radiusd/store.sqlite3"\nkey_file = "/x"\n')
    assert evolve(least, path=SHIPPED, key_file=shipped.key_file) == shipped


def test_the_file_that_is_shipped_explains_every_key(file: Path) -> None:
    said = mistakes(file, LEAST + "[server]\nx = 1\n[web]\nx = 1\n[redis]\nx = 1\n[log]\nx = 1\n")
    known = ", ".join(each.split("known are ")[1] for each in said) + ", url, key_file"
    explained = [each for each in SHIPPED.read_text().split("\n\n") if re.search("^# ", each, re.MULTILINE)]
    for key in known.split(", "):
        assert any(re.search(f"^{key} = ", each, re.MULTILINE) for each in explained), key


def test_without_anything_said_the_ports_are_those_of_the_rfcs(file: Path) -> None:
    config = read(file, LEAST)
    assert (str(config.auth), str(config.acct)) == ("0.0.0.0:1812", "0.0.0.0:1813")
    assert str(config.web) == "127.0.0.1:8080"
    assert f"{config.coa_source} {config.log_level}" == "0.0.0.0 info"
    assert config.dictionary == paths.dictionary()


@pytest.mark.parametrize(
    ("url", "key_file", "spool"),
    [
        ("sqlite:////data/store", "/keys/key", "/data/spool"),
        ("postgresql://icafe@/icafe", "/keys/key", "/keys/spool"),
    ],
)
def test_the_spool_is_beside_what_the_server_may_write(url: str, key_file: str, spool: str, file: Path) -> None:
    config = read(file, f'[store]\nurl = "{url}"\nkey_file = "{key_file}"\n')
    assert config.store_loss == StoreLoss(spool=Path(spool))


def test_a_spool_may_be_elsewhere(file: Path) -> None:
    config = read(file, LEAST + 'spool = "elsewhere"\nspool_limit = 5\npatience = 700\non_store_loss = "refuse"\n')
    expected = StoreLoss(spool=file.parent / "elsewhere", spool_limit=5, patience=700, on_store_loss="refuse")
    assert config.store_loss == expected


def test_what_is_no_rule_for_the_stores_absence_is_told(file: Path) -> None:
    assert mistakes(file, LEAST + 'on_store_loss = "hope"\npatience = 499\nspool_limit = 0\n') == [
        "4: store.on_store_loss: expected one of last_decision, refuse",
        "5: store.patience: expected 500 to 60000 milliseconds",
        "6: store.spool_limit: expected 1 to 1048576 MiB",
    ]


def test_addresses_may_be_of_either_kind(file: Path) -> None:
    config = read(file, LEAST + '[server]\nauth = "[::1]:1645"\nacct = "192.0.2.1:1646"\n')
    assert (str(config.auth), str(config.acct)) == ("[::1]:1645", "192.0.2.1:1646")


def test_the_web_may_be_shown_nowhere(file: Path) -> None:
    assert read(file, LEAST + '[server]\nweb = ""\n').web is None


def test_relative_paths_start_at_the_files_folder(file: Path) -> None:
    config = read(file, '[server]\ndictionary = "d/mine"\n[store]\nurl = "sqlite:///store.sqlite3"\nkey_file = "key"\n')
    assert config.store_url == f"sqlite:///{file.parent}/store.sqlite3"
    assert config.key_file == file.parent / "key"
    assert config.dictionary == file.parent / "d" / "mine"


def test_the_address_of_a_postgresql_is_left_as_it_is(file: Path) -> None:
    url = "postgresql://icafe@/icafe?host=/run/postgresql"
    assert read(file, f'[store]\nurl = "{url}"\nkey_file = "key"\n').store_url == url


# What is refused


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(file: Path) -> None:
    text = """\
# our café
[server]
auht = "0.0.0.0:1812"
acct = 1813
web = "127.0.0.1:0"
coa_source = "router.example"

[sotre]

[store]
url = true

[log]
level = "loud"
"""
    assert mistakes(file, text) == [
        "3: server.auht: unknown key, did you mean auth?",
        "4: server.acct: Expected `str`, got `int`",
        "5: server.web: expected ADDRESS:PORT, as in 127.0.0.1:1812, found '127.0.0.1:0'",
        "6: server.coa_source: expected an IP address, found 'router.example'",
        "8: sotre: unknown section, did you mean store?",
        "10: store.key_file: expected the file with the key that secrets are sealed under",
        "11: store.url: Expected `str`, got `bool`",
        "14: log.level: expected one of debug, info, warn, error",
    ]


def test_a_key_that_nothing_resembles_is_told_with_those_there_are(file: Path) -> None:
    (said,) = mistakes(file, LEAST + "[log]\ncolour = 1\n")
    assert said == "5: log.colour: unknown key; known are level"


@pytest.mark.parametrize(
    "address",
    ["1812", ":1812", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:x", "10.0.0.1:¹"],
)
def test_an_address_needs_a_port(file: Path, address: str) -> None:
    (said,) = mistakes(file, LEAST + f'[server]\nauth = "{address}"\n')
    assert said == f"5: server.auth: expected ADDRESS:PORT, as in 127.0.0.1:1812, found {address!r}"


def test_a_name_is_no_address(file: Path) -> None:
    (said,) = mistakes(file, LEAST + '[server]\nauth = "localhost:1812"\n')
    assert said == "5: server.auth: expected an IP address, found 'localhost'"


def test_an_empty_file_lacks_the_store(file: Path) -> None:
    assert [each.split(": expected")[0] for each in mistakes(file, "")] == ["1: store.key_file", "1: store.url"]


def test_a_section_is_a_section(file: Path) -> None:
    assert "1: log: expected a section, as in [server]" in mistakes(file, 'log = "debug"\n' + LEAST)


@pytest.mark.parametrize(("text", "line"), [("[store\n", 1), ("[store]\nurl = \n", 2), ("[store]\n\nurl = 'x", 3)])
def test_what_is_not_toml_is_told_with_its_line(file: Path, text: str, line: int) -> None:
    (said,) = mistakes(file, text)
    assert said.startswith(f"{line}: this is not TOML: ")


def test_a_file_that_is_not_there_is_one_sentence(file: Path) -> None:
    with pytest.raises(ConfigError, match=f"^cannot read the configuration {file}: No such file or directory$"):
        load(file)


def test_a_file_that_is_not_text_is_one_sentence(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=f"^cannot read the configuration {file}: it is not UTF-8 text$"):
        load(file)


# Workers


@pytest.mark.parametrize("count", [0, -1, 65])
def test_there_are_one_to_sixty_four_workers(file: Path, count: int) -> None:
    (said,) = mistakes(file, LEAST + f"[server]\nworkers = {count}\n")
    assert said == "5: server.workers: expected 1 to 64 processes"


def test_workers_have_ports_for_what_they_count(file: Path) -> None:
    (said,) = mistakes(file, LEAST + '[server]\nworkers = 3\n[web]\nmetrics = "127.0.0.1:65534"\n')
    assert said == "7: web.metrics: 3 workers need as many ports from here on"
    assert read(file, LEAST + '[server]\nworkers = 2\n[web]\nmetrics = "127.0.0.1:65534"\n').workers == 2


# Cuts


def test_the_times_of_a_cut_may_be_others(file: Path) -> None:
    cuts = read(file, LEAST + "[cuts]\nsends = [0, 500]\napi_after = 900\nlongest_pause = 30\n").cuts
    assert (cuts.sends, cuts.api_after, cuts.decided_after, cuts.longest_pause) == ((0, 500), 900, 4500, 30)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sends = [300, 0]", "rising milliseconds from 0 on"),
        ("sends = []", "rising milliseconds from 0 on"),
        ("sends = [0, 4500]", "the last before decided_after"),
        ("decided_after = 9000", "1000 to 5000"),
        ("api_after = -1", "milliseconds under 5000"),
        ("longest_pause = 0", "1 to 3600 seconds"),
    ],
)
def test_times_that_cannot_be_are_told(file: Path, line: str, expected: str) -> None:
    (told,) = mistakes(file, LEAST + f"[cuts]\n{line}\n")
    assert told.startswith("5: cuts.")
    assert expected in told


# Redis


def test_there_is_no_redis_unless_it_is_named(file: Path) -> None:
    assert read(file, LEAST).redis is None
    assert read(file, LEAST + '[redis]\nurl = ""\npassword_file = "p"\n').redis is None


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis.example:6379/0",
        "redis://icafe@10.0.0.1/15",
        "rediss://[::1]:6380",
        "redis://localhost/",
        "unix:///run/redis/redis-server.sock",
        "unix://icafe@/run/redis/redis-server.sock?db=3",
    ],
)
def test_redis_may_be_reached_in_several_ways(file: Path, url: str) -> None:
    redis = read(file, LEAST + f'[redis]\nurl = "{url}"\n').redis
    assert redis == Redis(url, "icafe:", None)
    assert Connections.from_url(url).connection_kwargs


def test_the_password_of_redis_is_in_a_file_beside_the_configuration(file: Path) -> None:
    redis = read(file, LEAST + '[redis]\nurl = "redis://h"\npassword_file = "redis"\nprefix = "q1:"\n').redis
    assert redis == Redis("redis://h", "q1:", file.parent / "redis")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis://:6379/0",
        "redis://h:0",
        "redis://h:70000",
        "redis://h/zero",
        "redis://h/0?ssl_cert_reqs=none",
        "redis://h/0#1",
        "redis://[::1",
        "unix://",
        "unix://run/redis.sock",
        "unix:///run/redis.sock?db=x",
    ],
)
def test_a_redis_that_cannot_be_reached_so_is_refused(file: Path, url: str) -> None:
    (said,) = mistakes(file, LEAST + f'[redis]\nurl = "{url}"\n')
    assert said == "5: redis.url: expected redis://HOST:PORT/0, rediss://HOST:PORT/0 (by TLS) or unix:///PATH"


@pytest.mark.parametrize(
    "url", ["redis://:correct-horse@h:6379/0", "redis://nora:correct-horse@h", "unix:///run/r?password=correct-horse"]
)
def test_a_password_in_the_url_of_redis_is_refused_and_not_repeated(file: Path, url: str) -> None:
    (said,) = mistakes(file, LEAST + f'[redis]\nurl = "{url}"\n')
    assert said == (
        "5: redis.url: a password does not belong here: write it to a file of its own, and name that in password_file"
    )


@pytest.mark.parametrize("prefix", ["", "a b", "*", "a\\n", "x" * 65, "é"])
def test_a_prefix_is_a_short_word(file: Path, prefix: str) -> None:
    (said,) = mistakes(file, LEAST + f'[redis]\nprefix = "{prefix}"\n')
    assert said == "5: redis.prefix: expected 1 to 64 letters, digits or any of _ . : -, as in icafe:"


# The web


def test_without_anything_said_nobody_is_a_proxy_and_metrics_are_for_this_machine(file: Path) -> None:
    web = read(file, LEAST).at_web
    assert (str(web.metrics), web.proxies, web.public_url, web.connections_per_address) == (
        "127.0.0.1:9812",
        (),
        "",
        64,
    )


def test_metrics_may_be_shown_nowhere(file: Path) -> None:
    assert read(file, LEAST + '[web]\nmetrics = ""\n').at_web.metrics is None


def test_proxies_are_addresses_or_networks_of_either_kind(file: Path) -> None:
    proxies = read(file, LEAST + '[web]\nproxies = ["10.0.0.1", "10.1.0.0/16", "2001:db8::/64"]\n').at_web.proxies
    assert [str(each) for each in proxies] == ["10.0.0.1/32", "10.1.0.0/16", "2001:db8::/64"]


@pytest.mark.parametrize("url", ["https://wifi.example.net", "http://10.0.0.1:8080", "https://[2001:db8::1]:8443"])
def test_pc_systems_are_told_a_url_to_which_a_path_can_be_added(file: Path, url: str) -> None:
    for text in (url, url + "/"):
        assert read(file, LEAST + f'[web]\npublic_url = "{text}"\n').at_web.public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "wifi.example.net",
        "ftp://wifi.example.net",
        "https://",
        "https://wifi.example.net/radius",
        "https://wifi.example.net?",
        "https://wifi.example.net?a=b",
        "https://wifi.example.net#a",
        "https://wifi example.net",
        "https://user:secret@wifi.example.net",
        "https://wifi.example.net:port",
        "https://wifi.example.net:70000",
        "https://[::1",
    ],
)
def test_what_is_no_such_url_is_told_without_repeating_it(file: Path, url: str) -> None:
    (told,) = mistakes(file, LEAST + f'[web]\npublic_url = "{url}"\n')
    assert told == "5: web.public_url: expected http(s)://HOST without a path, as in https://wifi.example.net"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('metrics = "9812"', "web.metrics: expected ADDRESS:PORT"),
        ('proxies = ["proxy.example"]', "web.proxies: expected addresses or networks"),
        ('proxies = ["10.0.0.1/8"]', "web.proxies: expected addresses or networks"),
        ('proxies = "10.0.0.1"', "web.proxies: Expected `array`, got `str`"),
        ("proxies = [1]", "web.proxies: Expected `str`, got `int`"),
        ("connections_per_address = 0", "web.connections_per_address: expected 1 to"),
        ("public_url = 1", "web.public_url: Expected `str`, got `int`"),
    ],
)
def test_other_mistakes_about_the_web_are_told(file: Path, line: str, expected: str) -> None:
    (told,) = mistakes(file, LEAST + f"[web]\n{line}\n")
    assert told.startswith(f"5: {expected}")


# Games


def test_without_anything_said_games_are_bound_to_their_seats_and_paid_from_the_cafes_own_wallets(file: Path) -> None:
    assert read(file, LEAST).games == Games()
    assert Games().partner_key_file is None


def test_a_partners_key_stands_in_a_file_beside_the_configuration(file: Path) -> None:
    text = LEAST + '[games]\npartner_url = "https://charging.example.com/v1"\npartner_key_file = "partner.key"\n'
    assert read(file, text).games.partner_key_file == file.parent / "partner.key"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("charge_outage = -1", "5: games.charge_outage: expected 0 to 86400 seconds; 0 for any time"),
        ("charge_outage = 86401", "5: games.charge_outage: expected 0 to 86400 seconds"),
        ("bind_to_seat = 1", "5: games.bind_to_seat: Expected `bool`, got `int`"),
        ('partner_url = "charging"\npartner_key_file = "k"', "5: games.partner_url: expected http(s)://HOST/PATH"),
        ('partner_url = "https://h..st/v1"\npartner_key_file = "k"', "5: games.partner_url: expected http(s)"),
        ('partner_url = "https://a:b@x"\npartner_key_file = "k"', "5: games.partner_url: a password does not belong"),
        ('partner_key_file = "k"', "5: games.partner_key_file: expected together with partner_url"),
        ('partner_url = "https://x"', "4: games.partner_key_file: expected together with partner_url"),
    ],
)
def test_mistakes_about_games_are_told(file: Path, lines: str, expected: str) -> None:
    (told,) = mistakes(file, LEAST + f"[games]\n{lines}\n")
    assert told.startswith(expected)


@pytest.mark.parametrize("text", ["[server]\nworkers = " + "9" * 5_000, "x = " + "[" * 3_000])
def test_what_no_program_can_read_is_said_so(text: str, file: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(file, text)


def test_no_path_may_hold_a_character_that_ends_it(file: Path) -> None:
    assert mistakes(file, LEAST + 'spool = "a\\u0000b"\n') == ["4: store.spool: expected no character 0 in it"]


def test_a_port_of_thousands_of_digits_is_no_port(file: Path) -> None:
    (said,) = mistakes(file, LEAST + f'[server]\nauth = "127.0.0.1:{"9" * 5_000}"\n')
    assert "server.auth: expected ADDRESS:PORT" in said
