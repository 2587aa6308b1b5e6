"""The line above the panes: what is open, what would come next, what the mouse does."""

from typing import Final

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from opp_mri_napari.reading.panels.panel_views import StatusView
from opp_mri_napari.reading.widgets.looks import BANNER, MESSAGE, QUIET
from opp_mri_napari.reading.widgets.parts import ElidedLabel, PlainLabel

SHARE_PX: Final = 140
SPACING_PX: Final = 14


class Head(QWidget):
    """Shows the status, and what went wrong below it; its slider sets the share of an overlay.

    A message that does not fit the line is in `long_hint`, which the window puts over other parts:
    what comes and goes with a press of the mouse must not move an image.
    """

    share_wanted = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.title, self.hint = ElidedLabel(), ElidedLabel()
        self.tool, self.saved, self.banner = PlainLabel(), PlainLabel(), PlainLabel()
        self.long_hint = PlainLabel()
        self.title.setStyleSheet("font-size: 16px; font-weight: bold;")
        for label in (self.saved, self.tool, self.hint):
            label.setStyleSheet(QUIET)
        self.long_hint.setStyleSheet(MESSAGE)
        self.long_hint.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.banner.setStyleSheet(BANNER)
        self.banner.setWordWrap(True)
        self.long_hint.setWordWrap(True)
        self.long_hint.hide()
        self.share = QSlider(Qt.Orientation.Horizontal)
        self.share.setRange(0, 100)
        self.share.setFixedWidth(SHARE_PX)
        self.share.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.share.setToolTip("overlay: share of the baseline")
        self.share.valueChanged.connect(lambda percent: self.share_wanted.emit(percent / 100))
        self.banner.hide()  # an open napari shows the room before it has anything to say
        self.share.hide()
        line = QHBoxLayout()
        line.setSpacing(SPACING_PX)
        line.addWidget(self.title)
        line.addWidget(self.hint, 1)
        for widget in (self.share, self.tool, self.saved):
            line.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 6)
        column.addLayout(line)
        column.addWidget(self.banner)

    def show_view(self, status: StatusView) -> None:
        """Show a status."""
        for label, text in (
            (self.title, status.title),
            (self.saved, status.saved),
            (self.hint, status.hint),
            (self.long_hint, status.hint),
            (self.tool, f"left button: {status.tool}"),
            (self.banner, status.banner),
        ):
            if label.text() != text:
                label.setText(text)
        self._make_room()
        self.banner.setVisible(bool(status.banner))
        self.share.setVisible(status.share is not None)
        if status.share is not None:
            self.share.setValue(round(100 * status.share))
            self._make_room()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Let what stands in the line fit the width; Qt calls this."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Leave out what the mouse does while a message needs that room; or put it elsewhere."""
        widgets: list[QWidget] = [self.title, self.hint, self.saved]
        if not self.share.isHidden():
            widgets.append(self.share)
        needed_px = sum(widget.sizeHint().width() + SPACING_PX for widget in widgets)
        with_tool_px = needed_px + self.tool.sizeHint().width() + SPACING_PX
        has_hint = bool(self.hint.text())
        self.tool.setHidden(with_tool_px > self.width())
        self.long_hint.setVisible(has_hint and needed_px > self.width())
        self.hint.setVisible(self.long_hint.isHidden())
