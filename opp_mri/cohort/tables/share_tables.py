"""Shares of lesions and patients without or with an event by week, as tables."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from opp_mri.cohort.statistics.events import Cause, Endpoint
from opp_mri.cohort.statistics.members import ALL, FractionGroup
from opp_mri.cohort.statistics.results import CohortAnalysis, EndpointAnalysis
from opp_mri.cohort.statistics.survival import (
    Curve,
    EventEstimate,
    Observed,
    compute_median_days,
    count_at_risk,
    estimate_kaplan_meier,
)
from opp_mri.cohort.tables.analysis_cells import (
    ENDPOINT_WORDS,
    EVENT_WORDS,
    TIME_KNOWN,
    Rows,
    build_statistic_cell,
    name_arm,
    name_arm_key,
)
from opp_mri.cohort.tables.tables import Cell, Table, number_of
from opp_mri.units import DAYS_PER_WEEK, format_count

SHARE_DAYS: Final = (91, 182, 364, 728)
"""Weeks 13, 26, 52 and 104."""
CAUSE_WORDS: Final = {
    Cause.OPP: "OPP",
    Cause.LOCAL_FAILURE: "local failure",
    Cause.DEATH: "death",
}
WEEKS: Final = tuple(f"Week {day // DAYS_PER_WEEK}" for day in SHARE_DAYS)


def tabulate_free_shares(analysis: CohortAnalysis) -> Table:
    """Show the Kaplan-Meier share without each event at some weeks, with those at risk."""
    rows, lines = Rows(analysis), []
    for endpoint_analysis in _with_events(analysis):
        curves = {arm.group: arm.curve for arm in endpoint_analysis.comparison.arms}
        observed = endpoint_analysis.comparison.observed
        for group in _list_arms(rows):
            key = f"{endpoint_analysis.endpoint}.share"
            label = (ENDPOINT_WORDS[endpoint_analysis.endpoint], name_arm(group))
            cells = _generate_shares(key, group, curves, _get_at_risk(observed, group))
            lines.append((*(Cell(text=text) for text in label), *cells))
    return Table(
        title="Share without the event by week, %",
        columns=("Time", "Lesions of", *WEEKS),
        rows=tuple(lines),
        notes=(
            "Kaplan-Meier with Greenwood's error, 95% interval on the log(-log) scale; then the "
            "number at risk. The unit is the lesion.",
            *_write_survival_notes(analysis),
        ),
    )


def _write_survival_notes(analysis: CohortAnalysis) -> tuple[str, ...]:
    """Warn where deaths are known for longer than lives: the share that survives is too small."""
    late = [
        events
        for events in analysis.lesion_events
        if events.death_day is not None and events.death_day > events.last_alive_day
    ]
    alive = [
        events
        for events in analysis.lesion_events
        if events.death_day is None and events.last_alive_day <= max(events.studies, default=0)
    ]
    if not late or not alive:
        return ()
    return (
        f"Overall survival is underestimated: {format_count(len(alive), 'lesion')} without a "
        f"recorded death {'is' if len(alive) == 1 else 'are'} followed to the last study only, but "
        f"{format_count(len(late), 'death')} after the last study "
        f"{'counts' if len(late) == 1 else 'count'}. Record last_contact_date.",
    )


def tabulate_incidence(analysis: CohortAnalysis) -> Table:
    """Show the cumulative incidence of each event, and of each as the first one, by week."""
    rows, lines = Rows(analysis), []
    for endpoint_analysis in _with_events(analysis):
        if endpoint_analysis.endpoint is Endpoint.SURVIVAL:
            continue
        curves = {curve.group: curve for curve in endpoint_analysis.incidence}
        for group in _list_arms(rows):
            label = (EVENT_WORDS[endpoint_analysis.endpoint], name_arm(group))
            cells = _generate_shares(
                f"{endpoint_analysis.endpoint}.incidence",
                group,
                curves,
                _get_at_risk(endpoint_analysis.competing, group),
            )
            lines.append((*(Cell(text=text) for text in label), *cells))
    for cause, of_cause in analysis.incidence.items():
        curves = {curve.group: curve for curve in of_cause}
        for group in _list_arms(rows):
            label = (f"first event: {CAUSE_WORDS[cause]}", name_arm(group))
            cells = _generate_shares(
                f"first.{cause}", group, curves, _get_at_risk(analysis.first, group)
            )
            lines.append((*(Cell(text=text) for text in label), *cells))
    return Table(
        title="Cumulative incidence with competing events by week, %",
        columns=("Event", "Lesions of", *WEEKS),
        rows=tuple(lines),
        notes=(
            "Aalen-Johansen, interval on the log(-log) scale (Choudhury 2002); then the number at "
            "risk. Competing with OPP: progression, retreatment and death; with progression and "
            "fracture: retreatment and death; with local failure: death.",
            "First event: each lesion counts under the first of OPP, local failure and death.",
            f"A death competes if it came within {analysis.death_within_days} days of the last "
            "follow-up; a later one ends the follow-up at the last study.",
        ),
    )


def tabulate_unresolved(analysis: CohortAnalysis) -> Table:
    """Show what the share without progression would be by what becomes of growth that is open."""
    rows, lines = Rows(analysis), []
    observed = analysis.progression_free.comparison.observed
    is_open = rows.select_where(lambda events: events.open_day is not None)
    variants: list[tuple[str, str, Observed | None]] = [
        ("followed until it is seen", "until_seen", observed)
    ]
    if observed is not None:
        last = np.array(
            [max(0, events.last_day) for events in analysis.lesion_events], dtype=np.float64
        )
        days = np.where(is_open, last, observed.duration_days)
        variants += [
            ("counted as progression", "as",
             Observed(duration_days=observed.duration_days, event=observed.event | is_open)),
            ("counted as pseudoprogression", "not",
             Observed(duration_days=days, event=observed.event)),
        ]  # fmt: skip
    for words, key, variant in variants:
        curves = {}
        if variant is not None:
            whole = Observed(duration_days=variant.duration_days, event=variant.event)
            curves = {ALL: estimate_kaplan_meier(whole)[0]}
        cells = _generate_shares(f"unresolved.{key}", ALL, curves, _get_at_risk(variant, ALL))
        count = rows.count("unresolved.open", is_open)
        lines.append((Cell(text=f"Open growth, {words}"), count, *cells))
    return Table(
        title="Progression-free share by assumed outcome of open growth, %",
        columns=("Lesions", "Number", *WEEKS),
        rows=tuple(lines),
        notes=(
            "Open: the lesion grew within the window for OPP or fell since, was not retreated, and "
            "its category is not known: the follow-up is too short, or (in prospective mode) the "
            "answer is still to come. In all other tables its time ends with the growth; the "
            "second and third lines are the limits.",
        ),
    )


def tabulate_patient_events(analysis: CohortAnalysis) -> Table:
    """Show each endpoint with the patient as the unit."""
    lines = []
    for endpoint_analysis in _with_events(analysis):
        by_patient, slug = endpoint_analysis.by_patient, f"patients/{endpoint_analysis.endpoint}"
        curve = by_patient.curve
        median = (
            EventEstimate(value=None, n=0, events=0)
            if curve is None
            else compute_median_days(curve)
        )
        lines.append(
            (
                Cell(text=ENDPOINT_WORDS[endpoint_analysis.endpoint]),
                number_of(f"{slug}.n", by_patient.patients),
                number_of(f"{slug}.events", by_patient.events),
                *_generate_shares(slug, ALL, {} if curve is None else {ALL: curve}, {}),
                build_statistic_cell(f"{slug}.median", f"{slug}.n", (), median, unit="days"),
            )
        )
    return Table(
        title="Patients without the event by week, %",
        columns=("Time", "Patients", "Events", *WEEKS, "Median, weeks (95%)"),
        rows=tuple(lines),
        notes=(
            "The unit is the patient: the first event of any lesion (worst lesion), each lesion on "
            "its own clock; without an event the longest follow-up. Kaplan-Meier.",
            *_write_survival_notes(analysis),
        ),
    )


def _with_events(analysis: CohortAnalysis) -> list[EndpointAnalysis]:
    """Leave fractures out where none was recorded."""
    return [
        endpoint
        for endpoint in analysis.endpoints
        if endpoint.events or endpoint.endpoint is not Endpoint.FRACTURE_FREE
    ]


def _list_arms(rows: Rows) -> list[str]:
    return [group for group in rows.arms if group != FractionGroup.UNKNOWN]


def _get_at_risk(observed: Observed | None, group: str) -> Mapping[int, int]:
    if observed is None:
        return {}
    rows = observed
    if group != ALL and observed.group is not None:
        rows = observed.take(observed.group == group)
    whole = Observed(duration_days=rows.duration_days, event=rows.event)
    return dict(zip(SHARE_DAYS, count_at_risk(whole, SHARE_DAYS)[ALL], strict=True))


def _generate_shares(
    key: str, group: str, curves: Mapping[str, Curve], at_risk: Mapping[int, int]
) -> Iterable[Cell]:
    for day in SHARE_DAYS:
        share = EventEstimate(value=None, n=0, events=0)
        if group in curves:
            share = curves[group].read_share(day)
        cell = build_statistic_cell(
            f"{key}.week_{day // DAYS_PER_WEEK}{name_arm_key(group)}", TIME_KNOWN, (), share,
            unit="share", more={"at_risk": at_risk[day]} if at_risk else None,
        )  # fmt: skip
        yield cell if not at_risk or share.value is None else cell.with_words(f"; {at_risk[day]}")
