"""The vertebral body around a seed: walls and endplates, as curves in the frame of the seed.

The posterior wall is followed along the whole patch, through the neighbouring vertebrae, so that
it is known where a lesion hides it. The front of the cerebrospinal fluid, bright on T2 with fat
suppression or STIR, bounds it from behind.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy import ndimage

from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.imaging import SeriesRole
from opp_mri.suggestion.images import FRONT_MM, STEP_MM, SlicePatches, compute_axis_mm
from opp_mri.suggestion.paths import compute_step_evidence, smooth_path

AVERAGED_MM: Final = 5.0  # slices this near to the middle one are averaged
WALL_BEHIND_SEED_MM: Final = (1.0, 30.0)
WALL_TO_FLUID_MM: Final = (1.0, 6.5)
DEPTH_MM: Final = (14.0, 42.0)  # of a vertebral body
HEIGHT_MM: Final = (9.0, 36.0)
BRIGHT_ROW: Final = 0.80  # of the level of marrow: a row below it holds no bone
TILT_MM: Final = 20.0  # of the canal above and below the seed, which give the AP axis
FIRST_WALL: Final = 0.4  # of the strongest: fat in front of the wall ends in an edge as well
CUT_MARGIN_MM: Final = 4.0
LEAST_FLUID_STEP: Final = 0.18  # of the bright level of the patch

Mask = NDArray[np.bool_]


@frozen(kw_only=True, eq=False)
class Body:
    """The outline of a vertebral body in the sagittal plane, mm in the frame of the seed.

    Parameters
    ----------
    back_mm, front_mm
        Posterior and anterior wall, u at each v of the patch.
    top_mm, bottom_mm
        Endplates, v at each u of the patch.
    interior
        Mask (v, u) of the body within its cortex.
    neighbours
        Mask (v, u) of the marrow of the neighbouring bodies, away from their edges.
    marrow_level
        Typical T1 signal of marrow.
    cut
        Rows and columns of the patch that hold the body, with a margin.
    """

    back_mm: FloatArray
    front_mm: FloatArray
    top_mm: FloatArray
    bottom_mm: FloatArray
    interior: Mask = field(repr=False)
    neighbours: Mask = field(repr=False)
    marrow_level: float
    cut: tuple[slice, slice]

    def compute_axes_mm(self) -> tuple[FloatArray, FloatArray]:
        """Return v and u of the part of the patch that holds the body."""
        v_mm, u_mm = compute_axis_mm()
        return v_mm[self.cut[0]], u_mm[self.cut[1]]


def find_body(patches: Mapping[SeriesRole, SlicePatches], across_mm: float = 0.0) -> Body | None:
    """Outline the vertebral body that holds the seed.

    Parameters
    ----------
    patches
        Of the sequences of a visit; T1 among them, and T2 with fat suppression or STIR.
    across_mm
        Where to look, mm from the seed along the normal: the canal is not seen next to it.

    Returns
    -------
    Body or None
        None where walls or endplates are not recognized.
    """
    t1 = patches.get(SeriesRole.T1)
    fluid = patches.get(SeriesRole.T2FS) or patches.get(SeriesRole.STIR)
    if t1 is None or fluid is None or not t1.slices or not fluid.slices:
        return None
    path_mm = _follow_fluid_front(_compute_mean_slice(fluid, across_mm))
    return None if path_mm is None else _outline_body(patches, t1, path_mm, across_mm)


def measure_canal_tilt(patches: Mapping[SeriesRole, SlicePatches]) -> float | None:
    """Return how far the canal leans at the seed: mm towards posterior for each mm down the spine.

    Parameters
    ----------
    patches
        T2 with fat suppression or STIR among them.

    Returns
    -------
    float or None
        None where the canal is not recognized.
    """
    fluid = patches.get(SeriesRole.T2FS) or patches.get(SeriesRole.STIR)
    if fluid is None or not fluid.slices:
        return None
    path_mm = _follow_fluid_front(_compute_mean_slice(fluid, 0.0))
    if path_mm is None:
        return None
    v_mm, _ = compute_axis_mm()
    near = np.abs(v_mm) < TILT_MM
    return float(np.polynomial.polynomial.polyfit(v_mm[near], path_mm[near], 1)[1])


def _outline_body(
    patches: Mapping[SeriesRole, SlicePatches],
    t1: SlicePatches,
    fluid_mm: FloatArray,
    across_mm: float,
) -> Body | None:
    v_mm, u_mm = compute_axis_mm()
    bright = _compute_mean_slice(t1, across_mm)
    before_fluid = fluid_mm[:, None] - u_mm[None, :]
    corridor = (before_fluid > 5.0) & (before_fluid < 18.0)
    level = float(np.percentile(bright[corridor], 75))
    bone = _compute_bone_image(patches, bright / level, across_mm)
    back_mm = _find_back_wall(np.minimum(bright / level, 1.1), fluid_mm)
    front_mm = _find_front_wall(bone, back_mm)
    if front_mm is None:
        return None
    rows = _find_bone_rows(bone, front_mm, back_mm)
    labels, _ = ndimage.label(rows)
    own = labels[int(np.argmin(np.abs(v_mm)))]
    if not own:
        return None
    run = v_mm[labels == own]
    if not HEIGHT_MM[0] <= run[-1] - run[0] <= HEIGHT_MM[1]:
        return None
    if run[0] <= v_mm[0] + STEP_MM or run[-1] >= v_mm[-1] - STEP_MM:
        return None
    top_mm, bottom_mm = (
        _find_endplate(bone, front_mm, back_mm, float(edge), upwards=upwards)
        for edge, upwards in ((run[0], True), (run[-1], False))
    )
    within = (u_mm > front_mm[:, None]) & (u_mm < back_mm[:, None])
    interior = within & (v_mm[:, None] > top_mm) & (v_mm[:, None] < bottom_mm)
    if not interior.any():
        return None
    inner = (u_mm > front_mm[:, None] + 2.5) & (u_mm < back_mm[:, None] - 2.5)
    other_labels = ndimage.binary_erosion(rows & (labels != own), iterations=round(3.0 / STEP_MM))
    return Body(
        back_mm=back_mm,
        front_mm=front_mm,
        top_mm=top_mm,
        bottom_mm=bottom_mm,
        interior=interior,
        neighbours=inner & other_labels[:, None],
        marrow_level=level,
        cut=_cut_around(interior),
    )


def _cut_around(interior: Mask) -> tuple[slice, slice]:
    margin = round(CUT_MARGIN_MM / STEP_MM)
    cuts = []
    for axis in (1, 0):
        places = np.flatnonzero(interior.any(axis=axis))
        first, last = (int(places[0]), int(places[-1])) if len(places) else (0, 0)
        cuts.append(slice(max(first - margin, 0), last + margin + 1))
    return cuts[0], cuts[1]


def _compute_mean_slice(patches: SlicePatches, across_mm: float) -> FloatArray:
    distance = np.abs(patches.across_mm - across_mm)
    near = distance <= max(AVERAGED_MM, float(distance.min()))
    mean: FloatArray = patches.values[near].mean(axis=0, dtype=np.float64)
    return mean


def _follow_wall(evidence: FloatArray, *, stiffness: float) -> FloatArray:
    """Follow a wall on every other row, where it changes little, and interpolate the rest."""
    rows = np.arange(0, len(evidence), 2)
    path: FloatArray = np.interp(
        np.arange(len(evidence)), rows, smooth_path(evidence[rows], stiffness=stiffness)
    )
    return path


def _follow_fluid_front(image: FloatArray) -> FloatArray | None:
    """Follow the front of the fluid down the canal; None where there is none to follow."""
    _, u_mm = compute_axis_mm()
    ceiling = float(np.percentile(image[:, u_mm > 0], 97))
    if ceiling <= 0:
        return None
    rise = -compute_step_evidence(np.minimum(image / ceiling, 1.0), 4, 8)
    low, high = WALL_BEHIND_SEED_MM[0] + 1.0, WALL_BEHIND_SEED_MM[1] + 4.0
    allowed_rise = np.where((u_mm > low) & (u_mm < high), rise, -np.inf)
    path = _follow_wall(allowed_rise, stiffness=0.15)
    strength = rise[np.arange(len(path)), np.rint(path).astype(int)]
    if float(np.median(strength)) < LEAST_FLUID_STEP:
        return None
    front: FloatArray = path * STEP_MM - FRONT_MM
    return front


def _compute_bone_image(
    patches: Mapping[SeriesRole, SlicePatches], bright: FloatArray, across_mm: float
) -> FloatArray:
    """Return an image on which marrow and an enhancing lesion are near 1, and cortex is dark."""
    post = patches.get(SeriesRole.T1POST)
    bone = np.minimum(bright, 1.1)
    if post is not None and post.slices:
        v_mm, u_mm = compute_axis_mm()
        post_image = _compute_mean_slice(post, across_mm)
        near = (np.abs(v_mm)[:, None] < 1.5) & (np.abs(u_mm)[None, :] < 1.5)
        level = float(np.median(post_image[near]))
        if level > 0:
            bone = np.maximum(bone, np.minimum(post_image / level, 1.0))
    return bone


def _find_back_wall(bone: FloatArray, fluid_mm: FloatArray) -> FloatArray:
    _, u_mm = compute_axis_mm()
    fall = compute_step_evidence(bone, 5, 3)
    gap = fluid_mm[:, None] - u_mm[None, :]
    allowed_fall = np.where(
        (gap >= WALL_TO_FLUID_MM[0]) & (gap <= WALL_TO_FLUID_MM[1]), fall, -np.inf
    )
    back: FloatArray = _follow_wall(allowed_fall, stiffness=0.08) * STEP_MM - FRONT_MM
    return back


def _find_front_wall(bone: FloatArray, back_mm: FloatArray) -> FloatArray | None:
    """Follow the anterior wall: first the depth that fits all rows, then the wall around it."""
    v_mm, u_mm = compute_axis_mm()
    fall = -compute_step_evidence(bone, 3, 5)  # from bone, which lies behind, to what is in front
    depths = np.arange(DEPTH_MM[0], DEPTH_MM[1], STEP_MM)
    columns = (back_mm[:, None] - depths[None, :] + FRONT_MM) / STEP_MM
    inside = columns >= 1
    rows = np.arange(len(v_mm))[:, None]
    wall_values = fall[rows, np.clip(np.rint(columns).astype(int), 0, len(u_mm) - 1)]
    weight = np.exp(-((v_mm / 30.0) ** 2))[:, None] * inside
    mean = (wall_values * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9)
    mean[weight.sum(axis=0) < 0.7 * weight[:, 0].sum()] = -np.inf
    if not mean.max() > 0:  # nowhere does bone end
        return None
    strong = np.flatnonzero(mean >= FIRST_WALL * mean.max())
    nearest = strong[: 1 + int(np.argmax(np.append(np.diff(strong), 2) > 1))]  # the first group
    depth = depths[nearest[int(np.argmax(mean[nearest]))]]
    around = np.abs(back_mm[:, None] - depth - u_mm[None, :]) <= 5.0
    if not around.any(axis=1).all():
        return None
    path = _follow_wall(np.where(around, fall, -np.inf), stiffness=0.08)
    front: FloatArray = path * STEP_MM - FRONT_MM
    return front


def _find_bone_rows(bone: FloatArray, front_mm: FloatArray, back_mm: FloatArray) -> Mask:
    """Return which rows hold bone rather than disc."""
    _, u_mm = compute_axis_mm()
    within = (u_mm > front_mm[:, None] + 2.0) & (u_mm < back_mm[:, None] - 2.0)
    sorted_bone = np.sort(np.where(within, bone, np.inf), axis=1)
    rank = np.floor(0.8 * np.maximum(within.sum(axis=1) - 1, 0)).astype(int)
    profile = sorted_bone[np.arange(len(bone)), rank]
    profile = np.where(np.isfinite(profile), profile, 0.0)
    rows: Mask = ndimage.gaussian_filter1d(profile, 1.0) > BRIGHT_ROW
    return ndimage.binary_opening(rows, iterations=4)


def _find_endplate(
    bone: FloatArray, front_mm: FloatArray, back_mm: FloatArray, edge_mm: float, *, upwards: bool
) -> FloatArray:
    """Follow an endplate from wall to wall, near a row."""
    v_mm, u_mm = compute_axis_mm()
    image = bone.T
    fall = -compute_step_evidence(image, 3, 5) if upwards else compute_step_evidence(image, 5, 3)
    row = int(np.argmin(np.abs(v_mm - edge_mm)))
    allowed_fall = np.where(np.abs(v_mm - edge_mm)[None, :] <= 5.0, fall, -np.inf)
    between = np.flatnonzero((u_mm >= front_mm[row]) & (u_mm <= back_mm[row]))
    path = smooth_path(allowed_fall[between], stiffness=0.06) * STEP_MM + v_mm[0]
    endplate: FloatArray = np.interp(u_mm, u_mm[between], path)
    return endplate
