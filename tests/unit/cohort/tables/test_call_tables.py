"""How far the categories of a cohort can be relied on."""

from functools import cache

import pytest
from fixtures.cohort_makers import make_cohort

from opp_mri.cohort.statistics.members import select_eligible
from opp_mri.cohort.tables.call_tables import call_certainty, estimate_cohort_prior
from opp_mri.cohort.tables.tables import Table
from opp_mri.domain.assessment import ResponseCategory

COHORT = select_eligible(make_cohort(14))


@cache
def table() -> Table:
    return call_certainty(COHORT)


def numbers(start: str) -> dict[str, float]:
    return {
        cell.key.removeprefix(f"{start}."): cell.values["value"]
        for row in table().rows
        for cell in row
        if cell.key.startswith(f"{start}.")
    }


def test_each_lesion_has_one_category_by_its_true_lengths() -> None:
    assert sum(numbers("expected_true").values()) == pytest.approx(len(COHORT), abs=0.7)


def test_no_more_calls_are_expected_to_be_true_than_were_given() -> None:
    confirmed_numbers = numbers("expected_confirmed")
    assert confirmed_numbers
    for answer, number in confirmed_numbers.items():
        call_count = sum(
            lesion.assessment.category is ResponseCategory(answer) for lesion in COHORT
        )
        assert 0 <= number <= call_count
        assert number <= numbers("expected_true")[answer] + 1e-9


def test_the_prior_is_stated_with_the_table() -> None:
    prior = estimate_cohort_prior(COHORT)
    assert any("estimated from this cohort" in note for note in table().notes)
    assert f"SD {prior.shares[3]:.0%}" in " ".join(table().notes)
