"""Lines, labels, letters, scale bar and magnifier over a pane: painted, the same at any zoom."""

from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from opp_mri_napari.reading.basics.overlay_layout import (
    MAGNIFIED,
    Box,
    Px,
    compute_across,
    label_box,
    mm_from_px,
    place_magnifier,
    px_from_mm,
    scale_bar_mm,
)
from opp_mri_napari.reading.basics.views import Mark, MarkStyle, PaneView
from opp_mri_napari.reading.widgets.outlines import draw_outlines

COLOURS: Final = {  # distinguishable with all common kinds of colour vision
    MarkStyle.OWN: "#f0e442",
    MarkStyle.FROZEN: "#56b4e9",
    MarkStyle.GHOST: "#e69f00",
    MarkStyle.AXIS: "#3ddbb0",
    MarkStyle.HINT: "#cc79a7",
    MarkStyle.PROPOSAL: "#d9c8ff",
    MarkStyle.CANDIDATE: "#b5ad3a",
    MarkStyle.CROSS: "#56b4e9",
    MarkStyle.A: "#56b4e9",
    MarkStyle.B: "#e69f00",
}
QUIET_STYLES: Final = (MarkStyle.GHOST, MarkStyle.AXIS, MarkStyle.HINT, MarkStyle.CANDIDATE)
TEE_PX, HANDLE_PX, SELECTED_PX = 7.0, 4.0, 6.5
FONT_PX, DETAIL_PX, LETTER_PX, HEADER_PX = 17, 13, 16, 11
LOCATOR_PX: Final = 96
LEVEL_PX: Final = 52  # from the left edge
HALO: Final = QColor(0, 0, 0, 190)
BACKING: Final = QColor(0, 0, 0, 110)  # of small text, over bright fat too
QUIET_INK: Final = QColor("#cfd8de")
CONFIRMED, NOT_CONFIRMED = QColor("#9fd8c5"), QColor("#ffb38a")  # the level of a pane


