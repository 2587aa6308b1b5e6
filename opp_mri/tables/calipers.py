"""Calipers as they are handed over: a CSV table, or the same as JSON."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from opp_mri.domain.documents import parse_json
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, PixelPoint
from opp_mri.errors import InputError, TableFault
from opp_mri.tables.cells import NUMBER
from opp_mri.tables.csv_table import Row, Table, read_table

REQUIRED: Final = ("lesion_id", "reader")
POINTS: Final = ("column_1", "row_1", "column_2", "row_2")
OPTIONAL: Final = (
    "sequence",
    "sop_instance_uid",
    "frame",
    *POINTS,
    "length_mm",
    "study_date",
    "answer",
    "reason",
    "override_reason",
)


TABLE_ANSWERS: Final = (Answer.MEASURED, Answer.GONE, Answer.NOT_MEASURABLE)


@frozen(kw_only=True)
class CaliperRow:
    """One row of what a reader hands over, well-formed but not yet held against the images.

    Parameters
    ----------
    line
        Line of the table, or number of the object in a JSON list.
    sequence
        None where the role of the series is to decide.
    sop_instance_uid, frame_number, start, end
        The line on its native image; the points are None in a row that brings a length alone.
    length_mm
        The length that the row states, or None.
    study_date
        For a length without an image.
    answer, reason
        Measured, gone (0.0 mm), or not measurable and why.
    override_reason
        Why a length on an unsuitable image (not sagittal, of no or another role) is recorded.
    """

    line: int
    lesion_id: str
    reader: str
    sequence: SeriesRole | None
    sop_instance_uid: str
    frame_number: int
    start: PixelPoint | None
    end: PixelPoint | None
    length_mm: Decimal | None
    study_date: date | None
    answer: Answer
    reason: str
    override_reason: str = ""


def read_calipers(
    path: Path, *, all_or_none: bool = True
) -> tuple[list[CaliperRow], list[TableFault]]:
    """Read calipers from a CSV table or a JSON list of objects with the same names.

    Parameters
    ----------
    all_or_none
        Whether one bad row refuses the table.

    Returns
    -------
    list of CaliperRow, list of TableFault
        The rows that are well-formed, and why others are not.

    Raises
    ------
    TableError
        With the line and the column of each fault.
    InputError
        The file cannot be read, or is no such JSON.
    """
    if path.suffix.lower() == ".json":
        table = _read_json_table(path, all_or_none=all_or_none)
    else:
        table = read_table(
            path, required_columns=REQUIRED, optional=OPTIONAL, all_or_none=all_or_none
        )
    with table:
        pairs = [(row, _read_caliper_row(row)) for row in table.rows]
    calipers = [caliper for row, caliper in pairs if caliper is not None and not row.is_refused]
    return calipers, table.faults


def _read_json_table(path: Path, *, all_or_none: bool) -> Table:
    try:
        objects = parse_json(path.read_text(encoding="utf-8-sig"), decimals=True)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}: check the name and the folder.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} cannot be read as JSON ({error}).") from error
    if not isinstance(objects, list) or not all(isinstance(item, dict) for item in objects):
        raise InputError(f"{path.name} must hold a list of objects, one a caliper.")
    if not objects:
        raise InputError(f"{path.name} holds an empty list: there is nothing to measure.")
    known_columns = (*REQUIRED, *OPTIONAL)
    faults: list[TableFault] = []
    rows = []
    for number, item in enumerate(objects, start=1):
        row = Row(number, {key: _write_cell(value) for key, value in item.items()}, faults)
        for key in item.keys() - set(known_columns):
            row.add_fault(key, "this name is unknown: remove it or rename it")
        rows.append(row)
    return Table(path.name, known_columns, rows=rows, faults=faults, all_or_none=all_or_none)


def _write_cell(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _read_caliper_row(row: Row) -> CaliperRow | None:
    lesion_id, reader = row.read_text("lesion_id"), row.read_text("reader")
    sequence = row.read_choice("sequence", SeriesRole) if row.get("sequence") else None
    answer = row.read_choice("answer", TABLE_ANSWERS) if row.get("answer") else Answer.MEASURED
    frame_number = row.read_whole_number("frame", minimum=1) if row.get("frame") else 1
    length_mm = row.read_mm("length_mm") if row.get("length_mm") else None
    study_date = row.read_date("study_date") if row.get("study_date") else None
    points = _read_points(row)
    if lesion_id is None or reader is None or answer is None or frame_number is None:
        return None
    caliper = CaliperRow(
        line=row.line,
        lesion_id=lesion_id,
        reader=reader,
        sequence=sequence,
        sop_instance_uid=row.get("sop_instance_uid"),
        frame_number=frame_number,
        start=points[0] if points else None,
        end=points[1] if points else None,
        length_mm=length_mm,
        study_date=study_date,
        answer=answer,
        reason=row.read_free_text("reason"),
        override_reason=row.read_free_text("override_reason"),
    )
    _check_whole(row, caliper)
    return caliper


def _read_points(row: Row) -> tuple[PixelPoint, PixelPoint] | None:
    filled_columns = [column for column in POINTS if row.get(column)]
    if not filled_columns:
        return None
    if len(filled_columns) < len(POINTS):
        missing_column = next(column for column in POINTS if not row.get(column))
        row.add_fault(
            missing_column, "is empty: a caliper has four numbers, a length alone has none"
        )
        return None
    numbers = []
    for column in POINTS:
        cell = row.get(column)
        if not NUMBER.fullmatch(cell):
            row.add_fault(column, "is not a number: write a pixel position, such as 120.5")
            cell = "0"  # never used: the fault refuses the row
        numbers.append(float(cell))
    return (numbers[0], numbers[1]), (numbers[2], numbers[3])


def _check_whole(row: Row, caliper: CaliperRow) -> None:
    """Note what a row lacks to be an answer."""
    has_place = bool(caliper.sop_instance_uid) or caliper.study_date is not None
    if caliper.start is not None and not caliper.sop_instance_uid:
        row.add_fault("sop_instance_uid", "is empty: name the image on which the points lie")
    if not caliper.sop_instance_uid and caliper.sequence is None:
        row.add_fault("sequence", "is empty: give the sequence, since there is no image")
    if not has_place:
        row.add_fault("study_date", "name the image, or give the date of the study")
    if caliper.answer is Answer.MEASURED:
        if caliper.start is None and caliper.length_mm is None:
            row.add_fault("length_mm", "there are neither points nor a length: give one of them")
    elif caliper.start is not None:
        row.add_fault("answer", f"a {caliper.answer.value} answer has no points: remove them")
    if caliper.answer is Answer.NOT_MEASURABLE and not caliper.reason:
        row.add_fault("reason", "is empty: say why the lesion cannot be measured here")
    if caliper.answer is Answer.NOT_MEASURABLE and caliper.length_mm is not None:
        row.add_fault("length_mm", "a lesion that cannot be measured has no length: remove it")
    if caliper.answer is Answer.GONE and caliper.length_mm not in (None, Decimal(0)):
        row.add_fault("length_mm", "what is gone has the length 0.0: correct one of them")
