"""Log off the gaming PC and the WiFi is gone: recorded once, cut at once, and what is left is kept by the rule."""

from policy.package import Package
from policy.pc import Resume
from policy.quantities import Instant, Seconds
from radiusd.jobs import pc_events
from radiusd.store import accounts as account_rows
from radiusd.store import branches, devices, live, packages
from radiusd.store.game_schema import charge_stops, game_sessions, games, launcher_sessions, launchers
from radiusd.store.pc_schema import pc_events as event_rows
from radiusd.web.errors import WebError
from radiusd.wire.codes import Code
from tests.pc_sync.given import OTHER_KEY, OTHER_TOKEN, SOURCE, TOKEN, an_event
from tests.pc_sync.town import LOCATION, PcCafe, tie
from tests.server.given import PHONE, TABLET

ACCEPT, REJECT = 2, 3


def text(reply: object) -> str:
    return str(reply["Reply-Message"][0])  # type: ignore[index]


def effects(cafe: PcCafe) -> list[tuple[str, int]]:
    with cafe.database.reading() as connection:
        found = connection.execute(event_rows.select().order_by(event_rows.c.id)).mappings()
        return [(row["effect"], row["sessions_terminated"]) for row in found]


# The thin path


def test_a_logout_ends_the_session_and_a_disconnect_is_on_the_wire_before_the_answer(cafe: PcCafe) -> None:
    cafe.come_online()
    reply = cafe.pc("USER_LOGOUT")
    assert (reply.success, reply.sessions_terminated) == (True, 1)
    assert cafe.phases() == [("TERMINATED", "PC_LOGOUT")]
    assert [(order.code, order.user_name) for order in cafe.routers.asked] == [(Code.DISCONNECT_REQUEST, "nora")]


def test_the_device_cannot_come_back_at_once(cafe: PcCafe) -> None:
    cafe.come_online()
    cafe.logout()
    reply = cafe.log_in()
    assert reply.code == REJECT
    assert text(reply) == "Your gaming PC was logged off. Log in at a PC to go on."


def test_a_login_at_a_pc_lets_the_pass_go_on_with_all_that_was_left_of_it(cafe: PcCafe) -> None:
    cafe.come_online()
    cafe.pass_time(600)
    cafe.logout()
    cafe.pass_time(7_200)
    cafe.login()
    reply = cafe.log_in()
    assert (reply.code, reply["Session-Timeout"][0]) == (ACCEPT, 3_000)


def test_it_goes_on_by_mac_without_a_password_where_the_device_is_tied(cafe: PcCafe) -> None:
    with cafe.database.writing() as connection:
        devices.tie(connection, PHONE, account_rows.find(connection, "nora")["id"], cafe.at)
    assert cafe.log_in(PHONE, "", PHONE).code == ACCEPT
    cafe.logout()
    assert cafe.log_in(PHONE, "", PHONE).code == REJECT
    cafe.login()
    assert cafe.log_in(PHONE, "", PHONE).code == ACCEPT


def test_a_login_at_a_pc_gives_nobody_access_who_did_not_buy(cafe: PcCafe) -> None:
    with cafe.database.writing() as connection:
        branch = branches.cafe(connection, cafe.branch_id)
        account_rows.add(connection, cafe.vault, "minh", "secret", branch, cafe.at)
        tie(connection, "minh", "minh_02")
    cafe.login("minh_02")
    assert cafe.log_in("minh").code == REJECT


def test_under_the_rule_never_only_the_staff_lets_it_go_on(cafe: PcCafe) -> None:
    cafe.set_rule(Resume.NEVER)
    cafe.come_online()
    cafe.logout()
    cafe.login()
    assert cafe.log_in().code == REJECT
    with cafe.database.writing() as connection:
        live.release(connection, 1, cafe.at)
    assert cafe.log_in().code == ACCEPT


def test_under_the_rule_free_the_guest_may_come_back_at_once(cafe: PcCafe) -> None:
    cafe.set_rule(Resume.FREE)
    cafe.come_online()
    assert cafe.logout() == 1
    assert cafe.log_in().code == ACCEPT


def test_every_session_of_the_user_ends(cafe: PcCafe) -> None:
    with cafe.database.writing() as connection:
        packages.add(connection, Package(name="two", time=Seconds(3600), devices=2), cafe.at)
        cafe.add_account(connection, "minh", "secret", "two")
        tie(connection, "minh", "minh_02")
    cafe.come_online("minh")
    cafe.come_online("minh", TABLET, 2)
    assert cafe.logout("minh_02") == 2
    assert cafe.phases()[1:] == [("TERMINATED", "PC_LOGOUT")] * 2
    assert len(cafe.wishes()) == 2


def test_whoever_leaves_the_wifi_first_and_then_the_pc_does_not_come_back_for_free_either(cafe: PcCafe) -> None:
    cafe.come_online()
    cafe.pass_time(600)
    cafe.report("Stop", Acct_Session_Id="80100001", Acct_Terminate_Cause=1)
    assert cafe.logout() == 0
    assert cafe.log_in().code == REJECT
    cafe.pass_time(600)
    cafe.login()
    reply = cafe.log_in()
    assert (reply.code, reply["Session-Timeout"][0]) == (ACCEPT, 3_000)


