"""The statistics of 10,000 lesions on one core; and how often the intervals hold the truth.

    python benchmarks/cohort_statistics.py [--coverage [TIMES]]

The cohort is that of the tests, from a seed. Goal: analysis, tables and withholding of small counts
in under 20 s of processor time and under 1 GB. With `--coverage`, hazard ratios of a dose without
any effect are fitted to simulated cohorts in which lesions of one patient are alike.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np

from opp_mri.cohort.statistics.analysis import analyse
from opp_mri.cohort.statistics.hazards import fit_cox, fit_firth
from opp_mri.cohort.statistics.survival import Observed
from opp_mri.cohort.tables.analysis_tables import build_analysis_tables
from opp_mri.cohort.tables.suppression import suppress_counts
from opp_mri.cohort.tables.tables import (
    tabulate_demographics,
    tabulate_flow,
    tabulate_response_by_fractions,
    tabulate_time_course,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from fixtures.cohort_makers import make_cohort

LESIONS, GOAL_S, GOAL_GB, BELOW = 10_000, 20.0, 1.0, 5
SHAPES = (
    (37, 5, 0.1), (37, 5, 0.5), (75, 10, 0.3), (150, 20, 0.3), (300, 40, 0.3),
    (10, 5, 0.1), (20, 10, 0.3), (24, 20, 0.3), (40, 20, 0.9), (75, 20, 0.3), (150, 20, 0.5),
)  # fmt: skip
ALIKE = 0.7  # SD of the log hazard between patients


def speed() -> None:
    lesions = make_cohort(LESIONS)
    start = time.process_time()
    analysis = analyse(lesions)
    analysis_s = time.process_time()
    tables = [
        make(lesions)
        for make in (
            tabulate_flow,
            tabulate_demographics,
            tabulate_response_by_fractions,
            tabulate_time_course,
        )
    ]
    tables += build_analysis_tables(analysis)
    tables_s = time.process_time()
    suppress_counts(tables, BELOW)
    end = time.process_time()
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{analysis.n} of {LESIONS} lesions: analysis {analysis_s - start:.1f} s, "
        f"tables {tables_s - analysis_s:.1f} s, withholding {end - tables_s:.1f} s; "
        f"{peak_gb:.2f} GB at most"
    )
    if end - start > GOAL_S or peak_gb > GOAL_GB:
        sys.exit(f"The goal is {GOAL_S:g} s and {GOAL_GB:g} GB.")


def simulated(chance: np.random.Generator, n: int, events: int, shared: float) -> Observed:
    """Lesions of which a share belongs to the patient of another, followed to the last event."""
    patient = np.arange(n)
    second = chance.permutation(n)[: int(n * shared)]
    patient[second] = chance.integers(0, n, len(second))
    days = chance.exponential(np.exp(chance.normal(0, ALIKE, n))[patient])
    had = np.zeros(n, dtype=np.bool_)
    had[np.argsort(days)[:events]] = True
    return Observed(
        duration_days=np.where(had, days, days[had].max() * 1.001), event=had, patient=patient
    )


def coverage(times: int) -> None:
    chance = np.random.default_rng(2016)
    print(
        "| lesions | events | lesions that share a patient | patients | by lesion | by patient "
        "| the wider | Firth |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for n, events, shared in SHAPES:
        coverage = np.zeros(4)
        samples = patients = 0
        while samples < times:
            observed = simulated(chance, n, events, shared)
            doses = {"dose": chance.choice([16.0, 18.0, 24.0, 27.0, 30.0], n)}
            fits = (fit_cox(observed, doses), fit_cox(observed, doses, by_patient=True))
            if any(fit.reason for fit in fits):
                continue  # no finite ratio
            samples += 1
            patients += len(np.unique(observed.patient))
            wider = max(fits, key=lambda fit: fit.hazards[0].standard_error)
            for place, regression in enumerate((*fits, wider, fit_firth(observed, doses))):
                ratio = regression.hazards[0].ratio
                coverage[place] += ratio.low < 1 < ratio.high
        shares = " | ".join(f"{100 * count / times:.1f}%" for count in coverage)
        print(
            f"| {n} | {events} | {100 * shared:.0f}% | {patients / times:.0f} | {shares} |",
            flush=True,
        )


if __name__ == "__main__":
    if "--coverage" in sys.argv:
        coverage(int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
    else:
        speed()
