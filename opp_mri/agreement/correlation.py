"""Intraclass correlation of readers; its interval knows which lengths are of one lesion."""

import math
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from opp_mri.domain.estimate import LEVEL, Estimate

FloatArray = NDArray[np.float64]


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


def compute_icc(lengths_mm: FloatArray, lesions: Sequence[str] = ()) -> Icc:
    """Compute the intraclass correlation of readers.

    Parameters
    ----------
    lengths_mm
        Shape (targets, readers).
    lesions
        The lesion of each target; none where each is of another lesion.

    Notes
    -----
    ICC(A,1) and ICC(A,k) with the F-based intervals of McGraw and Wong, Psychol Methods
    1996;1:30-46, table 7; the first is ICC(2,1) of Shrout and Fleiss, Psychol Bull 1979;86:420-428.
    These intervals take targets as independent. Where a lesion has several, they are found by
    leaving out one lesion after the other (jackknife) on Fisher's z scale, with a t quantile of one
    degree of freedom less than there are lesions (Ukoumunne et al., Stat Med 2003;22:3805-3821, of
    such intervals by resampling of clusters).
    """
    n, k = lengths_mm.shape
    no_estimate = Estimate(value=None)
    if n < 3 or k < 2:
        return Icc(single=no_estimate, average=no_estimate, targets=n, readers=k)
    rows, columns, error = _compute_mean_squares(lengths_mm)
    bottom = rows + (k - 1) * error + k * (columns - error) / n
    if bottom <= 0 or rows == 0:
        return Icc(single=no_estimate, average=no_estimate, targets=n, readers=k)
    single = (rows - error) / bottom
    if single >= 1 or error == 0 == columns:
        whole = Estimate(value=1.0, low=1.0, high=1.0)
        return Icc(single=whole, average=whole, targets=n, readers=k)
    if len(set(lesions)) < len(lesions):
        low, high = _compute_jackknife_interval(lengths_mm, lesions)
    else:
        low, high = _compute_icc_interval(rows, columns, error, single, n, k)
    return Icc(
        single=Estimate(value=single, low=low, high=high),
        average=Estimate(
            value=(rows - error) / (rows + (columns - error) / n),
            low=_step_up_to_mean(low, k),
            high=_step_up_to_mean(high, k),
        ),
        targets=n,
        readers=k,
    )


def _compute_jackknife_interval(
    lengths_mm: FloatArray, lesions: Sequence[str]
) -> tuple[float | None, float | None]:
    from scipy import stats  # slow to import

    names = np.array(lesions)
    groups = [names == lesion for lesion in dict.fromkeys(lesions)]
    n = len(groups)
    without = (
        [compute_icc(lengths_mm[~group]).single.value for group in groups] if n >= 3 else [None]
    )
    if any(estimate is None or abs(estimate) >= 1 for estimate in without):
        return None, None
    z = np.arctanh(np.array(without, dtype=np.float64))
    estimate = compute_icc(lengths_mm).single.value
    if estimate is None:
        return None, None
    spread = math.sqrt((n - 1) / n * float(((z - z.mean()) ** 2).sum()))
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * spread
    return math.tanh(math.atanh(estimate) - half), math.tanh(math.atanh(estimate) + half)


def _compute_mean_squares(values: FloatArray) -> tuple[float, float, float]:
    """Return the mean squares of targets, readers and error of a two-way table."""
    n, k = values.shape
    grand = values.mean()
    of_rows = k * float(((values.mean(axis=1) - grand) ** 2).sum())
    of_columns = n * float(((values.mean(axis=0) - grand) ** 2).sum())
    rest = float(((values - grand) ** 2).sum()) - of_rows - of_columns
    return of_rows / (n - 1), of_columns / (k - 1), max(rest, 0.0) / ((n - 1) * (k - 1))


def _compute_icc_interval(
    rows: float, columns: float, error: float, single: float, n: int, k: int
) -> tuple[float, float]:
    from scipy import stats  # slow to import

    a = k * single / (n * (1 - single))
    b = 1 + k * single * (n - 1) / (n * (1 - single))
    parts = (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    v = (a * columns + b * error) ** 2 / parts
    p = (1 + LEVEL) / 2
    f_low, f_high = float(stats.f.ppf(p, n - 1, v)), float(stats.f.ppf(p, v, n - 1))
    rest = k * columns + (k * n - k - n) * error
    return (
        n * (rows - f_low * error) / (f_low * rest + n * rows),
        n * (f_high * rows - error) / (rest + n * f_high * rows),
    )


def _step_up_to_mean(single: float | None, k: int) -> float | None:
    """Step a reliability up to that of the mean of k readers (Spearman and Brown)."""
    if single is None:
        return None
    return k * single / (1 + (k - 1) * single)
