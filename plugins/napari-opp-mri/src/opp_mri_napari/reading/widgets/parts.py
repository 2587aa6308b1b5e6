"""Small parts of the window: a side of fixed width, pages that scroll, and what closing does."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QLineEdit,
    QMainWindow,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QWidget,
)

SIDE_PX = 460


class Side(QSplitter):
    """As wide as it is, whatever it shows, so that images never move; napari lifts other limits."""

    def __init__(self, orientation: Qt.Orientation) -> None:
        super().__init__(orientation)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Give the size that it wants; Qt calls this."""
        return QSize(SIDE_PX, super().sizeHint().height())


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


class Line(QLineEdit):
    """A line of text that keeps Enter to itself, as the room would go to the next cell."""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Take a key; Qt calls this."""
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()


def scrolled(page: QWidget) -> QScrollArea:
    """Give a page that never asks for more room than there is."""
    area = QScrollArea()
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    return area
