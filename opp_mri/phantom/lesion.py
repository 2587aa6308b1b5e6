"""The shape of a lesion: slightly irregular, with a greatest AP extent that is known exactly.

A point (x, y, z) of the vertebra's frame, measured from the lesion's centre, lies inside where

    rho(x, z) * m(angle, y) + |y / a| ** p <= 1,    rho >= 0, m > 0, rho(0, 0) = 0.

Whatever `m` does to the edge, |y| can nowhere exceed `a`, and reaches it at x = z = 0 only: the
greatest AP extent is 2a, between (0, -a, 0) and (0, a, 0), and no parallel chord is longer.
"""

import math
from typing import Final

import numpy as np
from attrs import frozen

from opp_mri.domain.geometry import FloatArray

AP_BLUNTNESS: Final = 2.4  # above 2: the ends are blunter than an ellipse's, as a reader sees them
LR_BLUNTNESS: Final = 3.5  # the extent falls slowly from slice to slice near the middle
IRREGULARITY: Final = 0.16


@frozen(kw_only=True)
class LesionShape:
    """A lesion as it is on one sequence of one visit.

    Parameters
    ----------
    vertebra
        Index of its vertebra in the section.
    centre_local_mm
        Centre in the frame of that vertebra: x left, y posterior, z cranial.
    ap_mm
        Greatest AP extent, along y.
    half_left_right_mm, half_height_mm
        Half extents across and along the spine, before irregularity.
    phase
        Turns the irregularity, in radians; a lesion keeps it over time.
    """

    vertebra: int
    centre_local_mm: tuple[float, float, float]
    ap_mm: float
    half_left_right_mm: float
    half_height_mm: float
    phase: float

    def ends_local_mm(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return the anterior and the posterior end of the greatest AP extent."""
        x, y, z = self.centre_local_mm
        return (x, y - self.ap_mm / 2, z), (x, y + self.ap_mm / 2, z)

    def reach_mm(self) -> float:
        """Return a radius around the centre that holds all of the lesion."""
        widest = max(self.half_left_right_mm, self.half_height_mm) / math.sqrt(1 - IRREGULARITY)
        return math.hypot(self.ap_mm / 2, widest * 1.1)

    def compute_level(self, points_local_mm: FloatArray) -> FloatArray:
        """Return the left side of the inequality at points (3, ...): inside it is at most 1.

        It is infinite at points so far along one axis that they cannot lie inside.
        """
        x, y, z = (
            points_local_mm[axis] - np.float32(self.centre_local_mm[axis]) for axis in range(3)
        )
        beyond = 1.01  # a little more than can be inside, so that no rounding matters
        widest = beyond / math.sqrt(1 - IRREGULARITY)
        near = np.abs(y) <= beyond * self.ap_mm / 2
        near &= np.abs(x) <= self.half_left_right_mm * widest
        near &= np.abs(z) <= self.half_height_mm * widest
        level = np.full(near.shape, np.inf)
        level[near] = self._compute_near_level(x[near], y[near], z[near])
        return level

    def _compute_near_level(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        across, along = x / self.half_left_right_mm, y / (self.ap_mm / 2)
        up = z / self.half_height_mm
        rho = np.abs(across) ** LR_BLUNTNESS + up * up
        angle = np.arctan2(up, across)
        edge = 1 + IRREGULARITY * (
            0.6 * np.cos(3 * angle + self.phase) * np.cos(2.2 * along)
            + 0.4 * np.sin(4.1 * along + 2 * up + self.phase)
        )
        value: FloatArray = rho * edge + np.abs(along) ** AP_BLUNTNESS
        return value
