"""Contours painted over a pane."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF

from opp_mri_napari.reading.basics.overlay_layout import Px
from opp_mri_napari.reading.basics.views import MarkStyle, Outline
from opp_mri_napari.shared.geometry import ScreenPoint

CLICK_PX: Final = 3.0
HALO_PX, LINE_PX = 3.2, 1.5


def draw_outlines(
    painter: QPainter, outlines: Iterable[Outline], to_px: Callable[[ScreenPoint], Px],
    colours: Mapping[MarkStyle, str], halo: QColor,
) -> None:  # fmt: skip
    """Paint the contours of a pane."""
    for outline in outlines:
        _draw_outline(painter, outline, to_px, QColor(colours[outline.style]), halo)


def _draw_outline(
    painter: QPainter, outline: Outline, to_px: Callable[[ScreenPoint], Px], ink: QColor,
    halo: QColor,
) -> None:  # fmt: skip
    """Paint a contour: dashed where it is interpolated, with its clicks while it is drawn."""
    polygon = QPolygonF([QPointF(*to_px(point)) for point in outline.points])
    is_dashed = outline.style is MarkStyle.CANDIDATE
    dashes = Qt.PenStyle.DashLine if is_dashed else Qt.PenStyle.SolidLine
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(halo, HALO_PX), QPen(ink, LINE_PX, dashes)):
        painter.setPen(pen)
        if outline.closed:
            painter.drawPolygon(polygon)
        else:
            painter.drawPolyline(polygon)
    for click in outline.handles:
        painter.drawEllipse(QPointF(*to_px(click)), CLICK_PX, CLICK_PX)
