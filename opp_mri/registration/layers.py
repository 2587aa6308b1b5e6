"""Images made alike before they are compared: one scale, and the local mean and contrast taken out.

Local normalisation takes coil shading, gain and most of a change of vendor or field strength with
it, so that a plain difference of intensities means a difference of shape.
"""

import math
from functools import cached_property
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray, Volume, VolumeGeometry

Float32Array = NDArray[np.float32]
Box = tuple[slice, slice, slice]

BLUR_OF_SCALE: Final = 0.5  # standard deviation of the blur as a share of the scale
# Thick slices alias: what differs from slice to slice draws a fit to whole or half slices. This
# much blur, as a share of the distance of slices, halved the error from left to right.
BLUR_OF_SPACING: Final = 0.7
WINDOW_OF_SCALE: Final = (
    6.0  # half width of the window of local normalisation, as a multiple of the scale
)
LEAST_WINDOW_MM: Final = 16.0  # half a vertebra: enough to take out shading, and no shape of it
DETAIL_WINDOW_MM: Final = 5.0  # leaves endplates, vessels and marrow, by which levels differ
# Bright fluid and bowel would decide what is alike; the logarithm of a signal that is raised by
# this share of the brightest tissue gives dark marrow and its dark rim the same weight.
COMPRESSED_FROM: Final = 0.10
BLACK_PERCENTILE: Final = 0.1
FLOOR_OF_MEAN: Final = 0.10  # contrast below this share of the local mean counts as none
FLOOR_OF_WHITE: Final = (
    0.03  # ... and below this share of the brightest tissue: air is not amplified
)
WHITE_PERCENTILE: Final = 99.0
BLOCK_SLACK: Final = 0.1  # pixels of 0.704 mm are averaged two by two to 1.4 mm


@frozen(kw_only=True, eq=False, slots=False)
class Layer:
    """A volume at one scale, locally normalised.

    Parameters
    ----------
    values
        Shape (k, j, i): mean near 0, standard deviation near 1 in tissue.
    lps_from_kji, kji_from_lps
        Shape (4, 4): between indices and patient LPS in mm.
    spacing_kji_mm
        Distance between neighbours.
    """

    values: Float32Array = field(repr=False)
    lps_from_kji: FloatArray
    kji_from_lps: FloatArray
    spacing_kji_mm: FloatArray

    def compute_gradient_lps(self) -> Float32Array:
        """Return the derivative along x, y and z of LPS per mm, shape (3, k, j, i)."""
        along = [
            np.gradient(self.values, step, axis=axis) if self.values.shape[axis] > 1
            else np.zeros_like(self.values)
            for axis, step in enumerate(self.spacing_kji_mm)
        ]  # fmt: skip
        axes = (self.lps_from_kji[:3, :3] / self.spacing_kji_mm).astype(np.float32)
        gradient: Float32Array = np.tensordot(axes, np.stack(along), axes=1)
        return gradient

    @cached_property
    def spline(self) -> Float32Array:
        """Coefficients of the cubic spline through the values."""
        coefficients: Float32Array = ndimage.spline_filter(
            self.values, order=3, output=np.float32, mode="nearest"
        )
        return coefficients

    def interpolate(
        self, points_lps_mm: Float32Array, *, cubic: bool = False
    ) -> tuple[Float32Array, NDArray[np.bool_]]:
        """Interpolate at points (3, n), and tell which of them lie on the grid.

        Linear interpolation blurs between thick slices and so pulls a fit by some tenths of a
        millimetre; the cubic spline does not, at five times the cost.
        """
        matrix = self.kji_from_lps.astype(np.float32)
        indices = matrix[:3, :3] @ points_lps_mm + matrix[:3, 3:]
        last = np.array(self.values.shape, np.float32)[:, None] - 1
        within = (indices > -0.5) & (indices < last + 0.5)
        inside: NDArray[np.bool_] = np.logical_and.reduce(within, axis=0)
        values = ndimage.map_coordinates(
            self.spline if cubic else self.values,
            indices, order=3 if cubic else 1, mode="nearest", prefilter=False, output=np.float32,
        )  # fmt: skip
        return values, inside


