"""Bias and coverage of every endpoint in simulated cohorts of a known truth.

    python benchmarks/cohort_survival.py [TIMES [LESIONS]]

Growth is retreated two weeks after it is seen, death comes sooner after a progression, visits are
missed and patients lost. Each cohort is recorded, classified by the rules in both modes, and
analysed; the estimates on two days are held against the truth of the latent events. Goals: bias
under 2 points, coverage of the 95 % interval from 93 to 97 % (within its simulation error).
"""

import sys
from math import sqrt
from pathlib import Path

import numpy as np
from attrs import evolve

from opp_mri.cohort.statistics.events import (
    Ending,
    Endpoint,
    ending_of,
    events_of,
    is_at_risk,
)
from opp_mri.cohort.statistics.survival import (
    Estimate,
    Observed,
    cumulative_incidence,
    kaplan_meier,
)
from opp_mri.domain.assessment import Mode

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from fixtures.simulated_cohorts import Scenario, simulate, truth

DAYS = (190, 375)  # just after the visits of months 6 and 12
MOST_BIAS, LOW, HIGH = 2.0, 93.0, 97.0


def estimates(lesions: list, day: int) -> dict[str, Estimate]:
    """Every estimate of a cohort on a day."""
    happened = [events_of(one) for one in lesions if is_at_risk(one)]
    found: dict[str, Estimate] = {}
    for endpoint in Endpoint:
        endings: list[Ending] = [ending_of(each, endpoint) for each in happened]
        observed = Observed(
            duration_days=[max(0, each.day) for each in endings],
            event=[each.event for each in endings],
        )
        found[endpoint.value] = kaplan_meier(observed)[0].at(day)
        causes = [each.cause for each in endings]
        competing = evolve(
            observed,
            duration_days=[max(0, each.first_day) for each in endings],
            event=[cause == 1 for cause in causes],
            cause=causes,
        )
        found[f"{endpoint.value} incidence"] = cumulative_incidence(competing)[0].at(day)
    return found


def compare(mode: Mode, times: int, n: int) -> bool:
    """Print bias and coverage of one mode; tell whether they meet the goals."""
    scenario, rng, good = Scenario(), np.random.default_rng(2016), True
    cohorts = [simulate(rng, scenario, n, mode) for _ in range(times)]
    for day in DAYS:
        expected = truth(scenario, day)
        by_cohort = [estimates(lesions, day) for lesions in cohorts]
        for name, share in expected.items():
            values = [100 * one[name].value for one in by_cohort if one[name].value is not None]
            held = [
                100 * one[name].low <= share <= 100 * one[name].high
                for one in by_cohort
                if one[name].low is not None
            ]
            bias, coverage = float(np.mean(values)) - share, 100 * float(np.mean(held))
            slack = 2 * sqrt(coverage * (100 - coverage) / len(held))
            meets = abs(bias) < MOST_BIAS and LOW - slack <= coverage <= HIGH + slack
            good &= meets
            print(
                f"| {mode.value} | {day} | {name.replace('_', ' ')} | {share:.1f} | "
                f"{np.mean(values):.1f} | {bias:+.1f} | {coverage:.1f} % |{'' if meets else ' !'}"
            )
    return good


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    print("| mode | day | estimand | truth % | mean estimate % | bias, points | coverage |")
    print("|---|---|---|---|---|---|---|")
    results = [compare(mode, times, n) for mode in (Mode.RETROSPECTIVE, Mode.PROSPECTIVE)]
    if not all(results):
        sys.exit("A bias is 2 points or more, or a coverage outside 93 to 97 %.")
