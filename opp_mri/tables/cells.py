"""Read the cell of a row as its column declares it."""

import re
from decimal import Decimal
from typing import Any, Final

from opp_mri.domain.columns.column import SEVERAL, Column, Kind, Value
from opp_mri.tables.cell_faults import quote_cell
from opp_mri.tables.csv_table import Row

NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_BOOLEANS: Final = {"yes": True, "no": False, "true": True, "false": False}


def read_cell(row: Row, column: Column[Any], *, must_be_filled: bool = False) -> Value:
    """Read a cell as its column declares it.

    Parameters
    ----------
    must_be_filled
        Whether an empty cell is a fault.

    Returns
    -------
    Value
        None where the cell is empty or cannot be read; the latter is noted as a fault of the row.
        Codes are given as declared, whichever their case; several are joined by semicolons in the
        order of the declaration.
    """
    cell = row.get(column.name)
    if cell and must_be_filled and column.kind is Kind.TEXT:
        return row.read_text(column.name)
    if not cell:
        if must_be_filled:
            row.add_fault(column.name, f"is empty: write {column.how_to_write}")
        return None
    if column.kind is Kind.DATE:
        return row.read_date(column.name, may_be_future=column.may_be_future)
    if column.kind in (Kind.INTEGER, Kind.DECIMAL):
        return _number(row, column, cell)
    if column.kind in (Kind.CODE, Kind.CODES):
        return _list_codes(row, column, cell)
    if column.kind is Kind.BOOLEAN:
        if cell.lower() not in _BOOLEANS:
            row.add_fault(
                column.name, f"{quote_cell(cell)} is unknown: write {column.how_to_write}"
            )
        return _BOOLEANS.get(cell.lower())
    return row.read_free_text(column.name) or None


def read_values(row: Row, columns: tuple[Column[Any], ...]) -> dict[str, Value]:
    """Read the cells of some columns, none of which must be filled."""
    return {column.name: read_cell(row, column) for column in columns}


def _number(row: Row, column: Column[Any], cell: str) -> int | Decimal | None:
    if column.kind is Kind.INTEGER:
        minimum, maximum = (
            None if bound is None else int(bound) for bound in (column.minimum, column.maximum)
        )
        return row.read_whole_number(column.name, minimum=minimum, maximum=maximum)
    if not NUMBER.fullmatch(cell):
        row.add_fault(
            column.name, f"{quote_cell(cell)} is not a number: write {column.how_to_write}"
        )
        return None
    number = Decimal(cell)
    if column.minimum is not None and number < column.minimum:
        row.add_fault(column.name, f"{cell} is too small: write {column.how_to_write}")
        return None
    if column.maximum is not None and number > column.maximum:
        row.add_fault(column.name, f"{cell} is too large: write {column.how_to_write}")
        return None
    return number


def _list_codes(row: Row, column: Column[Any], cell: str) -> str | None:
    by_lower = {code.lower(): code for code in column.allowed}
    names = [cell]
    if column.kind is Kind.CODES:
        names = [name.strip() for name in cell.split(SEVERAL) if name.strip()]
    if unknown := [name for name in names if name.lower() not in by_lower]:
        row.add_fault(
            column.name, f"{quote_cell(unknown[0])} is unknown: write {column.how_to_write}"
        )
        return None
    codes = {by_lower[name.lower()] for name in names}
    return SEVERAL.join(code for code in column.allowed if code in codes)
