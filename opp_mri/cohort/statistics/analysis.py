"""The statistics of a cohort: time to each event, competing events, and what they depend on.

One pure function, `analyse`, and the records it gives. What is not estimable has a reason; no
cohort, however small, raises. Sources: the statistical analysis and Table 2 of Amini et al., AJNR
2016;37:387-392, and those that `survival` and `hazards` name.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

import numpy as np
from attrs import evolve

from opp_mri.cohort.statistics.competing import fit_fine_gray, run_gray_test
from opp_mri.cohort.statistics.covariates import (
    NO_TIMES,
    Columns,
    Covariate,
    fit_each,
    fit_together,
    gather_covariates,
)
from opp_mri.cohort.statistics.endpoints import EventDay, describe_spread
from opp_mri.cohort.statistics.events import (
    DEATH_WITHIN_DAYS,
    Cause,
    Ending,
    Endpoint,
    LesionEvents,
    find_ending,
    find_first_event,
    find_worst_ending,
    gather_events,
    is_at_risk,
)
from opp_mri.cohort.statistics.exact_test import run_fisher_test
from opp_mri.cohort.statistics.hazards import Regression
from opp_mri.cohort.statistics.members import FractionGroup, classify_fractions, select_eligible
from opp_mri.cohort.statistics.results import (
    Arm,
    CohortAnalysis,
    Comparison,
    EndpointAnalysis,
    FollowUp,
    LandmarkAnalysis,
    OppByFractionation,
    PatientAnalysis,
)
from opp_mri.cohort.statistics.survival import (
    ALL,
    Curve,
    EventEstimate,
    LogRank,
    Observed,
    compute_median_days,
    count_at_risk,
    estimate_cumulative_incidence,
    estimate_kaplan_meier,
    follow_up_days,
    log_rank,
)
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.response.assessed import AssessedLesion

LANDMARK_DAY: Final = 182
"""6 months, the follow-up that a lesion of the paper must have."""
EVENTS_PER_COVARIATE: Final = 10
"""Peduzzi et al., J Clin Epidemiol 1995;48:1503-1510."""
NO_FRACTIONS: Final = "The fractions of all lesions are unknown."
RISK_DAYS: Final = (0, 91, 182, 364, 728)
"""Weeks 0, 13, 26, 52 and 104, at which those at risk are counted."""


CAUSES: Final = (Cause.OPP, Cause.LOCAL_FAILURE, Cause.DEATH)
MODELLED: Final = (Endpoint.OPP_FREE, Endpoint.PROGRESSION_FREE, Endpoint.LOCAL_CONTROL)


def analyse(
    lesions: Sequence[AssessedLesion],
    *,
    event_at: EventDay = EventDay.FIRST_GROWTH,
    landmark_day: int = LANDMARK_DAY,
    death_within_days: int = DEATH_WITHIN_DAYS,
    events_per_covariate: int = EVENTS_PER_COVARIATE,
) -> CohortAnalysis:
    """Compute the statistics of a cohort.

    Parameters
    ----------
    lesions
        All lesions; those that were not eligible on day 0 are left out.
    event_at
        The study at which OPP and progression are set.
    landmark_day
        Day from SSRS of the landmark analysis, not negative.
    death_within_days
        Longest time from the last follow-up to a death that still competes.
    events_per_covariate
        Events that a model of several covariates needs for each of them.
    """
    at_risk = [lesion for lesion in lesions if is_at_risk(lesion)]
    lesion_events = [gather_events(lesion, event_at=event_at) for lesion in at_risk]
    first = _observe_first(at_risk, lesion_events, death_within_days)
    endpoints = {
        endpoint: _analyse_endpoint(
            at_risk,
            endpoint,
            [
                find_ending(events_of_lesion, endpoint, death_within_days=death_within_days)
                for events_of_lesion in lesion_events
            ],
        )
        for endpoint in Endpoint
    }
    covariates = gather_covariates(at_risk)
    for endpoint in MODELLED:
        endpoints[endpoint] = _with_models(
            endpoints[endpoint], covariates, first, landmark_day, events_per_covariate
        )
    return CohortAnalysis(
        screened=tuple(lesions),
        lesions=tuple(at_risk),
        lesion_events=tuple(lesion_events),
        covariates=covariates,
        first=first,
        incidence=_estimate_first_incidence(first),
        n=len(at_risk),
        patients=len({lesion.patient_id for lesion in at_risk}),
        eligible=len(select_eligible(lesions)),
        event_at=event_at,
        death_within_days=death_within_days,
        events_per_covariate=events_per_covariate,
        landmark_day=landmark_day,
        by_endpoint=endpoints,
        follow_up=_follow_up(lesion_events, endpoints),
        fisher=_compare_fractionation(select_eligible(lesions)),
    )


def _analyse_endpoint(
    lesions: Sequence[AssessedLesion], endpoint: Endpoint, endings: Sequence[Ending]
) -> EndpointAnalysis:
    observed = _observe(lesions, [(ending.day, int(ending.event)) for ending in endings])
    competing = _observe(lesions, [(ending.first_day, ending.cause) for ending in endings])
    gray_test, model = _fit_subdistribution(competing)
    return EndpointAnalysis(
        endpoint=endpoint,
        events=0 if observed is None else observed.events,
        comparison=_compare(observed),
        competing=competing,
        incidence=() if competing is None else _estimate_incidence(competing, 1)[1],
        gray=gray_test,
        fine_gray=model,
        by_patient=_analyse_by_patient(lesions, endings),
    )


def _with_models(
    analysis: EndpointAnalysis,
    covariates: Columns,
    first: Observed | None,
    landmark_day: int,
    events_per_covariate: int,
) -> EndpointAnalysis:
    observed = analysis.comparison.observed
    models = fit_each(observed, covariates)
    return evolve(
        analysis,
        models=models,
        multivariable=fit_together(observed, covariates, models, events_per_covariate),
        landmark=_analyse_landmark(observed, first, landmark_day),
    )


def _analyse_by_patient(
    lesions: Sequence[AssessedLesion], endings: Sequence[Ending]
) -> PatientAnalysis:
    by_patient: dict[str, list[Ending]] = {}
    for lesion, ending in zip(lesions, endings, strict=True):
        by_patient.setdefault(lesion.patient_id, []).append(ending)
    worst = [find_worst_ending(several) for several in by_patient.values()]
    if not worst:
        return PatientAnalysis(patients=0, events=0, curve=None)
    observed = Observed(
        duration_days=[ending.day for ending in worst], event=[ending.event for ending in worst]
    )
    return PatientAnalysis(
        patients=observed.n, events=observed.events, curve=estimate_kaplan_meier(observed)[0]
    )


def _observe(lesions: Sequence[AssessedLesion], ends: Sequence[tuple[int, int]]) -> Observed | None:
    """Put day and cause of each lesion into columns; None where there is no lesion."""
    if not lesions:
        return None
    days, causes = np.array(ends).T
    return Observed(
        duration_days=np.maximum(days, 0),
        event=causes == 1,
        cause=causes,
        group=[classify_fractions(lesion.lesion) for lesion in lesions],
        patient=[lesion.patient_id for lesion in lesions],
    )


def _observe_first(
    lesions: Sequence[AssessedLesion], lesion_events: Sequence[LesionEvents], death_within_days: int
) -> Observed | None:
    codes = {Cause.CENSORED: 0} | {cause: n for n, cause in enumerate(CAUSES, 1)}
    ends = [
        find_first_event(events_of_lesion, death_within_days=death_within_days)
        for events_of_lesion in lesion_events
    ]
    return _observe(lesions, [(day, codes[cause]) for day, cause in ends])


def _select_fractions_known(observed: Observed) -> Observed | None:
    is_known = np.asarray(observed.group) != FractionGroup.UNKNOWN
    return observed.take(is_known) if is_known.any() else None


def _build_missing_test(n: int, events: int, reason: str) -> LogRank:
    return LogRank(chi_square=None, degrees_of_freedom=0, p=None, expected={}, n=n, events=events,
                   reason=reason)  # fmt: skip


def _log_rank(observed: Observed) -> LogRank:
    rows = _select_fractions_known(observed)
    if rows is None:
        return _build_missing_test(0, 0, NO_FRACTIONS)
    return log_rank(rows)


def _fit_subdistribution(competing: Observed | None) -> tuple[LogRank, Regression | None]:
    """Return Gray's test of the fraction groups, and the model of Fine and Gray."""
    rows = None if competing is None else _select_fractions_known(competing)
    if rows is None:
        return _build_missing_test(0, 0, NO_TIMES if competing is None else NO_FRACTIONS), None
    single = np.asarray(rows.group) == FractionGroup.SINGLE
    shared = len(np.unique(np.asarray(rows.patient))) < rows.n
    name = Covariate.SINGLE_FRACTION.value
    return run_gray_test(rows), fit_fine_gray(rows, {name: single * 1.0}, by_patient=shared)