class Overlay(QWidget):
    """Paints over a canvas, and lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self._view: PaneView | None = None
        self._labels: list[Box] = []
        self._furniture: list[Box] = []
        self._scale = 1.0

    def set_scale(self, scale: float) -> None:
        """Paint text larger or smaller."""
        self._scale = scale
        self.update()

    def _choose_font(self, pixels: int, *, bold: bool = False) -> QFont:
        return _make_font(round(pixels * self._scale), bold=bold)

    def show_view(self, view: PaneView) -> None:
        """Paint a pane's lines and letters."""
        self._view = view
        self.update()

    @property
    def label_boxes(self) -> tuple[Box, ...]:
        """Where the labels were painted last."""
        return tuple(self._labels)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Paint; Qt calls this."""
        view = self._view
        self._labels, self._furniture = [], []
        if view is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if view.voxels is None:
            self._draw_message(painter, view.message)
        else:
            self._draw_letters(painter, view)
            self._scale_bar(painter, view)
            self._draw_corner(painter, view)
            self._draw_locator(painter, view)
            self._draw_level(painter, view)
            self._draw_compared(painter, view.compared)
            self._draw_proposal(painter, "\n".join(filter(None, (view.volume, view.proposal))))
            to_px = partial(self._convert_to_px, view)
            draw_outlines(painter, view.outlines, to_px, COLOURS, HALO)
            for mark in view.marks:
                self._mark(painter, view, mark)
            if view.magnified is not None:
                self._draw_magnifier(painter, view)
        painter.end()

    @property
    def _size(self) -> Px:
        return (float(self.width()), float(self.height()))

    def _convert_to_px(self, view: PaneView, mark_end: tuple[float, float]) -> Px:
        return px_from_mm(mark_end, view.centre, view.zoom, self._size)

    def _draw_compared(self, painter: QPainter, words: str) -> None:
        """Write near the bottom what is drawn instead of the native image."""
        if not words:
            return
        font = self._choose_font(LETTER_PX, bold=True)
        size = QFontMetricsF(font).horizontalAdvance(words) + 12, QFontMetricsF(font).height()
        middle = (self._size[0] / 2, self._size[1] - 46 * self._scale)
        box = Box(middle[0] - size[0] / 2, middle[1] - size[1] / 2, *size)
        painter.fillRect(QRectF(box.x, box.y, box.width, box.height), QColor(0, 0, 0, 150))
        _write(painter, words, middle, font, QColor("#ffd479"))
        self._furniture.append(box)

    def _draw_proposal(self, painter: QPainter, words: str) -> None:
        """Write what is proposed, or why nothing is, above the window's numbers."""
        if not words:
            return
        font = self._choose_font(DETAIL_PX)
        line_px = QFontMetricsF(font).height()
        width = self._size[0] - 12
        flags = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignLeft)
        area = QRectF(6, 0, width, 6 * line_px)
        text_rect = QFontMetricsF(font).boundingRect(area, flags, words)
        top = self._size[1] - text_rect.height() - 46 * self._scale
        area = QRectF(6, top, text_rect.width() + 4, text_rect.height())
        painter.fillRect(area.adjusted(-3, -1, 3, 1), QColor(0, 0, 0, 150))
        painter.setFont(font)
        painter.setPen(QColor(COLOURS[MarkStyle.PROPOSAL]))
        painter.drawText(area, flags, words)
        self._furniture.append(Box(area.x(), area.y(), area.width(), area.height()))

    def _draw_message(self, painter: QPainter, text: str) -> None:
        painter.setPen(QColor("#b8c4ce"))
        painter.setFont(self._choose_font(15))
        painter.drawText(
            QRectF(self.rect()).adjusted(20, 20, -20, -20),
            int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), text,
        )  # fmt: skip

    def _mark(self, painter: QPainter, view: PaneView, mark: Mark) -> None:
        start, end = self._convert_to_px(view, mark.start), self._convert_to_px(view, mark.end)
        colour = QColor(COLOURS[mark.style])
        quiet = mark.style in QUIET_STYLES
        if mark.style is MarkStyle.CROSS:
            painter.setPen(QPen(colour, 1.0, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(*start), QPointF(*end))
            return
        tee = compute_across(start, end)
        is_dashed = quiet or mark.style is MarkStyle.PROPOSAL
        dashes = Qt.PenStyle.DashLine if is_dashed else Qt.PenStyle.SolidLine
        for pen in (QPen(HALO, 3.2 * self._scale), QPen(colour, 1.3 * self._scale, dashes)):
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawLine(QPointF(*start), QPointF(*end))
            for number, tip in enumerate((start, end)):
                if mark.dragged != number:
                    _draw_tee(painter, tip, tee, self._scale)
        if not quiet:
            for number, tip in enumerate((start, end)):
                if mark.dragged is None:  # a handle would hide the edge that is being found
                    radius = SELECTED_PX if mark.selected == number else HANDLE_PX
                    radius *= self._scale
                    for pen in (QPen(HALO, 3.0 * self._scale), QPen(colour, 1.3 * self._scale)):
                        painter.setPen(pen)
                        painter.drawEllipse(QPointF(*tip), radius, radius)
        if mark.label or mark.detail:
            self._label(painter, view, mark, start, end)

    def _label(self, painter: QPainter, view: PaneView, mark: Mark, start: Px, end: Px) -> None:
        colour = QColor(COLOURS[mark.style])
        big, small = self._choose_font(FONT_PX, bold=True), self._choose_font(DETAIL_PX)
        lines = [(text, font) for text, font in ((mark.label, big), (mark.detail, small)) if text]
        widths = [QFontMetricsF(font).horizontalAdvance(text) for text, font in lines]
        heights = [QFontMetricsF(font).height() for _, font in lines]
        lesion = view.level.place if view.level is not None else None
        box = label_box(
            start, end, (max(widths) + 8, sum(heights) + 4), self._size, tuple(self._labels),
            lesion=None if lesion is None else self._convert_to_px(view, lesion),
            furniture=tuple(self._furniture),
        )  # fmt: skip
        self._labels.append(box)
        middle = QPointF((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        near = QPointF(
            min(max(middle.x(), box.x), box.x + box.width),
            box.y if box.y > middle.y() else min(box.y + box.height, middle.y()),
        )
        for pen in (QPen(HALO, 2.4), QPen(colour, 0.8, Qt.PenStyle.DotLine)):
            painter.setPen(pen)
            painter.drawLine(middle, near)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 150))
        painter.drawRoundedRect(QRectF(box.x, box.y, box.width, box.height), 3, 3)
        painter.setPen(colour)
        y = box.y + 2
        for (text, font), height in zip(lines, heights, strict=True):
            painter.setFont(font)
            painter.drawText(QRectF(box.x, y, box.width, height),
                             int(Qt.AlignmentFlag.AlignCenter), text)  # fmt: skip
            y += height

    def _draw_letters(self, painter: QPainter, view: PaneView) -> None:
        width, height = self._size
        places = (
            (14, height / 2), (width - 14, height / 2), (width / 2, 14), (width / 2, height - 14),
        )  # fmt: skip
        for letter, place in zip(view.letters, places, strict=True):
            _write(
                painter, letter, place, self._choose_font(LETTER_PX, bold=True), QColor("#dfe6ea")
            )
            self._furniture.append(Box(place[0] - 10, place[1] - 10, 20, 20))

    def _scale_bar(self, painter: QPainter, view: PaneView) -> None:
        width, height = self._size
        length_mm = scale_bar_mm(view.zoom, width)
        if length_mm <= 0:
            return
        run = length_mm * view.zoom
        x, y = width - 16 - run, height - 16
        self._furniture.append(Box(x - 4, y - 26, run + 8, 34))
        for pen in (QPen(HALO, 4), QPen(QColor("white"), 1.6)):
            painter.setPen(pen)
            painter.drawLine(QPointF(x, y), QPointF(x + run, y))
            for tip in (x, x + run):
                painter.drawLine(QPointF(tip, y - 4), QPointF(tip, y + 4))
        _write(
            painter,
            f"{length_mm:g} mm",
            (x + run / 2, y - 14),
            self._choose_font(12),
            QColor("white"),
        )

    def _draw_corner(self, painter: QPainter, view: PaneView) -> None:
        """Write series, timing and changes of technique at the top left, the window below."""
        font = self._choose_font(HEADER_PX)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        height = metrics.height()
        lines = [(text, QUIET_INK) for text in view.header]
        lines += [(text, NOT_CONFIRMED) for text in view.technique]
        placed_lines = [(text, ink, 4 + n * height) for n, (text, ink) in enumerate(lines)]
        if view.window_text:
            placed_lines.append((view.window_text, QUIET_INK, self._size[1] - 4 - height))
        for words, ink, y in placed_lines:
            text = metrics.elidedText(words, Qt.TextElideMode.ElideRight, self._size[0] - 12)
            area = QRectF(6, y, metrics.horizontalAdvance(text) + 4, height)
            painter.fillRect(area.adjusted(-3, 0, 0, 0), BACKING)
            painter.setPen(ink)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft), text)
            self._furniture.append(Box(area.x(), area.y(), area.width(), area.height()))

    def _draw_locator(self, painter: QPainter, view: PaneView) -> None:
        """Paint the whole image, small, at the top right, with a box around what is shown."""
        locator = view.locator
        if locator is None:
            return
        down_mm, across_mm = locator.size_mm
        height = min(LOCATOR_PX * self._scale, self._size[1] / 4)
        px_per_mm = height / down_mm
        area = QRectF(self._size[0] - across_mm * px_per_mm - 5, 5, across_mm * px_per_mm, height)
        self._furniture.append(Box(area.x(), area.y(), area.width(), area.height()))
        painter.drawImage(area, build_grey_image(locator.picture, view.window))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor("#6b7781"), 1))
        painter.drawRect(area)
        (top, left), (bottom, right) = (
            mm_from_px(corner, view.centre, view.zoom, self._size)
            for corner in ((0.0, 0.0), self._size)
        )
        box = QRectF(
            area.x() + left * px_per_mm, area.y() + top * px_per_mm,
            (right - left) * px_per_mm, (bottom - top) * px_per_mm,
        )  # fmt: skip
        painter.setPen(QPen(QColor("#56b4e9"), 1.4))
        painter.drawRect(box.intersected(area))

    def _draw_level(self, painter: QPainter, view: PaneView) -> None:
        """Write the lesion's vertebra at the left edge, at its height; with ? where unknown."""
        level = view.level
        if level is None:
            return
        font = self._choose_font(LETTER_PX, bold=True)
        if level.place is None:
            half = QFontMetricsF(font).horizontalAdvance(level.text) / 2
            middle = (max(LEVEL_PX * self._scale, half + 6), self._size[1] * 0.4)
            _write(painter, level.text, middle, font, NOT_CONFIRMED)
            return
        colour = CONFIRMED if level.confirmed else NOT_CONFIRMED
        y = self._convert_to_px(view, level.place)[1]
        self._furniture.append(Box(22 * self._scale, y - 12, 70 * self._scale, 24))
        if not 0 <= y <= self._size[1]:
            text = f"{level.text} {'↑' if y < 0 else '↓'}"
            y = min(max(y, 24), self._size[1] - 40)
            _write(painter, text, (LEVEL_PX * self._scale, y), font, colour)
            return
        _write(painter, level.text, (LEVEL_PX * self._scale, y), font, colour)
        painter.setPen(QPen(colour, 1.4))
        painter.drawLine(QPointF(26 * self._scale, y), QPointF(36 * self._scale, y))

    def _draw_magnifier(self, painter: QPainter, view: PaneView) -> None:
        if view.magnified is None or view.voxels is None:
            return
        place = self._convert_to_px(view, view.magnified)
        box = place_magnifier(place, self._size, self._labels)
        inside = QRectF(box.x, box.y, box.width, box.height)
        zoom = view.zoom * MAGNIFIED
        picture, first_mm = _cut_around(view, box.width / zoom / 2)
        painter.save()
        painter.setClipRect(inside)
        painter.fillRect(inside, QColor("black"))
        _, down_mm, across_mm = view.scale_mm
        area = Box(
            box.x + box.width / 2 + (first_mm[1] - view.magnified[1]) * zoom,
            box.y + box.height / 2 + (first_mm[0] - view.magnified[0]) * zoom,
            picture.shape[1] * across_mm * zoom,
            picture.shape[0] * down_mm * zoom,
        )
        if picture.size:
            image = build_grey_image(picture, view.window)
            painter.drawImage(QRectF(area.x, area.y, area.width, area.height), image)
        painter.setPen(QPen(QColor(240, 228, 66, 200), 1))
        middle = inside.center()
        for dx, dy in ((12, 0), (0, 12)):  # a cross with a hole, so that the pixel stays visible
            for sign in (-1, 1):
                painter.drawLine(
                    QPointF(middle.x() + sign * 4 * (dx > 0), middle.y() + sign * 4 * (dy > 0)),
                    QPointF(middle.x() + sign * dx, middle.y() + sign * dy),
                )
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor("#dfe6ea"), 1))
        painter.drawRect(inside)


