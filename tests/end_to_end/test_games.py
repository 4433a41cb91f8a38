"""A studio's statements over real sockets and against real processes: 1 to 5, 9, 11 and 12, the PC's logout, kills."""

import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

import pytest

from radiusd.store.columns import metadata
from radiusd.store.game_schema import charge_stops, game_sessions, otts, wallet_charges
from tests.end_to_end.cafe import Cafe
from tests.end_to_end.game_town import Answer, Arcade, Beside, Game, Request, all_at_once, ask
from tests.end_to_end.pc_town import PcOwner
from tests.games.judging import wrong
from tests.postgres import server_address

USED = "OTT_ALREADY_USED"


def wrong_in_the_end(arcade: Arcade) -> list[str]:
    """What must not be, once what is on its way had its time: a partner may hear of a stop only at the second try."""
    until = time.monotonic() + 15
    while (found := wrong(arcade)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


@pytest.fixture
def arcade(cafe: Cafe) -> Iterator[Arcade]:
    """A café with a wallet of 100."""
    made = Arcade(cafe)
    made.put_on(100)
    yield made
    made.database.close()


@pytest.fixture
def obby(arcade: Arcade) -> Game:
    """A game for 1 a minute."""
    return arcade.a_game()


def reason(answer: Answer) -> str:
    """What a verify came to."""
    return "in" if answer.data["is_valid"] else str(answer.data["reason"])


def started(arcade: Arcade) -> list[str]:
    """The charges that were ever started."""
    return [row.game_session_id for row in arcade.books.rows(wallet_charges) if row.started_at is not None]


# 1


def test_from_the_launcher_to_a_game_that_is_charged(arcade: Arcade, obby: Game) -> None:
    answer = ask(arcade.cafe, obby.verify(arcade.sit_down().ott(obby)))
    assert set(answer.data) == {"is_valid", "game_session_id", "is_pc_cafe"}
    assert answer.fields["request_id"].startswith("req_")
    assert (answer.data["is_valid"], answer.data["is_pc_cafe"]) == (True, True)
    session = answer.data["game_session_id"]
    assert re.fullmatch(r"gs_[0-9a-f-]{36}", session)
    assert started(arcade) == [session]
    assert arcade.books.left == 99
    assert arcade.show(session)["phase"] == "ACTIVE"


# 2


def test_refusals_are_answers_and_start_no_charge(arcade: Arcade, obby: Game) -> None:
    other, dear = arcade.a_game("Tycoon"), arcade.a_game("Palace", rate=101)
    pc = arcade.sit_down()
    late = pc.ott(obby)
    arcade.age(61)
    told = [
        ask(arcade.cafe, obby.verify(late)),
        ask(arcade.cafe, other.verify(pc.ott(obby))),
        ask(arcade.cafe, dear.verify(pc.ott(dear))),
    ]
    assert [each.data for each in told] == [
        {"is_valid": False, "reason": each} for each in ("OTT_EXPIRED", "GAME_MISMATCH", "NOT_CHARGEABLE")
    ]
    assert all("error" not in each.fields for each in told)
    assert started(arcade) == []


# 3


def test_of_fifty_connections_one_gets_in_and_ten_minutes_later_the_token_is_still_used(
    arcade: Arcade, obby: Game
) -> None:
    ott = arcade.sit_down().ott(obby)
    told = all_at_once([(arcade.cafe, obby.verify(ott))] * 50)
    assert sorted(reason(each) for each in told) == [USED] * 49 + ["in"]
    assert len(started(arcade)) == len(arcade.books.rows(game_sessions)) == 1
    arcade.age(600)
    assert reason(ask(arcade.cafe, obby.verify(ott))) == USED


# 4


def test_a_key_is_right_or_one_and_the_same_401_and_is_kept_nowhere(arcade: Arcade, obby: Game) -> None:
    stopped = arcade.a_game("Tycoon")
    arcade.cafe.icafectl("game", "stop", "Tycoon")
    ott = arcade.sit_down().ott(obby)
    arcade.until(lambda: ask(arcade.cafe, stopped.beat("gs_none")).status == 401)
    right = obby.verify(ott)
    told = [
        ask(arcade.cafe, Request(right.method, right.path, right.body, headers))
        for headers in ({}, {"X-Api-Key": "pw_wrong"}, {"X-Api-Key": stopped.key})
    ]
    assert [each.error for each in told] == [(401, "INVALID_API_KEY")] * 3
    when = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    assert all(when.fullmatch(each.fields["error"]["timestamp"]) for each in told)
    assert reason(ask(arcade.cafe, right)) == "in"
    with arcade.database.reading() as connection:
        stored = " ".join(str(connection.execute(table.select()).all()) for table in metadata.sorted_tables)
    for secret in (obby.key, stopped.key, ott):
        assert secret not in stored + arcade.cafe.log.read_text()


# 5


def test_what_cannot_be_read_costs_no_token(arcade: Arcade, obby: Game) -> None:
    ott = arcade.sit_down().ott(obby)
    wrong_bodies = [
        {"ott": ott, "provider_user_id": 90210},
        {"provider_user_id": "90210"},
        b'{"ott": "' + ott.encode(),
    ]
    told = [ask(arcade.cafe, obby.request("POST", "/v1/game/session/verify", each)) for each in wrong_bodies]
    assert [each.error for each in told] == [(400, "BAD_REQUEST")] * 3
    assert reason(ask(arcade.cafe, obby.verify(ott))) == "in"


# 9


def test_a_second_game_on_the_same_pc_replaces_the_first(arcade: Arcade, obby: Game) -> None:
    pc, elsewhere = arcade.sit_down("PC-1"), arcade.sit_down("PC-2")
    first, other = arcade.play(pc, obby), arcade.play(elsewhere, obby)
    second = arcade.play(pc, obby)
    replaced = ask(arcade.cafe, obby.beat(first)).data
    assert (replaced["result"], replaced["next_heartbeat_in"]) == ("SESSION_REPLACED", 120)
    assert replaced["play_duration_sec"] in (0, 1, 2)
    assert ask(arcade.cafe, obby.end(first)).error == (409, "ALREADY_ENDED")
    assert [ask(arcade.cafe, obby.beat(each)).data["result"] for each in (second, other)] == ["OK", "OK"]
    charges = {row.game_session_id: row for row in arcade.books.rows(wallet_charges)}
    assert charges[first].stopped_at <= charges[second].started_at
    assert charges[other].stopped_at is None


# 11


def test_an_end_is_answered_with_the_servers_time(arcade: Arcade, obby: Game) -> None:
    other = arcade.a_game("Tycoon")
    session = arcade.play(arcade.sit_down(), obby)
    arcade.age(100)
    for request in (other.end(session), other.beat(session)):
        assert ask(arcade.cafe, request).error == (404, "SESSION_NOT_FOUND")
    told = ask(arcade.cafe, obby.end(session, play_duration_sec=999_999)).data
    assert (told["result"], told["client_play_duration_sec"]) == ("SUCCESS", 999_999)
    assert 100 <= told["play_duration_sec"] <= 110
    assert arcade.show(session)["play_seconds"] == told["play_duration_sec"]
    assert ask(arcade.cafe, obby.end(session)).error == (409, "ALREADY_ENDED")
    assert ask(arcade.cafe, obby.beat(session)).error == (410, "SESSION_ENDED")
    assert wrong_in_the_end(arcade) == []


# 12


def test_a_server_that_is_killed_and_started_again_goes_on_where_it_was(arcade: Arcade, obby: Game) -> None:
    poor = arcade.a_game("Slots", rate=1, period="1s")
    pc, other = arcade.sit_down("PC-1"), arcade.sit_down("PC-2")
    ott = pc.ott(obby)
    active = arcade.note(ott, ask(arcade.cafe, obby.verify(ott)))
    grace = arcade.play(other, poor)
    arcade.put_on(-arcade.books.left)
    arcade.until(lambda: ask(arcade.cafe, poor.beat(grace)).data["result"] == "CHARGE_EXHAUSTED")
    arcade.cafe.stop(signal.SIGKILL)
    arcade.cafe.start()
    assert ask(arcade.cafe, poor.beat(grace)).data["result"] == "CHARGE_EXHAUSTED"
    told = ask(arcade.cafe, obby.beat(active)).data
    assert told["result"] == "OK"
    assert abs(told["play_duration_sec"] - arcade.show(active)["play_seconds"]) <= 1
    assert reason(ask(arcade.cafe, obby.verify(ott))) == USED
    arcade.cafe.stop(signal.SIGKILL)
    row = next(each for each in arcade.books.rows(game_sessions) if each.id == grace)
    arcade.age(115)
    arcade.cafe.start()
    arcade.until(lambda: ask(arcade.cafe, poor.beat(grace)).status == 410)
    ended = next(each for each in arcade.books.rows(game_sessions) if each.id == grace)
    assert (ended.end_reason, ended.ended_at - ended.grace_from) == ("charge_exhausted", 120_000)
    assert ended.grace_from == row.grace_from - 115_000
    arcade.graces[grace] = ended.grace_from
    ask(arcade.cafe, obby.end(active))
    assert wrong_in_the_end(arcade) == []


# The seat


def test_whoever_is_logged_off_the_pc_plays_no_more(arcade: Arcade, obby: Game) -> None:
    owner = PcOwner(arcade.cafe)
    session = arcade.play(arcade.sit_down("PC-1", pc_user_id="nora_01"), obby)
    other = arcade.play(arcade.sit_down("PC-2", pc_user_id="omar_02"), obby)
    assert owner.report("USER_LOGOUT").status == 200
    arcade.until(lambda: ask(arcade.cafe, obby.beat(session)).error == (410, "SESSION_ENDED"))
    assert arcade.show(session)["end"] == "pc_logout"
    assert ask(arcade.cafe, obby.beat(other)).data["result"] == "OK"
    ask(arcade.cafe, obby.end(other))
    assert wrong_in_the_end(arcade) == []


# Kills


def test_killed_in_the_midst_of_verifies_no_charge_is_started_or_stopped_twice_or_never(
    arcade: Arcade, obby: Game
) -> None:
    unanswered = 0
    for round_ in range(5):
        pcs = [arcade.sit_down(f"PC-{round_}-{number}") for number in range(10)]
        tokens = [each.ott(obby) for each in pcs]
        running = [arcade.play(each, obby) for each in pcs[:5]]
        again = [each.ott(obby) for each in pcs[:5]]
        requests = [obby.verify(each) for each in (*again, *tokens[5:])] + [obby.end(each) for each in running[:2]]
        with ThreadPoolExecutor(len(requests)) as threads:
            asked = [threads.submit(ask, arcade.cafe, each) for each in requests]
            next(islice(as_completed(asked), round_, None))
            arcade.cafe.stop(signal.SIGKILL)
            told = [each.result() for each in asked]
        arcade.cafe.start()
        for ott, answer in zip((*again, *tokens[5:]), told[:10], strict=True):
            if answer.status:
                arcade.note(ott, answer)
            else:
                assert ask(arcade.cafe, obby.verify(ott)).status == 200  # the token is used, or still good
                unanswered += 1
    assert unanswered  # or they were killed for nothing
    arcade.age(250)
    arcade.until(lambda: is_quiet(arcade), 30)
    assert wrong_in_the_end(arcade) == []


def is_quiet(arcade: Arcade) -> bool:
    """Whether nobody plays, nothing is claimed, and all charges are stopped."""
    live = [row for row in arcade.books.rows(game_sessions) if row.phase not in ("ENDED", "EXPIRED")]
    claimed = [row for row in arcade.books.rows(otts) if row.claimed_at is not None]
    return not (live or claimed or [row for row in arcade.books.rows(charge_stops) if row.done_at is None])


# Two servers


@pytest.mark.skipif(server_address() is None, reason="two servers share a PostgreSQL, never a file")
def test_of_fifty_verifies_over_two_servers_one_gets_in_each_time(arcade: Arcade, obby: Game, tmp_path: Path) -> None:
    with Beside(arcade.cafe, tmp_path / "beside") as beside:
        # What one address, and one game's servers, may ask in a moment is bounded.
        for number in range(40):
            ott = arcade.sit_down(f"PC-{number}").ott(obby)
            told = all_at_once([(where, obby.verify(ott)) for where in (arcade.cafe, beside)] * 25)
            assert sorted(reason(each) for each in told) == [USED] * 49 + ["in"]
            time.sleep(0.2)
        assert len(started(arcade)) == 40
        assert {row.outcome for row in arcade.books.rows(otts)} == {"OK"}
        arcade.age(250)
        arcade.until(lambda: is_quiet(arcade), 30)
        assert wrong_in_the_end(arcade) == []
