"""A lesion as a row of a table: what it is and how it was treated, wherever the table goes to."""

import hashlib
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from opp_mri.domain.measurement import Lesion
from opp_mri.domain.timeline import Exclusion
from opp_mri.tables.csv_table import Row, read_table

REQUIRED = ("lesion_id", "patient_id", "level", "ssrs_first_date")
AFTER_SSRS = ("last_contact_date", "death_date")
OPTIONAL = (
    "ssrs_last_date",
    "dose_gy",
    "fractions",
    "sex",
    "age_years",
    "birth_year",
    "histology",
    "exclusions",
    *AFTER_SSRS,
)

TRACKING_UID: Final = "tracking_uid"

_LEVEL = re.compile(r"C[1-7]|T(?:[1-9]|1[0-3])|L[1-6]|S[1-5]")
_SEXES = {"M", "F", "O", ""}


def read_lesions(path: Path) -> Mapping[str, Lesion]:
    """Read a table of lesions that belongs to no project, by their names.

    Raises
    ------
    TableError
        With every fault of the table.
    """
    lesions: dict[str, Lesion] = {}
    with read_table(path, required=REQUIRED, optional=(*OPTIONAL, TRACKING_UID)) as table:
        for row in table.rows:
            uid = row.get(TRACKING_UID) or _uid_from(row.get("lesion_id"))
            lesion = lesion_of_row(row, uid)
            if lesion is not None and lesion.lesion_id in lesions:
                row.fault("lesion_id", "is in the table twice: keep one row per lesion")
            elif lesion is not None:
                lesions[lesion.lesion_id] = lesion
    return lesions


def _uid_from(name: str) -> str:
    """Make a UID that is the same whenever the table is read."""
    return f"2.25.{int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], 'big')}"


def lesion_of_row(row: Row, tracking_uid: str) -> Lesion | None:
    """Read a lesion, without seed and events, from the columns `REQUIRED` and `OPTIONAL`.

    Returns
    -------
    Lesion or None
        None where something it needs cannot be read; each fault is noted in the row.
    """
    lesion_id, patient_id, level = row.text("lesion_id"), row.text("patient_id"), _level(row)
    first_date = row.iso_date("ssrs_first_date")
    last_date = row.iso_date("ssrs_last_date") if row.get("ssrs_last_date") else first_date
    fractions = optional_number(row, "fractions", 1, 30)
    if lesion_id is None or patient_id is None or level is None or not first_date or not last_date:
        return None
    _check_course(row, first_date, last_date, fractions)
    last_contact_date, death_date = (_date_after(row, column, last_date) for column in AFTER_SSRS)
    return Lesion(
        lesion_id=lesion_id,
        tracking_uid=tracking_uid,
        patient_id=patient_id,
        level=level,
        ssrs_first_date=first_date,
        ssrs_last_date=last_date,
        dose_gy=_dose_gy(row),
        fractions=fractions,
        histology=row.get("histology"),
        sex=_sex(row),
        age_years=optional_number(row, "age_years", 0, 120),
        birth_year=optional_number(row, "birth_year", 1880, 2100),
        exclusions=_exclusions(row),
        last_contact_date=last_contact_date,
        death_date=death_date,
    )


def _level(row: Row) -> str | None:
    level = row.get("level").upper()
    if _LEVEL.fullmatch(level):
        return level
    row.fault("level", "must be a vertebra: C1 to C7, T1 to T13, L1 to L6 or S1 to S5")
    return None


def _check_course(row: Row, first_date: date, last_date: date, fractions: int | None) -> None:
    if last_date < first_date:
        row.fault("ssrs_last_date", f"is before the first day, {first_date}: correct one of them")
    if fractions == 1 and last_date != first_date:
        row.fault("fractions", "a single fraction has one day: correct the dates or the number")


def _dose_gy(row: Row) -> Decimal | None:
    cell = row.get("dose_gy")
    if not cell:
        return None
    try:
        dose_gy = Decimal(cell)
    except InvalidOperation:
        dose_gy = Decimal("NaN")
    if not (dose_gy.is_finite() and 0 < dose_gy <= 100):
        row.fault("dose_gy", "must be the total dose in Gy, such as 24: a number up to 100")
        return None
    return dose_gy


def _sex(row: Row) -> str:
    sex = row.get("sex").upper()
    if sex not in _SEXES:
        row.fault("sex", "must be M, F or O (other), as in DICOM, or empty")
    return sex


def _exclusions(row: Row) -> tuple[Exclusion, ...]:
    named = [name.strip() for name in row.get("exclusions").split(";") if name.strip()]
    known = {exclusion.value for exclusion in Exclusion}
    if unknown := [name for name in named if name not in known]:
        row.fault(
            "exclusions",
            f"“{unknown[0]}” is unknown: write {', '.join(sorted(known))}, "
            "several separated by semicolons",
        )
        return ()
    return tuple(exclusion for exclusion in Exclusion if exclusion.value in named)


def optional_number(row: Row, column: str, minimum: int, maximum: int) -> int | None:
    """Read a whole number from a cell that may be empty."""
    if not row.get(column):
        return None
    return row.whole_number(column, minimum=minimum, maximum=maximum)


def _date_after(row: Row, column: str, ssrs_date: date) -> date | None:
    """Read a date that may be empty, and does not lie before the last day of radiosurgery."""
    found = row.iso_date(column) if row.get(column) else None
    if found is not None and found < ssrs_date:
        row.fault(column, f"is before the radiosurgery, {ssrs_date}: correct one of them")
        return None
    return found
