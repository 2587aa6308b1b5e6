"""Panes side by side, and the strip of slices under the active one."""

from collections.abc import Sequence
from typing import Final

from qtpy.QtCore import QRectF, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from opp_mri_napari.reading.basics.views import PaneView
from opp_mri_napari.reading.widgets.painting import build_grey_image
from opp_mri_napari.reading.widgets.pane import PaneWidget

MOST_IN_A_ROW: Final = 4
STRIP_HEIGHT_PX: Final = 104
NUMBER_PX: Final = 12
CURRENT, MEASURED = "#56b4e9", "#f0e442"


class SliceStrip(QWidget):
    """Slices next to the shown one, so that the greatest extent is found at a glance."""

    slice_wanted = Signal(str, int)

    def __init__(self) -> None:
        super().__init__()
        self._view: PaneView | None = None
        self.set_scale(1.0)

    def set_scale(self, scale: float) -> None:
        """Make slices and numbers larger or smaller."""
        self._height = round(STRIP_HEIGHT_PX * scale)
        self._font = QFont()
        self._font.setPixelSize(round(NUMBER_PX * scale))
        self.setFixedHeight(self._height)
        self.update()

    def show_view(self, view: PaneView | None) -> None:
        """Show the strip of a pane, or none."""
        self._view = view
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size that it wants; Qt calls this."""
        return QSize(560, self._height)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Ask for the slice that was clicked; Qt calls this."""
        if self._view is None:
            return
        for cell, area in zip(self._view.strip, self._list_areas(), strict=True):
            if area.contains(event.position()):
                self.slice_wanted.emit(self._view.pane_id, cell.slice_index)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Paint; Qt calls this."""
        if self._view is None:
            return
        painter = QPainter(self)
        painter.setFont(self._font)
        for cell, area in zip(self._view.strip, self._list_areas(), strict=True):
            if cell.picture.size:
                painter.drawImage(area, build_grey_image(cell.picture, self._view.window))
            current = cell.slice_index == self._view.slice_index
            painter.setPen(QPen(QColor(CURRENT if current else "#3a444d"), 3 if current else 1))
            painter.drawRect(area)
            painter.setPen(QColor(MEASURED if cell.measured else "#dfe6ea"))
            text = f"{cell.slice_index + 1}{' ●' if cell.measured else ''}"
            painter.drawText(area.adjusted(5, 3, 0, 0), int(Qt.AlignmentFlag.AlignLeft), text)
        painter.end()

    def _list_areas(self) -> list[QRectF]:
        count = len(self._view.strip) if self._view else 0
        side = self._height - 8.0
        first = (self.width() - count * (side + 6)) / 2
        return [QRectF(first + n * (side + 6), 4, side, side) for n in range(count)]


class PaneGrid(QWidget):
    """One to eight panes; made once and used again, since a canvas takes time to make."""

    pointer = Signal(object)
    slice_wanted = Signal(str, int)
    resized = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[int, PaneWidget] = {}
        self.strip = SliceStrip()
        self.strip.slice_wanted.connect(self.slice_wanted)
        self._shown: tuple[frozenset[int], int, int] = (frozenset(), 0, 0)
        self._in_a_row: int | None = None
        self._views: tuple[PaneView, ...] = ()
        self._closed, self._scale = False, 1.0
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.timeout.connect(lambda: self.show_views(self._views, self._in_a_row))
        self._places = QGridLayout()
        self._places.setSpacing(0)  # Qt leaves no space next to an empty row: panes would move
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.addLayout(self._places, 1)
        column.addWidget(self.strip)

    @property
    def panes(self) -> list[PaneWidget]:
        """The panes that are made, in order of time."""
        return [self._made[number] for number in sorted(self._made)]

    def show_views(self, views: Sequence[PaneView], in_a_row: int | None = None) -> None:
        """Show panes in their order; of those that have to be made yet the active one is first.

        The others follow one after another, as soon as it shows something.

        Parameters
        ----------
        in_a_row
            How many stand in a row; None to choose.
        """
        self._views = tuple(views)
        self._in_a_row = in_a_row
        active = next((number for number, view in enumerate(views) if view.active), 0)
        missing_numbers = [number for number in range(len(views)) if number not in self._made]
        if missing_numbers and not self._closed:
            if active in missing_numbers:
                missing_numbers.remove(active)
                self._make_pane(active)
            elif not views[active].loading:
                self._make_pane(missing_numbers.pop(0))
            if missing_numbers and not views[active].loading:
                self._more.start()
        columns = in_a_row or _choose_columns(len(views))
        if self._shown != (frozenset(self._made), len(views), columns):
            self._arrange(len(views), columns)
        for number, view in enumerate(views):
            if number in self._made:
                self._made[number].show_view(view)
        strip = next((view for view in views if view.active and view.strip), None)
        self.strip.show_view(strip)

    def _make_pane(self, number: int) -> None:
        pane = PaneWidget()
        pane.pointer.connect(self.pointer)
        pane.resized.connect(self.resized)
        pane.hide()
        pane.rescale(self._scale)
        self._made[number] = pane

    def rescale(self, scale: float) -> None:
        """Have what is painted over the panes larger or smaller."""
        self._scale = scale
        self.strip.set_scale(scale)
        for pane in self.panes:
            pane.rescale(scale)

    def hold_space(self, *, is_held: bool) -> None:
        """Tell all panes whether the space bar is held."""
        for pane in self.panes:
            pane.space_held = is_held

    def close_panes(self) -> None:
        """Let go of all canvases."""
        self._closed = True
        self._more.stop()
        for pane in self.panes:
            pane.close_canvas()
        self._made = {}

    def _arrange(self, count: int, columns: int) -> None:
        placed_numbers, *before = self._shown
        self._shown = (frozenset(self._made), count, columns)
        if [count, columns] != before:
            placed_numbers = frozenset()
            for pane in self.panes:
                self._places.removeWidget(pane)
                pane.setVisible(False)
        for number, pane in self._made.items():
            if (
                number < count and number not in placed_numbers
            ):  # it stays there when the others come
                self._places.addWidget(pane, number // columns, number % columns)
                pane.setVisible(True)
        for column in range(max(columns, self._places.columnCount())):
            self._places.setColumnStretch(column, 1 if column < columns else 0)
        for row in range(max(1, -(-count // columns), self._places.rowCount())):
            self._places.setRowStretch(row, 1 if row * columns < count else 0)


def _choose_columns(count: int) -> int:
    return max(1, count if count <= MOST_IN_A_ROW else (count + 1) // 2)
