"""How far two readers agree on lengths and categories, each number with its n and interval.

Intervals are two-sided at 95%. A number that is not estimable from so few data is None.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from opp_mri.domain.estimate import LEVEL, Estimate

Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
LEAST_VARIANCE: Final = 1e-12  # below it a variance is nothing but rounding
FloatArray = NDArray[np.float64]


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


def compute_bland_altman(differences_mm: Mapping[str, Sequence[float]]) -> BlandAltman:
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
    from scipy import stats  # slow to import

    groups = [
        np.asarray(differences, dtype=np.float64)
        for differences in differences_mm.values()
        if len(differences)
    ]
    n, pairs = len(groups), sum(map(len, groups))
    if n < 3:
        mean = float(np.mean(np.concatenate(groups))) if groups else None
        no_estimate = Estimate(value=None)
        return BlandAltman(
            bias_mm=Estimate(value=mean), lower_mm=no_estimate, upper_mm=no_estimate, lesions=n,
            pairs=pairs,
        )  # fmt: skip
    means = np.array([group.mean() for group in groups])
    bias, between = float(means.mean()), float(means.var(ddof=1))
    free = pairs - n
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    within = within / free if free else 0.0
    share = 1 - float(np.mean([1 / len(group) for group in groups]))  # 1 - 1 / harmonic mean
    total = between + share * within
    less, more = _compute_variance_spread(between, share * within, n - 1, free)
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


def estimate_within_subject_sd_mm(differences_mm: Mapping[str, Sequence[float]]) -> Estimate:
    """Compute the SD of one measurement from pairs of lengths, their bias included.

    Parameters
    ----------
    differences_mm
        One length less the other, by lesion.

    Notes
    -----
    Root of half the mean squared difference (Bland and Altman, BMJ 1996;312:1654), interval by
    chi-squared (Raunig et al., Stat Methods Med Res 2015;24:27-67, section 4.2). Where a lesion has
    several pairs they are not independent: the degrees of freedom are then those that give the
    chi-squared the variance which the mean square has by the variances between and within lesions
    (Satterthwaite, Biometrics Bull 1946;2:110-114).
    """
    from scipy import stats  # slow to import

    groups = [
        np.asarray(differences, dtype=np.float64)
        for differences in differences_mm.values()
        if len(differences)
    ]
    pairs = sum(map(len, groups))
    if pairs < 2:
        return Estimate(value=None)
    mean_square = float(np.mean(np.square(np.concatenate(groups))))
    free = _compute_degrees_of_freedom(groups, mean_square) if pairs > len(groups) else float(pairs)
    value = math.sqrt(mean_square / 2)
    if free is None:
        return Estimate(value=value)
    low, high = (
        value * math.sqrt(free / float(stats.chi2.ppf(p, free)))
        for p in ((1 + LEVEL) / 2, (1 - LEVEL) / 2)
    )
    return Estimate(value=value, low=low, high=high)


def _compute_degrees_of_freedom(groups: Sequence[FloatArray], mean_square: float) -> float | None:
    """Return the degrees of freedom of a mean square over lesions with several pairs each."""
    n, sizes = len(groups), np.array([len(group) for group in groups])
    pairs = int(sizes.sum())
    if n < 3:
        return None
    means = np.array([group.mean() for group in groups])
    of_means = float(means.var(ddof=1))
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / (pairs - n)
    between = max(of_means - within * float(np.mean(1 / sizes)), 0.0)
    bias_squared = max(float(means.mean()) ** 2 - of_means / n, 0.0)
    # variance of a sum of squares of normal differences with these covariances
    spread = 2 * (sizes * within**2 + 2 * sizes * within * between + (sizes * between) ** 2)
    drift = 4 * bias_squared * (sizes * within + sizes**2 * between)
    variance = float((spread + drift).sum()) / pairs**2
    if variance == 0:  # all pairs differ by the same
        return float(pairs)
    return min(2 * mean_square**2 / variance, float(pairs))


def scale_estimate(estimate: Estimate, factor: float) -> Estimate:
    """Multiply a number and its interval, such as an SD to a reproducibility coefficient."""
    return Estimate(
        value=None if estimate.value is None else estimate.value * factor,
        low=None if estimate.low is None else estimate.low * factor,
        high=None if estimate.high is None else estimate.high * factor,
    )


def estimate_proportion(count: int, n: int) -> Estimate:
    """Compute a share with the exact interval of Clopper and Pearson (Biometrika 1934;26:404).

    Parameters
    ----------
    count
        How many of them have the property.
    n
        How many there are; with 0 the share is not estimable.
    """
    from scipy import stats  # slow to import

    if n == 0:
        return Estimate(value=None)
    interval = stats.binomtest(count, n).proportion_ci(LEVEL, method="exact")
    return Estimate(value=count / n, low=float(interval.low), high=float(interval.high))


def compute_kappa(pairs: Sequence[tuple[str, str]], categories: Sequence[str]) -> Kappa:
    """Compute Cohen's kappa.

    Parameters
    ----------
    pairs
        What the two readers said of each lesion.
    categories
        All that may be said, in the order of the table.

    Notes
    -----
    Standard error of Fleiss, Cohen and Everitt, Psychol Bull 1969;72:323-327, equation 13; the
    interval is symmetric on Fisher's z scale, where it holds the truth nearer to 95% with few
    lesions. Where all agree, or the variance is nothing, there is none: the share that agreed has
    one.
    """
    n = len(pairs)
    counts = np.array([[pairs.count((a, b)) for b in categories] for a in categories], dtype=int)
    counts = counts.reshape(len(categories), len(categories))  # without categories too
    table = tuple(tuple(int(x) for x in row) for row in counts)
    agreement = estimate_proportion(int(np.trace(counts)), n)
    value = Estimate(value=None)
    if n >= 2:
        shares = counts / n
        first, second = shares.sum(axis=1), shares.sum(axis=0)
        by_chance = float(first @ second)
        if by_chance < 1:
            value = _compute_kappa(shares, first, second, by_chance, n)
    return Kappa(kappa=value, agreed=agreement, categories=tuple(categories), table=table, n=n)


def _compute_kappa(
    shares: FloatArray, first: FloatArray, second: FloatArray, by_chance: float, n: int
) -> Estimate:
    observed = float(np.trace(shares))
    value = (observed - by_chance) / (1 - by_chance)
    sums = second[:, None] + first[None, :]  # p.i + pj.: of the row's category and the column's
    away = shares * sums**2
    diagonal = np.diag(shares) * (1 - (first + second) * (1 - value)) ** 2
    variance = (
        float(diagonal.sum())
        + (1 - value) ** 2 * float(away.sum() - np.trace(away))
        - (value - by_chance * (1 - value)) ** 2
    ) / (n * (1 - by_chance) ** 2)
    if abs(value) >= 1 or variance <= LEAST_VARIANCE:
        return Estimate(value=value)
    half = Z * math.sqrt(variance) / (1 - value**2)
    z = math.atanh(value)
    return Estimate(value=value, low=math.tanh(z - half), high=math.tanh(z + half))


def _compute_variance_spread(
    between: float, within: float, free_between: int, free_within: int
) -> tuple[float, float]:
    """Return how far a sum of two variances reaches down and up, by MOVER."""
    from scipy import stats  # slow to import

    p = (1 + LEVEL) / 2
    down, up = [], []
    for variance, free in ((between, free_between), (within, free_within)):
        if free:
            down.append(variance * (1 - free / float(stats.chi2.ppf(p, free))))
            up.append(variance * (free / float(stats.chi2.ppf(1 - p, free)) - 1))
    return math.hypot(*down), math.hypot(*up)
