"""The statistics of a cohort: time free of OPP and of progression, and what they depend on.

One pure function, `analyse`, and the records it gives. What cannot be had has a reason in words; no
cohort, however small, raises. Sources: the statistical analysis and Table 2 of Amini et al., AJNR
2016;37:387-392, and those that `survival` and `hazards` name.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from attrs import evolve, field, frozen

from opp_mri.cohort.statistics.covariates import NO_TIMES, Model, fit_each, fit_together
from opp_mri.cohort.statistics.endpoints import (
    DEATH_WITHIN_DAYS,
    Cause,
    EventDay,
    FreeTime,
    opp_free_time,
    progression_free_time,
)
from opp_mri.cohort.statistics.members import (
    FractionGroup,
    eligible_of,
    fraction_group,
)
from opp_mri.cohort.statistics.survival import (
    ALL,
    Curve,
    Estimate,
    Fisher,
    LogRank,
    Observed,
    cumulative_incidence,
    fisher,
    kaplan_meier,
    landmark,
    log_rank,
    median_days,
    numbers_at_risk,
)
from opp_mri.response.assessed import AssessedLesion

LANDMARK_DAY: Final = 182
"""6 months, the follow-up that a lesion of the paper must have."""
EVENTS_PER_COVARIATE: Final = 10
"""Peduzzi et al., J Clin Epidemiol 1995;48:1503-1510."""
RISK_DAYS: Final = (0, 91, 182, 364, 728)
"""Weeks 0, 13, 26, 52 and 104, at which those at risk are counted."""


class Endpoint(StrEnum):
    """What a lesion is free of."""

    OPP_FREE = "opp_free"
    PROGRESSION_FREE = "progression_free"


@frozen(kw_only=True)
class Arm:
    """Lesions of one group, or of all: the share without the event by day.

    `at_risk` counts those at risk on each of `RISK_DAYS`.
    """

    group: str
    curve: Curve
    median: Estimate
    at_risk: tuple[int, ...]


@frozen(kw_only=True, eq=False)
class Comparison:
    """All lesions, then each fraction group that has any; and the log-rank test between the two.

    `observed` holds the rows, for whom other days are to be counted; None where there are none.
    Lesions of which the fractions are unknown have an arm of their own and are not in the test.
    """

    arms: tuple[Arm, ...]
    log_rank: LogRank
    observed: Observed | None
    reason: str | None = None


@frozen(kw_only=True, eq=False)
class LandmarkAnalysis:
    """Lesions followed beyond a day without OPP, progression or death, their clock restarted on it.

    The other counts are of those left out: they had the event, another one, or ended without.
    """

    day: int
    n: int
    had_event: int
    had_competing: int
    censored: int
    comparison: Comparison


@frozen(kw_only=True, eq=False)
class EndpointAnalysis:
    """One endpoint: curves and test from day 0, a model of each covariate and of all, landmark."""

    endpoint: Endpoint
    events: int
    comparison: Comparison
    models: tuple[Model, ...]
    multivariable: Model
    landmark: LandmarkAnalysis


@frozen(kw_only=True)
class CauseIncidence:
    """Share with one cause by day, the others competing: all lesions, then each fraction group.

    The log-rank test compares the hazard of the cause itself; it is not Gray's test.
    """

    cause: Cause
    curves: tuple[Curve, ...]
    log_rank: LogRank
    reason: str | None = None


@frozen(kw_only=True)
class OppByFractionation:
    """OPP and lesions of each arm, and Fisher's exact test; single fraction to multifraction."""

    single: tuple[int, int]
    multi: tuple[int, int]
    left_out: int
    test: Fisher


