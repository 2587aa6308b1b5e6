"""How long and how often the lesions of a cohort were followed, as a table."""

from typing import Final

import numpy as np

from opp_mri.cohort.statistics.members import is_eligible
from opp_mri.cohort.statistics.results import CohortAnalysis
from opp_mri.cohort.tables.analysis_cells import (
    TIME_KNOWN,
    Rows,
    build_statistic_cell,
    name_arm,
    name_arm_key,
)
from opp_mri.cohort.tables.tables import Cell, Table, build_statistics_cells
from opp_mri.cohort.tables.withholding import Sum

SHORT: Final = "time.short"
SHORT_EXCLUDED: Final = f"{SHORT}.excluded"
SHORT_ANALYSED: Final = f"{SHORT}.analysed"


def follow_up_table(analysis: CohortAnalysis) -> Table:
    """Show the median follow-up, the number of studies and the interval between them."""
    rows, up = Rows(analysis), analysis.follow_up
    is_excluded = np.array([not is_eligible(lesion) for lesion in analysis.lesions], dtype=np.bool_)
    short = is_excluded | np.array(
        [
            not events.studies or events.last_day < lesion.assessment.criteria.min_follow_up_days
            for lesion, events in zip(analysis.lesions, analysis.lesion_events, strict=True)
        ],
        dtype=np.bool_,
    )
    short_counts = (
        ("With a follow-up under 6 months, or none", SHORT, short),
        ("Of these not analysed for response", SHORT_EXCLUDED, is_excluded),
        ("Of these analysed for response", SHORT_ANALYSED, short & ~is_excluded),
    )
    sums: list[Sum] = rows.build_sums(TIME_KNOWN)
    lines: list[tuple[Cell, ...]] = []
    for group in rows.arms:
        arm, end = rows.select_arm(group), name_arm_key(group)
        words = name_arm(group)
        lines.append((Cell(text="Lesions"), Cell(text=words), rows.count(TIME_KNOWN + end, arm)))
        for label, key, subset in short_counts:
            lines.append((Cell(text=label), Cell(text=words), rows.count(key + end, arm & subset)))
        sums.append((SHORT + end, SHORT_EXCLUDED + end, SHORT_ANALYSED + end))
    medians = (
        ("Median follow-up by MRI, weeks (95%)", "follow_up.imaging", up.imaging),
        ("Median follow-up for survival, weeks (95%)", "follow_up.life", up.life),
    )
    for label, key, estimate in medians:
        cell = build_statistic_cell(key, TIME_KNOWN, (TIME_KNOWN,), estimate, unit="days")
        lines.append((Cell(text=label), Cell(text="all"), cell))
    spreads = (
        ("Follow-up studies of a lesion", "follow_up.studies", up.studies, ""),
        ("Interval between studies, weeks", "follow_up.interval", up.interval_days, "days"),
    )
    for label, key, spread, unit in spreads:
        mean, middle, extent = build_statistics_cells(key, spread, unit, TIME_KNOWN)
        for words, cell in (("mean (95% t interval)", mean), ("median", middle),
                            ("range", extent)):  # fmt: skip
            lines.append((Cell(text=label), Cell(text=words), cell))
    without = rows.select_where(lambda events: not events.studies)
    lines.append(
        (
            Cell(text="Without any follow-up study: censored on day 0"),
            Cell(text="all"),
            rows.count("time.no_study", without),
        )
    )
    return Table(
        title="Follow-up",
        columns=("Measure", "Of", "Lesions or statistic"),
        rows=tuple(lines),
        notes=(
            "Median follow-up: reverse Kaplan-Meier (Schemper and Smith 1996), by MRI until the "
            "end of imaging without local failure, for survival until the last day on which the "
            "patient is known to have lived. Interval: the median of each lesion's intervals "
            "between "
            "its follow-up studies, the first counted from day 0. Follow-ups after a local "
            "retreatment do not count; a lesion that had grown before is analysed for response.",
        ),
        sums=tuple(dict.fromkeys([*sums, *rows.build_sums(*(key for _, key, _ in short_counts))])),
    )
