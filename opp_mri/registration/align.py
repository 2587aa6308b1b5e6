"""Line a follow-up up on a baseline around a point, or judge how well it is.

The order: local normalisation; a search of the whole follow-up for the surroundings of the centre,
over rotations and several levels; every level refined; the best one polished on the vertebra. All
of it again from follow-up to baseline. The answer lies halfway between the two directions.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from attrs import evolve

from opp_mri.domain.geometry import FloatArray, Vector3, Volume
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import GeometryError
from opp_mri.registration import directions, layers, measure, quality, search
from opp_mri.registration import estimate as estimation
from opp_mri.registration import refine as refinement
from opp_mri.registration.directions import Both, both_ways, common_centre, halfway
from opp_mri.registration.estimate import Question, View
from opp_mri.registration.measure import measured, nothing

ALGORITHM_VERSION = "1"

NOD_DEG = (-12.0, -6.0, 0.0, 6.0, 12.0)  # about the left-right axis, tried first
WIDE_NOD_DEG = (-16.0, -8.0, 0.0, 8.0, 16.0)
SIDE_DEG = (-10.0, 0.0, 10.0)  # about the other two, tried where the first did not do
HOLE_MARGIN_MM = 1.5  # the edge of a lesion is not sharp
LEAST_SLICES = 3
RECENTRE_BEYOND_MM = 15.0

FIRST_TURNS = tuple(np.radians((nod, 0.0, 0.0)) for nod in NOD_DEG)
ALL_TURNS = tuple(np.radians(turn) for turn in itertools.product(WIDE_NOD_DEG, SIDE_DEG, SIDE_DEG))


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
    question = _question(baseline, followup, centre_lps_mm, lesion_radius_mm)
    fit: Fit | None = None
    for turns in (FIRST_TURNS, ALL_TURNS):
        both = both_ways(question, turns)
        if both is None:
            continue
        if centre_lps_mm is None:
            question, both = _recentred(question, both, turns)
        tried = measured(question, both, halfway(both, question.centre))
        if fit is None or _rank(tried) > _rank(fit):
            fit = tried
        if fit.verdict is Verdict.GOOD:
            break
    return fit or nothing(question)


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
    question = _question(baseline, followup, centre_lps_mm, lesion_radius_mm)
    both = both_ways(question, FIRST_TURNS)
    if both is None:
        return nothing(question)
    if centre_lps_mm is None:
        question, both = _recentred(question, both, FIRST_TURNS)
    return measured(question, both, baseline_from_followup.inverse().matrix)


def parameters() -> dict[str, float]:
    """Give the constants that a stored fit depends on, by name."""
    found = {}
    for module in (layers, search, refinement, estimation, directions, measure, quality):
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, int | float):
                found[f"{module.__name__.rsplit('.', 1)[1]}.{name.lower()}"] = float(value)
    return found


def _question(
    baseline: Volume, followup: Volume, centre_lps_mm: Vector3 | None, lesion_radius_mm: float
) -> Question:
    for name, volume in (("baseline", baseline), ("follow-up", followup)):
        if volume.geometry.shape_kji[0] < LEAST_SLICES:
            raise GeometryError(
                f"The {name} has {volume.geometry.shape_kji[0]} slices; lining up in three "
                f"dimensions needs at least {LEAST_SLICES}."
            )
        if not volume.voxels.min() < volume.voxels.max():
            raise GeometryError(f"The {name} shows nothing: all its voxels are alike.")
    geometry = baseline.geometry
    if centre_lps_mm is None:
        centre = geometry.lps_from_kji((np.array(geometry.shape_kji) - 1) / 2)
    else:
        centre = np.array(centre_lps_mm)
        kji = geometry.kji_from_lps(centre)
        if ((kji < -1) | (kji > np.array(geometry.shape_kji))).any():
            raise GeometryError(
                "The lesion lies outside the baseline's images: check its place or its baseline."
            )
    return Question(
        fixed=View(volume=baseline),
        moving=View(volume=followup),
        centre=centre,
        region=estimation.WHOLE if centre_lps_mm is None else estimation.VERTEBRA,
        hole_mm=lesion_radius_mm + HOLE_MARGIN_MM if lesion_radius_mm > 0 else 0.0,
    )


def _recentred(
    question: Question, both: Both, turns: Sequence[FloatArray]
) -> tuple[Question, Both]:
    """Move the centre to the middle of what both images show, and ask again where that is far."""
    middle = common_centre(question, both)
    moved_mm = float(np.linalg.norm(middle - question.centre))
    question = evolve(question, centre=middle)
    again = both_ways(question, turns) if moved_mm > RECENTRE_BEYOND_MM else None
    return question, again or both


def _rank(fit: Fit) -> tuple[int, float]:
    order = (Verdict.FAILED, Verdict.DOUBTFUL, Verdict.GOOD)
    return order.index(fit.verdict), fit.similarity * fit.overlap
