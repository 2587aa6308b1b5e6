"""Visits of a project: recorded by a form, by a command or by a table, and never changed.

A later record of the same lesion and day follows the earlier one; what it leaves out is taken over
from it, so that a form can be filled in by several people.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from opp_mri.domain.measurement import Lesion
from opp_mri.domain.visit import FINDINGS, Visit, select_latest_visits
from opp_mri.errors import InputError, TableFault
from opp_mri.store.protocol import Store
from opp_mri.tables.csv_table import Row, read_table
from opp_mri.tables.visits import OPTIONAL, REQUIRED, build_visit, read_visit_values


def get_recorded_visits(store: Store, lesion_id: str) -> tuple[Visit, ...]:
    """Return the current visits of a lesion, by date."""
    return select_latest_visits(store.log_of(Visit, lesion_id))


def group_visits_by_lesion(store: Store) -> Mapping[str, tuple[Visit, ...]]:
    """Return the visits of every lesion that has any, by date."""
    visits: dict[str, list[Visit]] = {}
    for visit in store.log_of(Visit):
        visits.setdefault(visit.lesion_id, []).append(visit)
    return {lesion_id: select_latest_visits(rows) for lesion_id, rows in visits.items()}


def add_visits(
    store: Store, path: Path, recorded_by: str, at: datetime, *, all_or_none: bool = False
) -> int:
    """Record the visits of a table.

    Parameters
    ----------
    path
        CSV file with the columns of `opp_mri.tables.visits`.
    all_or_none
        Whether one bad row keeps the others from being recorded.

    Returns
    -------
    int
        Number of visits that say something new.

    Raises
    ------
    RowsError
        Some rows were refused; the others are recorded.
    TableError
        Nothing was recorded: the table is not well-formed, or a row is bad and all are needed.
    """
    recorder = _Recorder(store, recorded_by, at)
    with read_table(
        path, required_columns=REQUIRED, optional=OPTIONAL, all_or_none=all_or_none
    ) as table:
        for row in table.rows:
            recorder.take(row)
        sound = sum(not row.is_refused for row in table.rows)
    new = recorder.record()
    table.raise_rows(sound)
    return new


def add_visit(
    store: Store, cells: Mapping[str, str], recorded_by: str, at: datetime
) -> Visit | None:
    """Record one visit, its values as text under the names of the table's columns.

    Parameters
    ----------
    cells
        Name of a column to its text.
    recorded_by
        Name of the one who records it.
    at
        When, with a time zone.

    Returns
    -------
    Visit or None
        Its current state; None where nothing of it was new.

    Raises
    ------
    InputError
        With every value that cannot be used.
    """
    faults: list[TableFault] = []
    recorder = _Recorder(store, recorded_by, at)
    recorder.take(Row(1, dict(cells), faults))
    if faults:
        messages = "; ".join(f"{fault.column or 'visit'}: {fault.message}" for fault in faults)
        raise InputError(f"The visit was not recorded. {messages}.")
    recorder.record()
    return recorder.new[-1] if recorder.new else None


class _Recorder:
    """Turns rows into visits that follow those which are recorded."""

    def __init__(self, store: Store, recorded_by: str, at: datetime) -> None:
        self._store, self._recorded_by, self._at = store, recorded_by, at
        self._lesions: Mapping[str, Lesion] = {
            lesion.lesion_id: lesion for lesion in store.get_lesions()
        }
        self._known = {
            (visit.lesion_id, visit.visit_date): visit
            for visits in group_visits_by_lesion(store).values()
            for visit in visits
        }
        self.new: list[Visit] = []

    def take(self, row: Row) -> None:
        """Read a visit; each fault is noted in the row."""
        values: dict[str, Any] | None = read_visit_values(row)
        if values is None:
            return
        lesion = self._lesions.get(values["lesion_id"])
        if lesion is None:
            row.add_fault("lesion_id", "no such lesion: add it first with `opp-mri lesion add`")
            return
        if lesion.death_date is not None and values["visit_date"] > lesion.death_date:
            row.add_fault("visit_date", "is after the day of death: correct one of them")
            return
        known_visit = self._known.get((lesion.lesion_id, values["visit_date"]))
        earlier = (
            {} if known_visit is None else {name: getattr(known_visit, name) for name in FINDINGS}
        )
        earlier_values = {name: value for name, value in earlier.items() if value is not None}
        visit = build_visit(row, {**earlier_values, **values})
        if visit is None or row.is_refused:
            return
        visit = attrs.evolve(visit, recorded_by=self._recorded_by, recorded_at=self._at)
        if known_visit is None or _list_findings(visit) != _list_findings(known_visit):
            self.new.append(visit)
            self._known[visit.lesion_id, visit.visit_date] = visit

    def record(self) -> int:
        """Append what is new; gives how many that are."""
        self._store.add_to_log(self.new)
        return len(self.new)


def _list_findings(visit: Visit) -> Sequence[object]:
    return [getattr(visit, name) for name in FINDINGS]
