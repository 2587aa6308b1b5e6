"""Line a follow-up up on a baseline around a point, or judge how well it is.

The order: local normalisation; a search of the whole follow-up for the surroundings of the centre,
over rotations and several levels; every level refined; the best one polished on the vertebra. All
of it again from follow-up to baseline. The answer lies halfway between the two directions.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from attrs import frozen
from scipy.spatial.transform import Rotation

from opp_mri.domain.geometry import FloatArray, Vector3, Volume
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import GeometryError
from opp_mri.registration import estimate as estimation
from opp_mri.registration import layers, quality, search
from opp_mri.registration import refine as refinement
from opp_mri.registration.estimate import (
    LEAST_OVERLAP,
    Estimate,
    Region,
    View,
    estimate,
    polish,
)
from opp_mri.registration.layers import inverse
from opp_mri.registration.quality import Numbers, judged
from opp_mri.registration.refine import block_shifts, make_template, refine, similarity

ALGORITHM_VERSION = "1"

NOD_DEG = (-12.0, -6.0, 0.0, 6.0, 12.0)  # about the left-right axis, tried first
WIDE_NOD_DEG = (-16.0, -8.0, 0.0, 8.0, 16.0)
SIDE_DEG = (-10.0, 0.0, 10.0)  # about the other two, tried where the first did not do
HOLE_MARGIN_MM = 1.5  # the edge of a lesion is not sharp
LEAST_SLICES = 3
HALFWAY_WITHIN_MM = 3.0  # directions that differ by more are not averaged
BLOCK_STEPS = 4
DETAIL_THINNED = 5  # one point of so many tells as much
RIVALS = 2  # other places that are looked at in detail
RIVAL_STEPS = 6
NEAR_MM = 15.0  # the two directions are compared at the centre and this far around it

FIRST_TURNS = tuple(np.radians((nod, 0.0, 0.0)) for nod in NOD_DEG)
ALL_TURNS = tuple(np.radians(turn) for turn in itertools.product(WIDE_NOD_DEG, SIDE_DEG, SIDE_DEG))


@frozen(kw_only=True, eq=False)
class _Both:
    """Both directions; matrices are (4, 4), moving from fixed."""

    forward: Estimate
    backward: Estimate | None
    followup_from_baseline: FloatArray
    baseline_from_followup: FloatArray


def align(
    baseline: Volume,
    followup: Volume,
    *,
    centre_lps_mm: Vector3 | None = None,
    lesion_radius_mm: float = 0.0,
) -> Fit:
    """Line a follow-up up on a baseline.

    Parameters
    ----------
    baseline, followup
        Volumes of the same sequence; their header coordinates are not compared.
    centre_lps_mm
        The lesion, in baseline coordinates: the fit is best there. None takes the common field
        of view as a whole.
    lesion_radius_mm
        Around the centre this is left out, as it may have changed.

    Returns
    -------
    Fit
        Always with a transform, the best guess; heed its verdict.

    Raises
    ------
    GeometryError
        A volume has too few slices, no signal, or does not hold the centre.
    """
    fixed, moving, centre, region, hole = _views(
        baseline, followup, centre_lps_mm, lesion_radius_mm
    )
    fit: Fit | None = None
    for turns in (FIRST_TURNS, ALL_TURNS):
        both = _both_ways(fixed, moving, centre, region, hole, turns)
        if both is None:
            continue
        at = centre if centre_lps_mm is not None else _common_centre(fixed, moving, both)
        tried = _fit(fixed, moving, at, region, hole, both, _halfway(both, at))
        if fit is None or _rank(tried) > _rank(fit):
            fit = tried
        if fit.verdict is Verdict.GOOD:
            break
    return fit or _nothing(fixed, moving, centre)


def judge(
    baseline: Volume,
    followup: Volume,
    baseline_from_followup: RigidTransform,
    *,
    centre_lps_mm: Vector3 | None = None,
    lesion_radius_mm: float = 0.0,
) -> Fit:
    """Give the numbers and the verdict of a transform that came from elsewhere.

    Parameters
    ----------
    baseline, followup, centre_lps_mm, lesion_radius_mm
        As for `align`.
    baseline_from_followup
        What is judged; it is not changed.

    Raises
    ------
    GeometryError
        As for `align`, or the transform joins other frames of reference.
    """
    frames = (
        baseline.geometry.frame_of_reference_uid,
        followup.geometry.frame_of_reference_uid,
    )
    if frames != (
        baseline_from_followup.to_frame_of_reference_uid,
        baseline_from_followup.from_frame_of_reference_uid,
    ):
        raise GeometryError(
            "This transform joins other images: its frames of reference are not those of this "
            "baseline and follow-up."
        )
    fixed, moving, centre, region, hole = _views(
        baseline, followup, centre_lps_mm, lesion_radius_mm
    )
    both = _both_ways(fixed, moving, centre, region, hole, FIRST_TURNS)
    if both is None:
        return _nothing(fixed, moving, centre)
    return _fit(fixed, moving, centre, region, hole, both, baseline_from_followup.inverse().matrix)


def parameters() -> dict[str, float]:
    """Give the constants that a stored fit depends on, by name."""
    found = {}
    for module in (layers, search, refinement, estimation, quality):
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, int | float):
                found[f"{module.__name__.rsplit('.', 1)[1]}.{name.lower()}"] = float(value)
    return found


def _views(
    baseline: Volume, followup: Volume, centre_lps_mm: Vector3 | None, lesion_radius_mm: float
) -> tuple[View, View, FloatArray, Region, float]:
    for name, volume in (("baseline", baseline), ("follow-up", followup)):
        if volume.geometry.shape_kji[0] < LEAST_SLICES:
            raise GeometryError(
                f"The {name} has {volume.geometry.shape_kji[0]} slices; lining up in three "
                f"dimensions needs at least {LEAST_SLICES}."
            )
        if not float(np.ptp(volume.voxels)) > 0:
            raise GeometryError(f"The {name} shows nothing: all its voxels are alike.")
    fixed, moving = View(volume=baseline), View(volume=followup)
    if centre_lps_mm is None:
        middle = (np.array(baseline.geometry.shape_kji) - 1) / 2
        return fixed, moving, baseline.geometry.lps_from_kji(middle), estimation.WHOLE, 0.0
    centre = np.array(centre_lps_mm)
    kji = baseline.geometry.kji_from_lps(centre)
    if ((kji < -1) | (kji > np.array(baseline.geometry.shape_kji))).any():
        raise GeometryError(
            "The lesion lies outside the baseline's images: check its place or its baseline."
        )
    hole = lesion_radius_mm + HOLE_MARGIN_MM if lesion_radius_mm > 0 else 0.0
    return fixed, moving, centre, estimation.VERTEBRA, hole


def _both_ways(
    fixed: View,
    moving: View,
    centre: FloatArray,
    region: Region,
    hole: float,
    turns: tuple[FloatArray, ...],
) -> _Both | None:
    forward = estimate(fixed, moving, centre, region, hole, turns)
    if forward is None:
        return None
    there = forward.best.lays(centre)
    backward = estimate(moving, fixed, there, region, hole, turns)
    ahead = polish(fixed, moving, centre, region, hole, forward.best.moving_from_fixed)
    if backward is None:
        back = inverse(ahead)
    else:
        back = polish(moving, fixed, there, region, hole, backward.best.moving_from_fixed)
    return _Both(
        forward=forward,
        backward=backward,
        followup_from_baseline=ahead,
        baseline_from_followup=back,
    )


def _halfway(both: _Both, centre: FloatArray) -> FloatArray:
    """Give the motion halfway between the directions, or the forward one where they differ."""
    ahead = both.followup_from_baseline
    loop = both.baseline_from_followup @ ahead
    here = np.append(centre, 1.0)
    shift = (loop @ here - here)[:3]
    if float(np.linalg.norm(shift)) > HALFWAY_WITHIN_MM:
        return ahead
    # the loop is nearly nothing, so half of it is half its turn about the centre and half its shift
    turn = Rotation.from_matrix(loop[:3, :3]).as_rotvec()
    half = np.eye(4)
    half[:3, :3] = Rotation.from_rotvec(-turn / 2).as_matrix()
    half[:3, 3] = centre - shift / 2 - half[:3, :3] @ centre
    halfway: FloatArray = ahead @ half
    return halfway


def _fit(
    fixed: View,
    moving: View,
    centre: FloatArray,
    region: Region,
    hole: float,
    both: _Both,
    followup_from_baseline: FloatArray,
) -> Fit:
    """Measure a motion against what both directions found."""
    there = (followup_from_baseline @ np.append(centre, 1.0))[:3]
    template = make_template(fixed.detail(centre, region), centre, region.middle, hole)
    template = template.thin(DETAIL_THINNED)
    image = moving.detail(there, region)
    before, _ = similarity(template, moving.detail(centre, region), np.eye(4))
    after, overlap = similarity(template, image, followup_from_baseline)
    shifts = block_shifts(template, image, followup_from_baseline, BLOCK_STEPS)
    best_rival: tuple[float, FloatArray] | None = None
    for start, away in _rivals(both, centre, there):
        elsewhere = moving.detail((start @ np.append(centre, 1.0))[:3], region)
        placed = refine(template, elsewhere, start, RIVAL_STEPS)
        alike, shared = similarity(template, elsewhere, placed)
        if shared >= LEAST_OVERLAP and (best_rival is None or alike > best_rival[0]):
            best_rival = alike, away
    numbers = Numbers(
        similarity_before=before,
        similarity=after,
        level_margin=after - best_rival[0] if best_rival else None,
        inverse_consistency_mm=_inconsistency_mm(both, centre, followup_from_baseline),
        block_residual_mm=(
            float(np.median(np.linalg.norm(shifts, axis=1))) if len(shifts) else math.inf
        ),
        overlap=overlap,
    )
    verdict, reasons = judged(numbers)
    inverse = RigidTransform(
        to_frame_of_reference_uid=moving.volume.geometry.frame_of_reference_uid,
        from_frame_of_reference_uid=fixed.volume.geometry.frame_of_reference_uid,
        matrix=_clean(followup_from_baseline),
    )
    return Fit(
        baseline_from_followup=inverse.inverse(),
        centre_lps_mm=_vector(centre),
        similarity_before=before,
        similarity=after,
        level_margin=numbers.level_margin,
        runner_up_lps_mm=_vector(best_rival[1]) if best_rival else None,
        inverse_consistency_mm=numbers.inverse_consistency_mm,
        block_residual_mm=numbers.block_residual_mm,
        overlap=overlap,
        verdict=verdict,
        reasons=reasons,
    )


def _inconsistency_mm(both: _Both, centre: FloatArray, followup_from_baseline: FloatArray) -> float:
    """Carry the centre and points around it forward and back, and give the largest error."""
    if both.backward is None:
        return math.inf
    points = np.vstack([centre, centre + NEAR_MM * np.eye(3), centre - NEAR_MM * np.eye(3)])
    loop = both.baseline_from_followup @ followup_from_baseline
    returned = points @ loop[:3, :3].T + loop[:3, 3]
    return float(np.linalg.norm(returned - points, axis=1).max())


def _rivals(
    both: _Both, centre: FloatArray, there: FloatArray
) -> list[tuple[FloatArray, FloatArray]]:
    """Give the most similar places other than that of the fit, of both directions.

    Returns
    -------
    list of tuple
        Followup from baseline, (4, 4), and where it lays what the fit lays on the centre, less
        the centre.
    """
    found = list(_places(both))
    found.sort(key=lambda each: -each[1])
    rivals: list[tuple[FloatArray, FloatArray]] = []
    for matrix, _ in found:
        away = (inverse(matrix) @ np.append(there, 1.0))[:3] - centre
        known = any(np.linalg.norm(away - other) < search.APART_MM for _, other in rivals)
        if np.linalg.norm(away) >= search.APART_MM and not known:
            rivals.append((matrix, away))
    return rivals[:RIVALS]


def _places(both: _Both) -> Iterator[tuple[FloatArray, float]]:
    """Give all places of both directions, followup from baseline, with their similarity."""
    for each in (both.forward.best, *both.forward.others):
        yield each.moving_from_fixed, each.similarity * each.overlap
    if both.backward is not None:
        for each in (both.backward.best, *both.backward.others):
            yield inverse(each.moving_from_fixed), each.similarity * each.overlap


def _common_centre(fixed: View, moving: View, both: _Both) -> FloatArray:
    """Give the middle of what baseline and follow-up both show, in baseline coordinates."""
    image = fixed.coarse
    cells = np.stack(np.meshgrid(*[np.arange(n) for n in image.values.shape], indexing="ij"))
    cells = cells.reshape(3, -1)
    points = image.lps_from_kji[:3, :3] @ cells + image.lps_from_kji[:3, 3:]
    matrix = both.followup_from_baseline
    carried = matrix[:3, :3] @ points + matrix[:3, 3:]
    _, inside = moving.coarse.sample(carried.astype(np.float32))
    if not inside.any():
        return points.mean(axis=1)  # type: ignore[no-any-return]
    middle: FloatArray = points[:, inside].mean(axis=1)
    return middle


def _rank(fit: Fit) -> tuple[int, float]:
    order = (Verdict.FAILED, Verdict.DOUBTFUL, Verdict.GOOD)
    return order.index(fit.verdict), fit.similarity * fit.overlap


def _nothing(fixed: View, moving: View, centre: FloatArray) -> Fit:
    """Say that no place was found at all."""
    return Fit(
        baseline_from_followup=RigidTransform(
            to_frame_of_reference_uid=fixed.volume.geometry.frame_of_reference_uid,
            from_frame_of_reference_uid=moving.volume.geometry.frame_of_reference_uid,
            matrix=np.eye(4),
        ),
        centre_lps_mm=_vector(centre),
        similarity_before=0.0,
        similarity=0.0,
        level_margin=None,
        runner_up_lps_mm=None,
        inverse_consistency_mm=math.inf,
        block_residual_mm=math.inf,
        overlap=0.0,
        verdict=Verdict.FAILED,
        reasons=(f"Nothing of the follow-up is like the baseline. {quality.ELSEWHERE}",),
    )


def _clean(matrix: FloatArray) -> FloatArray:
    """Take the rounding of many steps out of a rotation."""
    clean = matrix.copy()
    u, _, vt = np.linalg.svd(matrix[:3, :3])
    clean[:3, :3] = u @ vt
    clean[3] = (0, 0, 0, 1)
    return clean


def _vector(values: FloatArray) -> Vector3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
