"""What was recorded, as tables: lesions, lengths and volumes, events. They import again unchanged.

The names and codes are those that `opp-mri lesion add --table` and `opp-mri assess` read.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from opp_mri.cohort.export.columns import ExportTable, tabulate
from opp_mri.domain.columns.column import Column, view_through
from opp_mri.domain.columns.lesion import LESION_COLUMNS
from opp_mri.domain.columns.timeline import (
    EVENT_COLUMNS,
    LENGTH_COLUMNS,
    RATIO,
    SIZE_COLUMNS,
    Event,
    Measurement,
)
from opp_mri.domain.columns.visit import VISIT_DAY_COLUMNS, VisitOfLesion
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.timeline import EventKind, TreatmentEvent
from opp_mri.domain.visit import derive_events
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import count_days

LESIONS, MEASUREMENTS, EVENTS, VISITS = "lesions", "measurements", "events", "visits"


def get_lesion(member: AssessedLesion) -> Lesion:
    """Return the lesion of a row, for `view_through`."""
    return member.lesion


COHORT_LESION_COLUMNS: Final[tuple[Column[AssessedLesion], ...]] = view_through(
    LESION_COLUMNS, get_lesion
)


def select_own_events(member: AssessedLesion) -> tuple[TreatmentEvent, ...]:
    """Return the events of a lesion that neither its exclusions nor its visits hold already."""
    exclusions = tuple(
        TreatmentEvent(0, EventKind.EXCLUSION, exclusion.value)
        for exclusion in member.lesion.exclusions
    )
    events, count = member.timeline.events, len(exclusions)
    recorded_events = events[count:] if events[:count] == exclusions else events
    drawn_events = {
        (count_days(member.lesion.ssrs_last_date, event.date), event.kind)
        for event in derive_events(member.visits, member.lesion.ssrs_first_date)
    }
    return tuple(
        event for event in recorded_events if (event.days_from_ssrs, event.kind) not in drawn_events
    )


def build_recorded_tables(
    lesions: Iterable[AssessedLesion], *, with_ratios: bool = True
) -> tuple[ExportTable, ...]:
    """Return lesions, measurements and events, lesions in their order.

    Parameters
    ----------
    with_ratios
        Whether T2 ratios are among them, which need the images.
    """
    members = list(lesions)
    has_volumes = any(member.timeline.volumes for member in members)
    columns = SIZE_COLUMNS if has_volumes else LENGTH_COLUMNS
    if not with_ratios:
        columns = tuple(column for column in columns if column.name != RATIO)
    title, content = (
        ("Lengths and volumes", "a length, a volume or both") if has_volumes
        else ("Lengths", "a length")
    )  # fmt: skip
    return (
        tabulate(LESIONS, "Lesions", "One row a lesion.", COHORT_LESION_COLUMNS, members),
        tabulate(
            MEASUREMENTS, title,
            f"One row {content}: a lesion on one sequence of one study.", columns,
            _generate_measurements(members),
        ),
        tabulate(
            EVENTS, "Events", "One row an event, in the order in which they were recorded.",
            EVENT_COLUMNS,
            (
                Event(member.lesion.lesion_id, event)
                for member in members
                for event in select_own_events(member)
            ),
        ),
        tabulate(
            VISITS, "Visits", "One row a lesion and visit: findings other than lengths.",
            VISIT_DAY_COLUMNS,
            (
                VisitOfLesion(visit, member.lesion.ssrs_last_date)
                for member in members
                for visit in member.visits
            ),
        ),
    )  # fmt: skip


def _generate_measurements(lesions: Iterable[AssessedLesion]) -> Iterator[Measurement]:
    for member in lesions:
        for sequence in SeriesRole:
            timeline = member.timeline
            lengths = {row.days_from_ssrs: row for row in timeline.observations.get(sequence, ())}
            volumes = {row.days_from_ssrs: row for row in timeline.volumes.get(sequence, ())}
            for day in sorted(lengths.keys() | volumes.keys()):
                yield Measurement(
                    lesion_id=member.lesion.lesion_id, sequence=sequence, days_from_ssrs=day,
                    length=lengths.get(day), volume=volumes.get(day),
                )  # fmt: skip


def count_decimals(value: Decimal) -> int:
    """Return the number of decimals that a value was written with."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
