"""Append records to the chain, and read them back: each is held against its hash."""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

from attrs import frozen
from sqlalchemy import (
    ARRAY,
    BindParameter,
    Connection,
    CursorResult,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
)

from opp_mri.domain.contour import VolumeReading, find_volume_reading_faults
from opp_mri.domain.measurement import Reading
from opp_mri.domain.reading_checks import find_reading_faults
from opp_mri.errors import InputError
from opp_mri.store import schema
from opp_mri.store.causes import SENTENCES, UNFIT
from opp_mri.store.chain import ChainRecord, Head, record_hash
from opp_mri.store.kinds import KINDS, get_field_text
from opp_mri.store.protocol import Damage
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.transactions import Transactions, split_into_parts

T = TypeVar("T")
table: Final = schema.record
log = logging.getLogger("opp_mri.store")

SUBJECT: Final = "wanted_subject"
HIDDEN_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it
KIND_WORDS: Final = {"Reading": "a reading", "Signature": "a signature", "Lesion": "a lesion"}


@frozen
class Draft:
    """A record that is to be appended.

    Parameters
    ----------
    record
        The record.
    recorded_at
        When it was stated; None where the record itself says.
    """

    record: Any
    recorded_at: datetime | None = None


class SqlChain(Transactions):
    """The append-only half of a store: one table, one chain."""

    def get_head(self) -> Head:
        """Return the head of the chain."""
        with self.begin_reading() as connection:
            return read_head(connection)

    def read_chain(self, after: int | None = None) -> Iterator[ChainRecord]:
        """Yield all records, or those after one, as the database holds them, by their number."""
        with self.begin_reading() as connection:
            query = select_records(connection, after=after)
            for row in connection.execute(query, execution_options={"yield_per": 1000}):
                yield read_chain_record(row)

    def notice_missing_records(self) -> None:
        """Name it where the number of records differs from the recorded one."""
        query = select(func.count(), func.max(table.c.sequence_number))
        with self.begin_reading() as connection:
            count, last = connection.execute(query).one()
            head = read_head(connection)
        if (count, last or 0) != (head.sequence_number, head.sequence_number):
            log.error(
                "Records of this project were deleted, or added by other means than opp_mri: run "
                "`opp-mri audit verify`, and restore a backup if there is no explanation."
            )

    def list_damages(self, subject: str | None = None) -> Sequence[Damage]:
        """Return the damaged records that were met so far, about one lesion or patient, or all."""
        return [
            damage
            for _, damage in sorted(self._damages.items())
            if subject is None or damage.subject == subject
        ]

    def _append(self, drafts: Sequence[Draft]) -> None:
        """Append records, all or none; one whose key is there already is left."""
        if not drafts:
            return
        with self.begin_writing() as connection:
            known_keys = _find_known_keys(connection, [draft.record for draft in drafts])
            head = read_head(connection)
            written_at = self._read_clock(connection).isoformat()
            account = self._get_account(connection)
            rows: list[dict[str, Any]] = []
            for draft in drafts:
                identity = _get_identity(draft.record)
                if identity[1] and identity in known_keys:
                    continue
                known_keys.add(identity)
                row = _build_row(draft, head, written_at=written_at, account=account)
                head = Head(sequence_number=row["sequence_number"], hash=row["hash"])
                rows.append(row)
            if rows:
                connection.execute(insert(table), rows)

    def _read_records(self, kind: type[T], subject: str | None = None) -> list[T]:
        """Return the sound records of a kind, in order; a damaged one is named and left out."""
        with self.begin_reading() as connection:
            rows = fetch_records(connection, kind, subject)
            records = [self._restore(read_chain_record(row), kind) for row in rows]
        return [record for record in records if record is not None]

    def _restore(self, row: ChainRecord, kind: type[T]) -> T | None:
        fault = "its content differs from what was recorded"
        if row.is_intact:
            try:
                record = from_json(row.body, kind)
            except Exception as error:  # whatever its content: one record never stops the others
                fault = f"its content cannot be read ({type(error).__name__})"
            else:
                fault = _find_contradiction(record, row)
                if not fault:
                    return record
        self._name_damage(row, fault)
        return None

    def _name_damage(self, row: ChainRecord, fault: str) -> None:
        if row.sequence_number in self._damages:
            return
        kind = KIND_WORDS.get(row.kind, f"of kind {row.kind}")
        message = (
            f"Record {row.sequence_number}, {kind}, is damaged: {fault}. It is left out. "
            "Run `opp-mri audit verify`, and restore a backup if it cannot be explained."
        )
        self._damages[row.sequence_number] = Damage(
            sequence_number=row.sequence_number, kind=row.kind, subject=row.subject,
            message=message,
        )  # fmt: skip
        log.error("%s", message)

    def _read_clock(self, connection: Connection) -> datetime:  # noqa: ARG002
        return datetime.now(UTC)

    def _get_account(self, connection: Connection) -> str:  # noqa: ARG002
        return ""


