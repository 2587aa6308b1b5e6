"""Which dialog is up, and what it was opened for."""

from enum import StrEnum
from typing import Final

from opp_mri_napari.reading.calipers import Calipers
from opp_mri_napari.reading.navigation import Navigation


class Dialog(StrEnum):
    """What the window is to bring up."""

    KEYS = "keys"
    ANSWER = "answer"
    SIGN_OFF = "sign off"
    REASON = "reason"
    OVERRIDE = "override"
    LESION = "lesion"
    FITS = "fits"
    ALIGN = "align"


OF_A_CELL: Final = frozenset({Dialog.ANSWER})
OF_A_LESION: Final = frozenset({Dialog.SIGN_OFF, Dialog.LESION})


class Dialogs:
    """The dialog that is up: it belongs to the lesion or cell it was opened for.

    Once that lesion or cell is left the dialog is closed, and it does not come back by itself.
    """

    def __init__(self, navigation: Navigation, calipers: Calipers) -> None:
        self._navigation, self._calipers = navigation, calipers
        self._kind: Dialog | None = None
        self._opened_at = (0, 0)

    @property
    def kind(self) -> Dialog | None:
        """What is up, or None."""
        if self._calipers.refused is not None:
            return Dialog.OVERRIDE
        if self._calipers.pending is not None:
            return Dialog.REASON
        openings, moves = self._opened_at
        left_lesion = self._kind in OF_A_LESION and openings != self._navigation.openings
        left_cell = self._kind in OF_A_CELL and moves != self._navigation.moves
        return None if left_lesion or left_cell else self._kind

    def bring_up(self, kind: Dialog) -> None:
        """Bring a dialog up for what is open now."""
        self._kind = kind
        self._opened_at = (self._navigation.openings, self._navigation.moves)

    def close(self) -> None:
        """Put away what is up; an answer that waits for a reason is not recorded."""
        self._kind = None
        self._calipers.drop_questions()
