"""May this device in, on which pass, and with what?"""

from collections.abc import Callable, Iterable, Mapping

from attrs import field, frozen

from policy import connection as connections
from policy import session as sessions
from policy.accounts import Account, Branch, Device
from policy.connection import Connection, ConnectionState, Superseded
from policy.effects import Disconnect, Effect
from policy.facts import Fact, fact, filled
from policy.holding import Holding, Step, end_session, expire, left, time_fact
from policy.package import Package, Rate, time_of_day
from policy.passes import Pass, data_left
from policy.quantities import Instant, Octets, Seconds
from policy.session import Admitted, DeviceSwitched, Phase, Session
from policy.telling import told_speed
from policy.values import evolve
from policy.words import REFUSALS


@frozen(kw_only=True)
class Question:
    """An Access-Request whose password is right.

    `users` counts the active sessions of each package that has a cap; the two callables name
    what is new.
    """

    at: Instant
    account: Account
    branch: Branch
    router_id: int
    nas: str = ""
    nas_address: str = ""
    device: Device
    user_name: str
    acct_session_id: str | None = None
    framed_ip_address: str | None = None
    boot: str | None = None
    users: Mapping[str, int] = field(factory=dict)
    new_session_id: Callable[[], int]
    new_connection_id: Callable[[], int]


@frozen(kw_only=True)
class Accepted:
    """Let in on this connection; None means no limit. `displaced` are the connections cut to make its place.

    `ends_at`: when that time is over. `is_repeatable`: while the session lasts, the same device is let in again with
    the same, whatever it has used meanwhile, until then.
    """

    session_id: int
    connection_id: int
    pass_id: int = 0
    ends_at: Instant | None = None
    is_repeatable: bool = False
    package: str
    time: Seconds | None
    data: Octets | None
    rate: Rate | None
    devices: int
    displaced: tuple[int, ...] = ()


@frozen
class Refused:
    """Kept out; `text` is for the guest. `holders` are the connections that hold the places, if that is why."""

    reason: str
    text: str
    holders: tuple[Connection, ...] = ()


@frozen(kw_only=True)
class Admission:
    """The answer, why, and each pass as it is now, with what must be done first."""

    answer: Accepted | Refused
    facts: tuple[Fact, ...]
    steps: tuple[Step, ...] = ()


def refused(facts: Iterable[Fact], last: Fact, holders: tuple[Connection, ...] = ()) -> Admission:
    """A refusal whose reason is the last link of its chain."""
    text = filled(REFUSALS.get(last.code, REFUSALS["login_refused"]), last.values)
    return Admission(answer=Refused(last.code, text, holders), facts=(*facts, last))


def admit(question: Question, holdings: tuple[Holding, ...]) -> Admission:
    """Decide over `holdings`, the account's passes (only the one the login is for, if it is for one)."""
    obstacle = _obstacle(question)
    if obstacle is not None:
        return refused((), obstacle)
    steps = [expire(holding, question.branch, question.at) for holding in holdings]
    steps.sort(key=lambda step: _preference(step[0], question.device.name))
    if not steps:
        return refused((), fact("no_pass", account=question.account.name))
    refusals = [_unusable(holding, question) for holding, _ in steps]
    for index, refusal in enumerate(refusals):
        if refusal is None:
            steps[index], answer = _let_in(steps[index], question)
            return evolve(answer, steps=tuple(steps))
    # Several passes, none usable: the one bought last tells the guest most.
    newest = max(range(len(steps)), key=lambda index: steps[index][0].bought.sold_at)
    return evolve(refused((), refusals[newest] or fact("no_pass")), steps=tuple(steps))


def _obstacle(question: Question) -> Fact | None:
    account = question.account
    if account.is_blocked:
        return fact("account_blocked", account=account.name)
    if question.device.is_blocked:
        return fact("device_blocked", device=question.device.name)
    if account.branch_id != question.branch.id:
        return fact("other_branch", account=account.name, branch=account.branch_id, router=question.router_id)
    return None


def _preference(holding: Holding, device: str) -> tuple[bool, bool, Instant, int]:
    """Where the device is in already; then what runs; then what was bought first."""
    bought = holding.bought
    is_in = any(each.device == device for each in holding.active())
    return not is_in, bought.first_login_at is None, bought.first_login_at or bought.sold_at, bought.id


def _unusable(holding: Holding, question: Question) -> Fact | None:
    bought, terms, at = holding.bought, holding.bought.terms, question.at
    is_in = any(each.device == question.device.name for each in holding.active())
    if bought.held is not None and not is_in:
        code = "pass_held" if bought.paused_at is None else "pass_waits_for_pc"
        return fact(code, pass_id=bought.id, why=bought.held)
    if bought.valid_until is not None and bought.valid_until <= at:
        return fact("pass_unused_too_long", pass_id=bought.id, until=bought.valid_until)
    if data_left(bought) == 0:
        return fact("pass_data_spent", pass_id=bought.id, used=bought.used.octets, data=bought.data)
    hours = terms.hours
    if hours is not None and hours.until_closing(time_of_day(at, question.branch.utc_offset)) == 0:
        return fact("out_of_hours", package=terms.name, opens=hours.opens, closes=hours.closes)
    if left(holding, question.branch, at) == 0:
        return time_fact(bought)
    users = question.users.get(terms.name, 0)
    if terms.max_users is not None and users >= terms.max_users and not any(holding.active()):
        return fact("pass_full", package=terms.name, users=users, max_users=terms.max_users)
    return None


