from datetime import date, timedelta
from decimal import Decimal
from statistics import NormalDist

import pytest
from fixtures.cohort_courses import COURSES, CRITERIA, cohort_lesion
from fixtures.makers import make_lesion
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.cohort.statistics.endpoints import (
    IntervalDay,
    ReturnToBaseline,
    describe_spread,
    find_peak_changes_mm,
    find_returns_to_baseline,
    find_time_to_peak,
)
from opp_mri.domain.assessment import Mode, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.classify import classify

OPP = COURSES[ResponseCategory.OPP]
PD = COURSES[ResponseCategory.PD]
RISING = {-10: 20, 50: 22.5, 87: 25, 180: 21, 260: 20}  # OPP; first growth before the peak
DAY_0 = date(2024, 2, 1)

LENGTHS = st.integers(0, 60).map(lambda tenths: Decimal(tenths) / 10)
ROWS = st.dictionaries(
    st.sampled_from([-20, 0, 40, 90, 150, 190, 260, 350]), LENGTHS, max_size=7
).map(lambda by_day: tuple(Observation(day, by_day[day]) for day in sorted(by_day)))
TIMELINES = st.dictionaries(st.sampled_from(SeriesRole), ROWS, max_size=3).map(
    lambda rows: Timeline(lesion_id="L", observations={k: row for k, row in rows.items() if row})
)


@st.composite
def lesions(draw: st.DrawFn) -> AssessedLesion:
    timeline = draw(TIMELINES)
    has_died = draw(st.none() | st.integers(1, 900))
    death_date = None if has_died is None else DAY_0 + timedelta(has_died)
    return AssessedLesion(
        lesion=make_lesion(death_date=death_date),
        timeline=timeline,
        assessment=classify(timeline, Rules(criteria=CRITERIA, mode=draw(st.sampled_from(Mode)))),
    )


def test_the_peak_lies_between_the_study_before_it_and_its_own() -> None:
    assert find_time_to_peak(cohort_lesion(t1=RISING)) == IntervalDay(after_day=50, day=87)


def test_a_peak_at_the_first_follow_up_lies_after_day_0_at_the_earliest() -> None:
    peak = find_time_to_peak(cohort_lesion(t1=OPP))
    assert peak == IntervalDay(after_day=-10, day=87)
    assert peak.earliest_day == 0


def test_the_peak_is_that_of_the_deciding_sequence() -> None:
    more = {-10: 20, 40: 27, 180: 21, 260: 20}
    timeline = cohort_lesion(t1=OPP, other_lengths={SeriesRole.T2FS: more})
    assert find_time_to_peak(timeline) == IntervalDay(after_day=-10, day=40)


@pytest.mark.parametrize("category", [ResponseCategory.PR, ResponseCategory.SD])
def test_a_lesion_that_never_grew_has_no_peak_and_no_return(category) -> None:
    timeline = cohort_lesion(t1=COURSES[category])
    assert find_time_to_peak(timeline) is None
    assert find_returns_to_baseline(timeline) == {}


def test_peak_changes_are_from_each_sequences_own_baseline_those_that_did_not_grow_too() -> None:
    rest = {SeriesRole.T2FS: {-10: 30, 87: 31, 260: 30}, SeriesRole.T1POST: {87: 25, 260: 20}}
    timeline = cohort_lesion(t1=OPP, other_lengths=rest)
    assert find_peak_changes_mm(timeline) == {SeriesRole.T1: 5, SeriesRole.T2FS: 1}


def test_a_return_is_the_first_study_after_the_peak_without_growth_or_never() -> None:
    never = {-10: 20, 87: 26, 180: 24, 300: 23.9}
    small = {-10: 20, 87: 21, 180: 20}
    timeline = cohort_lesion(
        t1=OPP, other_lengths={SeriesRole.T2FS: never, SeriesRole.T1POST: small}
    )
    assert find_returns_to_baseline(timeline) == {
        SeriesRole.T1: ReturnToBaseline(peak_day=87, day=180, last_day=260),
        SeriesRole.T2FS: ReturnToBaseline(peak_day=87, day=None, last_day=300),
    }


@given(assessed_lesion=lesions())
def test_peak_and_return_are_those_that_the_assessment_reports(assessed_lesion) -> None:
    sequences = assessed_lesion.assessment.sequences
    for role, change_mm in find_peak_changes_mm(assessed_lesion).items():
        assert change_mm == sequences[role].peak_change_mm
    for role, result in find_returns_to_baseline(assessed_lesion).items():
        assert result.day == sequences[role].return_to_baseline_day
    peak = find_time_to_peak(assessed_lesion)
    if peak is not None and assessed_lesion.assessment.deciding_sequence is not None:
        course = sequences[assessed_lesion.assessment.deciding_sequence]
        assert (peak.after_day, peak.day) == (course.peak_after_day, course.peak_day)


def test_the_days_that_the_rules_name_give_the_papers_digits() -> None:
    spread = describe_spread([day / 7 for day in (68, 76, 83, 87, 171)])
    assert spread is not None
    assert (f"{spread.mean:.1f}", f"{spread.least:.1f}", f"{spread.most:.1f}") == (
        "13.9", "9.7", "24.4",
    )  # fmt: skip
    assert (f"{spread.low:.1f}", f"{spread.high:.1f}") == ("6.4", "21.3")
    half = (spread.high or 0) - spread.mean
    normal = half / 2.7764451 * NormalDist().inv_cdf(0.975)  # t of 4 degrees of freedom
    assert (f"{spread.mean - normal:.1f}", f"{spread.mean + normal:.1f}") == ("8.6", "19.1")


def test_one_value_has_no_interval_and_none_has_no_spread() -> None:
    spread = describe_spread([3.0])
    assert spread is not None
    assert (spread.n, spread.mean, spread.median, spread.low, spread.high) == (
        1,
        3.0,
        3.0,
        None,
        None,
    )
    assert describe_spread([]) is None
