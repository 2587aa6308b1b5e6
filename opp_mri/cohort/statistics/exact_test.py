"""Fisher's exact test of the events of two arms."""

import numpy as np
from attrs import evolve, frozen

from opp_mri.cohort.statistics.survival import EventEstimate
from opp_mri.domain.estimate import LEVEL
from opp_mri.errors import InputError


@frozen(kw_only=True)
class Fisher:
    """Fisher's exact test, two-sided; where there is no p the odds ratio says why."""

    odds_ratio: EventEstimate
    p: float | None


def run_fisher_test(first: tuple[int, int], second: tuple[int, int]) -> Fisher:
    """Test two arms, each given as its events and its lesions.

    Notes
    -----
    The two-sided p sums all tables no likelier than this one. The odds ratio, first arm to second,
    is the conditional maximum likelihood estimate with its exact interval, as in R's `fisher.test`:
    0 or infinite where an arm has no event or nothing else.
    """
    from scipy import stats

    if any(not 0 <= events <= n for events, n in (first, second)):
        raise InputError("Give each arm as its events and its lesions, never more events.")
    n, events = first[1] + second[1], first[0] + second[0]
    no_estimate = EventEstimate(value=None, n=n, events=events)
    if 0 in (first[1], second[1]):
        return Fisher(odds_ratio=evolve(no_estimate, reason="An arm has no lesion."), p=None)
    if events in (0, n):
        return Fisher(odds_ratio=evolve(no_estimate, reason="All or none had the event."), p=1.0)
    table = np.array([(events, n - events) for events, n in (first, second)])
    result = stats.contingency.odds_ratio(table, kind="conditional")
    limits = result.confidence_interval(confidence_level=LEVEL)
    value, low, high = map(float, (result.statistic, limits.low, limits.high))
    return Fisher(
        odds_ratio=EventEstimate(value=value, low=low, high=high, n=n, events=events),
        p=float(stats.fisher_exact(table).pvalue),
    )