def select_records(
    connection: Connection, kind: type[Any] | None = None, *, subject: str | None = None,
    keys: Sequence[str] | None = None, after: int | None = None,
) -> Select[Any]:  # fmt: skip
    """Return the query of all records in order, or of those of a kind, a subject, some keys.

    PostgreSQL gives them by a function, which returns those that the account may see.

    Parameters
    ----------
    after
        Only those with a higher number.
    """
    name = None if kind is None else kind.__name__
    return _build_query(connection.dialect.name, name, subject=subject, keys=keys, after=after)


def fetch_records(
    connection: Connection, kind: type[Any], subject: str | None
) -> CursorResult[Any]:
    """Return the rows of a kind in order, of one subject or all."""
    query = _prepare_query(connection.dialect.name, kind.__name__, of_subject=subject is not None)
    return connection.execute(query, {} if subject is None else {SUBJECT: subject})


@lru_cache(maxsize=128)
def _prepare_query(dialect: str, name: str, *, of_subject: bool) -> Select[Any]:
    """Return the query of a kind, of the subject that is given when it is executed, or of all.

    To build it takes as long as to execute it.
    """
    return _build_query(
        dialect, name, subject=bindparam(SUBJECT, type_=Text) if of_subject else None
    )


def _build_query(
    dialect: str, name: str | None, *, subject: str | BindParameter[str] | None = None,
    keys: Sequence[str] | None = None, after: int | None = None,
) -> Select[Any]:  # fmt: skip
    if dialect == "postgresql":
        rows = _call("opp_mri_records", table, cast(name, Text), cast(subject, Text),
                     cast(keys, ARRAY(Text)), cast(after, Integer))  # fmt: skip
        return select(rows).order_by(rows.c.sequence_number)
    query = select(table).order_by(table.c.sequence_number)
    if name is not None:
        query = query.where(table.c.kind == name)
    if subject is not None:
        query = query.where(table.c.subject == subject)
    if keys is not None:
        query = query.where(table.c.key.in_(keys))
    if after is not None:
        query = query.where(table.c.sequence_number > after)
    return query


def _call(function: str, result_table: Table, *arguments: Any) -> FromClause:
    """Return a call of a function of the database that gives rows of a table."""
    columns = [literal_column(c.name, c.type) for c in result_table.columns]
    rows: FromClause = getattr(func, function)(*arguments).table_valued(
        *columns, name=result_table.name
    )
    return rows


def read_head(connection: Connection) -> Head:
    """Return the head of the chain inside a transaction; of none where it is not to be seen."""
    head: FromClause = schema.chain_head
    if connection.dialect.name == "postgresql":
        head = _call("opp_mri_head", schema.chain_head)
    row = connection.execute(select(head.c.sequence_number, head.c.hash)).one_or_none()
    return Head() if row is None else Head(sequence_number=row.sequence_number, hash=row.hash)


