"""The faults there are: what each proves, on which stores, how long in the lane and at night, and its control."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from radiusd.faults import cluster, disks, everywhere, floods, kills, losses, outage, without_redis
from radiusd.faults.breaking import FULL
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
    proof: str
    """The figure that the control must spoil; that another one suffers is no proof."""
    control_store: str
    in_lane: Run
    at_night: Run
    as_control: Run
    limit: float
    """Seconds that one run in the lane may take; at night sixty times as many."""
    beside: str | None = None
    """The fault during which it may run: that one leaves a core idle, and time is made by hand in this one."""


def _kills(plan: kills.Plan) -> Run:
    return lambda stage: kills.run(stage, plan)


def _losses(plan: losses.Plan) -> Run:
    return lambda stage: losses.run(stage, plan)


def _floods(plan: floods.Plan) -> Run:
    return lambda stage: floods.run(stage, plan)


def _everywhere(plan: everywhere.Plan) -> Run:
    return lambda stage: everywhere.run(stage, plan)


def _cluster(plan: cluster.Plan) -> Run:
    return lambda stage: cluster.run(stage, plan)


def _outage(plan: outage.Plan) -> Run:
    return lambda stage: outage.run(stage, plan)


def _without_redis(plan: without_redis.Plan) -> Run:
    return lambda stage: without_redis.run(stage, plan)


def _disks(plan: disks.Plan) -> Run:
    return lambda stage: disks.run(stage, plan)


FAULTS = (
    Fault(
        id="R1",
        title="kill -9 under load, at any moment and around commits",
        stores=(SQLITE, POSTGRESQL),
        control="answer-before-commit",
        proof="acknowledged, and lost or wrong",
        control_store=SQLITE,
        in_lane=_kills(kills.Plan(kills=15)),
        at_night=_kills(kills.Plan(kills=1000, guests=120_000)),
        as_control=_kills(kills.Plan(kills=4)),
        limit=120,
    ),
    Fault(
        id="R3",
        title="the database hangs, is killed, and hangs again and again",
        stores=(POSTGRESQL,),
        control="endless-patience",
        proof="hung: known guests let in",
        control_store=POSTGRESQL,
        in_lane=_outage(outage.Plan()),
        at_night=_outage(outage.Plan(seconds=60, times=50)),
        as_control=_outage(outage.Plan(kinds=(outage.HUNG,), seconds=4)),
        limit=200,
    ),
    Fault(
        id="R4",
        title="Redis hangs, is killed, and is emptied",
        stores=(POSTGRESQL,),
        control="check-then-set",
        proof="tokens without exactly one success",
        control_store=POSTGRESQL,
        in_lane=_without_redis(without_redis.Plan()),
        at_night=_without_redis(without_redis.Plan(rounds=34)),
        as_control=_without_redis(without_redis.Plan(troubles=(without_redis.EMPTIED,), seconds=1)),
        limit=120,
    ),
    Fault(
        id="R5",
        title="three nodes, one killed every 20 s; a rolling restart",
        stores=(POSTGRESQL,),
        control="answer-before-commit",
        proof="lost, doubled or wrong",
        control_store=POSTGRESQL,
        in_lane=_cluster(cluster.Plan()),
        at_night=_cluster(cluster.Plan(kills=600, guests=100_000)),
        as_control=_cluster(cluster.Plan(kills=3, every=5, away=1, rolls=False)),
        limit=240,
    ),
    Fault(
        id="R6",
        title="a network that loses, repeats and reorders; retransmissions to two nodes",
        stores=(POSTGRESQL,),
        control="no-duplicates",
        proof="given again in other octets",
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
        proof="unknown sender: log lines of one cause",
        control_store=SQLITE,
        in_lane=_floods(floods.Plan()),
        at_night=_floods(floods.Plan(seconds=600)),
        as_control=_floods(floods.Plan(before=2, seconds=3, kinds=(UNKNOWN,))),
        limit=90,
    ),
    Fault(
        id="R26",
        title="the disk under the spool is full, read-only or slow, or flips a bit",
        stores=(POSTGRESQL,),
        control="unwritten-is-written",
        proof="full: acknowledged meanwhile",
        control_store=POSTGRESQL,
        in_lane=_disks(disks.Plan()),
        at_night=_disks(disks.Plan(times=20)),
        as_control=_disks(disks.Plan(ills=(FULL,), seconds=1)),
        limit=120,
    ),
    Fault(
        id="R28",
        title="failure at every point of a login, a stop, a sale, a PC's logout and a token's verification",
        stores=(SQLITE, POSTGRESQL),
        control="failed-is-done",
        proof="lost, doubled, wrong, or against an invariant",
        control_store=SQLITE,
        in_lane=_everywhere(everywhere.Plan()),
        at_night=_everywhere(everywhere.Plan()),
        as_control=_everywhere(everywhere.Plan(acts=("stop",), fewest=5)),
        limit=120,
        beside="R5",
    ),
)


def named(ids: Sequence[str]) -> list[Fault]:
    """Those of these ids, all for none; raises KeyError with one that is not there."""
    known = {each.id: each for each in FAULTS}
    return [known[each] for each in dict.fromkeys(one.upper() for one in ids)] if ids else list(FAULTS)
