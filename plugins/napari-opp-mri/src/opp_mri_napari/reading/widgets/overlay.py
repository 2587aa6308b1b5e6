"""Lines, labels, letters, scale bar and magnifier over a pane: painted, the same at any zoom."""

from functools import partial
from typing import Final

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from opp_mri_napari.reading.basics.overlay_layout import (
    CORNER_SHARE,
    Box,
    Px,
    choose_corner_lines,
    compute_across,
    label_box,
    mm_from_px,
    place_magnifier,
    px_from_mm,
    scale_bar_mm,
)
from opp_mri_napari.reading.basics.views import Mark, MarkStyle, PaneView, shorten_proposal
from opp_mri_napari.reading.widgets.outlines import draw_outlines
from opp_mri_napari.reading.widgets.painting import (
    HALO,
    HANDLE_PX,
    LETTER_PX,
    build_grey_image,
    draw_magnifier,
    draw_tee,
    make_font,
    wrap,
    write,
)

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
SELECTED_PX: Final = 6.5
FONT_PX, DETAIL_PX, HEADER_PX = 17, 13, 11
LOCATOR_PX: Final = 96
LEVEL_PX: Final = 52  # from the left edge
SMALL_PX: Final = 230  # of height; a smaller pane shows short words only
WINDOW_LINE_PX: Final = 22  # at the bottom, of the window's numbers
BAR_LINES_PX: Final = 46  # at the bottom, of the scale bar with its length too
BACKING: Final = QColor(0, 0, 0, 110)  # of small text, over bright fat too
QUIET_INK: Final = QColor("#cfd8de")
CONFIRMED, NOT_CONFIRMED = QColor("#9fd8c5"), QColor("#ffb38a")  # the level of a pane


class Overlay(QWidget):
    """Paints over a canvas, and lets the mouse through.

    Attributes
    ----------
    corner_lines
        What was written last at the top left.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self._view: PaneView | None = None
        self._labels: list[Box] = []
        self._furniture: list[Box] = []
        self.corner_lines: tuple[str, ...] = ()
        self._scale = 1.0

    def set_scale(self, scale: float) -> None:
        """Paint text larger or smaller."""
        self._scale = scale
        self.update()

    def _choose_font(self, pixels: int, *, bold: bool = False) -> QFont:
        return make_font(round(pixels * self._scale), bold=bold)

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
            self._draw_proposal(painter, view)
            to_px = partial(self._convert_to_px, view)
            draw_outlines(painter, view.outlines, to_px, COLOURS, HALO)
            for mark in view.marks:
                self._mark(painter, view, mark)
            if view.magnified is not None:
                place = self._convert_to_px(view, view.magnified)
                draw_magnifier(painter, view, place_magnifier(place, self._size, self._labels))
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
        write(painter, words, middle, font, QColor("#ffd479"))
        self._furniture.append(box)

    @property
    def _is_small(self) -> bool:
        """Whether so little of the image is seen that sentences would cover the lesion."""
        return self._size[1] < SMALL_PX * self._scale

    def _draw_proposal(self, painter: QPainter, view: PaneView) -> None:
        """Write what is proposed, or why nothing is, above the window's numbers."""
        font = self._choose_font(HEADER_PX if self._is_small else DETAIL_PX)
        metrics, width = QFontMetricsF(font), self._size[0] - 12
        proposal = view.proposal
        if self._is_small:  # there a label next to the line gives the length too
            proposal = shorten_proposal(proposal) if view.active else ""
        words = "\n".join(filter(None, (view.volume, proposal)))
        if not words:
            return
        flags = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignLeft)
        area = QRectF(6, 0, width, 6 * metrics.height())
        text_rect = metrics.boundingRect(area, flags, words)
        bottom_px = WINDOW_LINE_PX if self._is_small else BAR_LINES_PX
        top = self._size[1] - text_rect.height() - bottom_px * self._scale
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
                    draw_tee(painter, tip, tee, self._scale)
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
            write(
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
        write(
            painter,
            f"{length_mm:g} mm",
            (x + run / 2, y - 14),
            self._choose_font(12),
            QColor("white"),
        )

    def _draw_corner(self, painter: QPainter, view: PaneView) -> None:
        """Write series, timing, doubts and changes at the top left, the window's numbers below."""
        font = self._choose_font(HEADER_PX)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        height = metrics.height()
        most = max(1, int((self._size[1] * CORNER_SHARE - 4) // height))
        width = self._find_locator_area(view).x() - 12
        doubt = [line for text in view.doubts[:1] for line in wrap(text, metrics, width)]
        header, warnings = choose_corner_lines(view.header, (*doubt, *view.technique), most)
        lines = [(text, QUIET_INK) for text in header]
        lines += [(text, NOT_CONFIRMED) for text in warnings]
        self.corner_lines = (*header, *warnings)
        placed_lines = [(text, ink, 4 + n * height) for n, (text, ink) in enumerate(lines)]
        if view.window_text:
            placed_lines.append((view.window_text, QUIET_INK, self._size[1] - 4 - height))
        for words, ink, y in placed_lines:
            text = metrics.elidedText(words, Qt.TextElideMode.ElideRight, width)
            area = QRectF(6, y, metrics.horizontalAdvance(text) + 4, height)
            painter.fillRect(area.adjusted(-3, 0, 0, 0), BACKING)
            painter.setPen(ink)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft), text)
            self._furniture.append(Box(area.x(), area.y(), area.width(), area.height()))

    def _find_locator_area(self, view: PaneView) -> QRectF:
        """Return where the locator is; without one, an empty place at the right edge."""
        if view.locator is None:
            return QRectF(self._size[0], 0, 0, 0)
        down_mm, across_mm = view.locator.size_mm
        height = min(LOCATOR_PX * self._scale, self._size[1] / 4)
        width = across_mm * height / down_mm
        return QRectF(self._size[0] - width - 5, 5, width, height)

    def _draw_locator(self, painter: QPainter, view: PaneView) -> None:
        """Paint the whole image, small, at the top right, with a box around what is shown."""
        locator, area = view.locator, self._find_locator_area(view)
        if locator is None:
            return
        px_per_mm = area.height() / locator.size_mm[0]
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
            write(painter, level.text, middle, font, NOT_CONFIRMED)
            return
        colour = CONFIRMED if level.confirmed else NOT_CONFIRMED
        y = self._convert_to_px(view, level.place)[1]
        self._furniture.append(Box(22 * self._scale, y - 12, 70 * self._scale, 24))
        if not 0 <= y <= self._size[1]:
            text = f"{level.text} {'↑' if y < 0 else '↓'}"
            y = min(max(y, 24), self._size[1] - 40)
            write(painter, text, (LEVEL_PX * self._scale, y), font, colour)
            return
        write(painter, level.text, (LEVEL_PX * self._scale, y), font, colour)
        painter.setPen(QPen(colour, 1.4))
        painter.drawLine(QPointF(26 * self._scale, y), QPointF(36 * self._scale, y))
