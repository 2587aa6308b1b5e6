"""Times and sizes of a lesion that a cohort is analysed by, in days from SSRS, and their spread.

All are None where a lesion is not analysed: an exclusion applies, or (in prospective mode) it is
INDETERMINATE. They use the category, and so the future: an analysis from day 0 by them needs a
landmark or a word on it.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from math import sqrt
from statistics import fmean, median, stdev
from typing import Final

from attrs import frozen
from scipy.special import stdtrit

from opp_mri.cohort.statistics.members import PAPER_ANSWERS
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.course import Course, studies_that_count
from opp_mri.units import days_between

DEATH_WITHIN_DAYS: Final = 182
"""A later death competes no more: two of the paper's visits, 3 months apart, had been missed."""


LEVEL: Final = 0.95


class Cause(StrEnum):
    """How the time of a lesion ended, where causes compete."""

    OPP = "opp"
    PROGRESSION = "progression"
    DEATH = "death"
    CENSORED = "censored"


class EventDay(StrEnum):
    """Which study of a lesion that grew is the event."""

    FIRST_GROWTH = "first_growth"
    PEAK = "peak"


@frozen(kw_only=True)
class IntervalDay:
    """A day that is known from studies only.

    Parameters
    ----------
    after_day
        Day of the study before, negative where that is a baseline before SSRS.
    day
        Day of the study that shows it.
    """

    after_day: int
    day: int

    @property
    def earliest_day(self) -> int:
        """Lower bound, counted from SSRS: what grows after it does not grow before day 0."""
        return max(0, self.after_day)


@frozen(kw_only=True)
class ReturnToBaseline:
    """When a sequence that grew showed no growth any more.

    Parameters
    ----------
    peak_day
        Day of the peak.
    day
        First follow-up after the peak that shows no growth, or None: never in the follow-up.
    last_day
        Last follow-up of the sequence: a return is censored there.
    """

    peak_day: int
    day: int | None
    last_day: int


@frozen(kw_only=True)
class FreeTime:
    """How long a lesion was free of an event.

    Parameters
    ----------
    duration_days, event
        For Kaplan-Meier and Cox: days from completion of SSRS to the event, or without one to the
        last follow-up (censored).
    cause_day, cause
        For competing risks: the first of OPP, progression and death, or the last follow-up. Both
        endpoints have the same.
    after_day
        Day of the study before the event, which is interval-censored by the visits; None without
        an event.
    """

    duration_days: int
    event: bool
    cause_day: int
    cause: Cause
    after_day: int | None = None


@frozen(kw_only=True)
class Spread:
    """How values of several lesions are spread, in their own unit.

    Parameters
    ----------
    low, high
        95 % t interval of the mean; None for one value.
    """

    n: int
    mean: float
    low: float | None
    high: float | None
    median: float
    least: float
    most: float


def time_to_peak(one: AssessedLesion) -> IntervalDay | None:
    """Give the day of the peak on the deciding sequence; None where the lesion never grew.

    The peak is the first follow-up with the largest change. It is interval-censored by the visits:
    `after_day` is the study before it.
    """
    grown = _grown(one)
    return None if grown is None else grown[EventDay.PEAK]


def peak_changes_mm(one: AssessedLesion) -> dict[SeriesRole, Decimal]:
    """Give the largest change from its own baseline of each sequence that has one, mm.

    A sequence that did not grow is among them: to leave it out would make the mean larger.
    """
    return {sequence: course.peak_mm for sequence, (_, course) in _courses(one).items()}


def returns_to_baseline(one: AssessedLesion) -> dict[SeriesRole, ReturnToBaseline]:
    """Give the return to baseline of each sequence that grew.

    The paper's return "within an MR imaging measurement error" of 2 mm: the first follow-up after
    the peak that shows no growth.
    """
    return {
        sequence: ReturnToBaseline(
            peak_day=course.peak_day, day=course.return_to_baseline_day, last_day=course.last_day
        )
        for sequence, (_, course) in _courses(one).items()
        if course.grew
    }