# Strangers


def test_a_logout_of_somebody_unknown_or_offline_does_nothing_and_sends_nothing(cafe: PcCafe) -> None:
    assert cafe.logout("nobody") == 0
    assert cafe.logout() == 0
    assert cafe.routers.asked == []
    assert effects(cafe) == [(pc_events.NOBODY_KNOWN, 0), (pc_events.NOTHING_TO_END, 0)]
    assert cafe.log_in().code == ACCEPT


def test_the_same_name_at_another_branch_is_somebody_else(cafe: PcCafe) -> None:
    cafe.add_branch("Riverside", "loc_riverside", "198.51.100.9/32", token=OTHER_TOKEN, key=OTHER_KEY)
    cafe.come_online()
    away = {"token": OTHER_TOKEN, "key": OTHER_KEY, "source": "198.51.100.9"}
    assert cafe.logout("nora_01", location="loc_riverside", **away) == 0
    assert cafe.phases() == [("ACTIVE", None)]


def test_in_a_realm_of_several_branches_only_the_sessions_at_that_branch_end(cafe: PcCafe) -> None:
    other = {"token": OTHER_TOKEN, "key": OTHER_KEY}
    cafe.add_branch("Riverside", "loc_riverside", "198.51.100.9/32", realm=LOCATION, **other)
    cafe.come_online()
    assert cafe.logout(location="loc_riverside", source="198.51.100.9", **other) == 0
    assert cafe.logout() == 1


def test_a_branchs_key_reports_nothing_about_another_branch(cafe: PcCafe) -> None:
    cafe.add_branch("Riverside", "loc_riverside", f"{SOURCE}/32", token=OTHER_TOKEN, key=OTHER_KEY)
    cafe.come_online()
    refused = cafe.post(an_event(at=cafe.at), token=OTHER_TOKEN, key=OTHER_KEY)
    assert isinstance(refused, WebError)
    assert refused.status == 401
    assert cafe.phases() == [("ACTIVE", None)]


# Once, and in order


def test_a_repeated_event_gets_the_first_answer_and_does_nothing(cafe: PcCafe) -> None:
    cafe.come_online()
    body = an_event(at=cafe.at)
    first = cafe.post(body)
    cafe.pass_time(5)
    cafe.login()
    cafe.come_online(number=2)
    assert [cafe.post(body) for _ in range(100)] == [first] * 100
    assert cafe.phases()[-1] == ("ACTIVE", None)
    assert len(effects(cafe)) == 2


def test_a_repeat_in_the_same_batch_does_nothing_either(cafe: PcCafe) -> None:
    cafe.come_online()
    body = an_event(at=cafe.at)
    cafe.held_back = []
    waiting = [cafe.post(body) for _ in range(5)]
    assert waiting == [None] * 5
    cafe.let_go()
    assert effects(cafe) == [(pc_events.ENDED, 1)]
    assert len(cafe.wishes()) == 1


def test_a_logout_older_than_a_newer_login_does_nothing(cafe: PcCafe) -> None:
    cafe.come_online()
    cafe.pass_time(30)
    cafe.login()
    assert cafe.logout(ago=10) == 0
    assert cafe.phases() == [("ACTIVE", None)]
    assert effects(cafe)[-1] == (pc_events.OVERTAKEN_BY_LOGIN, 0)


def test_a_login_delivered_after_the_logout_that_followed_it_lets_nobody_in(cafe: PcCafe) -> None:
    cafe.come_online()
    cafe.pass_time(60)
    cafe.logout()
    assert "nothing was done" in cafe.login(ago=30).message
    assert cafe.log_in().code == REJECT


def test_a_session_that_began_after_the_event_goes_on(cafe: PcCafe) -> None:
    cafe.come_online()
    cafe.pass_time(2)
    assert cafe.logout(ago=60) == 0
    assert cafe.phases() == [("ACTIVE", None)]


def test_an_event_that_could_not_be_stored_is_not_acknowledged_and_does_its_work_when_it_comes_again(
    cafe: PcCafe,
) -> None:
    cafe.come_online()
    body = an_event(at=cafe.at)
    cafe.held_back = []
    assert cafe.post(body) is None
    cafe.held_back = None
    cafe.die()
    assert cafe.post(body).sessions_terminated == 1


def test_after_a_crash_right_behind_the_commit_the_cut_goes_on_and_a_repeat_gets_its_answer(cafe: PcCafe) -> None:
    cafe.come_online()
    body = an_event(at=cafe.at)
    first = cafe.post(body)
    cafe.die()
    assert cafe.post(body) == first
    cafe.pass_time(7)
    cafe.look()
    assert len(cafe.routers.asked) > 1


# What follows


def test_how_long_it_took_is_kept_until_asked_and_until_proven(cafe: PcCafe) -> None:
    cafe.come_online()
    cafe.logout()
    cafe.pass_time(0.25)
    cafe.stop()
    assert cafe.timings.told == [("asked", 0.0), ("proven", 0.25)]


