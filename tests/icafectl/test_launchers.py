"""The installations of the launcher, each with a secret of its own."""

import pytest

from radiusd.store.database import Database
from radiusd.store.game_directory import Launcher
from tests.icafectl.arcade import Arcade
from tests.icafectl.counter import Counter
from tests.icafectl.test_games import known, revision


def add(counter: Counter, name: str = "pcs") -> str:
    """Its secret."""
    secret: str = counter.read("launcher", "add", name, "--branch", "Centre")["secret"]
    return secret


def the_launcher(counter: Counter) -> Launcher:
    (found,) = known(counter).launchers.values()
    return found


def test_the_secret_that_is_printed_is_what_the_server_signs_with(counter: Counter) -> None:
    secret = add(counter)
    assert len(secret) == 43
    assert the_launcher(counter).secret == secret.encode()
    assert (the_launcher(counter).name, the_launcher(counter).is_active) == ("pcs", True)


def test_the_secret_is_sealed_and_shown_nowhere_else(counter: Counter) -> None:
    secret = add(counter)
    counter.printed = ""
    for words in (["list"], ["list", "--json"], ["show", "pcs"], ["show", "pcs", "--json"]):
        counter.run("launcher", *words)
    assert secret not in counter.printed
    database = Database(counter.database_url)
    with database.reading() as connection:
        stored = bytes(connection.exec_driver_sql("SELECT secret FROM launchers").scalar_one())
    database.close()
    assert secret.encode() not in stored


def test_what_the_cafe_must_enter_is_printed_for_people_too(counter: Counter) -> None:
    shown = counter.run("launcher", "add", "pcs")
    for told in ("added at branch Centre", "shown only this once", "launcher_id: pcs", "secret:      ", "/v1"):
        assert told in shown


@pytest.mark.parametrize("wrong", ["two words", "", "ö", "x" * 65, "a:b"])
def test_an_id_that_no_header_could_carry_is_refused(counter: Counter, wrong: str) -> None:
    assert "as in centre-pcs" in counter.run("launcher", "add", wrong, status=2)


def test_two_launchers_cannot_have_one_id(counter: Counter) -> None:
    secret = add(counter)
    assert "is there already" in counter.run("launcher", "add", "pcs", status=1)
    assert the_launcher(counter).secret == secret.encode()


def test_with_several_branches_it_must_be_said_which(counter: Counter) -> None:
    counter.run("branch", "add", "Riverside")
    assert "--branch NAME" in counter.run("launcher", "add", "pcs", status=2)


def test_after_a_rotation_only_the_new_secret_is_known(counter: Counter) -> None:
    old = add(counter)
    new = counter.read("launcher", "rotate", "pcs")["secret"]
    assert new != old
    assert the_launcher(counter).secret == new.encode()
    assert "the former secret is void" in counter.run("launcher", "rotate", "pcs")


def test_a_rotation_touches_no_other_launcher(counter: Counter) -> None:
    other = add(counter, "hall")
    add(counter)
    counter.run("launcher", "rotate", "pcs")
    assert known(counter).launchers["hall"].secret == other.encode()


def test_a_launcher_is_stopped_and_started(counter: Counter) -> None:
    add(counter)
    assert "begins no more sessions" in counter.run("launcher", "stop", "pcs")
    assert "stopped already" in counter.run("launcher", "stop", "pcs")
    assert not the_launcher(counter).is_active
    assert "again" in counter.run("launcher", "start", "pcs")
    assert "was not stopped" in counter.run("launcher", "start", "pcs")
    assert the_launcher(counter).is_active


def test_a_server_is_told_of_every_change(counter: Counter) -> None:
    for verb in ("add", "rotate", "stop", "start"):
        before = revision(counter)
        counter.run("launcher", verb, "pcs")
        assert revision(counter) > before, verb


@pytest.mark.parametrize("verb", ["show", "rotate", "stop", "start"])
def test_a_launcher_that_is_not_there_is_told_with_what_there_is(counter: Counter, verb: str) -> None:
    add(counter)
    assert "there is no launcher 'pc': did you mean pcs?" in counter.run("launcher", verb, "pc", status=1)


def test_a_launcher_is_shown_with_the_pcs_it_is_alive_on(counter: Counter) -> None:
    Arcade(counter).put()
    shown = counter.read("launcher", "show", "l1")
    assert (shown["branch"], shown["pcs"], shown["seen_at"]) == ("Centre", 1, "2026-11-21T12:00:00.000Z")
    counter.pass_time(240)
    assert counter.read("launcher", "show", "l1")["pcs"] == 1
    counter.pass_time(0.001)
    assert counter.read("launcher", "show", "l1")["pcs"] == 0
