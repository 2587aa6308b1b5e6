"""How common each course is supposed to be, and what that makes of lengths with an error."""

import numpy as np
import pytest
from fixtures.response_builders import AMINI, lesion, studies

from opp_mri.domain.assessment import ResponseCategory, Rules
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.response.prior import (
    ALTERNATIVE_PRIORS,
    COURSES,
    PAPER_PRIOR,
    CoursePrior,
    estimate_prior,
)
from opp_mri.response.probability import estimate_category_probabilities, estimate_lesion_lengths
from opp_mri.response.repeat_range import estimate_repeat_range

OPP, PD, PR, SD = COURSES
ERROR = MeasurementError(sd_mm=0.6, source="a test")
DAYS = ("d0", "d90", "d180", "d270", "d360", "d450")
COURSE_MM = {
    OPP: (20, 26, 22, 20, 20, 20),
    PD: (20, 22, 24, 26, 28, 30),
    PR: (20, 17, 15, 14, 13.5, 13),
    SD: (20, 20, 20, 20, 20, 20),
}


def measured(course: ResponseCategory, seed: int):
    rng = np.random.default_rng(seed)
    return lesion(**{
        sequence: studies(**{
            day: f"{mm + rng.normal(0, ERROR.sd_mm):.1f}"
            for day, mm in zip(DAYS, COURSE_MM[course], strict=True)
        })
        for sequence in ("T1", "T2FS", "T1POST")
    })  # fmt: skip


def evidence(course: ResponseCategory, seed: int) -> np.ndarray:
    lengths = estimate_lesion_lengths(measured(course, seed), ERROR)
    assert lengths is not None
    return lengths.compute_evidence_by_course()


@pytest.mark.parametrize("course", COURSES)
def test_lengths_of_a_course_are_best_explained_by_that_course(course: ResponseCategory) -> None:
    assert COURSES[int(evidence(course, 1)[:-1].argmax())] is course


def test_the_prior_of_a_cohort_is_how_common_its_courses_are() -> None:
    rows = [evidence(course, seed) for course in (OPP, PD, PD, SD) for seed in range(15)]
    shares = dict(zip(COURSES, estimate_prior(rows, "a test").shares, strict=True))
    expected = {OPP: 0.25, PD: 0.5, PR: 0.02, SD: 0.25}
    assert shares == pytest.approx(expected, abs=0.1)
    assert shares[PR] > 0


def test_without_a_lesion_the_prior_is_that_of_the_source_paper() -> None:
    assert estimate_prior([], "a test").shares == pytest.approx(PAPER_PRIOR.shares)
    assert sum(PAPER_PRIOR.shares) == pytest.approx(1)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.5, 0.5, 0.5), (1.5, -0.5, 0, 0)])
def test_shares_that_are_none_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        CoursePrior(shares=shares, source="a test")


def test_what_is_common_is_more_probable_where_lengths_leave_it_open() -> None:
    doubtful = lesion(T1=studies(d0="20.0", d90="22.1", d200="20.3", d300="20.2"))
    stable, growing_shares = (
        estimate_category_probabilities(
            doubtful, Rules(criteria=AMINI), error=ERROR,
            prior=CoursePrior(shares=shares, source="a test"),
        ).posterior
        for shares in ((0.05, 0.0, 0.0, 0.95), (0.95, 0.0, 0.0, 0.05))
    )  # fmt: skip
    assert stable.get(SD, 0) > growing_shares.get(SD, 0) + 0.2


def test_the_range_of_a_probability_holds_the_probability_under_each_stated_prior() -> None:
    doubtful = lesion(T1=studies(d0="20.0", d90="22.1", d200="20.3", d300="20.2"))
    rules = Rules(criteria=AMINI)
    repeat = estimate_category_probabilities(doubtful, rules, error=ERROR)
    lowest, highest = estimate_repeat_range(doubtful, rules, repeat, error=ERROR)
    assert lowest <= repeat.probabilities[repeat.category] <= highest
    for prior in ALTERNATIVE_PRIORS:
        estimate = estimate_category_probabilities(doubtful, rules, error=ERROR, prior=prior)
        share = estimate.probabilities[repeat.category]
        assert lowest - 0.03 < share < highest + 0.03
    assert highest - lowest > 0.05


def test_lengths_without_error_or_without_a_change_have_a_range_of_one_value() -> None:
    exact = MeasurementError(sd_mm=0, source="a test")
    for timeline, error in ((measured(PD, 1), exact), (lesion(T1=studies(d60="20.0")), ERROR)):
        repeat = estimate_category_probabilities(timeline, Rules(criteria=AMINI), error=error)
        assert estimate_repeat_range(
            timeline, Rules(criteria=AMINI), repeat, error=error
        ) == (1.0, 1.0)  # fmt: skip


def test_a_lesion_that_was_measured_without_error_is_what_it_is_called() -> None:
    exact = MeasurementError(sd_mm=0, source="a test")
    answer = estimate_category_probabilities(measured(PD, 1), Rules(criteria=AMINI), error=exact)
    assert answer.posterior == {PD: 1.0}


def test_lengths_that_play_no_part_say_nothing_of_a_course() -> None:
    assert estimate_lesion_lengths(lesion(T1=studies(d60="20.0")), ERROR) is None
