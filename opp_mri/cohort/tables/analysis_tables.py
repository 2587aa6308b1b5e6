"""The statistics of a cohort as tables: times to events, tests, hazards, landmark.

A count has one key in all of them, and those that the other tables show are tied to theirs by sums.
A statistic rests on its lesions, and is withheld with any count that it can be worked back to.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from opp_mri.cohort.statistics.events import Endpoint
from opp_mri.cohort.statistics.members import ALL, ELIGIBLE, EXCLUDED
from opp_mri.cohort.statistics.results import CohortAnalysis, Comparison
from opp_mri.cohort.statistics.survival import BoolArray, EventEstimate
from opp_mri.cohort.tables.analysis_cells import (
    ENDPOINT_WORDS,
    NONE,
    TIME_KNOWN,
    Rows,
    build_remark_cell,
    build_statistic_cell,
    name_arm,
    name_arm_key,
)
from opp_mri.cohort.tables.arm_tests import tabulate_arm_tests
from opp_mri.cohort.tables.call_tables import (
    call_certainty,
    tabulate_sequence_calls,
    tabulate_threshold_calls,
)
from opp_mri.cohort.tables.follow_up_table import SHORT_EXCLUDED, follow_up_table
from opp_mri.cohort.tables.hazard_tables import tabulate_covariates, tabulate_hazards
from opp_mri.cohort.tables.share_tables import (
    tabulate_free_shares,
    tabulate_incidence,
    tabulate_patient_events,
    tabulate_unresolved,
)
from opp_mri.cohort.tables.tables import Cell, Table
from opp_mri.cohort.tables.withholding import Sum
from opp_mri.domain.assessment import Reason, ResponseCategory

TIMES_NOTE: Final = (
    "Times run from completion of radiosurgery to the study that shows the growth, the retreatment "
    "or the death. Every lesion with a baseline that no criterion excludes is analysed, however "
    "short its follow-up; a lesion without the event is censored at its last follow-up, for "
    "survival at the last day on which the patient is known to have lived."
)
EVENTS_NOTE: Final = (
    "Progression: growth that is not pseudoprogression, dated to the growth after the decline "
    "where "
    "the lesion had been OPP or back at its baseline. Growth of unknown category "
    "counts as progression where the lesion was retreated, or grew first after the window for OPP, "
    "and the last follow-up still shows it (not resolved); otherwise its time ends with the growth "
    "(open). Local failure: progression or retreatment."
)
_SPECIAL: Final = {
    Endpoint.OPP_FREE: ("later_progressed", "later progressed"),
    Endpoint.PROGRESSION_FREE: ("unresolved", "not resolved"),
    Endpoint.LOCAL_CONTROL: ("retreated_only", "retreated without progression"),
}
_RESPONSES: Final = {
    Endpoint.OPP_FREE: ResponseCategory.OPP,
    Endpoint.PROGRESSION_FREE: ResponseCategory.PD,
}


def build_analysis_tables(
    analysis: CohortAnalysis, *, is_suppressing: bool = False
) -> tuple[Table, ...]:
    """Return the tables of an analysis, in the order to be shown.

    Parameters
    ----------
    is_suppressing
        Whether small counts are to be withheld. Tables whose many small counts would cost larger
        ones, or cannot be tied to those of the other tables, are then left out.
    """
    tables: list[Table] = [follow_up_table(analysis), tabulate_event_times(analysis)]
    if not is_suppressing:
        tables += [
            tabulate_free_shares(analysis),
            tabulate_incidence(analysis),
            tabulate_unresolved(analysis),
        ]
        tables += [tabulate_patient_events(analysis)]
    tables.append(tabulate_arm_tests(analysis))
    if not is_suppressing or analysis.n == analysis.eligible:
        tables.append(tabulate_covariates(analysis))
        tables += [tabulate_hazards(analysis, endpoint) for endpoint in analysis.modelled]
    tables.append(tabulate_landmarks(analysis))
    if not is_suppressing:
        tables += [
            tabulate_sequence_calls(analysis.analysed),
            call_certainty(analysis.analysed),
            tabulate_threshold_calls(analysis.analysed),
        ]
    return tuple(tables)


def tabulate_event_times(analysis: CohortAnalysis) -> Table:
    """Show lesions, events and median time of each endpoint and arm."""
    rows, lines = Rows(analysis), []
    sums = [*rows.build_sums(TIME_KNOWN), *_list_ties(rows)]
    special = _select_special(analysis, rows)
    for endpoint_analysis in analysis.endpoints:
        slug, events = endpoint_analysis.endpoint.value, rows.get_events(endpoint_analysis.endpoint)
        sums += rows.build_sums(f"{slug}.events")
        for group in rows.arms:
            arm, end, median = (
                rows.select_arm(group),
                name_arm_key(group),
                _get_median(endpoint_analysis.comparison, group),
            )
            told_by = (TIME_KNOWN + end, f"{slug}.events{end}")
            more = Cell()
            if endpoint_analysis.endpoint in special:
                key, words = _SPECIAL[endpoint_analysis.endpoint]
                more = rows.count(f"{slug}.{key}{end}", arm & special[endpoint_analysis.endpoint])
                more = more.with_words(f" {words}")
            cells = (
                rows.count(told_by[0], arm),
                rows.count(told_by[1], arm & events),
                more,
                build_statistic_cell(
                    f"{slug}.median{end}", told_by[0], told_by, median, unit="days"
                ),
            )
            words = ENDPOINT_WORDS[endpoint_analysis.endpoint]
            lines.append((Cell(text=words), Cell(text=name_arm(group)), *cells))
    return Table(
        title="Time to events",
        columns=("Time", "Lesions of", "Lesions", "Events", "Of these", "Median, weeks (95%)"),
        rows=tuple(lines),
        notes=(
            TIMES_NOTE,
            EVENTS_NOTE,
            "Median: the first day on which half or fewer are without the event, by Kaplan-Meier; "
            "interval of Brookmeyer and Crowley (1982), whose lower limit may exist where the "
            "median is not reached.",
        ),
        sums=tuple(dict.fromkeys(sums)),
    )


def tabulate_landmarks(analysis: CohortAnalysis) -> Table:
    """Show who is without any event at the landmark, and what came after."""
    rows, lines, sums = Rows(analysis), [], list[Sum]()
    day = analysis.landmark_day
    later = rows.first_days > day
    for endpoint_analysis in analysis.modelled:
        if endpoint_analysis.landmark is None:
            continue
        key, events = (
            f"{endpoint_analysis.endpoint}.landmark",
            rows.get_events(endpoint_analysis.endpoint),
        )
        own = np.asarray(events & (rows.get_days(endpoint_analysis.endpoint) <= day))
        words = Cell(text=ENDPOINT_WORDS[endpoint_analysis.endpoint])
        left_out = (
            (f"{key}.had_event", "had the event by then", ~later & own),
            (f"{key}.had_other", "had another event by then", ~later & rows.ended & ~own),
            ("landmark.censored", "follow-up ended by then", ~later & ~rows.ended),
        )
        for end_key, label, lesions in left_out:
            blank = (Cell(text=NONE), Cell(text=NONE), Cell())
            lines.append((words, Cell(text=label), rows.count(end_key, lesions), *blank))
        for group in rows.arms:
            arm, end = rows.select_arm(group) & later, name_arm_key(group)
            told_by = (f"landmark.n{end}", f"{key}.events{end}")
            median = _get_median(endpoint_analysis.landmark.comparison, group)
            cells = (
                rows.count(told_by[0], arm),
                rows.count(told_by[1], arm & events),
                build_statistic_cell(
                    f"{key}.median{end}", told_by[0], told_by, median, unit="days"
                ),
                build_remark_cell(median.reason, told_by),
            )
            label = f"were followed beyond it: {name_arm(group)}"
            lines.append((words, Cell(text=label), *cells))
        sums += rows.build_sums("landmark.n", f"{key}.events")
        sums += [(TIME_KNOWN, "landmark.n", *(key for key, _, _ in left_out))]
        if endpoint_analysis.endpoint is Endpoint.OPP_FREE:
            sums += [(f"{endpoint_analysis.endpoint}.events", f"{key}.had_event", f"{key}.events")]
    return Table(
        title=f"Landmark at day {day}",
        columns=("Time", "Lesions that", "Lesions", "Events after", "Median from it, weeks (95%)",
                 "Remark"),
        rows=tuple(lines),
        notes=(
            "OPP and progression are distinguished only by the later course: a comparison from day "
            "0 on uses later information. Here only lesions followed beyond the landmark without "
            "OPP, "
            "local failure or death count, and time runs from it (Anderson, Cain and Gelber 1983).",
        ),
        sums=tuple(dict.fromkeys(sums)),
    )  # fmt: skip


def _select_special(analysis: CohortAnalysis, rows: Rows) -> Mapping[Endpoint, BoolArray]:
    """Return which events are beyond the category: what ties counts of events to responses."""
    categories = np.array(
        [lesion.assessment.category.value for lesion in analysis.lesions], dtype=str
    )
    beyond = {
        endpoint: np.asarray(rows.get_events(endpoint) & (categories != category.value))
        for endpoint, category in _RESPONSES.items()
    }
    has_progression = rows.get_events(Endpoint.PROGRESSION_FREE)
    local = np.asarray(rows.get_events(Endpoint.LOCAL_CONTROL) & ~has_progression)
    return beyond | {Endpoint.LOCAL_CONTROL: local}


def _get_median(comparison: Comparison, group: str) -> EventEstimate:
    """Return the median of an arm, or the reason why there is none."""
    medians = {arm.group: arm.median for arm in comparison.arms}
    reason = comparison.reason or "It has no lesion left."
    return medians.get(group, EventEstimate(value=None, n=0, events=0, reason=reason))


def _list_ties(rows: Rows) -> list[Sum]:
    """Tie counts to those of the tables of screening and responses."""
    short = (Reason.NO_FOLLOW_UP, Reason.FOLLOW_UP_UNDER_6_MONTHS)
    ties: list[Sum] = [(SHORT_EXCLUDED, *(f"{EXCLUDED}.{reason}" for reason in short))]
    for group in rows.arms:
        end = name_arm_key(group)
        analysed_key = ELIGIBLE if group == ALL else f"group.{group}"
        ties.append((TIME_KNOWN + end, analysed_key, SHORT_EXCLUDED + end))
        for endpoint, answer in _RESPONSES.items():
            more = f"{endpoint}.{_SPECIAL[endpoint][0]}{end}"
            ties.append((f"{endpoint}.events{end}", f"response.{answer}{end}", more))
        local, progression = Endpoint.LOCAL_CONTROL, Endpoint.PROGRESSION_FREE
        ties.append((f"{local}.events{end}", f"{progression}.events{end}",
                     f"{local}.{_SPECIAL[local][0]}{end}"))  # fmt: skip
    return ties
