"""The tests of single fraction versus multifraction, as a table."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import evolve

from opp_mri.cohort.statistics.events import Endpoint
from opp_mri.cohort.statistics.hazards import Regression
from opp_mri.cohort.statistics.members import FractionGroup, classify_fractions
from opp_mri.cohort.statistics.results import CohortAnalysis
from opp_mri.cohort.statistics.survival import BoolArray, LogRank
from opp_mri.cohort.tables.analysis_cells import (
    EVENT_WORDS,
    NONE,
    TIME_KNOWN,
    Rows,
    build_remark_cell,
    build_statistic_cell,
    name_arm_key,
    write_p,
)
from opp_mri.cohort.tables.tables import Cell, Table, Value, count_cell, list_ids
from opp_mri.cohort.tables.withholding import Sum
from opp_mri.domain.assessment import ResponseCategory

FISHER: Final = "opp.fisher"


def tabulate_arm_tests(analysis: CohortAnalysis) -> Table:
    """Show the tests of each endpoint, those from the landmark on, and Fisher's test of OPP."""
    rows, lines, sums = Rows(analysis), list[tuple[Cell, ...]](), list[Sum]()
    for result in analysis.endpoints:
        slug, words = result.endpoint.value, EVENT_WORDS[result.endpoint]
        if result.endpoint is Endpoint.FRACTURE_FREE and not result.events:
            continue
        test = _Test(rows, result.endpoint)
        lines.append(
            test.build_line(slug, f"Log-rank, time to {words}", result.comparison.log_rank)
        )
        if result.endpoint is not Endpoint.SURVIVAL:
            lines.append(
                test.build_line(f"{slug}.gray", f"Gray, incidence of {words}", result.gray)
            )
            lines.append(test.build_ratio_line(f"{slug}.fine_gray", f"Fine and Gray, {words}",
                                    result.fine_gray))  # fmt: skip
        sums += test.sums
    for result in analysis.modelled:
        if result.landmark is None:
            continue
        later = rows.first_days > result.landmark.day
        test = _Test(rows, result.endpoint, later)
        words = (
            f"Log-rank, time to {EVENT_WORDS[result.endpoint]} from day {result.landmark.day} on"
        )
        key = f"{result.endpoint}.landmark"
        lines.append(test.build_line(key, words, result.landmark.comparison.log_rank))
        sums += test.sums
    lines.append(_build_fisher_line(analysis))
    sums += [
        (f"{FISHER}.n", *(f"group.{arm}" for arm in (FractionGroup.SINGLE, FractionGroup.MULTI))),
        (f"{FISHER}.events", *(f"response.OPP/group.{arm}"
                               for arm in (FractionGroup.SINGLE, FractionGroup.MULTI))),
    ]  # fmt: skip
    return Table(
        title="Single fraction versus multifraction",
        columns=("Test", "Lesions", "Events", "Statistic", "p", "Remark"),
        rows=tuple(lines),
        notes=(
            "All tests are two-sided. The log-rank test (Mantel 1966) compares the hazard of the "
            "event among lesions still without it. Gray's test (1988) and the subdistribution "
            "hazard ratio of Fine and Gray (1999) compare the cumulative incidence where other "
            "events compete: for OPP progression, retreatment and death; for progression and "
            "fracture retreatment and death; for local failure death.",
            "Fisher's exact test is of the category OPP among the analysed lesions; odds ratio by "
            "conditional maximum likelihood, exact 95% interval. Ratios compare single fraction "
            "with multifraction. Errors of Fine and Gray's model are by patient where a patient "
            "has several lesions; in the other tests lesions count as independent. Lesions with "
            "unknown fractions are not tested.",
        ),
        sums=tuple(dict.fromkeys(sums)),
    )


