"""Where things are painted over a pane: labels next to the lesion, scale bar, magnifier. No screen.

Positions here are screen pixels (x, y) from the pane's top left.
"""

import math
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from opp_mri_napari.shared.geometry import ScreenPoint

Px = tuple[float, float]

LABEL_GAP_PX: Final = 26.0  # between a line and its label
LESION_SHARE: Final = 0.6  # of the line's length that a lesion may reach above and below it
EDGE_PX: Final = 6.0
MAGNIFIER_PX: Final = 150.0
MAGNIFIED: Final = 4.0  # times the pane's own zoom
SCALE_BAR_SHARE: Final = 0.25  # of the pane's width, at most
CORNER_SHARE: Final = 0.36  # of the pane's height that text above the lesion may take, at most
MORE: Final = "more below the curve"
MORE_LINES: Final = 2  # from which on a line can be spared for it


@frozen
class Box:
    """An upright rectangle."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, point: Px) -> bool:
        """Return whether a point is inside."""
        return self.x <= point[0] <= self.x + self.width and (
            self.y <= point[1] <= self.y + self.height
        )

    def is_overlapping(self, other_box: "Box") -> bool:
        """Return whether two rectangles share a place."""
        return self.compute_shared(other_box) > 0

    def compute_shared(self, other_box: "Box") -> float:
        """Return the area that two rectangles share."""
        width = min(self.x + self.width, other_box.x + other_box.width) - max(self.x, other_box.x)
        height = min(self.y + self.height, other_box.y + other_box.height) - max(
            self.y, other_box.y
        )
        return max(0.0, width) * max(0.0, height)


def px_from_mm(place: ScreenPoint, centre: ScreenPoint, zoom: float, size: Px) -> Px:
    """Return the pixel of a place in mm (down, across)."""
    return (
        (place[1] - centre[1]) * zoom + size[0] / 2,
        (place[0] - centre[0]) * zoom + size[1] / 2,
    )


def mm_from_px(px: Px, centre: ScreenPoint, zoom: float, size: Px) -> ScreenPoint:
    """Return the place in mm (down, across) of a pixel."""
    return (
        (px[1] - size[1] / 2) / zoom + centre[0],
        (px[0] - size[0] / 2) / zoom + centre[1],
    )


def compute_across(start: Px, end: Px) -> Px:
    """Return the unit vector at right angles to a line; straight down for a line of no length."""
    length = math.dist(start, end)
    if length == 0:
        return (0.0, 1.0)
    return (-(end[1] - start[1]) / length, (end[0] - start[0]) / length)


def label_box(
    start: Px, end: Px, text: Px, size: Px,
    occupied_boxes: Sequence[Box] = (), *, lesion: Px | None = None, furniture: Sequence[Box] = (),
) -> Box:  # fmt: skip
    """Place a label off a line and off the lesion: above, below, behind or before, or in a corner.

    It stays clear of a circle around the line, which the lesion may fill, and of an equal one
    around the point inside the lesion. Where it fits nowhere, it covers as little as can be,
    and of the lesion least.

    Parameters
    ----------
    text
        Width and height of the label.
    size
        Of the pane.
    occupied_boxes
        Where other labels are already.
    lesion
        A point inside the lesion, where one is known.
    furniture
        Where header, scale bar and locator stand.
    """
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    clear = max(LABEL_GAP_PX, math.dist(start, end) * LESION_SHARE)
    line_area = _build_box_around(middle, clear)
    areas = (line_area,) if lesion is None else (line_area, _build_box_around(lesion, clear))
    places = [
        place
        for area in (line_area, _build_hull(areas))
        for place in (
            (middle[0] - text[0] / 2, area.y - text[1]),
            (middle[0] - text[0] / 2, area.y + area.height),
            (area.x + area.width, middle[1] - text[1] / 2),
            (area.x - text[0], middle[1] - text[1] / 2),
        )
    ]
    right, low = size[0] - EDGE_PX - text[0], size[1] - EDGE_PX - text[1]
    places += [(x, y) for y in (low, EDGE_PX) for x in (EDGE_PX, right)]
    boxes = [
        Box(min(max(x, EDGE_PX), max(right, EDGE_PX)), min(max(y, EDGE_PX), max(low, EDGE_PX)),
            *text)
        for x, y in places
    ]  # fmt: skip

    def measure_covered(box: Box) -> tuple[float, float]:
        return (
            sum(box.compute_shared(other_box) for other_box in (*areas, *occupied_boxes)),
            sum(box.compute_shared(furniture_box) for furniture_box in furniture),
        )

    return min(boxes, key=measure_covered)


def _build_box_around(middle: Px, reach: float) -> Box:
    return Box(middle[0] - reach, middle[1] - reach, 2 * reach, 2 * reach)


def _build_hull(boxes: Sequence[Box]) -> Box:
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right = max(box.x + box.width for box in boxes)
    return Box(left, top, right - left, max(box.y + box.height for box in boxes) - top)


def choose_corner_lines(
    header: Sequence[str], warnings: Sequence[str], most: int
) -> tuple[Sequence[str], Sequence[str]]:
    """Return what of the header and of the warnings is written in so many lines; warnings first."""
    if len(warnings) > most:
        warnings = warnings[:1] if most < MORE_LINES else (*warnings[: most - 1], MORE)
    return header[: max(0, most - len(warnings))], warnings


def scale_bar_mm(zoom: float, width_px: float) -> float:
    """Return the length of the scale bar: the longest of 1, 2, 5, 10 ... mm that fits."""
    most = width_px * SCALE_BAR_SHARE / zoom
    if most <= 0:
        return 0.0
    ten = 10.0 ** math.floor(math.log10(most))
    return ten * next(step for step in (5, 2, 1) if step * ten <= most)


def place_magnifier(place: Px, size: Px, occupied_boxes: Sequence[Box] = ()) -> Box:
    """Place the magnifier in a corner: far from what it shows, and off what is taken.

    Parameters
    ----------
    occupied_boxes
        Where labels and lines are.
    """
    side = min(MAGNIFIER_PX, size[0] / 2 - EDGE_PX, size[1] / 3 - EDGE_PX)
    right, low = size[0] - side - EDGE_PX, size[1] - side - EDGE_PX
    corners = [Box(x, y, side, side) for x in (EDGE_PX, right) for y in (EDGE_PX, low)]

    def measure_fitness(box: Box) -> tuple[int, float]:
        middle = (box.x + side / 2, box.y + side / 2)
        return sum(box.is_overlapping(other_box) for other_box in occupied_boxes), -math.dist(
            middle, place
        )

    return min(corners, key=measure_fitness)