def build_grey_image(values: NDArray[np.generic], window: tuple[float, float]) -> QImage:
    """Return values, shape (down, across), as a grey picture of its own memory."""
    low, high = window
    scaled_values = (values.astype(np.float32) - low) * (255.0 / max(high - low, 1e-6))
    grey = np.ascontiguousarray(np.clip(scaled_values, 0, 255).astype(np.uint8))
    height, width = grey.shape
    image = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
    return image.copy()


def _cut_around(view: PaneView, half_mm: float) -> tuple[NDArray[np.generic], tuple[float, float]]:
    """Return the native values around the magnified place, and where their first corner lies."""
    if view.voxels is None or view.magnified is None:
        raise ValueError("nothing is magnified")
    _, down_mm, across_mm = view.scale_mm
    top = max(0, int((view.magnified[0] - half_mm) / down_mm) - 1)
    left = max(0, int((view.magnified[1] - half_mm) / across_mm) - 1)
    bottom = max(0, int((view.magnified[0] + half_mm) / down_mm) + 3)
    right = max(0, int((view.magnified[1] + half_mm) / across_mm) + 3)
    values = view.voxels[view.slice_index, top:bottom, left:right]
    # a pixel reaches half its size before its centre
    return values, ((top - 0.5) * down_mm, (left - 0.5) * across_mm)


