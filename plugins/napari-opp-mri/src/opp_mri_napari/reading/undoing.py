"""Undo and redo of all that a reader did to a lesion since the signature, in order of time."""

from collections.abc import Callable, Container, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import attrs

from opp_mri.domain.measurement import ApAxis, CommonPoint, Edit, Reading
from opp_mri.workflow.measuring.marks import Mark, Step, find_redo, find_undo
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.navigation import Navigation
from opp_mri_napari.reading.settling import Settling

FindStep = Callable[
    [Sequence[Reading], Container[str], Sequence[Mark], datetime | None], Step | None
]

NO_STEP: Final = "There is nothing more to undo or redo since the signature."


class Undoing:
    """Takes back answers, marks and choices of a series, and makes them again.

    Parameters
    ----------
    session, navigation, calipers, settling
        What is open, where the reader is, the answers, and the choices of a series.
    """

    def __init__(
        self, session: Session, navigation: Navigation, calipers: Calipers, settling: Settling
    ) -> None:
        self._session, self._navigation = session, navigation
        self._calipers, self._settling = calipers, settling

    def undo(self) -> None:
        """Take back what was done last."""
        if not self._settling.undo():
            self._go(find_undo, self._calipers.undo, Edit.UNDONE)

    def redo(self) -> None:
        """Make again what was taken back last."""
        self._go(find_redo, self._calipers.redo, Edit.REDONE)

    def _go(
        self, find_step: FindStep, edit_answer: Callable[[], Reading | None], edit: Edit
    ) -> None:
        """Take the next step back or forth: of an answer, or of a mark."""
        lesion = self._session.lesion
        if lesion is None:
            return
        step = find_step(lesion.log, lesion.signed, lesion.marks, lesion.signed_at)
        if step is None:
            self._navigation.hint = NO_STEP
        elif isinstance(step, Reading):
            self._navigation.show_edit(edit_answer())
        else:
            self._replay(step, edit)

    def _replay(self, mark: Mark, edit: Edit) -> None:
        act = "Taken back" if edit is Edit.UNDONE else "Made again"
        hint = f"{act}: {self._name(mark)}."
        again = attrs.evolve(mark, edit=edit, recorded_at=self._session.clock())
        self._session.replay_mark(again, partial(self._navigation.reload, hint))
        self._navigation.hint = hint

    def _name(self, mark: Mark) -> str:
        lesion = self._session.lesion
        if isinstance(mark, CommonPoint):
            return "the common point of two panes"
        if isinstance(mark, ApAxis):
            return "the AP axis of the vertebra"
        return f"the level {lesion.lesion.level if lesion else ''} that you confirmed"