@frozen(kw_only=True, eq=False)
class CohortAnalysis:
    """The statistics of a cohort.

    Parameters
    ----------
    lesions
        Those that have a time, in the order of the rows of each `observed`; n of them.
    competing
        How each of them first ended: cause 1 OPP, 2 progression, 3 death. None without lesions.
    n, patients
        Lesions that have a time, and their patients.
    eligible
        Lesions that no exclusion of the paper applies to. As known today, some have no time yet.
    event_at, death_within_days, events_per_covariate
        As `analyse` was asked.
    """

    lesions: tuple[AssessedLesion, ...] = field(repr=False)
    competing: Observed | None
    n: int
    patients: int
    eligible: int
    event_at: EventDay
    death_within_days: int
    events_per_covariate: int
    opp_free: EndpointAnalysis
    progression_free: EndpointAnalysis
    incidence: tuple[CauseIncidence, ...]
    fisher: OppByFractionation

    @property
    def endpoints(self) -> tuple[EndpointAnalysis, EndpointAnalysis]:
        """The two endpoints."""
        return self.opp_free, self.progression_free


_TIME_OF: Final = {
    Endpoint.OPP_FREE: opp_free_time,
    Endpoint.PROGRESSION_FREE: progression_free_time,
}
CAUSES: Final = (Cause.OPP, Cause.PROGRESSION, Cause.DEATH)
CAUSE_OF: Final = {
    Endpoint.OPP_FREE: Cause.OPP,
    Endpoint.PROGRESSION_FREE: Cause.PROGRESSION,
}


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
        All lesions; those that an exclusion applies to are left out.
    event_at, death_within_days
        As for `opp_free_time`.
    landmark_day
        Day from SSRS of the landmark analysis, not negative.
    events_per_covariate
        Events that a model of several covariates needs for each of them.
    """
    eligible = eligible_of(lesions)
    found = [
        (one, {endpoint: time(one, event_at=event_at, death_within_days=death_within_days)
               for endpoint, time in _TIME_OF.items()})
        for one in eligible
    ]  # fmt: skip
    told = [(one, times) for one, times in found if all(times.values())]
    those = [one for one, _ in told]
    times = {e: [time for _, t in told if (time := t[e])] for e in Endpoint}
    opp_free, progression_free = (
        _endpoint(those, endpoint, times[endpoint], landmark_day, events_per_covariate)
        for endpoint in Endpoint
    )
    competing = _competing(those, times[Endpoint.OPP_FREE], Cause.OPP)
    return CohortAnalysis(
        lesions=tuple(those),
        competing=competing,
        n=len(those),
        patients=len({one.patient_id for one in those}),
        eligible=len(eligible),
        event_at=event_at,
        death_within_days=death_within_days,
        events_per_covariate=events_per_covariate,
        opp_free=opp_free,
        progression_free=progression_free,
        incidence=_incidence(competing),
        fisher=_fisher(those, times[Endpoint.OPP_FREE]),
    )


def _endpoint(
    lesions: Sequence[AssessedLesion],
    endpoint: Endpoint,
    times: Sequence[FreeTime],
    landmark_day: int,
    events_per_covariate: int,
) -> EndpointAnalysis:
    observed = _observed(lesions, [(time.duration_days, int(time.event)) for time in times])
    models = fit_each(observed, lesions)
    return EndpointAnalysis(
        endpoint=endpoint,
        events=0 if observed is None else observed.events,
        comparison=_compare(observed),
        models=models,
        multivariable=fit_together(observed, lesions, models, events_per_covariate),
        landmark=_landmark(_competing(lesions, times, CAUSE_OF[endpoint]), landmark_day),
    )


def _observed(
    lesions: Sequence[AssessedLesion], ends: Sequence[tuple[int, int]]
) -> Observed | None:
    """Put day and cause of each lesion into columns; None where there is no lesion."""
    if not lesions:
        return None
    days, causes = np.array(ends).T
    return Observed(
        duration_days=days,
        event=causes == 1,
        cause=causes,
        group=[fraction_group(one.lesion) for one in lesions],
        patient=[one.patient_id for one in lesions],
    )


def _competing(
    lesions: Sequence[AssessedLesion], times: Sequence[FreeTime], of_interest: Cause
) -> Observed | None:
    others = [one for one in CAUSES if one is not of_interest]
    codes = {one: n for n, one in enumerate([Cause.CENSORED, of_interest, *others])}
    return _observed(lesions, [(time.cause_day, codes[time.cause]) for time in times])


def _fractions_known(observed: Observed) -> Observed | None:
    known = np.asarray(observed.group) != FractionGroup.UNKNOWN
    return observed.take(known) if known.any() else None


def _no_test(n: int, events: int, reason: str) -> LogRank:
    return LogRank(chi_square=None, degrees_of_freedom=0, p=None, expected={}, n=n, events=events,
                   reason=reason)  # fmt: skip


def _log_rank(observed: Observed) -> LogRank:
    known = _fractions_known(observed)
    if known is None:
        return _no_test(0, 0, "The fractions of no lesion are known.")
    return log_rank(known)


def _in_order(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    order = [ALL, *FractionGroup]
    return tuple(sorted(curves, key=lambda curve: order.index(curve.group)))


def _compare(observed: Observed | None, reason: str = NO_TIMES) -> Comparison:
    if observed is None:
        test = _no_test(0, 0, reason)
        return Comparison(arms=(), log_rank=test, observed=None, reason=reason)
    every = evolve(observed, group=None)
    counts = numbers_at_risk(every, RISK_DAYS) | numbers_at_risk(observed, RISK_DAYS)
    return Comparison(
        arms=tuple(
            Arm(group=one.group, curve=one, median=median_days(one), at_risk=counts[one.group])
            for one in _in_order([*kaplan_meier(every), *kaplan_meier(observed)])
        ),
        log_rank=_log_rank(observed),
        observed=observed,
    )


def _landmark(observed: Observed | None, day: int) -> LandmarkAnalysis:
    if observed is None or not (observed.duration_days > day).any():
        causes = np.zeros(0) if observed is None else np.asarray(observed.cause)
        return LandmarkAnalysis(
            day=day, n=0, had_event=int((causes == 1).sum()), had_competing=int((causes > 1).sum()),
            censored=int((causes == 0).sum()),
            comparison=_compare(None, f"No lesion is followed beyond day {day} without an event."),
        )  # fmt: skip
    found = landmark(observed, day)
    return LandmarkAnalysis(
        day=day, n=found.observed.n, had_event=found.had_event, had_competing=found.had_competing,
        censored=found.censored, comparison=_compare(found.observed),
    )  # fmt: skip


def _incidence(observed: Observed | None) -> tuple[CauseIncidence, ...]:
    if observed is None:
        none = _no_test(0, 0, NO_TIMES)
        return tuple(
            CauseIncidence(cause=one, curves=(), log_rank=none, reason=NO_TIMES) for one in CAUSES
        )
    curves = _in_order(
        [
            *cumulative_incidence(evolve(observed, group=None), causes=len(CAUSES)),
            *cumulative_incidence(observed, causes=len(CAUSES)),
        ]
    )
    return tuple(
        CauseIncidence(
            cause=cause,
            curves=tuple(one for one in curves if one.cause == number),
            log_rank=_log_rank(evolve(observed, event=observed.cause == number, cause=None)),
        )
        for number, cause in enumerate(CAUSES, start=1)
    )


def _fisher(lesions: Sequence[AssessedLesion], times: Sequence[FreeTime]) -> OppByFractionation:
    ends = {group: [0, 0] for group in FractionGroup}
    for one, time in zip(lesions, times, strict=True):
        counts = ends[fraction_group(one.lesion)]
        counts[0] += time.event
        counts[1] += 1
    single, multi, unknown = ((events, n) for events, n in ends.values())
    return OppByFractionation(
        single=single, multi=multi, left_out=unknown[1], test=fisher(single, multi)
    )
