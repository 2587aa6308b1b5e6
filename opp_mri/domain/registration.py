"""What is said of a follow-up that was lined up on a baseline, and how far it can be trusted."""

from enum import StrEnum
from typing import Final

import numpy as np
from attrs import frozen

from opp_mri.domain.geometry import FloatArray, Vector3
from opp_mri.domain.transform import RigidTransform

PIXEL_MM: Final = 0.7  # of the pictures of a fit


class Verdict(StrEnum):
    """How far a fit can be trusted; a reader confirms or rejects it all the same."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    FAILED = "failed"


@frozen(kw_only=True, eq=False)
class Fit:
    """A follow-up lined up on a baseline around a point, with the numbers that judge it.

    Parameters
    ----------
    baseline_from_followup
        The best guess; not to be used where the verdict is `FAILED`.
    centre_lps_mm
        In baseline coordinates: the lesion, or the middle of the common field of view.
    similarity_before, similarity
        Correlation of the locally normalised images around the centre, with the coordinates of
        the headers taken as they are and with the fit; 0 where they do not overlap.
    level_margin
        `similarity` less that of the runner-up, the best fit at another place along the spine;
        None where there was no other place to try.
    runner_up_lps_mm
        Where the runner-up lays the point that the fit lays on the centre, less the centre.
    inverse_consistency_mm
        How far the centre and points 15 mm around it come to lie from where they were when carried
        forward and back, at most; the directions are estimated independently. Infinite where
        there is no way back.
    block_residual_mm
        How far independent blocks around the centre disagree with the fit.
    overlap
        Share of the box around the centre that the follow-up covers, 0 to 1.
    size_along, size_across
        Size of the follow-up's vertebrae over that of the baseline's, along the spine and from
        front to back; None where it was not measured.
    mismatch, advantage
        What a rigid motion leaves unexplained of the vertebra and its neighbours, over what it
        leaves of them at the next level, near 1 for two persons; and their correlation over that
        with the next level. None where they were not measured.
    correction_mm
        How far the sequence lies at the centre from where all sequences of its visit together are
        placed: the patient's motion between sequences. None where it was lined up alone.
    second_opinion_mm, second_opinion_deg
        How far SimpleITK, started from this fit, comes to lie from it: at the centre or 15 mm
        around it at most, and by angle. None where it was not asked.
    verdict, reasons
        What the numbers amount to, and why, in sentences.
    """

    baseline_from_followup: RigidTransform
    centre_lps_mm: Vector3
    similarity_before: float
    similarity: float
    level_margin: float | None
    runner_up_lps_mm: Vector3 | None
    inverse_consistency_mm: float
    block_residual_mm: float
    overlap: float
    verdict: Verdict
    reasons: tuple[str, ...]
    size_along: float | None = None
    size_across: float | None = None
    mismatch: float | None = None
    advantage: float | None = None
    correction_mm: float | None = None
    second_opinion_mm: float | None = None
    second_opinion_deg: float | None = None

    @property
    def displacement_lps_mm(self) -> Vector3:
        """Baseline less follow-up header coordinates of what lies at the centre, LPS mm."""
        centre = np.array(self.centre_lps_mm)
        x, y, z = (centre - self.baseline_from_followup.invert().apply(centre)).tolist()
        return (x, y, z)

    @property
    def rotation_deg(self) -> float:
        """Angle of the rotation from the follow-up's to the baseline's coordinates."""
        return self.baseline_from_followup.rotation_deg


@frozen(kw_only=True, eq=False)
class Overlay:
    """The baseline's slice through a point, and the follow-up on it.

    Parameters
    ----------
    baseline, before, after
        Shape (rows, columns) with a pixel of 0.7 mm, values 0 to 1: the baseline; the follow-up
        with the coordinates of its header taken as they are; and the follow-up by the fit. NaN
        where the follow-up does not reach.
    """

    baseline: FloatArray
    before: FloatArray
    after: FloatArray
