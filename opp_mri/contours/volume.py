"""The volume within contours on parallel slices, and its standard error.

The estimator is Cavalieri's: slice distance times the sum of the areas. A slice without a contour
between two with one takes the outline at which the signed distances to both, interpolated along
the normal, are zero (Raya and Udupa 1990, shape-based interpolation).

The standard error joins two parts. That of the slice spacing is the one of Gundersen and Jensen
(J Microsc 1987;147:229-263) in the form of 1999 for smooth objects (Gundersen et al., J Microsc
1999;193:199-211): for areas a_i of slices at a distance t,

    variance = t² (3 A - 4 B + C) / 240,   A = sum a_i², B = sum a_i a_(i+1), C = sum a_i a_(i+2).

That of the edge takes each contour, of a part or of a hole, as displaced by one amount, whose
standard deviation is that of a position known to a pixel (pixel / sqrt 12, rectangular
distribution, JCGM 100:2008, 4.3.7) and which is independent from contour to contour: variance
= t² sum (perimeter_i · pixel / sqrt 12)².
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from attrs import frozen

from opp_mri.contours.masks import fill_polygons, measure_depths_mm
from opp_mri.domain.contour import MeasuredVolume, compute_enclosed_area, compute_perimeter
from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.measurement import PixelPoint
from opp_mri.units import LARGEST_CC, round_to_recorded_cc

MM3_IN_CC: Final = 1000.0
SMOOTH: Final = 240.0
FEWEST_FOR_ERROR: Final = 3
FINE: Final = 4  # points of the grid in a pixel, each way
MARGIN_PX: Final = 3

Polygon = tuple[PixelPoint, ...]
Parts = tuple[Polygon, ...]  # of one slice


@frozen(kw_only=True)
class Stack:
    """Parallel slices at one distance.

    Parameters
    ----------
    spacing_mm
        Distance between columns and between rows, mm.
    slice_spacing_mm
        Distance between slices along their normal, mm.
    """

    spacing_mm: tuple[float, float]
    slice_spacing_mm: float


def measure_volume(polygons: Mapping[int, Parts], stack: Stack) -> MeasuredVolume | None:
    """Measure the volume within polygons on slices; None where it is larger than any lesion.

    Parameters
    ----------
    polygons
        The polygons of each slice that has a contour, by its index: corners (column, row) in
        pixels. A polygon within another one is a hole; no two of a slice meet.
    stack
        Geometry of the slices.
    """
    between = interpolate_slices(polygons, stack)
    areas = [compute_enclosed_area(polygons[index], stack.spacing_mm) for index in sorted(polygons)]
    area_sum = _sum_areas(between, stack)
    volume_cc = (sum(areas) + area_sum) * stack.slice_spacing_mm / MM3_IN_CC
    if volume_cc >= LARGEST_CC - 1:
        return None
    error_cc = _estimate_error_cc(polygons, areas, stack)
    if between and error_cc is not None:
        straight = _sum_areas(interpolate_slices(polygons, stack, neighbors=1), stack)
        error_cc = math.hypot(error_cc, (area_sum - straight) * stack.slice_spacing_mm / MM3_IN_CC)
    return MeasuredVolume(
        volume_cc=round_to_recorded_cc(volume_cc),
        standard_error_cc=error_cc,
        drawn=len(polygons),
        interpolated=len(between),
        contours=sum(map(len, polygons.values())),
    )


def interpolate_slices(
    polygons: Mapping[int, Parts], stack: Stack, *, neighbors: int = 2
) -> Mapping[int, Parts]:
    """Return the outlines on the slices between contours that have none, by their index.

    One slice may have several outlines, or none where the shapes next to it do not overlap.

    Parameters
    ----------
    polygons, stack
        As for `measure_volume`.
    neighbors
        Number of slices with a contour, on each side, through which the polynomial runs.
    """
    sorted_places = sorted(polygons)
    missing = [
        index for index in range(sorted_places[0], sorted_places[-1]) if index not in polygons
    ]
    if not missing:
        return {}
    corners = np.concatenate([polygon for parts in polygons.values() for polygon in parts])
    origin = np.floor(corners.min(axis=0)) - MARGIN_PX
    size = np.ceil(corners.max(axis=0)) + MARGIN_PX - origin
    distances = {
        index: _map_distances(polygons[index], origin, size, stack) for index in sorted_places
    }
    outlines = {}
    for index in missing:
        near = [k for k in sorted_places if k < index][-neighbors:] + [
            k for k in sorted_places if k > index
        ][:neighbors]
        level = sum(
            math.prod(
                (index - near_place) / (k - near_place) for near_place in near if near_place != k
            )
            * distances[k]
            for k in near
        )
        outlines[index] = _trace_outlines(np.asarray(level), origin)
    return outlines


def _sum_areas(outlines: Mapping[int, Parts], stack: Stack) -> float:
    return sum(compute_enclosed_area(parts, stack.spacing_mm) for parts in outlines.values())


def _map_distances(parts: Parts, origin: FloatArray, size: FloatArray, stack: Stack) -> FloatArray:
    """Return signed distances in mm to the polygons of a slice on a fine grid, positive inside."""
    columns, rows = (int(extent) * FINE + 1 for extent in size)
    fine_parts = ((np.asarray(polygon) - origin) * FINE for polygon in parts)
    mask = fill_polygons(fine_parts, (rows, columns))
    depths_mm = measure_depths_mm(mask, [spacing / FINE for spacing in stack.spacing_mm])
    return depths_mm + min(stack.spacing_mm) / FINE / 2  # 0 lies on the outermost points inside


def _trace_outlines(level: FloatArray, origin: FloatArray) -> Parts:
    from skimage.measure import approximate_polygon, find_contours

    outlines = []
    for line in find_contours(level, 0.0):
        corners = approximate_polygon(line, tolerance=0.5)[:-1] / FINE
        if len(corners) > 2:
            corner_points = corners[:, ::-1] + origin
            outlines.append(tuple((float(column), float(row)) for column, row in corner_points))
    return tuple(outlines)


def _estimate_error_cc(
    polygons: Mapping[int, Parts], areas: Sequence[float], stack: Stack
) -> float | None:
    """Return the standard error of a volume in cc; None for fewer than three contours."""
    if len(areas) < FEWEST_FOR_ERROR:
        return None
    sorted_places = sorted(polygons)
    distance_mm = (
        stack.slice_spacing_mm * (sorted_places[-1] - sorted_places[0]) / (len(sorted_places) - 1)
    )
    a = np.asarray(areas)
    squares, nexts, seconds = a @ a, a[:-1] @ a[1:], a[:-2] @ a[2:]
    spacing = max(0.0, float(3 * squares - 4 * nexts + seconds)) / SMOOTH
    pixel_mm = math.sqrt(stack.spacing_mm[0] * stack.spacing_mm[1]) / math.sqrt(12)
    edge = sum(
        (compute_perimeter(polygon, stack.spacing_mm) * pixel_mm) ** 2
        for parts in polygons.values()
        for polygon in parts
    )
    return distance_mm * math.sqrt(spacing + edge) / MM3_IN_CC
