"""The fake RouterOS API, word by word."""

import pytest

from radiusd.virtual_router.api_words import BadWord, SentenceReader, encode_length, encode_sentence
from radiusd.virtual_router.guests import Guest
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.packets import Grant
from radiusd.wire.codes import TerminateCause
from tests.virtual_router.given import NORA, PASSWORD, PipeSocket, Site

NAMED_TRUE = Guest(name="true", password="secret", mac="AA:BB:CC:00:00:02", address="10.5.50.3")
DIALLED = Guest(name="dora", password="secret", mac="AA:BB:CC:00:00:03", address="10.9.0.3", service="ppp")
LOGIN = ("/login", "=name=api", f"=password={PASSWORD}")
DONE = ["!done"]


class Client:
    """Sends sentences, gives the answers."""

    def __init__(self, site: Site, *, is_in: bool = True) -> None:
        self.socket = PipeSocket(site.reactor, site.reactor.tcp[8728])
        self.socket.settimeout(10.0)
        self.reader = SentenceReader()
        if is_in:
            assert self.ask(*LOGIN) == [DONE]

    def ask(self, *words: str) -> list[list[str]]:
        self.socket.sendall(encode_sentence(*words))
        return self.read()

    def read(self) -> list[list[str]]:
        answers: list[list[str]] = []
        while not answers or answers[-1][0] not in ("!done", "!fatal"):
            octets = self.socket.recv(4096)
            if not octets:
                break
            answers += self.reader.feed(octets)
        return answers


@pytest.mark.parametrize(
    ("length", "octets"),
    [
        (0, "00"),
        (0x7F, "7f"),
        (0x80, "8080"),
        (0x3FFF, "bfff"),
        (0x4000, "c04000"),
        (0x1FFFFF, "dfffff"),
        (0x200000, "e0200000"),
        (0xFFFFFFF, "efffffff"),
        (0x10000000, "f010000000"),
    ],
)
def test_lengths_as_the_manual_has_them(length: int, octets: str) -> None:
    assert encode_length(length).hex() == octets


def test_sentences_come_whole_however_they_are_cut() -> None:
    words = ["/login", "=name=Nguyễn", "=" + "x" * 300, "=" + "y" * 20_000]
    octets = encode_sentence(*words)
    reader = SentenceReader()
    pieces = [octets[at : at + 7] for at in range(0, len(octets), 7)]
    assert [each for piece in pieces for each in reader.feed(piece)] == [words]


@pytest.mark.parametrize("octets", [b"\xf8", b"\xff", b"\xf0\x00\x02\x00\x00"])
def test_what_is_no_word(octets: bytes) -> None:
    with pytest.raises(BadWord):
        SentenceReader().feed(octets)


def test_what_is_no_word_ends_the_connection() -> None:
    client = Client(Site())
    client.socket.sendall(b"\xff")
    assert client.socket.is_ended


def test_who_is_online() -> None:
    site = Site()
    site.router.admit(NORA, Grant(session_timeout=3600))
    site.router.admit(NAMED_TRUE)
    site.reactor.advance(65)
    rows = Client(site).ask("/ip/hotspot/active/print", "=.proplist=.id,user,uptime,session-time-left", "?user=nora")
    assert rows == [["!re", "=.id=*1", "=user=nora", "=uptime=1m5s", "=session-time-left=58m55s"], DONE]


def test_a_ppp_session_is_shown_with_its_id() -> None:
    site = Site()
    online = site.router.admit(DIALLED)
    rows = Client(site).ask("/ppp/active/print", "=.proplist=name,caller-id,session-id")
    assert rows[0] == ["!re", "=name=dora", "=caller-id=AA:BB:CC:00:00:03", "=session-id=0x80100001"]
    assert online.line.acct_session_id == "80100001"


