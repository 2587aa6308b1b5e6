"""Events of lesions, read from a table."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from opp_mri.domain.columns.timeline import EVENT_COLUMNS, LONGEST_DAYS
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    OtherBoneLesions,
    Pathology,
    TreatmentEvent,
)
from opp_mri.tables.csv_table import Row, TextTable, read_table
from opp_mri.tables.measurements import read_day
from opp_mri.tables.names import check_known

DEATHS: Final = frozenset({"death", "dead", "deceased", "died"})
EVENT_NAMES: Final = tuple(column.name for column in EVENT_COLUMNS)


def read_events(
    path: Path | TextTable, known_ids: Collection[str], known_from: str
) -> dict[str, list[TreatmentEvent]]:
    """Read a table with `EVENT_NAMES`: events by lesion, in the order of the table.

    Parameters
    ----------
    known, known_from
        Names of the lesions, and the table that they come from: an event of another is a fault.

    Raises
    ------
    TableError
        With every fault of the table.
    """
    events: dict[str, list[TreatmentEvent]] = {}
    with read_table(path, required_columns=EVENT_NAMES, may_have_no_rows=True) as table:
        for row in table.rows:
            lesion_id, event = row.read_text("lesion_id"), _read_event(row)
            if lesion_id is None or not check_known(row, lesion_id, known_ids, known_from):
                continue
            if event is not None:
                events.setdefault(lesion_id, []).append(event)
    return events


def _read_event(row: Row) -> TreatmentEvent | None:
    if row.get("event").lower() in DEATHS:
        row.add_fault(
            "event",
            "a death is not an event of a lesion: remove the line, and give its date as death_date "
            "in lesions.csv, which `opp-mri cohort` reads",
        )
        return None
    kind = row.read_choice("event", EventKind)
    if kind is EventKind.EXCLUSION:
        exclusion = row.read_choice("value", Exclusion)
        return TreatmentEvent(_read_unused_day(row), kind, exclusion.value) if exclusion else None
    day = read_day(row)
    if kind is EventKind.LOCAL_RETREATMENT and day is not None and day <= 0:
        row.add_fault(
            "days_from_ssrs",
            f"a local retreatment comes after radiosurgery, not on day {day}: correct the day",
        )
        return None
    value: str | None = row.read_free_text("value")
    if kind is EventKind.OTHER_BONE_LESIONS:
        behaviour = row.read_choice("value", OtherBoneLesions)
        value = behaviour.value if behaviour else None
    if kind is EventKind.PATHOLOGY:
        tissue = row.read_choice("value", Pathology)
        value = tissue.value if tissue else None
    if kind is None or day is None or value is None:
        return None
    return TreatmentEvent(day, kind, value)


def _read_unused_day(row: Row) -> int:
    """Read the day of an exclusion, which plays no part: 0 where it is not a day."""
    cell = row.get("days_from_ssrs")
    days = int(cell) if re.fullmatch(r"[+-]?[0-9]{1,9}", cell) else 0
    return days if abs(days) <= LONGEST_DAYS else 0
