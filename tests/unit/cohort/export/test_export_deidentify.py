"""What de-identification leaves of a cohort."""

from datetime import date, timedelta

import pytest
from attrs import evolve
from fixtures.cohort_makers import make_cohort

from opp_mri.cohort.export.deidentify import (
    OLDEST_AGE,
    OTHER_HISTOLOGY,
    SSRS_DATE,
    deidentify_lesions,
    key_from_data,
)
from opp_mri.cohort.statistics.endpoints import find_peak_changes_mm, find_time_to_peak
from opp_mri.cohort.statistics.members import (
    classify_radiosensitivity,
    find_age_at_radiosurgery,
    find_histology,
)
from opp_mri.domain.measurement import SeedPoint
from opp_mri.domain.timeline import EventKind, TreatmentEvent
from opp_mri.errors import InputError
from opp_mri.response.assessed import AssessedLesion

COHORT = make_cohort(60)
KEY = b"a key of 32 bytes that is random"


def one_with(**of_lesion: object) -> AssessedLesion:
    bare = evolve(COHORT[0], lesion=evolve(COHORT[0].lesion, **of_lesion))
    return deidentify_lesions([bare], KEY)[0]


def names(lesions: tuple[AssessedLesion, ...]) -> list[tuple[str, str]]:
    return [(lesion.patient_id, lesion.lesion.lesion_id) for lesion in lesions]


def test_patients_and_lesions_have_codes_and_lesions_of_a_patient_still_share_it() -> None:
    result = deidentify_lesions(COHORT, KEY)
    assert len(result) == len(COHORT)
    patients = sorted({case.patient_id for case in result})
    assert patients == [f"P{n:03}" for n in range(1, len(patients) + 1)]
    assert all(
        case.lesion.lesion_id.startswith(f"{case.patient_id}-L")
        and case.lesion.patient_id == case.patient_id
        and case.timeline.lesion_id == case.assessment.lesion_id == case.lesion.lesion_id
        for case in result
    )
    sizes = [
        sorted(
            [
                *map(
                    [case.patient_id for case in selected].count,
                    {case.patient_id for case in selected},
                )
            ]
        )
        for selected in (COHORT, result)
    ]
    assert sizes[0] == sizes[1]


def test_the_order_of_codes_and_rows_says_nothing_of_the_order_before() -> None:
    result = deidentify_lesions(COHORT, KEY)
    assert deidentify_lesions(COHORT[::-1], KEY) == result
    original = {str(lesion.timeline.observations): place for place, lesion in enumerate(COHORT)}
    assert len(original) == len(COHORT)
    order = [original[str(lesion.timeline.observations)] for lesion in result]
    assert order != sorted(order)
    assert order != sorted(order, reverse=True)


def test_the_same_key_gives_the_same_codes_and_another_key_others() -> None:
    assert deidentify_lesions(COHORT, KEY) == deidentify_lesions(COHORT, KEY)
    assert deidentify_lesions(COHORT, KEY) != deidentify_lesions(COHORT, KEY[::-1])


def test_a_key_from_the_data_depends_on_what_only_the_house_knows() -> None:
    first = COHORT[0]
    lesion = evolve(first.lesion, patient_id="somebody else")
    renamed_lesions = (evolve(first, lesion=lesion), *COHORT[1:])
    assert key_from_data(COHORT) == key_from_data(COHORT[::-1])
    assert key_from_data(COHORT) != key_from_data(renamed_lesions)


def test_what_was_deidentified_keeps_its_codes_unless_a_key_is_given() -> None:
    once = deidentify_lesions(COHORT, None)
    assert deidentify_lesions(once, None) == once
    assert deidentify_lesions(once, KEY) != once


@pytest.mark.parametrize("change", [{"histology": "of Rome"}, {"tracking_uid": "2.25.7"}])
def test_a_cohort_that_only_looks_deidentified_gets_codes(change: dict[str, str]) -> None:
    first, *rest = deidentify_lesions(COHORT, None)
    bare = evolve(first, lesion=evolve(first.lesion, **change))
    result = deidentify_lesions([bare, *rest], None)
    assert result != (bare, *rest)
    assert all(
        getattr(lesion.lesion, name) != value for lesion in result for name, value in change.items()
    )


