from datetime import date, timedelta
from decimal import Decimal
from statistics import NormalDist

import pytest
from attrs import evolve
from fixtures.cohort_courses import COURSES, CRITERIA, cohort_lesion
from fixtures.makers import make_lesion
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.cohort.statistics.endpoints import (
    Cause,
    EventDay,
    FreeTime,
    IntervalDay,
    ReturnToBaseline,
    last_follow_up_day,
    opp_free_time,
    peak_changes_mm,
    progression_free_time,
    returns_to_baseline,
    spread,
    time_to_peak,
)
from opp_mri.cohort.statistics.members import PAPER_ANSWERS
from opp_mri.domain.assessment import Mode, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Exclusion, Observation, Timeline, TreatmentEvent
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
    died = draw(st.none() | st.integers(1, 900))
    death_date = None if died is None else DAY_0 + timedelta(died)
    return AssessedLesion(
        lesion=make_lesion(death_date=death_date),
        timeline=timeline,
        assessment=classify(timeline, Rules(criteria=CRITERIA, mode=draw(st.sampled_from(Mode)))),
    )


def test_the_peak_lies_between_the_study_before_it_and_its_own() -> None:
    assert time_to_peak(cohort_lesion(t1=RISING)) == IntervalDay(after_day=50, day=87)


def test_a_peak_at_the_first_follow_up_lies_after_day_0_at_the_earliest() -> None:
    peak = time_to_peak(cohort_lesion(t1=OPP))
    assert peak == IntervalDay(after_day=-10, day=87)
    assert peak.earliest_day == 0


def test_the_peak_is_that_of_the_deciding_sequence() -> None:
    more = {-10: 20, 40: 27, 180: 21, 260: 20}
    one = cohort_lesion(t1=OPP, others={SeriesRole.T2FS: more})
    assert time_to_peak(one) == IntervalDay(after_day=-10, day=40)


@pytest.mark.parametrize("category", [ResponseCategory.PR, ResponseCategory.SD])
def test_a_lesion_that_never_grew_has_no_peak_and_no_return(category) -> None:
    one = cohort_lesion(t1=COURSES[category])
    assert time_to_peak(one) is None
    assert returns_to_baseline(one) == {}


def test_peak_changes_are_from_each_sequences_own_baseline_those_that_did_not_grow_too() -> None:
    others = {SeriesRole.T2FS: {-10: 30, 87: 31, 260: 30}, SeriesRole.T1POST: {87: 25, 260: 20}}
    one = cohort_lesion(t1=OPP, others=others)
    assert peak_changes_mm(one) == {SeriesRole.T1: 5, SeriesRole.T2FS: 1}


def test_a_return_is_the_first_study_after_the_peak_without_growth_or_never() -> None:
    never = {-10: 20, 87: 26, 180: 24, 300: 23.9}
    small = {-10: 20, 87: 21, 180: 20}
    one = cohort_lesion(t1=OPP, others={SeriesRole.T2FS: never, SeriesRole.T1POST: small})
    assert returns_to_baseline(one) == {
        SeriesRole.T1: ReturnToBaseline(peak_day=87, day=180, last_day=260),
        SeriesRole.T2FS: ReturnToBaseline(peak_day=87, day=None, last_day=300),
    }


def test_opp_is_an_event_at_the_first_growth() -> None:
    assert opp_free_time(cohort_lesion(t1=RISING)) == FreeTime(
        duration_days=50, event=True, cause_day=50, cause=Cause.OPP, after_day=-10
    )


def test_the_event_can_be_set_at_the_peak() -> None:
    found = opp_free_time(cohort_lesion(t1=RISING), event_at=EventDay.PEAK)
    assert found is not None
    assert (found.duration_days, found.after_day) == (87, 50)


def test_a_progression_is_censored_for_opp_at_the_last_follow_up_and_competes_before() -> None:
    assert opp_free_time(cohort_lesion(t1=PD)) == FreeTime(
        duration_days=260, event=False, cause_day=80, cause=Cause.PROGRESSION
    )


def test_a_progression_is_an_event_at_the_first_growth() -> None:
    assert progression_free_time(cohort_lesion(t1=PD)) == FreeTime(
        duration_days=80, event=True, cause_day=80, cause=Cause.PROGRESSION, after_day=-10
    )


def test_opp_is_no_progression_and_competes_with_it() -> None:
    assert progression_free_time(cohort_lesion(t1=OPP)) == FreeTime(
        duration_days=260, event=False, cause_day=87, cause=Cause.OPP
    )


@pytest.mark.parametrize(
    ("died", "cause", "cause_day"),
    [
        (199, Cause.CENSORED, 200),  # before its last study: one of the two dates is wrong
        (200, Cause.DEATH, 200),
        (382, Cause.DEATH, 382),
        (383, Cause.CENSORED, 200),
    ],
)
def test_a_death_competes_when_no_two_visits_were_missed_before_it(died, cause, cause_day) -> None:
    one = cohort_lesion(death_date=DAY_0 + timedelta(died))
    for found in (opp_free_time(one), progression_free_time(one)):
        assert found == FreeTime(duration_days=200, event=False, cause_day=cause_day, cause=cause)


def test_how_long_a_death_competes_can_be_set() -> None:
    one = cohort_lesion(death_date=DAY_0 + timedelta(900))
    found = opp_free_time(one, death_within_days=10_000)
    assert found is not None
    assert found.cause_day == 900


