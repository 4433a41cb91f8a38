"""What must be true of charges and game sessions once an evening is over, whatever went wrong in it."""

from typing import Any

from policy.game import ABANDONED, periods_begun
from policy.quantities import Seconds
from radiusd.gaming import look
from radiusd.store.game_schema import charge_stops, game_sessions, otts, wallet_charges
from radiusd.store.invariants import check
from tests.games.fragile import Fragile

PERIOD = Seconds(60)


def until_quiet(town: Fragile) -> None:
    """Time passes until nothing is due, and then nothing happens for a while."""
    town.pass_time(400, step=2)
    before = town.commits
    town.pass_time(60, step=5)
    assert town.commits == before
    with town.database.reading() as connection:
        due = look(connection, town.at)
    assert (due.sessions, due.claims) == (False, False)


def wrong(town: Fragile) -> list[str]:
    """Everything about charges and sessions that must not be."""
    charges = {row.game_session_id: row for row in town.rows(wallet_charges)}
    orders = {row.game_session_id: row for row in town.rows(charge_stops)}
    sessions = {row.id: row for row in town.rows(game_sessions)}
    with town.database.reading() as connection:
        found = [str(each) for each in check(connection)]
    found += [f"{each} is valid and was never charged" for each in town.valid if each not in charges]
    found += [f"{each} is valid and no session" for each in town.valid if each not in sessions]
    found += [f"the charge of {key} was never stopped" for key, row in charges.items() if row.stopped_at is None]
    found += [f"nobody ordered the stop of {key}" for key in charges.keys() - orders.keys()]
    found += [f"the stop of {key} is open" for key, row in orders.items() if row.done_at is None]
    found += [f"{key} is {row.phase}" for key, row in sessions.items() if row.phase not in ("ENDED", "EXPIRED")]
    found += [f"a token is claimed by {row.claimed_by}" for row in town.rows(otts) if row.claimed_by is not None]
    begun = sum(row.outcome == "OK" for row in town.rows(otts))
    found += [] if begun == len(sessions) else [f"{begun} tokens are spent on {len(sessions)} sessions"]
    found += wrong_money(town, charges, orders)
    for key, began in town.graces.items():
        row = sessions[key]
        if row.end_reason == "charge_exhausted" and row.ended_at != began + 120_000:
            found.append(f"the grace of {key} began at {began} and ended at {row.ended_at}")
    return found


def wrong_money(town: Fragile, charges: dict[str, Any], orders: dict[str, Any]) -> list[str]:
    """What was booked otherwise than the sessions say."""
    booked, given_back = town.booked(), set(town.given_back())
    found = []
    for key, charge in charges.items():
        order = orders[key]
        if order.reason == ABANDONED:
            if (key in given_back) != bool(booked[key]):
                found.append(f"nobody played {key}, and {booked[key]} periods are paid and not given back")
        elif booked[key] > periods_begun(Seconds(order.played - order.unbilled), PERIOD) or not booked[key]:
            found.append(f"{key} paid for {booked[key]} periods of {order.played} s, {order.unbilled} of them unbilled")
        if charge.periods != booked[key]:
            found.append(f"{key} counts {charge.periods} periods, and {booked[key]} are booked")
    spent = sum(booked.values()) - sum(booked[each] for each in given_back)
    return found + ([] if town.left == town.put - spent else [f"{town.left} units are left after {spent}"])
