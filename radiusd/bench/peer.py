"""What a comparison with FreeRADIUS comes to: the ratios that are aimed at."""

from typing import Any

from attrs import frozen

from radiusd.bench.freeradius import MEMORY
from radiusd.bench.generators import FIRST
from radiusd.bench.load import AT_PEERS_RATE, Plan, Results, name_of, name_of_peer
from radiusd.bench.printing import markdown


@frozen
class Aim:
    """A ratio of requests/s that is aimed at, in one scenario on one store, to one configuration of FreeRADIUS."""

    name: str
    store: str
    scenario: str
    peer: str
    at_least: float | None
    words: str


AIMS = (
    Aim("auth_ratio_pg", "postgresql", "auth-pap", "postgresql", 4, "logins of known devices"),
    Aim("auth_ratio_memory", "postgresql", "auth-pap", MEMORY, 1, "logins, its guests in memory"),
    Aim("first_login_ratio_pg", "postgresql", FIRST, "postgresql", 2, "first logins"),
    Aim("acct_ratio_pg", "postgresql", "acct", "postgresql", 4, "accounting"),
    Aim("mixed_ratio_pg", "postgresql", "mixed", "postgresql", None, "mixed"),
    Aim("auth_ratio_sqlite", "sqlite", "auth-pap", "sqlite", None, "logins of known devices"),
    Aim("first_login_ratio_sqlite", "sqlite", FIRST, "sqlite", None, "first logins"),
    Aim("acct_ratio_sqlite", "sqlite", "acct", "sqlite", 6, "accounting"),
    Aim("mixed_ratio_sqlite", "sqlite", "mixed", "sqlite", None, "mixed"),
)


def headline(results: Results, plan: Plan) -> dict[str, Any]:
    """Each ratio by its name, None where it was not measured; and what was lost by anybody, in all rounds.

    They are of ours with the largest number of workers.
    """
    workers = max(plan.workers)
    found: dict[str, Any] = {each.name: _ratio(results, each, name_of(workers)) for each in AIMS}
    found["lost"] = results.lost
    found["workers"] = workers
    found["p99_at_peers_rate"] = {
        f"{each.store} {each.server} {each.scenario.removesuffix(AT_PEERS_RATE)}": each.ratio.p99
        for each in results.compared
        if each.scenario.endswith(AT_PEERS_RATE) and each.peer == name_of_peer(each.store)
    }
    return found


def _ratio(results: Results, aim: Aim, server: str) -> float | None:
    for each in results.compared:
        about = (each.store, each.server, each.scenario, each.peer)
        if about == (aim.store, server, aim.scenario, name_of_peer(aim.peer)):
            return each.ratio.rps
    return None


def table_of_aims(results: Results, plan: Plan) -> str:
    """The ratios beside what they should be."""
    found = headline(results, plan)
    rows = [
        (
            each.store,
            each.words,
            name_of_peer(each.peer),
            str(found["workers"]),
            f"{found[each.name]:.2f}",
            "-" if each.at_least is None else f"{each.at_least:g}",
        )
        for each in AIMS
        if found[each.name] is not None
    ]
    return markdown(("store", "load", "compared with", "workers", "times", "aim"), rows, 3)
