"""The log of a study in SQL."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import insert, select

from opp_mri.domain.study import StudyRecord
from opp_mri.store import schema
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.transactions import Transactions

Kind = TypeVar("Kind", bound=StudyRecord)


class SqlStudy(Transactions):
    """What a study decided: protocol, packages, resolutions, unblinding."""

    def add_to_log(self, records: Sequence[StudyRecord]) -> None:
        """Append records, all or none."""
        rows = [{"kind": type(one).__name__, "record": to_json(one)} for one in records]
        if rows:
            with self.writing_transaction() as connection:
                connection.execute(insert(schema.study_log), rows)

    def log_of(self, kind: type[Kind]) -> Sequence[Kind]:
        """Give the records of one kind in the order in which they were appended."""
        table = schema.study_log
        query = select(table.c.record).where(table.c.kind == kind.__name__)
        with self.reading_transaction() as connection:
            found = connection.scalars(query.order_by(table.c.sequence_number))
            return [from_json(record, kind) for record in found]
