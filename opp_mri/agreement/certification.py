"""Whether a new reader measures well enough: errors on lesions of known length, and a pass mark.

An error is the recorded length less the true one, mm. Intervals are two-sided at 95%.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

import numpy as np
from attrs import frozen

from opp_mri.agreement.lengths import compute_bland_altman, estimate_proportion
from opp_mri.domain.estimate import LEVEL, Estimate
from opp_mri.response.probability import DEFAULT_SD_MM


@frozen(kw_only=True)
class PassMark:
    """What a reader has to reach; all of it.

    Parameters
    ----------
    lengths_at_least
        How many lengths have to be there: 20 know an SD to about a third of it (from -24 to +46%,
        by chi-squared); with fewer the pass says little.
    bias_within_mm
        The whole 95% interval of the bias lies between minus and plus this. 1.0 mm is half of the
        2 mm that a category turns on: between two readers who passed, a lesion that did not change
        is not moved over that by their biases alone. The interval and not the bias, so that few
        lengths do not help.
    sd_at_most_mm
        Of one measurement: about 1.23 mm, the SD of readers of whose repeats 25% differ by 2 mm or
        more, as published (PMID 37001052) and as `opp_mri.response.probability` assumes for every
        category; a reader who scatters more makes its probabilities wrong.
    far_mm, far_at_most
        At most this share of the errors is greater than this length. 2 mm is the threshold of the
        categories; without a bias, the SD above puts 10.4% of normal errors beyond it, so the
        share finds what the SD does not: a few lesions, slices or ends that were mistaken.
    unread_at_most
        Share of the lengths asked for that may be unread or not measurable. Each phantom lesion can
        be measured, and to leave out the hard ones must not make a better reader.
    """

    lengths_at_least: int = 20
    bias_within_mm: float = 1.0
    sd_at_most_mm: float = DEFAULT_SD_MM
    far_mm: float = 2.0
    far_at_most: float = 0.10
    unread_at_most: float = 0.10


DEFAULT_PASS_MARK: Final = PassMark()
FEWEST_LESIONS: Final = 3  # below them `compute_bland_altman` gives no interval


@frozen(kw_only=True)
class Certification:
    """How a reader measured, and whether that is enough.

    Parameters
    ----------
    n, lesions, unread
        Lengths that were compared, lesions that they are on, and lengths that were asked for and
        are missing.
    bias_mm
        Mean error; the interval counts lesions, not lengths.
    sd_mm
        SD of one measurement, about the reader's own mean.
    far
        Share of errors greater than `pass_mark.far_mm`.
    reasons
        A sentence for each part of the pass mark that is not reached.
    """

    n: int
    lesions: int
    unread: int
    bias_mm: Estimate
    sd_mm: Estimate
    far: Estimate
    pass_mark: PassMark
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all of the pass mark is reached."""
        return not self.reasons


def certify(
    errors_mm_by_lesion: Mapping[str, Sequence[float]],
    unread: int,
    pass_mark: PassMark = DEFAULT_PASS_MARK,
) -> Certification:
    """Hold a reader's errors against the pass mark.

    Parameters
    ----------
    errors_mm_by_lesion
        Recorded less true lengths, mm, finite, by lesion.
    unread
        Lengths that were asked for and are not there.

    Notes
    -----
    Bias by Bland and Altman for several lengths on a lesion (`compute_bland_altman`): errors on
    one lesion are alike, so the mean of the lesions' means has a t interval with a degree of
    freedom less than there are lesions; below three lesions there is none, and no pass. SD over
    all errors about their mean, so that what differs between lesions counts too; its interval by
    chi-squared, and that of the share by Clopper and Pearson, take each error as one and are too
    narrow where errors on a lesion are alike. These two are judged by their value, not by the
    interval.
    """
    errors = list(chain.from_iterable(errors_mm_by_lesion.values()))
    bias = compute_bland_altman(errors_mm_by_lesion)
    sd_mm = _estimate_sd_mm(errors)
    far = sum(abs(error) > pass_mark.far_mm for error in errors)
    reasons = [
        _judge_number(len(errors), pass_mark),
        _judge_unread(len(errors), unread, pass_mark),
        _judge_bias(bias.bias_mm, pass_mark),
        _judge_scatter(sd_mm, pass_mark),
        _judge_mistakes(far, len(errors), pass_mark),
    ]
    return Certification(
        n=len(errors),
        lesions=bias.lesions,
        unread=unread,
        bias_mm=bias.bias_mm,
        sd_mm=sd_mm,
        far=estimate_proportion(far, len(errors)),
        pass_mark=pass_mark,
        reasons=tuple(reason for reason in reasons if reason),
    )


def _estimate_sd_mm(errors_mm: Sequence[float]) -> Estimate:
    from scipy import stats  # slow to import

    free = len(errors_mm) - 1
    if free < 1:
        return Estimate(value=None)
    value = float(np.std(errors_mm, ddof=1))
    low, high = (
        value * math.sqrt(free / float(stats.chi2.ppf(p, free)))
        for p in ((1 + LEVEL) / 2, (1 - LEVEL) / 2)
    )
    return Estimate(value=value, low=low, high=high)


def _judge_number(n: int, mark: PassMark) -> str:
    if n >= mark.lengths_at_least:
        return ""
    return f"Only {n} of the {mark.lengths_at_least} lengths that it takes are there."


def _judge_unread(n: int, unread: int, mark: PassMark) -> str:
    due = n + unread
    if unread <= mark.unread_at_most * due:
        return ""
    return (
        f"{unread} of {due} lengths are unread or not measurable: more than "
        f"{mark.unread_at_most:.0%}."
    )


def _judge_bias(bias_mm: Estimate, mark: PassMark) -> str:
    if bias_mm.value is None or bias_mm.low is None or bias_mm.high is None:
        return f"The bias has no interval: it takes {FEWEST_LESIONS} lesions or more."
    if -mark.bias_within_mm <= bias_mm.low and bias_mm.high <= mark.bias_within_mm:
        return ""
    return (
        f"Lengths are {abs(bias_mm.value):.2f} mm too {'long' if bias_mm.value > 0 else 'short'} "
        f"on average: the interval of this bias, {bias_mm.low:.2f} to {bias_mm.high:.2f} mm, is "
        f"not within {mark.bias_within_mm:.1f} mm to each side of zero."
    )


def _judge_scatter(sd_mm: Estimate, mark: PassMark) -> str:
    if sd_mm.value is None or sd_mm.value <= mark.sd_at_most_mm:
        return ""
    return (
        f"Lengths scatter by {sd_mm.value:.2f} mm (SD of one measurement): more than "
        f"{mark.sd_at_most_mm:.2f} mm."
    )


def _judge_mistakes(far: int, n: int, mark: PassMark) -> str:
    if far <= mark.far_at_most * n:
        return ""
    return (
        f"{far} of {n} lengths are more than {mark.far_mm:.1f} mm off: more than "
        f"{mark.far_at_most:.0%}."
    )
