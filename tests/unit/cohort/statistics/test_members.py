from datetime import date
from decimal import Decimal

import pytest
from fixtures.cohort_courses import COURSES, cohort_lesion, failing
from fixtures.makers import make_lesion
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.cohort.statistics.members import (
    EXCLUSION_WORDS,
    Age,
    FractionGroup,
    Histology,
    Radiosensitivity,
    Region,
    classify_fractions,
    classify_radiosensitivity,
    count_characteristics,
    find_age_at_radiosurgery,
    find_exclusion_reason,
    find_histology,
    find_region,
    is_eligible,
    name_histology,
    name_regimen,
    select_eligible,
)
from opp_mri.domain.assessment import Mode, Reason
from opp_mri.domain.timeline import (
    Exclusion,
)


@pytest.mark.parametrize("category", COURSES)
def test_a_lesion_with_an_answer_of_the_paper_is_eligible(category) -> None:
    timeline = cohort_lesion(t1=COURSES[category])
    assert timeline.assessment.category is category
    assert is_eligible(timeline)


@pytest.mark.parametrize("criterion", Exclusion)
def test_a_lesion_that_fails_a_criterion_is_excluded_by_it(criterion) -> None:
    assert find_exclusion_reason(failing(criterion)) is Reason(criterion.value)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("lengths", "reason"),
    [
        ({60: 20, 200: 20}, Reason.NO_BASELINE),
        ({-10: 20}, Reason.NO_FOLLOW_UP),
        ({-10: 20, 90: 20}, Reason.FOLLOW_UP_UNDER_6_MONTHS),
    ],
)
def test_a_lesion_that_was_not_followed_is_excluded_in_both_modes(lengths, reason, mode) -> None:
    assert find_exclusion_reason(cohort_lesion(t1=lengths, mode=mode)) is reason


def test_a_lesion_that_grew_early_stays_in_as_known_today_and_not_with_hindsight() -> None:
    early = {-10: 20, 90: 24}
    assert is_eligible(cohort_lesion(t1=early, mode=Mode.PROSPECTIVE))
    assert not is_eligible(cohort_lesion(t1=early, mode=Mode.RETROSPECTIVE))


def test_the_reasons_stand_in_the_order_of_the_rules() -> None:
    assert [word.value for word in EXCLUSION_WORDS][:5] == [member.value for member in Exclusion]


def test_the_eligible_keep_their_order() -> None:
    selected = [cohort_lesion(patient_id="A"), failing(Exclusion.CEMENT), cohort_lesion()]
    assert [case.patient_id for case in select_eligible(selected)] == ["A", "P1"]


@pytest.mark.parametrize(
    ("lesion", "expected"),
    [
        ({"age_years": 57}, Age(years=57, approximate=False)),
        ({"age_years": 57, "birth_year": 1900}, Age(years=57, approximate=False)),
        ({"birth_year": 1960}, Age(years=64, approximate=True)),
        ({"birth_year": 2024}, Age(years=0, approximate=True)),
        ({"birth_year": 2025}, None),
        ({}, None),
    ],
)
def test_the_age_is_the_recorded_one_or_an_approximate_one_or_none(lesion, expected) -> None:
    assert find_age_at_radiosurgery(make_lesion(**lesion)) == expected


def test_the_year_of_radiosurgery_is_that_of_its_last_day() -> None:
    over_new_year = make_lesion(
        ssrs_first_date=date(2023, 12, 29), ssrs_last_date=date(2024, 1, 3), birth_year=1960
    )
    assert find_age_at_radiosurgery(over_new_year) == Age(years=64, approximate=True)


