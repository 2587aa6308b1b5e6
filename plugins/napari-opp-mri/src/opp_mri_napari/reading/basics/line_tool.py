"""Drawing and moving a line with the mouse, by two clicks or by press and drag: no screen, no Qt.

Points are (column, row) of one image; distances that decide what was grabbed are screen pixels, so
that they are the same at any zoom.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from opp_mri.domain.measurement import PixelPoint

GRAB_PX: Final = 9.0  # how near to an end, or to the line, the mouse takes hold of it
STILL_PX: Final = 3.0  # a press that moves less is a click
REDRAWN_SHARE: Final = 0.5  # of its length: an end dragged inward further is not a correction

Line = tuple[PixelPoint, PixelPoint]
Hold = Callable[[PixelPoint, PixelPoint], PixelPoint]
"""Holds a moving point (second) to a rule, given the fixed one (first), such as an axis."""


class Grip(StrEnum):
    """What the mouse holds."""

    NOTHING = "nothing"
    NEW_END = "new end"  # a line that is being drawn
    START = "start"
    END = "end"
    WHOLE = "whole"


class LineTool:
    """A line under the mouse.

    Attributes
    ----------
    line
        As it is now, or None.
    grip
        What the mouse holds.
    waits
        True after a first click: the line follows the mouse until the second.
    """

    def __init__(self) -> None:
        self.line: Line | None = None
        self.grip = Grip.NOTHING
        self.waits = False
        self._pressed_px = self._clicked_px = (0.0, 0.0)
        self._pressed_at: PixelPoint = (0.0, 0.0)
        self._before: Line | None = None
        self._still = True

    @property
    def busy(self) -> bool:
        """Whether a line is being drawn or moved."""
        return self.grip is not Grip.NOTHING

    @property
    def moves(self) -> bool:
        """Whether a line that was there is moved."""
        return self.grip in (Grip.START, Grip.END, Grip.WHOLE)

    @property
    def redraws(self) -> bool:
        """Whether a new line is drawn where one was."""
        return self.grip is Grip.NEW_END and self._before is not None

    @property
    def before(self) -> Line | None:
        """The line that was there when the button was pressed."""
        return self._before

    @property
    def dragged(self) -> int | None:
        """The end that is under the mouse, 0 or 1."""
        return {Grip.START: 0, Grip.END: 1, Grip.NEW_END: 1}.get(self.grip)

    def press(
        self,
        point: PixelPoint,
        px: tuple[float, float],
        existing_line: Line | None,
        to_px: Callable[[PixelPoint], tuple[float, float]],
    ) -> None:
        """Press the button: take hold of the line that is there, or begin a new one.

        Parameters
        ----------
        existing_line
            The line that is shown on this image, or None.
        to_px
            Gives the screen pixel of a point.
        """
        if self.waits:  # the second click ends the line where it is released
            self._pressed_px, self._still = px, True
            return
        self._pressed_px, self._pressed_at, self._still = px, point, True
        self._before = existing_line
        self.grip = _choose_grip(px, existing_line, to_px)
        self.line = existing_line
        if self.grip is Grip.NEW_END:
            self.line = (point, point)

    def move(self, point: PixelPoint, px: tuple[float, float], hold: Hold) -> None:
        """Move the mouse, with the button held or between two clicks."""
        if self.line is None or self.grip is Grip.NOTHING:
            return
        if self._still and not self.waits and math.dist(px, self._pressed_px) < STILL_PX:
            return
        self._still = self._still and math.dist(px, self._pressed_px) < STILL_PX
        if self._is_redrawn(point):  # the press near the old end began a new line
            self.grip, self.line = Grip.NEW_END, (self._pressed_at, point)
        start, end = self.line
        if self.grip is Grip.NEW_END:
            self.line = (start, hold(start, point))
        elif self.grip is Grip.START:
            self.line = (hold(end, point), end)
        elif self.grip is Grip.END:
            self.line = (start, hold(start, point))
        elif self._before is not None:
            step = (point[0] - self._pressed_at[0], point[1] - self._pressed_at[1])
            (a, b), (c, d) = self._before
            self.line = ((a + step[0], b + step[1]), (c + step[0], d + step[1]))

    def _is_redrawn(self, point: PixelPoint) -> bool:
        """Return whether an end was dragged so far towards the other one that no end is moved."""
        if self.grip not in (Grip.START, Grip.END) or self._before is None:
            return False
        gripped_end, other_end = self._before if self.grip is Grip.START else self._before[::-1]
        run = (other_end[0] - gripped_end[0], other_end[1] - gripped_end[1])
        drag = (point[0] - self._pressed_at[0], point[1] - self._pressed_at[1])
        squared_px = run[0] ** 2 + run[1] ** 2
        return (drag[0] * run[0] + drag[1] * run[1]) > REDRAWN_SHARE * squared_px

    def release(self, point: PixelPoint, px: tuple[float, float], hold: Hold) -> Line | None:
        """Let go: give the finished line, or None where nothing is finished or nothing moved."""
        if self.grip is Grip.NEW_END and self._still and not self.waits:
            self.waits, self._clicked_px = True, px  # a click: the next one ends the line
            return None
        if self.waits and math.dist(px, self._clicked_px) < STILL_PX:
            self.cancel()  # clicked twice on one place: nothing is left
            return None
        if self.waits:
            self._still = False
            self.move(point, px, hold)
        line, has_moved = self.line, not self._still and self.line != self._before
        self.cancel()
        if line is None or not has_moved or line[0] == line[1]:
            return None
        return line

    def cancel(self) -> None:
        """Leave everything as it was."""
        self.line, self.grip, self.waits, self._before = None, Grip.NOTHING, False, None


def _choose_grip(
    px: tuple[float, float],
    existing_line: Line | None,
    to_px: Callable[[PixelPoint], tuple[float, float]],
) -> Grip:
    if existing_line is None:
        return Grip.NEW_END
    start, end = to_px(existing_line[0]), to_px(existing_line[1])
    near = {Grip.START: math.dist(px, start), Grip.END: math.dist(px, end)}
    nearest = min(near, key=lambda grip: near[grip])
    if near[nearest] <= GRAB_PX:
        return nearest
    return Grip.WHOLE if _measure_beside_px(px, start, end) <= GRAB_PX / 2 else Grip.NEW_END


def _measure_beside_px(
    px: tuple[float, float], start: tuple[float, float], end: tuple[float, float]
) -> float:
    """Return the distance of a place from a line between two others."""
    run = (end[0] - start[0], end[1] - start[1])
    squared_px = run[0] ** 2 + run[1] ** 2
    if squared_px == 0:
        return math.dist(px, start)
    share = ((px[0] - start[0]) * run[0] + (px[1] - start[1]) * run[1]) / squared_px
    share = min(1.0, max(0.0, share))
    return math.dist(px, (start[0] + share * run[0], start[1] + share * run[1]))
