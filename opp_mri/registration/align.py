"""Line a follow-up up on a baseline around a point, or judge how well it is.

The order: local normalisation; a search of the whole follow-up for the surroundings of the centre,
over rotations and several levels; every level refined; the best one polished on the vertebra. All
of it again from follow-up to baseline. The answer lies halfway between the two directions. The
sequences of a visit are searched together, then each is corrected alone.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import evolve

from opp_mri.domain.geometry import FloatArray, Vector3, Volume
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import GeometryError
from opp_mri.registration import (
    directions,
    equations,
    identity,
    layers,
    measure,
    quality,
    search,
    template,
)
from opp_mri.registration import estimate as estimation
from opp_mri.registration import refine as refinement
from opp_mri.registration.directions import (
    Both,
    correct,
    estimate_both_ways,
    find_common_centre,
    meet_halfway,
)
from opp_mri.registration.estimate import Question, View
from opp_mri.registration.measure import build_no_fit, find_leading, measure_fit

ALGORITHM_VERSION: Final = "4"

NOD_DEG: Final = (-12.0, -6.0, 0.0, 6.0, 12.0)  # about the left-right axis, tried first
WIDE_NOD_DEG: Final = (-16.0, -8.0, 0.0, 8.0, 16.0)
SIDE_DEG: Final = (-10.0, 0.0, 10.0)  # about the other two, tried where the first did not do
HOLE_MARGIN_MM: Final = 1.5  # the edge of a lesion is not sharp
LEAST_SLICES: Final = 3
RECENTRE_BEYOND_MM: Final = 15.0

FIRST_TURNS: Final = tuple(np.array((math.radians(nod), 0.0, 0.0)) for nod in NOD_DEG)
ALL_TURNS: Final = tuple(
    np.array([math.radians(angle) for angle in turn])
    for turn in itertools.product(WIDE_NOD_DEG, SIDE_DEG, SIDE_DEG)
)
VERDICTS: Final = (Verdict.FAILED, Verdict.DOUBTFUL, Verdict.GOOD)

VolumePair = tuple[Volume, Volume]


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
    (fit,) = align_visit(
        [(baseline, followup)], centre_lps_mm=centre_lps_mm, lesion_radius_mm=lesion_radius_mm
    )
    return fit


def align_visit(
    pairs: Sequence[VolumePair],
    *,
    centre_lps_mm: Vector3 | None = None,
    lesion_radius_mm: float = 0.0,
) -> tuple[Fit, ...]:
    """Line the sequences of a visit up on those of a baseline, all of them together.

    Their similarities are summed, so that the sequence that shows most decides on the level; then
    each is corrected alone, as patients move between sequences. Where together they are not good,
    each is tried for itself too. Pairs of unlike contrast are not meant to be given.

    Parameters
    ----------
    pairs
        Baseline and follow-up of each sequence. All baselines lie in one frame of reference, and
        all follow-ups in one.
    centre_lps_mm, lesion_radius_mm
        As for `align`.

    Returns
    -------
    tuple of Fit
        One for each pair, in their order.

    Raises
    ------
    GeometryError
        As for `align`, or the volumes lie in several frames of reference.
    """
    question = _make_question(pairs, centre_lps_mm, lesion_radius_mm)
    estimates, visit, centre = _align_together(question, whole=centre_lps_mm is None)
    if len(pairs) == 1:
        return (visit,)
    question = evolve(question, centre=centre)
    alone = [question.select([index]) for index in range(len(pairs))]
    if estimates is None:
        return tuple(build_no_fit(question_alone) for question_alone in alone)
    leading = find_leading(question, estimates.followup_from_baseline)
    corrections = _correct_sequences(alone, leading, estimates)
    return tuple(
        measure_fit(question_alone, own, meet_halfway(own, centre), visit)
        for question_alone, own in zip(alone, corrections, strict=True)
    )


def _correct_sequences(sequences: Sequence[Question], leading: int, estimates: Both) -> list[Both]:
    """Correct each sequence of a visit for the patient's motion between sequences.

    The most similar sequence is corrected in full. The rest take over its rotation and correct
    their place: dark marrow tells less of a rotation than a patient turns between two sequences.
    """
    correction = correct(sequences[leading], estimates, turning=True)
    return [
        correction if index == leading else correct(sequence, correction, turning=False)
        for index, sequence in enumerate(sequences)
    ]


def judge(
    baseline: Volume,
    followup: Volume,
    baseline_from_followup: RigidTransform,
    *,
    centre_lps_mm: Vector3 | None = None,
    lesion_radius_mm: float = 0.0,
) -> Fit:
    """Return the numbers and the verdict of a transform that came from elsewhere.

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
    question = _make_question([(baseline, followup)], centre_lps_mm, lesion_radius_mm)
    estimates = estimate_both_ways(question, FIRST_TURNS)
    if estimates is None:
        return build_no_fit(question)
    if centre_lps_mm is None:
        question, estimates = _recentre(question, estimates, FIRST_TURNS)
    return measure_fit(question, estimates, baseline_from_followup.invert().matrix)