def read_chain_record(row: Sequence[Any]) -> ChainRecord:
    """Return a row of the whole table as a record.

    What is not text there becomes text, and breaks the hash.
    """
    # names of columns are looked up slowly, and this is done for every record that is read
    (number, kind, key, subject, reader, account, recorded_at, written_at, body, previous_hash,
     digest) = row  # fmt: skip
    return ChainRecord(
        sequence_number=number if isinstance(number, int) else -1,
        kind=str(kind), key="" if key is None else str(key), subject=str(subject),
        reader=str(reader), account=str(account), recorded_at=str(recorded_at),
        written_at=str(written_at), body=str(body), previous_hash=str(previous_hash),
        hash=str(digest),
    )  # fmt: skip


def build_chain_row(record: ChainRecord) -> dict[str, Any]:
    """Return a record as the table takes it."""
    return {
        "sequence_number": record.sequence_number, "kind": record.kind,
        "key": record.key or None, "subject": record.subject, "reader": record.reader,
        "account": record.account, "recorded_at": record.recorded_at,
        "written_at": record.written_at, "body": record.body,
        "previous_hash": record.previous_hash, "hash": record.hash,
    }  # fmt: skip


def check_readings(readings: Iterable[Reading | VolumeReading]) -> None:
    """Refuse readings, of lengths and of volumes, that contradict themselves.

    Raises
    ------
    InputError
        The text says how.
    """
    for reading in readings:
        faults = _find_faults(reading)
        if faults:
            raise InputError(f"{faults[0]} Nothing was recorded.")


def _find_faults(record: Any) -> list[str]:
    """Return what contradicts itself in a reading of a length or a volume; none in any other."""
    if isinstance(record, Reading):
        return find_reading_faults(record)
    return find_volume_reading_faults(record) if isinstance(record, VolumeReading) else []


def _get_identity(record: Any) -> tuple[str, str]:
    kind = type(record)
    return kind.__name__, get_field_text(record, KINDS[kind].key)


def _find_known_keys(connection: Connection, records: Sequence[Any]) -> set[tuple[str, str]]:
    keys: dict[type[Any], list[str]] = {}
    for record in records:
        _, key = _get_identity(record)
        if key:
            keys.setdefault(type(record), []).append(key)
    known_keys: set[tuple[str, str]] = set()
    for kind, values in keys.items():
        for part in split_into_parts(values):
            rows = connection.execute(select_records(connection, kind, keys=part))
            known_keys |= {(row.kind, row.key) for row in rows}
    return known_keys


def _build_row(draft: Draft, head: Head, *, written_at: str, account: str) -> dict[str, Any]:
    record = draft.record
    kind = KINDS[type(record)]
    stated_at = draft.recorded_at or getattr(record, "recorded_at", None)
    content: dict[str, Any] = {
        "sequence_number": head.sequence_number + 1,
        "kind": type(record).__name__,
        "key": get_field_text(record, kind.key),
        "subject": get_field_text(record, kind.subject),
        "reader": get_field_text(record, kind.reader),
        "account": account,
        "recorded_at": stated_at.isoformat() if stated_at else written_at,
        "written_at": written_at,
        "body": to_json(record),
        "previous_hash": head.hash,
    }
    if any("\0" in str(value) for value in content.values()) or HIDDEN_NUL.search(content["body"]):
        raise InputError(SENTENCES[UNFIT])  # SQLite keeps it, and then PostgreSQL shows no record
    return {**content, "key": content["key"] or None, "hash": record_hash(**content)}


def _find_contradiction(record: Any, row: ChainRecord) -> str:
    """State where a record contradicts its row or itself; "" where it does not."""
    kind = KINDS[type(record)]
    for name, column in (
        (kind.key, row.key), (kind.subject, row.subject), (kind.reader, row.reader),
    ):  # fmt: skip
        if get_field_text(record, name) != column:
            return f"its {name} differs from that of its row"
    faults = _find_faults(record)
    return faults[0].rstrip(".") if faults else ""
