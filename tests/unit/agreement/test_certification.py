"""Certification of a reader: what passes, what does not, and the sentences that say why."""

import math
from statistics import NormalDist

import attrs
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from opp_mri.agreement.certification import Certification, PassMark, certify
from opp_mri.agreement.lengths import compute_bland_altman
from opp_mri.domain.estimate import Estimate

Errors = dict[str, list[float]]

tenths = st.integers(-40, 40).map(lambda n: n / 10)
errors_by_lesion = st.dictionaries(
    st.sampled_from("abcdefgh"), st.lists(tenths, min_size=1, max_size=8), max_size=8
)


def errors(
    *, bias_mm: float = 0.0, sd_mm: float = 0.7, between_mm: float = 0.3, lesions: int = 5,
    per_lesion: int = 6, seed: int = 1,
) -> Errors:  # fmt: skip
    rng = np.random.default_rng(seed)
    of_lesion = bias_mm + rng.normal(0, between_mm, (lesions, 1))
    result = of_lesion + rng.normal(0, sd_mm, (lesions, per_lesion))
    return {f"L{n}": [float(x) for x in values] for n, values in enumerate(result)}


def only_reason(certification: Certification) -> str:
    assert not certification.passed
    (reason,) = certification.reasons
    return reason


def test_a_careful_reader_passes() -> None:
    result = certify(errors(), unread=0)
    assert result.passed
    assert (result.n, result.lesions, result.unread, result.reasons) == (30, 5, 0, ())


def test_the_numbers_are_those_of_the_formulas() -> None:
    given_errors = errors(bias_mm=0.4)
    every = np.concatenate(list(given_errors.values()))
    result = certify(given_errors, unread=0)
    assert result.bias_mm == compute_bland_altman(given_errors).bias_mm
    assert result.sd_mm.value == pytest.approx(math.sqrt(((every - every.mean()) ** 2).sum() / 29))
    # the interval of a variance, the other way round: where the data lie at 2.5% of chi-squared
    for end, share in ((result.sd_mm.low, 0.975), (result.sd_mm.high, 0.025)):
        assert end is not None
        assert stats.chi2.cdf(29 * every.var(ddof=1) / end**2, 29) == pytest.approx(share)
    assert result.far.value == pytest.approx(float((abs(every) > 2).mean()))


def test_the_sd_to_reach_is_that_of_published_repeats() -> None:
    sd_mm = PassMark().sd_at_most_mm
    assert sd_mm == pytest.approx(2 / (math.sqrt(2) * NormalDist().inv_cdf(0.875)))
    assert sd_mm == pytest.approx(1.23, abs=0.005)
    repeats = NormalDist(0, sd_mm * math.sqrt(2))
    assert 2 * repeats.cdf(-2.0) == pytest.approx(0.25)


def test_a_bias_is_told_with_its_direction() -> None:
    reason = only_reason(certify(errors(bias_mm=1.2, sd_mm=0.2, between_mm=0.1), unread=0))
    assert "too long" in reason
    assert "1.2" in reason
    short = only_reason(certify(errors(bias_mm=-1.2, sd_mm=0.2, between_mm=0.1), unread=0))
    assert "too short" in short


def test_it_is_the_interval_of_the_bias_that_counts() -> None:
    apart = {"a": [0.9] * 8, "b": [-0.1] * 8, "c": [1.0] * 8}  # the mean is 0.6
    assert "interval" in only_reason(certify(apart, unread=0))


def test_scatter_is_told() -> None:
    scattered_errors = {name: [1.9, -1.9] * 4 for name in "abc"}  # none of them beyond 2 mm
    assert "scatter by 1.94 mm" in only_reason(certify(scattered_errors, unread=0))


def test_a_few_lengths_far_off_are_told() -> None:
    far = {name: [0.1, -0.1] * 4 + [2.1, -2.1] for name in "abc"}
    assert "6 of 30 lengths are more than 2.0 mm off" in only_reason(certify(far, unread=0))


def test_two_mm_is_not_more_than_two_mm() -> None:
    edge = {name: [0.1, -0.1] * 4 + [2.0, -2.0] for name in "abc"}
    assert certify(edge, unread=0).passed


def test_too_few_lengths_do_not_pass() -> None:
    good = {name: [0.1, -0.1] for name in "abc"}
    assert "Only 6 of the 20" in only_reason(certify(good, unread=0))
    assert certify(good, unread=0, pass_mark=PassMark(lengths_at_least=6)).passed


