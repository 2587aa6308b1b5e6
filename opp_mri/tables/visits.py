"""Visits read from a table: by date for a project, by days in the tables of a cohort."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from opp_mri.domain.columns.column import Value
from opp_mri.domain.columns.visit import (
    CONFIRMATION_DAY,
    FINDING_COLUMNS,
    VISIT_COLUMNS,
    VISIT_DAY,
    VISIT_DAY_COLUMNS,
)
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.visit import FINDINGS, Visit, find_visit_faults, select_latest_visits
from opp_mri.tables.cells import read_cell, read_values
from opp_mri.tables.csv_table import Row, read_table

REQUIRED: Final = ("lesion_id", "visit_date")
OPTIONAL: Final = tuple(column.name for column in VISIT_COLUMNS if column.name not in REQUIRED)
_DAY_NAMES: Final = tuple(column.name for column in VISIT_DAY_COLUMNS)


def read_visit_values(row: Row) -> dict[str, Value] | None:
    """Read the values of a visit by its date, from the columns `REQUIRED` and `OPTIONAL`.

    Returns
    -------
    dict or None
        Those that are filled in, by the names of the fields of `Visit`; None where the lesion or
        the day cannot be read. Each fault is noted in the row.
    """
    values = {
        column.name: read_cell(row, column, must_be_filled=column.name in REQUIRED)
        for column in VISIT_COLUMNS
    }
    if any(values[name] is None for name in REQUIRED):
        return None
    return {name: value for name, value in values.items() if value is not None}


def build_visit(row: Row, values: Mapping[str, Any]) -> Visit | None:
    """Make a visit of values that were read; None where they contradict each other."""
    has_findings = any(values.get(name) is not None for name in FINDINGS)
    if not has_findings and not any(row.get(column.name) for column in FINDING_COLUMNS):
        row.add_fault(None, "the visit has no finding: fill in at least one, or remove the line")
        return None
    if not has_findings:  # what was written cannot be read: the fault is noted
        return None
    faults = find_visit_faults(
        visit_date=values["visit_date"],
        fracture=values.get("fracture"),
        height_loss_percent=values.get("height_loss_percent"),
        confirmation_date=values.get("confirmation_date"),
    )
    for name, message in faults.items():
        row.add_fault(name, message)
    return None if faults else Visit(**values)


def read_visits(path: Path, lesions: Mapping[str, Lesion]) -> dict[str, tuple[Visit, ...]]:
    """Read a table of visits in days from the completion of radiosurgery, as an export writes it.

    Parameters
    ----------
    lesions
        By name: their last day of radiosurgery is day 0.

    Returns
    -------
    dict
        Visits of each lesion, by date; of two rows of one day the later counts.

    Raises
    ------
    TableError
        With every fault of the table, a visit of an unknown lesion among them.
    """
    visits: dict[str, list[Visit]] = {}
    with read_table(
        path, required_columns=_DAY_NAMES[:2], optional=_DAY_NAMES[2:], may_have_no_rows=True
    ) as table:
        for row in table.rows:
            lesion_id = row.read_text("lesion_id")
            day = read_cell(row, VISIT_DAY, must_be_filled=True)
            if lesion_id is not None and lesion_id not in lesions:
                row.add_fault("lesion_id", "no such lesion in the table of lesions: correct one")
            elif lesion_id is not None and isinstance(day, int):
                start = lesions[lesion_id].ssrs_last_date
                confirmation_day = read_cell(row, CONFIRMATION_DAY)
                visit = build_visit(
                    row,
                    {
                        "lesion_id": lesion_id,
                        "visit_date": start + timedelta(days=day),
                        **read_values(row, FINDING_COLUMNS),
                        "confirmation_date": _find_later(start, confirmation_day),
                    },
                )
                if visit is not None:
                    visits.setdefault(lesion_id, []).append(visit)
    return {lesion_id: select_latest_visits(rows) for lesion_id, rows in visits.items()}


def _find_later(start: date, days: Value) -> date | None:
    return start + timedelta(days=days) if isinstance(days, int) else None
