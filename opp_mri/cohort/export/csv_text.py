"""Tables as CSV: UTF-8, RFC 4180, digits as recorded, and no cell that a spreadsheet computes.

A spreadsheet that opens a CSV file takes a text that begins with = + - or @ for a formula
(CWE-1236, CSV injection). Such a text gets a no-break space in front: a spreadsheet then shows it
as text, and `opp_mri.tables.csv_table` takes blanks off again, so that the text imports unchanged.
A number is never touched: -4.2 is only a number.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from opp_mri.cohort.export.columns import ExportTable
from opp_mri.domain.columns.column import write_value
from opp_mri.domain.visible_text import make_visible

GUARD: Final = "\u00a0"
# the last four are full-width forms, which East Asian spreadsheets take for the same
FORMULA_STARTS: Final = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)


def guard_text(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; a dash by itself is none."""
    return GUARD + text if len(text) > 1 and text.startswith(FORMULA_STARTS) else text


def write_csv_table(table: ExportTable) -> bytes:
    """Write a table with its names as header."""
    return write_csv_rows(
        table.names,
        zip(
            *(
                [
                    guard_text(value) if isinstance(value, str) else write_value(value)
                    for value in values
                ]
                for values in table.data
            ),
            strict=True,
        ),
    )


def write_csv_rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write rows of text, which are guarded already, under a header.

    What would act on a terminal that shows the file is written out, lone carriage returns
    included: tables refuse it, but records of earlier versions may hold it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # RFC 4180: commas, lines end with CR LF, quotes where needed
    writer.writerow(header)
    writer.writerows(map(_make_row_visible, rows))
    return text.getvalue().encode()


def _make_row_visible(row: Sequence[str]) -> Sequence[str]:
    text = "".join(row)
    if text.isascii() and text.isprintable():  # nearly always
        return row
    return [make_visible(cell.replace("\r\n", "\n")) for cell in row]
