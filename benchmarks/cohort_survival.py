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

from opp_mri.domain.assessment import Mode

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from fixtures.simulated_cohorts import Scenario, estimates, simulate, truth

DAYS = (190, 375)  # just after the visits of months 6 and 12
MOST_BIAS, LOW, HIGH = 2.0, 93.0, 97.0


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
