"""A cohort as a workbook for clinicians: numbers and dates are such, texts are texts, no formulas.

The same cohort gives the same bytes: archive and properties bear a fixed time.
"""

import io
import re
import shutil
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from opp_mri.cohort.export.changes import convert_to_weeks
from opp_mri.cohort.export.columns import ExportTable, tabulate
from opp_mri.cohort.export.csv_text import FORMULA_STARTS
from opp_mri.cohort.export.derived import build_assessment_columns, find_deciding
from opp_mri.cohort.export.recorded import COHORT_LESION_COLUMNS
from opp_mri.domain.assessment import Criteria, SequenceAssessment
from opp_mri.domain.columns.column import SEVERAL, Column, Kind, Value, pick
from opp_mri.errors import InputError
from opp_mri.response.assessed import AssessedLesion

MOST_ROWS: Final = 1_048_575  # rows of a sheet below its header
WIDEST: Final = 60  # characters; longer text is wrapped
NARROWEST: Final = 8
NOTE_WIDTH: Final = 100
LINE_HEIGHT: Final = 15  # points
FONT: Final = "Calibri"
SAMPLE: Final = 1000  # rows whose texts set the width of a column
LONGEST_TEXT: Final = 32_767  # characters of a cell
FIRST_YEAR: Final = 1901  # no spreadsheet agrees with the calendar before
FIXED_TIME: Final = datetime(2000, 1, 1)
FORMATS: Final[Mapping[Kind, str]] = {
    Kind.DECIMAL: "0.0###", Kind.INTEGER: "0", Kind.DATE: "yyyy\\-mm\\-dd",
}  # fmt: skip
TEXT_FORMAT: Final = "@"
CHANGE_FORMAT: Final = "+0.0###;\\-0.0###;0.0"
_NO_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # XML cannot hold them


def build_summary_table(lesions: Iterable[AssessedLesion], criteria: Criteria) -> ExportTable:
    """Return the first sheet: one row a lesion, with what a clinician asks first."""
    return tabulate(
        "summary",
        "Lesions",
        "One row a lesion.",
        (
            *pick(
                COHORT_LESION_COLUMNS, "lesion_id", "patient_id", "level", "ssrs_last_date",
                "dose_gy", "fractions", "histology", "sex", "age_years",
            ),
            *pick(
                build_assessment_columns(criteria), "category", "reason", "deciding_sequence",
                "discordant", "peak_change_mm",
            ),
            _add_week("peak", "Peak", lambda record: record.peak_day),
            _add_week("peak_after", "Study before the peak", lambda answer: answer.peak_after_day),
            _add_week("return", "Return to baseline", lambda answer: answer.return_to_baseline_day),
            *pick(build_assessment_columns(criteria), "last_change_mm"),
            _add_week("last", "Last follow-up", lambda answer: answer.last_day),
        ),
        lesions,
    )  # fmt: skip


def _add_week(
    name: str, label: str, day: Callable[[SequenceAssessment], int | None]
) -> Column[AssessedLesion]:
    def find_weeks(lesion: AssessedLesion) -> Decimal | None:
        answer = find_deciding(lesion)
        return None if answer is None else convert_to_weeks(day(answer))

    return Column(
        name=f"{name}_weeks", label=label, kind=Kind.DECIMAL, unit="weeks from SSRS", of=find_weeks,
        description="Of the deciding sequence.", source="days divided by 7, to 0.1",
    )  # fmt: skip


def write_workbook(sheets: Sequence[ExportTable], notes: Mapping[str, str]) -> bytes:
    """Write tables as sheets, and notes as the last one.

    Raises
    ------
    InputError
        A table has more rows than a sheet can hold.
    """
    from openpyxl import Workbook
    from openpyxl.writer.excel import ExcelWriter

    for table in sheets:
        if table.n_rows > MOST_ROWS:
            raise InputError(
                f"The sheet {table.title} would have {table.n_rows} rows, and a spreadsheet takes "
                f"{MOST_ROWS}: export CSV or Parquet instead."
            )
    book = Workbook(write_only=True)
    properties = book.properties
    properties.creator, properties.title = "opp_mri", "Cohort"
    properties.created = properties.modified = FIXED_TIME
    for table in sheets:
        _write_sheet(book, table)
    _write_notes(book, notes)
    sink = io.BytesIO()
    ExcelWriter(book, _TimelessArchive(sink, "w", ZIP_DEFLATED)).save()
    return sink.getvalue()


class _TimelessArchive(ZipFile):
    """An archive whose members bear no time of the clock."""

    def writestr(self, zinfo_or_arcname: Any, data: Any, *_args: Any, **_kwargs: Any) -> None:
        super().writestr(_build_member(str(zinfo_or_arcname)), data)

    def write(self, filename: Any, arcname: Any = None, *_args: Any, **_kwargs: Any) -> None:
        filename.seek(0)  # a sheet of `_keep_in_memory`
        with self.open(_build_member(str(arcname)), "w") as target:
            shutil.copyfileobj(filename, target)


def _build_member(name: str) -> ZipInfo:
    member = ZipInfo(name)  # of 1980
    member.compress_type, member.create_system, member.external_attr = ZIP_DEFLATED, 0, 0
    return member


def _keep_in_memory(sheet: Any) -> None:
    """Have openpyxl write a sheet to memory: a kill would leave its temporary file, with names."""
    from openpyxl.worksheet._writer import WorksheetWriter

    def begin() -> None:
        if sheet._writer is None:
            writer: Any = WorksheetWriter(sheet, io.BytesIO())
            writer.cleanup = lambda: None  # there is no file to remove
            writer.write_top()
            sheet._writer = writer

    sheet._get_writer = begin


