"""One pane: a napari canvas that shows one image, with a heading above and an overlay over it.

This is the only file of the reading room that knows how napari draws.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from napari.qt import QtViewer
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from opp_mri_napari.reading.basics.overlay_layout import mm_from_px
from opp_mri_napari.reading.basics.views import (
    Button,
    PaneView,
    Pointer,
    PointerKind,
    shorten_badge,
    shorten_heading,
    shorten_note,
    shorten_state,
)
from opp_mri_napari.reading.widgets.overlay import Overlay
from opp_mri_napari.reading.widgets.parts import ElidedLabel, PlainLabel, find_fitting
from opp_mri_napari.shared.text_scale import rescale, restyle

KINDS: Final = {
    QEvent.Type.MouseButtonPress: PointerKind.PRESS,
    QEvent.Type.MouseButtonDblClick: PointerKind.DOUBLE,
    QEvent.Type.MouseButtonRelease: PointerKind.RELEASE,
    QEvent.Type.MouseMove: PointerKind.MOVE,
}
BUTTONS: Final = {
    Qt.MouseButton.LeftButton: Button.LEFT,
    Qt.MouseButton.MiddleButton: Button.MIDDLE,
    Qt.MouseButton.RightButton: Button.RIGHT,
}
NOTCH: Final = 120
ACTIVE, QUIET = QColor("#56b4e9"), QColor("#2b333b")
FRAME_PX: Final = 2
MARGIN_PX: Final = 6  # of what the frame holds, from the edge
SAME_MM: Final = 1e-9
NOTE_PX: Final = 22
LEAST_PX: Final = 90  # napari cannot draw on nothing
STATE_ROOM_PX: Final = 64  # margins, spacing and padding in the line of heading and state
BADGE_ROOM_PX: Final = 40  # likewise in the line of the badge
ORIGIN: Final = re.compile(", (accepted|edited)")
NOTE: Final = "color: #9fd8c5; font-size: 12px;"
OPEN_NOTE: Final = "color: #ffb38a; font-size: 12px;"  # it asks the reader for something
CHIP: Final = "padding: 0px 6px; border-radius: 3px; font-size: 12px;"  # no higher than a heading


class _Shown(Image):  # type: ignore[misc] # napari is not typed
    """An image that stands in no list of layers, so that it needs no thumbnail."""

    def _update_thumbnail(self) -> None:
        """Leave it; napari would load scipy and draw one whenever the window changes."""


class _Canvas(QtViewer):  # type: ignore[misc] # napari is not typed
    """A canvas that takes no keys of its own."""

    def _bind_shortcuts(self) -> None:
        """Leave napari's keys as they are; each one bound has every canvas write its tips again."""