def _draw_tee(painter: QPainter, tip: Px, along: Px, scale: float) -> None:
    outer, inner = TEE_PX * scale, HANDLE_PX * scale
    painter.drawLine(
        QPointF(tip[0] - along[0] * outer, tip[1] - along[1] * outer),
        QPointF(tip[0] - along[0] * inner, tip[1] - along[1] * inner),
    )
    painter.drawLine(
        QPointF(tip[0] + along[0] * inner, tip[1] + along[1] * inner),
        QPointF(tip[0] + along[0] * outer, tip[1] + along[1] * outer),
    )


def _write(painter: QPainter, text: str, middle: Px, font: QFont, colour: QColor) -> None:
    painter.setFont(font)
    half_px = font.pixelSize()
    area = QRectF(middle[0] - 160, middle[1] - half_px, 320, 2 * half_px)
    painter.setPen(HALO)
    edge = max(1, round(half_px / LETTER_PX))
    for dx, dy in ((-edge, 0), (edge, 0), (0, -edge), (0, edge)):
        painter.drawText(area.translated(dx, dy), int(Qt.AlignmentFlag.AlignCenter), text)
    painter.setPen(colour)
    painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), text)


def _make_font(pixels: int, *, bold: bool = False) -> QFont:
    font = QFont()
    font.setPixelSize(pixels)
    font.setBold(bold)
    return font


__all__ = ["Overlay", "build_grey_image", "mm_from_px"]
