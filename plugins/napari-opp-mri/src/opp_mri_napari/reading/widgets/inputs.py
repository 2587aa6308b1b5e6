"""Keys of the reading room, taken before napari sees them, whichever widget is active."""

from collections.abc import Callable, Mapping
from typing import Final

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QTextEdit,
    QWidget,
)

TYPED_IN: Final = (QLineEdit, QTextEdit, QComboBox, QAbstractSpinBox)
MODIFIERS: Final = (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta)
TAKEN: Final = frozenset(
    {
        QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress, QEvent.Type.KeyRelease,
        QEvent.Type.WindowDeactivate, QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease,
    }
)  # fmt: skip
WHILE_TYPING: Final = {"cancel", "keys"}


class RoomKeys(QObject):
    """Takes the keys of one window.

    Parameters
    ----------
    window
        All keys pressed in it come here first.
    keys
        What each key asks for, by its name as Qt writes it.
    repeats
        Wishes that holding a key repeats.
    on_wish
        Called with the wish; returns whether it was taken.
    on_space
        Called when the space bar goes down or up.
    """

    def __init__(
        self,
        window: QWidget,
        keys: Mapping[str, str],
        repeats: frozenset[str],
        on_wish: Callable[[str], bool],
        on_space: Callable[[bool], None],
    ) -> None:
        super().__init__(window)
        self._keys, self._repeats = keys, repeats
        self._window: QWidget | None = window
        self._on_wish, self._on_space = on_wish, on_space
        self._on = True
        self._space_held = False
        application = QApplication.instance()
        if application is not None:
            application.installEventFilter(self)
        _skip_moves(skip=False)

    def stop(self) -> None:
        """Take nothing any more."""
        self._on, self._window = False, None
        _skip_moves(skip=True)
        application = QApplication.instance()
        if application is not None:
            application.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take what is ours; Qt calls this."""
        kind = event.type()
        if kind not in TAKEN or not self._on:  # thousands of others come while a window is made
            return False
        if kind == QEvent.Type.WindowDeactivate and watched is self._window:
            self._release_space()  # the key goes up in another program
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
            _skip_moves(skip=kind == QEvent.Type.MouseButtonPress)
        if not isinstance(event, QKeyEvent):
            return False
        if not isinstance(watched, QWidget) or watched.window() is not self._window:
            return False
        is_typing = isinstance(watched, TYPED_IN) and not (
            self._space_held and event.type() == QEvent.Type.KeyRelease
        )
        if event.key() == Qt.Key.Key_Space and not is_typing:
            if not event.isAutoRepeat() and event.type() != QEvent.Type.ShortcutOverride:
                self._space_held = event.type() == QEvent.Type.KeyPress
                self._on_space(self._space_held)
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyRelease:
            return False
        return self._handle_press(event, is_typing=is_typing)

    def _release_space(self) -> None:
        if self._on and self._space_held:
            self._space_held = False
            self._on_space(False)

    def _handle_press(self, event: QKeyEvent, *, is_typing: bool) -> bool:
        wish = self._keys.get(name_key(event))
        if wish is None or (is_typing and wish not in WHILE_TYPING):
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # so that no shortcut of napari's takes it
            return True
        if event.isAutoRepeat() and wish not in self._repeats:
            return True
        return self._on_wish(wish)


def _skip_moves(*, skip: bool) -> None:
    """Let Qt leave out moves of the mouse that are followed by others, or have it report all.

    While it leaves them out, a key on a busy machine may act where the mouse was before: on X11 Qt
    drops a move even if a key was pressed between it and the next one. A drag needs the last only.
    """
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, skip)


def name_key(event: QKeyEvent) -> str:
    """Name a key with its modifiers as Qt writes it, such as `Ctrl+Z`; "" for a modifier alone."""
    if event.key() in MODIFIERS:
        return ""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    code = int(event.key())
    if code == Qt.Key.Key_Backtab or (0x20 < code < 0x7F and not chr(code).isalpha()):
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier  # some layouts need it for ?, + or 1
    return QKeySequence(code | modifiers.value).toString(QKeySequence.SequenceFormat.PortableText)
