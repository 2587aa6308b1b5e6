"""How often the 95 % intervals of reader agreement hold the truth, in simulated double reads.

    python benchmarks/agreement_coverage.py [DRAWS]

Prints the table of docs/explanation/agreement.md.
"""

import sys

import numpy as np

from opp_mri.reading.agreement import Estimate, bland_altman, icc, kappa, within_subject_sd_mm

LESION_SD_MM, READER_SD_MM = 6.0, 0.9
BIAS_MM, BETWEEN_SD_MM = 0.4, 0.7  # of the difference, and how it varies between lesions
TRUE_TABLE = np.array([[0.22, 0.04, 0.02], [0.05, 0.30, 0.03], [0.02, 0.04, 0.28]])


def holds(estimate: Estimate, truth: float) -> bool | None:
    if estimate.low is None or estimate.high is None:
        return None
    return estimate.low <= truth <= estimate.high


def of_lengths(rng: np.random.Generator, lesions: int, visits: int) -> dict[str, bool | None]:
    errors = rng.normal(0, READER_SD_MM, (lesions, visits, 2))
    of_lesion = rng.normal(0, BETWEEN_SD_MM, (lesions, 1))
    differences = BIAS_MM + of_lesion + errors[..., 0] - errors[..., 1]
    found = bland_altman({str(n): list(one) for n, one in enumerate(differences)})
    sd = (BETWEEN_SD_MM**2 + 2 * READER_SD_MM**2) ** 0.5
    return {
        "bias": holds(found.bias_mm, BIAS_MM),
        "lower limit": holds(found.lower_mm, BIAS_MM - 1.959964 * sd),
        "upper limit": holds(found.upper_mm, BIAS_MM + 1.959964 * sd),
    }


def of_single_lengths(rng: np.random.Generator, lesions: int) -> dict[str, bool | None]:
    truth = rng.normal(20, LESION_SD_MM, (lesions, 1))
    errors = rng.normal(0, READER_SD_MM, (lesions, 2))
    lengths = truth + errors
    single = LESION_SD_MM**2 / (LESION_SD_MM**2 + READER_SD_MM**2)
    return {
        "ICC(2,1)": holds(icc(lengths).single, single),
        "SD of one measurement": holds(
            within_subject_sd_mm(list(lengths[:, 0] - lengths[:, 1])), READER_SD_MM
        ),
    }


def of_categories(rng: np.random.Generator, lesions: int) -> dict[str, bool | None]:
    names = ["OPP", "PD", "SD"]
    drawn = rng.choice(9, lesions, p=TRUE_TABLE.ravel() / TRUE_TABLE.sum())
    pairs = [(names[one // 3], names[one % 3]) for one in drawn]
    table = TRUE_TABLE / TRUE_TABLE.sum()
    by_chance = float(table.sum(axis=1) @ table.sum(axis=0))
    truth = (float(np.trace(table)) - by_chance) / (1 - by_chance)
    return {"kappa": holds(kappa(pairs, names).kappa, truth)}


def main() -> None:
    draws = int(sys.argv[1]) if sys.argv[1:] else 2000
    rng = np.random.default_rng(20160401)
    print("| number | lesions | lengths each | held the truth |\n|---|---|---|---|")
    for lesions, visits in ((12, 1), (12, 5), (40, 5)):
        told: dict[str, list[bool]] = {}
        for _ in range(draws):
            found = of_lengths(rng, lesions, visits)
            if visits == 1:
                found |= of_single_lengths(rng, lesions)
            elif lesions == 40:
                found |= of_categories(rng, lesions)
            for name, held in found.items():
                if held is not None:
                    told.setdefault(name, []).append(held)
        for name, held in told.items():
            each = "-" if name == "kappa" else visits
            print(f"| {name} | {lesions} | {each} | {np.mean(held):.1%} |")


if __name__ == "__main__":
    main()
