"""The load generator in C: that it is clean, what its packets say, and what it refuses. Nothing is sent here."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyrad.packet import AcctPacket, AuthPacket

from radiusd.bench import generators
from radiusd.bench.chain import Chain
from radiusd.bench.errors import BenchError
from radiusd.bench.generators import FIRST, Load, RadiusLoad, Target, build_radius_load
from radiusd.wire.authenticator import has_valid_accounting_authenticator, has_valid_message_authenticator
from radiusd.wire.codes import Code
from radiusd.wire.packet import Packet, decode
from radiusd.wire.passwords import is_chap_answer, reveal
from tests.wire.given import DICTIONARY

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")

SOURCE = Path(generators.__file__).with_name("radius_load") / "radius_load.c"
SECRET = b"xyzzy5461"
USER_NAME, USER_PASSWORD, CHAP_PASSWORD, CLASS, NAS_IDENTIFIER, ACCT_STATUS_TYPE = 1, 2, 3, 25, 32, 40
ACCT_INPUT_OCTETS, ACCT_SESSION_ID, ACCT_SESSION_TIME, CHAP_CHALLENGE, CALLING_STATION_ID = 42, 44, 46, 60, 31
START, STOP, INTERIM_UPDATE = 1, 2, 3


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as strictly as a compiler can be."""
    path = tmp_path_factory.mktemp("built") / "radius_load"
    strict = ["-O1", "-std=gnu11", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-fsanitize=undefined,address"]
    subprocess.run(["gcc", *strict, "-o", str(path), str(SOURCE), "-lm"], check=True)
    return path


class Printing:
    """What the program would send."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def __call__(self, scenario: str, **options: object) -> list[Packet]:
        """Its packets, in their order."""
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        asked = [str(self._program), scenario, "--print=1", *words]
        printed = subprocess.run(asked, check=True, capture_output=True, text=True, env={"RADIUS_SECRET": "xyzzy5461"})
        return [decode(bytes.fromhex(line)) for line in printed.stdout.split()]


@pytest.fixture(scope="module")
def packets(program: Path) -> Printing:
    """Prints them."""
    return Printing(program)


def number(value: bytes) -> int:
    """A four-octet number."""
    return int.from_bytes(value, "big")


def names(all_packets: list[Packet]) -> Iterator[str]:
    """Who asks."""
    return (each.values[USER_NAME].decode() for each in all_packets)


@pytest.mark.parametrize("scenario", ["auth-pap", "auth-chap"])
def test_logins_are_signed_as_we_and_pyrad_want_them(packets: Printing, scenario: str) -> None:
    for each in packets(scenario, sessions=50):
        assert each.code == Code.ACCESS_REQUEST
        assert has_valid_message_authenticator(each, SECRET)
        theirs = AuthPacket(packet=each.octets, secret=SECRET, dict=DICTIONARY)
        assert theirs.verify_message_authenticator(secret=SECRET)
        assert theirs["User-Name"] == [each.values[USER_NAME].decode()]
        assert theirs["NAS-Port"][0] == int(theirs["Acct-Session-Id"][0], 16)


def test_accounting_is_signed_as_we_and_pyrad_want_it(packets: Printing) -> None:
    for each in packets("acct-bare", sessions=10):
        assert each.code == Code.ACCOUNTING_REQUEST
        assert has_valid_accounting_authenticator(each, SECRET)
        assert AcctPacket(packet=each.octets, secret=SECRET, dict=DICTIONARY).VerifyAcctRequest()


@pytest.mark.parametrize("length", [1, 15, 16, 17, 31])
def test_a_password_of_any_length_is_hidden_and_found_again(packets: Printing, length: int) -> None:
    (asked,) = packets("auth-pap", sessions=1, password="p" * length)
    assert reveal(asked.values[USER_PASSWORD], SECRET, asked.authenticator) == b"p" * length
    theirs = AuthPacket(packet=asked.octets, secret=SECRET, dict=DICTIONARY)
    assert theirs.PwDecrypt(theirs["User-Password"][0]) == "p" * length


def test_a_password_is_proven_by_chap(packets: Printing) -> None:
    (asked,) = packets("auth-chap", sessions=1, first_user=7)
    challenge = asked.values[CHAP_CHALLENGE]
    assert is_chap_answer(asked.values[CHAP_PASSWORD], b"pass000007", challenge)
    assert not is_chap_answer(asked.values[CHAP_PASSWORD], b"pass000008", challenge)


def test_a_session_is_a_start_its_interims_and_a_stop_with_counters_that_grow(packets: Printing) -> None:
    told = packets("acct-bare", sessions=1, interims=3, elapsed=100, interim_every=60)
    assert [number(each.values[ACCT_STATUS_TYPE]) for each in told] == [START, *[INTERIM_UPDATE] * 3, STOP]
    assert [number(each.values[ACCT_SESSION_TIME]) for each in told[1:]] == [160, 220, 280, 340]
    octets = [number(each.values[ACCT_INPUT_OCTETS]) for each in told[1:]]
    assert octets == sorted(set(octets))
    assert len({each.values[ACCT_SESSION_ID] for each in told}) == 1


def test_everybody_comes_once_in_no_order_before_anybody_comes_again(packets: Printing) -> None:
    asked = packets("auth-pap", sessions=90, users=30, devices=30, users_per_nas=10)
    rounds = [list(names(asked[first : first + 30])) for first in (0, 30, 60)]
    everybody = [f"user{each:06d}" for each in range(30)]
    assert [sorted(each) for each in rounds] == [everybody] * 3
    assert rounds[0] != everybody
    ids = {(each.values[NAS_IDENTIFIER], each.values[ACCT_SESSION_ID]) for each in asked}
    assert len(ids) == 90


def test_without_a_seed_they_come_as_they_are_numbered(packets: Printing) -> None:
    asked = packets("auth-pap", sessions=30, users=30, users_per_nas=10, seed=0)
    assert list(names(asked)) == [f"user{each:06d}" for each in range(30)]


def test_a_few_of_many_come_again_and_again_from_everywhere(packets: Printing) -> None:
    asked = packets("auth-pap", sessions=40, users=1000, devices=1000, visited=20, users_per_nas=100)
    first, again = list(names(asked[:20])), list(names(asked[20:]))
    assert first == again
    assert len(set(first)) == 20
    assert len({each.values[NAS_IDENTIFIER] for each in asked}) > 3


def test_a_user_has_a_router_and_each_of_their_devices_an_address(packets: Printing) -> None:
    asked = packets("auth-pap", sessions=60, users=30, users_per_nas=10)
    for each in asked:
        assert each.values[NAS_IDENTIFIER] == b"router-%04d" % (int(each.values[USER_NAME][4:]) // 10)
    devices = {(each.values[USER_NAME], each.values[CALLING_STATION_ID]) for each in asked}
    assert len(devices) == 60


def test_a_second_report_of_a_session_has_its_name_and_counts_more(packets: Printing) -> None:
    first, second = packets("interims", sessions=2, devices=1, elapsed=600)
    assert first.values[ACCT_SESSION_ID] == second.values[ACCT_SESSION_ID]
    assert number(first.values[ACCT_SESSION_TIME]) < number(second.values[ACCT_SESSION_TIME])


def test_the_class_of_a_device_is_given_back(packets: Printing, tmp_path: Path) -> None:
    (tmp_path / "classes").write_bytes(b"".join(b"class of %06d" % each for each in range(20)))
    for each in packets("interims", sessions=20, users=20, classes=tmp_path / "classes"):
        assert each.values[CLASS] == b"class of " + each.values[USER_NAME][4:]


def test_a_router_that_was_started_again_shows_it(packets: Printing) -> None:
    (before,), (after,) = packets("auth-pap", sessions=1), packets("auth-pap", sessions=1, boot=2)
    assert (before.values[ACCT_SESSION_ID], after.values[ACCT_SESSION_ID]) == (b"80100001", b"80200001")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["auth-pap", "--source", "192.0.2.1"], "192.0.2.1 is not in 127.0.0.0/8"),
        (["auth-pap", "--user", "user%s"], "user%s is no pattern"),
        (["auth-pap", "--user", "%d%d"], "%d%d is no pattern"),
        (["auth-pap", "--in-flight", "many"], "--in-flight is a whole number from 1 to 16384, not many"),
        (["auth-pap", "--limit", "86400"], "--limit is a whole number"),
        (["interims", "--classes", "/nowhere"], "cannot read /nowhere"),
        (["eap"], "radius_load SCENARIO"),
        ([], "radius_load SCENARIO"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(program: Path, words: list[str], complaint: str) -> None:
    done = subprocess.run([str(program), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr


# How it is built and started


def test_a_program_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_radius_load(tmp_path)
    (program,) = tmp_path.iterdir()
    monkeypatch.setattr(generators.shutil, "which", lambda _: None)
    build_radius_load(tmp_path)
    assert list(tmp_path.iterdir()) == [program]


def test_a_cache_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="cannot keep the load generator in"):
        build_radius_load(tmp_path / "file" / "cache")


def test_all_options_of_a_load_are_known_to_the_program(program: Path) -> None:
    load = Load(scenario=FIRST, sessions=2, chain=Chain.of(40), in_flight=8)
    command = RadiusLoad(program).command(Target(1812, 1813), load)
    printed = subprocess.run([*command, "--print", "1"], check=True, capture_output=True, text=True)
    assert len(printed.stdout.split()) == 2
