"""Cohorts of a known truth: nobody falls out of the curves, and they are not biased.

`benchmarks/cohort_survival.py` does the same with hundreds of cohorts.
"""

import numpy as np
import pytest
from fixtures.simulated_cohorts import (
    Scenario,
    deaths_before_six_months,
    estimates,
    progression_after_pseudoprogression,
    retreated_two_weeks_later,
    simulate,
    truth,
)

from opp_mri.cohort.statistics.events import Endpoint, find_ending, gather_events, is_at_risk
from opp_mri.cohort.statistics.survival import EventEstimate
from opp_mri.domain.assessment import Mode


@pytest.mark.parametrize("mode", Mode)
def test_lesions_retreated_two_weeks_after_their_growth_are_failures_in_either_mode(mode) -> None:
    """300 lesions, 84 progressions, one in six of them at each visit: 72% free at the end."""
    lesions = retreated_two_weeks_later(mode)
    assert all(map(is_at_risk, lesions))
    for endpoint in (Endpoint.PROGRESSION_FREE, Endpoint.LOCAL_CONTROL):
        endings = [find_ending(gather_events(lesion), endpoint) for lesion in lesions]
        assert sum(ending.event for ending in endings) == 84
    for day, free in ((200, 272), (380, 244), (546, 216)):
        result = estimates(lesions, day)
        for endpoint in (Endpoint.PROGRESSION_FREE, Endpoint.LOCAL_CONTROL):
            share = result[endpoint.value]
            assert share.value == pytest.approx(free / 300)
            assert share.low < free / 300 < share.high


def holds(estimate: EventEstimate, share: float) -> bool:
    return estimate.value == pytest.approx(share) and estimate.low < share < estimate.high


@pytest.mark.parametrize("mode", Mode)
def test_a_progression_after_a_pseudoprogression_has_its_own_day(mode) -> None:
    """60 of 200 grow on day 91 and are back; 20 each progress on days 364, 455 and 546."""
    lesions = progression_after_pseudoprogression(mode)
    for day, percent in ((370, 20), (460, 40), (550, 60)):
        result = estimates(lesions, day)
        assert holds(result["progression_free"], 1 - percent / 200)
        assert holds(result["opp_free incidence"], 60 / 200)
    early = estimates(lesions, 350)
    assert early["progression_free"].value == 1
    assert holds(early["opp_free incidence"], 60 / 200)


@pytest.mark.parametrize("mode", Mode)
def test_patients_who_die_before_six_months_stay_in_the_curves(mode) -> None:
    """60 of 200 die on day 120; 40 of the others progress on day 273."""
    lesions = deaths_before_six_months(mode)
    assert all(map(is_at_risk, lesions))
    result = estimates(lesions, 280)
    assert holds(result["survival"], 140 / 200)
    assert holds(result["progression_free incidence"], 40 / 200)
    assert holds(result["progression_free"], 100 / 140)


@pytest.mark.parametrize("mode", Mode)
def test_informative_retreatment_death_and_missed_visits_bias_no_endpoint(mode) -> None:
    scenario, rng = Scenario(), np.random.default_rng(7)
    cohorts = [simulate(rng, scenario, 150, mode) for _ in range(6)]
    for name, share in truth(scenario, 375, n=50_000, mode=mode).items():
        result = [100 * estimates(lesions, 375)[name].value for lesions in cohorts]
        assert abs(np.mean(result) - share) < 5, name
