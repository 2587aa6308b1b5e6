"""The numbers of a motion: held against what both directions found, and against other levels."""

import math
from collections.abc import Iterator

import numpy as np

from opp_mri.domain.geometry import FloatArray, Vector3
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.registration.directions import Both
from opp_mri.registration.estimate import LEAST_OVERLAP, Question
from opp_mri.registration.layers import inverse
from opp_mri.registration.quality import ELSEWHERE, Numbers, judged
from opp_mri.registration.refine import block_shifts, make_template, refine, similarity
from opp_mri.registration.search import APART_MM

BLOCK_STEPS = 4
DETAIL_THINNED = 5  # one point of so many tells as much
RIVALS = 2  # other places that are looked at in detail
RIVAL_STEPS = 6
NEAR_MM = 15.0  # the two directions are compared at the centre and this far around it


def measured(question: Question, both: Both, followup_from_baseline: FloatArray) -> Fit:
    """Measure a motion against what both directions found, and judge it."""
    fixed, moving, centre = question.fixed, question.moving, question.centre
    region = question.region
    there = (followup_from_baseline @ np.append(centre, 1.0))[:3]
    template = make_template(fixed.detail(centre, region), centre, region.middle, question.hole_mm)
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


def nothing(question: Question) -> Fit:
    """Say that no place was found at all."""
    return Fit(
        baseline_from_followup=RigidTransform(
            to_frame_of_reference_uid=question.fixed.volume.geometry.frame_of_reference_uid,
            from_frame_of_reference_uid=question.moving.volume.geometry.frame_of_reference_uid,
            matrix=np.eye(4),
        ),
        centre_lps_mm=_vector(question.centre),
        similarity_before=0.0,
        similarity=0.0,
        level_margin=None,
        runner_up_lps_mm=None,
        inverse_consistency_mm=math.inf,
        block_residual_mm=math.inf,
        overlap=0.0,
        verdict=Verdict.FAILED,
        reasons=(f"Nothing of the follow-up is like the baseline. {ELSEWHERE}",),
    )


def _inconsistency_mm(both: Both, centre: FloatArray, followup_from_baseline: FloatArray) -> float:
    """Carry the centre and points around it forward and back, and give the largest error.

    Forward is both the motion in question and that of the forward search: the answer halfway
    between the directions would else show half of what they differ by.
    """
    if both.backward is None:
        return math.inf
    points = np.vstack([centre, centre + NEAR_MM * np.eye(3), centre - NEAR_MM * np.eye(3)])
    errors = []
    for forward in (followup_from_baseline, both.followup_from_baseline):
        loop = both.baseline_from_followup @ forward
        returned = points @ loop[:3, :3].T + loop[:3, 3]
        errors.append(float(np.linalg.norm(returned - points, axis=1).max()))
    return max(errors)


def _rivals(
    both: Both, centre: FloatArray, there: FloatArray
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
        known = any(np.linalg.norm(away - other) < APART_MM for _, other in rivals)
        if np.linalg.norm(away) >= APART_MM and not known:
            rivals.append((matrix, away))
    return rivals[:RIVALS]


def _places(both: Both) -> Iterator[tuple[FloatArray, float]]:
    """Give all places of both directions, followup from baseline, with their similarity."""
    for each in (both.forward.best, *both.forward.others):
        yield each.moving_from_fixed, each.similarity * each.overlap
    if both.backward is not None:
        for each in (both.backward.best, *both.backward.others):
            yield inverse(each.moving_from_fixed), each.similarity * each.overlap


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
