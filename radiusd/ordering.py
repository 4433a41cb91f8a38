"""Hands what was decided and stored to those who carry it out."""

from collections.abc import Callable, Iterable, Sequence

from radiusd.changing import Changer
from radiusd.cutting import Cutter
from radiusd.store.work import Afterwards, ChangeCommand, CutCommand, CutSettled


class Orders:
    """Cuts and changes, each to its own; `heard` is told first, whoever made them."""

    def __init__(
        self, cutter: Cutter, changer: Changer, heard: Callable[[Sequence[Afterwards]], None] | None = None
    ) -> None:
        self._cutter = cutter
        self._changer = changer
        self._heard = heard

    def is_busy_with(self, command_id: int) -> bool:
        """Whether this command is on its way."""
        return self._cutter.is_busy_with(command_id) or self._changer.is_busy_with(command_id)

    def carry_out(self, orders: Iterable[Afterwards]) -> None:
        """Begin with what is ordered; the first datagrams are on the wire on return."""
        orders = tuple(orders)
        if self._heard is not None:
            self._heard(orders)
        self._cutter.settled(each for each in orders if isinstance(each, CutSettled))
        self._cutter.cut(each for each in orders if isinstance(each, CutCommand))
        self._changer.change(each for each in orders if isinstance(each, ChangeCommand))
