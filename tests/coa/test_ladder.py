"""One try to cut, rung by rung, in milliseconds of no clock at all."""

import pytest

from policy.connection import Closing
from policy.cut import Outcome, Verdict
from policy.quantities import Instant
from radiusd.coa.ladder import Action, AskApi, Disconnect, Ladder, Means, Naming
from radiusd.coa.orders import Acknowledged, Refused, Silent

BEGAN = Instant(1_000_000)
FULL = Disconnect(Naming.SESSION_AND_ADDRESS)
PLAIN = Disconnect(Naming.SESSION)
BY_ADDRESS = Disconnect(Naming.ADDRESS)
ACK, SILENCE = Acknowledged(1, 5), Silent(4, 4_500)


def at(milliseconds: int) -> Instant:
    return Instant(BEGAN + milliseconds)


def nak(cause: int | None) -> Refused:
    return Refused(cause, 1, 5)


def begun(means: Means) -> Ladder:
    ladder = Ladder(BEGAN, means)
    ladder.begin()
    return ladder


def outcome(actions: tuple[Action, ...]) -> tuple[Outcome, Closing | None]:
    (verdict,) = actions
    assert isinstance(verdict, Verdict)
    return verdict.outcome, verdict.closing


MIKROTIK, OTHER = Means(), Means(is_routeros=False, names_address=False)
WITH_API = Means(has_api=True)


@pytest.mark.parametrize(
    ("means", "first"),
    [
        (MIKROTIK, FULL),
        (OTHER, PLAIN),
        (Means(has_address=False), PLAIN),
        (Means(has_session_id=False), BY_ADDRESS),
        (Means(has_session_id=False, has_address=False), PLAIN),
        (Means(uses_coa=False, has_api=True), AskApi()),
    ],
)
def test_the_first_rung_is_what_the_router_takes(means: Means, first: Action) -> None:
    assert Ladder(BEGAN, means).begin() == (first,)


def test_a_stop_proves_a_cut_with_or_without_an_ack() -> None:
    for answers in ([], [ACK]):
        ladder = begun(MIKROTIK)
        for each in answers:
            assert ladder.answered(each, at(5)) == ()
        assert outcome(ladder.closed(Closing.STOPPED)) == (Outcome.CONFIRMED, Closing.STOPPED)
        assert ladder.next_at() is None


def test_an_ack_alone_proves_nothing() -> None:
    ladder = begun(MIKROTIK)
    assert ladder.answered(ACK, at(5)) == ()
    for milliseconds in (1_005, 2_010, 3_015, 4_020):
        assert ladder.next_at() == at(milliseconds)
        assert ladder.due(at(milliseconds)) == (FULL,)
        assert ladder.answered(ACK, at(milliseconds + 5)) == ()
    assert ladder.next_at() == at(4_500)
    (verdict,) = ladder.due(at(4_500))
    assert verdict == Verdict(
        Outcome.NOT_CUT, "acknowledged, but neither a Stop nor anything else shows that it was done"
    )


@pytest.mark.parametrize("cause", [503, 406, None])
def test_a_router_that_acknowledged_and_then_knows_no_such_session_has_cut_it(cause: int | None) -> None:
    ladder = begun(MIKROTIK)
    ladder.answered(ACK, at(5))
    assert ladder.due(at(1_005)) == (FULL,)
    assert outcome(ladder.answered(nak(cause), at(1_010))) == (Outcome.CONFIRMED, Closing.GONE)


def test_503_to_a_disconnect_is_success() -> None:
    assert outcome(begun(MIKROTIK).answered(nak(503), at(5))) == (Outcome.GONE, Closing.GONE)


def test_406_means_not_found_only_where_the_router_acknowledged_something_lately() -> None:
    assert outcome(begun(Means(hears_us=True)).answered(nak(406), at(5))) == (Outcome.GONE, Closing.GONE)
    ladder = begun(MIKROTIK)
    assert ladder.answered(nak(406), at(5)) == (BY_ADDRESS,)
    assert outcome(ladder.answered(nak(406), at(10))) == (Outcome.NOT_CUT, None)


def test_a_nak_without_a_cause_is_how_some_say_that_they_know_no_such_session() -> None:
    assert outcome(begun(OTHER).answered(nak(None), at(5))) == (Outcome.GONE, Closing.GONE)
    assert begun(MIKROTIK).answered(nak(None), at(5)) == (BY_ADDRESS,)


def test_a_router_that_refuses_the_address_is_asked_without_it_and_remembered() -> None:
    ladder = begun(MIKROTIK)
    assert ladder.answered(nak(401), at(5)) == (PLAIN,)
    assert not ladder.learned_plain
    ladder.answered(ACK, at(10))
    assert ladder.learned_plain


