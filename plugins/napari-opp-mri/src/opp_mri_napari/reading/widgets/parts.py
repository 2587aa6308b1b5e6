"""Small parts of the window: a side of fixed width, and lines of text."""

from collections.abc import Sequence
from html import escape
from typing import Final

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QEnterEvent, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QSizePolicy,
    QSplitter,
    QWidget,
)

from opp_mri.domain.visible_text import make_line_visible

SIDE_SHARE: Final = 0.31  # of the room's width
SIDE_PX: Final = (340, 900)  # at least, and at most
FOOT_PX: Final = 394  # of the growth curve below the worklist, in a high window
FOOT_SHARE: Final = 0.52  # of the height that it has in a low one, at most


class Side(QSplitter):
    """As wide as it is, whatever it shows, so that images never move; napari lifts other limits."""

    def __init__(self, orientation: Qt.Orientation) -> None:
        super().__init__(orientation)
        self._width_px = SIDE_PX[0]
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Expanding)

    def fit_room(self, room: QSize) -> None:
        """Ask for a share of the room's width and a foot of its height, until it has others."""
        low, high = SIDE_PX
        self._width_px = min(high, max(low, round(room.width() * SIDE_SHARE)))
        foot = self.widget(1)
        if foot is not None:
            foot.setMinimumHeight(min(FOOT_PX, round(FOOT_SHARE * room.height())))
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size that it wants; Qt calls this."""
        return QSize(self._width_px, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size; Qt calls this."""
        return QSize(SIDE_PX[0], super().minimumSizeHint().height())


class PlainLabel(QLabel):
    """A label that shows markup as it is: a PatientID or the name of a lesion may hold some."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)


class Whole(QWidget):
    """All of the room: panes at the left, which take what the side at the right leaves.

    Parameters
    ----------
    left
        What never asks for room: a long message must not move images.
    side
        What gets its share of the window, also when that becomes smaller.
    """

    def __init__(self, left: QLayout, side: Side) -> None:
        super().__init__()
        self._side = side
        column = QWidget()
        column.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        column.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        line = QHBoxLayout(self)
        line.setContentsMargins(6, 4, 6, 4)
        line.addWidget(column, 1)
        line.addWidget(side)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Have the side ask for its share of the new size; Qt calls this."""
        super().resizeEvent(event)
        self._side.fit_room(self.size())


class ElidedLabel(PlainLabel):
    """A line of text that never asks for more room than there is; its tooltip has all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._shorter: tuple[str, ...] = ()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size; Qt calls this."""
        return QSize(10, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of the whole text; Qt calls this."""
        width = self.fontMetrics().horizontalAdvance(self.text()) + 2 * self.margin() + 14
        return QSize(width, super().sizeHint().height())

    @property
    def fitting_text(self) -> str:
        """What is painted: the text, or the first shorter wording that fits, or its start."""
        width_px, metrics = self.contentsRect().width(), self.fontMetrics()
        wording = find_fitting(metrics, (self.text(), *self._shorter), width_px)
        return metrics.elidedText(wording, Qt.TextElideMode.ElideRight, width_px)

    def setText(self, text: str, *shorter: str) -> None:  # noqa: N802
        """Set the text; what would act instead of being read is written out.

        Parameters
        ----------
        shorter
            Shorter wordings, for where there is less room.
        """
        self._shorter = tuple(make_line_visible(wording) for wording in shorter)
        super().setText(make_line_visible(text))
        if self.underMouse():
            self.setToolTip(escape(self.text()))

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        """Have all of the text ready for the mouse, which alone asks for it; Qt calls this."""
        self.setToolTip(escape(self.text()))
        super().enterEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Paint what fits; Qt calls this."""
        painter = QPainter(self)
        fitting_text = self.fitting_text
        painter.drawText(self.contentsRect(), int(Qt.AlignmentFlag.AlignVCenter), fitting_text)


def find_fitting(metrics: QFontMetrics, wordings: Sequence[str], width_px: float) -> str:
    """Return the first of some wordings that is no wider, or else the last."""
    return next(
        (wording for wording in wordings if metrics.horizontalAdvance(wording) <= width_px),
        wordings[-1],
    )


class Line(QLineEdit):
    """A line of text that keeps Enter to itself, as the room would go to the next cell."""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Take a key; Qt calls this."""
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()


def shrink(box: QComboBox) -> None:
    """Let a box of choices be narrower than its longest choice."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
