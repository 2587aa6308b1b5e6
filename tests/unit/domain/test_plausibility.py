"""What is unlikely is named, and what is usual is not."""

from datetime import date
from decimal import Decimal

import pytest
from fixtures.makers import make_lesion

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.plausibility import (
    find_length_warnings,
    find_lesion_warnings,
    find_study_warnings,
)
from opp_mri.domain.timeline import Observation


def lengths(**by_day: str) -> dict[SeriesRole, tuple[Observation, ...]]:
    row = tuple(
        Observation(int(day.replace("before", "-").replace("d", "")), Decimal(mm))
        for day, mm in by_day.items()
    )
    return {SeriesRole.T1: row}


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"before7": "17.0", "d60": "26.0", "d200": "34.0"}, []),
        ({"before7": "1.7", "d60": "2.6", "d200": "3.4"}, ["lengths_may_be_cm"]),
        ({"before7": "17.0", "d60": "1.8", "d200": "1.9"}, ["tenfold_step"]),
        ({"before7": "1.7", "d60": "26.0"}, ["tenfold_step"]),
        ({"before7": "17.0", "d60": "0", "d200": "0.0"}, []),
        ({"before7": "12.0", "d60": "3.0"}, []),
        ({"before7": "3.5"}, []),
    ],
)
def test_lengths_that_may_not_be_mm_are_named(row: dict[str, str], names: list[str]) -> None:
    assert [warning.name for warning in find_length_warnings("L", lengths(**row))] == names


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"dose_gy": 27, "fractions": 3, "ssrs_last_date": date(2024, 2, 5)}, []),
        ({"dose_gy": 9, "fractions": 3, "ssrs_last_date": date(2024, 2, 5)},
         ["dose_may_be_per_fraction"]),
        ({"dose_gy": 30, "fractions": 5}, ["fractions_on_one_day"]),
        ({"dose_gy": 8, "fractions": 1}, []),
        ({"dose_gy": None, "fractions": None}, []),
    ],
)  # fmt: skip
def test_an_unlikely_treatment_is_named(changes: dict[str, object], names: list[str]) -> None:
    assert [warning.name for warning in find_lesion_warnings([make_lesion(**changes)])] == names


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"level": "L2"}, []),
        ({}, ["same_level_and_day"]),
        ({"ssrs_first_date": date(2024, 6, 1), "ssrs_last_date": date(2024, 6, 1)}, []),
        ({"patient_id": "P2"}, []),
        ({"level": "L2", "sex": "F"}, ["patient_differs"]),
        ({"level": "L2", "age_years": 30}, ["patient_differs"]),
        ({"level": "L2", "age_years": 61}, []),
        ({"level": "L2", "death_date": date(2024, 9, 2)}, ["patient_differs"]),
    ],
)
def test_lesions_of_one_patient_are_compared(changes: dict[str, object], names: list[str]) -> None:
    first = make_lesion("A", sex="M", age_years=60, death_date=date(2024, 9, 1))
    second = {"sex": "M", "age_years": 60, "death_date": date(2024, 9, 1), **changes}
    warnings = list(find_lesion_warnings([first, make_lesion("B", **second)]))
    assert [warning.name for warning in warnings] == names
    assert all(warning.lesion_id == "B" for warning in warnings)


def test_ages_may_differ_by_the_years_between_two_treatments() -> None:
    later = {"ssrs_first_date": date(2030, 2, 1), "ssrs_last_date": date(2030, 2, 1)}
    lesions = [make_lesion("A", age_years=60), make_lesion("B", age_years=66, **later)]
    assert list(find_lesion_warnings(lesions)) == []


@pytest.mark.parametrize(("sex", "names"), [("M", []), ("F", ["patient_differs"])])
def test_of_deidentified_lesions_only_the_sex_is_compared(sex: str, names: list[str]) -> None:
    day = {"ssrs_first_date": date(2000, 1, 1), "ssrs_last_date": date(2000, 1, 1)}
    first = make_lesion("A", sex="M", age_years=60, death_date=date(2006, 9, 1), **day)
    later = {"age_years": 66, "death_date": date(2000, 9, 1), "level": "L2", **day}
    warnings = list(find_lesion_warnings([first, make_lesion("B", sex=sex, **later)]))
    assert [warning.name for warning in warnings] == names


TWO_WEEKS = make_lesion(fractions=3, ssrs_last_date=date(2024, 2, 10))


@pytest.mark.parametrize(
    ("lesion", "row", "names"),
    [
        (make_lesion(), {"before7": "10", "d60": "12"}, []),
        (make_lesion(death_date=date(2024, 3, 1)), {"d60": "12"}, ["mri_after_death"]),
        (make_lesion(last_contact_date=date(2024, 3, 1)), {"d60": "12"},
         ["contact_before_last_mri"]),
        (make_lesion(last_contact_date=date(2024, 4, 1)), {"d60": "12"}, []),
        (make_lesion(), {"before43": "10", "d60": "12"}, ["old_baseline"]),
        (make_lesion(), {"before42": "10", "d60": "12"}, []),
        (make_lesion(), {"d0": "10", "d60": "12"}, []),
        (TWO_WEEKS, {"before20": "10", "before3": "12", "d60": "12"}, ["study_during_treatment"]),
        (TWO_WEEKS, {"before9": "12", "d60": "12"}, []),
        (TWO_WEEKS, {"before52": "12", "d60": "12"}, ["old_baseline"]),
    ],
)  # fmt: skip
def test_studies_that_do_not_fit_are_named(
    lesion: Lesion, row: dict[str, str], names: list[str]
) -> None:
    assert [warning.name for warning in find_study_warnings(lesion, lengths(**row))] == names
