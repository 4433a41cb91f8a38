"""The faults there are: what each proves, on which stores, how long in the lane and at night, and its control."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from radiusd.faults import everywhere, floods, kills, losses
from radiusd.faults.flood import UNKNOWN
from radiusd.faults.places import POSTGRESQL, SQLITE
from radiusd.faults.stage import Stage
from radiusd.faults.verdicts import Report

Run = Callable[[Stage], Awaitable[Report]]


@frozen(kw_only=True)
class Fault:
    """One test of the table in the documentation. `control` is the switch that must turn it red."""

    id: str
    title: str
    stores: Sequence[str]
    control: str
    control_store: str
    in_lane: Run
    at_night: Run
    as_control: Run
    limit: float
    """Seconds that one run in the lane may take; at night sixty times as many."""


def _kills(plan: kills.Plan) -> Run:
    return lambda stage: kills.run(stage, plan)


def _losses(plan: losses.Plan) -> Run:
    return lambda stage: losses.run(stage, plan)


def _floods(plan: floods.Plan) -> Run:
    return lambda stage: floods.run(stage, plan)


def _everywhere(plan: everywhere.Plan) -> Run:
    return lambda stage: everywhere.run(stage, plan)


FAULTS = (
    Fault(
        id="R1",
        title="kill -9 under load, at any moment and around commits",
        stores=(SQLITE, POSTGRESQL),
        control="answer-before-commit",
        control_store=SQLITE,
        in_lane=_kills(kills.Plan(kills=15)),
        at_night=_kills(kills.Plan(kills=1000, guests=60_000)),
        as_control=_kills(kills.Plan(kills=2)),
        limit=120,
    ),
    Fault(
        id="R6",
        title="a network that loses, repeats and reorders; retransmissions to two nodes",
        stores=(POSTGRESQL,),
        control="no-duplicates",
        control_store=POSTGRESQL,
        in_lane=_losses(losses.Plan()),
        at_night=_losses(losses.Plan(exchanges=2_000_000)),
        as_control=_losses(losses.Plan(exchanges=1500)),
        limit=150,
    ),
    Fault(
        id="R21",
        title="floods from strangers, from a forger, and from a router that asks 50 times its share",
        stores=(SQLITE,),
        control="log-every-drop",
        control_store=SQLITE,
        in_lane=_floods(floods.Plan()),
        at_night=_floods(floods.Plan(seconds=600)),
        as_control=_floods(floods.Plan(before=2, seconds=3, kinds=(UNKNOWN,))),
        limit=90,
    ),
    Fault(
        id="R28",
        title="failure at every point of a login, a stop, a sale, a PC's logout and a token's verification",
        stores=(SQLITE, POSTGRESQL),
        control="failed-is-done",
        control_store=SQLITE,
        in_lane=_everywhere(everywhere.Plan()),
        at_night=_everywhere(everywhere.Plan()),
        as_control=_everywhere(everywhere.Plan(acts=("stop",), fewest=5)),
        limit=120,
    ),
)


def named(ids: Sequence[str]) -> list[Fault]:
    """Those of these ids, all for none; raises KeyError with one that is not there."""
    known = {each.id: each for each in FAULTS}
    return [known[each.upper()] for each in dict.fromkeys(ids)] if ids else list(FAULTS)