@pytest.mark.parametrize("lesions", [1, 2])
def test_one_or_two_lesions_say_nothing_of_others(lesions: int) -> None:
    result = certify(errors(lesions=lesions, per_lesion=15, sd_mm=0.1, between_mm=0), unread=0)
    assert result.bias_mm.low is None
    assert any("3 lesions or more" in reason for reason in result.reasons)


def test_what_was_not_read_counts() -> None:
    assert certify(errors(per_lesion=9), unread=5).passed  # 5 of 50: just a tenth
    reason = only_reason(certify(errors(per_lesion=9), unread=6))
    assert reason.startswith("6 of 51 lengths are unread")


def test_nothing_read_does_not_pass() -> None:
    result = certify({}, unread=30)
    assert not result.passed
    assert result.sd_mm == result.far == result.bias_mm == Estimate(value=None)


@given(errors_by_lesion, st.integers(0, 5), st.floats(1.01, 5))
def test_more_spread_never_turns_a_fail_into_a_pass(
    given_errors: Errors, unread: int, factor: float
) -> None:
    middle = compute_bland_altman(given_errors).bias_mm.value or 0.0
    assume(abs(abs(middle) - 1) > 1e-6)  # where rounding decides
    spread = {
        name: [middle + factor * (error - middle) for error in error]
        for name, error in given_errors.items()
    }
    mark = PassMark(lengths_at_least=3)
    assert certify(given_errors, unread, mark).passed or not certify(spread, unread, mark).passed


@given(errors_by_lesion, st.integers(0, 5), st.integers(1, 5))
def test_reading_less_never_turns_a_fail_into_a_pass(
    given_errors: Errors, unread: int, more: int
) -> None:
    before = certify(given_errors, unread, PassMark(lengths_at_least=3))
    after = certify(given_errors, unread + more, PassMark(lengths_at_least=3))
    assert before.passed or not after.passed


@given(errors_by_lesion, st.integers(0, 5))
def test_long_and_short_are_judged_alike(given_errors: Errors, unread: int) -> None:
    mark = PassMark(lengths_at_least=3)
    turned_errors = {name: [-error for error in error] for name, error in given_errors.items()}
    certification, turned_certification = (
        certify(given_errors, unread, mark),
        certify(turned_errors, unread, mark),
    )
    assert certification.passed is turned_certification.passed
    assert certification.sd_mm == turned_certification.sd_mm
    assert certification.far == turned_certification.far


@given(errors_by_lesion, st.integers(0, 5))
def test_a_pass_has_all_its_numbers_within_the_mark(given_errors: Errors, unread: int) -> None:
    mark = PassMark(lengths_at_least=3)
    result = certify(given_errors, unread, mark)
    if not result.passed:
        assert all(reason.endswith(".") for reason in result.reasons)
        return
    assert -mark.bias_within_mm <= result.bias_mm.low <= result.bias_mm.high  # type: ignore[operator]
    assert result.bias_mm.high <= mark.bias_within_mm  # type: ignore[operator]
    assert result.sd_mm.value <= mark.sd_at_most_mm  # type: ignore[operator]
    assert result.far.value <= mark.far_at_most  # type: ignore[operator]


def test_every_part_of_the_mark_can_be_moved() -> None:
    strict = attrs.evolve(PassMark(), sd_at_most_mm=0.1, bias_within_mm=0.01, far_at_most=0.0)
    loose = PassMark(
        lengths_at_least=1, bias_within_mm=9, sd_at_most_mm=9, far_at_most=1, unread_at_most=1
    )
    wild = errors(bias_mm=1.5, sd_mm=3)
    assert len(certify(wild, 0, strict).reasons) == 3
    assert certify(wild, 90, loose).passed


@pytest.mark.parametrize(
    ("bias_mm", "sd_mm", "least", "most"),
    [(0.0, 0.7, 0.88, 1.0), (0.0, 1.23, 0.2, 0.5), (0.0, 2.0, 0.0, 0.03), (1.5, 0.7, 0.0, 0.03)],
)
def test_how_often_readers_pass(bias_mm: float, sd_mm: float, least: float, most: float) -> None:
    """The table of docs/how-to/certify-a-reader.md, in fewer draws."""
    draws = 100
    passes = sum(
        certify(errors(bias_mm=bias_mm, sd_mm=sd_mm, seed=seed), 0).passed for seed in range(draws)
    )
    assert least <= passes / draws <= most
