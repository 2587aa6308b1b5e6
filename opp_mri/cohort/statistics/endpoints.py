"""The course of a lesion in numbers, and the spread of such numbers over lesions.

All are None where a lesion is not analysed: an exclusion applies, or it is INDETERMINATE.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from math import sqrt
from statistics import fmean, median, stdev

from attrs import frozen

from opp_mri.cohort.statistics.members import PAPER_ANSWERS
from opp_mri.domain.estimate import LEVEL
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.course import Course


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
class Spread:
    """How values of several lesions are spread, in their own unit.

    Parameters
    ----------
    low, high
        95% t interval of the mean; None for one value.
    """

    n: int
    mean: float
    low: float | None
    high: float | None
    median: float
    least: float
    most: float


def find_time_to_peak(lesion: AssessedLesion) -> IntervalDay | None:
    """Return the day of the peak on the deciding sequence; None where the lesion never grew.

    The peak is the first follow-up with the largest change. It is interval-censored by the visits:
    `after_day` is the study before it.
    """
    courses, deciding_sequence = _find_courses(lesion), lesion.assessment.deciding_sequence
    if deciding_sequence is None or deciding_sequence not in courses:
        return None
    baseline_day, course = courses[deciding_sequence]
    if not course.grew:
        return None
    days = [baseline_day, *course.days]
    return IntervalDay(after_day=days[course.peak], day=days[course.peak + 1])


def find_peak_changes_mm(lesion: AssessedLesion) -> dict[SeriesRole, Decimal]:
    """Return the largest change from its own baseline of each sequence that has one, mm.

    A sequence that did not grow is among them: to leave it out would make the mean larger.
    """
    return {sequence: course.peak_mm for sequence, (_, course) in _find_courses(lesion).items()}


def find_returns_to_baseline(lesion: AssessedLesion) -> dict[SeriesRole, ReturnToBaseline]:
    """Return the return to baseline of each sequence that grew.

    The paper's return "within an MR imaging measurement error" of 2 mm: the first follow-up after
    the peak that shows no growth.
    """
    return {
        sequence: ReturnToBaseline(
            peak_day=course.peak_day, day=course.return_to_baseline_day, last_day=course.last_day
        )
        for sequence, (_, course) in _find_courses(lesion).items()
        if course.grew
    }


def _find_courses(lesion: AssessedLesion) -> Mapping[SeriesRole, tuple[int, Course]]:
    return lesion.courses if lesion.assessment.category in PAPER_ANSWERS else {}


def describe_spread(values: Sequence[float]) -> Spread | None:
    """Describe values by mean, t interval, median and range; None where there are none."""
    n = len(values)
    if n == 0:
        return None
    mean, half = fmean(values), None
    if n > 1:
        from scipy.special import stdtrit  # slow to import

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
