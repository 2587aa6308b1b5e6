"""What a verdict is made of, number by number."""

import math

import pytest
from attrs import evolve

from opp_mri.domain.registration import Verdict
from opp_mri.registration import quality
from opp_mri.registration.quality import Numbers, judge_numbers

FINE = Numbers(
    similarity_before=0.1,
    similarity=0.85,
    level_margin=0.25,
    inverse_consistency_mm=0.1,
    block_residual_mm=0.3,
    overlap=1.0,
)


def test_numbers_that_are_all_fine_are_good_and_the_reason_tells_them() -> None:
    verdict, reasons = judge_numbers(FINE)
    assert verdict is Verdict.GOOD
    assert reasons == (
        "The images agree around the centre (similarity 0.85 and 0.25 above the next level), and "
        "both directions agree within 0.1 mm.",
    )


@pytest.mark.parametrize(
    ("number", "value", "says"),
    [
        ("similarity", quality.GOOD_SIMILARITY - 0.01, "agree poorly"),
        ("level_margin", quality.GOOD_MARGIN - 0.01, "count the levels"),
        ("level_margin", None, "the level is not confirmed"),
        ("inverse_consistency_mm", quality.GOOD_INCONSISTENCY_MM + 0.1, "directions disagree"),
        ("block_residual_mm", quality.GOOD_BLOCK_MM + 0.1, "Parts around the centre disagree"),
        ("overlap", quality.GOOD_OVERLAP - 0.01, "the edge of its field of view is near"),
        ("size_along", 1.03, "3.0% larger along the spine: it may be another patient"),
        ("size_across", 0.97, "3.0% smaller across the spine: it may be another patient"),
        ("correction_mm", 3.5, "3.5 mm from the other sequences of the visit"),
    ],
)
def test_one_number_that_is_not_fine_makes_a_fit_doubtful(
    number: str, value: float | None, says: str
) -> None:
    verdict, reasons = judge_numbers(evolve(FINE, **{number: value}))
    assert verdict is Verdict.DOUBTFUL
    assert len(reasons) == 1
    assert says in reasons[0]


def test_vertebrae_that_match_the_next_level_nearly_as_well_may_be_another_patients() -> None:
    verdict, reasons = judge_numbers(evolve(FINE, mismatch=0.68, advantage=1.06))
    assert verdict is Verdict.DOUBTFUL
    assert reasons == (
        "The vertebrae match their counterparts little better than the next level (mismatch ratio "
        "0.68, limit 0.50): it may be another patient.",
    )


@pytest.mark.parametrize(
    ("mismatch", "advantage"), [(0.4, 1.1), (0.7, 1.4)], ids=["little differs", "noisy images"]
)
def test_vertebrae_that_match_better_than_the_next_level_are_the_same_patients(
    mismatch: float, advantage: float
) -> None:
    verdict, _ = judge_numbers(evolve(FINE, mismatch=mismatch, advantage=advantage))
    assert verdict is Verdict.GOOD


def test_a_resemblance_that_is_no_number_never_makes_a_fit_good() -> None:
    verdict, _ = judge_numbers(evolve(FINE, mismatch=math.nan, advantage=math.nan))
    assert verdict is Verdict.DOUBTFUL


@pytest.mark.parametrize(
    ("number", "value", "says"),
    [
        ("similarity", 0.2, "fits no level of the baseline"),
        ("level_margin", -0.05, "Another level of the spine fits better"),
        ("inverse_consistency_mm", 38.0, "at another place, 38 mm away"),
        ("inverse_consistency_mm", math.inf, "at another place or not at all"),
        ("overlap", 0.1, "covers only 10%"),
    ],
)
def test_one_number_that_is_impossible_fails_a_fit(number: str, value: float, says: str) -> None:
    verdict, reasons = judge_numbers(evolve(FINE, **{number: value}))
    assert verdict is Verdict.FAILED
    assert len(reasons) == 1
    assert says in reasons[0]


def test_a_follow_up_that_fits_nowhere_may_be_somebody_elses() -> None:
    _, reasons = judge_numbers(evolve(FINE, similarity=0.2, inverse_consistency_mm=math.inf))
    assert sum("another patient or another region" in reason for reason in reasons) == 1


@pytest.mark.parametrize("number", ["similarity", "inverse_consistency_mm", "block_residual_mm"])
def test_a_number_that_is_none_never_makes_a_fit_good(number: str) -> None:
    verdict, _ = judge_numbers(evolve(FINE, **{number: math.nan}))
    assert verdict is not Verdict.GOOD