def test_whoever_shows_a_balance_is_told_that_it_changed_and_only_they(cafe: PcCafe) -> None:
    heard: list[str] = []
    cafe.balances.listen((cafe.branch_id, "nora_01"), lambda: heard.append("nora"))
    end = cafe.balances.listen((cafe.branch_id, "minh_02"), lambda: heard.append("minh"))
    cafe.pc("BALANCE_UPDATE")
    cafe.pc("USER_LOGIN", "minh_02")
    end()
    cafe.pc("BALANCE_UPDATE", "minh_02")
    assert heard == ["nora"]


def test_an_amount_that_is_sent_along_is_stored_nowhere(cafe: PcCafe) -> None:
    body = an_event("BALANCE_UPDATE", at=cafe.at).replace(b"}", b', "balance": 987654321}')
    assert cafe.post(body).success
    with cafe.database.reading() as connection:
        for table in event_rows.metadata.sorted_tables:
            assert "987654321" not in str(connection.execute(table.select()).all())


def test_refusals_are_counted_and_one_in_ten_seconds_is_kept(cafe: PcCafe) -> None:
    for _ in range(50):
        cafe.post(an_event(at=cafe.at), source="203.0.113.9")
    cafe.pass_time(11)
    cafe.post(an_event(at=cafe.at), source="203.0.113.9")
    with cafe.database.reading() as connection:
        kept = connection.exec_driver_sql("SELECT cause, times, source FROM pc_refusals ORDER BY id").all()
    assert [tuple(each) for each in kept] == [
        ("address_foreign", 1, "203.0.113.9"),
        ("address_foreign", 50, "203.0.113.9"),
    ]
    assert cafe.counters.counts["dropped_pc_event_address_foreign"] == 51


def test_the_answer_to_a_stranger_says_nothing_of_the_cause(cafe: PcCafe) -> None:
    body = an_event(at=cafe.at)
    wrong = [
        cafe.post(body, token="x"),
        cafe.post(body, key=OTHER_KEY),
        cafe.post(body, source="203.0.113.9"),
        cafe.post(an_event(at=Instant(cafe.at - 400_000))),
        cafe.post(an_event(at=cafe.at, location_id="loc_other")),
    ]
    assert {(each.status, each.code, str(each)) for each in wrong} == {(401, "UNAUTHORIZED", str(wrong[0]))}
    assert TOKEN not in str(wrong[0])


# Bound to the seat


def seat(cafe: PcCafe, pc_user: str = "nora_01") -> None:
    """A launcher session of somebody at a PC, and a game that is played."""
    at = cafe.at
    with cafe.database.writing() as connection:
        launcher = {"id": 1, "name": "centre-1", "branch_id": cafe.branch_id, "secret": b"", "created_at": at}
        connection.execute(launchers.insert(), launcher)
        connection.execute(
            games.insert(), {"id": 1, "name": "Obby", "place_id": "1", "rate": 1, "period": 60, "created_at": at}
        )
        common = {"branch_id": cafe.branch_id, "pc": "PC-1", "started_at": at}
        session = {"id": 1, "token_hash": b"t", "launcher_id": 1, "pc_user_id": pc_user, "external_ip": "203.0.113.7"}
        connection.execute(
            launcher_sessions.insert(), {**common, **session, "internal_ip": "x", "hardware": "{}", "seen_at": at}
        )
        playing = {"id": "gs_1", "game_id": 1, "launcher_session_id": 1, "provider_user_id": "7", "phase": "ACTIVE"}
        connection.execute(game_sessions.insert(), {**common, **playing, "last_heartbeat_at": at})


def played(cafe: PcCafe) -> tuple[str, str | None]:
    with cafe.database.reading() as connection:
        row = connection.execute(game_sessions.select()).mappings().one()
        return row["phase"], row["end_reason"]


def test_a_logout_ends_the_game_at_the_pc_and_has_its_charge_stopped(cafe: PcCafe) -> None:
    seat(cafe)
    cafe.pass_time(60)
    assert cafe.logout() == 0
    assert played(cafe) == ("ENDING", "pc_logout")
    with cafe.database.reading() as connection:
        (stop,) = connection.execute(charge_stops.select()).mappings()
        assert (stop["game_session_id"], stop["played"], stop["due_at"]) == ("gs_1", 60, cafe.at)
        assert connection.execute(launcher_sessions.select()).mappings().one()["ended_at"] == cafe.at


def test_the_logout_of_somebody_else_or_one_that_was_overtaken_ends_no_game(cafe: PcCafe) -> None:
    seat(cafe)
    cafe.pass_time(60)
    cafe.logout("minh_02")
    cafe.login()
    cafe.logout(ago=30)
    assert played(cafe) == ("ACTIVE", None)


def test_a_server_that_does_not_bind_games_to_seats_lets_them_go_on(cafe: PcCafe) -> None:
    cafe.binds_games = False
    cafe.restart()
    seat(cafe)
    cafe.logout()
    assert played(cafe) == ("ACTIVE", None)
