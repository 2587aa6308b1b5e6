"""What closing a window does."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget

from opp_mri.units import format_count


def may_lose(parent: QWidget, unsaved_count: int, why: str) -> bool:
    """Ask whether a window may be closed although records cannot be written.

    Parameters
    ----------
    unsaved_count
        How many records would be lost.
    why
        Why they cannot be written, in sentences.
    """
    count = format_count(unsaved_count, "record is", "records are")
    answer = QMessageBox.warning(
        parent, "Not saved",
        f"{count} not saved. {why} If you close the window now, unsaved records are lost.",
        QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
        QMessageBox.StandardButton.Cancel,
    )  # fmt: skip
    return bool(answer == QMessageBox.StandardButton.Discard)


class Closer(QObject):
    """Does something when napari's window closes, and not where its reader thinks better of it.

    Parameters
    ----------
    window
        The main window of napari.
    do
        Done just before it closes.
    asks
        Whether napari may ask first, as it does where it has layers.
    may_close
        Asked before anything is put away; False leaves the window open.
    """

    def __init__(
        self, window: QMainWindow, do: Callable[[], object], *, asks: bool,
        may_close: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._do, self._asks, self._may_close = do, asks, may_close
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notice that the window closes; Qt calls this."""
        if event.type() != QEvent.Type.Close:
            return False
        if event.spontaneous():  # by its frame: napari would ask when all is put away already
            event.ignore()
            QTimer.singleShot(0, self._close)
            return True
        if not self._may_close():
            event.ignore()
            return True
        self._do()
        return False

    def _close(self) -> None:
        window: Any = self.parent()  # not kept, so that closing frees it
        window.close(confirm_need=self._asks)
