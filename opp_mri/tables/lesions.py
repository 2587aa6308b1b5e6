"""A lesion as a row of a table: what it is and how it was treated, wherever the table goes to."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from opp_mri.domain.columns.column import SEVERAL
from opp_mri.domain.columns.lesion import LESION_COLUMNS
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.plausibility import find_patient_difference
from opp_mri.tables.cells import read_cell
from opp_mri.tables.csv_table import Row, read_table
from opp_mri.tables.names import Spellings

REQUIRED: Final = ("lesion_id", "patient_id", "level", "ssrs_first_date")
TRACKING_UID: Final = "tracking_uid"
ENTRY_COLUMNS: Final = tuple(column for column in LESION_COLUMNS if column.name != TRACKING_UID)
OPTIONAL: Final = tuple(column.name for column in ENTRY_COLUMNS if column.name not in REQUIRED)
_AFTER_SSRS: Final = ("last_contact_date", "death_date")


def read_lesions(path: Path) -> Mapping[str, Lesion]:
    """Read a table of lesions that belongs to no project; see `read_lesion_lines`."""
    return {name: lesion for name, (_, lesion) in read_lesion_lines(path).items()}


def read_lesion_lines(path: Path) -> Mapping[str, tuple[int, Lesion]]:
    """Read a table of lesions that belongs to no project: line and lesion, by their names.

    Raises
    ------
    TableError
        With every fault of the table.
    """
    lesions: dict[str, tuple[int, Lesion]] = {}
    checks = LesionChecks()
    with read_table(path, required_columns=REQUIRED, optional=(*OPTIONAL, TRACKING_UID)) as table:
        for row in table.rows:
            uid = row.get(TRACKING_UID) or _make_uid(row.get("lesion_id"))
            lesion = read_lesion_row(row, uid)
            if lesion is not None and lesion.lesion_id in lesions:
                row.add_fault("lesion_id", "is in the table twice: keep one row per lesion")
            elif lesion is not None:
                checks.check(row, lesion)
                lesions[lesion.lesion_id] = row.line, lesion
    return lesions


class LesionChecks:
    """What one row of a lesion table cannot tell: names in two spellings, patients who differ.

    Parameters
    ----------
    recorded
        Lesions that a project has already.
    """

    def __init__(self, lesions: Iterable[Lesion] = ()) -> None:
        self._names, self._patients = Spellings("lesion_id"), Spellings("patient_id")
        self._first_of: dict[str, tuple[Lesion, int | None]] = {}
        for lesion in lesions:
            self._names.add_known(lesion.lesion_id)
            self._patients.add_known(lesion.patient_id)
            self._first_of.setdefault(lesion.patient_id, (lesion, None))

    def check(self, row: Row, lesion: Lesion) -> None:
        """Note what contradicts an earlier lesion as a fault of the row."""
        self._names.check(row, lesion.lesion_id)
        self._patients.check(row, lesion.patient_id)
        earlier, line = self._first_of.setdefault(lesion.patient_id, (lesion, row.line))
        if earlier.lesion_id == lesion.lesion_id:  # corrected
            return
        difference = find_patient_difference(earlier, lesion)
        if difference is not None:
            where = "in a recorded lesion" if line is None else f"in line {line}"
            row.add_fault(difference.column, difference.describe(where))


def _make_uid(name: str) -> str:
    """Make a UID that is the same whenever the table is read."""
    return f"2.25.{int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], 'big')}"


def read_lesion_row(row: Row, tracking_uid: str) -> Lesion | None:
    """Read a lesion, without seed and events, from the columns `REQUIRED` and `OPTIONAL`.

    Returns
    -------
    Lesion or None
        None where something it needs cannot be read; each fault is noted in the row.
    """
    values: dict[str, Any] = {
        column.name: read_cell(row, column, must_be_filled=column.name in REQUIRED)
        for column in ENTRY_COLUMNS
    }
    if any(values[name] is None for name in REQUIRED):
        return None
    if values["ssrs_last_date"] is None:
        if row.get("ssrs_last_date"):
            return None
        values["ssrs_last_date"] = values["ssrs_first_date"]
    values["exclusions"] = [name for name in (values["exclusions"] or "").split(SEVERAL) if name]
    filled_values = {name: value for name, value in values.items() if value is not None}
    lesion = Lesion(tracking_uid=tracking_uid, **filled_values)
    _check_course(row, lesion)
    _check_patient(row, lesion)
    return lesion


def _check_course(row: Row, lesion: Lesion) -> None:
    first_date, last_date = lesion.ssrs_first_date, lesion.ssrs_last_date
    if last_date < first_date:
        row.add_fault(
            "ssrs_last_date", f"is before the first day, {first_date}: correct one of them"
        )
    if lesion.fractions == 1 and last_date != first_date:
        row.add_fault("fractions", "a single fraction has one day: correct the dates or the number")
    if lesion.dose_gy == 0:
        row.add_fault("dose_gy", "is 0: write the total dose in Gy, or leave the cell empty")


def _check_patient(row: Row, lesion: Lesion) -> None:
    for column in _AFTER_SSRS:
        day = getattr(lesion, column)
        if day is not None and day < lesion.ssrs_last_date:
            message = f"is before the radiosurgery, {lesion.ssrs_last_date}: correct one of them"
            row.add_fault(column, message)
    if lesion.birth_year is not None and lesion.birth_year > lesion.ssrs_first_date.year:
        row.add_fault("birth_year", "is after the radiosurgery: correct one of them")
