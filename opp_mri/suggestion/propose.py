"""Proposed extents on all sequences of a visit, from one point in the lesion."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from opp_mri.domain.caliper import PATIENT_AP_LPS
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.proposal import Abstention, AbstentionReason, Proposal
from opp_mri.suggestion.body import Body, find_body, measure_canal_tilt
from opp_mri.suggestion.ends import (
    LINE_WIDTH_MM,
    End,
    NativeProfile,
    fit_end,
    locate_wall_mm,
)
from opp_mri.suggestion.extent import (
    Chord,
    find_greatest_chord,
    find_lesion_region,
    join_evidence,
)
from opp_mri.suggestion.images import (
    NEAR_MM,
    ApFrame,
    SequenceImage,
    SlicePatches,
    build_ap_frame,
    cut_patches,
)
from opp_mri.suggestion.marrow import Abnormality, judge_abnormality
from opp_mri.units import round_to_recorded_mm

LEAST_TILT: Final = 0.05
SLIGHT_TILT: Final = 0.25  # a larger one is measured again after the turn
LEAST_FIRST_CONTRAST: Final = 1.5  # at the click alone, before the region is known
MOST_APART_MM: Final = 1.5  # of an extent from that of the sequence nearest to it
LEAST_SEQUENCES: Final = 2
LEAST_AT_WALL_MM: Final = 7.0
LEAST_CONTRAST: Final = 2.5  # of the lesion to marrow, over the spread of marrow
LARGEST_SHARE: Final = 0.75  # RULES: more of the cross-section is not eligible
WIDEST_BLUR_MM: Final = 2.2
LARGEST_ERROR_MM: Final = 1.0  # the 95% interval then reaches 2 mm each way, a change that counts
LARGEST_ERROR_BESIDE_MM: Final = 0.65  # beside a sequence of the visit that abstains
WALL_ERROR_MM: Final = 0.7
END_FLOOR_MM: Final = 0.3  # texture of marrow and choice of the row, beyond the noise of the fit


def propose_visit(
    images: Sequence[SequenceImage], seed_lps_mm: Vector3, axis_lps: Vector3 | None = None
) -> tuple[Proposal | Abstention, ...]:
    """Propose the greatest AP extent of a lesion on each sequence of a visit.

    Parameters
    ----------
    images
        Sagittal volumes of one visit, in one frame of reference; one of each sequence.
    seed_lps_mm
        A point in the lesion, patient LPS mm: a click, or the middle of a prior caliper that a
        confirmed registration has carried here.
    axis_lps
        AP axis of the vertebra, a unit vector towards posterior, in LPS; None takes the direction
        across the spinal canal at the seed, or the patient's axis where no canal is recognized.

    Returns
    -------
    tuple of Proposal or Abstention
        One for each image, in the same order.
    """
    frame = build_ap_frame(images[0], seed_lps_mm, axis_lps or PATIENT_AP_LPS)
    if axis_lps is None:
        frame = _turn_across_canal(frame, images)
    patches, body = _outline_seen_body(frame, images)
    if body is None:
        return tuple(_abstain(image, patches, AbstentionReason.NO_BODY) for image in images)
    evidence = judge_abnormality(frame, patches, body)
    usable = _keep_usable(evidence, body)
    answers: list[Proposal | Abstention] = []
    for image in images:
        if image.role in usable:
            answers.append(_propose(frame, usable[image.role], usable, body))
        elif image.role in evidence:
            answers.append(_abstain(image, patches, AbstentionReason.NO_CONTRAST))
        else:
            answers.append(_abstain(image, patches, AbstentionReason.NO_MARROW))
    return _keep_agreeing(answers)


def _abstain(
    image: SequenceImage, patches: Mapping[SeriesRole, SlicePatches], reason: AbstentionReason
) -> Abstention:
    return Abstention(
        role=image.role, reason=reason if image.role in patches else AbstentionReason.NO_IMAGE
    )


def _keep_usable(
    evidence: Mapping[SeriesRole, Abnormality], body: Body
) -> dict[SeriesRole, Abnormality]:
    """Keep the sequences that show the lesion, each with the level of its whole region."""
    first_evidence = _with_contrast(evidence, LEAST_FIRST_CONTRAST)
    refined_evidence = {}
    for role, own in first_evidence.items():
        region = _find_region(own, first_evidence, body)
        refined_evidence[role] = own if region is None else own.with_lesion_level(region)
    usable = _with_contrast(refined_evidence, LEAST_CONTRAST)
    # what one sequence alone shows may be a vein, a Schmorl node or shading
    return usable if len(usable) >= LEAST_SEQUENCES else {}


def _with_contrast(
    evidence: Mapping[SeriesRole, Abnormality], least: float
) -> dict[SeriesRole, Abnormality]:
    return {
        role: own
        for role, own in evidence.items()
        if own.has_expected_sign and own.contrast_to_texture >= least
    }


def _keep_agreeing(answers: list[Proposal | Abstention]) -> tuple[Proposal | Abstention, ...]:
    """Leave out an extent that no other sequence of the visit comes near to.

    Where one is left out, or a sequence abstained that shows the place, something there is not
    what it seems: of the others those stay that are sure by themselves.
    """
    lengths = [float(answer.length_mm) for answer in answers if isinstance(answer, Proposal)]

    def is_near_another(proposal: Proposal) -> bool:
        apart = sorted(abs(float(proposal.length_mm) - length) for length in lengths)
        return len(apart) > 1 and apart[1] <= MOST_APART_MM  # the first is its own

    agreeing_answers = [
        answer
        if isinstance(answer, Abstention) or is_near_another(answer)
        else _abstain_from(answer)
        for answer in answers
    ]
    if not any(
        isinstance(answer, Abstention) and answer.reason is not AbstentionReason.NO_IMAGE
        for answer in agreeing_answers
    ):
        return tuple(agreeing_answers)
    return tuple(
        _abstain_from(answer)
        if isinstance(answer, Proposal) and answer.standard_error_mm > LARGEST_ERROR_BESIDE_MM
        else answer
        for answer in agreeing_answers
    )


def _abstain_from(proposal: Proposal) -> Abstention:
    return Abstention(
        role=proposal.role, reason=AbstentionReason.UNCERTAIN, body_share=proposal.body_share
    )


def _turn_across_canal(frame: ApFrame, images: Sequence[SequenceImage]) -> ApFrame:
    """Turn a frame in the plane of the slices so that the AP axis is perpendicular to the canal."""
    fluid = [image for image in images if image.role in (SeriesRole.T2FS, SeriesRole.STIR)]
    for _ in range(2):
        patches = {image.role: cut_patches(frame, image, NEAR_MM) for image in fluid[:1]}
        tilt = measure_canal_tilt(patches)
        if tilt is None or abs(tilt) < LEAST_TILT:
            break
        x, y, z = (float(value) for value in frame.posterior - tilt * frame.caudal)
        norm = math.hypot(x, y, z)
        seed = frame.seed_lps_mm
        place = (float(seed[0]), float(seed[1]), float(seed[2]))
        frame = build_ap_frame(images[0], place, (x / norm, y / norm, z / norm))
        if abs(tilt) < SLIGHT_TILT:
            break
    return frame


def _outline_seen_body(
    frame: ApFrame, images: Sequence[SequenceImage]
) -> tuple[dict[SeriesRole, SlicePatches], Body | None]:
    """Cut the slices near the seed, and outline the body there or, failing that, next to it."""
    visible_patches: dict[SeriesRole, SlicePatches] = {}
    for half_width_mm, places_mm in ((NEAR_MM, (0.0,)), (2 * NEAR_MM, (-NEAR_MM, NEAR_MM))):
        patches = {image.role: cut_patches(frame, image, half_width_mm) for image in images}
        visible_patches = {role: own for role, own in patches.items() if own.slices}
        for across_mm in places_mm:
            body = find_body(visible_patches, across_mm)
            if body is not None:
                return visible_patches, body
    return visible_patches, None


def _propose(
    frame: ApFrame, own: Abnormality, usable: dict[SeriesRole, Abnormality], body: Body
) -> Proposal | Abstention:
    role = own.patches.image.role
    region = _find_region(own, usable, body)
    if region is None:
        return Abstention(role=role, reason=AbstentionReason.OUTSIDE_BODY)
    share = min(1.0, float(region.sum(axis=(1, 2)).max() / max(int(body.interior.sum()), 1)))
    chord = find_greatest_chord(own, region, body)
    if share > LARGEST_SHARE:
        return Abstention(role=role, reason=AbstentionReason.OVER_75_PERCENT, body_share=share)
    if chord is None:
        return Abstention(role=role, reason=AbstentionReason.NO_CONTRAST, body_share=share)
    k = own.patches.slices[chord.index]
    profile = NativeProfile(frame, own.patches.image, k, chord)
    ends = []
    for posterior in (False, True):
        end = fit_end(profile, own, chord, body, posterior=posterior)
        if end is None:
            end = End(
                u_mm=locate_wall_mm(body, chord.v_mm, posterior=posterior),
                standard_error_mm=WALL_ERROR_MM,
                at_wall=True,
            )
        ends.append(_unbend(end, chord, posterior=posterior))
    reason = _find_abstain_from(ends)
    if reason is not None:
        return Abstention(role=role, reason=reason, body_share=share)
    return _place_proposal(frame, own, chord, k, ends, share)


def _unbend(end: End, chord: Chord, *, posterior: bool) -> End:
    """Undo what blur and the width of the line take from a convex end.

    Across a convex edge with curvature c, a blur of variance s^2 moves the half maximum inward by
    c s^2 / 2, and the mean over a line of width w by c w^2 / 24.
    """
    if end.at_wall:
        return end
    bend = chord.back_bend if posterior else chord.front_bend
    inward = bend * (end.blur_mm**2 / 2 + LINE_WIDTH_MM**2 / 24)
    return evolve(end, u_mm=end.u_mm + (inward if posterior else -inward))


def _find_region(
    own: Abnormality, usable: dict[SeriesRole, Abnormality], body: Body
) -> NDArray[np.bool_] | None:
    return find_lesion_region(join_evidence(own, usable), own, body)


def _find_abstain_from(ends: list[End]) -> AbstentionReason | None:
    at_walls = sum(end.at_wall for end in ends)
    short = ends[1].u_mm - ends[0].u_mm < LEAST_AT_WALL_MM
    if at_walls == 2 or (at_walls and short):  # the whole depth, or cortex and vein alone
        return AbstentionReason.AT_CORTEX
    if any(end.blur_mm > WIDEST_BLUR_MM for end in ends):
        return AbstentionReason.MOTION
    if _estimate_error_mm(ends) > LARGEST_ERROR_MM:
        at_wall = any(end.at_wall for end in ends)
        return AbstentionReason.AT_CORTEX if at_wall else AbstentionReason.UNCERTAIN
    return None


def _estimate_error_mm(ends: list[End]) -> float:
    return math.sqrt(sum(end.standard_error_mm**2 + END_FLOOR_MM**2 for end in ends))


def _place_proposal(
    frame: ApFrame, own: Abnormality, chord: Chord, k: int, ends: list[End], share: float
) -> Proposal | Abstention:
    """Put both ends on the native slice."""
    geometry = own.patches.image.geometry
    points, places = [], []
    for end in ends:
        across = own.patches.across_mm[chord.index]
        place = (
            frame.seed_lps_mm
            + chord.v_mm * frame.caudal
            + end.u_mm * frame.posterior
            + across * frame.normal
        )
        kji = geometry.kji_from_lps(place)
        kji[0] = k
        x, y, z = (float(value) for value in geometry.lps_from_kji(kji))
        places.append((x, y, z))
        points.append((float(kji[2]), float(kji[1])))
    length_mm = float(np.linalg.norm(np.subtract(places[1], places[0])))
    return Proposal(
        role=own.patches.image.role,
        slice_index=k,
        start=points[0],
        end=points[1],
        start_lps_mm=places[0],
        end_lps_mm=places[1],
        length_mm=round_to_recorded_mm(length_mm),
        standard_error_mm=_estimate_error_mm(ends),
        body_share=share,
        end_at_wall=any(end.at_wall for end in ends),
    )
