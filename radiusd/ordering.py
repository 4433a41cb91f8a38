"""Hands what was decided and stored to those who carry it out."""

from collections.abc import Iterable

from radiusd.changing import Changer
from radiusd.cutting import Cutter
from radiusd.store.work import Afterwards, ChangeCommand, CutCommand, CutSettled


class Orders:
    """Cuts and changes, each to its own."""

    def __init__(self, cutter: Cutter, changer: Changer) -> None:
        self._cutter = cutter
        self._changer = changer

    def is_busy_with(self, command_id: int) -> bool:
        """Whether this command is on its way."""
        return self._cutter.is_busy_with(command_id) or self._changer.is_busy_with(command_id)

    def carry_out(self, orders: Iterable[Afterwards]) -> None:
        """Begin with what is ordered; the first datagrams are on the wire on return."""
        orders = tuple(orders)
        self._cutter.settled(each for each in orders if isinstance(each, CutSettled))
        self._cutter.cut(each for each in orders if isinstance(each, CutCommand))
        self._changer.change(each for each in orders if isinstance(each, ChangeCommand))
