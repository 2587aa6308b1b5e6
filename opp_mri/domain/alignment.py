"""A fit as a project keeps it, and what readers decided about it."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

from attrs import field, frozen

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.registration import Fit


@frozen(kw_only=True, eq=False)
class Alignment:
    """One follow-up volume lined up on one baseline volume, as recorded.

    Parameters
    ----------
    fit_id
        Short and stable: the same inputs, parameters and version give the same id.
    lesion_id
        The lesion around which the fit was made, or None for the common field of view.
    baseline_volume_id, followup_volume_id
        The volumes.
    brought_along
        True where the transform is that of the study's T1, judged on this sequence.
    algorithm_version, parameters
        What made it.
    """

    fit_id: str
    patient_id: str
    lesion_id: str | None
    sequence: SeriesRole
    baseline_volume_id: str
    followup_volume_id: str
    baseline_study_date: date
    followup_study_date: date
    brought_along: bool
    algorithm_version: str
    parameters: Mapping[str, float] = field(repr=False)
    fit: Fit = field(repr=False)
    recorded_at: datetime


class FitDecision(StrEnum):
    """What a reader decided about a fit."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@frozen(kw_only=True)
class AlignmentDecision:
    """A reader's decision about a fit; a later one supersedes it and gives a reason."""

    fit_id: str
    decision: FitDecision
    reader: str
    reason: str = ""
    recorded_at: datetime
