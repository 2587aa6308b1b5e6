"""How far two readers' contours of one lesion agree: overlap and distance of their surfaces.

Both are filled on one grid, a quarter of a pixel in the slices and one slice through them. The
overlap is Dice's coefficient (Ecology 1945;26:297-302). A distance of surfaces is that of a point
of one surface to the nearest point of the other, in mm; the mean is over both surfaces, and the
95% Hausdorff distance is the larger of both 95th percentiles (Huttenlocher et al., IEEE PAMI
1993;15:850-863; definitions of Maier-Hein et al., Nat Methods 2024;21:195-212). Each point counts
with the area of surface that it stands for, its free faces projected on the surface: a slice is
much thicker than a pixel is wide, so that points alone would count the first and the last slice
above all.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from opp_mri.contours.masks import fill_polygons, measure_depths_mm
from opp_mri.contours.volume import FINE, Parts, Stack
from opp_mri.domain.geometry import FloatArray

PERCENTILE: Final = 95.0
MARGIN_PX: Final = 2
Mask = NDArray[np.bool_]


@frozen(kw_only=True)
class Overlap:
    """How far two volumes agree.

    Parameters
    ----------
    dice
        Twice the common volume, divided by the sum of both: 0 to 1.
    mean_surface_mm
        Mean distance of the surfaces, over the points of both.
    hausdorff_95_mm, hausdorff_mm
        95% Hausdorff distance of the surfaces, and the largest distance of a point of one volume
        to the other.
    """

    dice: float
    mean_surface_mm: float
    hausdorff_95_mm: float
    hausdorff_mm: float


def compare_contours(
    first: Mapping[int, Parts], second: Mapping[int, Parts], stack: Stack
) -> Overlap | None:
    """Compare the volumes within two readers' contours on the slices of one series.

    None where contours are so thin that no quarter of a pixel lies within them.

    Parameters
    ----------
    first, second
        The polygons of each slice, interpolated slices included, by its index: corners (column,
        row) in pixels.
    stack
        Geometry of the slices.
    """
    all_parts = [*first.values(), *second.values()]
    corners = np.concatenate([polygon for parts in all_parts for polygon in parts])
    origin = np.floor(corners.min(axis=0)) - MARGIN_PX
    size = ((np.ceil(corners.max(axis=0)) + MARGIN_PX + 1 - origin) * FINE).astype(int)
    slices = range(min((*first, *second)) - 1, max((*first, *second)) + 2)
    masks = [_fill_slices(outlines, slices, origin, size) for outlines in (first, second)]
    if not all(mask.any() for mask in masks):
        return None
    spacing_mm = (*(spacing / FINE for spacing in stack.spacing_mm), stack.slice_spacing_mm)
    return compare_masks(masks[0], masks[1], spacing_mm)


def compare_masks(first: Mask, second: Mask, spacing_mm: tuple[float, ...]) -> Overlap:
    """Compare two masks of one grid.

    Parameters
    ----------
    first, second
        Shape (slices, rows, columns); neither is empty.
    spacing_mm
        Distance between columns, rows and slices, mm.
    """
    import SimpleITK as sitk  # noqa: N813 - slow to import, and only two readers need it

    images = []
    for mask in (first, second):
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        image.SetSpacing(spacing_mm)
        images.append(image)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*images)
    hausdorff = sitk.HausdorffDistanceImageFilter()
    hausdorff.Execute(*images)
    surfaces = [_build_surface(mask, spacing_mm) for mask in (first, second)]
    distances_mm = [
        surfaces[1].outside_mm[surfaces[0].shell],
        surfaces[0].outside_mm[surfaces[1].shell],
    ]
    areas = [surface.areas_mm2 for surface in surfaces]
    return Overlap(
        dice=float(overlap.GetDiceCoefficient()),
        mean_surface_mm=float(
            np.average(np.concatenate(distances_mm), weights=np.concatenate(areas))
        ),
        hausdorff_95_mm=max(map(_find_percentile, distances_mm, areas)),
        hausdorff_mm=float(hausdorff.GetHausdorffDistance()),
    )


@frozen(kw_only=True, eq=False)
class _Surface:
    """The outermost voxels of a volume, the area of each, and the distance of any place to them."""

    shell: Mask
    areas_mm2: FloatArray
    outside_mm: FloatArray


def _build_surface(mask: Mask, spacing_mm: tuple[float, ...]) -> _Surface:
    spacing = np.asarray(spacing_mm[::-1])
    with_margin = np.pad(mask, 1)
    faces: list[FloatArray] = []
    for axis in range(3):
        behind, before = (
            np.take(with_margin, range(start, start + mask.shape[axis]), axis=axis)
            for start in (0, 2)
        )
        inner = tuple(slice(None) if number == axis else slice(1, -1) for number in range(3))
        faces.append(mask * ((~behind[inner]).astype(float) + ~before[inner]))
    shell: Mask = np.logical_or.reduce(np.asarray(faces) > 0)
    slopes: Any = np.gradient(measure_depths_mm(mask, spacing_mm), *spacing)
    normals = np.array([slope[shell] for slope in slopes])
    normals /= np.maximum(np.linalg.norm(normals, axis=0), np.finfo(float).tiny)
    face_areas_mm2 = (float(np.prod(spacing)) / spacing).tolist()
    areas = np.zeros(np.count_nonzero(shell))
    for face, area_mm2, normal in zip(faces, face_areas_mm2, normals, strict=True):
        areas += face[shell] * area_mm2 * np.abs(normal)
    return _Surface(
        shell=shell,
        areas_mm2=np.maximum(areas, np.finfo(float).tiny),
        outside_mm=np.maximum(-measure_depths_mm(shell, spacing_mm), 0.0),
    )


def _find_percentile(distances_mm: FloatArray, areas_mm2: FloatArray) -> float:
    """Return the distance that 95% of a surface does not exceed."""
    order = np.argsort(distances_mm)
    shares = np.cumsum(areas_mm2[order])
    place = np.searchsorted(shares, PERCENTILE / 100 * shares[-1])
    return float(distances_mm[order][min(int(place), len(order) - 1)])


def _fill_slices(
    outlines: Mapping[int, Parts], slices: range, origin: FloatArray, size: NDArray[np.int_]
) -> Mask:
    columns, rows = (int(length) for length in size)
    mask = np.zeros((len(slices), rows, columns), dtype=bool)
    for index, parts in outlines.items():
        fine_parts = [(np.asarray(polygon) - origin + 0.5) * FINE - 0.5 for polygon in parts]
        mask[index - slices.start] = fill_polygons(fine_parts, (rows, columns))
    return mask