class PaneWidget(QFrame):
    """Shows one pane."""

    pointer = Signal(object)
    resized = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.space_held = False
        self._view: PaneView | None = None
        self._drawn: NDArray[Any] | None = None
        self._pixels: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._place = -1
        self._was_mixed = False
        self._layer: Image | None = None
        self.model = ViewerModel()
        self._viewer = _Canvas(self.model)
        self._viewer.dims.hide()
        self.canvas: QWidget = self._viewer.canvas.native
        self.canvas.setMouseTracking(True)
        self.canvas.installEventFilter(self)
        self.overlay = Overlay(self.canvas)
        self.heading, self.series = ElidedLabel(), ElidedLabel()
        self.state, self.badge, self.link = PlainLabel(), PlainLabel(), ElidedLabel()
        self._build()

    def _build(self) -> None:
        self.heading.setStyleSheet("font-size: 14px; font-weight: bold;")
        self.series.setStyleSheet("font-size: 13px; color: #b8c4ce;")
        self.state.setStyleSheet(f"background: #3a444d; {CHIP}")
        self.badge.setStyleSheet(f"background: #5c4a1a; color: #ffd479; {CHIP}")
        self.link.setStyleSheet(NOTE)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        column.setSpacing(1)
        self._note = note = QWidget()
        note.setFixedHeight(NOTE_PX)  # always there, so that the image never jumps
        for parts in ((self.heading, self.state), (self.series,), (self.badge, self.link)):
            line = QHBoxLayout(note) if self.badge in parts else QHBoxLayout()
            line.setContentsMargins(6, 0, 6, 0)
            for part in parts:
                stretches = isinstance(part, ElidedLabel)
                line.addWidget(part, 1 if stretches else 0)
            if self.badge in parts:
                line.addStretch(0)
                column.addWidget(note)
            else:
                column.addLayout(line)
        self.canvas.setMinimumSize(LEAST_PX, LEAST_PX)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        column.addWidget(self._viewer, 1)

    def show_view(self, view: PaneView) -> None:
        """Show a pane; what has not changed costs nothing."""
        before, self._view = self._view, view
        if view is before:
            return
        self._show_words(before, view)
        if view.voxels is not None:
            self._show_image(view.voxels, view)
        elif self._layer is not None and self._layer.visible:
            self._layer.visible = False
        self.overlay.show_view(view)

    def rescale(self, scale: float) -> None:
        """Have all text larger or smaller, and what is painted over the image with it."""
        self.overlay.set_scale(scale)
        self._note.setFixedHeight(round(NOTE_PX * scale))
        rescale(self, scale)

    def close_canvas(self) -> None:
        """Let go of the canvas; nothing can be shown any more."""
        self.canvas.removeEventFilter(self)
        self._viewer.close()
        del self._viewer, self.canvas, self._layer  # napari counts what is left of its viewers

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the frame; Qt calls this. A style sheet would be weighed for every part again."""
        super().paintEvent(event)
        painter = QPainter(self)
        active = self._view is not None and self._view.active
        painter.setPen(QPen(ACTIVE if active else QUIET, FRAME_PX))
        painter.drawRect(QRectF(self.rect()).adjusted(FRAME_PX, FRAME_PX, -FRAME_PX, -FRAME_PX))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Let what stands above the image fit the width; Qt calls this."""
        super().resizeEvent(event)
        if self._view is not None:
            self._show_state(self._view)

    def _show_state(self, view: PaneView) -> None:
        """Show what is recorded; in a narrow pane without the origin of a proposed line."""
        room_px = self.width() - STATE_ROOM_PX
        heading = shorten_heading(view.heading)[0]  # which is painted where there is less room
        heading_px = self.heading.fontMetrics().horizontalAdvance(heading)
        wordings = (view.state, ORIGIN.sub("", view.state), shorten_state(view.state))
        self.state.setText(find_fitting(self.state.fontMetrics(), wordings, room_px - heading_px))
        badge_room_px = self.width() - BADGE_ROOM_PX
        self.badge.setText(
            find_fitting(
                self.badge.fontMetrics(), (view.badge, *shorten_badge(view.badge)), badge_room_px
            )
        )
        self.state.setToolTip(view.state)
        self.state.setVisible(bool(view.state))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Turn what the mouse does into a pointer; napari sees nothing of it."""
        kind = event.type()
        if kind == QEvent.Type.Resize:
            self.overlay.setGeometry(self.canvas.rect())
            self.resized.emit(float(self.canvas.height()))
            return False
        if watched is not self.canvas or self._view is None:
            return False
        if kind in KINDS and isinstance(event, QMouseEvent):
            self._announce(KINDS[kind], event, BUTTONS.get(event.button(), Button.NONE))
            return True
        if kind == QEvent.Type.Wheel and isinstance(event, QWheelEvent):
            delta = event.angleDelta().y() or event.angleDelta().x()  # Alt turns the wheel
            if delta:
                notches = max(1, abs(delta) // NOTCH) * (1 if delta > 0 else -1)
                self._announce(PointerKind.WHEEL, event, Button.NONE, notches)
            return True
        if kind == QEvent.Type.Leave:
            self.pointer.emit(
                Pointer(pane_id=self._view.pane_id, kind=PointerKind.LEAVE, place=(0.0, 0.0),
                        x_px=0.0, y_px=0.0)
            )  # fmt: skip
        return False

    def _announce(
        self, kind: PointerKind, event: QMouseEvent | QWheelEvent, button: Button, notches: int = 0
    ) -> None:
        view, at, modifiers = self._view, event.position(), event.modifiers()
        if view is None:
            return
        size = (float(self.canvas.width()), float(self.canvas.height()))
        self.pointer.emit(
            Pointer(
                pane_id=view.pane_id,
                kind=kind,
                place=mm_from_px((at.x(), at.y()), view.centre, view.zoom, size),
                x_px=at.x(),
                y_px=at.y(),
                size_px=size,
                button=button,
                notches=notches,
                shift=bool(modifiers & Qt.KeyboardModifier.ShiftModifier),
                ctrl=bool(modifiers & Qt.KeyboardModifier.ControlModifier),
                alt=bool(modifiers & Qt.KeyboardModifier.AltModifier),
                space=self.space_held,
            )
        )

    def _show_image(self, voxels: NDArray[Any], view: PaneView) -> None:
        values = voxels[view.slice_index] if view.mixed is None else view.mixed
        if self._layer is None:
            self._pixels = values.astype(np.float32)
            self._layer = _Shown(
                self._pixels, scale=view.scale_mm[1:], units=("mm", "mm"),
                contrast_limits=view.window, interpolation2d="linear", name="image",
            )  # fmt: skip
            self.model.add_layer(self._layer)
        elif (
            self._drawn is not voxels
            or self._place != view.slice_index
            or self._was_mixed
            or view.mixed is not None
        ):
            self._change_pixels(values)
        if tuple(self._layer.scale) != view.scale_mm[1:]:
            self._layer.scale = view.scale_mm[1:]
        self._drawn, self._place = voxels, view.slice_index
        self._was_mixed = view.mixed is not None
        if not self._layer.visible:
            self._layer.visible = True
        if tuple(self._layer.contrast_limits) != view.window:
            self._layer.contrast_limits_range = view.window
            self._layer.contrast_limits = view.window
        camera = self.model.scene.camera
        centre = (0.0, *view.centre)
        if not _is_same(camera.center, centre):
            camera.center = centre
        if camera.zoom != view.zoom:
            camera.zoom = view.zoom

    def _change_pixels(self, values: NDArray[Any]) -> None:
        if self._layer is None or values.shape != self._pixels.shape:
            self._pixels = values.astype(np.float32)
            if self._layer is not None:
                self._layer.data = self._pixels
            return
        # napari takes 20 ms to be told of new data and a tenth of a millisecond to draw them
        np.copyto(self._pixels, values)
        node = self._viewer.canvas.layer_to_visual[self._layer].node
        node.set_data(self._pixels)
        node.update()

    def _show_words(self, before: PaneView | None, view: PaneView) -> None:
        series_names = [
            "  ·  ".join(part for part in (view.slice_text, name) if part)
            for name in (view.series_name, *view.shorter_names)
        ]
        for label, (text, *shorter) in (
            (self.heading, (view.heading, *shorten_heading(view.heading))),
            (self.series, series_names),
            (self.link, (view.link_note, *shorten_note(view.link_note))),
        ):
            if label.text() != text:
                label.setText(text, *shorter)
                label.setVisible(bool(text) or label is not self.link)
        self.badge.setVisible(bool(view.badge))
        restyle(self.link, OPEN_NOTE if view.link_is_open else NOTE)
        if before is None or (before.heading, before.state, before.badge) != (
            view.heading, view.state, view.badge
        ):  # fmt: skip
            self._show_state(view)
        if before is None:
            self.link.setVisible(bool(view.link_note))
        if before is None or before.active != view.active:
            self.update()


def _is_same(point: Sequence[float], other_point: Sequence[float]) -> bool:
    """Return whether two places are the same; numpy takes longer to tell than to draw."""
    return len(point) == len(other_point) and all(
        abs(a - b) <= SAME_MM for a, b in zip(point, other_point, strict=True)
    )
