"""What happened to a lesion, by day, and its time to each endpoint."""

from datetime import date, timedelta

import pytest
from fixtures.cohort_courses import COURSES, cohort_lesion

from opp_mri.cohort.statistics.endpoints import EventDay, IntervalDay
from opp_mri.cohort.statistics.events import (
    Cause,
    Ending,
    Endpoint,
    find_ending,
    find_first_event,
    find_worst_ending,
    gather_events,
    is_at_risk,
)
from opp_mri.domain.assessment import Mode, ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Exclusion, TreatmentEvent

DAY_0 = date(2024, 2, 1)
OPP, PD = COURSES[ResponseCategory.OPP], COURSES[ResponseCategory.PD]
RISING = {-10: 20, 50: 22.5, 87: 25, 180: 21, 260: 20}
OPP_THEN_PD = {-10: 20, 70: 25, 160: 20, 250: 20, 365: 20, 540: 24, 640: 28}


def ending(lesion, endpoint: Endpoint, **choices: int) -> Ending:
    return find_ending(gather_events(lesion), endpoint, **choices)


def died(day: int) -> dict[str, date]:
    return {"death_date": DAY_0 + timedelta(day)}


def retreated(day: int) -> TreatmentEvent:
    return TreatmentEvent(day, EventKind.LOCAL_RETREATMENT)


def test_opp_is_an_event_at_the_first_growth_and_no_progression() -> None:
    lesion = cohort_lesion(t1=RISING)
    assert ending(lesion, Endpoint.OPP_FREE) == Ending(
        day=50, event=True, first_day=50, cause=1, after_day=-10
    )
    assert ending(lesion, Endpoint.PROGRESSION_FREE) == Ending(
        day=260, event=False, first_day=260, cause=0
    )


def test_the_event_can_be_set_at_the_peak() -> None:
    result = gather_events(cohort_lesion(t1=RISING), event_at=EventDay.PEAK)
    assert result.opp == IntervalDay(after_day=50, day=87)


def test_a_progression_is_censored_for_opp_at_the_last_follow_up_and_competes_before() -> None:
    lesion = cohort_lesion(t1=PD)
    assert ending(lesion, Endpoint.OPP_FREE) == Ending(day=260, event=False, first_day=80, cause=2)
    assert ending(lesion, Endpoint.PROGRESSION_FREE) == Ending(
        day=80, event=True, first_day=80, cause=1, after_day=-10
    )


@pytest.mark.parametrize("mode", Mode)
def test_a_progression_after_an_opp_is_dated_to_the_growth_after_the_fall(mode) -> None:
    result = gather_events(cohort_lesion(t1=OPP_THEN_PD, mode=mode))
    assert result.opp == IntervalDay(after_day=-10, day=70)
    assert result.progression == IntervalDay(after_day=365, day=540)
    assert find_first_event(result) == (70, Cause.OPP)
    for endpoint, day in ((Endpoint.OPP_FREE, 70), (Endpoint.PROGRESSION_FREE, 540)):
        assert (find_ending(result, endpoint).day, find_ending(result, endpoint).event) == (
            day,
            True,
        )


def test_a_growth_that_dips_without_having_been_opp_keeps_its_first_day() -> None:
    dip = {-10: 20, 70: 30, 110: 26, 150: 31, 260: 33}
    result = gather_events(cohort_lesion(t1=dip))
    assert result.opp is None
    assert result.progression == IntervalDay(after_day=-10, day=70)


@pytest.mark.parametrize("mode", Mode)
def test_a_lesion_retreated_for_its_growth_has_progression_and_local_failure(mode) -> None:
    lesion = cohort_lesion(retreated(104), t1={-10: 20, 45: 20, 90: 25}, mode=mode)
    result = gather_events(lesion)
    assert result.unresolved
    assert result.progression == IntervalDay(after_day=45, day=90)
    local = find_ending(result, Endpoint.LOCAL_CONTROL)
    assert (local.day, local.event) == (90, True)
    opp = find_ending(result, Endpoint.OPP_FREE)
    assert (opp.day, opp.event, opp.first_day, opp.cause) == (90, False, 90, 2)


def test_a_retreatment_without_growth_is_a_local_failure_on_its_day() -> None:
    lesion = cohort_lesion(retreated(100), t1={-10: 20, 90: 20})
    assert is_at_risk(lesion)
    assert ending(lesion, Endpoint.LOCAL_CONTROL) == Ending(
        day=100, event=True, first_day=100, cause=1
    )
    progression = ending(lesion, Endpoint.PROGRESSION_FREE)
    assert progression == Ending(day=90, event=False, first_day=100, cause=2)