def _sort_curves(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    order = [ALL, *FractionGroup]
    return tuple(sorted(curves, key=lambda curve: order.index(curve.group)))


def _compare(observed: Observed | None, reason: str = NO_TIMES) -> Comparison:
    if observed is None:
        test = _build_missing_test(0, 0, reason)
        return Comparison(arms=(), log_rank=test, observed=None, reason=reason)
    every = evolve(observed, group=None)
    counts = count_at_risk(every, RISK_DAYS) | count_at_risk(observed, RISK_DAYS)
    return Comparison(
        arms=tuple(
            Arm(
                group=curve.group,
                curve=curve,
                median=compute_median_days(curve),
                at_risk=counts[curve.group],
            )
            for curve in _sort_curves(
                [*estimate_kaplan_meier(every), *estimate_kaplan_meier(observed)]
            )
        ),
        log_rank=_log_rank(observed),
        observed=observed,
    )


def _analyse_landmark(
    observed: Observed | None, first: Observed | None, day: int
) -> LandmarkAnalysis:
    """Restart the clock of the lesions that are followed beyond a day without any event."""
    if observed is None or first is None:
        no_comparison = _compare(None)
        return LandmarkAnalysis(
            day=day, n=0, had_event=0, had_competing=0, censored=0, comparison=no_comparison
        )
    # a lesion may be out of this endpoint's follow-up while it is still followed for another
    later = (first.duration_days > day) & (observed.duration_days > day)
    own = observed.event & (observed.duration_days <= day)
    has_competing = ~own & (np.asarray(first.cause) > 0) & (first.duration_days <= day)
    at_risk = observed.take(later) if later.any() else None
    if at_risk is not None:
        at_risk = evolve(at_risk, duration_days=at_risk.duration_days - day)
    return LandmarkAnalysis(
        day=day,
        n=int(later.sum()),
        had_event=int((~later & own).sum()),
        had_competing=int(has_competing.sum()),
        censored=int((~later & ~own & ~has_competing).sum()),
        comparison=_compare(at_risk, f"No lesion is followed beyond day {day} without an event."),
    )


def _estimate_incidence(observed: Observed, causes: int) -> dict[int, tuple[Curve, ...]]:
    curves = _sort_curves(
        [
            *estimate_cumulative_incidence(evolve(observed, group=None), causes=causes),
            *estimate_cumulative_incidence(observed, causes=causes),
        ]
    )
    return {
        number: tuple(curve for curve in curves if curve.cause == number)
        for number in range(1, causes + 1)
    }


def _estimate_first_incidence(first: Observed | None) -> dict[Cause, tuple[Curve, ...]]:
    if first is None:
        return dict.fromkeys(CAUSES, ())
    by_number = _estimate_incidence(first, len(CAUSES))
    return {cause: by_number[number] for number, cause in enumerate(CAUSES, 1)}


def _follow_up(
    lesion_events: Sequence[LesionEvents], endpoints: Mapping[Endpoint, EndpointAnalysis]
) -> FollowUp:
    imaging, life = (
        EventEstimate(value=None, n=0, events=0, reason=NO_TIMES)
        if observed is None
        else follow_up_days(observed)
        for observed in (
            endpoints[endpoint].comparison.observed
            for endpoint in (Endpoint.LOCAL_CONTROL, Endpoint.SURVIVAL)
        )
    )
    study_days = [
        events_of_lesion.studies for events_of_lesion in lesion_events if events_of_lesion.studies
    ]
    gaps = [median(later - sooner for sooner, later in pairwise((0, *days))) for days in study_days]
    return FollowUp(
        imaging=imaging,
        life=life,
        studies=describe_spread([len(days) for days in study_days]),
        interval_days=describe_spread(gaps),
        without_study=len(lesion_events) - len(study_days),
    )


def _compare_fractionation(lesions: Sequence[AssessedLesion]) -> OppByFractionation:
    ends = {group: [0, 0] for group in FractionGroup}
    for lesion in lesions:
        counts = ends[classify_fractions(lesion.lesion)]
        counts[0] += lesion.assessment.category is ResponseCategory.OPP
        counts[1] += 1
    single, multi, unknown = ((events, n) for events, n in ends.values())
    return OppByFractionation(
        single=single, multi=multi, left_out=unknown[1], test=run_fisher_test(single, multi)
    )
