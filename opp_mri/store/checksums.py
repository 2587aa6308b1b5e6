"""A checksum for each row of the catalogue, so that a damaged one is noticed and made again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Table, select

CHECKED: Final[Mapping[str, tuple[str, ...]]] = {
    "file": (
        "path", "member", "size_bytes", "modified_ns", "status", "detail", "series_instance_uid",
        "sop_instance_uid",
    ),
    "instance": (
        "series_instance_uid", "sop_instance_uid", "study_instance_uid", "patient_id", "likeness",
        "pixel_hash", "header",
    ),
    "volume": ("volume_id", "patient_id", "study_instance_uid", "description"),
}  # fmt: skip
"""Table and the columns that its checksum covers."""
_VALUES: Final = {table: itemgetter(*names) for table, names in CHECKED.items()}


_AT_ONCE: Final = 1000  # rows that are fetched together


def compute_row_checksum(values: Iterable[Any]) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of a row's values."""
    parts = ["-" if value is None else str(value) for value in values]
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def add_checksum(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its checksum."""
    return row | {"checksum": compute_row_checksum(_VALUES[table](row))}


def read_rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table: the columns that its checksum covers, then the checksum itself."""
    columns = [*(table.c[name] for name in CHECKED[table.name]), table.c.checksum]
    options = {"yield_per": _AT_ONCE}
    for part in connection.execute(select(*columns), execution_options=options).partitions():
        yield from map(tuple, part)


def is_sound_row(values: Sequence[Any]) -> bool:
    """Return whether a row of `read_rows` is what was written."""
    return bool(values[-1] == compute_row_checksum(values[:-1]))


def is_sound(table: str, row: Mapping[Any, Any]) -> bool:
    """Return whether a row is what was written."""
    return bool(row["checksum"] == compute_row_checksum(_VALUES[table](row)))
