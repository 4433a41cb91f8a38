"""A server without Redis tells itself, and nobody else."""

from radiusd.cluster.alone import Alone
from radiusd.cluster.announcements import Listeners, Whose

NORA = (1, "nora_01")


def test_whoever_shows_a_balance_here_is_told_and_what_was_stored_here_is_not_looked_for() -> None:
    looks: list[str] = []
    balances: list[Whose] = []
    alone = Alone(Listeners(lambda: looks.append("look"), balances.append))
    alone.start()
    alone.look()
    alone.balance(NORA)
    assert (looks, balances) == ([], [NORA])
    assert alone.stop().called