@pytest.mark.parametrize("histology", Histology)
@pytest.mark.parametrize("text", [str.upper, str.title, lambda text: f"  Metastatic {text}. "])
def test_a_histology_of_the_paper_is_found_however_it_is_written(histology, text) -> None:
    assert find_histology(text(histology.value)) is histology


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RCC", Radiosensitivity.RADIORESISTANT),
        ("renal", Radiosensitivity.RADIORESISTANT),
        ("Renal cell", Radiosensitivity.RADIORESISTANT),
        ("clear-cell renal cell carcinoma", Radiosensitivity.RADIORESISTANT),
        ("renal_cell", Radiosensitivity.RADIORESISTANT),
        ("Leiomyosarcoma", Radiosensitivity.RADIORESISTANT),
        ("malignant melanoma", Radiosensitivity.RADIORESISTANT),
        ("adenoid cystic", Radiosensitivity.RADIORESISTANT),
        ("Carcinoma of the breast", Radiosensitivity.RADIOSENSITIVE),
        ("thyroid", Radiosensitivity.RADIOSENSITIVE),
        ("NSCLC", Radiosensitivity.RADIOSENSITIVE),
        ("non-small-cell lung cancer", Radiosensitivity.RADIOSENSITIVE),
        ("basal cell", Radiosensitivity.RADIOSENSITIVE),
        ("", Radiosensitivity.UNKNOWN),
        ("bladder", Radiosensitivity.UNKNOWN),
        ("renal pelvis urothelial carcinoma", Radiosensitivity.UNKNOWN),
        ("carcinosarcoma", Radiosensitivity.UNKNOWN),
        ("adrenal", Radiosensitivity.UNKNOWN),
        ("carcinoma", Radiosensitivity.UNKNOWN),
    ],
)
def test_radiosensitivity_is_as_the_paper_has_it_and_never_guessed(text, expected) -> None:
    assert classify_radiosensitivity(text) is expected


def test_the_paper_calls_four_of_its_histologies_radioresistant() -> None:
    result = {
        histology
        for histology in Histology
        if classify_radiosensitivity(histology) == "radioresistant"
    }
    assert result == {
        Histology.RENAL_CELL, Histology.SARCOMA, Histology.ADENOID_CYSTIC, Histology.MELANOMA,
    }  # fmt: skip


@given(st.text())
def test_any_text_has_a_label_that_keeps_its_radiosensitivity(text) -> None:
    label = name_histology(make_lesion(histology=text))
    assert label
    assert classify_radiosensitivity(label) is classify_radiosensitivity(text)


@pytest.mark.parametrize(
    ("fractions", "group"),
    [
        (1, FractionGroup.SINGLE),
        (2, FractionGroup.MULTI),
        (5, FractionGroup.MULTI),
        (None, FractionGroup.UNKNOWN),
    ],
)
def test_more_than_one_fraction_is_multifraction(fractions, group) -> None:
    assert classify_fractions(make_lesion(fractions=fractions)) is group


@pytest.mark.parametrize(
    ("level", "region"),
    [
        ("C2", Region.CERVICAL), ("T13", Region.THORACIC), ("L6", Region.LUMBAR),
        ("S1", Region.SACRAL), ("l3", Region.LUMBAR),
    ],
)  # fmt: skip
def test_a_vertebra_belongs_to_a_region(level, region) -> None:
    assert find_region(level) is region


@pytest.mark.parametrize("level", ["", "X1", "3"])
def test_what_is_no_vertebra_has_no_region(level) -> None:
    with pytest.raises(ValueError, match="vertebra"):
        find_region(level)


@pytest.mark.parametrize(
    ("dose", "fractions", "label"),
    [
        ("24", 1, "24 Gy / 1"), ("27.0", 3, "27 Gy / 3"), ("7.50", 1, "7.5 Gy / 1"),
        ("30", 5, "30 Gy / 5"), (None, 5, "unknown"), ("30", None, "unknown"),
    ],
)  # fmt: skip
def test_a_regimen_is_dose_and_fractions(dose, fractions, label) -> None:
    dose_gy = None if dose is None else Decimal(dose)
    assert name_regimen(make_lesion(dose_gy=dose_gy, fractions=fractions)) == label


def test_values_stand_in_order_with_those_of_no_order_after_them_and_unknown_last() -> None:
    texts = ["", "zebra", "thyroid", "Bladder", "RCC", "bladder"]
    result = {
        characteristic.key: characteristic
        for characteristic in count_characteristics([cohort_lesion(histology=t) for t in texts])
    }
    assert [(value, len(ids)) for value, ids in result["histology"].lesion_ids.items()] == [
        ("renal cell carcinoma", 1), ("thyroid carcinoma", 1), ("bladder", 2), ("zebra", 1),
        ("unknown", 1),
    ]  # fmt: skip
    assert {value: len(ids) for value, ids in result["sex"].lesion_ids.items()} == {
        "female": 0,
        "male": 0,
        "unknown": 6,
    }


def test_fractions_stand_in_the_order_of_numbers() -> None:
    selected = [cohort_lesion(fractions=n) for n in (10, 3, None, 1)]
    result = {
        characteristic.key: characteristic for characteristic in count_characteristics(selected)
    }
    assert list(result["fractions"].lesion_ids) == ["1", "3", "10", "unknown"]
    assert list(result["dose"].lesion_ids) == ["24 Gy / 1", "24 Gy / 3", "24 Gy / 10", "unknown"]
