"""How a reader looks at panes: windows, comparisons, what is switched on."""

from collections.abc import Callable, Mapping
from functools import partial

from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.switches import Switches
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.compare import Compare
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.panels.worklist_order import CellOrder
from opp_mri_napari.reading.panes import Panes


class Looking:
    """Does what keys ask for about looking.

    Parameters
    ----------
    session, panes, calipers, navigation, compare, switches
        What is looked at.
    """

    def __init__(
        self, session: Session, panes: Panes, calipers: Calipers, navigation: Navigation,
        compare: Compare, switches: Switches,
    ) -> None:  # fmt: skip
        self.session, self.panes, self.calipers = session, panes, calipers
        self.navigation, self.compare, self.switches = navigation, compare, switches

    def list_wishes(self) -> Mapping[str, Callable[[], None]]:
        """Return what each wish does."""
        return {
            "blink": self._blink,
            "compare": self._step_comparison,
            "less_baseline": partial(self.compare.change_share, -1),
            "more_baseline": partial(self.compare.change_share, 1),
            "aside": self.navigation.show_aside,
            "candidates": self._flip_candidates,
            "copy_window": self._copy_window,
            "window_preset": self._show_next_preset,
            "order": self._change_order,
            "auto_window": self.panes.choose_windows,
            "magnifier": partial(self._flip, "magnifier"),
            "ghost": self._flip_ghost,
            "category": partial(self._flip, "category"),
            "napari": partial(self._flip, "napari"),
        }

    def _blink(self) -> None:
        if self.panes.current is not None:
            self.navigation.hint = self.compare.blink(self.panes.current)

    def _step_comparison(self) -> None:
        if self.panes.current is not None:
            self.navigation.hint = self.compare.step_mode(self.panes.current)

    def _flip_candidates(self) -> None:
        self.calipers.keeps_greatest = not self.calipers.keeps_greatest
        self.navigation.hint = (
            "Candidates: draw on several slices; all are recorded and the greatest is kept."
            if self.calipers.keeps_greatest
            else "The latest line is kept again."
        )

    def _copy_window(self) -> None:
        if self.panes.current is not None:
            self.panes.copy_window(self.panes.current)

    def _show_next_preset(self) -> None:
        self.navigation.hint = f"Window preset: {self.panes.choose_next_preset()}."

    def _change_order(self) -> None:
        orders, order = list(CellOrder), self.navigation.order
        order.order = orders[(orders.index(order.order) + 1) % len(orders)]
        self.navigation.hint = f"Enter goes through {order.order.value}."

    def _flip_ghost(self) -> None:
        if self.session.blinding is not None:
            self.navigation.hint = "A blinded read has no ghost."
        else:
            self._flip("ghost")

    def _flip(self, name: str) -> None:
        setattr(self.switches, name, not getattr(self.switches, name))