@pytest.mark.parametrize(
    ("queries", "found"),
    [
        (["?user=nora"], ["*1"]),
        (["?=user=nora"], ["*1"]),
        (["?user=nora", "?address=10.5.50.3"], []),
        (["?user=nora", "?address=10.5.50.3", "?#|"], ["*1", "*4"]),
        (["?user=nora", "?#!"], ["*4"]),
        (["?user=nora", "?mac-address=AA:BB:CC:00:00:01", "?#&"], ["*1"]),
        (["?session-time-left"], ["*1"]),
        (["?-session-time-left"], ["*4"]),
        (["?>user=nora"], ["*4"]),
        (["?<user=true"], ["*1"]),
    ],
)
def test_queries(queries: list[str], found: list[str]) -> None:
    site = Site()
    site.router.admit(NORA, Grant(session_timeout=3600))
    site.router.admit(NAMED_TRUE)
    rows = Client(site).ask("/ip/hotspot/active/print", "=.proplist=.id", *queries)
    assert [word for row in rows[:-1] for word in row[1:]] == [f"=.id={each}" for each in found]


@pytest.mark.parametrize(
    ("words", "category"),
    [
        (["/ip/hotspot/aktive/print"], 0),
        (["/ip/hotspot/active/blow-up"], 0),
        (["/ip/firewall/filter/remove", "=.id=*1"], 0),
        (["/ip/hotspot/active/remove", "=.id=*99"], 0),
        (["/ip/hotspot/active/remove"], 1),
        (["/ip/hotspot/active/remove", "=numbers=*1"], 1),
        (["/ip/hotspot/active/remove", "=.id=*1", "?user=nora"], 1),
        (["/ip/hotspot/active/print", "?mac_address=AA:BB:CC:00:00:01"], 1),
        (["/ip/hotspot/active/print", "=.proplist=.id,mac_address"], 1),
        (["/ip/hotspot/active/print", "=speed=fast"], 1),
        (["/ip/hotspot/active/print", "?user=nora", "?#&"], 1),
    ],
)
def test_what_is_unknown_is_refused(words: list[str], category: int) -> None:
    site = Site()
    site.router.admit(NORA)
    answers = Client(site).ask(*words)
    assert [each[0] for each in answers] == ["!trap", "!done"]
    assert answers[0][1] == f"=category={category}"
    assert len(site.router.online) == 1


def test_a_removed_row_ends_the_session_as_a_disconnect_does() -> None:
    site = Site()
    online = site.router.admit(NORA)
    assert Client(site).ask("/ip/hotspot/active/remove", "=.id=*1") == [DONE]
    assert site.ended == [(online, TerminateCause.ADMIN_RESET)]
    assert [each.cause for each in site.stops] == [TerminateCause.ADMIN_RESET]


def test_an_answer_carries_the_tag_of_its_command() -> None:
    site = Site()
    site.router.admit(NORA)
    answers = Client(site).ask("/ip/hotspot/active/print", "=.proplist=user", ".tag=7")
    assert answers == [["!re", "=user=nora", ".tag=7"], ["!done", ".tag=7"]]


@pytest.mark.parametrize("words", [["=name=api", "=password=guess"], ["=name=root", f"=password={PASSWORD}"], []])
def test_a_wrong_login(words: list[str]) -> None:
    client = Client(Site(), is_in=False)
    assert client.ask("/login", *words)[0] == ["!trap", "=message=invalid user name or password (6)"]
    assert client.ask("/ip/hotspot/active/print") == [["!fatal", "not logged in"]]


def test_before_6_43_a_login_was_a_challenge() -> None:
    client = Client(Site(Habits(api_old_login=True)), is_in=False)
    challenge = client.ask(*LOGIN)[0]
    assert challenge[0] == "!done"
    assert challenge[1].startswith("=ret=")
    answers = client.ask("/login", "=name=api", "=response=00" + "0" * 32)
    assert answers[0][0] == "!trap"


def test_a_reboot_ends_connections_and_numbers_rows_anew() -> None:
    site = Site()
    site.router.admit(NORA)
    site.router.admit(NAMED_TRUE)
    client = Client(site)
    site.router.reboot()
    assert client.socket.is_ended
    site.router.admit(NAMED_TRUE)
    rows = Client(site).ask("/ip/hotspot/active/print", "=.proplist=.id,user")
    assert rows == [["!re", "=.id=*1", "=user=true"], DONE]


def test_a_slow_answer() -> None:
    site = Site(Habits(api_slow=2.0))
    client = Client(site)
    before = site.reactor.seconds()
    client.ask("/system/identity/print")
    assert site.reactor.seconds() - before == 2.0
