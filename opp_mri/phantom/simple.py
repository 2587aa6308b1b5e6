"""One small volume with known points: straight, oblique, anisotropic or flipped."""

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray, ImagePlane
from opp_mri.phantom.acquisition import Prescription, points_lps_mm
from opp_mri.phantom.spine import rigid

BALL_RADIUS_MM = 4.0
BACKGROUND, BALL = 100, 900


@frozen(kw_only=True, eq=False)
class SimpleVolume:
    """Slices with bright balls at known points.

    Parameters
    ----------
    planes, pixels
        Image planes, and stored values of shape (images, rows, columns).
    points_lps_mm
        Shape (points, 3): centres of the balls, of radius `BALL_RADIUS_MM`.
    """

    planes: tuple[ImagePlane, ...]
    pixels: NDArray[np.uint16] = field(repr=False)
    points_lps_mm: FloatArray


def simple_volume(
    *,
    oblique_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    shape_kji: tuple[int, int, int] = (9, 64, 48),
    spacing_kji_mm: tuple[float, float, float] = (4.0, 1.0, 1.0),
    centre_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    flipped: bool = False,
    frame_of_reference_uid: str = "2.25.1",
) -> SimpleVolume:
    """Make a sagittal stack around a point.

    Parameters
    ----------
    oblique_deg
        Turn of the stack about x, y and z of the patient.
    shape_kji, spacing_kji_mm
        Slices, rows, columns, and the distances between them.
    centre_lps_mm
        Middle of the stack.
    flipped
        Whether the images come in the order against their normal.
    frame_of_reference_uid
        For the planes.
    """
    turned = rigid(np.array(oblique_deg), np.zeros(3))[:3, :3]
    row, column = turned @ np.array([0.0, 1.0, 0.0]), turned @ np.array([0.0, 0.0, -1.0])
    slices, rows, columns = shape_kji
    planes = Prescription(
        centre_lps_mm=centre_lps_mm,
        row_direction=(float(row[0]), float(row[1]), float(row[2])),
        column_direction=(float(column[0]), float(column[1]), float(column[2])),
        rows=rows,
        columns=columns,
        row_spacing_mm=spacing_kji_mm[1],
        column_spacing_mm=spacing_kji_mm[2],
        slices=slices,
        slice_spacing_mm=spacing_kji_mm[0],
        thickness_mm=spacing_kji_mm[0],
    ).planes(frame_of_reference_uid)
    if flipped:
        planes = planes[::-1]
    # not symmetric, so that a wrong order or sign of axes shows
    shares = np.array([[0.0, 0.0, 0.0], [0.5, 0.25, 0.0], [-0.25, 0.5, 0.6]])
    half = np.array(shape_kji) * np.array(spacing_kji_mm) / 2
    axes = np.stack([np.cross(row, column), column, row])
    points = np.array(centre_lps_mm) + (shares * half) @ axes
    across, down = np.meshgrid(np.arange(columns, dtype=float), np.arange(rows, dtype=float))
    where = np.stack([points_lps_mm(plane, across, down) for plane in planes], axis=1)
    pixels = np.full(shape_kji, BACKGROUND, np.uint16)
    for point in points:
        distance = np.linalg.norm(where - point.reshape(3, 1, 1, 1), axis=0)
        pixels[distance <= BALL_RADIUS_MM] = BALL
    return SimpleVolume(planes=planes, pixels=pixels, points_lps_mm=points)
