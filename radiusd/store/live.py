"""What an administrator does to guests who are online: policy decides, one transaction keeps it, the server acts."""

from collections.abc import Callable, Iterator

from attrs import evolve, frozen
from sqlalchemy import Connection, update

from policy.connection import Connection as Line
from policy.extending import extended, session_timeout
from policy.facts import Fact, fact
from policy.holding import Holding, cut_session, left
from policy.package import Rate
from policy.pc import resume
from policy.quantities import BitsPerSecond, Instant, Octets, Seconds
from policy.session import Session
from policy.telling import told_since
from radiusd.store import branches, revisions
from radiusd.store.decisions import Decision
from radiusd.store.errors import NotFound, Refused
from radiusd.store.identifiers import Identifiers
from radiusd.store.schema import passes
from radiusd.store.work import Needs, Work


@frozen
class Ended:
    """What was ended, and how many connections the server now has to cut."""

    session_ids: tuple[int, ...]
    cuts: int


def begin(connection: Connection, needs: Needs) -> Work:
    """What `needs` names, locked and loaded."""
    work = Work(connection, Identifiers(block=8))
    work.load([needs])
    return work


def finish(connection: Connection, work: Work) -> None:
    """Write what was decided, and have a running server act on it."""
    work.save()
    revisions.announce(connection)


def _holding_of(work: Work, session_id: int) -> Holding:
    holding = work.holding_of_session(session_id)
    if holding is None:
        raise NotFound(f"there is no session {session_id}: `icafectl session list` shows those there are")
    return holding


def cut(connection: Connection, session_id: int, text: str, at: Instant) -> Ended:
    """End a session and hold its pass until it is released. Raises NotFound, and Refused if it has ended already."""
    work = begin(connection, Needs(session_ids=[session_id]))
    holding = _holding_of(work, session_id)
    session = holding.session(session_id)
    if session.phase.is_final:
        raise Refused(_ended_already(session, at))
    branch = branches.at(connection, branch_id_of(work, holding), at)
    work.put(*cut_session(holding, session_id, text, at), branch, at)
    finish(connection, work)
    return Ended((session_id,), len(work.commands))


def _ended_already(session: Session, at: Instant) -> str:
    reason = session.end_reason.value if session.end_reason else "?"
    ago = told_since(session.ended_at or at, at)
    return f"session {session.id} has ended already, {ago} ({session.phase.value}, {reason})"


def branch_id_of(work: Work, holding: Holding) -> int:
    """The branch of whoever bought it."""
    return work.accounts[holding.bought.account_id].branch_id


def extend(connection: Connection, session_id: int, time: Seconds, data: Octets, at: Instant) -> int:
    """Add to the pass of a session, and give the pass's id. Raises NotFound, and Refused where nothing can be added."""
    work = begin(connection, Needs(session_ids=[session_id]))
    holding = _holding_of(work, session_id)
    bought = holding.bought
    for is_asked, limit, what in ((time, bought.time, "time"), (data, bought.data, "data")):
        if is_asked and limit is None:
            raise Refused(f"pass {bought.id} ({bought.terms.name}) is without limit in {what}: nothing to add to")
    if bought.valid_until is not None and bought.valid_until <= at:
        raise Refused(f"pass {bought.id} was not used in time and cannot be extended: sell a new one")
    changed = evolve(holding, bought=extended(bought, time, data, at))
    _note(work, changed, session_id, "extended", fact("extended", time=time, data=data), at)
    branch = branches.at(connection, branch_id_of(work, holding), at)
    work.put(changed, (), branch, at)
    rest = left(changed, branch, at)
    if time and rest is not None:
        for line in _running(changed):
            work.order_change(line, {"Session-Timeout": session_timeout(line.opened_at, rest, at)}, at)
    finish(connection, work)
    return bought.id


def change_rate(
    connection: Connection,
    session_id: int,
    up: BitsPerSecond,
    down: BitsPerSecond,
    rate_limit: Callable[[Rate], str],
    at: Instant,
) -> int:
    """Another speed for the pass of a session, from now on, and give the pass's id. Burst and priority stay.

    `rate_limit` gives a Mikrotik-Rate-Limit. Raises NotFound, and InvalidPackage for what is no speed.
    """
    work = begin(connection, Needs(session_ids=[session_id]))
    holding = _holding_of(work, session_id)
    bought = holding.bought
    before = bought.terms.rate
    rate = Rate(up, down) if before is None else Rate(up, down, before.burst, before.priority)
    values = {"rate_up": up, "rate_down": down, "burst": rate.burst, "priority": rate.priority}
    connection.execute(update(passes).where(passes.c.id == bought.id).values(values))
    _note(work, holding, session_id, "rate", fact("rate_changed", up=rate.up, down=rate.down), at)
    for line in _running(holding):
        work.order_change(line, {"Mikrotik-Rate-Limit": rate_limit(rate)}, at)
    finish(connection, work)
    return bought.id


def _running(holding: Holding) -> Iterator[Line]:
    return (line for each in holding.active() for line in holding.running(each.id))


def release(connection: Connection, pass_id: int, at: Instant) -> None:
    """Let devices begin to use a held pass again. Raises NotFound, and Refused if it is not held."""
    work = begin(connection, Needs(pass_ids=[pass_id]))
    if not work.has_pass(pass_id):
        raise NotFound(f"there is no pass {pass_id}: `icafectl pass list` shows those there are")
    holding = work.holding(pass_id)
    held = holding.bought.held
    if held is None:
        raise Refused(f"pass {pass_id} is not held")
    changed = resume(holding, at)
    _note(work, changed, None, "released", fact("released", pass_id=pass_id, why=held), at)
    work.put(changed, (), branches.at(connection, branch_id_of(work, holding), at), at)
    finish(connection, work)


def _note(work: Work, holding: Holding, session_id: int | None, verdict: str, why: Fact, at: Instant) -> None:
    account = work.accounts[holding.bought.account_id]
    work.decide(
        Decision(
            at=at,
            verdict=verdict,
            reason=verdict,
            name=account.name,
            account_id=account.id,
            session_id=session_id,
            facts=(why,),
        )
    )
