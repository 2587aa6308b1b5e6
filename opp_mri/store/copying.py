"""Copy a store into another, whatever database either is in: equal, the chain included."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, text

from opp_mri.errors import ProjectError
from opp_mri.store import schema
from opp_mri.store.appending import build_chain_row, read_chain_record
from opp_mri.store.checksums import add_checksum
from opp_mri.store.sql import SqlStore

BATCH: Final = 1000
COPIED: Final = (
    schema.file, schema.instance, schema.stale_patient, schema.described_with, schema.volume,
    schema.frame, schema.place,
)  # fmt: skip


def copy_store(source: SqlStore, target: SqlStore) -> None:
    """Copy all of a store into an empty one, all or nothing, and verify the copy.

    Raises
    ------
    ProjectError
        The target is not empty, or the copy is not equal.
    """
    with source.begin_reading() as old, target.lock() as new:
        if target.get_head().sequence_number or new.scalar(
            select(func.count(schema.file.c.file_id))
        ):
            raise ProjectError("The project to copy into is not empty: name a new one.")
        for table in COPIED:
            for rows in _split_into_batches(old, select(table)):
                values = [dict(row._mapping) for row in rows]
                if table is schema.file:
                    values = [_move_row(row, source, target) for row in values]
                new.execute(insert(table), values)
        order = schema.record.c.sequence_number
        for rows in _split_into_batches(old, select(schema.record).order_by(order)):
            new.execute(
                insert(schema.record), [build_chain_row(read_chain_record(row)) for row in rows]
            )
        if new.dialect.name == "postgresql":  # the numbers were given, not drawn
            new.execute(
                text(
                    "SELECT setval(pg_get_serial_sequence('file', 'file_id'), "
                    "(SELECT coalesce(max(file_id), 0) + 1 FROM file), false)"
                )
            )
        if source.get_head() != target.get_head():
            raise ProjectError(
                "The copy differs: the records of the source do not end at the head of its chain. "
                "Run `opp-mri audit verify` on it."
            )


def _move_row(row: dict[str, Any], source: SqlStore, target: SqlStore) -> dict[str, Any]:
    """Return a file's row under its path as the target's folder sees it."""
    path = target._convert_path_inward(source._convert_path_outward(row["path"]))
    return add_checksum("file", row | {"path": path})


def _split_into_batches(connection: Connection, query: Any) -> Iterator[list[Row[Any]]]:
    result = connection.execute(query, execution_options={"yield_per": BATCH})
    for rows in result.partitions(BATCH):
        yield list(rows)
