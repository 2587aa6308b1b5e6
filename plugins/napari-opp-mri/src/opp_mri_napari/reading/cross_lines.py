"""Cross-reference lines: where the images of two panes cut each other."""

from typing import Final

import numpy as np

from opp_mri.domain.geometry import ImagePlane, Vector3, multiply_scalar
from opp_mri_napari.reading.basics.views import Mark, MarkStyle
from opp_mri_napari.reading.panes import Pane, Panes

PARALLEL_COS: Final = 0.94  # twenty degrees: images that are nearly parallel have no useful line


def build_cross_marks(pane: Pane, panes: Panes) -> tuple[Mark, ...]:
    """Give the line along which the active pane's image, or on that one the other, cuts a pane."""
    source = panes.current
    if source is pane:
        source = next((other_pane for other_pane in panes.panes if other_pane.aside), None)
    if source is None or source is pane or pane.geometry is None:
        return ()
    plane, source_plane = pane.plane, source.plane
    if plane is None or source_plane is None:
        return ()
    transform = panes.linking(pane.frame, source.frame)
    if transform is None:
        return ()
    normal = transform.matrix[:3, :3] @ np.asarray(source_plane.normal)
    if abs(
        multiply_scalar(plane.normal, (float(normal[0]), float(normal[1]), float(normal[2])))
    ) > (PARALLEL_COS):
        return ()
    corners = [
        _convert_to_vector(transform.apply(np.asarray(corner)).tolist())
        for corner in _list_corners(source_plane)
    ]
    cuts = _find_cuts(plane, corners)
    if len(cuts) != 2:
        return ()
    start, end = (
        pane.geometry.screen_from_pixel(plane.pixel_from_lps(cut_lps_mm)) for cut_lps_mm in cuts
    )
    return (Mark(style=MarkStyle.CROSS, start=start, end=end),)


def _list_corners(plane: ImagePlane) -> list[Vector3]:
    """Return the corners of an image in order, LPS mm."""
    right, bottom = plane.columns - 0.5, plane.rows - 0.5
    return [
        plane.lps_from_pixel(column, row)
        for column, row in ((-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom))
    ]


def _find_cuts(plane: ImagePlane, corners: list[Vector3]) -> list[Vector3]:
    """Return the points where the edges between corners go through a plane."""
    cuts = []
    for corner, next_corner in zip(corners, corners[1:] + corners[:1], strict=True):
        first, last = plane.measure_distance_mm(corner), plane.measure_distance_mm(next_corner)
        if (first < 0) != (last < 0):
            share = first / (first - last)
            cuts.append(
                _convert_to_vector(
                    [a + share * (b - a) for a, b in zip(corner, next_corner, strict=True)]
                )
            )
    return cuts


def _convert_to_vector(values: list[float]) -> Vector3:
    x, y, z = values
    return (x, y, z)
