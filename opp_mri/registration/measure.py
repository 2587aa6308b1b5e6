"""The numbers of a motion: held against what both directions found, and against other levels."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from opp_mri.domain.geometry import FloatArray, Vector3
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.registration.directions import Both
from opp_mri.registration.estimate import LEAST_OVERLAP, Question
from opp_mri.registration.identity import measure_resemblance, measure_sizes
from opp_mri.registration.layers import invert
from opp_mri.registration.quality import ELSEWHERE, Numbers, judge_numbers
from opp_mri.registration.refine import (
    correlate,
    measure_block_shifts,
    refine,
)
from opp_mri.registration.search import APART_MM
from opp_mri.registration.template import Template, make_template

BLOCK_STEPS: Final = 4
DETAIL_THINNED: Final = 5  # one point of so many is as informative
RIVALS: Final = 2  # other places that are looked at in detail
RIVAL_STEPS: Final = 6
NEAR_MM: Final = 15.0  # the two directions are compared at the centre and this far around it


def measure_fit(
    question: Question,
    estimates: Both,
    followup_from_baseline: FloatArray,
    visit: Fit | None = None,
) -> Fit:
    """Measure a motion against what both directions found, and judge it.

    Parameters
    ----------
    question
        The images, one sequence or several, and the place.
    estimates
        What both directions found.
    followup_from_baseline
        The motion, (4, 4).
    visit
        The fit of all sequences of the visit together, where the question is one of them: the
        level is theirs.
    """
    numbers, runner_up = _measure_numbers(question, estimates, followup_from_baseline, visit)
    verdict, reasons = judge_numbers(numbers)
    followup_transform = RigidTransform(
        to_frame_of_reference_uid=question.moving[0].volume.geometry.frame_of_reference_uid,
        from_frame_of_reference_uid=question.fixed[0].volume.geometry.frame_of_reference_uid,
        matrix=_orthogonalise_rotation(followup_from_baseline),
    )
    return Fit(
        baseline_from_followup=followup_transform.invert(),
        centre_lps_mm=_as_vector(question.centre),
        similarity_before=numbers.similarity_before,
        similarity=numbers.similarity,
        level_margin=numbers.level_margin,
        runner_up_lps_mm=runner_up,
        inverse_consistency_mm=numbers.inverse_consistency_mm,
        block_residual_mm=numbers.block_residual_mm,
        overlap=numbers.overlap,
        size_along=numbers.size_along,
        size_across=numbers.size_across,
        mismatch=numbers.mismatch,
        advantage=numbers.advantage,
        correction_mm=numbers.correction_mm,
        verdict=verdict,
        reasons=reasons,
    )


def _measure_numbers(
    question: Question, estimates: Both, followup_from_baseline: FloatArray, visit: Fit | None
) -> tuple[Numbers, Vector3 | None]:
    """Return the numbers that a motion is judged by, and where the best other level lies."""
    centre, region = question.centre, question.region
    moved_centre = (followup_from_baseline @ np.append(centre, 1.0))[:3]
    templates = _make_detail_templates(question)
    images = [view.cut_fine_layer(moved_centre, region) for view in question.moving]
    as_headers_say = [view.cut_fine_layer(centre, region) for view in question.moving]
    similarity_before, _ = correlate(templates, as_headers_say, np.eye(4))
    similarity, overlap = correlate(templates, images, followup_from_baseline)
    # what tells of shape is asked of one sequence: a patient moves between those of a visit
    leading = find_leading(question, followup_from_baseline) if len(templates) > 1 else 0
    own, followup = [templates[leading]], [images[leading]]
    shifts = measure_block_shifts(own, followup, followup_from_baseline, BLOCK_STEPS)
    level_margin, runner_up = (
        (visit.level_margin, visit.runner_up_lps_mm)
        if visit
        else _compare_levels(question, estimates, templates, moved_centre, similarity)
    )
    sizes = measure_sizes(own, followup, followup_from_baseline)
    resemblance = (
        visit
        if visit or runner_up is None
        else measure_resemblance(
            question.select([leading]), followup_from_baseline, np.array(runner_up)
        )
    )
    numbers = Numbers(
        similarity_before=similarity_before,
        similarity=similarity,
        level_margin=level_margin,
        inverse_consistency_mm=_measure_inconsistency_mm(estimates, centre, followup_from_baseline),
        block_residual_mm=(
            float(np.median(np.linalg.norm(shifts, axis=1))) if len(shifts) else math.inf
        ),
        overlap=overlap,
        size_along=sizes.along,
        size_across=sizes.across,
        mismatch=resemblance.mismatch if resemblance else None,
        advantage=resemblance.advantage if resemblance else None,
        correction_mm=_measure_correction_mm(visit, centre, followup_from_baseline),
    )
    return numbers, runner_up


def find_leading(question: Question, followup_from_baseline: FloatArray) -> int:
    """Return the index of the sequence that is most similar around the centre under a motion."""
    moved_centre = (followup_from_baseline @ np.append(question.centre, 1.0))[:3]
    similarities = []
    for template, view in zip(_make_detail_templates(question), question.moving, strict=True):
        image = view.cut_fine_layer(moved_centre, question.region)
        similarities.append(correlate([template], [image], followup_from_baseline)[0])
    return similarities.index(max(similarities))


def _make_detail_templates(question: Question) -> list[Template]:
    centre, region = question.centre, question.region
    return [
        make_template(
            view.cut_fine_layer(centre, region), centre, region.detail, question.hole_mm
        ).thin(DETAIL_THINNED)
        for view in question.fixed
    ]


def build_no_fit(question: Question) -> Fit:
    """Return the fit of images that are nowhere alike."""
    return Fit(
        baseline_from_followup=RigidTransform(
            to_frame_of_reference_uid=question.fixed[0].volume.geometry.frame_of_reference_uid,
            from_frame_of_reference_uid=question.moving[0].volume.geometry.frame_of_reference_uid,
            matrix=np.eye(4),
        ),
        centre_lps_mm=_as_vector(question.centre),
        similarity_before=0.0,
        similarity=0.0,
        level_margin=None,
        runner_up_lps_mm=None,
        inverse_consistency_mm=math.inf,
        block_residual_mm=math.inf,
        overlap=0.0,
        verdict=Verdict.FAILED,
        reasons=(f"No part of the follow-up resembles the baseline. {ELSEWHERE}",),
    )


def _compare_levels(
    question: Question,
    estimates: Both,
    templates: list[Template],
    moved_centre: FloatArray,
    similarity: float,
) -> tuple[float | None, Vector3 | None]:
    """Return the margin over the best place at another level, and where that lies."""
    centre, region = question.centre, question.region
    best: tuple[float, FloatArray] | None = None
    for start, away in _list_rivals(estimates, centre, moved_centre):
        place = (start @ np.append(centre, 1.0))[:3]
        images = [view.cut_fine_layer(place, region) for view in question.moving]
        rival_transform = refine(templates, images, start, RIVAL_STEPS)
        alike, overlap = correlate(templates, images, rival_transform)
        if overlap >= LEAST_OVERLAP and (best is None or alike > best[0]):
            best = alike, away
    if best is None:
        return None, None
    return similarity - best[0], _as_vector(best[1])


def _measure_inconsistency_mm(
    estimates: Both, centre: FloatArray, followup_from_baseline: FloatArray
) -> float:
    """Carry the centre and points around it forward and back, and give the largest error.

    Forward is both the motion in question and that of the forward search: the answer halfway
    between the directions would else show half of what they differ by.
    """
    if estimates.backward is None:
        return math.inf
    points = np.vstack([centre, centre + NEAR_MM * np.eye(3), centre - NEAR_MM * np.eye(3)])
    errors = []
    for forward in (followup_from_baseline, estimates.followup_from_baseline):
        loop = estimates.baseline_from_followup @ forward
        returned_points = points @ loop[:3, :3].T + loop[:3, 3]
        errors.append(float(np.linalg.norm(returned_points - points, axis=1).max()))
    return max(errors)


def _measure_correction_mm(
    visit: Fit | None, centre: FloatArray, followup_from_baseline: FloatArray
) -> float | None:
    """Return how far a sequence is from the visit's fit at the centre; None for the visit's."""
    if visit is None:
        return None
    moved_centre = (
        visit.baseline_from_followup.matrix @ followup_from_baseline @ np.append(centre, 1.0)
    )
    return float(np.linalg.norm(moved_centre[:3] - centre))


def _list_rivals(
    estimates: Both, centre: FloatArray, moved_centre: FloatArray
) -> list[tuple[FloatArray, FloatArray]]:
    """Return the most similar places other than that of the fit, of both directions.

    Returns
    -------
    list of tuple
        Follow-up from baseline, (4, 4), and where it lays what the fit lays on the centre, less
        the centre.
    """
    places = sorted(_list_places(estimates), key=lambda place: -place[1])
    rivals: list[tuple[FloatArray, FloatArray]] = []
    for matrix, _ in places:
        away = (invert(matrix) @ np.append(moved_centre, 1.0))[:3] - centre
        is_known = any(np.linalg.norm(away - rival) < APART_MM for _, rival in rivals)
        if np.linalg.norm(away) >= APART_MM and not is_known:
            rivals.append((matrix, away))
    return rivals[:RIVALS]


def _list_places(estimates: Both) -> Iterator[tuple[FloatArray, float]]:
    """Yield all places of both directions, follow-up from baseline, with their similarity."""
    for place in (estimates.forward.best, *estimates.forward.rivals):
        yield place.moving_from_fixed, place.similarity * place.overlap
    if estimates.backward is not None:
        for place in (estimates.backward.best, *estimates.backward.rivals):
            yield invert(place.moving_from_fixed), place.similarity * place.overlap


def _orthogonalise_rotation(matrix: FloatArray) -> FloatArray:
    """Take the rounding of many steps out of a rotation."""
    clean = matrix.copy()
    clean[:3, :3] = Rotation.from_matrix(matrix[:3, :3]).as_matrix()
    clean[3] = (0, 0, 0, 1)
    return clean


def _as_vector(values: FloatArray) -> Vector3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)
