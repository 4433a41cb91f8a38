"""What was put on the cafés' wallets and taken off them, for whoever asks."""

from typing import Any

from sqlalchemy import Connection, select

from radiusd.store.game_schema import wallet_entries, wallet_movements

Record = dict[str, Any]

_MOVEMENTS = (
    select(
        wallet_entries.c.number,
        wallet_movements.c.at,
        wallet_movements.c.text,
        wallet_entries.c.amount,
        wallet_entries.c.balance,
        wallet_movements.c.key,
    )
    .join_from(wallet_entries, wallet_movements, wallet_entries.c.movement_id == wallet_movements.c.id)
    .where(wallet_entries.c.number.is_not(None))
    .order_by(wallet_entries.c.number.desc())
)


def list_movements(connection: Connection, account: str, limit: int) -> list[Record]:
    """What was booked on a wallet, the latest first; `balance` is what was left after each."""
    query = _MOVEMENTS.where(wallet_entries.c.account == account).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def show_wallet(connection: Connection, account: str) -> Record:
    """What is left on a wallet, how often anything was booked on it, and when last."""
    latest = list_movements(connection, account, 1)
    if not latest:
        return {"balance": 0, "movements": 0, "booked_at": None}
    return {"balance": latest[0]["balance"], "movements": latest[0]["number"], "booked_at": latest[0]["at"]}
