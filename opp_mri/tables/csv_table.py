"""Read CSV tables strictly: all faults are reported at once, and nothing is half-done.

::

    with read_table(path, required=["lesion_id", "ap_mm"], optional=["reader"]) as table:
        for row in table.rows:
            lesion_id, ap_mm = row.text("lesion_id"), row.mm("ap_mm")
            if lesion_id is None or ap_mm is None:
                continue  # the fault is noted
            ...
    # here the table had no fault; otherwise a TableError with all of them was raised
"""

import csv
import difflib
import io
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from attrs import define, field, frozen

from opp_mri.domain.visible_text import make_visible
from opp_mri.errors import RowsError, TableError, TableFault
from opp_mri.tables.cell_faults import NOT_GIVEN, explain_no_day, explain_no_length, quote_cell
from opp_mri.tables.csv_file import read_csv_text, refuse_line
from opp_mri.units import format_count

Choice = TypeVar("Choice", bound=StrEnum)

_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}")
_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@define
class Row:
    """One row of a table; a cell that cannot be read is noted as a fault and given as None.

    Parameters
    ----------
    line
        Line of the file on which the row begins, the header being line 1.
    cells
        Text of each column, without surrounding blanks; columns that the file lacks are absent.
    """

    line: int
    cells: dict[str, str]
    _faults: list[TableFault] = field(repr=False)
    is_refused: bool = field(default=False, init=False)

    def add_fault(self, column: str | None, message: str) -> None:
        """Note a fault of this row, which refuses it: what is wrong and what to do."""
        self.is_refused = True
        self._faults.append(TableFault(self.line, column, message))

    def get(self, column: str) -> str:
        """Return the text of a cell as it is, "" where it is empty or the column is absent."""
        return self.cells.get(column, "")

    def read_text(self, column: str) -> str | None:
        """Return the text of a cell that must not be empty and shows all its characters."""
        if not self.get(column):
            self.add_fault(column, "is empty: fill it in, or remove the line")
        return self._quote(column, lambda char: unicodedata.category(char) in ("Cc", "Cf")) or None

    def read_free_text(self, column: str) -> str:
        """Return a text that may be empty or of several lines; what acts on a screen is a fault."""
        return self._quote(column, lambda char: make_visible(char) != char)

    def _quote(self, column: str, is_hidden: Callable[[str], bool]) -> str:
        cell = self.get(column)
        if cell.isascii() and cell.isprintable():  # nearly always
            return cell
        if hidden := next(filter(is_hidden, cell), ""):
            message = f"holds an invisible character (U+{ord(hidden):04X}): remove it"
            self.add_fault(column, message)
        return "" if hidden else cell

    def read_mm(self, column: str) -> Decimal | None:
        """Return a length in mm, exact, with the digits that were written; 0 or more."""
        cell = self.get(column)
        fault = explain_no_length(cell)
        if fault:
            self.add_fault(column, fault)
            return None
        return Decimal(cell)

    def read_whole_number(
        self, column: str, *, minimum: int | None = None, maximum: int | None = None
    ) -> int | None:
        """Return a whole number, within the bounds where there are any."""
        cell = self.get(column)
        if cell.lower() in NOT_GIVEN:
            self.add_fault(column, "the number is missing: write a whole number, such as 84")
        elif not _WHOLE_NUMBER.fullmatch(cell):
            self.add_fault(column, f"{quote_cell(cell)} is not a whole number: write it like 84")
        elif minimum is not None and int(cell) < minimum:
            self.add_fault(column, f"{cell} is too small: it must be {minimum} or more")
        elif maximum is not None and int(cell) > maximum:
            self.add_fault(column, f"{cell} is too large: it must be {maximum} or less")
        else:
            return int(cell)
        return None

    def read_date(self, column: str, *, may_be_future: bool = False) -> date | None:
        """Return a date, written year-month-day, from 1950 to today.

        Parameters
        ----------
        may_be_future
            Whether it may be later than today, as a planned date may.
        """
        cell = self.get(column)
        if cell.lower() in NOT_GIVEN:
            self.add_fault(column, "the date is missing: write it like 2018-01-31")
        elif not _ISO_DATE.fullmatch(cell):
            self.add_fault(column, f"{quote_cell(cell)} is not a date: write it like 2018-01-31")
        else:
            fault = explain_no_day(cell, may_be_future=may_be_future)
            if not fault:
                return date.fromisoformat(cell)
            self.add_fault(column, fault)
        return None

    def read_choice(self, column: str, choices: Iterable[Choice]) -> Choice | None:
        """Return the one of an enumeration (or of some of its members) that the cell names."""
        cell = self.get(column)
        choices_by_value = (
            _map_whole(choices) if isinstance(choices, type) else _map_by_value(choices)
        )
        if cell in choices_by_value:
            return choices_by_value[cell]
        complaint = f"{quote_cell(cell)} is unknown" if cell else "is empty"
        self.add_fault(
            column,
            f"{complaint}: write one of {', '.join(choices_by_value)}"
            f"{_did_you_mean(cell, list(choices_by_value))}",
        )
        return None


def _map_by_value(choices: Iterable[Choice]) -> Mapping[str, Choice]:
    return {choice.value: choice for choice in choices}


_map_whole: Final = cache(_map_by_value)  # of an enumeration