def _let_in(step: Step, question: Question) -> tuple[Step, Admission]:
    holding, effects = step
    bought = holding.bought
    holding = _without_namesakes(holding, question)
    facts: tuple[Fact, ...] = (fact("pass_chosen", pass_id=bought.id, package=bought.terms.name),)
    holding, session, more, why = _place(holding, question)
    if session is None:
        holders = tuple(line for each in holding.active() for line in holding.running(each.id))
        return step, refused(facts, why, holders=holders)
    if bought.first_login_at is None:
        holding = evolve(holding, bought=evolve(bought, first_login_at=question.at))
    holding, connection = _connect(holding, session, question)
    displaced = tuple(each.connection_id for each in more if isinstance(each, Disconnect))
    answer = evolve(_granted(holding, session, connection, question), displaced=displaced)
    granted = fact("granted", time=answer.time, data=answer.data, rate=answer.rate and _rate_words(answer.rate))
    return (holding, effects + more), Admission(answer=answer, facts=(*facts, why, granted))


def _without_namesakes(holding: Holding, question: Question) -> Holding:
    """Without what was let in under this very id, never began, and is to be cut: the order would hit the new line."""
    name = question.acct_session_id
    for each in holding.connections:
        is_same = (each.router_id, each.nas, each.acct_session_id) == (question.router_id, question.nas, name)
        if name and is_same and each.state is ConnectionState.CUTTING and each.started_at is None:
            holding = holding.with_connection(connections.advance(each, Superseded(question.at))[0])
    return holding


def _rate_words(rate: Rate) -> str:
    return f"{told_speed(rate.up)} up, {told_speed(rate.down)} down"


def _place(holding: Holding, question: Question) -> tuple[Holding, Session | None, tuple[Effect, ...], Fact]:
    """A place for the device: its own, a free one, one whose holder is gone, or by switching when there is but one."""
    device, devices = question.device.name, holding.bought.terms.devices
    active = list(holding.active())
    for session in active:
        if session.device == device:
            return holding, session, (), fact("device_back", device=device, session_id=session.id)
    effects: tuple[Effect, ...] = ()
    why: Fact | None = None
    if len(active) >= devices:
        holder = next((each for each in active if not _is_online(holding, each, question.at)), None)
        if holder is not None:
            why = fact("device_replaced", device=holder.device, session_id=holder.id)
        elif devices == 1:
            holder = active[0]
            why = fact("device_switched", old=holder.device, session_id=holder.id)
        else:
            holders = ", ".join(str(each.device) for each in active)
            return holding, None, (), fact("device_limit", devices=devices, holders=holders)
        holding, effects = end_session(holding, holder.id, DeviceSwitched(question.at), (why,))
    holding, session = _seat(holding, question)
    why = why or fact("device_new", device=device, slot=session.slot, devices=devices)
    return holding, session, effects, why


def _is_online(holding: Holding, session: Session, at: Instant) -> bool:
    return any(not each.is_stale(at) for each in holding.running(session.id))


def _seat(holding: Holding, question: Question) -> tuple[Holding, Session]:
    taken = {each.slot for each in holding.active()}
    slot = next(each for each in range(1, holding.bought.terms.devices + 1) if each not in taken)
    session = next((each for each in holding.sessions if each.phase is Phase.PENDING), None)
    if session is None:
        session = Session(id=question.new_session_id(), pass_id=holding.bought.id, created_at=question.at)
    # Another server may have let in somebody who asked a moment later, and been quicker to record it.
    began = max(question.at, holding.bought.first_login_at or question.at)
    session = sessions.advance(session, Admitted(began, question.device.name, slot))
    return holding.with_session(session), session


def _connect(holding: Holding, session: Session, question: Question) -> tuple[Holding, Connection]:
    """The connection the NAS will report; the same one when the NAS asks again about it."""
    for each in holding.running(session.id):
        is_same = (each.router_id, each.nas, each.acct_session_id) == (
            question.router_id,
            question.nas,
            question.acct_session_id,
        )
        if is_same and (each.acct_session_id is not None or each.started_at is None):
            renewed = evolve(
                each,
                last_at=max(each.last_at, question.at) if each.started_at is None else each.last_at,
                framed_ip_address=question.framed_ip_address or each.framed_ip_address,
                nas_address=question.nas_address or each.nas_address,
            )
            return holding.with_connection(renewed), renewed
    connection = Connection(
        id=question.new_connection_id(),
        session_id=session.id,
        router_id=question.router_id,
        nas=question.nas,
        nas_address=question.nas_address,
        user_name=question.user_name,
        device=question.device.name,
        acct_session_id=question.acct_session_id,
        framed_ip_address=question.framed_ip_address,
        boot=question.boot,
        opened_at=question.at,
        last_at=question.at,
    )
    return holding.with_connection(connection), connection


def _granted(holding: Holding, session: Session, connection: Connection, question: Question) -> Accepted:
    terms: Package = holding.bought.terms
    return Accepted(
        session_id=session.id,
        connection_id=connection.id,
        pass_id=holding.bought.id,
        ends_at=holding.bought.wall_end,
        is_repeatable=_is_repeatable(holding.bought),
        package=terms.name,
        time=left(holding, question.branch, question.at),
        data=data_left(holding.bought),
        rate=terms.rate,
        devices=terms.devices,
    )


def _is_repeatable(bought: Pass) -> bool:
    """Whether what is left follows from the clock on the wall alone."""
    terms = bought.terms
    counts_usage = terms.data is not None or (terms.time is not None and not bought.is_wall_clock)
    return not counts_usage and terms.hours is None and bought.held is None
