"""How far two readers agree on lengths and categories, each number with its n and interval.

Intervals are two-sided at 95 %. Where a number cannot be had from so few data it is None.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
Z = float(stats.norm.ppf((1 + LEVEL) / 2))
FloatArray = NDArray[np.float64]


@frozen(kw_only=True)
class Estimate:
    """A number with its 95 % interval; None where it cannot be had."""

    value: float | None
    low: float | None = None
    high: float | None = None


@frozen(kw_only=True)
class Icc:
    """Intraclass correlation, two-way random effects, absolute agreement.

    Parameters
    ----------
    single, average
        ICC(2,1) of one reader, and ICC(A,k) of the mean of all readers.
    targets, readers
        How many lengths, and how many readers measured each.
    """

    single: Estimate
    average: Estimate
    targets: int
    readers: int


@frozen(kw_only=True)
class BlandAltman:
    """Differences of two readers, first less second, mm.

    Parameters
    ----------
    bias_mm, lower_mm, upper_mm
        Mean difference, and the limits of agreement.
    lesions, pairs
        How many lesions, and how many pairs of lengths on them.
    """

    bias_mm: Estimate
    lower_mm: Estimate
    upper_mm: Estimate
    lesions: int
    pairs: int


@frozen(kw_only=True)
class Kappa:
    """Cohen's kappa for categories.

    Parameters
    ----------
    table
        How often the first reader said a category (row) where the second said another (column).
    """

    kappa: Estimate
    agreed: Estimate
    categories: tuple[str, ...]
    table: tuple[tuple[int, ...], ...] = field(repr=False)
    n: int


def icc(lengths_mm: FloatArray) -> Icc:
    """Compute the intraclass correlation of readers.

    Parameters
    ----------
    lengths_mm
        Shape (targets, readers).

    Notes
    -----
    ICC(A,1) and ICC(A,k) with the F-based intervals of McGraw and Wong, Psychol Methods
    1996;1:30-46, table 7; the first is ICC(2,1) of Shrout and Fleiss, Psychol Bull 1979;86:420-428.
    """
    n, k = lengths_mm.shape
    nothing = Estimate(value=None)
    if n < 3 or k < 2:
        return Icc(single=nothing, average=nothing, targets=n, readers=k)
    rows, columns, error = _mean_squares(lengths_mm)
    bottom = rows + (k - 1) * error + k * (columns - error) / n
    if bottom <= 0 or rows == 0:
        return Icc(single=nothing, average=nothing, targets=n, readers=k)
    one = (rows - error) / bottom
    if one >= 1 or error == 0 == columns:
        whole = Estimate(value=1.0, low=1.0, high=1.0)
        return Icc(single=whole, average=whole, targets=n, readers=k)
    low, high = _icc_interval(rows, columns, error, one, n, k)
    return Icc(
        single=Estimate(value=one, low=low, high=high),
        average=Estimate(
            value=(rows - error) / (rows + (columns - error) / n),
            low=_of_mean(low, k),
            high=_of_mean(high, k),
        ),
        targets=n,
        readers=k,
    )


def bland_altman(differences_mm: Mapping[str, Sequence[float]]) -> BlandAltman:
    """Compute bias and limits of agreement where a lesion has several time points.

    Parameters
    ----------
    differences_mm
        First reader less second, by lesion; the true length varies between time points.

    Notes
    -----
    The variance of a difference is that between lesions and that within them (Bland and Altman,
    J Biopharm Stat 2007;17:571-582, section 3); the intervals of the limits are found by MOVER
    (Zou, Stat Methods Med Res 2013;22:630-642).
    """
    groups = [np.asarray(one, dtype=np.float64) for one in differences_mm.values() if len(one)]
    n, pairs = len(groups), sum(map(len, groups))
    if n < 3:
        mean = float(np.mean(np.concatenate(groups))) if groups else None
        nothing = Estimate(value=None)
        return BlandAltman(
            bias_mm=Estimate(value=mean), lower_mm=nothing, upper_mm=nothing, lesions=n,
            pairs=pairs,
        )  # fmt: skip
    means = np.array([group.mean() for group in groups])
    bias, between = float(means.mean()), float(means.var(ddof=1))
    free = pairs - n
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    within = within / free if free else 0.0
    share = 1 - float(np.mean([1 / len(group) for group in groups]))  # 1 - 1 / harmonic mean
    total = between + share * within
    less, more = _variance_spread(between, share * within, n - 1, free)
    spread = math.sqrt(total)
    low, high = math.sqrt(max(total - less, 0.0)), math.sqrt(total + more)
    error = between / n  # variance of the bias
    inner = Z * math.sqrt(error + (spread - low) ** 2)
    outer = Z * math.sqrt(error + (high - spread) ** 2)
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * math.sqrt(error)
    lower, upper = bias - Z * spread, bias + Z * spread
    return BlandAltman(
        bias_mm=Estimate(value=bias, low=bias - half, high=bias + half),
        lower_mm=Estimate(value=lower, low=lower - outer, high=lower + inner),
        upper_mm=Estimate(value=upper, low=upper - inner, high=upper + outer),
        lesions=n,
        pairs=pairs,
    )


def within_subject_sd_mm(differences_mm: Sequence[float]) -> Estimate:
    """Compute the SD of one measurement from pairs by two readers, their bias included.

    Notes
    -----
    Root of half the mean squared difference (Bland and Altman, BMJ 1996;312:1654), interval by
    chi-squared (Raunig et al., Stat Methods Med Res 2015;24:27-67, section 4.2).
    """
    n = len(differences_mm)
    if n < 2:
        return Estimate(value=None)
    value = math.sqrt(float(np.mean(np.square(differences_mm))) / 2)
    low, high = (
        value * math.sqrt(n / float(stats.chi2.ppf(p, n)))
        for p in ((1 + LEVEL) / 2, (1 - LEVEL) / 2)
    )
    return Estimate(value=value, low=low, high=high)


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """Multiply a number and its interval, such as an SD to a reproducibility coefficient."""
    return Estimate(
        value=None if estimate.value is None else estimate.value * factor,
        low=None if estimate.low is None else estimate.low * factor,
        high=None if estimate.high is None else estimate.high * factor,
    )


def proportion(count: int, n: int) -> Estimate:
    """Compute a share with the exact interval of Clopper and Pearson (Biometrika 1934;26:404)."""
    if n == 0:
        return Estimate(value=None)
    interval = stats.binomtest(count, n).proportion_ci(LEVEL, method="exact")
    return Estimate(value=count / n, low=float(interval.low), high=float(interval.high))


def kappa(pairs: Sequence[tuple[str, str]], categories: Sequence[str]) -> Kappa:
    """Compute Cohen's kappa.

    Parameters
    ----------
    pairs
        What the two readers said of each lesion.
    categories
        All that may be said, in the order of the table.

    Notes
    -----
    Standard error of Fleiss, Cohen and Everitt, Psychol Bull 1969;72:323-327, equation 13.
    """
    n = len(pairs)
    counts = np.array([[pairs.count((a, b)) for b in categories] for a in categories])
    table = tuple(tuple(int(x) for x in row) for row in counts)
    agreed = proportion(int(np.trace(counts)), n)
    value = Estimate(value=None)
    if n >= 2:
        shares = counts / n
        first, second = shares.sum(axis=1), shares.sum(axis=0)
        by_chance = float(first @ second)
        if by_chance < 1:
            value = _kappa(shares, first, second, by_chance, n)
    return Kappa(kappa=value, agreed=agreed, categories=tuple(categories), table=table, n=n)


def _kappa(
    shares: FloatArray, first: FloatArray, second: FloatArray, by_chance: float, n: int
) -> Estimate:
    observed = float(np.trace(shares))
    value = (observed - by_chance) / (1 - by_chance)
    sums = second[:, None] + first[None, :]  # p.i + pj.: of the row's category and the column's
    away = shares * sums**2
    same = np.diag(shares) * (1 - (first + second) * (1 - value)) ** 2
    variance = (
        float(same.sum())
        + (1 - value) ** 2 * float(away.sum() - np.trace(away))
        - (value - by_chance * (1 - value)) ** 2
    ) / (n * (1 - by_chance) ** 2)
    half = Z * math.sqrt(max(variance, 0.0))
    return Estimate(value=value, low=max(-1.0, value - half), high=min(1.0, value + half))


def _mean_squares(values: FloatArray) -> tuple[float, float, float]:
    """Give the mean squares of targets, readers and error of a two-way table."""
    n, k = values.shape
    grand = values.mean()
    of_rows = k * float(((values.mean(axis=1) - grand) ** 2).sum())
    of_columns = n * float(((values.mean(axis=0) - grand) ** 2).sum())
    rest = float(((values - grand) ** 2).sum()) - of_rows - of_columns
    return of_rows / (n - 1), of_columns / (k - 1), max(rest, 0.0) / ((n - 1) * (k - 1))


def _icc_interval(
    rows: float, columns: float, error: float, one: float, n: int, k: int
) -> tuple[float, float]:
    a = k * one / (n * (1 - one))
    b = 1 + k * one * (n - 1) / (n * (1 - one))
    parts = (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    v = (a * columns + b * error) ** 2 / parts
    p = (1 + LEVEL) / 2
    f_low, f_high = float(stats.f.ppf(p, n - 1, v)), float(stats.f.ppf(p, v, n - 1))
    rest = k * columns + (k * n - k - n) * error
    return (
        n * (rows - f_low * error) / (f_low * rest + n * rows),
        n * (f_high * rows - error) / (rest + n * f_high * rows),
    )


def _of_mean(one: float, k: int) -> float:
    """Step a reliability up to that of the mean of k readers (Spearman and Brown)."""
    return k * one / (1 + (k - 1) * one)


def _variance_spread(
    between: float, within: float, free_between: int, free_within: int
) -> tuple[float, float]:
    """Give how far a sum of two variances reaches down and up, by MOVER."""
    p = (1 + LEVEL) / 2
    down, up = [], []
    for variance, free in ((between, free_between), (within, free_within)):
        if free:
            down.append(variance * (1 - free / float(stats.chi2.ppf(p, free))))
            up.append(variance * (free / float(stats.chi2.ppf(1 - p, free)) - 1))
    return math.hypot(*down), math.hypot(*up)
