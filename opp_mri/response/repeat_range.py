"""The probability of the same category under several stated priors: its lowest and highest value.

For every mixture of the priors the probability lies in this range, as it is then a weighted mean of
theirs.
"""

from typing import Final

from opp_mri.domain.assessment import Rules
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.domain.timeline import Timeline
from opp_mri.response.prior import ALTERNATIVE_PRIORS
from opp_mri.response.probability import (
    CategoryProbabilities,
    compute_shares,
    draw_repeated_tenths,
)

RANGE_DRAWS: Final = 2000


def estimate_repeat_range(
    timeline: Timeline, rules: Rules, repeat: CategoryProbabilities, *, error: MeasurementError
) -> tuple[float, float]:
    """Return the lowest and highest probability of the same category under all stated priors.

    Parameters
    ----------
    timeline, rules, error
        As for `estimate_category_probabilities`.
    repeat
        Its answer for them, under one prior.
    """
    shares = [repeat.probabilities.get(repeat.category, 0.0)]
    if error.sd_mm:
        for prior in ALTERNATIVE_PRIORS:
            tenths = draw_repeated_tenths(timeline, error, prior=prior, draws=RANGE_DRAWS, seed=0)[
                1
            ]
            if tenths:
                calls = compute_shares(timeline, tenths, rules)
                shares.append(calls.get(repeat.category, 0.0))
    return min(shares), max(shares)
