"""What closing a window does."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow


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
    """

    def __init__(self, window: QMainWindow, do: Callable[[], object], *, asks: bool) -> None:
        super().__init__(window)
        self._do, self._asks = do, asks
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notice that the window closes; Qt calls this."""
        if event.type() != QEvent.Type.Close:
            return False
        if event.spontaneous():  # by its frame: napari would ask when all is put away already
            event.ignore()
            QTimer.singleShot(0, self._close)
            return True
        self._do()
        return False

    def _close(self) -> None:
        window: Any = self.parent()  # not kept, so that closing frees it
        window.close(confirm_need=self._asks)
