"""What happens to a charge of the built-in wallet, inside a transaction.

A period is paid in advance, as soon as it has begun, and each is a movement of its own: `charge:SESSION:1` is paid at
the start, the next ones when the charge is renewed. Whatever is repeated finds the row of the charge as it was left,
so it books nothing again. Where no session came of a charge, what was paid is given back: `refund:SESSION`.
"""

from attrs import frozen
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from policy.game import periods_begun
from policy.quantities import Instant, Money, Seconds
from radiusd.charging.wallet import Booking, balance, book, earned_with, wallet_of
from radiusd.store import loading
from radiusd.store.game_schema import games, wallet_charges, wallet_entries, wallet_movements
from radiusd.store.keys import among
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job

_GAME = select(games.c.name, games.c.rate, games.c.period, games.c.is_active).where(games.c.id == bindparam("game"))
_CHARGE = select(wallet_charges).where(wallet_charges.c.game_session_id == bindparam("key"))
_PAID = (
    update(wallet_charges)
    .where(wallet_charges.c.game_session_id == bindparam("key"))
    .values(periods=bindparam("until"))
)
_STOPPED = (
    update(wallet_charges)
    .where(wallet_charges.c.game_session_id == bindparam("key"))
    .values(stopped_at=bindparam("at"))
)
_PAID_IN = (
    select(func.coalesce(-func.sum(wallet_entries.c.amount), 0))
    .join_from(wallet_movements, wallet_entries, wallet_entries.c.movement_id == wallet_movements.c.id)
    .where(among(wallet_movements.c.key), wallet_entries.c.number.is_not(None))
)


@frozen
class _Game:
    name: str
    rate: Money
    period: Seconds
    is_active: bool


@frozen(kw_only=True)
class _Charge:
    """A charge that was started; `periods` are paid."""

    key: str
    branch_id: int
    game_id: int
    periods: int
    is_stopped: bool


@frozen
class _NeverStarted:
    """A charge that was stopped before anybody started it."""

    is_stopped: bool = True


@frozen
class CheckJob(Job):
    """Whether a branch's wallet holds enough for a first period."""

    branch_id: int
    game_id: int

    def run(self, work: Work) -> bool:
        """Look."""
        game = _game(work, self.game_id)
        return game is not None and game.is_active and balance(work.database, wallet_of(self.branch_id)) >= game.rate


@frozen(kw_only=True)
class StartJob(Job):
    """Begin a charge, and pay its first period."""

    at: Instant
    key: str
    branch_id: int
    game_id: int

    def more(self, work: Work) -> Needs:  # noqa: ARG002 - it is known beforehand
        """The wallet."""
        return Needs(wallets=(self.branch_id,))

    def run(self, work: Work) -> bool:
        """Whether the charge runs."""
        known = _charge(work, self.key)
        if known is not None:
            return not known.is_stopped
        if self.branch_id not in work.wallets or not CheckJob(self.branch_id, self.game_id).run(work):
            return False
        of_session = {"game_session_id": self.key, "branch_id": self.branch_id, "game_id": self.game_id}
        if not _keep(work, **of_session, periods=0, started_at=self.at):
            return False  # at this very moment another server was told that it is stopped
        charge = _charge(work, self.key)
        assert isinstance(charge, _Charge)  # noqa: S101 - it was just kept
        _pay(work, charge, 1, self.at)
        return True


@frozen(kw_only=True)
class RenewJob(Job):
    """Pay what has begun by now: all of it, or nothing."""

    at: Instant
    key: str
    played: Seconds

    def more(self, work: Work) -> Needs | None:
        """The wallet it is paid from."""
        return _wallet_of_charge(work, self.key)

    def run(self, work: Work) -> bool | None:
        """Whether it is paid; None for a charge that was never started here."""
        charge = _locked(work, self.key)
        if not isinstance(charge, _Charge) or charge.is_stopped:
            return None if charge is None else False
        game = _game_of(work, charge)
        until = periods_begun(self.played, game.period)
        if max(0, until - charge.periods) * game.rate > balance(work.database, wallet_of(charge.branch_id)):
            return False
        _pay(work, charge, until, self.at)
        return True