def test_a_death_after_growth_does_not_count() -> None:
    one = cohort_lesion(t1=PD, death_date=DAY_0 + timedelta(270))
    found = progression_free_time(one)
    assert found is not None
    assert found.cause is Cause.PROGRESSION


def test_a_local_retreatment_ends_the_time_at_the_last_study_before_it() -> None:
    retreated = TreatmentEvent(210, EventKind.LOCAL_RETREATMENT)
    lengths = {-10: 20, 90: 20, 200: 20, 300: 30}
    one = cohort_lesion(retreated, t1=lengths, death_date=DAY_0 + timedelta(320))
    assert opp_free_time(one) == FreeTime(
        duration_days=200, event=False, cause_day=200, cause=Cause.CENSORED
    )


def test_a_sequence_without_a_baseline_does_not_lengthen_the_time() -> None:
    one = cohort_lesion(others={SeriesRole.T2FS: {90: 20, 400: 20}})
    assert last_follow_up_day(one) == 200


@pytest.mark.parametrize(
    "one",
    [
        cohort_lesion(TreatmentEvent(0, EventKind.EXCLUSION, Exclusion.CEMENT.value), t1=OPP),
        cohort_lesion(t1={60: 20, 200: 25}),
        cohort_lesion(t1={-10: 20}),
        cohort_lesion(t1={-10: 20, 90: 25}),
        cohort_lesion(t1={-10: 20, 90: 25}, mode=Mode.PROSPECTIVE),
    ],
    ids=["criterion", "no baseline", "no follow-up", "short", "open"],
)
def test_a_lesion_that_is_not_analysed_has_no_endpoint(one) -> None:
    assert opp_free_time(one) is progression_free_time(one) is time_to_peak(one) is None
    assert peak_changes_mm(one) == returns_to_baseline(one) == {}


@given(one=lesions(), event_at=st.sampled_from(EventDay))
def test_times_are_positive_events_are_of_their_category_and_competing_times_agree(
    one, event_at
) -> None:
    category = one.assessment.category
    opp, progression = (
        opp_free_time(one, event_at=event_at),
        progression_free_time(one, event_at=event_at),
    )
    assert (opp is None) is (progression is None) is (category not in PAPER_ANSWERS)
    if opp is None or progression is None:
        return
    assert opp.event is (category is ResponseCategory.OPP)
    assert progression.event is (category is ResponseCategory.PD)
    assert (opp.cause, opp.cause_day) == (progression.cause, progression.cause_day)
    for found in (opp, progression):
        assert 0 < found.duration_days <= (last_follow_up_day(one) or 0)
        assert found.cause_day > 0
        assert found.event is (found.after_day is not None)
        if found.after_day is not None:
            assert found.after_day < found.duration_days == found.cause_day


@given(one=lesions())
def test_the_first_growth_is_not_after_the_peak_and_the_return_is_after_it(one) -> None:
    for of in (opp_free_time, progression_free_time):
        first, peak = of(one), of(one, event_at=EventDay.PEAK)
        assert first is None or peak is None or first.duration_days <= peak.duration_days
    for found in returns_to_baseline(one).values():
        assert found.day is None or found.peak_day < found.day <= found.last_day


@given(one=lesions())
def test_peak_and_return_are_those_that_the_assessment_reports(one) -> None:
    reported = one.assessment.sequences
    for role, change_mm in peak_changes_mm(one).items():
        assert change_mm == reported[role].peak_change_mm
    for role, found in returns_to_baseline(one).items():
        assert found.day == reported[role].return_to_baseline_day
    peak = time_to_peak(one)
    if peak is not None and one.assessment.deciding_sequence is not None:
        deciding = reported[one.assessment.deciding_sequence]
        assert (peak.after_day, peak.day) == (deciding.peak_after_day, deciding.peak_day)


def test_the_days_that_the_rules_name_give_the_papers_digits() -> None:
    found = spread([day / 7 for day in (68, 76, 83, 87, 171)])
    assert found is not None
    assert (f"{found.mean:.1f}", f"{found.least:.1f}", f"{found.most:.1f}") == (
        "13.9", "9.7", "24.4",
    )  # fmt: skip
    assert (f"{found.low:.1f}", f"{found.high:.1f}") == ("6.4", "21.3")
    half = (found.high or 0) - found.mean
    normal = half / 2.7764451 * NormalDist().inv_cdf(0.975)  # t of 4 degrees of freedom
    assert (f"{found.mean - normal:.1f}", f"{found.mean + normal:.1f}") == ("8.6", "19.1")


def test_one_value_has_no_interval_and_none_has_no_spread() -> None:
    one = spread([3.0])
    assert one is not None
    assert (one.n, one.mean, one.median, one.low, one.high) == (1, 3.0, 3.0, None, None)
    assert spread([]) is None


def test_the_day_of_a_stricter_growth_is_later() -> None:
    exactly = {-10: 20, 50: 22, 87: 25, 180: 21, 260: 20}
    strict = evolve(CRITERIA, growth_inclusive=False)
    found = [opp_free_time(cohort_lesion(t1=exactly, criteria=c)) for c in (CRITERIA, strict)]
    assert [one and one.duration_days for one in found] == [50, 87]
