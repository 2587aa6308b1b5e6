"""Where pixels lie in the patient.

Coordinates are patient LPS in mm and always come with a frame of reference. Pixel coordinates
are (column, row) with 0, 0 at the centre of the first pixel: DICOM's SCOORD less a half.
"""

import math
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.errors import GeometryError

FloatArray = NDArray[np.float64]
Vector3 = tuple[float, float, float]

ORTHONORMAL_TOLERANCE: Final = 1e-3  # direction cosines are often written with four digits


def multiply_scalar(a: Vector3, b: Vector3) -> float:
    """Return the scalar product of two vectors."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def multiply_vector(a: Vector3, b: Vector3) -> Vector3:
    """Return the vector product of two vectors."""
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


@frozen(kw_only=True)
class ImagePlane:
    """One native image in the patient: the only place where a length is taken.

    Parameters
    ----------
    frame_of_reference_uid
        FrameOfReferenceUID; "" where the header has none.
    position_lps_mm
        Centre of the first pixel (ImagePositionPatient).
    row_direction, column_direction
        Unit vectors in LPS: along a row (increasing column), along a column (increasing row).
    row_spacing_mm, column_spacing_mm
        Distance between rows and between columns (PixelSpacing, in its order).
    rows, columns
        Size of the image in pixels.

    Raises
    ------
    GeometryError
        The directions are not orthonormal, or a spacing is not a positive number.
    """

    frame_of_reference_uid: str
    position_lps_mm: Vector3
    row_direction: Vector3
    column_direction: Vector3
    row_spacing_mm: float
    column_spacing_mm: float
    rows: int
    columns: int

    def __attrs_post_init__(self) -> None:
        directions = sum(self.row_direction) + sum(self.column_direction)
        if not math.isfinite(sum(self.position_lps_mm) + directions):  # a sum keeps inf and nan
            raise GeometryError("The header gives a position or an orientation that is no number.")
        for spacing in (self.row_spacing_mm, self.column_spacing_mm):
            if not (math.isfinite(spacing) and spacing > 0):
                raise GeometryError(
                    f"PixelSpacing is {spacing:g} mm, so pixels have no size: no length on it."
                )
        row, column = self.row_direction, self.column_direction
        if (
            abs(math.hypot(*row) - 1) > ORTHONORMAL_TOLERANCE
            or abs(math.hypot(*column) - 1) > ORTHONORMAL_TOLERANCE
            or abs(multiply_scalar(row, column)) > ORTHONORMAL_TOLERANCE
        ):
            raise GeometryError(
                "ImageOrientationPatient is not two perpendicular unit vectors: "
                "pixels cannot be placed in the patient."
            )

    @property
    def normal(self) -> Vector3:
        """Slice normal: row direction cross column direction, of unit length."""
        normal = multiply_vector(self.row_direction, self.column_direction)
        norm = math.hypot(*normal)
        return (normal[0] / norm, normal[1] / norm, normal[2] / norm)

    def lps_from_pixel(self, column: float, row: float) -> Vector3:
        """Place a point of the image in the patient, in LPS mm."""
        across, down = column * self.column_spacing_mm, row * self.row_spacing_mm
        x, y, z = (
            self.position_lps_mm[i]
            + across * self.row_direction[i]
            + down * self.column_direction[i]
            for i in range(3)
        )
        return (x, y, z)

    def pixel_from_lps(self, point_lps_mm: Vector3) -> tuple[float, float]:
        """Return (column, row) of a point, projected along the normal into the image."""
        offset = self._compute_offset(point_lps_mm)
        return (
            multiply_scalar(offset, self.row_direction) / self.column_spacing_mm,
            multiply_scalar(offset, self.column_direction) / self.row_spacing_mm,
        )

    def measure_distance_mm(self, point_lps_mm: Vector3) -> float:
        """Return the signed distance of a point from the image along the normal, in mm."""
        return multiply_scalar(self._compute_offset(point_lps_mm), self.normal)

    def measure_length_mm(self, a: tuple[float, float], b: tuple[float, float]) -> float:
        """Return the length between two (column, row) points in mm, not rounded."""
        return math.hypot(
            (b[0] - a[0]) * self.column_spacing_mm, (b[1] - a[1]) * self.row_spacing_mm
        )

    def contains(self, column: float, row: float) -> bool:
        """Return whether a point lies on the image, the outer half pixels included."""
        return -0.5 <= column <= self.columns - 0.5 and -0.5 <= row <= self.rows - 0.5

    def _compute_offset(self, point_lps_mm: Vector3) -> Vector3:
        x, y, z = (point_lps_mm[i] - self.position_lps_mm[i] for i in range(3))
        return (x, y, z)


@frozen(kw_only=True, eq=False)
class VolumeGeometry:
    """The grid of a volume in the patient, without its voxels.

    Parameters
    ----------
    frame_of_reference_uid
        The frame in which `origin_lps_mm` is given.
    origin_lps_mm
        Centre of voxel (k, j, i) = (0, 0, 0).
    directions
        Shape (3, 3): unit vectors of k (slice), j (row index) and i (column index), a row each.
    spacing_kji_mm
        Distance between slices (from positions), rows and columns.
    shape_kji
        Slices, rows, columns.
    """

    frame_of_reference_uid: str
    origin_lps_mm: Vector3
    directions: FloatArray
    spacing_kji_mm: Vector3
    shape_kji: tuple[int, int, int]

    def lps_from_kji(self, kji: FloatArray) -> FloatArray:
        """Place indices, shape (..., 3) in the order k, j, i, in the patient: LPS mm."""
        offsets_mm = np.asarray(kji, dtype=np.float64) * np.asarray(self.spacing_kji_mm)
        points_lps_mm: FloatArray = np.asarray(self.origin_lps_mm) + offsets_mm @ self.directions
        return points_lps_mm

    def kji_from_lps(self, points_lps_mm: FloatArray) -> FloatArray:
        """Return the fractional indices, shape (..., 3) in the order k, j, i, of LPS points."""
        offset = np.asarray(points_lps_mm, dtype=np.float64) - np.asarray(self.origin_lps_mm)
        indices: FloatArray = (
            offset @ np.linalg.inv(self.directions) / np.asarray(self.spacing_kji_mm)
        )
        return indices


@frozen(kw_only=True, eq=False)
class Volume:
    """Voxels with their geometry.

    Parameters
    ----------
    volume_id
        The description that it was loaded from.
    geometry
        The grid; `geometry.shape_kji` is the shape of `voxels`.
    voxels
        Rescaled values, shape (slices, rows, columns), in the order of position along k.
    """

    volume_id: str
    geometry: VolumeGeometry
    voxels: NDArray[np.generic] = field(repr=False)
