"""Signatures, AP axes, common points and places in SQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.sqlite import insert as insert_or

from opp_mri.domain.measurement import ApAxis, CommonPoint, Place, Signature
from opp_mri.store import schema
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.transactions import Transactions


class SqlRoom(Transactions):
    """What the reading room keeps beside readings."""

    def add_signature(self, signature: Signature) -> None:
        """Record a signature."""
        with self.writing_transaction() as connection:
            connection.execute(insert(schema.signature), [signature_row(signature)])

    def signatures(self, lesion_id: str | None = None) -> Sequence[Signature]:
        """Give signatures in the order in which they were recorded."""
        table = schema.signature
        query = select(table.c.record).order_by(table.c.sequence_number)
        if lesion_id is not None:
            query = query.where(table.c.lesion_id == lesion_id)
        with self.reading_transaction() as connection:
            return [from_json(record, Signature) for record in connection.scalars(query)]

    def add_ap_axis(self, axis: ApAxis) -> None:
        """Record an AP axis."""
        with self.writing_transaction() as connection:
            connection.execute(
                insert(schema.ap_axis).values(lesion_id=axis.lesion_id, record=to_json(axis))
            )

    def ap_axes(self, lesion_id: str) -> Sequence[ApAxis]:
        """Give a lesion's AP axes in the order in which they were recorded."""
        table = schema.ap_axis
        query = select(table.c.record).order_by(table.c.ap_axis_id)
        with self.reading_transaction() as connection:
            found = connection.scalars(query.where(table.c.lesion_id == lesion_id))
            return [from_json(record, ApAxis) for record in found]

    def add_common_point(self, point: CommonPoint) -> None:
        """Record a common point."""
        with self.writing_transaction() as connection:
            connection.execute(
                insert(schema.common_point).values(
                    patient_id=point.patient_id, record=to_json(point)
                )
            )

    def common_points(self, patient_id: str) -> Sequence[CommonPoint]:
        """Give a patient's common points in the order in which they were recorded."""
        table = schema.common_point
        query = select(table.c.record).order_by(table.c.common_point_id)
        with self.reading_transaction() as connection:
            found = connection.scalars(query.where(table.c.patient_id == patient_id))
            return [from_json(record, CommonPoint) for record in found]

    def keep_place(self, place: Place) -> None:
        """Keep where a reader is, in place of where the reader was."""
        row = {"reader": place.reader, "record": to_json(place)}
        with self.writing_transaction() as connection:
            statement = insert_or(schema.place).values(row)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["reader"], set_={"record": row["record"]}
                )
            )

    def place(self, reader: str) -> Place | None:
        """Give where a reader left off."""
        table = schema.place
        with self.reading_transaction() as connection:
            record = connection.execute(
                select(table.c.record).where(table.c.reader == reader)
            ).scalar_one_or_none()
        return None if record is None else from_json(record, Place)


def signature_row(signature: Signature) -> Mapping[str, Any]:
    """Give a signature as its table takes it."""
    return {
        "signature_id": signature.signature_id,
        "lesion_id": signature.lesion_id,
        "record": to_json(signature),
    }