def test_growth_that_may_still_be_opp_ends_the_time_without_an_event() -> None:
    for t1 in ({-10: 20, 90: 25}, {-10: 20, 90: 25, 130: 20}):
        result = gather_events(cohort_lesion(t1=t1, mode=Mode.PROSPECTIVE, **died(140)))
        assert (result.unresolved, result.open_day, result.progression) == (True, 90, None)
        for endpoint in (Endpoint.OPP_FREE, Endpoint.PROGRESSION_FREE, Endpoint.LOCAL_CONTROL):
            assert find_ending(result, endpoint) == Ending(
                day=90, event=False, first_day=90, cause=0
            )
        assert find_first_event(result) == (90, Cause.CENSORED)


def test_growth_after_the_window_for_opp_counts_as_progression_while_it_lasts() -> None:
    late = {-10: 20, 100: 20, 190: 20, 280: 25}
    result = gather_events(cohort_lesion(t1=late, mode=Mode.PROSPECTIVE))
    assert result.unresolved
    assert result.progression == IntervalDay(after_day=190, day=280)


@pytest.mark.parametrize(
    ("day", "cause", "first_day"), [(199, 0, 200), (200, 2, 200), (382, 2, 382), (383, 0, 200)]
)
def test_a_death_competes_when_no_two_visits_were_missed_before_it(day, cause, first_day) -> None:
    lesion = cohort_lesion(**died(day))
    for endpoint in (Endpoint.OPP_FREE, Endpoint.PROGRESSION_FREE, Endpoint.LOCAL_CONTROL):
        result = ending(lesion, endpoint)
        assert (result.cause, result.first_day, result.event) == (cause, first_day, False)
    assert ending(lesion, Endpoint.OPP_FREE, death_within_days=10_000).cause == (day >= 200) * 2


def test_every_death_is_an_event_of_survival_and_contact_ends_it_otherwise() -> None:
    late = ending(cohort_lesion(**died(900)), Endpoint.SURVIVAL)
    assert (late.day, late.event) == (900, True)
    alive_lesion = cohort_lesion(last_contact_date=DAY_0 + timedelta(700))
    assert ending(alive_lesion, Endpoint.SURVIVAL) == Ending(
        day=700, event=False, first_day=700, cause=0
    )
    assert ending(cohort_lesion(), Endpoint.SURVIVAL).day == 200


def test_a_fracture_is_an_event_unless_the_lesion_was_retreated_before() -> None:
    fracture = TreatmentEvent(150, EventKind.FRACTURE, "wedge")
    result = ending(cohort_lesion(fracture), Endpoint.FRACTURE_FREE)
    assert (result.day, result.event) == (150, True)
    after = cohort_lesion(retreated(100), fracture, t1={-10: 20, 90: 20})
    assert ending(after, Endpoint.FRACTURE_FREE) == Ending(
        day=90, event=False, first_day=100, cause=2
    )
    eventless_lesion = cohort_lesion(TreatmentEvent(150, EventKind.FRACTURE, "none"))
    assert not ending(eventless_lesion, Endpoint.FRACTURE_FREE).event


def test_a_lesion_without_a_follow_up_is_censored_on_day_0() -> None:
    lesion = cohort_lesion(t1={-10: 20})
    assert is_at_risk(lesion)
    assert ending(lesion, Endpoint.PROGRESSION_FREE) == Ending(
        day=0, event=False, first_day=0, cause=0
    )


@pytest.mark.parametrize(
    "lesion",
    [
        cohort_lesion(TreatmentEvent(0, EventKind.EXCLUSION, Exclusion.CEMENT.value), t1=OPP),
        cohort_lesion(t1={60: 20, 200: 25}),
    ],
    ids=["criterion", "no baseline"],
)
def test_a_lesion_that_was_not_eligible_on_day_0_is_not_at_risk(lesion) -> None:
    assert not is_at_risk(lesion)


def test_a_sequence_without_a_baseline_does_not_lengthen_the_time() -> None:
    lesion = cohort_lesion(other_lengths={SeriesRole.T2FS: {90: 20, 400: 20}})
    assert gather_events(lesion).last_day == 200


def test_a_patient_has_the_first_event_or_else_the_longest_follow_up() -> None:
    free, longer = (Ending(day=d, event=False, first_day=d, cause=0) for d in (100, 300))
    had, later = (Ending(day=d, event=True, first_day=d, cause=1) for d in (150, 250))
    assert find_worst_ending([free, longer]) == longer
    assert find_worst_ending([free, later, had, longer]) == had
