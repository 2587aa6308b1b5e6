"""The tests of single fraction against multifraction, as a table."""

from collections.abc import Sequence

import numpy as np
from attrs import evolve

from opp_mri.cohort.statistics.analysis import CohortAnalysis
from opp_mri.cohort.statistics.members import FractionGroup
from opp_mri.cohort.statistics.survival import BoolArray, Fisher, LogRank
from opp_mri.cohort.tables.analysis_cells import (
    CAUSE_WORDS,
    ENDPOINT_WORDS,
    NONE,
    SLUGS,
    TIME_KNOWN,
    Rows,
    of_arm,
    p_text,
    remark,
    statistic,
)
from opp_mri.cohort.tables.tables import Cell, Table, Value
from opp_mri.cohort.tables.withholding import Sum


def arm_tests(analysis: CohortAnalysis) -> Table:
    """Show the log-rank tests, from day 0 and from the landmark on, and Fisher's test of OPP."""
    rows, lines, sums = Rows(analysis), [], list[Sum]()
    day = analysis.opp_free.landmark.day
    asked: list[tuple[_Test, str, LogRank]] = []
    for one in analysis.endpoints:
        time = f"Log-rank, {ENDPOINT_WORDS[one.endpoint]} time"
        asked.append((_Test(rows, one.endpoint, one.endpoint), time, one.comparison.log_rank))
    for one in analysis.endpoints:
        words = f"Log-rank, {ENDPOINT_WORDS[one.endpoint]} time from day {day} on"
        test = _Test(rows, f"{one.endpoint}.landmark", one.endpoint, rows.days > day)
        asked.append((test, words, one.landmark.comparison.log_rank))
    for cause in analysis.incidence:
        slug = SLUGS[cause.cause]
        words = f"Log-rank, hazard of {CAUSE_WORDS[cause.cause]}, the others competing"
        asked.append((_Test(rows, f"{slug}.competing", slug), words, cause.log_rank))
    for test, words, found in asked:
        lines.append(test.log_rank(words, found))
        sums += test.sums
    last = _Test(rows, "opp.fisher", SLUGS[analysis.incidence[0].cause])
    lines.append(last.fisher("Fisher's exact test of OPP", analysis.fisher.test))
    return Table(
        title="Single fraction against multifraction",
        columns=("Test", "Lesions", "Events", "Statistic", "p", "Remark"),
        rows=tuple(lines),
        notes=(
            "Log-rank (Mantel 1966) and Fisher's exact test, two-sided. The odds ratio is of OPP, "
            "single fraction to multifraction: conditional maximum likelihood, exact 95 % "
            "interval. Lesions of one patient count as independent.",
            "With others competing the log-rank test compares the hazard of the event itself; it "
            "is not Gray's test. Lesions of which the fractions are unknown are not tested.",
        ),
        sums=tuple(dict.fromkeys(sums)),
    )


class _Test:
    """The counts that a test of the two arms rests on, of all lesions or of those that are true."""

    def __init__(self, rows: Rows, key: str, slug: str, later: BoolArray | None = None) -> None:
        arms = [one for one in rows.arms[1:] if one != FractionGroup.UNKNOWN]
        tested = np.asarray(rows.groups != FractionGroup.UNKNOWN)
        base, n_key, ends = TIME_KNOWN, "model.single_fraction.n", slug
        if later is not None:
            tested = tested & later
            base, n_key, ends = "landmark.n", "landmark.single_fraction.n", f"{slug}.landmark"
        event_key = f"{ends}.single_fraction.n"
        self.key, self.n_key = key, n_key
        self.counts = (
            rows.count(n_key, tested),
            rows.count(event_key, tested & rows.events(slug)),
        )
        parts = [tuple(key + of_arm(one) for one in arms) for key in (base, f"{ends}.events")]
        self.told_by = (n_key, event_key, *parts[0], *parts[1])
        self.sums: Sequence[Sum] = [(n_key, *parts[0]), (event_key, *parts[1])] if arms else []

    def log_rank(self, words: str, test: LogRank) -> tuple[Cell, ...]:
        """Give the line of a log-rank test."""
        values: dict[str, Value] = {
            "chi_square": test.chi_square, "degrees_of_freedom": test.degrees_of_freedom,
            "p": test.p, "n": test.n, "events": test.events,
        }  # fmt: skip
        text = NONE if test.chi_square is None else f"chi-square {test.chi_square:.3f}"
        cell = Cell(text=text, key=f"{self.key}.log_rank", rests_on=self.n_key,
                    told_by=self.told_by, values=values)  # fmt: skip
        return self._line(words, cell, test.p, test.reason)

    def fisher(self, words: str, test: Fisher) -> tuple[Cell, ...]:
        """Give the line of Fisher's test."""
        found = test.odds_ratio
        cell = statistic(self.key, self.n_key, self.told_by, found, more={"p": test.p})
        if found.value is not None:
            cell = evolve(cell, text=f"odds ratio {cell.text}")
        return self._line(words, cell, test.p, found.reason)

    def _line(
        self, words: str, cell: Cell, p: float | None, reason: str | None
    ) -> tuple[Cell, ...]:
        p_cell = Cell(text=p_text(p), told_by=self.told_by)
        return Cell(text=words), *self.counts, cell, p_cell, remark(reason, self.told_by)
