from itertools import takewhile

from attrs import evolve
from fixtures.response_builders import (
    AMINI,
    ANY_CRITERIA,
    EVENTS,
    LENGTHS,
    TIMELINES_WITH_EXCLUSIONS,
    lesion,
    studies,
)
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.assessment import Mode, Reason, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Observation,
    OtherBoneLesions,
    Timeline,
    TreatmentEvent,
)
from opp_mri.response.classify import classify
from opp_mri.response.history import DatedLabel, classify_by_day, describe_labels

INDETERMINATE = ResponseCategory.INDETERMINATE


def written(timeline: Timeline) -> list[tuple[int, str, str]]:
    return [
        (observation.days_from_ssrs, observation.category.value, observation.reason.value)
        for observation in classify_by_day(timeline, AMINI)
    ]


def before(labels: tuple[DatedLabel, ...], day: int) -> list[DatedLabel]:
    return list(takewhile(lambda observation: observation.days_from_ssrs < day, labels))


def test_a_pseudoprogression_is_told_from_progression_as_the_visits_come_in() -> None:
    timeline = lesion(T1=studies(before7="20.0", d60="23.0", d120="25.0", d180="22.0", d270="20.5"))
    assert written(timeline) == [
        (60, "INDETERMINATE", "enlarging_within_opp_window"),
        (120, "INDETERMINATE", "enlarging_within_opp_window"),
        (180, "INDETERMINATE", "declining_follow_up_under_6_months"),
        (270, "OPP", "sustained_decline"),
    ]


def test_a_day_on_which_several_sequences_were_measured_has_one_label() -> None:
    timeline = lesion(
        T1=studies(d0="20.0", d60="20.0", d200="20.0"),
        T2FS=studies(d0="20.0", d60="20.0", d240="20.0"),
    )
    assert [day for day, *_ in written(timeline)] == [60, 200, 240]


def test_studies_up_to_day_0_have_no_label() -> None:
    assert written(lesion(T1=studies(before7="20.0", d0="20.0"))) == []
    assert written(lesion()) == []


def test_an_event_is_known_from_its_day_on() -> None:
    change = TreatmentEvent(200, EventKind.SYSTEMIC_THERAPY_CHANGE)
    event = TreatmentEvent(300, EventKind.OTHER_BONE_LESIONS, OtherBoneLesions.NOT_ENLARGED.value)
    course = studies(d0="20.0", d120="25.0", d199="20.0", d204="20.0", d299="20.0", d300="20.0")
    assert [reason for _, _, reason in written(lesion(change, event, T1=course))] == [
        "enlarging_within_opp_window",
        "decline_not_yet_sustained",
        "systemic_therapy_changed_other_lesions_unknown",
        "systemic_therapy_changed_other_lesions_unknown",
        "decline_attributable_to_systemic_therapy",
    ]


def test_after_a_local_retreatment_the_label_stays() -> None:
    retreatment = TreatmentEvent(210, EventKind.LOCAL_RETREATMENT)
    timeline = lesion(retreatment, T1=studies(d0="20.0", d200="17.0", d300="25.0"))
    assert written(timeline) == [
        (200, "PR", "decline_from_baseline"),
        (300, "PR", "decline_from_baseline"),
    ]


def test_a_failed_eligibility_criterion_holds_whatever_day_it_was_entered() -> None:
    exclusion = TreatmentEvent(900, EventKind.EXCLUSION, "hardware")
    timeline = lesion(exclusion, T1=studies(d0="20.0", d60="23.0"))
    assert written(timeline) == [(60, "NOT_ELIGIBLE", "hardware")]


def test_a_sequence_that_begins_later_plays_no_part_before() -> None:
    timeline = lesion(T1=studies(d0="20.0", d200="20.0"), T2FS=studies(d100="20.0", d300="30.0"))
    assert classify_by_day(timeline, AMINI)[0] == DatedLabel(
        days_from_ssrs=100, category=INDETERMINATE, reason=Reason.NO_FOLLOW_UP
    )


@given(
    timeline=TIMELINES_WITH_EXCLUSIONS,
    criteria=ANY_CRITERIA,
    sequence=st.sampled_from(list(SeriesRole)),
    day=st.integers(1, 400),
    length_mm=LENGTHS,
)
def test_a_later_observation_never_changes_an_earlier_label(
    timeline, criteria, sequence, day, length_mm
) -> None:
    row = timeline.observations.get(sequence, ())
    rest = [observation for observation in row if observation.days_from_ssrs != day]
    longer = sorted(
        [*rest, Observation(day, length_mm)], key=lambda observation: observation.days_from_ssrs
    )
    changed_timeline = evolve(
        timeline, observations={**timeline.observations, sequence: tuple(longer)}
    )
    assert before(classify_by_day(changed_timeline, criteria), day) == before(
        classify_by_day(timeline, criteria), day
    )


@given(timeline=TIMELINES_WITH_EXCLUSIONS, criteria=ANY_CRITERIA, event=EVENTS)
def test_a_later_event_never_changes_an_earlier_label(timeline, criteria, event) -> None:
    changed_timeline = evolve(timeline, events=(*timeline.events, event))
    day = event.days_from_ssrs
    assert before(classify_by_day(changed_timeline, criteria), day) == before(
        classify_by_day(timeline, criteria), day
    )


@given(timeline=TIMELINES_WITH_EXCLUSIONS, criteria=ANY_CRITERIA)
def test_the_last_label_is_that_of_all_that_had_happened(timeline, criteria) -> None:
    labels = classify_by_day(timeline, criteria)
    days = {
        observation.days_from_ssrs for row in timeline.observations.values() for observation in row
    }
    assert [label.days_from_ssrs for label in labels] == sorted(day for day in days if day > 0)
    if labels and all(event.days_from_ssrs <= max(days) for event in timeline.events):
        moment = classify(timeline, Rules(criteria=criteria, mode=Mode.PROSPECTIVE))
        assert (labels[-1].category, labels[-1].reason) == (moment.category, moment.reason)


def in_words(timeline: Timeline, mode: Mode = Mode.RETROSPECTIVE) -> tuple[str, ...]:
    return describe_labels(
        classify_by_day(timeline, AMINI), classify(timeline, Rules(criteria=AMINI, mode=mode))
    )


def test_labels_are_said_in_weeks_beside_the_one_with_hindsight() -> None:
    timeline = lesion(T1=studies(before7="20.0", d70="23.0", d140="25.0", d210="22.0", d280="20.5"))
    assert in_words(timeline) == (
        "As known on each date: indeterminate from 10.0 weeks, OPP at 40.0 weeks; "
        "with hindsight OPP.",
    )
    assert in_words(timeline, Mode.PROSPECTIVE) == (
        "As known on each date: indeterminate from 10.0 weeks, OPP at 40.0 weeks.",
    )


def test_without_a_follow_up_there_is_nothing_to_say() -> None:
    assert in_words(lesion(T1=studies(before7="20.0"))) == ()
