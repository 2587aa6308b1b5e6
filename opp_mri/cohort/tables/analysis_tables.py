"""The statistics of a cohort as tables: times, shares by week, tests, hazards, incidence, landmark.

A count has one key in all of them, and those that the other tables show are tied to theirs by sums.
A statistic rests on its lesions, and is withheld with any count that it can be worked back to.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from opp_mri.cohort.statistics.analysis import RISK_DAYS, CohortAnalysis, Comparison, Endpoint
from opp_mri.cohort.statistics.members import ALL, ELIGIBLE
from opp_mri.cohort.statistics.survival import Curve, Estimate, FloatArray
from opp_mri.cohort.tables.analysis_cells import (
    CAUSE_WORDS,
    ENDPOINT_WORDS,
    NONE,
    SLUGS,
    TIME_KNOWN,
    Rows,
    arm_words,
    of_arm,
    remark,
    statistic,
)
from opp_mri.cohort.tables.arm_tests import arm_tests
from opp_mri.cohort.tables.hazard_tables import covariate_table, hazard_table
from opp_mri.cohort.tables.tables import Cell, Table
from opp_mri.cohort.tables.withholding import Sum
from opp_mri.domain.assessment import ResponseCategory
from opp_mri.units import DAYS_PER_WEEK

TIMES_NOTE: Final = (
    "Times run from completion of radiosurgery to the study that shows the growth. A lesion that "
    "never grew, or grew with the other answer, is censored at its last follow-up."
)
WEEKS_NOTE: Final = (
    "Events, and lesions whose follow-up ended, since the week above, that week included; left are "
    "those who were followed beyond it"
)
_SPANS: Final = (
    *(
        (f"weeks_{a // DAYS_PER_WEEK}_{b // DAYS_PER_WEEK}", a, float(b), str(b // DAYS_PER_WEEK))
        for a, b in pairwise(RISK_DAYS)
    ),
    (f"after_week_{RISK_DAYS[-1] // DAYS_PER_WEEK}", RISK_DAYS[-1], math.inf, "later"),
)
_NO_SHARE: Final = Estimate(value=None, n=0, events=0)
_RESPONSES: Final = {
    Endpoint.OPP_FREE: ResponseCategory.OPP,
    Endpoint.PROGRESSION_FREE: ResponseCategory.PD,
}


def analysis_tables(analysis: CohortAnalysis, *, by_week: bool = True) -> tuple[Table, ...]:
    """Give the tables of an analysis, in the order to be shown.

    Parameters
    ----------
    by_week
        Whether shares by week are among them. Where small counts are withheld, their many small
        counts cost larger ones: without them more of the other tables can be shown.
    """
    found = (
        free_times(analysis),
        free_shares(analysis) if by_week else None,
        arm_tests(analysis),
        covariate_table(analysis),
        *(hazard_table(analysis, endpoint) for endpoint in analysis.endpoints),
        incidence(analysis) if by_week else None,
        landmarks(analysis),
    )
    return tuple(one for one in found if one is not None)


def free_times(analysis: CohortAnalysis) -> Table:
    """Show lesions, events and median time of each arm."""
    rows, lines = Rows(analysis), []
    sums = rows.sums(TIME_KNOWN)
    for endpoint in analysis.endpoints:
        slug, events = endpoint.endpoint, rows.events(endpoint.endpoint)
        sums += rows.sums(f"{slug}.events")
        for group in rows.arms:
            arm, end, median = rows.arm(group), of_arm(group), _median(endpoint.comparison, group)
            told_by = (TIME_KNOWN + end, f"{slug}.events{end}")
            cells = (
                rows.count(told_by[0], arm),
                rows.count(told_by[1], arm & events),
                statistic(f"{slug}.median{end}", told_by[0], told_by, median, unit="days"),
                remark(median.reason, told_by),
            )
            lines.append((Cell(text=ENDPOINT_WORDS[slug]), Cell(text=arm_words(group)), *cells))
    return Table(
        title="Time free of OPP and of progression",
        columns=("Time", "Lesions of", "Lesions", "Events", "Median, weeks (95 %)", "Remark"),
        rows=tuple(lines),
        notes=(
            TIMES_NOTE,
            "Median: the first day on which half or fewer are without the event, by Kaplan-Meier; "
            "interval of Brookmeyer and Crowley (1982).",
        ),
        sums=tuple(dict.fromkeys([*sums, *_ties(analysis, rows)])),
    )


def free_shares(analysis: CohortAnalysis) -> Table:
    """Show the Kaplan-Meier share without the event at some weeks, with those at risk."""
    rows, lines, sums = Rows(analysis), [], list[Sum]()
    for endpoint in analysis.endpoints:
        curves = {arm.group: arm.curve for arm in endpoint.comparison.arms}
        found = endpoint.comparison.observed
        days = rows.days if found is None else found.duration_days
        slug = endpoint.endpoint
        more, added = _by_week(rows, slug, (slug,), slug, days, curves)
        lines += [(Cell(text=ENDPOINT_WORDS[slug]), *line) for line in more]
        sums += added
    return Table(
        title="Share without the event by week",
        columns=("Time", "Lesions of", "Week", "Events", "Ended", "Left", "Share (95 %)"),
        rows=tuple(lines),
        notes=(
            TIMES_NOTE,
            "Kaplan-Meier with Greenwood's error, interval on the log(-log) scale.",
            f"{WEEKS_NOTE} without the event.",
        ),
        sums=tuple(dict.fromkeys(sums)),
    )


def incidence(analysis: CohortAnalysis) -> Table:
    """Show the share with OPP, progression and death by week, each competing with the others."""
    rows, lines, sums = Rows(analysis), [], list[Sum]()
    for one in analysis.incidence:
        curves = {curve.group: curve for curve in one.curves}
        slugs = [*SLUGS.values()]
        more, added = _by_week(rows, SLUGS[one.cause], slugs, "competing", rows.days, curves)
        lines += [(Cell(text=CAUSE_WORDS[one.cause]), *line) for line in more]
        sums += added
    return Table(
        title="Cumulative incidence with competing risks",
        columns=("First event", "Lesions of", "Week", "Events", "Ended", "Left", "Share (95 %)"),
        rows=tuple(lines),
        notes=(
            "Aalen-Johansen, interval on the log(-log) scale (Choudhury 2002). Each lesion counts "
            "under the first of OPP, progression and death.",
            f"{WEEKS_NOTE} without any of the three.",
            f"A death counts within {analysis.death_within_days} days of the last follow-up.",
        ),
        sums=tuple(dict.fromkeys(sums)),
    )


def landmarks(analysis: CohortAnalysis) -> Table:
    """Show who is without any event at the landmark, and what came after."""
    rows, lines, sums = Rows(analysis), [], list[Sum]()
    day = analysis.opp_free.landmark.day
    later = rows.days > day
    for found in analysis.endpoints:
        key, own = f"{found.endpoint}.landmark", rows.events(found.endpoint)
        words = Cell(text=ENDPOINT_WORDS[found.endpoint])
        left_out = (
            (f"{key}.had_event", "had it by then", ~later & own),
            (f"{key}.had_other", "had another event by then", ~later & rows.ended & ~own),
            ("landmark.censored", "ended by then without", ~later & ~rows.ended),
        )
        for end_key, label, which in left_out:
            nothing = (Cell(text=NONE), Cell(text=NONE), Cell())
            lines.append((words, Cell(text=label), rows.count(end_key, which), *nothing))
        for group in rows.arms:
            arm, end = rows.arm(group) & later, of_arm(group)
            told_by, median = (
                (f"landmark.n{end}", f"{key}.events{end}"),
                _median(found.landmark.comparison, group),
            )
            cells = (
                rows.count(told_by[0], arm),
                rows.count(told_by[1], arm & own),
                statistic(f"{key}.median{end}", told_by[0], told_by, median, unit="days"),
                remark(median.reason, told_by),
            )
            label = f"were followed beyond it: {arm_words(group)}"
            lines.append((words, Cell(text=label), *cells))
        sums += rows.sums("landmark.n", f"{key}.events")
        sums += [
            (TIME_KNOWN, "landmark.n", *(one for one, _, _ in left_out)),
            (f"{found.endpoint}.events", f"{key}.had_event", f"{key}.events"),
        ]
    return Table(
        title=f"Landmark at day {day}",
        columns=("Time", "Lesions that", "Lesions", "Events after", "Median from it, weeks (95 %)",
                 "Remark"),
        rows=tuple(lines),
        notes=(
            "OPP and progression are told apart only by what came later, and who is analysed was "
            "followed for months: from day 0 on, that uses the future. Here only who is followed "
            "beyond the landmark without OPP, progression or death counts, and time runs from it "
            "(Anderson, Cain and Gelber 1983).",
        ),
        sums=tuple(dict.fromkeys(sums)),
    )  # fmt: skip


def _median(found: Comparison, group: str) -> Estimate:
    """Give the median of an arm, or the reason why there is none."""
    medians = {arm.group: arm.median for arm in found.arms}
    reason = found.reason or "No lesion of it is left."
    return medians.get(group, Estimate(value=None, n=0, events=0, reason=reason))


def _by_week(
    rows: Rows, slug: str, first: Sequence[str], left: str, days: FloatArray,
    curves: Mapping[str, Curve],
) -> tuple[list[tuple[Cell, ...]], list[Sum]]:  # fmt: skip
    """Give a line for each arm and span of `_SPANS`, and what its counts add up to.

    `slug` is that of the event, `first` those of all that end the time on `days`, and `left` that
    of the counts of who ended without any of them or is still followed.
    """
    own, ended = rows.events(slug), ~np.any([rows.events(one) for one in first], axis=0)
    spans = [one for one in _SPANS if one[1] <= days.max(initial=0)]  # later ones are empty
    lines: list[tuple[Cell, ...]] = []
    sums: list[Sum] = []
    for group in rows.arms:
        end, arm, before = of_arm(group), rows.arm(group), TIME_KNOWN
        told_by = [TIME_KNOWN + end]
        for span, since, day, label in spans:
            within = arm & (days <= day) & ((days > since) | (since == 0))
            events = [f"{one}.events.{span}" for one in first]
            parts = [*events, f"{left}.ended.{span}", f"{left}.left.{span}"]
            sums += [(before + end, *(one + end for one in parts)), *rows.sums(*parts)]
            before = parts[-1]
            told_by += [one + end for one in parts[:-1]]
            share = curves[group].at(day) if group in curves else _NO_SHARE
            key = f"{left}.{slug}.share.{span}{end}"
            cells = (
                rows.count(f"{slug}.events.{span}{end}", within & own),
                rows.count(f"{left}.ended.{span}{end}", within & ended),
                rows.count(f"{left}.left.{span}{end}", arm & (days > day)),
                statistic(key, told_by[0], told_by, share, unit="share"),
            )
            if math.isinf(day):
                cells = (*cells[:-1], Cell(text=NONE))
            lines.append((Cell(text=arm_words(group)), Cell(text=label), *cells))
        whole = (f"{slug}.events{end}", f"{left}.ended{end}")
        counts = (rows.count(whole[0], arm & own), rows.count(whole[1], arm & ended))
        nothing = (Cell(text=NONE), Cell(text=NONE))
        lines.append((Cell(text=arm_words(group)), Cell(text="in all"), *counts, *nothing))
        for key, stem in zip(whole, (f"{slug}.events", f"{left}.ended"), strict=True):
            sums += [(key, *(f"{stem}.{span}{end}" for span, *_ in spans)), *rows.sums(stem)]
    return lines, sums


def _ties(analysis: CohortAnalysis, rows: Rows) -> list[Sum]:
    """Tie counts to the same ones of the other tables, where every eligible lesion has a time."""
    if analysis.n != analysis.eligible:
        return []
    ties: list[Sum] = [(ELIGIBLE, TIME_KNOWN)]
    for group in rows.arms:
        end = of_arm(group)
        if group != ALL:
            ties.append((f"group.{group}", TIME_KNOWN + end))
        for endpoint, answer in _RESPONSES.items():
            ties.append((f"response.{answer}{end}", f"{endpoint}.events{end}"))
    return ties
