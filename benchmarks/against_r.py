"""Cohorts that are meant to go wrong, by this program and by R.

    python benchmarks/against_r.py [SEED]

Needs `Rscript` with the packages survival and cmprsk. Ties on one to four days, one event, an arm
without an event, separation, all censored on day 0, one lesion, 300 lesions of three patients, and
curves that end at one half. Goal: each number is R's, or is refused with a reason.
"""

import csv
import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opp_mri.cohort.statistics.competing import fit_fine_gray, run_gray_test
from opp_mri.cohort.statistics.hazards import Regression, fit_cox
from opp_mri.cohort.statistics.survival import (
    Observed,
    compute_median_days,
    estimate_cumulative_incidence,
    estimate_kaplan_meier,
    log_rank,
)

Z_95 = 1.959963984540054
Number = tuple[str, float | None, str | None]  # name, value, why there is none
MODEL_TOLERANCE, TOLERANCE = 1e-5, 1e-6


def make_cohort(
    rng: np.random.Generator,
    n: int,
    top: int,
    *,
    shares: tuple[float, float, float] = (0.4, 0.4, 0.2),
    arms: int = 2,
    patients: int = 10,
) -> dict[str, NDArray]:
    """Draw days, causes, arms, patients and a covariate, all without any relation."""
    return {
        "day": rng.integers(1, top + 1, n),
        "cause": rng.choice(3, n, p=shares),
        "arm": np.array(list("abc"))[rng.integers(0, arms, n)],
        "patient": rng.integers(0, patients, n),
        "x": rng.normal(size=n).round(2),
    }


def generate_cohorts(rng: np.random.Generator) -> Iterator[dict[str, NDArray]]:
    """Yield the cohorts, about 250."""
    for _ in range(40):  # ties everywhere
        yield make_cohort(rng, int(rng.integers(4, 60)), int(rng.integers(1, 5)), arms=3)
    for number in range(30):  # one event, and perhaps one that competes
        cohort = make_cohort(rng, int(rng.integers(4, 40)), 400, shares=(1, 0, 0))
        cohort["cause"][0] = 1
        cohort["cause"][-1] = 2 * (number % 2)
        yield cohort
    for number in range(30):  # no event in an arm
        cohort = make_cohort(rng, int(rng.integers(6, 50)), 6 if number % 2 else 300)
        cohort["cause"][(cohort["arm"] == "a") & (cohort["cause"] == 1)] = 0
        yield cohort
    for number in range(30):  # separation, or nearly
        n = int(rng.integers(6, 40))
        cohort = make_cohort(rng, n, 8 if number % 2 else 300, shares=(0.3, 0.7, 0))
        yield cohort | {"day": np.sort(cohort["day"]), "x": np.linspace(3, -3, n).round(3)}
    for _ in range(6):  # all censored on day 0
        n = int(rng.integers(1, 10))
        zeros = np.zeros(n, dtype=int)
        yield make_cohort(rng, n, 5) | {"day": zeros, "cause": zeros}
    for _ in range(10):  # some end on day 0
        cohort = make_cohort(rng, int(rng.integers(4, 20)), 6)
        cohort["day"][rng.random(len(cohort["day"])) < 0.4] = 0
        yield cohort
    for cause in range(3):
        yield make_cohort(rng, 1, 30, arms=1) | {"cause": np.array([cause])}
    for number in range(20):  # 300 lesions of three patients
        cohort = make_cohort(rng, 300, 9, shares=(0.5, 0.35, 0.15), patients=3)
        rate = np.exp(rng.normal(size=3))[cohort["patient"]]
        cohort["day"] = np.ceil(rng.exponential(200 / rate)).astype(int)
        yield cohort | ({} if number % 2 else {"x": 1.0 * cohort["patient"]})
    for _ in range(40):  # curves that lie at one half
        n = 2 * int(rng.integers(1, 6))
        cohort = make_cohort(rng, n, 9, shares=(0.2, 0.8, 0), arms=1, patients=n)
        yield cohort | {"day": 10 * (1 + rng.permutation(n))}
    for number in range(40):
        top = 20 if number % 2 else 400
        yield make_cohort(rng, int(rng.integers(20, 120)), top, arms=2 + number % 2, patients=30)


