"""What an overlay is painted with: letters with an edge, ends of lines, grey pictures, a lens."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from opp_mri_napari.reading.basics.overlay_layout import MAGNIFIED, Box, Px
from opp_mri_napari.reading.basics.views import PaneView

TEE_PX: Final = 7.0
HANDLE_PX: Final = 4.0
LETTER_PX: Final = 16
HALO: Final = QColor(0, 0, 0, 190)


def build_grey_image(values: NDArray[np.generic], window: tuple[float, float]) -> QImage:
    """Return values, shape (down, across), as a grey picture of its own memory."""
    low, high = window
    scaled_values = (values.astype(np.float32) - low) * (255.0 / max(high - low, 1e-6))
    grey = np.ascontiguousarray(np.clip(scaled_values, 0, 255).astype(np.uint8))
    height, width = grey.shape
    image = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
    return image.copy()


def draw_magnifier(painter: QPainter, view: PaneView, box: Box) -> None:
    """Draw the native pixels around the magnified place into a box."""
    if view.magnified is None or view.voxels is None:
        return
    inside = QRectF(box.x, box.y, box.width, box.height)
    zoom = view.zoom * MAGNIFIED
    picture, first_mm = _cut_around(view, box.width / zoom / 2)
    painter.save()
    painter.setClipRect(inside)
    painter.fillRect(inside, QColor("black"))
    _, down_mm, across_mm = view.scale_mm
    area = QRectF(
        box.x + box.width / 2 + (first_mm[1] - view.magnified[1]) * zoom,
        box.y + box.height / 2 + (first_mm[0] - view.magnified[0]) * zoom,
        picture.shape[1] * across_mm * zoom,
        picture.shape[0] * down_mm * zoom,
    )
    if picture.size:
        painter.drawImage(area, build_grey_image(picture, view.window))
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


def draw_tee(painter: QPainter, tip: Px, along: Px, scale: float) -> None:
    """Draw the end of a line: a bar across it with a gap, so that the edge stays visible."""
    outer, inner = TEE_PX * scale, HANDLE_PX * scale
    painter.drawLine(
        QPointF(tip[0] - along[0] * outer, tip[1] - along[1] * outer),
        QPointF(tip[0] - along[0] * inner, tip[1] - along[1] * inner),
    )
    painter.drawLine(
        QPointF(tip[0] + along[0] * inner, tip[1] + along[1] * inner),
        QPointF(tip[0] + along[0] * outer, tip[1] + along[1] * outer),
    )


def write(painter: QPainter, text: str, middle: Px, font: QFont, colour: QColor) -> None:
    """Write a line of text around a place, with a dark edge."""
    painter.setFont(font)
    half_px = font.pixelSize()
    area = QRectF(middle[0] - 160, middle[1] - half_px, 320, 2 * half_px)
    painter.setPen(HALO)
    edge = max(1, round(half_px / LETTER_PX))
    for dx, dy in ((-edge, 0), (edge, 0), (0, -edge), (0, edge)):
        painter.drawText(area.translated(dx, dy), int(Qt.AlignmentFlag.AlignCenter), text)
    painter.setPen(colour)
    painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), text)


def make_font(pixels: int, *, bold: bool = False) -> QFont:
    """Return a font of so many pixels."""
    font = QFont()
    font.setPixelSize(pixels)
    font.setBold(bold)
    return font


def wrap(text: str, metrics: QFontMetricsF, width_px: float) -> list[str]:
    """Return a sentence in lines that are not wider, as far as its words let them."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and metrics.horizontalAdvance(longer) <= width_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
