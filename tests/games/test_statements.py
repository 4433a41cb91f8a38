"""The twelve statements that a game studio would judge us by, with the clock turned by hand."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from twisted.logger import LogEvent, formatEvent

from policy.quantities import Instant
from radiusd.store.columns import metadata
from radiusd.store.game_schema import game_sessions, games, otts
from tests.games.given import CAFE_ADDRESS, KEY, OTHER_KEY, STUDIO_ADDRESS, Evening, Pc, data, failure

REFUSED_FIELDS = {"is_valid", "reason"}


def beating(evening: Evening, session: str, results: list[Any], pc: Pc | None = None) -> None:
    """One heartbeat of the game and one of the launcher."""
    if pc is not None:
        assert pc.beat().status == 200
    results.append(data(evening.beat(session)))


# 1


def test_the_happy_path(evening: Evening) -> None:
    verified = data(evening.verify(evening.sit_down().ott()))
    assert set(verified) == {"is_valid", "game_session_id", "is_pc_cafe"}
    assert (verified["is_valid"], verified["is_pc_cafe"]) == (True, True)
    assert verified["game_session_id"].startswith("gs_")
    assert evening.upstream.all("start") == [(verified["game_session_id"], evening.at)]


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_the_short_addresses_do_the_same(evening: Evening, prefix: str) -> None:
    started = evening.start_launcher(path=f"{prefix}/session/start")
    pc = Pc(evening, data(started)["session_token"])
    ott = data(evening.launcher_asks("POST", f"{prefix}/ott", pc.token, {"game_id": "1"}))["ott"]
    wish = {"ott": ott, "provider_user_id": "7"}
    session = data(evening.ask("POST", f"{prefix}/session/verify", wish, X_Api_Key=KEY))["game_session_id"]
    beat = {"game_session_id": session, "provider_user_id": "7"}
    assert data(evening.ask("PATCH", f"{prefix}/session/heartbeat", beat, X_Api_Key=KEY))["result"] == "OK"
    end = {"game_session_id": session}
    assert data(evening.ask("DELETE", f"{prefix}/session/end", end, X_Api_Key=KEY))["result"] == "SUCCESS"


# 2


def test_refusals_are_answers_and_start_no_charge(evening: Evening) -> None:
    pc = evening.sit_down()
    late, foreign, poor = pc.ott(), pc.ott(), ""
    told = [data(evening.verify(foreign, OTHER_KEY))]
    evening.pass_time(61)
    told.append(data(evening.verify(late)))
    poor = pc.ott()
    evening.upstream.is_chargeable = False
    told.append(data(evening.verify(poor)))
    assert [each["reason"] for each in told] == ["GAME_MISMATCH", "OTT_EXPIRED", "NOT_CHARGEABLE"]
    assert all(set(each) == REFUSED_FIELDS and each["is_valid"] is False for each in told)
    assert evening.upstream.all("start") == []


@pytest.mark.parametrize(("age", "is_valid"), [(59, True), (59.999, True), (60, False), (61, False)])
def test_a_token_lives_for_sixty_seconds(evening: Evening, age: float, is_valid: bool) -> None:
    ott = evening.sit_down().ott()
    evening.pass_time(age)
    assert data(evening.verify(ott))["is_valid"] is is_valid


# 3


def test_of_fifty_verifies_at_once_one_succeeds_and_ten_minutes_later_it_is_still_used(evening: Evening) -> None:
    pc = evening.sit_down()
    ott = pc.ott()
    evening.held_back = []
    wish = {"ott": ott, "provider_user_id": "7"}
    clients = [
        evening.send("POST", "/v1/game/session/verify", wish, f"198.51.100.{number}", X_Api_Key=KEY)
        for number in range(50)
    ]
    evening.let_go()
    told = [data(client.answers[0]) for client in clients]
    assert sorted(each.get("reason", "in") for each in told) == ["OTT_ALREADY_USED"] * 49 + ["in"]
    assert len(evening.upstream.all("start")) == 1
    with evening.database.reading() as connection:
        assert len(connection.execute(select(game_sessions)).all()) == 1
    evening.pass_time(600)
    assert data(evening.verify(ott))["reason"] == "OTT_ALREADY_USED"


# 4


def test_a_key_is_right_or_one_and_the_same_401(evening: Evening) -> None:
    ott = evening.sit_down().ott()
    with evening.database.writing() as connection:
        connection.execute(games.update().where(games.c.id == 2).values(is_active=False))
    evening.learn()
    wish = {"ott": ott, "provider_user_id": "7"}
    path = "/v1/game/session/verify"
    answers = [
        evening.ask("POST", path, wish),
        evening.ask("POST", path, wish, X_Api_Key="pw_wrong"),
        evening.ask("POST", path, wish, X_Api_Key=OTHER_KEY),
    ]
    assert [failure(each) for each in answers] == [(401, "INVALID_API_KEY")] * 3
    assert len({each.body["error"]["message"] for each in answers}) == 1
    assert data(evening.verify(ott))["is_valid"]


def test_no_key_token_or_ott_is_in_the_store_or_the_logs(evening: Evening, logged: list[LogEvent]) -> None:
    pc = evening.sit_down()
    ott = pc.ott()
    session = data(evening.verify(ott))["game_session_id"]
    evening.end(session)
    evening.verify(ott)
    with evening.database.reading() as connection:
        stored = " ".join(str(connection.execute(table.select()).all()) for table in metadata.sorted_tables)
    told = " ".join(str(formatEvent(each)) for each in logged)
    for secret in (KEY, pc.token, ott):
        assert secret not in stored
        assert secret not in told


# 5


@pytest.mark.parametrize(
    "body",
    [
        {"provider_user_id": 90210},
        {"provider_user_id": ""},
        {"provider_user_id": None},
        {"provider_user_id": "7\u0000"},
        {"ott": None},
        {"ott": "not a uuid"},
        {"ott": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},  # of version 1
        b"{",
        b"",
        b"[]",
        b'\xff\xfe{"ott": "x"}',
    ],
)
def test_what_cannot_be_read_costs_no_token(evening: Evening, body: Any) -> None:
    ott = evening.sit_down().ott()
    fields = body if isinstance(body, bytes) else {"ott": ott, "provider_user_id": "7", **body}
    answer = evening.ask("POST", "/v1/game/session/verify", fields, X_Api_Key=KEY)
    assert failure(answer) == (400, "BAD_REQUEST")
    assert data(evening.verify(ott))["is_valid"]


def test_a_wrong_content_type_and_a_body_too_long_are_bad_requests_too(evening: Evening) -> None:
    ott = evening.sit_down().ott()
    path = "/v1/game/session/verify"
    wish = json.dumps({"ott": ott, "provider_user_id": "7"}).encode()
    assert failure(evening.ask("POST", path, wish, X_Api_Key=KEY, Content_Type="text/plain")) == (400, "BAD_REQUEST")
    assert failure(evening.ask("POST", path, b" " * 20_000, X_Api_Key=KEY)) == (400, "BAD_REQUEST")
    assert data(evening.verify(ott))["is_valid"]


def test_what_is_not_there_says_so_in_the_same_form(evening: Evening) -> None:
    assert failure(evening.ask("GET", "/v1/nothing")) == (404, "NOT_FOUND")
    assert failure(evening.ask("PUT", "/v1/game/session/verify", {})) == (405, "METHOD_NOT_ALLOWED")


# 6


def test_half_an_hour_of_heartbeats(evening: Evening) -> None:
    pc = evening.sit_down()
    session = evening.play(pc)
    began, results = evening.at, []  # type: ignore[var-annotated]
    for _ in range(15):
        evening.pass_time(120, step=10)
        beating(evening, session, results, pc)
        assert abs(results[-1]["play_duration_sec"] - (evening.at - began) / 1000) <= 1
    assert {each["result"] for each in results} == {"OK"}
    assert {each["next_heartbeat_in"] for each in results} == {120}
    durations = [each["play_duration_sec"] for each in results]
    assert durations == sorted(durations)


def test_twice_as_many_heartbeats_from_several_hosts_change_nothing(evening: Evening) -> None:
    pc = evening.sit_down()
    session = evening.play(pc)
    for number in range(30):
        evening.pass_time(60, step=10)
        pc.beat()
        told = data(evening.beat(session, source=f"198.51.100.{number % 2 + 1}"))
    assert told["play_duration_sec"] == 1_800
    assert data(evening.end(session))["play_duration_sec"] == 1_800
    assert len(evening.upstream.all("start")) == 1
    assert len(evening.upstream.all("stop")) == 1


# 7


def test_after_four_minutes_of_silence_it_is_over_by_itself(evening: Evening) -> None:
    pc = evening.sit_down()
    session = evening.play(pc)
    evening.pass_time(120, step=10)
    pc.beat()
    evening.beat(session)
    last = evening.at
    evening.pass_time(119, step=1)
    pc.beat()
    evening.pass_time(120, step=1)
    assert evening.stored(session)["phase"] == "ACTIVE"
    evening.pass_time(6, step=1)
    assert evening.at - last == 245_000
    assert (evening.stored(session)["phase"], evening.stored(session)["end_reason"]) == ("EXPIRED", "heartbeat_timeout")
    assert [key for key, _ in evening.upstream.all("stop")] == [session]
    assert evening.stored(session)["ended_at"] == last
    assert failure(evening.beat(session)) == (404, "SESSION_NOT_FOUND")
    assert failure(evening.end(session)) == (404, "SESSION_NOT_FOUND")


# 8


def test_out_of_coins(evening: Evening) -> None:
    pc = evening.sit_down()
    session = evening.play(pc)
    evening.pass_time(120, step=10)
    pc.beat()
    evening.upstream.has_coins = False
    assert data(evening.beat(session))["result"] == "CHARGE_EXHAUSTED"
    began = evening.at
    for _ in range(11):
        evening.pass_time(10, step=1)
        pc.beat()
        assert data(evening.beat(session))["result"] == "CHARGE_EXHAUSTED"
    evening.pass_time(9, step=1)
    assert evening.stored(session)["phase"] == "GRACE"
    evening.pass_time(2, step=1)
    row = evening.stored(session)
    assert (row["phase"], row["end_reason"], row["ended_at"]) == ("ENDED", "charge_exhausted", began + 120_000)
    assert failure(evening.beat(session)) == (410, "SESSION_ENDED")
    assert failure(evening.end(session)) == (409, "ALREADY_ENDED")
    assert len(evening.upstream.all("stop")) == 1


def test_a_top_up_in_the_grace_lets_the_game_go_on(evening: Evening) -> None:
    pc = evening.sit_down()
    session = evening.play(pc)
    evening.pass_time(100, step=10)
    evening.upstream.has_coins = False
    evening.beat(session)
    evening.pass_time(50, step=10)
    evening.upstream.has_coins = True
    pc.beat()
    assert data(evening.beat(session))["result"] == "OK"
    evening.pass_time(100, step=10)
    assert evening.stored(session)["phase"] == "ACTIVE"
    evening.beat(session)
    assert evening.upstream.all("renew")[-1] == (session, 200)  # 250 s of play, 50 of them unpaid


def test_an_end_in_the_grace_is_an_end(evening: Evening) -> None:
    session = evening.play()
    evening.upstream.has_coins = False
    evening.beat(session)
    evening.pass_time(60, step=10)
    assert data(evening.end(session))["result"] == "SUCCESS"
    assert evening.stored(session)["end_reason"] == "normal"


# 9


def test_a_second_game_on_the_same_pc_replaces_the_first(evening: Evening) -> None:
    pc = evening.sit_down()
    first = evening.play(pc)
    evening.pass_time(30, step=10)
    second = evening.play(pc)
    told = data(evening.beat(first))
    assert (told["result"], told["next_heartbeat_in"], told["play_duration_sec"]) == ("SESSION_REPLACED", 120, 30)
    assert failure(evening.end(first)) == (409, "ALREADY_ENDED")
    assert data(evening.beat(first))["result"] == "SESSION_REPLACED"
    assert data(evening.beat(second))["result"] == "OK"
    order = [(what, key) for what, key, _ in evening.upstream.asked if what in ("start", "stop")]
    assert order == [("start", first), ("stop", first), ("start", second)]


def test_the_same_player_on_another_pc_replaces_nothing(evening: Evening) -> None:
    first = evening.play(evening.sit_down("PC-1"))
    second = evening.play(evening.sit_down("PC-2"))
    assert [data(evening.beat(each))["result"] for each in (first, second)] == ["OK", "OK"]


def test_a_second_game_that_is_refused_leaves_the_first_alone(evening: Evening) -> None:
    pc = evening.sit_down()
    first = evening.play(pc)
    evening.upstream.is_chargeable = False
    assert data(evening.verify(pc.ott()))["reason"] == "NOT_CHARGEABLE"
    assert data(evening.beat(first))["result"] == "OK"


# 10


def test_a_launcher_that_was_killed_ends_the_game_on_the_first_heartbeat_that_finds_it(evening: Evening) -> None:
    session = evening.play()
    for _ in range(2):
        evening.at = Instant(evening.at + 120_000)
        assert data(evening.beat(session))["result"] == "OK"
    evening.at = Instant(evening.at + 1_000)
    assert failure(evening.beat(session)) == (410, "SESSION_ENDED")
    assert [key for key, _ in evening.upstream.all("stop")] == [session]
    assert evening.stored(session)["end_reason"] == "launcher_timeout"
    assert failure(evening.end(session)) == (409, "ALREADY_ENDED")


def test_a_launcher_that_was_closed_ends_its_game_too(evening: Evening) -> None:
    pc = evening.sit_down()
    session = evening.play(pc)
    assert data(pc.close())["result"] == "OK"
    assert failure(evening.beat(session)) == (410, "SESSION_ENDED")
    evening.pass_time(1)
    assert len(evening.upstream.all("stop")) == 1
    assert failure(pc.beat()) == (401, "INVALID_SESSION")


# 11


def test_an_end_is_answered_with_the_servers_time_and_the_clients_beside_it(evening: Evening) -> None:
    session, other = evening.play(evening.sit_down("PC-1")), evening.play(evening.sit_down("PC-2"))
    evening.pass_time(100, step=10)
    told = data(evening.end(session, play_duration_sec=999_999))
    assert told == {"result": "SUCCESS", "play_duration_sec": 100, "client_play_duration_sec": 999_999}
    assert data(evening.end(other))["client_play_duration_sec"] is None
    row = evening.stored(session)
    assert (row["ended_at"] - row["started_at"], row["client_seconds"]) == (100_000, 999_999)
    assert failure(evening.end(session)) == (409, "ALREADY_ENDED")
    assert failure(evening.beat(session)) == (410, "SESSION_ENDED")


@pytest.mark.parametrize("sent", [-7, 1.5, 1e300, 2**63])
def test_a_clients_time_that_is_none_does_not_keep_the_session_alive(evening: Evening, sent: float) -> None:
    told = data(evening.end(evening.play(), play_duration_sec=sent))
    assert (told["result"], told["client_play_duration_sec"]) == ("SUCCESS", None)


def test_a_whole_number_may_be_written_with_a_point(evening: Evening) -> None:
    assert data(evening.end(evening.play(), play_duration_sec=12.0))["client_play_duration_sec"] == 12


def test_another_games_key_and_another_players_name_find_nothing(evening: Evening) -> None:
    session = evening.play()
    assert failure(evening.beat(session, OTHER_KEY)) == (404, "SESSION_NOT_FOUND")
    assert failure(evening.end(session, OTHER_KEY)) == (404, "SESSION_NOT_FOUND")
    assert failure(evening.beat(session, player="somebody else")) == (404, "SESSION_NOT_FOUND")
    assert data(evening.beat(session))["result"] == "OK"


# 12


def test_a_restart_changes_nothing(evening: Evening) -> None:
    pc, other = evening.sit_down("PC-1"), evening.sit_down("PC-2")
    ott = pc.ott()
    active = data(evening.verify(ott))["game_session_id"]
    grace = evening.play(other)
    evening.pass_time(60, step=10)
    evening.upstream.has_coins = False
    evening.beat(grace)
    began = evening.at
    evening.pass_time(60, step=10)
    evening.restart()
    evening.upstream.has_coins = True
    assert data(evening.beat(active)) == {"result": "OK", "next_heartbeat_in": 120, "play_duration_sec": 120}
    assert data(evening.verify(ott))["reason"] == "OTT_ALREADY_USED"
    evening.pass_time(61, step=1)
    assert evening.stored(grace)["ended_at"] == began + 120_000
    assert evening.stored(grace)["end_reason"] == "charge_exhausted"
    assert len(evening.upstream.all("start")) == 2
    assert [key for key, _ in evening.upstream.all("stop")] == [grace]


# Where the café's side is away


def test_a_charge_that_nobody_can_start_releases_the_token(evening: Evening) -> None:
    ott = evening.sit_down().ott()
    evening.upstream.is_away = True
    assert failure(evening.verify(ott)) == (500, "INTERNAL_ERROR")
    evening.upstream.is_away = False
    assert data(evening.verify(ott))["is_valid"]


def test_a_renewal_that_nobody_answers_is_no_exhaustion_until_it_lasts_too_long(evening: Evening) -> None:
    pc = evening.sit_down()
    session = evening.play(pc)
    evening.upstream.is_away = True
    told = []
    for _ in range(7):
        evening.pass_time(110, step=10)
        pc.beat()
        told.append(data(evening.beat(session))["result"])
    assert told == ["OK"] * 6 + ["CHARGE_EXHAUSTED"]


def test_a_crash_between_claim_and_charge_leaves_no_charge_running(evening: Evening) -> None:
    pc = evening.sit_down()
    ott = pc.ott()
    evening.upstream.slow = []
    assert not evening.send(
        "POST", "/v1/game/session/verify", {"ott": ott, "provider_user_id": "7"}, X_Api_Key=KEY
    ).answers
    evening.upstream.slow = None
    evening.restart()
    assert data(evening.verify(ott))["reason"] == "OTT_ALREADY_USED"
    evening.pass_time(32, step=1)
    assert len(evening.upstream.all("stop")) == 1
    with evening.database.reading() as connection:
        assert connection.execute(select(otts.c.outcome)).scalar_one() == "ABANDONED"


def test_a_stop_that_nobody_acknowledges_is_tried_until_somebody_does(evening: Evening) -> None:
    session = evening.play()
    evening.upstream.is_stopping_away = True
    assert data(evening.end(session))["result"] == "SUCCESS"
    assert failure(evening.beat(session)) == (410, "SESSION_ENDING")
    assert failure(evening.end(session)) == (409, "ALREADY_ENDED")
    evening.upstream.is_stopping_away = False
    evening.pass_time(1)
    assert failure(evening.beat(session)) == (410, "SESSION_ENDED")


# Launchers


def test_a_launcher_is_believed_only_signed_fresh_and_from_its_cafe(evening: Evening) -> None:
    wrong = [
        evening.start_launcher(headers={"X_Signature": "0" * 64}),
        evening.start_launcher(headers={"X_Launcher_Id": "elsewhere"}),
        evening.start_launcher(time=str(evening.at // 1000 - 301)),
        evening.start_launcher(time=str(evening.at // 1000 + 301)),
        evening.start_launcher(nonce="short"),
        evening.start_launcher(headers={"X_Nonce": "f" * 32}),
    ]
    assert [failure(each) for each in wrong] == [(401, "INVALID_SIGNATURE")] * len(wrong)
    assert failure(evening.start_launcher(source=STUDIO_ADDRESS)) == (403, "NOT_PC_CAFE")
    assert evening.start_launcher(nonce="a" * 32).status == 200
    assert failure(evening.start_launcher(nonce="a" * 32)) == (401, "INVALID_SIGNATURE")


def test_a_launcher_is_told_which_games_there_are(evening: Evening) -> None:
    told = data(evening.start_launcher())
    assert [(each["game_id"], each["name"], each["place_id"]) for each in told["games"]] == [
        ("1", "Obby", "177"),
        ("2", "Tycoon", "277"),
    ]
    assert told["heartbeat_in"] == 120


def test_there_is_no_token_for_a_game_that_is_not_there_or_a_launcher_that_is_gone(evening: Evening) -> None:
    pc = evening.sit_down()
    asked = evening.launcher_asks("POST", "/v1/launcher/ott", pc.token, {"game_id": "9"})
    assert failure(asked) == (404, "GAME_NOT_FOUND")
    evening.at = Instant(evening.at + 241_000)
    asked = evening.launcher_asks("POST", "/v1/launcher/ott", pc.token, {"game_id": "1"})
    assert failure(asked) == (401, "INVALID_SESSION")


def test_a_launcher_that_starts_anew_takes_its_pcs_game_over(evening: Evening) -> None:
    session = evening.play(evening.sit_down("PC-1"))
    evening.pass_time(200, step=10)
    evening.beat(session)
    again = evening.sit_down("PC-1")
    evening.pass_time(200, step=10)
    again.beat()
    assert data(evening.beat(session))["result"] == "OK"


def test_a_seat_that_is_not_in_its_cafe_any_more_gets_no_session(evening: Evening) -> None:
    ott = evening.sit_down().ott()
    evening.seats.moved.add(CAFE_ADDRESS)
    assert data(evening.verify(ott))["reason"] == "OTT_EXPIRED"
    assert evening.upstream.all("start") == []


# How much a studio may ask


def test_a_shutdown_burst_of_ends_and_heartbeats_in_their_time_are_never_too_much(evening: Evening) -> None:
    sessions = [evening.play(evening.sit_down(f"PC-{number}")) for number in range(120)]
    for _ in range(700):
        evening.verify("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
    assert failure(evening.verify("6ba7b810-9dad-41d1-80b4-00c04fd430c8")) == (429, "RATE_LIMITED")
    evening.at = Instant(evening.at + 30_000)
    for _ in range(700):
        evening.verify("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
    assert {data(evening.beat(each))["result"] for each in sessions} == {"OK"}
    assert {data(evening.end(each))["result"] for each in sessions} == {"SUCCESS"}


def test_heartbeats_of_a_session_that_is_over_are_counted(evening: Evening) -> None:
    session = evening.play()
    evening.end(session)
    evening.at = Instant(evening.at + 60_000)
    told = [evening.beat(session).status for _ in range(501)]
    assert (told[0], told[499], told[500]) == (410, 410, 429)


def test_whoever_guesses_keys_is_held_back_by_their_address(evening: Evening) -> None:
    path = "/v1/game/session/verify"
    told = [failure(evening.ask("POST", path, {}, X_Api_Key=f"pw_{number}"))[0] for number in range(40)]
    assert set(told[:30]) == {401}
    assert set(told[30:]) == {429}
    assert evening.ask("POST", path, {}, X_Api_Key=KEY).status == 400