def _make_sheet(book: Any, title: str, freeze: str) -> Any:
    """Begin a sheet whose header stays in view, and which prints across the width of a page."""
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet = book.create_sheet(title)
    _keep_in_memory(sheet)
    sheet.freeze_panes = freeze
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    return sheet


def _write_sheet(book: Any, table: ExportTable) -> None:
    from openpyxl.utils import get_column_letter

    sheet = _make_sheet(book, table.title, "B2")
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(table.columns))}{table.n_rows + 1}"
    widths = [_choose_width(*column) for column in zip(table.columns, table.data, strict=True)]
    for place, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(place)].width = min(width, WIDEST)
    wrapped_columns = [place for place, width in enumerate(widths) if width > WIDEST]
    fillers = [
        _choose_filler(_make_cell(sheet, _format(column), wraps=bool(wrapped_columns)), column)
        for column in table.columns
    ]
    _write_header(sheet, [column.heading for column in table.columns], widths)
    for number, row in enumerate(zip(*table.data, strict=True), 2):
        for place in wrapped_columns:
            text = "" if row[place] is None else convert_to_words(table.columns[place], row[place])
            _raise_row(sheet, number, _count_lines(text, WIDEST))
        sheet.append([fill(value) for fill, value in zip(fillers, row, strict=True)])


def _write_notes(book: Any, notes: Mapping[str, str]) -> None:
    sheet = _make_sheet(book, "Notes", "A2")
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 14, NOTE_WIDTH
    _write_header(sheet, ["Note", "Text"], [14, NOTE_WIDTH])
    for number, row in enumerate(notes.items(), 2):
        _raise_row(sheet, number, _count_lines(row[1], NOTE_WIDTH))
        sheet.append(
            [_write_text_cell(_make_cell(sheet, TEXT_FORMAT, wraps=True), text) for text in row]
        )


def _write_header(sheet: Any, texts: Sequence[str], widths: Sequence[int]) -> None:
    from openpyxl.styles import Font, PatternFill

    cells = [_write_text_cell(_make_cell(sheet, TEXT_FORMAT, wraps=True), text) for text in texts]
    for cell in cells:
        cell.font = Font(name=FONT, size=11, bold=True)
        cell.fill = PatternFill("solid", fgColor="DFE6EC")
    pairs = zip(texts, widths, strict=True)
    _raise_row(sheet, 1, max(_count_lines(text, min(width, WIDEST) - 2) for text, width in pairs))
    sheet.append(cells)


def _raise_row(sheet: Any, number: int, lines: int) -> None:
    """Make a row as high as its lines: not every program does so by itself."""
    if lines > 1:
        row = sheet.row_dimensions[number]
        row.height = max(row.height or 0, lines * LINE_HEIGHT)


@lru_cache(maxsize=4096)
def _count_lines(text: str, width: int) -> int:
    return max(1, len(textwrap.wrap(text, width)))


def _make_cell(sheet: Any, number_format: str, *, wraps: bool) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment

    cell = WriteOnlyCell(sheet)
    cell.number_format = number_format
    words = number_format == TEXT_FORMAT
    cell.alignment = Alignment(
        horizontal="left" if words else "right", indent=int(words),  # apart from a number before
        vertical="top", wrap_text=wraps,
    )  # fmt: skip
    return cell


def _choose_filler(cell: Any, column: Column[Any]) -> Callable[[Value], Any]:
    """Return what puts a value of a column into its cell, which every row uses again."""
    if column.kind in (Kind.TEXT, Kind.CODE, Kind.CODES, Kind.BOOLEAN):
        return lambda value: (
            None if value is None else _write_text_cell(cell, convert_to_words(column, value))
        )

    def fill(value: Value) -> Any:
        if value is None:
            return None
        if isinstance(value, date) and value.year < FIRST_YEAR:
            return _write_text_cell(cell, value.isoformat())
        cell.value = value
        return cell

    return fill


def _write_text_cell(cell: Any, text: str) -> Any:
    cell.value = _NO_TEXT.sub("\ufffd", text)[:LONGEST_TEXT]
    cell.data_type = "s"  # or a text that begins with = would be a formula
    cell.quotePrefix = text.startswith(FORMULA_STARTS)  # it stays text when somebody edits it
    return cell


def convert_to_words(column: Column[Any], value: Value) -> str:
    """Return a value as words: what a code means, yes and no."""
    if column.kind is Kind.BOOLEAN:
        return "yes" if value else "no"
    if column.familiar or column.kind is Kind.TEXT:
        return str(value)
    words = "; ".join(column.allowed[code] for code in str(value).split(SEVERAL))
    return words[:1].upper() + words[1:]


def _format(column: Column[Any]) -> str:
    if column.kind is Kind.DECIMAL and "change" in column.name:
        return CHANGE_FORMAT
    return FORMATS.get(column.kind, TEXT_FORMAT)


def _choose_width(column: Column[Any], values: Sequence[Value]) -> int:
    longest_word = max(map(len, column.heading.split()))
    if column.kind in (Kind.TEXT, Kind.CODE, Kind.CODES, Kind.BOOLEAN):
        texts = (
            len(convert_to_words(column, covariate))
            for covariate in values[:SAMPLE]
            if covariate is not None
        )
        longest = max(texts, default=0)
    else:
        longest = 10
    return max(NARROWEST, longest_word + 4, longest + 3)
