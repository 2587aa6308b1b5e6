"""Small parts of the window: a side of fixed width, pages that scroll, and what closing does."""

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QScrollArea, QSizePolicy, QSplitter, QWidget

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
    """Does something when a window is about to close."""

    def __init__(self, window: QWidget, do: Callable[[], object]) -> None:
        super().__init__(window)
        self._do = do
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notice that the window closes; Qt calls this."""
        if event.type() == QEvent.Type.Close:
            self._do()
        return False


def scrolled(page: QWidget) -> QScrollArea:
    """Give a page that never asks for more room than there is."""
    area = QScrollArea()
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    return area
