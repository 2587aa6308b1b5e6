"""Follow-ups resampled on the baseline's grid, to be looked at and never measured on."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray, Vector3, Volume, VolumeGeometry
from opp_mri.domain.registration import PIXEL_MM, Overlay
from opp_mri.domain.transform import RigidTransform
from opp_mri.registration.files import make_image

HALF_SIZE_MM: Final = 80.0  # four to five lumbar levels
HALF_A_VOXEL: Final = (
    0.5  # thick slices end half a slice outside the centres of the first and the last
)


def cut_overlay(
    baseline: Volume,
    followup: Volume,
    baseline_from_followup: RigidTransform,
    centre_lps_mm: Vector3,
) -> Overlay:
    """Cut both volumes along the baseline's slice direction through a point.

    Parameters
    ----------
    centre_lps_mm
        In baseline coordinates.
    """
    points = _compute_slice_points(baseline, centre_lps_mm)
    back = baseline_from_followup.invert()
    return Overlay(
        baseline=_apply_window(_sample(baseline, points)),
        before=_apply_window(_sample(followup, points)),
        after=_apply_window(_sample(followup, back.apply(points))),
    )


def resample_on_grid(
    volume: Volume, grid: VolumeGeometry, volume_from_grid: RigidTransform
) -> NDArray[np.float32]:
    """Sample a volume at the voxels of another's grid, to be looked at and never measured on.

    Parameters
    ----------
    volume_from_grid
        Carries coordinates of the grid's frame into those of the volume.

    Returns
    -------
    ndarray
        Shape `grid.shape_kji`, linear between voxels; NaN where the volume does not reach.
    """
    import SimpleITK as sitk  # noqa: N813 - its usual name; 50 MB are loaded only when asked

    transform = sitk.AffineTransform(3)
    transform.SetMatrix(volume_from_grid.matrix[:3, :3].ravel().tolist())
    transform.SetTranslation(volume_from_grid.matrix[:3, 3].tolist())
    target = sitk.ResampleImageFilter()
    target.SetSize([int(count) for count in grid.shape_kji[::-1]])
    target.SetOutputSpacing([float(step) for step in grid.spacing_kji_mm[::-1]])
    target.SetOutputOrigin([float(x) for x in grid.origin_lps_mm])
    target.SetOutputDirection(grid.directions[::-1].T.ravel().tolist())
    target.SetOutputPixelType(sitk.sitkFloat32)
    target.SetDefaultPixelValue(float("nan"))
    target.SetTransform(transform)
    resampled_image = target.Execute(make_image(volume.voxels.astype(np.float32), volume.geometry))
    values: NDArray[np.float32] = sitk.GetArrayFromImage(resampled_image)
    return values


def subtract(
    followup_on_grid: NDArray[np.float32], baseline: NDArray[np.generic]
) -> NDArray[np.float32]:
    """Subtract a baseline from a follow-up on its grid, once gain and offset are matched.

    Parameters
    ----------
    followup_on_grid
        The follow-up, shape of `baseline`; NaN where it does not reach.
    baseline
        Voxel values of the baseline, shape (slices, rows, columns) or (rows, columns).

    Returns
    -------
    ndarray
        In units of the baseline, positive where the follow-up is brighter; NaN where it does not
        reach.
    """
    before = baseline.astype(np.float32)
    is_known = np.isfinite(followup_on_grid)
    gain, offset = (
        np.polyfit(followup_on_grid[is_known], before[is_known], 1)
        if is_known.any()
        else (1.0, 0.0)
    )
    difference: NDArray[np.float32] = (gain * followup_on_grid + offset - before).astype(np.float32)
    return difference


def _compute_slice_points(volume: Volume, centre_lps_mm: Vector3) -> FloatArray:
    """Return LPS points, shape (rows, columns, 3), of the slice through a point, head up."""
    half = int(HALF_SIZE_MM / PIXEL_MM)
    _, down, across = volume.geometry.directions
    steps = np.arange(-half, half + 1) * PIXEL_MM
    points: FloatArray = (
        np.asarray(centre_lps_mm) + steps[:, None, None] * down + steps[None, :, None] * across
    )
    return points


def _sample(volume: Volume, points_lps_mm: FloatArray) -> FloatArray:
    indices = volume.geometry.kji_from_lps(points_lps_mm)
    sizes = np.asarray(volume.geometry.shape_kji)
    inside = (indices >= -HALF_A_VOXEL) & (indices <= sizes - HALF_A_VOXEL)
    values: NDArray[np.float64] = ndimage.map_coordinates(
        volume.voxels.astype(np.float64), np.moveaxis(indices, -1, 0), order=1, mode="nearest"
    )
    values[~inside.all(axis=-1)] = np.nan
    return values


def _apply_window(values: FloatArray) -> FloatArray:
    finite_values = values[np.isfinite(values)]
    if finite_values.size == 0:
        return values
    low, high = np.quantile(finite_values, (0.01, 0.985))
    grey_values: FloatArray = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return grey_values
