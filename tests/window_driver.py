"""A reader's hands on the real window: waits, places on the screen, mouse and keys."""

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from opp_mri_napari.widgets.room.window import RoomWindow
    from pytestqt.qtbot import QtBot
    from qtpy.QtWidgets import QWidget

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def settle(window: "RoomWindow", qtbot: "QtBot") -> None:
    """Wait until all is loaded and saved, and painted."""
    session = window.room.session

    def still() -> bool:
        waits = window.busy or not session.patient
        waits = waits or len(window.grid.panes) < len(window.room.panes.panes)
        return not waits and session.worklist is not None

    qtbot.waitUntil(still, timeout=30_000)
    qtbot.wait(50)


def canvas(window: "RoomWindow", pane: int = 0) -> "QWidget":
    """Where a pane's image is."""
    return window.grid.panes[pane].canvas


def place(window: "RoomWindow", mm: float, down_mm: float = 0.0, pane: int = 0) -> QPoint:
    """A place on the screen, in mm from the middle of a pane."""
    zoom, shown = window.room.panes.zoom, canvas(window, pane)
    return QPoint(round(shown.width() / 2 + mm * zoom), round(shown.height() / 2 + down_mm * zoom))


def drag(
    window: "RoomWindow",
    qtbot: "QtBot",
    start: QPoint,
    end: QPoint,
    pane: int = 0,
    button: Qt.MouseButton = LEFT,
) -> None:
    """Press, move and let go."""
    shown = canvas(window, pane)
    qtbot.mousePress(shown, button, pos=start)
    qtbot.mouseMove(shown, (start + end) / 2)
    qtbot.mouseMove(shown, end)
    qtbot.mouseRelease(shown, button, pos=end)


def click(
    window: "RoomWindow",
    qtbot: "QtBot",
    at: QPoint,
    held: Qt.KeyboardModifier = NONE,
    pane: int = 0,
) -> None:
    """Move there and click."""
    qtbot.mouseMove(canvas(window, pane), at)
    qtbot.mouseClick(canvas(window, pane), LEFT, held, at)


def press(
    window: "RoomWindow", qtbot: "QtBot", key: Qt.Key, held: Qt.KeyboardModifier = NONE
) -> None:
    """Press a key where the keys go: what has the focus in the window, or else the first pane."""
    focus = window.viewer.window._qt_window.focusWidget()
    qtbot.keyClick(focus or canvas(window), key, held)


def turn(
    window: "RoomWindow", notches: int, held: Qt.KeyboardModifier = NONE, pane: int = 0
) -> None:
    """Turn the wheel over the middle of a pane; Alt turns it sideways, as Qt has it."""
    at, shown = QPointF(place(window, 0, pane=pane)), canvas(window, pane)
    event = QWheelEvent(
        at, shown.mapToGlobal(at), QPoint(), QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton, held, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(shown, event)