def opp_free_time(
    one: AssessedLesion,
    *,
    event_at: EventDay = EventDay.FIRST_GROWTH,
    death_within_days: int = DEATH_WITHIN_DAYS,
) -> FreeTime | None:
    """Give the OPP-free time of a lesion.

    Parameters
    ----------
    one
        The lesion.
    event_at
        The study of the deciding sequence at which the event is set.
    death_within_days
        Longest time from the last follow-up to a death that still competes.

    Notes
    -----
    The paper says neither where its OPP-free survival begins nor on which day OPP occurs. Here it
    begins at the completion of SSRS, as all of the paper's times do, and the event is the first
    follow-up that shows growth of a lesion whose category is OPP. All others are censored at their
    last follow-up, those with progression too: then every censoring comes after 6 months, as the
    log-rank bound of 0.0060 from the paper's counts supposes (it prints P = .005).
    """
    return _free_time(one, ResponseCategory.OPP, event_at, death_within_days)


def progression_free_time(
    one: AssessedLesion,
    *,
    event_at: EventDay = EventDay.FIRST_GROWTH,
    death_within_days: int = DEATH_WITHIN_DAYS,
) -> FreeTime | None:
    """Give the time to progression of the treated lesion.

    Parameters
    ----------
    one, event_at, death_within_days
        As for `opp_free_time`.

    Notes
    -----
    From the completion of SSRS to the first follow-up that shows growth of a lesion whose category
    is PD; all others, OPP among them, are censored at their last follow-up. A death is no event
    here, as it says nothing of the lesion: it competes (`cause`). Who wants it as an event takes
    `cause_day` with the causes progression and death.
    """
    return _free_time(one, ResponseCategory.PD, event_at, death_within_days)


def last_follow_up_day(one: AssessedLesion) -> int | None:
    """Give the last follow-up on any sequence that has a baseline: only these can show growth."""
    return max((course.last_day for _, course in _courses(one).values()), default=None)


def _free_time(
    one: AssessedLesion, of: ResponseCategory, event_at: EventDay, death_within_days: int
) -> FreeTime | None:
    last_day, grown = last_follow_up_day(one), _grown(one)
    if last_day is None:
        return None
    if grown is not None:  # then the category is OPP or PD
        growth = grown[event_at]
        opp = one.assessment.category is ResponseCategory.OPP
        event = one.assessment.category is of
        return FreeTime(
            duration_days=growth.day if event else last_day,
            event=event,
            cause_day=growth.day,
            cause=Cause.OPP if opp else Cause.PROGRESSION,
            after_day=growth.after_day if event else None,
        )
    death_day = _competing_death_day(one, last_day, death_within_days)
    return FreeTime(
        duration_days=last_day,
        event=False,
        cause_day=last_day if death_day is None else death_day,
        cause=Cause.CENSORED if death_day is None else Cause.DEATH,
    )


def _competing_death_day(one: AssessedLesion, last_day: int, within_days: int) -> int | None:
    """Give the day of a death that ended the lesion's time, or None.

    None too after a local retreatment, which had ended it, and for a death before the last study.
    """
    if one.lesion.death_date is None or one.assessment.retreatment_day is not None:
        return None
    day = days_between(one.lesion.ssrs_last_date, one.lesion.death_date)
    return day if 0 <= day - last_day <= within_days else None


def _grown(one: AssessedLesion) -> dict[EventDay, IntervalDay] | None:
    """Give first growth and peak of the deciding sequence; None where it did not grow."""
    courses = _courses(one)
    if not courses or one.assessment.deciding_sequence is None:
        return None
    baseline_day, course = courses[one.assessment.deciding_sequence]
    if not course.grew:
        return None
    days = [baseline_day, *course.days]
    places = {EventDay.FIRST_GROWTH: course.grown[0], EventDay.PEAK: course.peak}
    return {
        which: IntervalDay(after_day=days[place], day=days[place + 1])
        for which, place in places.items()
    }


def _courses(one: AssessedLesion) -> dict[SeriesRole, tuple[int, Course]]:
    """Give baseline day and course of each sequence that has both a baseline and a follow-up."""
    if one.assessment.category not in PAPER_ANSWERS:
        return {}
    return {
        sequence: (
            studied.baseline.days_from_ssrs,
            Course(studied.baseline, studied.follow_ups, one.assessment.criteria),
        )
        for sequence, studied in studies_that_count(one.timeline).items()
        if studied.baseline is not None and studied.follow_ups
    }


def spread(values: Sequence[float]) -> Spread | None:
    """Describe values by mean, t interval, median and range; None where there are none."""
    n = len(values)
    if n == 0:
        return None
    mean, half = fmean(values), None
    if n > 1:
        half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * stdev(values) / sqrt(n)
    return Spread(
        n=n,
        mean=mean,
        low=None if half is None else mean - half,
        high=None if half is None else mean + half,
        median=median(values),
        least=min(values),
        most=max(values),
    )
