"""Keys of the project's own windows, taken before napari sees them, whichever layer is active."""

from collections.abc import Callable, Iterable, Mapping

from attrs import frozen
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtWidgets import QLineEdit, QWidget


@frozen
class Key:
    """What a key does.

    Parameters
    ----------
    do
        The wish.
    repeats
        Whether holding the key goes on; a decision is made once a press.
    while_typing
        Whether it acts in a line of text too.
    """

    do: Callable[[], None]
    repeats: bool = False
    while_typing: bool = False


class KeysFirst(QObject):
    """Takes keys, and the wheel, from some widgets before they, or shortcuts, do.

    Parameters
    ----------
    keys
        By Qt's key and whether Shift is held.
    on_wheel
        Called with the notches of the wheel and whether Ctrl is held.
    with_ctrl
        Keys that are taken with Ctrl held.
    """

    def __init__(
        self,
        keys: Mapping[tuple[Qt.Key, bool], Key],
        on_wheel: Callable[[int, bool], None],
        with_ctrl: Mapping[Qt.Key, Key] | None = None,
    ) -> None:
        super().__init__()
        self._with_ctrl = dict(with_ctrl or {})
        self._keys, self._on_wheel = keys, on_wheel
        self._wheel_of: QWidget | None = None

    def watch(self, widgets: Iterable[QWidget], *, wheel_of: QWidget) -> None:
        """Take keys from widgets, and the wheel from one of them."""
        for widget in widgets:
            widget.installEventFilter(self)
        self._wheel_of = wheel_of

    def stop(self) -> None:
        """Take nothing any more; the widgets may be gone already."""
        self._keys, self._with_ctrl, self._wheel_of = {}, {}, None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take what is ours; Qt calls this."""
        if event.type() == QEvent.Type.Wheel and watched is self._wheel_of:
            return self._handle_wheel(event)
        if event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return self._handle_press(watched, event)
        return False

    def _handle_wheel(self, event: QEvent) -> bool:
        if not isinstance(event, QWheelEvent):
            return False
        delta = event.angleDelta().y()
        if delta:
            ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self._on_wheel(1 if delta > 0 else -1, ctrl)
        return True

    def _handle_press(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent):
            return False
        modifiers = event.modifiers()
        if modifiers & Qt.KeyboardModifier.AltModifier:
            return False
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            key = self._with_ctrl.get(Qt.Key(event.key()))
            return key is not None and self._take(event, key)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        key = self._keys.get((Qt.Key(event.key()), shift))
        if key is None or (isinstance(watched, QLineEdit) and not key.while_typing):
            return False
        return self._take(event, key)

    @staticmethod
    def _take(event: QKeyEvent, key: Key) -> bool:
        event.accept()
        if event.type() == QEvent.Type.KeyPress and (key.repeats or not event.isAutoRepeat()):
            key.do()
        return True