@frozen(kw_only=True)
class StopJob(Job):
    """End a charge: pay what has begun by then, as far as the wallet goes, and never anything more.

    `is_abandoned`: no session came of it, so what was paid is given back.
    """

    at: Instant
    key: str
    played: Seconds
    unbilled: Seconds
    is_abandoned: bool = False

    def more(self, work: Work) -> Needs | None:
        """The wallet it is paid from."""
        return _wallet_of_charge(work, self.key)

    def run(self, work: Work) -> None:
        """Settle it, once. What was never started is refused from now on."""
        charge = _locked(work, self.key)
        if charge is None and not _keep(work, game_session_id=self.key, periods=0, stopped_at=self.at):
            charge = _locked(work, self.key)  # at this very moment another server has started it
        if not isinstance(charge, _Charge) or charge.is_stopped:
            return
        if self.is_abandoned:
            _give_back(work, charge, self.at)
        else:
            self._pay_the_rest(work, charge)
        work.database.execute(_STOPPED, {"key": self.key, "at": self.at})

    def _pay_the_rest(self, work: Work, charge: _Charge) -> None:
        game = _game_of(work, charge)
        until = periods_begun(Seconds(max(0, self.played - self.unbilled)), game.period)
        if game.rate:
            until = min(until, charge.periods + balance(work.database, wallet_of(charge.branch_id)) // game.rate)
        _pay(work, charge, until, self.at)


def _game(work: Work, game_id: int) -> _Game | None:
    row = work.database.execute(_GAME, {"game": game_id}).one_or_none()
    return None if row is None else _Game(*row)


def _game_of(work: Work, charge: _Charge) -> _Game:
    game = _game(work, charge.game_id)
    assert game is not None  # noqa: S101 - a foreign key
    return game


def _charge(work: Work, key: str) -> _Charge | _NeverStarted | None:
    row = work.database.execute(_CHARGE, {"key": key}).one_or_none()
    if row is None:
        return None
    if row.started_at is None:
        return _NeverStarted()
    return _Charge(
        key=key,
        branch_id=row.branch_id,
        game_id=row.game_id,
        periods=row.periods,
        is_stopped=row.stopped_at is not None,
    )


def _wallet_of_charge(work: Work, key: str) -> Needs | None:
    charge = _charge(work, key)
    return Needs(wallets=(charge.branch_id,)) if isinstance(charge, _Charge) else None


def _locked(work: Work, key: str) -> _Charge | _NeverStarted | None:
    """The charge as it is once nobody else can touch its wallet."""
    charge = _charge(work, key)
    if not isinstance(charge, _Charge) or charge.branch_id in work.wallets:
        return charge
    # It was started after `more` had looked.
    work.wallets.update(loading.lock_wallets(work.database, [charge.branch_id]))
    return _charge(work, key)


def _keep(work: Work, **values: object) -> bool:
    """Add the row of a charge; False if another server has added one that was not to be seen a moment ago."""
    build = sqlite.insert if work.database.dialect.name == "sqlite" else postgresql.insert
    statement: Insert = build(wallet_charges).on_conflict_do_nothing()
    return bool(work.database.execute(statement, values).rowcount)


def _pay(work: Work, charge: _Charge, until: int, at: Instant) -> None:
    """Pay the periods up to the number `until` that are not paid yet."""
    if until <= charge.periods:
        return
    game = _game_of(work, charge)
    bookings = [
        Booking(
            key=_name(charge, number),
            amount=Money(-game.rate),
            other=earned_with(charge.game_id),
            text=f"{game.name}, period {number}",
        )
        for number in range(charge.periods + 1, until + 1)
        if game.rate
    ]
    book(work.database, lambda: work.new_id("wallet_movements"), charge.branch_id, bookings, at)
    work.database.execute(_PAID, {"key": charge.key, "until": until})


def _give_back(work: Work, charge: _Charge, at: Instant) -> None:
    """Put back on the wallet what was taken off it, by what was booked: the rate may be another by now."""
    keys = [_name(charge, number) for number in range(1, charge.periods + 1)]
    paid = work.database.execute(_PAID_IN, {"keys": keys}).scalar_one()
    booking = Booking(
        key=f"refund:{charge.key}",
        amount=Money(int(paid)),
        other=earned_with(charge.game_id),
        text=f"{_game_of(work, charge).name}, nobody played",
    )
    bookings = [booking] if paid else []
    book(work.database, lambda: work.new_id("wallet_movements"), charge.branch_id, bookings, at)


def _name(charge: _Charge, number: int) -> str:
    """What the movement is called that pays a period."""
    return f"charge:{charge.key}:{number}"
