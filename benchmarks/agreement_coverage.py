"""How often the 95% intervals of reader agreement hold the truth, in simulated double reads.

    python benchmarks/agreement_coverage.py [DRAWS]

Prints the table of docs/explanation/agreement.md.
"""

import sys

import numpy as np

from opp_mri.agreement.correlation import compute_icc
from opp_mri.agreement.lengths import (
    compute_bland_altman,
    compute_kappa,
    estimate_within_subject_sd_mm,
)
from opp_mri.domain.estimate import Estimate

LESION_SD_MM, VISIT_SD_MM = 6.0, 2.0  # of true lengths: between lesions, and over time
READER_SD_MM = 0.9
BIAS_MM, BETWEEN_SD_MM = 0.4, 0.7  # of the difference, and how it varies between lesions
TRUE_TABLE = np.array([[0.22, 0.04, 0.02], [0.05, 0.30, 0.03], [0.02, 0.04, 0.28]])


def holds(estimate: Estimate, truth: float) -> bool | None:
    if estimate.low is None or estimate.high is None:
        return None
    return estimate.low <= truth <= estimate.high


def of_lengths(rng: np.random.Generator, lesions: int, visits: int) -> dict[str, bool | None]:
    truth = rng.normal(20, LESION_SD_MM, (lesions, 1, 1))
    truth = truth + rng.normal(0, VISIT_SD_MM, (lesions, visits, 1))
    lengths = truth + rng.normal(0, READER_SD_MM, (lesions, visits, 2))
    bias = BIAS_MM + rng.normal(0, BETWEEN_SD_MM, (lesions, 1, 1))
    lengths = lengths + bias * np.array([0.5, -0.5])
    differences = lengths[..., 0] - lengths[..., 1]
    by_lesion = {str(n): list(difference) for n, difference in enumerate(differences)}
    bland_altman = compute_bland_altman(by_lesion)
    icc = compute_icc(
        lengths.reshape(-1, 2), [str(n) for n in range(lesions) for _ in range(visits)]
    )
    variance = BETWEEN_SD_MM**2 + 2 * READER_SD_MM**2  # of a difference
    half = 1.959964 * variance**0.5
    true_icc = _true_icc(variance)
    return {
        "bias": holds(bland_altman.bias_mm, BIAS_MM),
        "lower limit": holds(bland_altman.lower_mm, BIAS_MM - half),
        "upper limit": holds(bland_altman.upper_mm, BIAS_MM + half),
        "SD of one measurement": holds(
            estimate_within_subject_sd_mm(by_lesion), ((BIAS_MM**2 + variance) / 2) ** 0.5
        ),
        "ICC(2,1)": holds(icc.single, true_icc),
        "ICC(A,k)": holds(icc.average, 2 * true_icc / (1 + true_icc)),
    }


def _true_icc(variance: float) -> float:
    """ICC(2,1) of infinitely many lesions: mean squares of lengths, of readers and of error."""
    error = variance / 2
    of_lengths = 2 * (LESION_SD_MM**2 + VISIT_SD_MM**2 + READER_SD_MM**2 / 2)
    return (of_lengths - error) / (of_lengths + error + BIAS_MM**2)


def of_categories(rng: np.random.Generator, lesions: int) -> dict[str, bool | None]:
    names = ["OPP", "PD", "SD"]
    positions = rng.choice(9, lesions, p=TRUE_TABLE.ravel() / TRUE_TABLE.sum())
    pairs = [(names[position // 3], names[position % 3]) for position in positions]
    table = TRUE_TABLE / TRUE_TABLE.sum()
    by_chance = float(table.sum(axis=1) @ table.sum(axis=0))
    truth = (float(np.trace(table)) - by_chance) / (1 - by_chance)
    return {"kappa": holds(compute_kappa(pairs, names).kappa, truth)}


def main() -> None:
    draws = int(sys.argv[1]) if sys.argv[1:] else 2000
    rng = np.random.default_rng(20160401)
    print("| number | lesions | lengths per lesion | coverage |\n|---|---|---|---|")
    for lesions, visits in ((12, 1), (12, 5), (20, 5), (40, 5)):
        shares_by_name: dict[str, list[bool]] = {}
        for _ in range(draws):
            hits = of_lengths(rng, lesions, visits)
            if visits > 1:
                hits |= of_categories(rng, lesions)
            for name, hit in hits.items():
                if hit is not None:
                    shares_by_name.setdefault(name, []).append(hit)
        for name, hit in shares_by_name.items():
            visits_text = "-" if name == "kappa" else visits
            print(f"| {name} | {lesions} | {visits_text} | {np.mean(hit):.1%} |")


if __name__ == "__main__":
    main()