def make_layer(
    volume: Volume,
    scale_mm: float,
    box: Box | None = None,
    window_mm: float | None = None,
    *,
    is_compressed: bool = False,
) -> Layer:
    """Bring a volume, or a box of it, to a scale and normalise it locally.

    Parameters
    ----------
    volume
        Native voxels.
    scale_mm
        Pixels become about this large, by averaging whole numbers of them; what is coarser
        already, such as the distance between slices, stays.
    box
        Indices of the native grid.
    window_mm
        Half width of the window of local normalisation; None takes what suits the scale.
    is_compressed
        Whether the logarithm is taken first, so that the brightest tissues do not decide.
    """
    window_mm = window_mm or max(WINDOW_OF_SCALE * scale_mm, LEAST_WINDOW_MM)
    box = box or (slice(None), slice(None), slice(None))
    spacing = np.array(volume.geometry.spacing_kji_mm)
    values = volume.voxels[box].astype(np.float32)
    blocks = np.maximum((scale_mm / spacing + BLOCK_SLACK).astype(int), 1)
    blocks = np.minimum(blocks, values.shape)
    values = _compute_block_mean(values, blocks)
    for axis in range(3):
        native, coarse = spacing[axis], spacing[axis] * blocks[axis]
        blur_mm = max(BLUR_OF_SCALE * scale_mm, BLUR_OF_SPACING * native)
        variance = blur_mm**2 - (coarse**2 - native**2) / 12  # averaging blurs too
        if variance > 0:
            ndimage.gaussian_filter1d(
                values, math.sqrt(variance) / coarse, axis=axis, output=values,
                mode="nearest", truncate=3.0,
            )  # fmt: skip
    if is_compressed:
        values = _compress(values)
    start = np.array([axis.start or 0 for axis in box])
    lps_from_kji = _lps_from_kji(volume.geometry, start + (blocks - 1) / 2, blocks)
    return Layer(
        values=_normalise(values, spacing * blocks, window_mm),
        lps_from_kji=lps_from_kji,
        kji_from_lps=invert(lps_from_kji),
        spacing_kji_mm=spacing * blocks,
    )


def find_box(
    geometry: VolumeGeometry, point_lps_mm: FloatArray, half_kji_mm: tuple[float, float, float]
) -> Box:
    """Return the native indices within a distance of a point along each axis, cut to the grid."""
    kji = geometry.kji_from_lps(point_lps_mm)
    bounds = []
    for index, step, count, radius_mm in zip(
        kji, geometry.spacing_kji_mm, geometry.shape_kji, half_kji_mm, strict=True
    ):
        low = min(max(math.floor(index - radius_mm / step), 0), count - 1)
        bounds.append(slice(low, max(min(math.ceil(index + radius_mm / step) + 1, count), low + 1)))
    return (bounds[0], bounds[1], bounds[2])


def invert(matrix: FloatArray) -> FloatArray:
    """Invert a matrix, (4, 4)."""
    inverse: FloatArray = np.linalg.inv(matrix).astype(np.float64)
    return inverse


def _compute_block_mean(values: Float32Array, blocks: NDArray[np.int_]) -> Float32Array:
    for axis, block in enumerate(blocks):
        if block > 1:
            whole = values.shape[axis] // block * block
            values = np.moveaxis(values, axis, 0)
            parts = [values[start:whole:block] for start in range(block)]
            values = np.moveaxis(sum(parts[1:], parts[0]) / np.float32(block), 0, axis)
    return np.ascontiguousarray(values)


def _lps_from_kji(
    geometry: VolumeGeometry, first: FloatArray, blocks: NDArray[np.int_]
) -> FloatArray:
    matrix = np.eye(4)
    steps = np.array(geometry.spacing_kji_mm) * blocks
    matrix[:3, :3] = (geometry.directions * steps[:, None]).T
    matrix[:3, 3] = geometry.lps_from_kji(first)
    return matrix


def _compress(values: Float32Array) -> Float32Array:
    """Take the logarithm of the signal above black, raised so that noise is not amplified."""
    black, white = np.percentile(values[::2, ::2, ::2], (BLACK_PERCENTILE, WHITE_PERCENTILE))
    divisor = max(float(white - black) * COMPRESSED_FROM, 1e-6)
    compressed_values: Float32Array = np.log1p(np.maximum(values - np.float32(black), 0) / divisor)
    return compressed_values


def _normalise(values: Float32Array, spacing_mm: FloatArray, window_mm: float) -> Float32Array:
    """Take the mean out of a window around each voxel and divide by its standard deviation."""
    white = float(np.percentile(values[::2, ::2, ::2], WHITE_PERCENTILE))
    mean = _compute_window_mean(values, spacing_mm, window_mm)
    square = _compute_window_mean(values * values, spacing_mm, window_mm)
    variance = np.maximum(square - mean * mean, 0)
    floor = (FLOOR_OF_MEAN * mean) ** 2 + (FLOOR_OF_WHITE * white) ** 2 + np.float32(1e-12)
    normal_values: Float32Array = (values - mean) / np.sqrt(variance + floor)
    return normal_values


def _compute_window_mean(
    values: Float32Array, spacing_mm: FloatArray, half_mm: float
) -> Float32Array:
    """Average twice over a box: nearly a bell, at the cost of a running sum."""
    means = values
    for axis, step in enumerate(spacing_mm):
        size = 2 * round(half_mm / step / 2) + 1
        for _ in range(2):
            means = ndimage.uniform_filter1d(means, size, axis=axis, mode="nearest")
    return means
