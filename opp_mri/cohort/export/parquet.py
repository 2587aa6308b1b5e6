"""Tables as Parquet: typed, with the data dictionary inside the schema.

A Parquet column of decimals has one number of decimals for all its rows: the most that were
recorded. A length of 17.3 next to one of 17.25 reads back as 17.30, which is the same number; the
digits as they were written are in the CSV.
"""

import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from opp_mri.cohort.export.columns import ExportTable
from opp_mri.cohort.export.dictionary import DICTIONARY_COLUMNS, Entry
from opp_mri.cohort.export.recorded import count_decimals
from opp_mri.domain.columns.column import Column, Kind, Value, write_value
from opp_mri.errors import InputError

_DIGITS_BEFORE_POINT: Final = 10
_MOST_DECIMALS: Final = 28  # decimal128 holds 38 digits


def write_parquet(table: ExportTable, notes: Mapping[str, str]) -> bytes:
    """Write a table; the same table and notes give the same bytes with one version of pyarrow.

    Parameters
    ----------
    notes
        What the schema says of the whole table, by key.

    Raises
    ------
    InputError
        A number has more decimals than Parquet takes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields, arrays = [], []
    for column, values in zip(table.columns, table.data, strict=True):
        kind = _choose_arrow_type(column, values)
        arrays.append(_build_array(column, values, kind))
        fields.append(
            pa.field(column.name, kind, nullable=not column.required,
                     metadata=_build_metadata(table, column))
        )  # fmt: skip
    schema = pa.schema(
        fields, metadata={"title": table.title, "description": table.description, **notes}
    )
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    return sink.getvalue()


def _build_metadata(table: ExportTable, column: Column[Any]) -> dict[str, str]:
    entry = Entry(table, column)
    metadata = {column.name: write_value(column.of(entry)) for column in DICTIONARY_COLUMNS}
    metadata["allowed"] = json.dumps(dict(column.allowed), ensure_ascii=False)
    return metadata


def _choose_arrow_type(column: Column[Any], values: Sequence[Value]) -> Any:
    import pyarrow as pa

    if column.kind is Kind.DECIMAL:
        scale = max(
            (count_decimals(value) for value in values if isinstance(value, Decimal)), default=1
        )
        if scale > _MOST_DECIMALS:
            raise InputError(
                f"A value of {column.name} has {scale} decimals, and Parquet takes "
                f"{_MOST_DECIMALS}: correct it, or export without Parquet."
            )
        return pa.decimal128(scale + _DIGITS_BEFORE_POINT, scale)
    return {
        Kind.TEXT: pa.string(),
        Kind.CODE: pa.dictionary(pa.int8(), pa.string()),
        Kind.CODES: pa.string(),
        Kind.INTEGER: pa.int32(),
        Kind.DATE: pa.date32(),
        Kind.BOOLEAN: pa.bool_(),
    }[column.kind]


def _build_array(column: Column[Any], values: Sequence[Value], kind: Any) -> Any:
    import pyarrow as pa

    if column.kind is not Kind.CODE:
        return pa.array(values, type=kind)
    places = {code: place for place, code in enumerate(column.allowed)}
    indices = [None if value is None else places[str(value)] for value in values]
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, type=kind.index_type), pa.array(list(column.allowed), type=pa.string())
    )
