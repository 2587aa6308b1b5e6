"""Drawing a contour by clicks that an edge joins, or freehand; moving a part of one: no Qt.

Points are (column, row) of one image.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from opp_mri.domain.measurement import PixelPoint
from opp_mri_napari.reading.basics.line_tool import STILL_PX

Follow = Callable[[PixelPoint, PixelPoint], Sequence[PixelPoint]]
"""Gives the path along edges between two points, both included."""

FREE_STEP_PX: Final = 3.0  # screen pixels between two points of a freehand line
REACH_PX: Final = 40.0  # screen pixels along a contour, each way, that follow a dragged point


class ContourTool:
    """A contour under the mouse.

    Attributes
    ----------
    parts
        What was drawn so far: one run of points for each click or freehand stroke.
    hover
        The path from the last point to the mouse.
    """

    def __init__(self) -> None:
        self.parts: list[tuple[PixelPoint, ...]] = []
        self.hover: tuple[PixelPoint, ...] = ()
        self._pressed_px: tuple[float, float] | None = None
        self._stroke: list[PixelPoint] = []
        self._stroke_px = (0.0, 0.0)

    @property
    def busy(self) -> bool:
        """Whether a contour is being drawn."""
        return bool(self.parts)

    @property
    def points(self) -> tuple[PixelPoint, ...]:
        """All points drawn so far, in order."""
        return tuple(point for part in self.parts for point in part)

    @property
    def clicks(self) -> tuple[PixelPoint, ...]:
        """The end of each click or stroke."""
        return tuple(part[-1] for part in self.parts)

    def press(self, point: PixelPoint, px: tuple[float, float], follow: Follow) -> None:
        """Press the button: add the path from the last point to here."""
        self._pressed_px, self._stroke_px, self._stroke = px, px, []
        self.hover = ()
        if not self.parts:
            self.parts.append((point,))
        elif math.dist(point, self.parts[-1][-1]) > 0:
            self.parts.append(tuple(follow(self.parts[-1][-1], point))[1:])

    def move(self, point: PixelPoint, px: tuple[float, float], follow: Follow) -> None:
        """Move the mouse: draw freehand while the button is held, else show the path to here."""
        if not self.parts:
            return
        if self._pressed_px is None:
            self.hover = tuple(follow(self.parts[-1][-1], point))
        elif self._stroke or math.dist(px, self._pressed_px) >= STILL_PX:
            if not self._stroke or math.dist(px, self._stroke_px) >= FREE_STEP_PX:
                self._stroke.append(point)
                self._stroke_px = px
            self.hover = (self.parts[-1][-1], *self._stroke, point)

    def release(self, point: PixelPoint) -> None:
        """Let go: a stroke becomes a part of the contour."""
        if self._stroke:
            self.parts.append((*self._stroke, point))
        self._pressed_px, self._stroke, self.hover = None, [], ()

    def take_back(self) -> None:
        """Leave out the last click or stroke."""
        self.parts = self.parts[:-1]
        self._pressed_px, self._stroke, self.hover = None, [], ()

    def cancel(self) -> None:
        """Leave nothing of what was drawn."""
        self.parts = []
        self._pressed_px, self._stroke, self.hover = None, [], ()


def find_nearest_corner(
    points: Sequence[PixelPoint], px: tuple[float, float],
    to_px: Callable[[PixelPoint], tuple[float, float]],
) -> tuple[int, float]:  # fmt: skip
    """Return the corner that is nearest to a place on the screen, and its distance in pixels."""
    distances = [math.dist(px, to_px(point)) for point in points]
    nearest = min(range(len(points)), key=distances.__getitem__)
    return nearest, distances[nearest]


def move_corner(
    points: Sequence[PixelPoint], corner: int, to: PixelPoint, reach: float
) -> tuple[PixelPoint, ...]:
    """Return a contour with one corner moved, and those near it along the contour with it.

    Parameters
    ----------
    points
        Corners of the closed contour.
    corner
        Which is moved.
    to
        Where it is moved.
    reach
        Distance along the contour, in its own units, at which nothing moves any more.
    """
    step = (to[0] - points[corner][0], to[1] - points[corner][1])
    shares = [0.0] * len(points)
    shares[corner] = 1.0
    for direction in (1, -1):
        distance, at = 0.0, corner
        for _ in range(len(points) // 2):
            after = (at + direction) % len(points)
            distance += math.dist(points[at], points[after])
            if distance >= reach:
                break
            share = (1 + math.cos(math.pi * distance / reach)) / 2
            shares[after] = max(shares[after], share)
            at = after
    return tuple(
        (x + share * step[0], y + share * step[1])
        for (x, y), share in zip(points, shares, strict=True)
    )
