"""Tables of a cohort as CSV: as they are read, and every number by its key."""

from collections.abc import Sequence
from typing import Final

from opp_mri.cohort.export.csv_text import guard_text, write_csv_rows
from opp_mri.cohort.tables.tables import Table

NUMBERS: Final = "numbers.csv"
COLUMNS: Final = ("table", "key", "name", "value")


def render_table_files(tables: Sequence[Table]) -> dict[str, bytes]:
    """Return each table as a file, named by its title, and all their numbers in one.

    A number has the key of its cell and a name, such as `n` or `percent`; it is not rounded, and
    empty where it was withheld or cannot be obtained.
    """
    files = {
        f"{_name_file(table.title)}.csv": write_csv_rows(
            table.columns, [[guard_text(text) for text in row] for row in table.text_rows]
        )
        for table in tables
    }
    numbers = [
        [guard_text(table.title), guard_text(str(lesion["key"])), name, _write_value(value)]
        for table in tables
        for lesion in table.records
        for name, value in lesion.items()
        if name != "key"
    ]
    return {**files, NUMBERS: write_csv_rows(COLUMNS, numbers)}


def _name_file(title: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def _write_value(value: object) -> str:
    if isinstance(value, str):
        return guard_text(value)
    return "" if value is None else str(value)  # a number: a minus makes no formula of it
