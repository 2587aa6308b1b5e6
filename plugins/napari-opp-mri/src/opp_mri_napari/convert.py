"""From the core's records to what napari draws: pure, without napari and without Qt.

Layers are placed in mm from the first voxel, turned so that a sagittal image has the head at the
top and anterior at the left. Only the order of the voxels changes, never their values.
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.geometry import FloatArray, Vector3, VolumeGeometry

if TYPE_CHECKING:  # it brings matplotlib, which the reading room starts without
    from opp_mri.workflow.registration.align_review import FitImages

Colour = tuple[float, float, float]
# orange and blue, distinguishable with all common kinds of colour vision; together they make white
BASELINE_COLOUR: Final[Colour] = (1.0, 0.6, 0.1)
FOLLOWUP_COLOUR: Final[Colour] = (0.0, 0.4, 0.9)
WHITE: Final[Colour] = (1.0, 1.0, 1.0)

WINDOW_QUANTILES: Final = (0.01, 0.99)
STEEP: Final = 0.5  # share of an in-plane axis along the body from which a slice is not axial
TICK_FROM_MM, TICK_TO_MM = 34.0, 28.0  # outside the vertebra that the fit is about
LETTERS: Final = (("R", "L"), ("A", "P"), ("F", "H"))  # of LPS axes, towards minus and plus


@frozen(kw_only=True)
class Upright:
    """How the axes of a grid are turned for the screen.

    Parameters
    ----------
    vertical
        Index axis that runs down the screen, 1 (j) or 2 (i).
    flip_vertical, flip_horizontal
        Whether that axis, and the other one, run the other way.
    """

    vertical: int
    flip_vertical: bool
    flip_horizontal: bool

    @property
    def axes(self) -> tuple[int, int, int]:
        """Index axes in the order slice, down, across."""
        return (0, self.vertical, 3 - self.vertical)


@frozen(kw_only=True, eq=False)
class ImageLayer:
    """One image as napari takes it.

    Parameters
    ----------
    data
        Shape (slices, down, across).
    scale
        Size of a voxel in mm along these.
    contrast_limits
        Values that are drawn black and in full colour.
    """

    name: str
    data: NDArray[Any] = field(repr=False)
    scale: Vector3
    contrast_limits: tuple[float, float]


def find_upright(grid: VolumeGeometry) -> Upright:
    """Find how to turn a grid: head at the top; anterior (or else the patient's right) at left.

    Axial slices have anterior at the top.
    """
    in_plane = grid.directions[1:]
    axial = bool(np.abs(in_plane[:, 2]).max() < STEEP)
    row = int(np.argmax(np.abs(in_plane[:, 1 if axial else 2])))
    down, across = in_plane[row], in_plane[1 - row]
    return Upright(
        vertical=row + 1,
        flip_vertical=bool(down[1] < 0 if axial else down[2] > 0),
        flip_horizontal=bool(across[np.argmax(np.abs(across))] < 0),
    )


def turn_voxels(voxels: NDArray[Any], turn: Upright) -> NDArray[Any]:
    """Return voxels, shape (k, j, i), as (slices, down, across): a view, not a copy."""
    vertical = slice(None, None, -1 if turn.flip_vertical else 1)
    horizontal = slice(None, None, -1 if turn.flip_horizontal else 1)
    return voxels.transpose(turn.axes)[:, vertical, horizontal]


def scale_mm(grid: VolumeGeometry, turn: Upright) -> Vector3:
    """Return the size of a voxel along (slices, down, across) in mm."""
    k, down, across = (float(grid.spacing_kji_mm[axis]) for axis in turn.axes)
    return (k, down, across)


def convert_to_screen_mm(grid: VolumeGeometry, turn: Upright, point_lps_mm: Vector3) -> Vector3:
    """Return where a point lies among the layers: (slices, down, across) in mm."""
    index = grid.kji_from_lps(np.asarray(point_lps_mm))[list(turn.axes)]
    last = np.asarray(grid.shape_kji)[list(turn.axes)] - 1
    is_flipped = (False, turn.flip_vertical, turn.flip_horizontal)
    k, down, across = (np.where(is_flipped, last - index, index) * scale_mm(grid, turn)).tolist()
    return (k, down, across)


def find_screen_letters(grid: VolumeGeometry, turn: Upright) -> tuple[str, str, str, str]:
    """Return the letters of the patient's directions at the left, right, top and bottom."""
    _, vertical, horizontal = turn.axes
    right = grid.directions[horizontal] * (-1 if turn.flip_horizontal else 1)
    bottom = grid.directions[vertical] * (-1 if turn.flip_vertical else 1)
    return _letter(-right), _letter(right), _letter(-bottom), _letter(bottom)


def build_image_layers(images: "FitImages", *, by_fit: bool) -> tuple[ImageLayer, ImageLayer]:
    """Return baseline and follow-up, windowed each separately, on the baseline's slices.

    Parameters
    ----------
    by_fit
        The follow-up by the fit, or by the coordinates of its header. Its window is the same.
    """
    turn = find_upright(images.grid)
    scale = scale_mm(images.grid, turn)
    limits = _choose_window(images.after)
    followup = images.after if by_fit else images.before
    # where the follow-up does not reach it adds nothing
    followup_values = np.nan_to_num(followup, nan=limits[0])
    return (
        ImageLayer(
            name="Baseline",
            data=turn_voxels(images.baseline, turn),
            scale=scale,
            contrast_limits=_choose_window(images.baseline),
        ),
        ImageLayer(
            name="Follow-up",
            data=turn_voxels(followup_values, turn),
            scale=scale,
            contrast_limits=limits,
        ),
    )


def build_ticks(centre_mm: tuple[float, float]) -> FloatArray:
    """Return four short lines that point at a place without covering it, as napari's vectors.

    Parameters
    ----------
    centre_mm
        (down, across) in mm; they are drawn on every slice.

    Returns
    -------
    ndarray
        Shape (4, 2, 2): start and run of each, mm.
    """
    outward = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)], dtype=np.float64)
    starts = np.asarray(centre_mm) + TICK_FROM_MM * outward
    return np.stack([starts, (TICK_TO_MM - TICK_FROM_MM) * outward], axis=1)


def _letter(direction: FloatArray) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return LETTERS[axis][int(direction[axis] > 0)]


def _choose_window(values: NDArray[Any]) -> tuple[float, float]:
    finite_values = values[np.isfinite(values)]
    if finite_values.size == 0:
        return (0.0, 1.0)
    low, high = (float(x) for x in np.quantile(finite_values, WINDOW_QUANTILES))
    return (low, high if high > low else low + 1.0)
