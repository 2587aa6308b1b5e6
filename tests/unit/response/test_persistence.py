"""Criteria that ask whether an enlargement persists, on volumes and from a baseline of nothing."""

from decimal import Decimal
from typing import Any

import pytest

from opp_mri.domain.assessment import (
    Assessment,
    Criteria,
    Mode,
    Persistence,
    Reason,
    ResponseCategory,
    Rules,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Observation,
    Timeline,
    TreatmentEvent,
    VolumeObservation,
)
from opp_mri.response.classify import classify
from opp_mri.response.criteria import load_criteria
from opp_mri.response.sentences import describe_courses, describe_reason

Rows = dict[int, str]


def assess(name: str, mode: Mode = Mode.RETROSPECTIVE, **rows: Rows) -> Assessment:
    """Assess volumes in cc, or lengths in mm for spino-2015, by sequence and day."""
    by_sequence = {SeriesRole(sequence): row for sequence, row in rows.items()}
    if name == "spino-2015":
        timeline = Timeline(
            lesion_id="a",
            observations={
                sequence: tuple(Observation(day, Decimal(mm)) for day, mm in row.items())
                for sequence, row in by_sequence.items()
            },
        )
    else:
        timeline = Timeline(
            lesion_id="a",
            volumes={
                sequence: tuple(VolumeObservation(day, Decimal(cc)) for day, cc in row.items())
                for sequence, row in by_sequence.items()
            },
        )
    return classify(timeline, Rules(criteria=load_criteria(name), mode=mode))


def describe(assessment: Assessment) -> str:
    reason = describe_reason(assessment.reason, assessment.criteria)
    return " ".join([reason, *describe_courses(assessment)])


@pytest.mark.parametrize(
    "row",
    [
        {0: "1.5", 200: "1.95"},  # below the threshold of its size
        {0: "5", 90: "5.2", 180: "5.3", 400: "6.5"},  # no threshold for a third follow-up
    ],
)
def test_an_increase_below_every_threshold_is_said_to_be_that(row: Rows) -> None:
    answer = assess("maralani-2021", T1=row)
    assert (answer.category, answer.reason) == (
        ResponseCategory.SD,
        Reason.BELOW_THE_THRESHOLDS,
    )
    words = describe(answer)
    assert "+30.0% at the last study" in words
    assert "reached no threshold" in words
    assert "never enlarged" not in words
    assert "measurement error" not in words


def test_a_volume_within_the_detectable_difference_is_said_to_be_that() -> None:
    answer = assess("maralani-2021", T1={0: "5", 200: "5.5"})
    assert answer.reason is Reason.WITHIN_MEASUREMENT_ERROR
    assert "never enlarged" not in describe(answer)


def test_a_fall_after_an_increase_below_the_threshold_is_not_said_never_to_have_enlarged() -> None:
    answer = assess("maralani-2021", T1={0: "1.5", 100: "1.95", 400: "1.0"})
    assert answer.category is ResponseCategory.PR
    assert "never enlarged" not in describe(answer)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("maralani-2021", {0: "0", 90: "0", 200: "1"}),
        ("bahig-2016", {0: "0", 90: "0.4", 300: "1"}),
        ("maralani-2021", {0: "1.5", 90: "0", 200: "1"}),  # gone, and there again
    ],
)
def test_growth_from_nothing_has_no_percentage(name: str, row: Rows, mode: Mode) -> None:
    answer = assess(name, mode, T1=row)
    assert (answer.category, answer.reason) == (
        ResponseCategory.INDETERMINATE,
        Reason.GROWTH_FROM_ZERO,
    )
    assert "+100" not in describe(answer)
    assert "no follow-up" not in describe(answer)


def test_growth_from_nothing_leaves_an_answer_by_another_pair_of_studies() -> None:
    answer = assess("maralani-2021", T1={0: "1.5", 90: "0", 200: "5"})
    assert answer.reason is Reason.ENLARGEMENT_CONFIRMED


def test_growth_from_nothing_decides_before_a_sequence_that_did_not_grow() -> None:
    answer = assess("maralani-2021", T1={0: "5", 200: "5"}, T2FS={0: "0", 200: "4"})
    assert (answer.deciding_sequence, answer.reason) == ("T2FS", Reason.GROWTH_FROM_ZERO)


def test_a_lesion_that_stays_gone_is_stable() -> None:
    answer = assess("maralani-2021", T1={0: "0", 200: "0"})
    assert answer.category is ResponseCategory.SD
    assert answer.sequences[SeriesRole.T1].last_change_percent == 0


def test_a_lesion_without_a_volume_has_no_baseline() -> None:
    answer = assess("maralani-2021")
    assert (answer.reason, answer.discordant) == (Reason.NO_BASELINE, False)


def test_lengths_are_described_in_mm_where_the_criteria_count_in_mm() -> None:
    answer = assess("spino-2015", T1={0: "0", 90: "1.4", 300: "3"})
    assert answer.sequences[SeriesRole.T1].peak_day == 300
    assert "peak +3.0 mm" in describe(answer)
    assert "%" not in describe(answer)


def assess_by(criteria: Criteria, row: Rows, *events: TreatmentEvent) -> Assessment:
    volumes = {SeriesRole.T1: [VolumeObservation(day, Decimal(cc)) for day, cc in row.items()]}
    timeline = Timeline(lesion_id="a", volumes=volumes, events=events)
    return classify(timeline, Rules(criteria=criteria))


