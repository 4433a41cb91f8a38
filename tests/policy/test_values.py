"""Changed values are those that attrs makes."""

import attrs
import pytest

from policy import connection, holding, passes, session, usage
from policy.quantities import Instant
from policy.values import evolve, maker
from tests.policy.given import NOON, a_connection, a_holding


def a_session() -> session.Session:
    return session.Session(id=1, pass_id=2, created_at=Instant(NOON))


def a_pass() -> passes.Pass:
    return a_holding().bought


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (a_connection(), {"last_at": 9, "boot": "3"}),
        (a_session(), {"slot": 2}),
        (a_pass(), {"held": "until he pays"}),
        (holding.Holding(a_pass()), {"sessions": (a_session(),)}),
        (usage.Counters(), {}),
    ],
)
def test_a_changed_value_is_the_one_attrs_makes(value: object, changes: dict[str, object]) -> None:
    changed = evolve(value, **changes)
    assert changed == attrs.evolve(value, **changes)  # type: ignore[misc]
    assert type(changed) is type(value)
    assert changed is not value


@pytest.mark.parametrize("value", [a_connection(), a_session(), a_pass(), usage.Usage()])
def test_a_value_made_of_its_fields_is_the_one_attrs_makes(value: object) -> None:
    made = maker(type(value))(*attrs.astuple(value, recurse=False))  # type: ignore[arg-type]
    assert made == value
    assert type(made) is type(value)


def test_the_value_itself_stays_as_it_was() -> None:
    before = a_session()
    evolve(before, slot=3)
    assert before == a_session()


def test_a_field_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        evolve(a_session(), colour="red")


def test_no_class_that_is_changed_so_checks_or_converts_what_it_is_given() -> None:
    for kind in (connection.Connection, session.Session, passes.Pass, holding.Holding, usage.Counters, usage.Usage):
        assert not hasattr(kind, "__attrs_post_init__")
        assert all(each.validator is None and each.converter is None for each in attrs.fields(kind))