class _Test:
    """The counts that a test of the two arms rests on, of all lesions or of those from a day on."""

    def __init__(self, rows: Rows, endpoint: Endpoint, later: BoolArray | None = None) -> None:
        arms = [arm for arm in rows.arms[1:] if arm != FractionGroup.UNKNOWN]
        is_tested = np.asarray(rows.groups != FractionGroup.UNKNOWN)
        base, n_key, ends = TIME_KNOWN, "model.single_fraction.n", endpoint.value
        if later is not None:
            is_tested = is_tested & later
            base, n_key, ends = "landmark.n", "landmark.single_fraction.n", f"{ends}.landmark"
        event_key = f"{ends}.single_fraction.n"
        self.n_key = n_key
        self.counts = (
            rows.count(n_key, is_tested),
            rows.count(event_key, is_tested & rows.get_events(endpoint)),
        )
        parts = [tuple(key + name_arm_key(arm) for arm in arms) for key in (base, f"{ends}.events")]
        self.told_by = (n_key, event_key, *parts[0], *parts[1])
        self.sums: Sequence[Sum] = [(n_key, *parts[0]), (event_key, *parts[1])] if arms else []

    def build_line(self, key: str, words: str, test: LogRank) -> tuple[Cell, ...]:
        """Return the line of a test with a chi-square."""
        values: dict[str, Value] = {
            "chi_square": test.chi_square, "degrees_of_freedom": test.degrees_of_freedom,
            "p": test.p, "n": test.n, "events": test.events,
        }  # fmt: skip
        text = NONE if test.chi_square is None else f"chi-square {test.chi_square:.3f}"
        name = key if key.endswith(".gray") else f"{key}.log_rank"
        cell = Cell(text=text, key=name, rests_on=self.n_key, told_by=self.told_by, values=values)
        return self._build_cells(words, cell, test.p, test.reason)

    def build_ratio_line(
        self, key: str, words: str, regression: Regression | None
    ) -> tuple[Cell, ...]:
        """Return the line of a subdistribution hazard ratio."""
        if regression is None:
            return self._build_cells(
                words, Cell(text=NONE), None, "The fractions of all lesions are unknown."
            )
        hazard = regression.hazards[0]
        cell = build_statistic_cell(
            key, self.n_key, self.told_by, hazard.ratio, more={"p": hazard.p}
        )
        if hazard.ratio.value is not None:
            cell = evolve(cell, text=f"ratio {cell.text}")
        return self._build_cells(words, cell, hazard.p, hazard.ratio.reason)

    def _build_cells(
        self, words: str, cell: Cell, p: float | None, reason: str | None
    ) -> tuple[Cell, ...]:
        p_cell = Cell(text=write_p(p), told_by=self.told_by)
        return Cell(text=words), *self.counts, cell, p_cell, build_remark_cell(reason, self.told_by)


def _build_fisher_line(analysis: CohortAnalysis) -> tuple[Cell, ...]:
    fisher = analysis.fisher
    keys = (f"{FISHER}.n", f"{FISHER}.events")
    arms = (FractionGroup.SINGLE, FractionGroup.MULTI)
    told_by = (*keys, *(f"group.{arm}" for arm in arms),
               *(f"response.OPP/group.{arm}" for arm in arms))  # fmt: skip
    tested_lesions = [
        lesion for lesion in analysis.analysed if classify_fractions(lesion.lesion) in arms
    ]
    opp = [
        lesion for lesion in tested_lesions if lesion.assessment.category is ResponseCategory.OPP
    ]
    ratio = fisher.test.odds_ratio
    cell = build_statistic_cell(FISHER, keys[0], told_by, ratio, more={"p": fisher.test.p})
    if ratio.value is not None:
        cell = evolve(cell, text=f"odds ratio {cell.text}")
    cells = (
        count_cell(key, list_ids(of)) for key, of in zip(keys, (tested_lesions, opp), strict=True)
    )
    p_cell = Cell(text=write_p(fisher.test.p), told_by=told_by)
    return (Cell(text="Fisher's exact test of OPP"), *cells, cell, p_cell,
            build_remark_cell(ratio.reason, told_by))  # fmt: skip