def test_ssrs_is_moved_to_one_day_and_other_dates_with_it() -> None:
    lesion = COHORT[0].lesion
    last = lesion.ssrs_last_date
    result = one_with(
        ssrs_first_date=last - timedelta(days=4), death_date=last + timedelta(days=400),
        last_contact_date=last + timedelta(days=399),
    ).lesion  # fmt: skip
    assert result.ssrs_last_date == SSRS_DATE == date(2000, 1, 1)
    assert result.ssrs_first_date == date(1999, 12, 28)
    assert result.last_contact_date == SSRS_DATE + timedelta(days=399)
    assert result.death_date == SSRS_DATE + timedelta(days=400)


def test_a_date_that_cannot_be_moved_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="thousands of years"):
        one_with(ssrs_last_date=date(1990, 1, 1), death_date=date(9999, 12, 31))


@pytest.mark.parametrize(("age", "left"), [(89, 89), (90, 90), (97, 90), (0, 0)])
def test_an_age_over_89_is_90(age: int, left: int) -> None:
    assert one_with(age_years=age, birth_year=None).lesion.age_years == left
    year = COHORT[0].lesion.ssrs_last_date.year - age
    age_at_radiosurgery = find_age_at_radiosurgery(one_with(age_years=None, birth_year=year).lesion)
    assert age_at_radiosurgery is not None
    assert (age_at_radiosurgery.years, age_at_radiosurgery.approximate) == (left, True)


def test_a_year_of_birth_beside_an_age_or_after_ssrs_is_left_out() -> None:
    assert one_with(age_years=60, birth_year=1950).lesion.birth_year is None
    assert one_with(age_years=None, birth_year=2050).lesion.birth_year is None
    assert OLDEST_AGE == 90


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("RCC", "renal cell carcinoma"),
        ("chordoma of Mrs Example", OTHER_HISTOLOGY),
        ("", ""),
    ],
)
def test_a_histology_that_the_paper_does_not_list_is_other(text: str, left: str) -> None:
    result = one_with(histology=text).lesion.histology
    assert result == left
    assert classify_radiosensitivity(result) == classify_radiosensitivity(text)
    assert find_histology(result) == find_histology(text)


def test_free_texts_of_events_are_gone_and_codes_stay() -> None:
    events = (
        TreatmentEvent(30, EventKind.SYSTEMIC_THERAPY_CHANGE, "Dr. Example began sunitinib"),
        TreatmentEvent(40, EventKind.OTHER_BONE_LESIONS, "enlarged"),
        TreatmentEvent(0, EventKind.EXCLUSION, "cement"),
        TreatmentEvent(50, EventKind.FRACTURE, "fell on 3 May"),
    )
    first = COHORT[0]
    result = deidentify_lesions(
        [evolve(first, timeline=evolve(first.timeline, events=events))], KEY
    )[0]
    assert [event.value for event in result.timeline.events] == ["", "enlarged", "cement", ""]
    assert [event.days_from_ssrs for event in result.timeline.events] == [30, 40, 0, 50]


def test_seed_and_tracking_uid_are_gone() -> None:
    seed = SeedPoint(sop_instance_uid="1.2.3", column=1.0, row=2.0)
    result = one_with(seed=seed, tracking_uid="2.25.424242").lesion
    assert result.seed is None
    assert result.tracking_uid != "2.25.424242"


def test_what_is_analysed_stays_as_it_was() -> None:
    by_days = {
        str(lesion.timeline.observations): lesion for lesion in deidentify_lesions(COHORT, KEY)
    }
    for lesion in COHORT:
        result = by_days[str(lesion.timeline.observations)]
        assert evolve(result.assessment, lesion_id="") == evolve(lesion.assessment, lesion_id="")
        assert (result.lesion.level, result.lesion.dose_gy, result.lesion.fractions) == (
            lesion.lesion.level, lesion.lesion.dose_gy, lesion.lesion.fractions,
        )  # fmt: skip
        assert find_time_to_peak(result) == find_time_to_peak(lesion)
        assert find_peak_changes_mm(result) == find_peak_changes_mm(lesion)
