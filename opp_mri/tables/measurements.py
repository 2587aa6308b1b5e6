"""Lengths by lesion, sequence and day, read from a table."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.timeline import Observation
from opp_mri.domain.timeline_columns import LENGTH_COLUMNS, LONGEST_DAYS
from opp_mri.tables.csv_table import Row, TextTable, read_table
from opp_mri.tables.names import Spellings, check_known
from opp_mri.units import days_between

MEASUREMENT_COLUMNS: Final = tuple(column.name for column in LENGTH_COLUMNS)

Lengths = dict[str, dict[SeriesRole, tuple[Observation, ...]]]


def read_measurements(
    path: Path | TextTable,
    *,
    may_have_no_rows: bool = False,
    lesions: Mapping[str, Lesion] | None = None,
) -> Lengths:
    """Read a table with `MEASUREMENT_COLUMNS`.

    Parameters
    ----------
    path
        CSV file, or table: lengths in mm, whole days from the completion of radiosurgery.
    may_have_no_rows
        Whether a header without rows is a table.
    lesions
        By name, where a table names them: a length of another lesion, of a day after death or of
        a day to come is a fault then.

    Returns
    -------
    dict
        By lesion and sequence, the lengths in the order of days.

    Raises
    ------
    TableError
        With every fault of the table.
    """
    lengths: dict[str, dict[SeriesRole, dict[int, Decimal]]] = {}
    first_lines: dict[tuple[str, SeriesRole, int], int] = {}
    spellings = Spellings("lesion_id")
    with read_table(path, required=MEASUREMENT_COLUMNS, may_have_no_rows=may_have_no_rows) as table:
        for row in table.rows:
            lesion_id = row.text("lesion_id")
            day = read_day(row)
            sequence = row.choice("sequence", SeriesRole)
            ap_mm = row.mm("ap_mm")
            if lesion_id is None or day is None or sequence is None:
                continue
            if lesions is None:
                spellings.check(row, lesion_id)
            elif check_known(row, lesion_id, lesions, "the table of lesions"):
                check_day(row, "days_from_ssrs", day, lesions[lesion_id])
            first_line = first_lines.setdefault((lesion_id, sequence, day), row.line)
            if first_line != row.line:
                row.fault(
                    "days_from_ssrs",
                    f"line {first_line} has the same lesion, sequence and day: keep one of them",
                )
            elif ap_mm is not None:
                lengths.setdefault(lesion_id, {}).setdefault(sequence, {})[day] = ap_mm
    return {
        lesion_id: {
            sequence: tuple(Observation(day, ap_mm) for day, ap_mm in sorted(by_day.items()))
            for sequence, by_day in by_sequence.items()
        }
        for lesion_id, by_sequence in lengths.items()
    }


def check_day(row: Row, column: str, day: int, lesion: Lesion) -> None:
    """Note a fault where a study lies after death or in the future."""
    studied = lesion.ssrs_last_date + timedelta(days=day)
    if lesion.death_date is not None and studied > lesion.death_date:
        late = days_between(lesion.death_date, studied)
        row.fault(column, f"the study of {studied} is {late} days after death: correct one of them")
    elif studied > date.today():
        row.fault(column, f"the study of {studied} lies in the future: correct the day")


def read_day(row: Row) -> int | None:
    """Read the whole days from the completion of radiosurgery, at most a hundred years."""
    return row.whole_number("days_from_ssrs", minimum=-LONGEST_DAYS, maximum=LONGEST_DAYS)
