"""Overrides, links, lesions and readings in SQL: rows are only ever added."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, func, insert, select

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion, Reading
from opp_mri.store import schema
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.transactions import Transactions

NO_ROLE = "none"
BY_HEADER = "header"


class SqlRecords(Transactions):
    """The append-only half of a store."""

    def add_role_override(self, volume_id: str, role: SeriesRole | None, at: datetime) -> None:
        """Record the role that a reader gives to a volume, None for no role."""
        self._append(
            schema.role_override,
            [{"volume_id": volume_id, "role": role.value if role else NO_ROLE}],
            at,
        )

    def clear_role_override(self, volume_id: str, at: datetime) -> None:
        """Record that the headers decide again."""
        self._append(schema.role_override, [{"volume_id": volume_id, "role": BY_HEADER}], at)

    def role_overrides(self) -> Mapping[str, SeriesRole | None]:
        """Give the latest override of each volume that has one."""
        latest = {
            row.volume_id: row.role for row in self._rows(schema.role_override, "role_override_id")
        }
        return {
            volume_id: None if role == NO_ROLE else SeriesRole(role)
            for volume_id, role in latest.items()
            if role != BY_HEADER
        }

    def add_same_patient(self, pairs: Sequence[tuple[str, str]], at: datetime) -> None:
        """Record that the first PatientID of each pair is the same patient as the second."""
        rows = [{"patient_id": patient_id, "same_as": same_as} for patient_id, same_as in pairs]
        self._append(schema.same_patient, rows, at)

    def same_patient(self) -> Sequence[tuple[str, str]]:
        """Give all recorded pairs in the order in which they were recorded."""
        rows = self._rows(schema.same_patient, "same_patient_id")
        return [(row.patient_id, row.same_as) for row in rows]

    def add_lesions(self, lesions: Sequence[Lesion], at: datetime) -> None:
        """Record lesions, all or none; a lesion that is there gets a new revision."""
        rows = [{"lesion_id": lesion.lesion_id, "record": to_json(lesion)} for lesion in lesions]
        self._append(schema.lesion, rows, at)

    def lesions(self) -> Sequence[Lesion]:
        """Give the latest revision of each lesion, in the order of their first recording."""
        latest = {
            row.lesion_id: row.record for row in self._rows(schema.lesion, "lesion_revision_id")
        }
        return [from_json(record, Lesion) for record in latest.values()]

    def lesion(self, lesion_id: str) -> Lesion | None:
        """Give the latest revision of one lesion."""
        table = schema.lesion
        newest = select(func.max(table.c.lesion_revision_id)).where(table.c.lesion_id == lesion_id)
        with self.reading_transaction() as connection:
            record = connection.execute(
                select(table.c.record).where(table.c.lesion_revision_id == newest.scalar_subquery())
            ).scalar_one_or_none()
        return None if record is None else from_json(record, Lesion)

    def add_readings(self, readings: Sequence[Reading]) -> None:
        """Append readings, all or none."""
        if readings:
            with self.writing_transaction() as connection:
                connection.execute(insert(schema.reading), [reading_row(one) for one in readings])

    def readings(self, lesion_id: str | None = None) -> Sequence[Reading]:
        """Give readings in the order in which they were recorded."""
        table = schema.reading
        query = select(table.c.record).order_by(table.c.sequence_number)
        if lesion_id is not None:
            query = query.where(table.c.lesion_id == lesion_id)
        with self.reading_transaction() as connection:
            return [from_json(record, Reading) for record in connection.scalars(query)]

    def _append(self, table: Table, rows: Sequence[Mapping[str, Any]], at: datetime) -> None:
        if rows:
            with self.writing_transaction() as connection:
                connection.execute(
                    insert(table), [{**row, "recorded_at": at.isoformat()} for row in rows]
                )

    def _rows(self, table: Table, order: str) -> Iterator[Any]:
        with self.reading_transaction() as connection:
            yield from connection.execute(select(table).order_by(table.c[order]))


def reading_row(reading: Reading) -> Mapping[str, Any]:
    """Give a reading as its table takes it."""
    return {
        "reading_id": reading.reading_id,
        "lesion_id": reading.lesion_id,
        "reader": reading.reader,
        "record": to_json(reading),
        "recorded_at": reading.recorded_at.isoformat(),
    }
