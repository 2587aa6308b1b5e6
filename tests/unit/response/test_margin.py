from decimal import Decimal

import pytest
from attrs import evolve
from fixtures.response_builders import AMINI, ANY_CRITERIA, TIMELINES, lesion, studies
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.domain.assessment import Criteria, Mode, ResponseCategory, Rules
from opp_mri.domain.timeline import EventKind, Observation, Timeline, TreatmentEvent
from opp_mri.response.classify import classify
from opp_mri.response.margin import classify_by_threshold, compute_margin_mm

LARGEST_STEPS = 160  # 16 mm: more than the lengths, thresholds and ties of these timelines need


def scanned_margin_mm(timeline: Timeline, criteria: Criteria, mode: Mode) -> Decimal | None:
    """Try each step of each length, one after the other."""
    category = classify(timeline, Rules(criteria=criteria, mode=mode)).category
    for size in range(1, LARGEST_STEPS):
        for sequence, row in timeline.observations.items():
            for place, study in enumerate(row):
                for steps in (size, -size):
                    length_mm = study.ap_mm + Decimal(steps) / 10
                    if length_mm < 0:
                        continue
                    changed_study = Observation(study.days_from_ssrs, length_mm)
                    changed_row = {sequence: (*row[:place], changed_study, *row[place + 1 :])}
                    changed_timeline = evolve(
                        timeline, observations={**timeline.observations, **changed_row}
                    )
                    if (
                        classify(changed_timeline, Rules(criteria=criteria, mode=mode)).category
                        != category
                    ):
                        return Decimal(size) / 10
    return None


@settings(max_examples=25, deadline=None)
@given(timeline=TIMELINES, criteria=ANY_CRITERIA, mode=st.sampled_from(Mode))
def test_the_margin_is_what_a_scan_of_all_lengths_finds(timeline, criteria, mode) -> None:
    assert compute_margin_mm(timeline, Rules(criteria=criteria, mode=mode)) == scanned_margin_mm(
        timeline, criteria, mode
    )


@pytest.mark.parametrize(
    ("last", "margin"),
    [("18.0", "0.1"), ("18.1", "0.1"), ("17.9", "0.2"), ("18.03", "0.1"), ("17.93", "0.1")],
)
def test_the_margin_of_a_response_is_its_distance_from_the_threshold(last, margin) -> None:
    timeline = lesion(T1=studies(d0="20.0", d200=last))
    assert compute_margin_mm(timeline, Rules(criteria=AMINI)) == Decimal(margin)


def test_the_margin_counts_a_change_of_the_baseline() -> None:
    timeline = lesion(T1=studies(d0="20.0", d60="21.9", d90="21.9", d300="21.9"))
    assert compute_margin_mm(timeline, Rules(criteria=AMINI)) == Decimal("0.1")


def test_a_length_is_never_made_negative() -> None:
    timeline = lesion(T1=studies(d0="0.5", d200="0.5"))  # only growth is possible
    assert compute_margin_mm(timeline, Rules(criteria=AMINI)) == Decimal("2.0")


def test_a_tie_with_another_sequence_counts() -> None:
    # T1 grew 0.3 mm more than T2FS and decides; 0.4 mm more on T2FS and it would say PD
    timeline = lesion(
        T1=studies(d0="20.0", d60="26.0", d200="20.0"),
        T2FS=studies(d0="20.0", d60="25.7", d200="25.7"),
    )
    assert classify(timeline, Rules(criteria=AMINI)).category is ResponseCategory.OPP
    assert compute_margin_mm(timeline, Rules(criteria=AMINI)) == Decimal("0.4")


def test_without_a_baseline_no_change_of_a_length_matters() -> None:
    assert compute_margin_mm(lesion(T1=studies(d60="20.0")), Rules(criteria=AMINI)) is None


def test_in_an_excluded_lesion_no_change_of_a_length_matters() -> None:
    exclusion = TreatmentEvent(0, EventKind.EXCLUSION, "hardware")
    timeline = lesion(exclusion, T1=studies(d0="20.0", d200="18.0"))
    assert compute_margin_mm(timeline, Rules(criteria=AMINI)) is None


def test_the_category_is_given_under_a_threshold_of_2_3_and_4_mm() -> None:
    timeline = lesion(T1=studies(d0="20.0", d200="17.0"))
    assert classify_by_threshold(timeline, Rules(criteria=AMINI)) == {
        Decimal(2): ResponseCategory.PR,
        Decimal(3): ResponseCategory.PR,
        Decimal(4): ResponseCategory.SD,
    }