def compute_numbers(cohort: dict[str, NDArray]) -> Iterator[Number]:
    """Yield each number that R is asked for."""
    observed = Observed(
        duration_days=cohort["day"],
        event=cohort["cause"] == 1,
        cause=cohort["cause"],
        group=cohort["arm"],
        patient=cohort["patient"].astype(str),
    )
    for curve in estimate_kaplan_meier(observed):
        median = compute_median_days(curve)
        for number, side in enumerate((median.value, median.low, median.high), 1):
            yield f"median {curve.group} {number}", side, "the curve or limit stays above a half"
        steps = zip(curve.days, curve.values, curve.low, curve.high, curve.events, strict=True)
        for day, share, low, high, events in steps:
            if events:
                yield f"Kaplan-Meier {curve.group} {day:g}", share, None
                yield f"its lower limit {curve.group} {day:g}", low, "no log-log interval"
                yield f"its upper limit {curve.group} {day:g}", high, "no log-log interval"
    for curve in estimate_cumulative_incidence(observed):
        if curve.cause == 1:
            share, low = curve.values[-1], curve.low[-1]
            yield f"cumulative incidence {curve.group}", share, None
            error = None if low is None else math.log(math.log(low) / math.log(share)) / Z_95
            factor = share * abs(math.log(share)) if 0 < share < 1 else 0.0
            words = "nobody outlives that day"
            yield f"its error {curve.group}", error and error * factor, words
    test = log_rank(observed)
    yield "log-rank", test.chi_square, test.reason
    covariate = {"x": cohort["x"]}
    by_row = fit_cox(observed, covariate)
    yield from read_regression("Cox", by_row)
    by_patient = fit_cox(observed, covariate, by_patient=True)
    yield "Cox error by patient", by_patient.hazards[0].standard_error, by_patient.reason
    is_a: ArrayLike = (cohort["arm"] == "a") * 1.0
    yield from read_regression("Cox of the arm", fit_cox(observed, {"a": is_a}))
    test = run_gray_test(observed)
    yield "Gray", test.chi_square, test.reason
    yield from read_regression("Fine-Gray", fit_fine_gray(observed, covariate))


def read_regression(name: str, regression: Regression) -> Iterator[Number]:
    """Yield logarithm of the ratio, and its error."""
    hazard = regression.hazards[0]
    ratio = hazard.ratio.value
    yield name, None if ratio is None else math.log(ratio), regression.reason
    yield f"{name} error", hazard.standard_error, regression.reason


def ask_r(cohorts: list[dict[str, NDArray]]) -> dict[tuple[int, str], float | None]:
    """Return R's numbers by cohort and name."""
    with TemporaryDirectory() as folder:
        rows, numbers = Path(folder) / "rows.csv", Path(folder) / "numbers.csv"
        with rows.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["cohort", "day", "cause", "arm", "patient", "x"])
            for number, cohort in enumerate(cohorts):
                writer.writerows(zip([number] * len(cohort["day"]), *cohort.values(), strict=True))
        script = Path(__file__).with_suffix(".R")
        subprocess.run(["Rscript", script, rows, numbers], check=True)
        with numbers.open() as file:
            return {
                (int(cohort), name): float(value) if value else None
                for cohort, name, value in csv.reader(file)
            }


def judge(number: Number, reference: float | None) -> str:
    """Return how a number compares with R's."""
    name, value, reason = number
    if value is None and not reason:
        return "unsaid"
    if value is None:
        return "by neither" if reference is None else "refused here"
    if reference is None:
        return "given here alone"
    tolerance = MODEL_TOLERANCE if name.startswith(("Cox", "Fine")) else TOLERANCE
    is_equal = math.isclose(value, reference, rel_tol=tolerance, abs_tol=tolerance)
    return "equal" if is_equal else "DIFFERS"


def main(seed: int) -> None:
    cohorts = list(generate_cohorts(np.random.default_rng(seed)))
    references, counts = ask_r(cohorts), Counter[tuple[str, str]]()
    for number, cohort in enumerate(cohorts):
        for value in compute_numbers(cohort):
            kind = re.sub(r"( [abc])?( [\d.]+)?$", "", value[0])
            answer = judge(value, references.get((number, value[0])))
            counts[kind, answer] += 1
            if answer in ("DIFFERS", "unsaid", "given here alone"):
                print(number, value, references.get((number, value[0])), answer)
    answers = ("equal", "by neither", "refused here", "given here alone", "unsaid", "DIFFERS")
    print("| number |", " | ".join(answers), "|\n|---|" + "---:|" * len(answers))
    for kind in dict.fromkeys(kind for kind, _ in counts):
        print("|", kind, "|", " | ".join(str(counts[kind, answer]) for answer in answers), "|")
    if any(counts[key] for key in counts if key[1] in answers[3:]):
        sys.exit("A number differs from R's, or none is given without a reason.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4711)