def percent_criteria(**changes: Any) -> Criteria:
    persistence = Persistence(
        confirm_studies=changes.pop("confirm_studies", 2),
        stable_within_days=changes.pop("within", None),
    )
    values = {"name": "own", "quantity": "volume_cc", "change_percent": 20}
    return Criteria(**values | changes, persistence=persistence)


def test_growth_from_the_smallest_volume_before_counts_with_a_nadir() -> None:
    row = {0: "10", 90: "6", 200: "8", 300: "8.5"}
    assert assess_by(percent_criteria(), row).category is ResponseCategory.SD
    answer = assess_by(percent_criteria(reference="nadir"), row)
    assert answer.reason is Reason.ENLARGEMENT_CONFIRMED
    own = answer.sequences[SeriesRole.T1]
    assert (own.peak_day, own.peak_after_day, own.growth_studies) == (300, 200, 2)
    assert own.peak_change_percent == own.last_change_percent == pytest.approx(Decimal(250) / 6)
    assert (own.peak_change_mm, own.last_change_mm, own.baseline_mm) == (None, None, None)


def test_a_volume_that_comes_back_from_nothing_has_no_percentage_with_a_nadir() -> None:
    answer = assess_by(percent_criteria(reference="nadir"), {0: "10", 90: "0", 200: "8"})
    assert answer.reason is Reason.GROWTH_FROM_ZERO
    assert "without a percentage" in describe(answer)


def test_a_confirmed_growth_stays_one_when_the_volume_is_gone_and_comes_back() -> None:
    row = {0: "10", 90: "13", 200: "14", 300: "0", 400: "5"}
    answer = assess_by(percent_criteria(reference="nadir"), row)
    assert answer.reason is Reason.ENLARGEMENT_CONFIRMED


def test_the_largest_change_from_a_nadir_is_the_largest_in_per_cent() -> None:
    row = {0: "10", 90: "15", 200: "4", 300: "7"}
    own = assess_by(percent_criteria(reference="nadir"), row).sequences[SeriesRole.T1]
    assert (own.peak_day, own.peak_change_percent) == (300, 75)


def test_a_volume_before_the_first_growth_is_not_where_growth_stopped() -> None:
    row = {0: "10", 30: "9", 60: "4", 100: "6", 150: "8"}
    answer = assess_by(percent_criteria(reference="nadir", within=182), row)
    assert answer.reason is Reason.ENLARGEMENT_CONFIRMED


@pytest.mark.parametrize("studies", [1, 2, 3])
def test_as_many_consecutive_studies_as_asked_for_confirm(studies: int) -> None:
    row = {0: "10", 60: "10", 90: "13", 200: "15"}
    answer = assess_by(percent_criteria(confirm_studies=studies), row)
    is_confirmed = answer.reason is Reason.ENLARGEMENT_CONFIRMED
    assert is_confirmed is (studies <= 2)


def test_a_single_enlarged_study_does_not_confirm_two() -> None:
    answer = assess_by(percent_criteria(), {0: "10", 90: "10", 200: "13"})
    assert answer.reason is Reason.ENLARGEMENT_NOT_CONFIRMED


def test_what_is_reported_of_a_lesion_by_its_lengths() -> None:
    answer = assess("spino-2015", T1={-5: "20", 90: "23", 200: "22"})
    own = answer.sequences[SeriesRole.T1]
    assert (answer.lesion_id, own.baseline_day, own.baseline_mm) == ("a", -5, 20)
    assert (own.peak_day, own.peak_after_day, own.last_day) == (90, -5, 200)
    assert (own.peak_change_mm, own.last_change_mm, own.growth_studies) == (3, 2, 2)
    assert (own.peak_change_percent, own.last_change_percent) == (None, None)


def test_what_is_reported_of_a_sequence_without_a_course() -> None:
    answer = assess("spino-2015", T1={-5: "20"}, T2FS={90: "20", 200: "21"})
    baseline, follow_ups = (answer.sequences[role] for role in (SeriesRole.T1, SeriesRole.T2FS))
    assert (baseline.reason, baseline.baseline_day, baseline.last_day) == (
        Reason.NO_FOLLOW_UP, -5, None,
    )  # fmt: skip
    assert (follow_ups.reason, follow_ups.baseline_day, follow_ups.last_day) == (
        Reason.NO_BASELINE, None, 200,
    )  # fmt: skip


@pytest.mark.parametrize("row", [{0: "10", 90: "10", 200: "13"}, {0: "10"}])
def test_a_failed_criterion_is_the_answer_of_each_sequence(row: Rows) -> None:
    hardware = TreatmentEvent(0, EventKind.EXCLUSION, "hardware")
    own = assess_by(percent_criteria(), row, hardware).sequences[SeriesRole.T1]
    assert (own.category, own.reason) == (ResponseCategory.NOT_ELIGIBLE, Reason.HARDWARE)


def test_the_day_of_a_retreatment_is_reported() -> None:
    retreatment = TreatmentEvent(210, EventKind.LOCAL_RETREATMENT, "")
    answer = assess_by(percent_criteria(), {0: "10", 90: "10", 200: "13"}, retreatment)
    assert answer.retreatment_day == 210