@define
class Table:
    """A table as it was read; use it in a ``with``, whose end raises all faults as one TableError.

    Where it need not be whole, the end raises nothing: rows that are not `is_refused` are stored,
    and `raise_rows` names the others.

    Parameters
    ----------
    name
        Name of the file.
    columns
        Its columns, in the order of the file.
    """

    name: str
    columns: tuple[str, ...]
    _rows: list[Row] = field(repr=False)
    _faults: list[TableFault] = field(repr=False)
    _all_or_none: bool = True
    _within: bool = field(default=False, init=False, repr=False)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Rows that have a value for each column; outside a ``with`` only if all lines have."""
        if not self._within:
            self.raise_faults()
        return tuple(self._rows)

    def add_fault(self, line: int, column: str | None, message: str) -> None:
        """Note a fault of the table."""
        self._faults.append(TableFault(line, column, message))

    def raise_faults(self) -> None:
        """Raise what was noted so far, in the order of lines and columns.

        Raises
        ------
        TableError
            There is at least one fault.
        """
        if self._faults:
            raise TableError(self.name, self.faults)

    @property
    def faults(self) -> list[TableFault]:
        """What was noted so far, in the order of lines and columns."""
        places = {column: place for place, column in enumerate(self.columns)}
        return sorted(
            self._faults, key=lambda fault: (fault.line, places.get(fault.column or "", -1))
        )

    def raise_rows(self, stored_count: int) -> None:
        """Name the rows that were refused, after the others were stored.

        Raises
        ------
        RowsError
            There is at least one.
        """
        if self._faults:
            raise RowsError(self.name, self.faults, stored_count)

    def __enter__(self) -> Self:
        self._within = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._within = False
        if kind is None and self._all_or_none:
            self.raise_faults()


@frozen(kw_only=True)
class TextTable:
    """A table from no file: its name in messages, its columns, and its cells as a CSV has them."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)


def read_table(
    path: Path | TextTable,
    *,
    required_columns: Sequence[str],
    optional: Sequence[str] = (),
    advice: Mapping[str, str] | None = None,
    may_have_no_rows: bool = False,
    all_or_none: bool = True,
) -> Table:
    """Read a CSV file with a header, in UTF-8, separated by commas.

    Parameters
    ----------
    path
        The file (a byte order mark is allowed), or a table that comes from none.
    required, optional
        Columns that it must and may have, in any order; there may be no others.
    advice
        By name, columns that are often given and do not belong here: what to do instead.
    may_have_no_rows
        Whether a header alone is a table: nothing may have happened, but something was measured.
    all_or_none
        Whether one bad row refuses the table.

    Returns
    -------
    Table
        Lines with too many or too few values are noted in it as faults.

    Raises
    ------
    InputError
        The file cannot be opened.
    TableError
        It is empty, is not CSV text, or its header is not as it must be: no row can be read then.
    """
    records = list(
        _read_records(path.name, read_csv_text(path))
        if isinstance(path, Path)
        else _read_lines(path)
    )
    if not records:
        refuse_line(
            path.name, 1, f"the file is empty: its first line must be {','.join(required_columns)}"
        )
    header, *body = records
    columns = _check_columns(path.name, header, required_columns, optional, advice or {})
    if not body and not may_have_no_rows:
        refuse_line(
            path.name, header.line + 1, "there are no rows under the header: add at least one"
        )
    table = Table(path.name, columns, rows=[], faults=[], all_or_none=all_or_none)
    for record in body:
        fault = _explain_ragged(record.values, len(columns))
        if fault:
            table.add_fault(record.line, None, fault)
        else:
            cells = dict(zip(columns, record.values, strict=True))
            table._rows.append(Row(record.line, cells, table._faults))
    return table


@frozen
class _Record:
    line: int
    values: list[str]


def _read_records(name: str, text: str) -> Iterator[_Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for values in reader:
            if values:  # a blank line gives no value at all
                yield _Record(line, [value.strip() for value in values])
            line = reader.line_num + 1
    except csv.Error as error:
        refuse_line(
            name, line, f"this is not CSV ({error}): check the quotation marks of this line"
        )


def _read_lines(table: TextTable) -> Iterator[_Record]:
    for line, values in enumerate((table.columns, *table.rows), start=1):
        yield _Record(line, [value.strip() for value in values])


def _check_columns(
    name: str,
    header: _Record,
    required_columns: Sequence[str],
    optional: Sequence[str],
    advice: Mapping[str, str],
) -> tuple[str, ...]:
    columns, known_columns = header.values, [*required_columns, *optional]
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(columns) == 1 and separator in columns[0]:
            refuse_line(name, header.line, f"values are separated by {word}: save it with commas")
    faults = []
    for place, column in enumerate(columns, start=1):
        message = None
        if not column:
            message = f"column {place} has no name: name it or remove it"
        elif column.lower() in advice:
            message = advice[column.lower()]
        elif column not in known_columns:
            message = (
                "this column is unknown: remove it or rename it; "
                f"known are {', '.join(known_columns)}{_did_you_mean(column, known_columns)}"
            )
        elif column in columns[: place - 1]:
            message = "this column is duplicated: keep one"
        if message:
            faults.append(TableFault(header.line, column or None, message))
    faults += [
        TableFault(header.line, column, "this column is missing: add it")
        for column in required_columns
        if column not in columns
    ]
    if faults:
        raise TableError(name, faults)
    return tuple(columns)


def _explain_ragged(values: Sequence[str], columns: int) -> str | None:
    if not any(values):
        return "the line holds no value: remove it"
    if len(values) == columns:
        return None
    message = (
        f"the line has {format_count(len(values), 'value')}, the header "
        f"{format_count(columns, 'column')}"
    )
    numbers = [re.fullmatch(r"[0-9]+", value) is not None for value in values]
    if len(values) > columns and any(a and b for a, b in itertools.pairwise(numbers)):
        return f"{message}: if a number has a decimal comma, write a point (12.5, not 12,5)"
    return f"{message}: give each column one value, and quote a text that holds a comma"


def _did_you_mean(word: str, known_words: Sequence[str]) -> str:
    by_lower = {name.lower(): name for name in known_words}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.75) if word else []
    return f" (did you mean {by_lower[close[0]]}?)" if close else ""
