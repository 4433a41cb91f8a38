"""Members by number, however many there are of one."""

from radiusd.groups import Groups, too_many


def test_a_number_has_the_members_that_were_added_and_not_discarded() -> None:
    known: Groups[int] = Groups()
    assert known.of(1) == ()
    for member in (7, 7, 8, 9, 9):
        known.add(1, member)
    known.add(2, 7)
    assert (sorted(known.of(1)), known.of(2)) == ([7, 8, 9], (7,))
    for member in (5, 8, 7):
        known.discard(1, member)
    assert known.of(1) == (9,)
    known.discard(1, 9)
    known.discard(1, 9)
    known.discard(2, 8)
    assert (known.of(1), known.of(2)) == ((), (7,))
    known.discard(2, 7)
    assert known.of(2) == ()


def test_nothing_is_left_after_it_was_cleared() -> None:
    known: Groups[bytes] = Groups()
    known.add(1, b"a")
    known.clear()
    assert known.of(1) == ()


def test_the_first_make_room_and_in_a_crowd_some_at_once() -> None:
    assert too_many({1: "a", 2: "b"}, 2) == ()
    assert too_many({1: "a", 2: "b"}, 1) == (1,)
    assert too_many(dict.fromkeys(range(4097)), 4096) == (0, 1, 2, 3, 4)