@pytest.mark.parametrize("cause", [402, 404, 407, 504, 508])
def test_a_nak_that_allows_it_is_followed_by_the_name_and_the_address_and_then_the_api(cause: int) -> None:
    ladder = begun(WITH_API)
    assert ladder.answered(nak(cause), at(5)) == (BY_ADDRESS,)
    assert ladder.answered(nak(cause), at(10)) == (AskApi(),)


@pytest.mark.parametrize("cause", [403, 501, 502, 505, 506])
def test_a_nak_that_naming_cannot_mend_goes_straight_to_the_api(cause: int) -> None:
    assert begun(WITH_API).answered(nak(cause), at(5)) == (AskApi(),)
    (verdict,) = begun(MIKROTIK).answered(nak(cause), at(5))
    assert verdict == Verdict(Outcome.NOT_CUT, f"refused: {cause}")


def test_what_might_hit_another_session_is_left_out() -> None:
    ladder = begun(WITH_API)
    assert ladder.answered(nak(404), at(5)) == (BY_ADDRESS,)
    assert ladder.skipped() == (AskApi(),)


def test_the_api_is_asked_when_nothing_is_proven_in_450_ms() -> None:
    for answers in ([], [ACK]):
        ladder = begun(WITH_API)
        for each in answers:
            ladder.answered(each, at(5))
        assert ladder.next_at() == at(450)
        assert ladder.due(at(449)) == ()
        assert ladder.due(at(450)) == (AskApi(),)
        assert outcome(ladder.api_answered(is_gone=True, found=1)) == (Outcome.CONFIRMED, Closing.ABSENT)


def test_a_guest_whom_the_active_list_never_had_was_gone_already() -> None:
    ladder = begun(WITH_API)
    ladder.due(at(450))
    assert outcome(ladder.api_answered(is_gone=True, found=0)) == (Outcome.GONE, Closing.ABSENT)


def test_an_api_that_fails_leaves_the_rest_of_the_time_to_the_router() -> None:
    ladder = begun(WITH_API)
    ladder.due(at(450))
    assert ladder.api_failed("connection refused") == ()
    (verdict,) = ladder.due(at(4_500))
    assert verdict == Verdict(Outcome.NOT_CUT, "no answer to any Disconnect-Request; the API: connection refused")


def test_a_removal_that_does_not_take_proves_nothing() -> None:
    ladder = begun(WITH_API)
    ladder.due(at(450))
    assert ladder.api_answered(is_gone=False, found=1) == ()
    assert outcome(ladder.due(at(4_500))) == (Outcome.NOT_CUT, None)


def test_silence_ends_undecided_at_four_and_a_half_seconds() -> None:
    ladder = begun(MIKROTIK)
    assert ladder.due(at(4_499)) == ()
    assert outcome(ladder.due(at(4_500))) == (Outcome.NOT_CUT, None)
    assert ladder.answered(SILENCE, at(4_500)) == ()
    assert ladder.closed(Closing.STOPPED) == ()


def test_another_port_is_tried_once_where_the_router_never_answered() -> None:
    ladder = begun(Means(has_other_port=True))
    assert ladder.next_at() == at(1_200)
    assert ladder.due(at(1_200)) == (Disconnect(Naming.SESSION_AND_ADDRESS, is_at_other_port=True),)
    assert ladder.due(at(2_000)) == ()
    answered = begun(Means(has_other_port=True))
    answered.answered(ACK, at(5))
    assert answered.due(at(1_200)) == (FULL,)


def test_nothing_left_to_try_is_told_at_once() -> None:
    ladder = begun(Means(uses_coa=False, has_api=True))
    (verdict,) = ladder.api_failed("wrong user name or password")
    assert verdict == Verdict(Outcome.NOT_CUT, "the API: wrong user name or password")


def test_what_a_wish_waited_to_be_begun_is_part_of_its_five_seconds() -> None:
    ladder = Ladder(BEGAN, MIKROTIK, wished=Instant(BEGAN - 300))
    ladder.begin()
    assert ladder.next_at() == at(4_200)
    late = Ladder(BEGAN, MIKROTIK, wished=Instant(BEGAN - 3_000))
    late.begin()
    assert late.next_at() == at(1_500)
    again = Ladder(BEGAN, MIKROTIK, wished=Instant(BEGAN - 60_000))  # a later try of an old wish has all its time
    again.begin()
    assert again.next_at() == at(4_500)


def test_a_session_that_cannot_be_told_from_a_later_one_is_looked_for_again() -> None:
    ladder = begun(WITH_API)
    assert ladder.due(at(450)) == (AskApi(),)
    assert ladder.api_postponed(at(460)) == ()
    assert ladder.next_at() == at(460 + 225)
    assert ladder.due(at(685)) == (AskApi(),)
