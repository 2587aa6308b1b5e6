"""The right and the middle button on a canvas: window and level, and moving the image."""

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QWidget


class ButtonDrags(QObject):
    """Takes these buttons before napari does, which would zoom.

    Parameters
    ----------
    canvas
        What is watched.
    on_window
        Called with the pixels across and down of a drag with the right button.
    on_pan
        Called likewise for the middle button.
    on_reset
        Called for a double click with the right button.
    """

    def __init__(
        self,
        canvas: QWidget,
        on_window: Callable[[float, float], None],
        on_pan: Callable[[float, float], None],
        on_reset: Callable[[], None],
    ) -> None:
        super().__init__(canvas)
        self._canvas, self._on_reset = canvas, on_reset
        self._drags = {
            Qt.MouseButton.RightButton: on_window, Qt.MouseButton.MiddleButton: on_pan
        }  # fmt: skip
        self._held: Qt.MouseButton | None = None
        self._last = (0.0, 0.0)
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take what is ours; Qt calls this."""
        if watched is not self._canvas or not isinstance(event, QMouseEvent):
            return False
        at, kind = (event.position().x(), event.position().y()), event.type()
        if kind == QEvent.Type.MouseButtonDblClick and (
            event.button() == Qt.MouseButton.RightButton
        ):
            self._on_reset()
            return True
        if kind == QEvent.Type.MouseButtonPress and event.button() in self._drags:
            self._held, self._last = event.button(), at
            return True
        if self._held is None:
            return False
        if kind == QEvent.Type.MouseMove:
            across, down = at[0] - self._last[0], at[1] - self._last[1]
            self._last = at
            self._drags[self._held](across, down)
            return True
        if kind == QEvent.Type.MouseButtonRelease and event.button() == self._held:
            self._held = None
            return True
        return False
