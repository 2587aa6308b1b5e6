"""Agreement of two readers: published examples, and a second way to each number."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from opp_mri.agreement.correlation import compute_icc
from opp_mri.agreement.lengths import (
    compute_bland_altman,
    compute_kappa,
    estimate_proportion,
    estimate_within_subject_sd_mm,
    scale_estimate,
)
from opp_mri.domain.estimate import Estimate

# Shrout and Fleiss 1979, table 2: six targets, four judges
JUDGES = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
# Bland and Altman 1986, table 1: peak flow by two meters, l/min
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_icc_is_that_of_shrout_and_fleiss() -> None:
    icc = compute_icc(JUDGES)
    assert icc.single.value == pytest.approx(0.29, abs=0.005)
    assert icc.average.value == pytest.approx(0.62, abs=0.005)


# two readers of eight lesions, mm
FIRST = [17.4, 21.0, 12.3, 30.1, 25.5, 18.8, 9.7, 14.2]
SECOND = [18.1, 20.2, 13.0, 31.4, 24.1, 19.9, 9.9, 15.6]


@pytest.mark.parametrize(
    ("lengths", "single", "average"),
    [
        (
            JUDGES,
            (0.289763779528, 0.0187865133747, 0.761084369649),
            (0.620050547599, 0.0711368153025, 0.927232040168),
        ),
        (
            np.column_stack([FIRST, SECOND]),
            (0.988383925357, 0.948284920728, 0.997619606581),
            (0.994158032312, 0.973456100429, 0.998808385034),
        ),
    ],
)
def test_icc_and_its_intervals_are_those_of_a_reference_implementation(
    lengths: np.ndarray, single: tuple[float, ...], average: tuple[float, ...]
) -> None:
    # R 4.2.2, psych 2.2.9: ICC(x, lmer = FALSE), the rows ICC2 and ICC2k
    icc = compute_icc(lengths)
    for member, expected_values in ((icc.single, single), (icc.average, average)):
        assert (member.value, member.low, member.high) == pytest.approx(expected_values, abs=1e-6)


def test_lengths_of_one_lesion_do_not_narrow_the_interval_of_icc_as_lesions_do() -> None:
    rng = np.random.default_rng(7)
    lengths = rng.normal(20, 6, (12, 1, 1)) + rng.normal(0, 0.9, (12, 5, 2))
    lengths[:, :, 0] += rng.normal(0, 1.2, (12, 1))  # a bias of each lesion's own
    flat = lengths.reshape(-1, 2)
    alone = compute_icc(flat, [str(n) for n in range(60)])
    together = compute_icc(flat, [str(n // 5) for n in range(60)])
    assert alone.single == compute_icc(flat).single
    assert together.single.value == alone.single.value
    width = [icc.single.high - icc.single.low for icc in (together, alone)]  # type: ignore[operator]
    assert width[0] > 1.3 * width[1]
    # left out by hand, one lesion after the other
    z = [
        math.atanh(compute_icc(np.delete(lengths, n, 0).reshape(-1, 2)).single.value)  # type: ignore[arg-type]
        for n in range(12)
    ]
    half = stats.t.ppf(0.975, 11) * math.sqrt(11 * np.var(z))
    middle = math.atanh(together.single.value)  # type: ignore[arg-type]
    assert together.single.low == pytest.approx(math.tanh(middle - half), abs=1e-9)
    assert (
        compute_icc(flat[:10], ["a"] * 5 + ["b"] * 5).single.low is None
    )  # two lesions are too few


@given(st.integers(3, 12), st.integers(2, 4), st.integers(0, 2**31))
def test_icc_by_a_second_way(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(20, 5, (n, 1)) + rng.normal(0, 1, (n, k)) + rng.normal(0, 0.5, k)
    # effects by least squares on dummy variables
    design = np.zeros((n * k, n + k - 1))
    for row in range(n):
        for column in range(k):
            design[row * k + column, row] = 1
            if column:
                design[row * k + column, n + column - 1] = 1
    y = values.ravel()

    def residual(columns: slice) -> float:
        part = design[:, columns]
        fitted_values = part @ np.linalg.lstsq(part, y, rcond=None)[0]
        return float(((y - fitted_values) ** 2).sum())

    error = residual(slice(None)) / ((n - 1) * (k - 1))
    readers = (residual(slice(0, n)) - residual(slice(None))) / (k - 1)
    items = np.column_stack([np.ones(n * k), design[:, n:]])
    targets = (
        float(((y - items @ np.linalg.lstsq(items, y, rcond=None)[0]) ** 2).sum())
        - residual(slice(None))
    ) / (n - 1)
    expected_icc = (targets - error) / (targets + (k - 1) * error + k * (readers - error) / n)
    icc = compute_icc(values)
    assert icc.single.value == pytest.approx(expected_icc, abs=1e-6)
    assert icc.single.low is not None
    assert icc.single.high is not None
    assert icc.single.low <= expected_icc <= icc.single.high


def test_too_few_lengths_have_no_icc() -> None:
    assert compute_icc(np.array([[1.0, 2.0], [3.0, 4.0]])).single == Estimate(value=None)
    assert compute_icc(np.full((5, 2), 7.0)).single == Estimate(value=None)  # nothing varies


def test_readers_who_never_differ_agree_wholly() -> None:
    lengths = np.repeat(np.arange(10.0, 20.0)[:, None], 2, axis=1)
    assert compute_icc(lengths).single == Estimate(value=1.0, low=1.0, high=1.0)


def test_one_pair_a_lesion_gives_the_limits_of_bland_and_altman() -> None:
    differences = np.subtract(LARGE, MINI).astype(float)
    bland_altman = compute_bland_altman(
        {str(n): [difference] for n, difference in enumerate(differences)}
    )
    assert bland_altman.bias_mm.value == pytest.approx(-2.1, abs=0.05)
    sd = (bland_altman.upper_mm.value - bland_altman.bias_mm.value) / 1.959964  # type: ignore[operator]
    assert sd == pytest.approx(38.8, abs=0.05)
    # the standard error of the bias is 9.4, its interval -22.0 to 17.8 (their page 309)
    assert (bland_altman.bias_mm.low, bland_altman.bias_mm.high) == pytest.approx(
        (-22.0, 17.8), abs=0.15
    )
    assert bland_altman.lower_mm.low < bland_altman.lower_mm.value < bland_altman.lower_mm.high  # type: ignore[operator]
    assert (bland_altman.lesions, bland_altman.pairs) == (17, 17)


def test_repeated_lengths_on_a_lesion_are_not_counted_as_so_many_lesions() -> None:
    rng = np.random.default_rng(3)
    of_lesion = rng.normal(0, 1.5, 12)
    repeats = {str(n): list(mean + rng.normal(0, 0.3, 6)) for n, mean in enumerate(of_lesion)}
    bland_altman = compute_bland_altman(repeats)
    alone = compute_bland_altman(
        {f"{n}-{m}": [x] for n, item in repeats.items() for m, x in enumerate(item)}
    )
    width = [f.bias_mm.high - f.bias_mm.low for f in (bland_altman, alone)]  # type: ignore[operator]
    assert width[0] > 2 * width[1]
    # variance of one difference by analysis of variance, equal numbers in each lesion
    groups = np.array(list(repeats.values()))
    mean_square = 6 * groups.mean(axis=1).var(ddof=1)
    within = ((groups - groups.mean(axis=1, keepdims=True)) ** 2).sum() / (12 * 5)
    total = (mean_square - within) / 6 + within
    half = (bland_altman.upper_mm.value - bland_altman.lower_mm.value) / 2  # type: ignore[operator]
    assert half == pytest.approx(1.959964 * math.sqrt(total), rel=1e-6)


def test_limits_and_their_intervals_by_a_second_way() -> None:
    """Unequal numbers on each lesion; the reference is written from the papers, in other terms."""
    rng = np.random.default_rng(11)
    data = {
        str(n): list(rng.normal(0.3, 1.1) + rng.normal(0, 0.8, size))
        for n, size in enumerate([1, 4, 2, 5, 3, 1, 6, 2, 4])
    }
    bland_altman = compute_bland_altman(data)
    y = np.concatenate(list(data.values()))
    group = np.repeat(np.arange(9), [len(lengths) for lengths in data.values()])
    dummies = (group[:, None] == np.arange(9)).astype(float)
    means = np.linalg.lstsq(dummies, y, rcond=None)[0]
    residual = float(((y - dummies @ means) ** 2).sum()) / (len(y) - 9)
    harmonic = stats.hmean(dummies.sum(axis=0))
    bias, of_means = float(np.mean(means)), float(np.var(means, ddof=1))
    inside = (1 - 1 / harmonic) * residual
    z = stats.norm.ppf(0.975)
    total = of_means + inside

    def bound(tail: float) -> float:  # of the total variance, Zou 2013, equation 6
        parts = (of_means, 8), (inside, len(y) - 9)
        off = [v * (free / stats.chi2.ppf(tail, free) - 1) for v, free in parts]
        return total + math.copysign(math.sqrt(sum(distance**2 for distance in off)), off[0])

    low, high = bound(0.975), bound(0.025)
    inner = math.sqrt(z**2 * of_means / 9 + z**2 * (math.sqrt(total) - math.sqrt(low)) ** 2)
    outer = math.sqrt(z**2 * of_means / 9 + z**2 * (math.sqrt(high) - math.sqrt(total)) ** 2)
    upper, lower = bias + z * math.sqrt(total), bias - z * math.sqrt(total)
    for member, expected_values in (
        (bland_altman.upper_mm, (upper, upper - inner, upper + outer)),
        (bland_altman.lower_mm, (lower, lower - outer, lower + inner)),
        (bland_altman.bias_mm, (bias, *stats.t.interval(0.95, 8, bias, math.sqrt(of_means / 9)))),
    ):
        assert (member.value, member.low, member.high) == pytest.approx(expected_values, abs=1e-6)


def test_bias_and_limits_of_single_pairs_are_those_of_a_reference_implementation() -> None:
    # R 4.2.2: mean(d), t.test(d)$conf.int, mean(d) +- qnorm(.975) * sd(d)
    bland_altman = compute_bland_altman(
        {str(n): [a - b] for n, (a, b) in enumerate(zip(FIRST, SECOND, strict=True))}
    )
    assert bland_altman.bias_mm.value == pytest.approx(-0.4, abs=1e-6)
    assert (bland_altman.bias_mm.low, bland_altman.bias_mm.high) == pytest.approx(
        (-1.247879966749, 0.447879966749), abs=1e-6
    )
    half = stats.norm.ppf(0.975) * 1.01418510567
    assert bland_altman.lower_mm.value == pytest.approx(-0.4 - half, abs=1e-6)
    assert bland_altman.upper_mm.value == pytest.approx(-0.4 + half, abs=1e-6)


def test_the_sd_of_one_measurement_is_the_root_of_half_the_mean_square() -> None:
    within_subject_sd_mm = estimate_within_subject_sd_mm(
        {str(n): [x] for n, x in enumerate([1.0, -1.0, 2.0, -2.0])}
    )
    assert within_subject_sd_mm.value == pytest.approx(math.sqrt(2.5 / 2))
    assert within_subject_sd_mm.low == pytest.approx(
        within_subject_sd_mm.value * math.sqrt(4 / stats.chi2.ppf(0.975, 4))
    )
    assert scale_estimate(within_subject_sd_mm, 2.77).value == pytest.approx(
        2.77 * within_subject_sd_mm.value
    )  # type: ignore[operator]
    assert estimate_within_subject_sd_mm({"a": [1.0]}) == Estimate(value=None)


def test_the_sd_of_one_measurement_counts_lesions_where_these_differ() -> None:
    rng = np.random.default_rng(5)
    of_lesion = rng.normal(0, 2.0, 12)
    repeats = {str(n): list(mean + rng.normal(0, 0.2, 6)) for n, mean in enumerate(of_lesion)}
    within_subject_sd_mm = estimate_within_subject_sd_mm(repeats)
    alone = estimate_within_subject_sd_mm(
        {f"{n}-{m}": [x] for n, item in repeats.items() for m, x in enumerate(item)}
    )
    assert within_subject_sd_mm.value == alone.value
    # nearly all of the variance lies between lesions, so there are as good as 12 squares, not 72
    ends = [
        within_subject_sd_mm.value * math.sqrt(12 / stats.chi2.ppf(p, 12)) for p in (0.975, 0.025)
    ]  # type: ignore[operator]
    assert (within_subject_sd_mm.low, within_subject_sd_mm.high) == pytest.approx(ends, rel=0.05)
    assert (
        estimate_within_subject_sd_mm({"a": [1.0, 2.0], "b": [0.0]}).low is None
    )  # two are too few


def test_a_share_has_an_exact_interval() -> None:
    # 0 of 10: the upper end is 1 - 0.025 ** (1 / 10)
    proportion = estimate_proportion(0, 10)
    assert (proportion.value, proportion.low) == (0.0, 0.0)
    assert proportion.high == pytest.approx(1 - 0.025**0.1)
    assert estimate_proportion(0, 0) == Estimate(value=None)


PAIRS = [("OPP", "OPP")] * 20 + [("OPP", "PD")] * 5 + [("PD", "OPP")] * 10 + [("PD", "PD")] * 15


def test_kappa_of_a_textbook_table_and_its_standard_error_by_the_delta_method() -> None:
    kappa = compute_kappa(PAIRS, ["OPP", "PD"])
    assert kappa.kappa.value == pytest.approx(0.4)
    assert kappa.table == ((20, 5), (10, 15))
    shares = np.array(kappa.table, float).ravel() / 50

    def value(p: np.ndarray) -> float:
        table = p.reshape(2, 2)
        by_chance = float(table.sum(axis=1) @ table.sum(axis=0))
        return (float(np.trace(table)) - by_chance) / (1 - by_chance)

    slope = np.array(
        [(value(shares + 1e-6 * e) - value(shares - 1e-6 * e)) / 2e-6 for e in np.eye(4)]
    )
    spread = np.diag(shares) - np.outer(shares, shares)
    half = 1.959964 * math.sqrt(slope @ spread @ slope / 50) / (1 - 0.4**2)  # on Fisher's z scale
    ends = (math.tanh(math.atanh(0.4) - half), math.tanh(math.atanh(0.4) + half))
    assert (kappa.kappa.low, kappa.kappa.high) == pytest.approx(ends, abs=1e-6)


def test_kappa_and_its_standard_error_are_those_of_a_reference_implementation() -> None:
    # R 4.2.2, psych 2.2.9: cohen.kappa(matrix(c(44,5,1, 7,20,3, 9,5,6), 3, byrow = TRUE))
    table = [[44, 5, 1], [7, 20, 3], [9, 5, 6]]
    names = ["OPP", "PD", "SD"]
    pairs = [(names[i], names[j]) for i in range(3) for j in range(3) for _ in range(table[i][j])]
    result = compute_kappa(pairs, names).kappa
    assert result.value == pytest.approx(0.491525423729, abs=1e-6)
    width = math.atanh(result.high) - math.atanh(result.low)  # type: ignore[arg-type]
    error = width / 2 / stats.norm.ppf(0.975) * (1 - result.value**2)  # type: ignore[operator]
    assert error**2 == pytest.approx(0.00520237038411, abs=1e-9)


def test_where_all_agree_kappa_has_no_interval_and_the_share_has_one() -> None:
    kappa = compute_kappa([("OPP", "OPP")] * 3 + [("PD", "PD")] * 2, ["OPP", "PD"])
    assert kappa.kappa == Estimate(value=1.0)
    assert kappa.agreed.low == pytest.approx(0.025 ** (1 / 5))
    kappa = compute_kappa(
        [("PD", "OPP"), ("PD", "PD")], ["OPP", "PD"]
    )  # no variance by the formula
    assert kappa.kappa == Estimate(value=0.0)


def test_one_category_for_all_has_agreement_and_no_kappa() -> None:
    kappa = compute_kappa([("SD", "SD")] * 5, ["SD", "PD"])
    assert kappa.kappa == Estimate(value=None)
    assert kappa.agreed.value == 1.0
