"""The plot of a growth curve: lengths over weeks, a colour and a marker for each sequence."""

import math
from typing import Any, Final

import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QFont

from opp_mri.domain.imaging import SeriesRole
from opp_mri_napari.reading.panels.panel_views import Curve, CurvePoint, TimelineView
from opp_mri_napari.reading.widgets.looks import SEQUENCES

GROUND, INK, WINDOW = "#14181c", "#dfe6ea", (240, 228, 66, 28)
PIXELS: Final = 11
LEAST_PX: Final = 170  # of height
TICK_PX, NAME_PX = 12, 13


class GrowthPlot(pg.PlotWidget):  # type: ignore[misc] # pyqtgraph is not typed
    """Draws curves; a point that is clicked asks for its cell."""

    cell_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__(background=GROUND)
        self.setMouseEnabled(x=False, y=False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.showGrid(y=True, alpha=0.15)
        self.addLegend(offset=(-6, 6), labelTextColor=INK, brush=(20, 24, 28, 200))
        self.setMinimumHeight(LEAST_PX)
        self._items: list[object] = []
        self._frame: object = None
        self._limits: object = None
        self._curves: dict[SeriesRole, tuple[Any, Any]] = {}

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size that it wants: the least, as it takes what is left; Qt calls this."""
        return QSize(super().sizeHint().width(), LEAST_PX)

    def set_scale(self, scale: float) -> None:
        """Write larger or smaller."""
        font = QFont()
        font.setPixelSize(round(TICK_PX * scale))
        size = f"{round(NAME_PX * scale)}px"
        for side, name in (("bottom", "weeks from SSRS"), ("left", "AP extent, mm")):
            self.getAxis(side).setStyle(tickFont=font)
            self.setLabel(side, name, **{"color": INK, "font-size": size})
        self.getPlotItem().legend.setLabelTextSize(size)

    def show_view(self, view: TimelineView) -> None:
        """Draw the curves of a view that has some; what stays is kept."""
        frame = (view.window_weeks, view.events, tuple(curve.sequence for curve in view.curves))
        if frame != self._frame:
            self._frame = frame
            self._build_frame(view)
        for curve in view.curves:
            self._show_curve(curve)
        points = [point for curve in view.curves for point in curve.points]
        top = max(point.length_mm for point in points)
        low = min(point.length_mm for point in points)
        room = max(3.0, 0.15 * (top - low))
        weeks = [point.weeks for point in points]
        limits = (
            (min([*weeks, -2.0]), max([*weeks, 28.0])),
            (max(0.0, math.floor(low - room)), math.ceil(top + room)),
        )
        if limits != self._limits:
            self._limits = limits
            self.setXRange(*limits[0], padding=0.04)
            self.setYRange(*limits[1], padding=0)

    def _build_frame(self, view: TimelineView) -> None:
        """Make again all that stays while a caliper moves."""
        for item in self._items:
            self.removeItem(item)
        self._items = []
        self._curves = {}
        if view.window_weeks is not None:
            region = pg.LinearRegionItem(
                view.window_weeks, movable=False, brush=WINDOW, pen=pg.mkPen(None)
            )
            self._add(region)
        dashes = pg.mkPen("#8b99a5", style=Qt.PenStyle.DashLine)
        words = {"position": 0.95, "color": "#8b99a5"}
        self._add(pg.InfiniteLine(0, pen=dashes, label="SSRS", labelOpts=words))
        for weeks, name in view.events:
            options = {"position": 0.5, "color": "#b8c4ce", "rotateAxis": (1, 0)}
            thin = pg.mkPen("#6b7781", width=1)
            self._add(pg.InfiniteLine(weeks, angle=90, pen=thin, label=name, labelOpts=options))
        for curve in view.curves:
            colour, marker = SEQUENCES[curve.sequence]
            line = pg.PlotDataItem(
                pen=pg.mkPen(colour, width=2), name=curve.sequence.value, symbol=marker,
                symbolSize=PIXELS, symbolBrush=colour, symbolPen=pg.mkPen(colour),
            )  # fmt: skip
            spots = pg.ScatterPlotItem(hoverable=True, tip=_write_tip)
            spots.sigClicked.connect(
                lambda _item, spots_clicked, *_: self._choose_spot(spots_clicked)
            )
            self._add(line)
            self._add(spots)
            self._curves[curve.sequence] = (line, spots)

    def _show_curve(self, curve: Curve) -> None:
        colour, marker = SEQUENCES[curve.sequence]
        line, spots = self._curves[curve.sequence]
        sorted_points = sorted(curve.points, key=lambda point: point.weeks)
        line.setData(
            [point.weeks for point in sorted_points], [point.length_mm for point in sorted_points]
        )
        spots.setData(
            [
                {
                    "pos": (point.weeks, point.length_mm),
                    "data": point,
                    "symbol": marker,
                    "size": PIXELS + (5 if point.current else 0),
                    "brush": GROUND if point.draft else colour,
                    "pen": pg.mkPen("white" if point.current else colour, width=2),
                }
                for point in sorted_points
            ]
        )

    def _add(self, item: object) -> None:
        self.addItem(item)
        self._items.append(item)

    def _choose_spot(self, spots: object) -> None:
        for spot in spots:  # type: ignore[attr-defined]
            self.cell_wanted.emit(spot.data().ref)
            return


def _write_tip(x: float, y: float, data: CurvePoint) -> str:
    return f"{y:.1f} mm, {x:+.1f} weeks{', draft' if data.draft else ''}"
