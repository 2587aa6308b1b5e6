"""A fit as a project keeps it, and what readers decided about it."""

from collections.abc import Iterable, Mapping, Sequence
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
        True where the level was found by all sequences of the visit together.
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


def select_confirmed_fits(
    alignments: Iterable[Alignment], decisions: Mapping[str, Sequence[AlignmentDecision]]
) -> list[Alignment]:
    """Return the fits that a reader has confirmed.

    Of two fits of the same volumes (another algorithm, another length) the latest decision counts.

    Parameters
    ----------
    alignments
        In any order.
    decisions
        By fit, the latest last.

    Returns
    -------
    list of Alignment
        In the order of their decisions.
    """
    decided_fits = [fit for fit in alignments if decisions.get(fit.fit_id)]
    decided_fits.sort(key=lambda fit: decisions[fit.fit_id][-1].recorded_at)
    latest = {
        (fit.lesion_id, fit.baseline_volume_id, fit.followup_volume_id): fit for fit in decided_fits
    }
    return [
        fit
        for fit in latest.values()
        if decisions[fit.fit_id][-1].decision is FitDecision.CONFIRMED
    ]
