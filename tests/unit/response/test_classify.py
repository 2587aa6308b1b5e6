"""What is reported next to the category, and what holds for every timeline.

The rules themselves, patient by patient, are in tests/spec.
"""

from decimal import Decimal

import pytest
from attrs import evolve
from fixtures.response_builders import (
    AMINI,
    ANY_CRITERIA,
    TIMELINES,
    TIMELINES_WITH_EXCLUSIONS,
    lesion,
    studies,
)
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.assessment import (
    Caution,
    Mode,
    Reason,
    ResponseCategory,
    Rules,
    SequenceAssessment,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Observation, Timeline, TreatmentEvent
from opp_mri.response.classify import classify
from opp_mri.response.course import SEQUENCE_ORDER

MODES = st.sampled_from(Mode)


def reported(*events: TreatmentEvent, **lengths: str) -> SequenceAssessment:
    timeline = lesion(*events, T1=studies(**lengths))
    return classify(timeline, Rules(criteria=AMINI)).sequences[SeriesRole.T1]


def test_a_course_is_reported_with_its_peak_return_nadir_and_studies_that_show_the_decline() -> (
    None
):
    course = reported(before7="20.0", d42="23.0", d84="25.2", d168="22.1", d252="21.9", d365="20.4")
    assert course == SequenceAssessment(
        category=ResponseCategory.OPP,
        reason=Reason.SUSTAINED_DECLINE,
        baseline_day=-7,
        baseline_mm=Decimal("20.0"),
        peak_change_mm=Decimal("5.2"),
        peak_day=84,
        peak_after_day=42,
        last_change_mm=Decimal("0.4"),
        last_day=365,
        return_to_baseline_day=252,
        decline_studies=3,
        growth_studies=3,
        nadir_mm=Decimal("20.4"),
        nadir_day=365,
        regrowth_mm=Decimal("0.0"),
    )


def test_a_peak_at_the_first_follow_up_lies_after_the_baseline_study() -> None:
    course = reported(before7="20.0", d84="24.0", d200="20.0")
    assert (course.peak_day, course.peak_after_day) == (84, -7)


def test_of_equal_peaks_the_first_is_reported() -> None:
    course = reported(d0="20.0", d60="24.0", d120="24.0", d300="20.0")
    assert (course.peak_day, course.peak_after_day) == (60, 0)


def test_a_return_to_baseline_is_the_first_study_after_the_peak_without_growth() -> None:
    course = reported(d0="20.0", d30="20.5", d60="24.0", d120="22.0", d180="21.9", d300="23.0")
    assert course.return_to_baseline_day == 180


def test_a_sequence_that_never_grew_never_returned_to_baseline_and_shows_no_decline_from_a_peak() -> (  # noqa: E501
    None
):
    course = reported(d0="20.0", d60="21.5", d200="17.0")
    assert course.return_to_baseline_day is None
    assert course.decline_studies == 0
    assert course.peak_change_mm == Decimal("1.5")


def test_regrowth_is_counted_from_the_smallest_length_at_a_follow_up() -> None:
    course = reported(d0="10.0", d60="25.0", d120="15.0", d200="12.0", d300="14.5")
    assert (course.nadir_mm, course.nadir_day, course.regrowth_mm) == (
        Decimal("12.0"),
        200,
        Decimal("2.5"),
    )


def test_without_a_follow_up_the_baseline_is_reported() -> None:
    answer = reported(before7="20.0")
    assert (answer.baseline_day, answer.baseline_mm) == (-7, Decimal("20.0"))
    assert answer.last_change_mm is None


def test_without_a_baseline_lengths_are_reported_and_changes_are_not() -> None:
    answer = reported(d60="15.0", d120="25.0")
    assert (answer.nadir_mm, answer.nadir_day, answer.last_day) == (Decimal("15.0"), 60, 120)
    assert answer.regrowth_mm == Decimal("10.0")
    assert answer.baseline_mm is None
    assert answer.peak_change_mm is None
    assert answer.last_change_mm is None


def test_what_came_after_a_local_retreatment_is_not_reported_either() -> None:
    retreatment = TreatmentEvent(130, EventKind.LOCAL_RETREATMENT)
    course = reported(retreatment, d0="10.0", d60="15.0", d120="14.0", d200="2.0")
    assert (course.last_day, course.nadir_mm) == (120, Decimal("14.0"))


def test_an_excluded_lesion_is_still_measured() -> None:
    exclusion = TreatmentEvent(0, EventKind.EXCLUSION, "cement")
    course = reported(exclusion, d0="10.0", d60="15.0", d200="10.0")
    assert (course.category, course.reason) == (ResponseCategory.NOT_ELIGIBLE, Reason.CEMENT)
    assert course.peak_change_mm == Decimal("5.0")


def test_recorded_findings_change_no_answer_and_caution_only_where_growth_is_open() -> None:
    timeline = lesion(T1=studies(d0="10.0", d60="15.0", d200="10.0"))
    event_kinds = (EventKind.FRACTURE, EventKind.EPIDURAL_GROWTH, EventKind.PARASPINAL_GROWTH)
    with_findings = evolve(timeline, events=tuple(TreatmentEvent(70, kind) for kind in event_kinds))
    rules = Rules(criteria=AMINI, mode=Mode.PROSPECTIVE)
    without, answer = classify(timeline, rules), classify(with_findings, rules)
    assert evolve(answer, cautions=()) == evolve(without, cautions=())
    assert set(answer.cautions) - set(without.cautions) == {
        Caution.FRACTURE_IN_WINDOW,
        Caution.EPIDURAL_GROWTH_IN_WINDOW,
    }


def test_a_lesion_without_any_measurement_has_no_baseline() -> None:
    answer = classify(lesion(), Rules(criteria=AMINI))
    assert (answer.category, answer.reason) == (
        ResponseCategory.INDETERMINATE,
        Reason.NO_BASELINE,
    )
    assert answer.deciding_sequence is None
    assert answer.discordant is False


def test_an_assessment_names_its_lesion_its_rules_and_the_day_of_a_retreatment() -> None:
    retreatment = TreatmentEvent(130, EventKind.LOCAL_RETREATMENT)
    rules = Rules(criteria=AMINI, mode=Mode.PROSPECTIVE)
    answer = classify(lesion(retreatment, T1=studies(d0="10.0", d60="15.0")), rules)
    assert (answer.lesion_id, answer.rules, answer.retreatment_day) == ("a lesion", rules, 130)


def test_studies_are_put_in_the_order_of_days() -> None:
    reversed_lesion = lesion(T1=studies(d200="20.0", d60="25.0", d0="20.0"))
    assert reversed_lesion == lesion(T1=studies(d0="20.0", d60="25.0", d200="20.0"))


def test_two_lengths_of_one_sequence_on_one_day_are_refused_and_both_named() -> None:
    row = (Observation(60, "20.0"), Observation(0, "20.0"), Observation(60, "21.5"))
    with pytest.raises(ValueError, match=r"T1 has two lengths on day 60: 20\.0 mm and 21\.5 mm"):
        lesion(T1=row)


@given(timeline=TIMELINES_WITH_EXCLUSIONS, criteria=ANY_CRITERIA, mode=MODES)
def test_every_timeline_gets_one_category_and_one_reason(timeline, criteria, mode) -> None:
    answer = classify(timeline, Rules(criteria=criteria, mode=mode))
    assert isinstance(answer.category, ResponseCategory)
    assert isinstance(answer.reason, Reason)
    assert set(answer.sequences) == set(timeline.observations)


@given(timeline=TIMELINES_WITH_EXCLUSIONS, criteria=ANY_CRITERIA)
def test_with_hindsight_only_no_baseline_or_a_retreatment_is_indeterminate(
    timeline, criteria
) -> None:
    answer = classify(timeline, Rules(criteria=criteria))
    for assessment in (answer, *answer.sequences.values()):
        indeterminate = assessment.category is ResponseCategory.INDETERMINATE
        assert indeterminate == (
            assessment.reason in (Reason.NO_BASELINE, Reason.RETREATED_BEFORE_THE_ANSWER)
        )


@given(timeline=TIMELINES, criteria=ANY_CRITERIA)
def test_hindsight_only_ever_settles_what_today_leaves_open(timeline, criteria) -> None:
    today = classify(timeline, Rules(criteria=criteria, mode=Mode.PROSPECTIVE))
    hindsight = classify(timeline, Rules(criteria=criteria))
    for sequence, item in today.sequences.items():
        settled_course = hindsight.sequences[sequence]
        short = settled_course.category is ResponseCategory.NOT_ELIGIBLE
        if item.category is not ResponseCategory.INDETERMINATE and not short:
            assert settled_course == item


@given(timeline=TIMELINES, criteria=ANY_CRITERIA, mode=MODES, data=st.data())
def test_the_order_of_the_sequences_changes_nothing(timeline, criteria, mode, data) -> None:
    order = data.draw(st.permutations(list(timeline.observations)))
    permuted_timeline = evolve(
        timeline, observations={sequence: timeline.observations[sequence] for sequence in order}
    )
    answer = classify(permuted_timeline, Rules(criteria=criteria, mode=mode))
    assert answer == classify(timeline, Rules(criteria=criteria, mode=mode))
    assert list(answer.sequences) == [sequence for sequence in SEQUENCE_ORDER if sequence in order]


@given(
    timeline=TIMELINES,
    criteria=ANY_CRITERIA,
    mode=MODES,
    shift_mm=st.integers(0, 300).map(lambda tenths: Decimal(tenths) / 10),
)
def test_a_constant_added_to_all_lengths_of_a_sequence_moves_only_lengths(
    timeline, criteria, mode, shift_mm
) -> None:
    shifted_timeline = evolve(
        timeline,
        observations={
            sequence: tuple(
                Observation(observation.days_from_ssrs, observation.ap_mm + shift_mm)
                for observation in row
            )
            for sequence, row in timeline.observations.items()
        },
    )
    answer, before = (
        classify(shifted_timeline, Rules(criteria=criteria, mode=mode)),
        classify(timeline, Rules(criteria=criteria, mode=mode)),
    )
    assert answer.deciding_sequence is before.deciding_sequence
    for sequence, item in before.sequences.items():
        assert answer.sequences[sequence] == evolve(
            item,
            baseline_mm=None if item.baseline_mm is None else item.baseline_mm + shift_mm,
            nadir_mm=None if item.nadir_mm is None else item.nadir_mm + shift_mm,
        )


@given(timeline=TIMELINES, criteria=ANY_CRITERIA, mode=MODES)
def test_studies_before_the_baseline_change_nothing(timeline, criteria, mode) -> None:
    earlier = Observation(-400, Decimal("99.9"))
    longer = evolve(
        timeline,
        observations={
            sequence: (earlier, *row) if row[0].days_from_ssrs <= 0 else row
            for sequence, row in timeline.observations.items()
        },
    )
    assert classify(longer, Rules(criteria=criteria, mode=mode)) == classify(
        timeline, Rules(criteria=criteria, mode=mode)
    )


@given(timeline=TIMELINES, criteria=ANY_CRITERIA, mode=MODES)
def test_a_lesion_of_one_sequence_takes_that_sequence_s_category(timeline, criteria, mode) -> None:
    for sequence, row in timeline.observations.items():
        alone = Timeline(lesion_id="alone", observations={sequence: row}, events=timeline.events)
        answer = classify(alone, Rules(criteria=criteria, mode=mode))
        own = answer.sequences[sequence]
        assert (answer.category, answer.reason) == (own.category, own.reason)
        assert not answer.discordant


@given(timeline=TIMELINES, criteria=ANY_CRITERIA, mode=MODES)
def test_a_discordant_lesion_is_indeterminate_today_and_keeps_its_category_with_hindsight(
    timeline, criteria, mode
) -> None:
    answer = classify(timeline, Rules(criteria=criteria, mode=mode))
    if answer.discordant and mode is Mode.PROSPECTIVE:
        assert answer.category is ResponseCategory.INDETERMINATE
        assert answer.reason is Reason.SEQUENCES_DISCORDANT
    elif answer.deciding_sequence is not None:
        course = answer.sequences[answer.deciding_sequence]
        assert (answer.category, answer.reason) == (course.category, course.reason)


@pytest.mark.parametrize(("length", "grew"), [("22.0", 0), ("22.00000000000000000001", 1)])
def test_the_least_step_above_the_threshold_counts_where_the_threshold_does_not(
    length: str, grew: int
) -> None:
    timeline = lesion(T1=studies(d0="20.0", d200=length))
    rules = Rules(criteria=evolve(AMINI, growth_inclusive=False))
    assert classify(timeline, rules).sequences[SeriesRole.T1].growth_studies == grew
