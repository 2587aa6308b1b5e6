"""Bias and coverage of every endpoint in simulated cohorts of a known truth.

    python benchmarks/cohort_survival.py [TIMES [LESIONS]]

Growth is retreated two weeks after it is seen, death comes sooner after a progression, visits are
missed and patients lost. Each cohort is recorded, classified by the rules in both modes, and
analysed; the estimates on two days are compared with the truth of the latent events. The bias is
that against a truth in which no visit is missed; the interval is asked to hold what the visits
that take place can show. Goals: bias under 2 points, coverage of the 95% interval from 93 to 97%
(within two standard errors of the simulation).
"""

import sys
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opp_mri.domain.assessment import Mode

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from fixtures.simulated_cohorts import Scenario, estimates, simulate, truth

DAYS = (190, 375)  # just after the visits of months 6 and 12
MOST_BIAS, LOW, HIGH = 2.0, 93.0, 97.0


def compare(mode: Mode, times: int, n: int) -> bool:
    """Print bias and coverage of one mode; return whether they meet the goals."""
    scenario, rng, good = Scenario(), np.random.default_rng(2016), True
    cohorts = [simulate(rng, scenario, n, mode) for _ in range(times)]
    for day in DAYS:
        complete, visible = (
            truth(scenario, day, mode=mode, all_visits=all_visits) for all_visits in (True, False)
        )
        by_cohort = [estimates(lesions, day) for lesions in cohorts]
        for name, share in complete.items():
            estimated = [
                estimates[name] for estimates in by_cohort if estimates[name].value is not None
            ]
            mean = 100 * float(np.mean([member.value for member in estimated]))
            hits = np.array(
                [
                    100 * estimate.low <= visible[name] <= 100 * estimate.high
                    for estimate in estimated
                    if estimate.low is not None
                ]
            )
            coverage, error = _share_and_error(hits)
            meets = abs(mean - share) < MOST_BIAS
            meets &= LOW - 2 * error <= coverage <= HIGH + 2 * error
            good &= meets
            print(
                f"| {mode.value} | {day} | {name.replace('_', ' ')} | {share:.1f} | "
                f"{visible[name]:.1f} | {mean:.1f} | {mean - share:+.1f} | {coverage:.1f} ± "
                f"{error:.1f}% |{'' if meets else ' !'}",
                flush=True,
            )
    return good


def _share_and_error(hits: NDArray[np.bool_]) -> tuple[float, float]:
    share = float(hits.mean())
    return 100 * share, 100 * sqrt(share * (1 - share) / len(hits))


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    print(
        "| mode | day | estimand | truth % | truth on the visits held % | mean estimate % | "
        "bias, points | coverage |"
    )
    print("|---|---|---|---|---|---|---|---|")
    results = [compare(mode, times, n) for mode in (Mode.RETROSPECTIVE, Mode.PROSPECTIVE)]
    if not all(results):
        sys.exit("A bias is 2 points or more, or a coverage outside 93 to 97%.")
