"""What the program proposes for a cell, or why it proposes nothing; never a reading by itself."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import field, frozen, validators

from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import PixelPoint
from opp_mri.units import convert_to_mm


class AbstentionReason(StrEnum):
    """Why there is no proposal; the first that applies."""

    NO_FIT = "no_fit"
    NO_IMAGE = "no_image"
    NO_BODY = "no_body"
    NO_MARROW = "no_marrow"
    NO_CONTRAST = "no_contrast"
    OUTSIDE_BODY = "outside_body"
    OVER_75_PERCENT = "over_75_percent"
    AT_CORTEX = "at_cortex"
    MOTION = "motion"
    UNCERTAIN = "uncertain"

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    AbstentionReason.NO_FIT: "No confirmed registration places the lesion at this time point.",
    AbstentionReason.NO_IMAGE: "No sagittal image of this sequence covers the seed.",
    AbstentionReason.NO_BODY: (
        "The outline of the vertebral body is not recognized; this needs T1 and a T2 with fat "
        "suppression or STIR."
    ),
    AbstentionReason.NO_MARROW: "No normal marrow of a neighboring vertebra serves as reference.",
    AbstentionReason.NO_CONTRAST: "The signal at the seed does not differ from normal marrow.",
    AbstentionReason.OUTSIDE_BODY: "The seed does not lie on an abnormality in a vertebral body.",
    AbstentionReason.OVER_75_PERCENT: "The abnormality fills more than 75% of the cross-section.",
    AbstentionReason.AT_CORTEX: "An end lies at the cortex, where this sequence shows no edge.",
    AbstentionReason.MOTION: "The edges are blurred, as by motion.",
    AbstentionReason.UNCERTAIN: "The ends are not certain enough.",
}


@frozen(kw_only=True)
class Proposal:
    """A proposed caliper on one native slice.

    Parameters
    ----------
    role
        The sequence.
    slice_index
        Index k of the native slice in the volume.
    start, end
        Anterior and posterior end, (column, row) in pixels; 0, 0 is the centre of the first pixel.
    start_lps_mm, end_lps_mm
        The same ends in the patient, LPS mm.
    length_mm
        Distance of the ends, rounded as a reading is.
    standard_error_mm
        Standard error of the length, mm.
    body_share
        Share of the body's sagittal cross-section, on that slice, that is abnormal: 0 to 1.
    end_at_wall
        Whether an end was placed at the modelled wall of the body.
    """

    role: SeriesRole = field(converter=SeriesRole)
    slice_index: int = field(validator=validators.ge(0))
    start: PixelPoint
    end: PixelPoint
    start_lps_mm: Vector3
    end_lps_mm: Vector3
    length_mm: Decimal = field(converter=convert_to_mm)
    standard_error_mm: float = field(validator=[validators.gt(0.0), validators.lt(100.0)])
    body_share: float = field(validator=[validators.ge(0.0), validators.le(1.0)])
    end_at_wall: bool


@frozen(kw_only=True)
class Abstention:
    """A sequence for which nothing is proposed.

    Parameters
    ----------
    role
        The sequence.
    reason
        Why; its `sentence` is what a reader is shown.
    body_share
        Share of the body's sagittal cross-section that is abnormal, where it is known.
    """

    role: SeriesRole = field(converter=SeriesRole)
    reason: AbstentionReason = field(converter=AbstentionReason)
    body_share: float | None = None
