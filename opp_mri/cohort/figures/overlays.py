"""Pictures of a fit: the follow-up on the baseline's own slice, before and after."""

from io import BytesIO

import numpy as np
from attrs import frozen
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray, Vector3, Volume, VolumeGeometry
from opp_mri.domain.transform import RigidTransform

PIXEL_MM = 0.7
HALF_SIZE_MM = 80.0  # four to five lumbar levels
TILE_MM = 14.0
EDGE_SHARE = 0.08  # strongest gradients that are drawn as edges
EDGE_COLOUR = (1.0, 0.62, 0.04)
PANEL_IN = 2.5
HALF_A_VOXEL = 0.5  # thick slices end half a slice outside the centres of the first and the last


@frozen(kw_only=True, eq=False)
class Overlay:
    """The baseline's slice through a point, and the follow-up on it.

    Parameters
    ----------
    baseline, before, after
        Shape (rows, columns) with a pixel of 0.7 mm, values 0 to 1: the baseline; the follow-up
        with the coordinates of its header taken as they are; and the follow-up by the fit. NaN
        where the follow-up does not reach.
    """

    baseline: FloatArray
    before: FloatArray
    after: FloatArray


def overlay(
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
    points = _slice_points(baseline, centre_lps_mm)
    back = baseline_from_followup.inverse()
    return Overlay(
        baseline=_windowed(_sampled(baseline, points)),
        before=_windowed(_sampled(followup, points)),
        after=_windowed(_sampled(followup, back.apply(points))),
    )


def on_grid(
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
    corner_and_steps = grid.lps_from_kji(np.vstack([np.zeros(3), np.eye(3)]))
    placed = volume.geometry.kji_from_lps(volume_from_grid.apply(corner_and_steps))
    offset, steps = placed[0], (placed[1:] - placed[0]).T
    values: NDArray[np.float32] = ndimage.affine_transform(
        volume.voxels.astype(np.float32),
        steps,
        offset,
        output_shape=grid.shape_kji,
        order=1,
        mode="nearest",
    )
    k, j, i = np.ogrid[tuple(slice(size) for size in grid.shape_kji)]
    for step, start, size in zip(steps, offset, volume.geometry.shape_kji, strict=True):
        index = start + step[0] * k + step[1] * j + step[2] * i
        values[(index < -HALF_A_VOXEL) | (index > size - HALF_A_VOXEL)] = np.nan
    return values


def draw_overlay(pictures: Overlay) -> bytes:
    """Draw baseline, follow-up before and after, checkerboard and edges side by side, as PNG."""
    panels = (
        ("baseline", pictures.baseline),
        ("follow-up, by headers", pictures.before),
        ("follow-up, by the fit", pictures.after),
        ("checkerboard", checkerboard(pictures.baseline, pictures.after)),
        ("follow-up's edges on the baseline", _edges_on(pictures.baseline, pictures.after)),
    )
    figure = Figure(figsize=(PANEL_IN * len(panels), PANEL_IN + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, picture) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    png = BytesIO()
    figure.savefig(png, format="png", dpi=110, metadata={"Software": None})
    return png.getvalue()


def checkerboard(first: FloatArray, second: FloatArray) -> FloatArray:
    """Give tiles of one picture and the other by turns; where edges run on, they coincide."""
    rows, columns = np.indices(first.shape)
    tile = int(TILE_MM / PIXEL_MM)
    picture: FloatArray = np.where((rows // tile + columns // tile) % 2, first, second)
    return picture


def _edges_on(baseline: FloatArray, followup: FloatArray) -> FloatArray:
    steepness = ndimage.gaussian_gradient_magnitude(np.nan_to_num(followup), 1.0 / PIXEL_MM)
    steepness[np.isnan(followup)] = 0
    edges = steepness > np.quantile(steepness, 1 - EDGE_SHARE)
    thin = edges & (steepness >= ndimage.maximum_filter(steepness, size=(1, 3)) * 0.999) | (
        edges & (steepness >= ndimage.maximum_filter(steepness, size=(3, 1)) * 0.999)
    )
    picture = np.repeat(baseline[..., None], 3, axis=-1)
    picture[thin] = EDGE_COLOUR
    return picture


def _slice_points(volume: Volume, centre_lps_mm: Vector3) -> FloatArray:
    """Give LPS points, shape (rows, columns, 3), of the slice through a point, head up."""
    half = int(HALF_SIZE_MM / PIXEL_MM)
    _, down, across = volume.geometry.directions
    steps = np.arange(-half, half + 1) * PIXEL_MM
    points: FloatArray = (
        np.asarray(centre_lps_mm) + steps[:, None, None] * down + steps[None, :, None] * across
    )
    return points


def _sampled(volume: Volume, points_lps_mm: FloatArray) -> FloatArray:
    indices = volume.geometry.kji_from_lps(points_lps_mm)
    sizes = np.asarray(volume.geometry.shape_kji)
    inside = (indices >= -HALF_A_VOXEL) & (indices <= sizes - HALF_A_VOXEL)
    values: NDArray[np.float64] = ndimage.map_coordinates(
        volume.voxels.astype(np.float64), np.moveaxis(indices, -1, 0), order=1, mode="nearest"
    )
    values[~inside.all(axis=-1)] = np.nan
    return values


def _windowed(values: FloatArray) -> FloatArray:
    known = values[np.isfinite(values)]
    if known.size == 0:
        return values
    low, high = np.quantile(known, (0.01, 0.985))
    windowed: FloatArray = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return windowed
