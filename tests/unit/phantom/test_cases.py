"""The true courses are what the cohort says that they are."""

from decimal import Decimal

import pytest

from opp_mri.domain.assessment import Criteria, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Observation, Timeline, TreatmentEvent
from opp_mri.phantom.cases import CASES, Case, Encoding
from opp_mri.phantom.patient import make_patient
from opp_mri.phantom.protocol import SeriesKind
from opp_mri.phantom.spine import build_spine_section
from opp_mri.response.classify import classify
from opp_mri.units import round_to_recorded_mm

by_patient = pytest.mark.parametrize("case", CASES, ids=lambda case: case.patient_id)


def true_timeline(case: Case) -> Timeline:
    return Timeline(
        lesion_id=case.lesion_id,
        observations={
            SeriesRole(sequence.value): tuple(
                Observation(visit.day, round_to_recorded_mm(case.compute_ap_mm(visit, sequence)))
                for visit in case.visits
            )
            for sequence in case.sequences
        },
        events=tuple(
            TreatmentEvent(event.day, EventKind(event.event), event.value) for event in case.events
        ),
    )


@by_patient
def test_the_true_course_has_the_category_that_the_truth_states(case: Case) -> None:
    assessment = classify(true_timeline(case), Rules(criteria=Criteria(name="amini-2016")))
    assert (assessment.category, assessment.reason) == (case.category, case.reason)
    assert assessment.deciding_sequence == SeriesRole(case.deciding_sequence.value)
    assert not assessment.discordant


@by_patient
def test_a_threshold_half_a_mm_away_on_either_side_changes_nothing(case: Case) -> None:
    for change_mm in (Decimal("1.5"), Decimal("2.5")):
        criteria = Criteria(name="other", change_mm=change_mm)
        assert classify(true_timeline(case), Rules(criteria=criteria)).category == case.category


@by_patient
def test_the_baseline_is_within_four_weeks_and_follow_up_is_longer_than_six_months(
    case: Case,
) -> None:
    baseline, *follow_ups = [visit.day for visit in case.visits]
    assert -28 <= baseline < -2 * (case.fractions - 1)
    assert follow_ups == sorted(follow_ups)
    assert follow_ups[-1] > 182
    assert 5 <= len(case.visits) <= 6


@by_patient
def test_the_lesion_always_keeps_inside_the_marrow_of_its_body(case: Case) -> None:
    patient = make_patient(case, seed=1, coarse=True)
    vertebra = patient.spine.vertebrae[patient.vertebra]
    for visit in case.visits:
        for sequence in case.sequences:
            lesion = patient.get_lesion(visit, sequence)
            (_, front, _), (_, back, _) = lesion.ends_local_mm()
            waist = 0.915 * vertebra.depth_mm / 2 - 0.5
            assert -waist < front < back < waist
            assert lesion.half_height_mm * 1.1 < vertebra.height_mm / 2


def test_the_cohort_holds_one_patient_of_each_kind_that_is_asked_for() -> None:
    assert len({case.patient_id for case in CASES}) == len(CASES) == 9
    assert {case.category.value for case in CASES} == {"OPP", "PD", "PR", "SD"}
    assert {case.encoding for case in CASES} == set(Encoding)
    assert sum(SeriesKind.STIR in case.sequences for case in CASES) == 1
    extras = {kind for case in CASES for visit in case.visits for kind in visit.extras}
    assert extras == {
        SeriesKind.AXIAL_T2, SeriesKind.LOCALIZER, SeriesKind.PLAIN_T2, SeriesKind.REFORMAT,
    }  # fmt: skip


def test_a_section_has_the_levels_that_are_asked_for() -> None:
    spine = build_spine_section("L4", "S1", "L5", size=1, curvature=1)
    assert [vertebra.level for vertebra in spine.vertebrae] == ["L4", "L5", "S1"]
    assert spine.vertebrae[spine.middle].level == "L5"
