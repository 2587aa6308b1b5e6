"""Lengths by lesion, sequence and day, read from a table."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar

from attrs import frozen

from opp_mri.domain.columns.timeline import (
    LENGTH_COLUMNS,
    LONGEST_DAYS,
    VOLUME_COLUMNS,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.timeline import Observation, Origin, VolumeObservation
from opp_mri.tables.csv_table import Row, TextTable, read_table
from opp_mri.tables.names import Spellings, check_known
from opp_mri.units import LARGEST_CC, count_days

_PLAIN_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]{1,20})?", re.ASCII)

MEASUREMENT_COLUMNS: Final = tuple(column.name for column in LENGTH_COLUMNS if column.required)

VOLUME_COLUMN, ERROR_COLUMN, RATIO_COLUMN = (column.name for column in VOLUME_COLUMNS)
ORIGIN_COLUMN: Final = "origin"

OF_ONE_READER: Final = (
    "a table holds the lengths of one reader: remove this column, and give each reader a table of "
    "its own; in a project, `opp-mri agreement` compares two readers"
)

Recorded = TypeVar("Recorded")
Lengths = dict[str, dict[SeriesRole, tuple[Observation, ...]]]
Volumes = dict[str, dict[SeriesRole, tuple[VolumeObservation, ...]]]
Study = tuple[str, SeriesRole, int]
"""Lesion, sequence and days from SSRS."""
_BySequence = dict[str, dict[SeriesRole, dict[int, Recorded]]]


@frozen(kw_only=True)
class Sizes:
    """What a table of measurements holds.

    Parameters
    ----------
    lengths, volumes
        By lesion and sequence, in the order of days.
    lines
        Line of the table for each study.
    """

    lengths: Lengths
    volumes: Volumes
    lines: Mapping[Study, int]


def read_sizes(
    path: Path | TextTable,
    *,
    may_have_no_rows: bool = False,
    lesions: Mapping[str, Lesion] | None = None,
) -> Sizes:
    """Read a table with `MEASUREMENT_COLUMNS`, and the further columns where present.

    Parameters
    ----------
    path
        CSV file, or table: lengths in mm and perhaps volumes in cc, by whole days from the
        completion of radiosurgery. A row with a volume may leave the length empty.
    may_have_no_rows
        Whether a header without rows is a table.
    lesions
        By name, where a table names them: a length of another lesion, of a day after death or of
        a day to come is a fault then.

    Raises
    ------
    TableError
        With every fault of the table.
    """
    lengths: _BySequence[Observation] = {}
    volumes: _BySequence[VolumeObservation] = {}
    first_lines: dict[Study, int] = {}
    spellings = Spellings("lesion_id")
    with read_table(
        path,
        required_columns=MEASUREMENT_COLUMNS,
        optional=(VOLUME_COLUMN, ERROR_COLUMN, RATIO_COLUMN, ORIGIN_COLUMN),
        advice={"reader": OF_ONE_READER},
        may_have_no_rows=may_have_no_rows,
    ) as table:
        for row in table.rows:
            lesion_id = row.read_text("lesion_id")
            day = read_day(row)
            sequence = row.read_choice("sequence", SeriesRole)
            volume_cc = _read_volume(row)
            ap_mm = None if volume_cc is not None and not row.get("ap_mm") else row.read_mm("ap_mm")
            if lesion_id is None or day is None or sequence is None:
                continue
            if lesions is None:
                spellings.check(row, lesion_id)
            elif check_known(row, lesion_id, lesions, "the table of lesions"):
                check_day(row, "days_from_ssrs", day, lesions[lesion_id])
            first_line = first_lines.setdefault((lesion_id, sequence, day), row.line)
            if first_line != row.line:
                row.add_fault(
                    "days_from_ssrs",
                    f"line {first_line} has the same lesion, sequence and day: keep one of them, "
                    "or, if they are of two readers, give each reader a table of its own",
                )
                continue
            origin = row.read_choice(ORIGIN_COLUMN, Origin) if row.get(ORIGIN_COLUMN) else None
            if ap_mm is not None:
                of_lesion = lengths.setdefault(lesion_id, {}).setdefault(sequence, {})
                of_lesion[day] = Observation(day, ap_mm, origin)
            if volume_cc is not None:
                error_cc = _read_volume(row, ERROR_COLUMN)
                volumes.setdefault(lesion_id, {}).setdefault(sequence, {})[day] = VolumeObservation(
                    day, volume_cc, None if error_cc is None else float(error_cc), _read_ratio(row)
                )
    return Sizes(lengths=_sort_by_day(lengths), volumes=_sort_by_day(volumes), lines=first_lines)


def _sort_by_day(
    sizes: _BySequence[Recorded],
) -> dict[str, dict[SeriesRole, tuple[Recorded, ...]]]:
    return {
        lesion_id: {
            sequence: tuple(size for _, size in sorted(by_day.items()))
            for sequence, by_day in by_sequence.items()
        }
        for lesion_id, by_sequence in sizes.items()
    }


def _read_volume(row: Row, column: str = VOLUME_COLUMN) -> Decimal | None:
    cell = row.get(column)
    if not cell:
        return None
    if not _PLAIN_NUMBER.fullmatch(cell) or Decimal(cell) >= LARGEST_CC:
        row.add_fault(
            column,
            f"a volume is a number of cc, 0 or more and below {LARGEST_CC}: write it like 3.45",
        )
        return None
    return Decimal(cell)


def _read_ratio(row: Row) -> Decimal | None:
    cell = row.get(RATIO_COLUMN)
    if not cell:
        return None
    if not _PLAIN_NUMBER.fullmatch(cell):
        row.add_fault(RATIO_COLUMN, "a T2 ratio is a number, 0 or more: write it like 2.143")
        return None
    return Decimal(cell)


def check_day(row: Row, column: str, day: int, lesion: Lesion) -> None:
    """Note a fault where a study lies after death or in the future."""
    study_date = lesion.ssrs_last_date + timedelta(days=day)
    if lesion.death_date is not None and study_date > lesion.death_date:
        late = count_days(lesion.death_date, study_date)
        row.add_fault(
            column, f"the study of {study_date} is {late} days after death: correct one of them"
        )
    elif study_date > date.today():
        row.add_fault(column, f"the study of {study_date} lies in the future: correct the day")


def read_day(row: Row) -> int | None:
    """Read the whole days from the completion of radiosurgery, at most a hundred years."""
    return row.read_whole_number("days_from_ssrs", minimum=-LONGEST_DAYS, maximum=LONGEST_DAYS)
