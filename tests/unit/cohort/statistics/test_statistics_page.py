"""The table of the page on statistics: what it says agrees, agrees to the digits that it says."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from fixtures.survival_data import (
    OVARIAN_AGE,
    OVARIAN_DAYS,
    OVARIAN_DIED,
    OVARIAN_RX,
    X,
    Z,
    gehan,
    made,
    paper,
)

from opp_mri.cohort.statistics.competing import fit_fine_gray, run_gray_test
from opp_mri.cohort.statistics.exact_test import run_fisher_test
from opp_mri.cohort.statistics.hazards import Regression, check_proportionality, fit_cox, fit_firth
from opp_mri.cohort.statistics.survival import (
    Observed,
    estimate_cumulative_incidence,
    estimate_kaplan_meier,
    follow_up_days,
    log_rank,
)

PAGE = Path(__file__).parents[4] / "docs" / "explanation" / "cohort-statistics.md"
HEADER = "| number | data | reference | by | digits |"
LINES = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in PAGE.read_text(encoding="utf-8").partition(HEADER)[2].splitlines()[2:]
]


def log_ratio(regression: Regression, place: int = -1) -> float:
    return math.log(regression.hazards[place].ratio.value)


def computed() -> dict[str, float]:
    treated_share = estimate_kaplan_meier(gehan())[0].read_share(10)
    late = estimate_kaplan_meier(evolve(made(entry=True), group=None))[0]
    covariates = {"x": X, "z": Z}
    ovarian = Observed(duration_days=OVARIAN_DAYS, event=OVARIAN_DIED)
    age_rx = {"age": OVARIAN_AGE, "rx": OVARIAN_RX}
    two = Observed(duration_days=(1, 2), event=(1, 0))
    penalised_hazard = fit_firth(made(), covariates).hazards[1]
    one_arm = fit_firth(paper(), {"single": (paper().group == "single") * 1}).hazards[0]
    causes = np.array([1] * 5 + [2] * 9 + [0] * 23)
    of_paper = Observed(
        duration_days=(68, 76, 83, 87, 171, *[80] * 9, *[200] * 23), event=causes == 1, cause=causes
    )
    opp = estimate_cumulative_incidence(of_paper)[0]
    return {
        "Kaplan-Meier, week 10": treated_share.value,
        "its lower limit": treated_share.low,
        "Kaplan-Meier with delayed entry, day 154": late.read_share(154).value,
        "log-rank chi-square, two groups": log_rank(gehan()).chi_square,
        "log-rank chi-square, three groups": log_rank(made()).chi_square,
        "log-rank p from the paper's counts": log_rank(paper()).p,
        "Cox log hazard ratio, Efron": log_ratio(fit_cox(made(), covariates)),
        "Cox log hazard ratio, Breslow, delayed entry": log_ratio(
            fit_cox(made(entry=True), covariates, ties="breslow")
        ),
        "Cox log hazard ratio of age": log_ratio(fit_cox(ovarian, age_rx), 0),
        "error by patient": fit_cox(made(), covariates, by_patient=True).hazards[1].standard_error,
        "check of proportional hazards, chi-square": check_proportionality(ovarian, age_rx)[
            2
        ].chi_square,
        "Firth log hazard ratio": math.log(penalised_hazard.ratio.value),
        "Firth lower limit": math.log(penalised_hazard.ratio.low),
        "Firth log hazard ratio, all events in one arm": math.log(one_arm.ratio.value),
        "Firth upper limit, all events in one arm": math.log(one_arm.ratio.high),
        "Firth hazard ratio of two rows": fit_firth(two, {"arm": (1, 0)}).hazards[0].ratio.value,
        "cumulative incidence, day 154": estimate_cumulative_incidence(
            evolve(made(), group=None)
        )[0].read_share(154).value,
        "lower limit of the incidence of OPP, week 26": opp.read_share(182).low,
        "Gray's chi-square, three groups": run_gray_test(made()).chi_square,
        "Fine and Gray log ratio": log_ratio(fit_fine_gray(made(), covariates)),
        "its error": fit_fine_gray(made(), covariates).hazards[1].standard_error,
        "median follow-up, lower limit": follow_up_days(
            evolve(made(), event=made().cause != 0, cause=None)
        ).low,
        "Fisher p": run_fisher_test((5, 16), (0, 21)).p,
        "Fisher odds ratio": run_fisher_test((7, 19), (3, 43)).odds_ratio.value,
    }  # fmt: skip


@pytest.fixture(scope="module")
def computed_values() -> dict[str, float]:
    return computed()


def test_the_page_lists_each_number_once(computed_values) -> None:
    assert [line[0] for line in LINES] == list(computed_values)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_number_agrees_with_its_reference_to_the_digits_of_the_page(
    line, computed_values
) -> None:
    number, _, reference, _, digits = line
    places = int(digits) - 1
    assert re.fullmatch(r"-?[\d.]+", reference)
    assert f"{computed_values[number]:.{places}e}" == f"{float(reference):.{places}e}"
