"""What a hazard may depend on, and the models of it.

The covariates are those of Table 2 of Amini et al., AJNR 2016;37:387-392, and, where a cohort has
them, the instability score and the epidural grade before treatment, each separately only.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from attrs import evolve, frozen

from opp_mri.cohort.statistics.hazards import (
    Hazard,
    Regression,
    Trend,
    check_proportionality,
    fit_cox,
    fit_firth,
)
from opp_mri.cohort.statistics.members import (
    FractionGroup,
    Radiosensitivity,
    Region,
    classify_fractions,
    classify_radiosensitivity,
    find_age_at_radiosurgery,
    find_region,
)
from opp_mri.cohort.statistics.survival import FloatArray, Observed
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.visit import Visit
from opp_mri.response.assessed import AssessedLesion

NO_TIMES: Final = "No lesion has a time to analyse."


class Covariate(StrEnum):
    """What a hazard may depend on; the value reads in a sentence."""

    AGE = "age"
    DOSE = "dose"
    RADIOSENSITIVE = "radiosensitive histology"
    THORACIC = "thoracic level"
    SINGLE_FRACTION = "single fraction"
    SINS = "instability score (SINS)"
    EPIDURAL = "epidural disease before treatment"


PAPER_COVARIATES: Final = (
    Covariate.AGE,
    Covariate.DOSE,
    Covariate.RADIOSENSITIVE,
    Covariate.THORACIC,
    Covariate.SINGLE_FRACTION,
)
"""Those of the paper's Table 2."""

Columns = Mapping[Covariate, FloatArray]


@frozen(kw_only=True)
class Model:
    """Hazard ratios of one covariate, or of several at once.

    Parameters
    ----------
    n, events, left_out, events_left_out
        Lesions of which each covariate is known, those with the event, and the same of the others.
    cox, trends
        Cox's model and whether its ratios are the same on all days; errors by patient where a
        patient has several lesions. None where there is no lesion or too few events.
    cox_by_lesion
        The same ratios with lesions counting as independent, where `cox` has errors by patient.
    firth
        The same with Firth's penalty: where Cox's model has no finite ratios, and always for
        fractionation.
    reason
        Why there is no model at all.
    """

    covariates: tuple[Covariate, ...]
    n: int
    events: int
    left_out: int
    events_left_out: int
    cox: Regression | None = None
    trends: tuple[Trend, ...] = ()
    cox_by_lesion: Regression | None = None
    firth: Regression | None = None
    reason: str | None = None

    def choose_errors(self) -> list[tuple[Regression, Hazard]]:
        """Return each ratio of Cox's model with the errors that hold, and whose they are.

        By patient where a patient has several lesions; with too few events or patients for that,
        the wider of these and those by lesion.
        """
        cox, by_lesion = self.cox, self.cox_by_lesion
        if cox is None or cox.reason is not None:
            return []
        own = [(cox, hazard) for hazard in cox.hazards]
        if by_lesion is None or not cox.is_error_too_small:
            return own
        pairs_by_lesion = [(by_lesion, hazard) for hazard in by_lesion.hazards]
        return [
            max(pair, key=lambda choice: choice[1].standard_error or 0.0)
            for pair in zip(own, pairs_by_lesion, strict=True)
        ]


def get_covariate(
    lesion: Lesion, covariate: Covariate, visits: Sequence[Visit] = ()
) -> float | None:
    """Return age in years, dose in Gy, SINS in points, or 1 for yes and 0 for no.

    None where it is not known. A sacral lesion is None for `THORACIC`, which the paper compares
    with cervical and lumbar. Epidural disease is a grade of 1a or more at the latest visit up to
    the first fraction that has a grade.
    """
    coding: tuple[object, object, object]  # what it is, yes, no
    match covariate:
        case Covariate.AGE:
            age = find_age_at_radiosurgery(lesion)
            return None if age is None else float(age.years)
        case Covariate.DOSE:
            return None if lesion.dose_gy is None else float(lesion.dose_gy)
        case Covariate.SINS:
            return None if lesion.sins is None else float(lesion.sins)
        case Covariate.EPIDURAL:
            grades = [
                visit.epidural_grade
                for visit in visits
                if visit.epidural_grade is not None and visit.visit_date <= lesion.ssrs_first_date
            ]
            return float(grades[-1].rank > 0) if grades else None
        case Covariate.RADIOSENSITIVE:
            sensitivity = classify_radiosensitivity(lesion.histology)
            coding = sensitivity, Radiosensitivity.RADIOSENSITIVE, Radiosensitivity.UNKNOWN
        case Covariate.THORACIC:
            coding = find_region(lesion.level), Region.THORACIC, Region.SACRAL
        case Covariate.SINGLE_FRACTION:
            coding = classify_fractions(lesion), FractionGroup.SINGLE, FractionGroup.UNKNOWN
    value, yes, unknown = coding
    return None if value is unknown else float(value is yes)


