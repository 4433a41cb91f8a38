"""The cafés' wallets, when they are kept here: whole units, double entry, and nothing that was booked ever changes.

Accounts are texts: `cafe:ID` is what a branch has left, `game:ID` what was earned with a game, `deposits` where
top-ups come from. Only the first kind has a floor, which is 0; so only its entries are numbered, and each says what is
left after it. Whoever books on one holds its lock until the commit.
"""

from collections.abc import Callable, Sequence

from attrs import frozen
from sqlalchemy import Connection, bindparam, func, insert, select

from policy.quantities import Instant, Money
from radiusd.store import loading
from radiusd.store.errors import NotFound, Refused
from radiusd.store.game_schema import wallet_entries, wallet_movements
from radiusd.store.identifiers import take_one

DEPOSITS = "deposits"
MOST = Money(10**15)
"""No more than this is booked at once: a figure with too many digits is a slip of the hand."""
_SEQUENCE = "wallet_movements"

_LATEST = (
    select(wallet_entries.c.number, wallet_entries.c.balance)
    .where(wallet_entries.c.account == bindparam("account"), wallet_entries.c.number.is_not(None))
    .order_by(wallet_entries.c.number.desc())
    .limit(1)
)
_SUM = select(func.coalesce(func.sum(wallet_entries.c.amount), 0)).where(
    wallet_entries.c.account == bindparam("account")
)
_BOOKED = (
    select(wallet_entries.c.account, wallet_entries.c.amount)
    .join_from(wallet_movements, wallet_entries, wallet_entries.c.movement_id == wallet_movements.c.id)
    .where(wallet_movements.c.key == bindparam("key"), wallet_entries.c.number.is_not(None))
)


@frozen(kw_only=True)
class Booking:
    """`amount` is added to a wallet, or taken off it where it is below 0; `other` is the account of the other side.

    `key` says what it is for; nothing is booked twice for one key.
    """

    key: str
    amount: Money
    other: str
    text: str


def wallet_of(branch_id: int) -> str:
    """The account of a branch's wallet."""
    return f"cafe:{branch_id}"


def earned_with(game_id: int) -> str:
    """The account of what cafés paid for a game."""
    return f"game:{game_id}"


def balance(connection: Connection, account: str) -> Money:
    """What is on an account now."""
    if account.startswith("cafe:"):
        return _latest(connection, account)[1]
    return Money(int(connection.execute(_SUM, {"account": account}).scalar_one()))


def _latest(connection: Connection, account: str) -> tuple[int, Money]:
    """The number of the last entry of a wallet, and what is left after it."""
    row = connection.execute(_LATEST, {"account": account}).one_or_none()
    return (0, Money(0)) if row is None else (row.number, Money(row.balance))


def book(
    connection: Connection, new_id: Callable[[], int], branch_id: int, bookings: Sequence[Booking], at: Instant
) -> None:
    """Book on a wallet whose lock is held. Raises Refused, and the transaction must be undone, if it fell below 0."""
    account = wallet_of(branch_id)
    number, left = _latest(connection, account)
    movements, entries = [], []
    for each in bookings:
        number, left = number + 1, Money(left + each.amount)
        if left < 0:
            raise Refused(f"the café's wallet has {left - each.amount}, which is less than {-each.amount}")
        movement_id = new_id()
        movements.append({"id": movement_id, "key": each.key, "at": at, "text": each.text})
        common = {"movement_id": movement_id}
        entries.append(
            {**common, "account": account, "amount": each.amount, "number": number, "balance": left},
        )
        entries.append({**common, "account": each.other, "amount": -each.amount, "number": None, "balance": None})
    if movements:
        connection.execute(insert(wallet_movements), movements)
        connection.execute(insert(wallet_entries), entries)


def top_up(connection: Connection, branch_id: int, amount: Money, key: str, text: str, at: Instant) -> bool:
    """Put `amount` on a branch's wallet, or take it off where it is below 0: a correction is a movement of its own.

    Done once for each `key`; False if it was done before. Raises NotFound; Refused if the wallet fell below 0, or if
    `key` stands for something else already.
    """
    if type(amount) is not int or not 0 < abs(amount) <= MOST:
        raise Refused("an amount is a whole number of units and not 0; a minus takes it off")
    if not loading.lock_wallets(connection, [branch_id]):
        raise NotFound(f"there is no branch with the id {branch_id}: `icafectl branch list` shows them")
    full_key = f"top-up:{key}"
    known = connection.execute(_BOOKED, {"key": full_key}).one_or_none()
    if known is not None:
        if tuple(known) != (wallet_of(branch_id), amount):
            raise Refused(f"{key!r} is the key of another top-up: give this one a key of its own")
        return False
    booking = Booking(key=full_key, amount=amount, other=DEPOSITS, text=text)
    book(connection, lambda: take_one(connection, _SEQUENCE), branch_id, [booking], at)
    return True