def list_parameters() -> dict[str, float]:
    """Return the constants that a stored fit depends on, by name."""
    modules = (
        layers,
        search,
        refinement,
        estimation,
        directions,
        equations,
        measure,
        identity,
        quality,
        template,
    )
    return {
        f"{module.__name__.rsplit('.', 1)[1]}.{name.lower()}": float(value)
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int | float)
    }


Answer = tuple[Question, Both | None, Fit]


def _align_together(question: Question, *, whole: bool) -> tuple[Both | None, Fit, FloatArray]:
    """Line the sequences up together; where that is not good, each alone, then wider."""
    attempts = [(question, FIRST_TURNS)]
    if len(question.fixed) > 1:
        indices = range(len(question.fixed))
        attempts += [(question.select([index]), FIRST_TURNS) for index in indices]
    attempts.append((question, ALL_TURNS))
    best: Answer = (question, None, build_no_fit(question))
    for attempt, turns in attempts:
        answer = _align_question(attempt, turns, whole=whole)
        if best[1] is None or _rank(answer[2]) > _rank(best[2]):
            best = answer
        if best[2].verdict is Verdict.GOOD:
            break
    return best[1], best[2], best[0].centre


def _align_question(question: Question, turns: Sequence[FloatArray], *, whole: bool) -> Answer:
    estimates = estimate_both_ways(question, turns)
    if estimates is None:
        return question, None, build_no_fit(question)
    if whole:
        question, estimates = _recentre(question, estimates, turns)
    return (
        question,
        estimates,
        measure_fit(question, estimates, meet_halfway(estimates, question.centre)),
    )


def _make_question(
    pairs: Sequence[VolumePair], centre_lps_mm: Vector3 | None, lesion_radius_mm: float
) -> Question:
    for pair in pairs:
        for name, volume in zip(("baseline", "follow-up"), pair, strict=True):
            _check_volume(name, volume)
    for side in zip(*pairs, strict=True):
        if len({volume.geometry.frame_of_reference_uid for volume in side}) > 1:
            raise GeometryError(
                "These sequences lie in several frames of reference: they are lined up one by one."
            )
    geometry = pairs[0][0].geometry
    if centre_lps_mm is None:
        centre = geometry.lps_from_kji((np.array(geometry.shape_kji) - 1) / 2)
    else:
        centre = np.array(centre_lps_mm)
        for baseline, _ in pairs:
            kji = baseline.geometry.kji_from_lps(centre)
            if ((kji < -1) | (kji > np.array(baseline.geometry.shape_kji))).any():
                raise GeometryError(
                    "The lesion lies outside the baseline's images: check its place or its "
                    "baseline."
                )
    return Question(
        fixed=tuple(View(volume=baseline) for baseline, _ in pairs),
        moving=tuple(View(volume=followup) for _, followup in pairs),
        centre=centre,
        region=estimation.WHOLE if centre_lps_mm is None else estimation.VERTEBRA,
        hole_mm=lesion_radius_mm + HOLE_MARGIN_MM if lesion_radius_mm > 0 else 0.0,
    )


def _check_volume(name: str, volume: Volume) -> None:
    if volume.geometry.shape_kji[0] < LEAST_SLICES:
        raise GeometryError(
            f"The {name} has {volume.geometry.shape_kji[0]} slices; lining up in three "
            f"dimensions needs at least {LEAST_SLICES}."
        )
    if not volume.voxels.min().item() < volume.voxels.max().item():
        raise GeometryError(f"The {name} has no contrast: all its voxels are alike.")


def _recentre(
    question: Question, estimates: Both, turns: Sequence[FloatArray]
) -> tuple[Question, Both]:
    """Move the centre to the middle of what both images show; estimate again where that is far."""
    middle = find_common_centre(question, estimates)
    moved_mm = float(np.linalg.norm(middle - question.centre))
    question = evolve(question, centre=middle)
    again = estimate_both_ways(question, turns) if moved_mm > RECENTRE_BEYOND_MM else None
    return question, again or estimates


def _rank(fit: Fit) -> tuple[int, float]:
    return VERDICTS.index(fit.verdict), fit.similarity * fit.overlap
