"""What is remembered of requests is what was said of them in the last ten seconds."""

from random import Random

import pytest

from policy.quantities import Instant
from radiusd.server import duplicates
from radiusd.server.duplicates import KEPT, Duplicates, InWork

SOURCE = ("10.0.0.1", 40_000)


def a_request(number: int, octets: int = 0) -> bytes:
    """An Access-Request with an Authenticator of its own."""
    return bytes((1, number % 256, 0, 24)) + number.to_bytes(16) + bytes((octets,) * 4)


def find(known: Duplicates, number: int, octets: int = 0) -> bytes | InWork | None:
    request = a_request(number, octets)
    return known.find(known.key(request, SOURCE), request)


def begin(known: Duplicates, number: int, at: int, octets: int = 0) -> bytes:
    request = a_request(number, octets)
    key = known.key(request, SOURCE)
    known.begin(key, request, Instant(at))
    return key


def test_other_octets_another_port_or_another_address_are_another_request() -> None:
    known = Duplicates()
    known.finish(begin(known, 1, 0), b"yes")
    request = a_request(1)
    assert find(known, 1) == b"yes"
    assert find(known, 1, octets=1) is None
    for source in (("10.0.0.1", 40_001), ("10.0.0.11", 40_000)):
        assert known.find(known.key(request, source), request) is None


def test_one_that_was_forgotten_and_came_again_is_kept_from_then_on() -> None:
    known = Duplicates()
    known.forget(begin(known, 1, 0))
    begin(known, 2, 10)
    begin(known, 1, 20)
    begin(known, 3, 15 + KEPT)
    assert [find(known, number) for number in (1, 2, 3)] == [InWork.YES, None, InWork.YES]
    begin(known, 4, 21 + KEPT)
    assert find(known, 1) is None


@pytest.mark.parametrize("seed", range(20))
def test_it_knows_what_a_plain_list_would_know(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MOST", 8)
    random, known, at = Random(seed), Duplicates(), 0
    listed: list[tuple[int, int, bytes | InWork]] = []
    for _ in range(500):
        at += random.choice((0, 1, KEPT // 4))
        number, what = random.randrange(12), random.choice(("begin", "finish", "forget"))
        key = known.key(a_request(number), SOURCE)
        if what == "begin" and find(known, number) is None:
            while listed and (at - listed[0][1] > KEPT or len(listed) >= 8):
                listed.pop(0)
            listed = [each for each in listed if each[0] != number] + [(number, at, InWork.YES)]
            begin(known, number, at)
        elif what == "finish":
            known.finish(key, b"reply")
            listed = [(each[0], each[1], b"reply") if each[0] == number else each for each in listed]
        elif what == "forget":
            known.forget(key)
            listed = [each for each in listed if each[0] != number]
        expected = {each[0]: each[2] for each in listed}
        assert [find(known, each) for each in range(12)] == [expected.get(each) for each in range(12)]
        assert known.in_work == sum(each is InWork.YES for each in expected.values())
