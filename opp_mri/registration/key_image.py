"""A native image as it is shown around a lesion: turned and enlarged within its own plane.

Only what lies between the pixels of one native image is interpolated. Nothing is taken from another
image, and no length is measured on the outcome.
"""

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import ImagePlane, Vector3, multiply_scalar
from opp_mri.domain.transform import RigidTransform

LEAST_IN_PLANE: Final = 0.5  # share of a direction in an image below which it says nothing there
SHOWN_PIXEL_MM: Final = 0.25  # finer than any native pixel of spine MRI

Directions = tuple[Vector3, Vector3]  # unit vectors in LPS: towards the right and down the screen

_UPRIGHT: Final[tuple[Directions, ...]] = (  # by the axis of the normal: sagittal, coronal, axial
    ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
)
_LETTERS: Final = (("L", "R"), ("P", "A"), ("H", "F"))


@frozen(kw_only=True)
class ShownSquare:
    """A square of a native image's plane, as it is shown on the screen.

    Parameters
    ----------
    centre_lps_mm
        Its middle, in the plane.
    right_lps, down_lps
        Unit vectors in the plane.
    side_mm
        Length of a side.
    """

    centre_lps_mm: Vector3
    right_lps: Vector3
    down_lps: Vector3
    side_mm: float

    @property
    def pixels(self) -> int:
        """How many pixels it has along a side."""
        return round(self.side_mm / SHOWN_PIXEL_MM)

    def project(self, point_lps_mm: Vector3) -> tuple[float, float]:
        """Return where a point lies: (right, down) in mm from the upper left corner."""
        x, y, z = (a - b for a, b in zip(point_lps_mm, self.centre_lps_mm, strict=True))
        half = self.side_mm / 2
        return half + multiply_scalar((x, y, z), self.right_lps), half + multiply_scalar(
            (x, y, z), self.down_lps
        )

    @property
    def letters(self) -> tuple[str, str]:
        """Directions of the patient at its left and right edge, such as A and P."""
        axis = max(range(3), key=lambda number: abs(self.right_lps[number]))
        plus, minus = _LETTERS[axis]
        return (minus, plus) if self.right_lps[axis] > 0 else (plus, minus)


def find_upright_directions(plane: ImagePlane) -> Directions:
    """Return the directions in which radiologists view an image, without resampling its pixels.

    Parameters
    ----------
    plane
        A sagittal image is shown head up with anterior at the left, a coronal one head up with the
        patient's right at the left, an axial one with anterior up.

    Returns
    -------
    Directions
        Each of them runs along a row or along a column.
    """
    axis = max(range(3), key=lambda number: abs(plane.normal[number]))
    right, down = _UPRIGHT[axis]
    along = (plane.row_direction, plane.column_direction)
    sides = [*along, *(_reverse(direction) for direction in along)]
    horizontal = max(sides, key=lambda direction: multiply_scalar(direction, right))
    across = [
        direction
        for direction in sides
        if abs(multiply_scalar(direction, horizontal)) < LEAST_IN_PLANE
    ]
    return horizontal, max(across, key=lambda direction: multiply_scalar(direction, down))


def carry_directions(
    directions: Directions, here_from_there: RigidTransform, plane: ImagePlane
) -> Directions:
    """Carry the directions of one study's display onto an image of another study.

    Returns
    -------
    Directions
        In the image's plane; those of the upright image where the planes cross too steeply.
    """
    right, down = (_turn(here_from_there, direction) for direction in directions)
    flat = _project_into_plane(plane, right)
    if flat is None:
        return find_upright_directions(plane)
    below = np.cross(plane.normal, flat)
    if float(below @ np.asarray(down)) < 0:
        below = -below
    return flat, _convert_to_vector(below)


def find_shown_square(
    plane: ImagePlane, point_lps_mm: Vector3, directions: Directions, side_mm: float
) -> ShownSquare:
    """Return the square around a point, which is projected into the plane along the normal.

    Parameters
    ----------
    plane
        The native image.
    point_lps_mm
        The middle of the square, patient LPS in mm.
    directions
        Unit vectors to the right and down on the screen, patient LPS, in the plane.
    side_mm
        Length of a side in mm.
    """
    off_mm = plane.measure_distance_mm(point_lps_mm)
    x, y, z = (a - off_mm * b for a, b in zip(point_lps_mm, plane.normal, strict=True))
    return ShownSquare(
        centre_lps_mm=(x, y, z), right_lps=directions[0], down_lps=directions[1], side_mm=side_mm
    )


def sample_shown_image(
    image: NDArray[np.generic], plane: ImagePlane, square: ShownSquare
) -> NDArray[np.float32]:
    """Sample a native image in a square of its own plane, to be looked at and never measured on.

    Parameters
    ----------
    image
        Native values, shape (rows, columns) of `plane`.

    Returns
    -------
    ndarray
        Shape (`square.pixels`, `square.pixels`), linear between pixels; NaN outside of the image.
    """
    steps = (np.arange(square.pixels) + 0.5) * SHOWN_PIXEL_MM - square.side_mm / 2
    right, down = np.asarray(square.right_lps), np.asarray(square.down_lps)
    points = (
        np.asarray(square.centre_lps_mm)
        + steps[:, None, None] * down
        + steps[None, :, None] * right
        - np.asarray(plane.position_lps_mm)
    )
    columns = points @ np.asarray(plane.row_direction) / plane.column_spacing_mm
    rows = points @ np.asarray(plane.column_direction) / plane.row_spacing_mm
    values: NDArray[np.float32] = ndimage.map_coordinates(
        image.astype(np.float32), [rows, columns], order=1, mode="nearest"
    )
    inside = (rows >= -0.5) & (rows <= plane.rows - 0.5)
    inside &= (columns >= -0.5) & (columns <= plane.columns - 0.5)
    values[~inside] = np.nan
    return values


def _project_into_plane(plane: ImagePlane, direction: Vector3) -> Vector3 | None:
    flat = np.asarray(direction) - multiply_scalar(direction, plane.normal) * np.asarray(
        plane.normal
    )
    share = float(np.linalg.norm(flat))
    return None if share < LEAST_IN_PLANE else _convert_to_vector(flat / share)


def _turn(transform: RigidTransform, direction: Vector3) -> Vector3:
    return _convert_to_vector(transform.matrix[:3, :3] @ np.asarray(direction))


def _reverse(direction: Vector3) -> Vector3:
    return (-direction[0], -direction[1], -direction[2])


def _convert_to_vector(values: NDArray[np.float64]) -> Vector3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
