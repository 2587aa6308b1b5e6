"""Between native pixels and the screen: pure, the only place that turns or flips an image."""

from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import ImagePlane, Vector3, VolumeGeometry
from opp_mri.domain.measurement import PixelPoint
from opp_mri_napari.convert import Upright, find_screen_letters, find_upright, scale_mm, turn_voxels

ScreenPoint = tuple[float, float]  # down, across in mm

SAMPLED: Final = 200_000  # values that a window is taken from
WIDTH_PER_PX: Final = 1.005  # a drag by a pixel across widens the window by this factor
LEVEL_PER_PX: Final = 0.003  # and a drag by a pixel down moves its level by this share of the width


@frozen(kw_only=True, eq=False)
class PaneGeometry:
    """How the images of one volume lie on the screen: head up, anterior at the left.

    Parameters
    ----------
    turn
        How pixels are turned and flipped; the same for all images of the volume.
    last_pixel
        Last row and last column.
    spacing_mm
        Distance between rows and between columns (PixelSpacing, in its order).
    scale_mm
        Size of a voxel along (slices, down, across); slices count as 1 mm where their distance
        is unknown, which nothing is measured along.
    letters
        Patient directions at left, right, top and bottom.
    """

    turn: Upright
    last_pixel: tuple[int, int]
    spacing_mm: tuple[float, float]
    scale_mm: Vector3
    letters: tuple[str, str, str, str]
    _flips: tuple[bool, bool] = field(alias="flips")

    def screen_from_pixel(self, point: PixelPoint) -> ScreenPoint:
        """Return (down, across) in mm of a pixel point (column, row)."""
        row_mm, column_mm = (
            (last - index if flip else index) * spacing
            for index, last, flip, spacing in zip(
                point[::-1], self.last_pixel, self._flips, self.spacing_mm, strict=True
            )
        )
        return (row_mm, column_mm) if self.turn.vertical == 1 else (column_mm, row_mm)

    def pixel_from_screen(self, place: ScreenPoint) -> PixelPoint:
        """Return the pixel point (column, row) at (down, across) in mm."""
        in_order = place if self.turn.vertical == 1 else place[::-1]
        row, column = (
            last - mm / spacing if flip else mm / spacing
            for mm, last, flip, spacing in zip(
                in_order, self.last_pixel, self._flips, self.spacing_mm, strict=True
            )
        )
        return (column, row)

    def turn_images(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return images, shape (frames, rows, columns), as (frames, down, across): a view."""
        return turn_voxels(images, self.turn)


def build_pane_geometry(plane: ImagePlane, slice_spacing_mm: float | None) -> PaneGeometry:
    """Find how the images of a volume are turned for the screen."""
    grid = VolumeGeometry(
        frame_of_reference_uid=plane.frame_of_reference_uid,
        origin_lps_mm=plane.position_lps_mm,
        directions=np.array([plane.normal, plane.column_direction, plane.row_direction]),
        spacing_kji_mm=(slice_spacing_mm or 1.0, plane.row_spacing_mm, plane.column_spacing_mm),
        shape_kji=(1, plane.rows, plane.columns),
    )
    turn = find_upright(grid)
    down_is_row = turn.vertical == 1
    return PaneGeometry(
        turn=turn,
        last_pixel=(plane.rows - 1, plane.columns - 1),
        spacing_mm=(plane.row_spacing_mm, plane.column_spacing_mm),
        scale_mm=scale_mm(grid, turn),
        letters=find_screen_letters(grid, turn),
        flips=(turn.flip_vertical, turn.flip_horizontal)
        if down_is_row
        else (turn.flip_horizontal, turn.flip_vertical),
    )


def find_direction_to_left(plane: ImagePlane) -> int:
    """Return 1 where later slices lie further to the patient's left (or back, or up), else -1."""
    normal = plane.normal
    return 1 if max(normal, key=abs) > 0 else -1


def choose_window(images: NDArray[Any]) -> tuple[float, float]:
    """Return the values that are drawn black and white: nearly all of them lie between."""
    step = images.size // SAMPLED | 1  # odd, so that it does not run down one column
    low, high = (float(x) for x in np.quantile(images.reshape(-1)[::step], (0.01, 0.995)))
    return (low, high if high > low else low + 1.0)
