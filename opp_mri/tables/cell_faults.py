"""Why a cell of a table cannot be what it is meant to be, in words."""

import re
from datetime import date
from decimal import Decimal
from typing import Final

from opp_mri.domain.columns.timeline import LONGEST_MM

_PLAIN_NUMBER: Final = re.compile(r"\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
NOT_GIVEN: Final = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "?", ".", "#n/a"})
EARLIEST_YEAR: Final = 1950
LATEST_PLANNED_YEAR: Final = 2100
_MOST_DECIMALS: Final = 20  # with LONGEST_MM, a difference of two lengths stays exact in 28 digits


def explain_no_length(cell: str) -> str | None:
    """Explain why a cell is not a length in mm; None where it is one."""
    if _PLAIN_NUMBER.fullmatch(cell):
        if len(cell.partition(".")[2]) > _MOST_DECIMALS:
            return f"has more than {_MOST_DECIMALS} decimals: write fewer"
        if Decimal(cell) >= LONGEST_MM:
            return f"{quote_cell(cell)} mm is longer than any lesion: check the unit, which is mm"
        return None
    if cell.lower() in NOT_GIVEN:
        return (
            "the length is missing: write it in mm, or remove the line; "
            "0.0 says that the abnormality is gone"
        )
    if re.fullmatch(r"[+-]?[0-9]*,[0-9]+", cell):
        return f"{quote_cell(cell)} has a decimal comma: write {cell.replace(',', '.')}"
    if re.fullmatch(r"[-\u2212][0-9.]+", cell):
        return f"{quote_cell(cell)} is negative: a length in mm is 0 or more"
    if re.fullmatch(r"[0-9.]+ *[a-zA-Z]+", cell):
        return f"{quote_cell(cell)} has a unit: write the number alone, in mm"
    return f"{quote_cell(cell)} is not a length: write a plain number in mm, such as 12.5"


def explain_no_day(cell: str, *, may_be_future: bool) -> str | None:
    """Explain why a cell of the form 2018-01-31 is not an acceptable day; None where it is."""
    try:
        day = date.fromisoformat(cell)
    except ValueError:
        return f"{cell} is not in the calendar: check the month and the day"
    latest = date(LATEST_PLANNED_YEAR, 12, 31) if may_be_future else date.today()
    if day.year < EARLIEST_YEAR or day > latest:
        until = latest.year if may_be_future else "today"
        return (
            f"{cell} is outside {EARLIEST_YEAR} to {until}: correct it, or leave the cell empty "
            "where the date is unknown"
        )
    return None


def quote_cell(cell: str) -> str:
    """Quote a cell, shortened, for a message."""
    return f"“{cell if len(cell) <= 24 else cell[:23] + '…'}”"
