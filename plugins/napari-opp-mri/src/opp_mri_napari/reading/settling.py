"""A series in doubt: its evidence, and one key that chooses it for the sequence, and takes it back.

What is recorded is what `opp-mri role` records.
"""

from typing import Final

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri_napari.reading.basics.session import Session
from opp_mri_napari.reading.basics.tools import suggest_series
from opp_mri_napari.reading.navigation import Navigation

BLINDED: Final = "In a blinded read the coordinator settles which series is read."


class Settling:
    """Lets a reader choose the series of the active pane for its sequence.

    Parameters
    ----------
    session, navigation
        What is open, and where the reader is.
    """

    def __init__(self, session: Session, navigation: Navigation) -> None:
        self._session, self._navigation = session, navigation
        self._last: tuple[VolumeDescription, tuple[str, int]] | None = None

    def settle(self) -> None:
        """Choose the shown series for the sequence of its pane; take back what a reader chose."""
        pane, navigation = self._navigation.panes.current, self._navigation
        if pane is None or pane.volume is None:
            navigation.hint = "No series is shown here that could be chosen."
        elif self._session.blinding is not None:
            navigation.hint = BLINDED
        elif pane.volume.role_overridden:
            self._take_back(pane.volume)
        elif not pane.volume.is_in_doubt:
            navigation.hint = (
                f"This series is not in doubt. {suggest_series(pane.volume, pane.sequence)}"
            )
        else:
            self._last = (pane.volume, self._get_moment())
            self._record(pane.volume, pane.sequence)

    def undo(self) -> bool:
        """Undo the last choice where no answer was given since; return whether there was one."""
        last, self._last = self._last, None
        if last is None or last[1] != self._get_moment():
            return False
        self._take_back(last[0])
        return True

    def _get_moment(self) -> tuple[str, int]:
        """Distinguish states in which an undo belongs to an answer and not to a choice."""
        lesion = self._session.lesion
        if lesion is None:
            return ("", 0)
        return (lesion.lesion.lesion_id, len(lesion.log) + len(lesion.marks))

    def _record(self, volume: VolumeDescription, role: SeriesRole) -> None:
        number = volume.instance.series_number
        series = "The series" if number is None else f"Series {number}"
        self._session.settle_role(volume.volume_id, role, self._show)
        self._navigation.hint = f"{series} is chosen for {role.value}. Press the key again to take "
        "it back."

    def _take_back(self, volume: VolumeDescription) -> None:
        self._last = None
        self._session.settle_role(volume.volume_id, None, self._show)
        self._navigation.hint = "The choice is taken back: the headers decide again."

    def _show(self) -> None:
        hint = self._navigation.hint
        self._navigation.reload()
        self._navigation.hint = hint
        self._session.ask_worklist()
