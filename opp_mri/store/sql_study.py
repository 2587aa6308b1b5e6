"""The log of a study in SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table, select
from sqlalchemy.dialects.sqlite import insert as insert_or

from opp_mri.domain.measurement import Reading, Signature
from opp_mri.domain.reader_study import StudyRecord
from opp_mri.store import schema
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.sql_records import reading_row
from opp_mri.store.sql_room import signature_row
from opp_mri.store.transactions import Transactions

Kind = TypeVar("Kind", bound=StudyRecord)


class SqlStudy(Transactions):
    """What a study decided: protocol, packages, resolutions, unblinding."""

    def add_to_log(
        self, records: Sequence[StudyRecord], readings: Sequence[Reading] = (),
        signatures: Sequence[Signature] = (),
    ) -> None:  # fmt: skip
        """Append records with the readings and signatures that belong to them, all or none."""
        written: list[tuple[Table, Sequence[Mapping[str, Any]]]] = [
            (schema.reading, [reading_row(one) for one in readings]),
            (schema.signature, [signature_row(one) for one in signatures]),
            (schema.study_log, [{"kind": type(one).__name__, "record": to_json(one)}
                                for one in records]),
        ]  # fmt: skip
        if any(rows for _, rows in written):
            with self.writing_transaction() as connection:
                for table, rows in written:
                    if rows:
                        connection.execute(insert_or(table).on_conflict_do_nothing(), rows)

    def log_of(self, kind: type[Kind]) -> Sequence[Kind]:
        """Give the records of one kind in the order in which they were appended."""
        table = schema.study_log
        query = select(table.c.record).where(table.c.kind == kind.__name__)
        with self.reading_transaction() as connection:
            found = connection.scalars(query.order_by(table.c.sequence_number))
            return [from_json(record, kind) for record in found]
