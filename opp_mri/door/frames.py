"""Between frames of pandas and the tables of opp_mri."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import pandas as pd

from opp_mri.cohort.export.columns import ExportTable
from opp_mri.domain.columns.column import Kind
from opp_mri.errors import TableError, TableFault
from opp_mri.tables.csv_table import TextTable

MOST_DECIMALS: Final = 6  # of a floating-point number: more than any measurement has
_DTYPES: Final = {
    Kind.INTEGER: "Int64",
    Kind.DECIMAL: "Float64",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "datetime64[ns]",
}


def write_text_table(frame: pd.DataFrame, name: str, columns: Sequence[str]) -> TextTable:
    """Write the cells of a frame as a CSV file would have them; other columns play no part.

    Parameters
    ----------
    frame : pandas.DataFrame
        Lengths may be numbers, `Decimal` or text.
    name : str
        What messages call the table. They count lines as in ``frame.to_csv()``: the header is
        line 1.
    columns : sequence of str
        The columns that are read.

    Raises
    ------
    TableError
        A floating-point number has more decimals than a measurement: it was computed, and would
        miss a threshold that it represents.
    """
    known_columns = [column for column in frame.columns if column in columns]
    faults: list[TableFault] = []
    rows = []
    for line, values in enumerate(frame[known_columns].itertuples(index=False, name=None), start=2):
        cells = []
        for column, value in zip(known_columns, values, strict=True):
            text = _write_text(value)
            if isinstance(value, float) and len(text.partition(".")[2]) > MOST_DECIMALS:
                message = f"{text} was computed: round it to the digits that were measured"
                faults.append(TableFault(line, column, message))
            cells.append(text)
        rows.append(tuple(cells))
    if faults:
        raise TableError(name, faults)
    return TextTable(name=name, columns=tuple(known_columns), rows=tuple(rows))


def _write_text(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float):  # numpy's too
        if value != value:  # NaN
            return ""
        return f"{value:.0f}" if value.is_integer() else repr(float(value))
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def build_frame(table: ExportTable) -> pd.DataFrame:
    """Return a table as a frame: whole numbers, lengths in mm as numbers, true and false, dates."""
    return pd.DataFrame(
        {
            column.name: pd.Series(
                [float(v) if isinstance(v, Decimal) else v for v in values],
                dtype=_DTYPES.get(column.kind),
            )
            for column, values in zip(table.columns, table.data, strict=True)
        }
    )


def build_frame_of_records(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return records as a frame: single values as they are, lists of texts joined, the rest not."""
    return pd.DataFrame([flatten_record(record) for record in records])


def flatten_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a record that fit into a row of a table."""
    row: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            row[name] = " ".join(value) if name == "sentences" else "; ".join(value)
        elif not isinstance(value, list | dict):
            row[name] = value
    return row