def gather_covariates(lesions: Sequence[AssessedLesion]) -> dict[Covariate, FloatArray]:
    """Return the paper's covariates of each lesion, and of the others those that some lesion has.

    What is not known is NaN.
    """
    columns = {
        covariate: np.array(
            [get_covariate(lesion.lesion, covariate, lesion.visits) for lesion in lesions],
            dtype=np.float64,
        )
        for covariate in Covariate
    }
    return {
        covariate: column
        for covariate, column in columns.items()
        if covariate in PAPER_COVARIATES or np.isfinite(column).any()
    }


def select_covariates(columns: Columns, covariates: Sequence[Covariate]) -> FloatArray:
    """Return a row of each covariate, and a column of each lesion."""
    lesions = len(columns[Covariate.AGE])
    return np.array([columns[covariate] for covariate in covariates]).reshape(
        len(covariates), lesions
    )


def fit_each(observed: Observed | None, columns: Columns) -> tuple[Model, ...]:
    """Fit a model of each covariate by itself; a row of `observed` is of the lesion at its place.

    None means no rows.
    """
    return tuple(_fit(observed, columns, (covariate,), 0) for covariate in columns)


def fit_together(
    observed: Observed | None,
    columns: Columns,
    alone: Sequence[Model],
    events_per_covariate: int,
) -> Model:
    """Fit one model of the paper's covariates that have a ratio `alone`, if the events allow."""
    several = tuple(
        model.covariates[0]
        for model in alone
        if _has_ratios(model) and model.covariates[0] in PAPER_COVARIATES
    )
    return _fit(observed, columns, several, events_per_covariate)


def _has_ratios(model: Model) -> bool:
    return any(
        regression is not None and regression.reason is None
        for regression in (model.cox, model.firth)
    )


def _fit(
    observed: Observed | None,
    columns: Columns,
    covariates: tuple[Covariate, ...],
    events_per_covariate: int,
) -> Model:
    table = select_covariates(columns, covariates)
    is_known = np.asarray(np.isfinite(table).all(axis=0))
    events = np.zeros(0, dtype=np.bool_) if observed is None else observed.event
    model = Model(
        covariates=covariates, n=int(is_known.sum()), events=int(events[is_known].sum()),
        left_out=int((~is_known).sum()), events_left_out=int(events[~is_known].sum()),
    )  # fmt: skip
    reason = _find_obstacle(model, events_per_covariate)
    if observed is None or reason is not None:
        return evolve(model, reason=NO_TIMES if observed is None else reason)
    rows = observed.take(is_known)
    values = {
        covariate.value: row for covariate, row in zip(covariates, table[:, is_known], strict=True)
    }
    shared = len(np.unique(np.asarray(rows.patient))) < rows.n
    cox = fit_cox(rows, values, by_patient=shared)
    needs_firth = cox.reason is not None or Covariate.SINGLE_FRACTION in covariates
    trends = check_proportionality(rows, values)  # of one covariate, all at once is no other test
    return evolve(
        model,
        cox=cox,
        trends=trends if len(covariates) > 1 else trends[:1],
        cox_by_lesion=fit_cox(rows, values) if cox.patients is not None else None,
        firth=fit_firth(rows, values) if needs_firth else None,
    )


def _find_obstacle(model: Model, events_per_covariate: int) -> str | None:
    """Explain why no model is possible; `events_per_covariate` is 0 for a single covariate."""
    size, least_events = len(model.covariates), events_per_covariate * len(model.covariates)
    if events_per_covariate and size < 2:
        return "Fewer than two covariates have a hazard ratio of their own."
    if model.events < least_events:
        return (
            f"{size} covariates need {least_events} events, {events_per_covariate} for each; "
            f"there are {model.events}."
        )
    if not model.n:
        return f"{model.covariates[0].capitalize()} is not known of any lesion."
    return None
