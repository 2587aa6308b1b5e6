"""Volumes in SQL, and which frame belongs to which."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, delete, insert, select

from opp_mri.domain.imaging import Doubt, VolumeDescription
from opp_mri.store import schema
from opp_mri.store.checksums import add_checksum
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.transactions import Transactions, mark_stale, split_into_parts

volume, frame = schema.volume, schema.frame

OF_PATIENTS: Final = select(volume).where(volume.c.patient_id.in_(bindparam("ids", expanding=True)))
MOST_KEPT: Final = 256  # descriptions of the latest volumes, each of some 20 kB


class SqlVolumes(Transactions):
    """The part of a store that holds what was made of the instances."""

    def describe_with(self, words: str) -> None:
        """Set what volumes are described with from now on; if it is new, all become stale."""
        table = schema.described_with
        with self.begin_reading() as connection:
            if connection.scalars(select(table.c.words)).all() == [words]:
                return
        patient_ids = select(schema.instance.c.patient_id).distinct()
        with self.begin_writing() as connection:
            connection.execute(delete(table))
            connection.execute(insert(table).values(words=words))
            mark_stale(connection, connection.scalars(patient_ids).all())

    def replace_volumes(
        self, patient_ids: Sequence[str], volumes: Sequence[VolumeDescription]
    ) -> None:
        """Put the volumes of some patients in place of what was there, no longer stale."""
        with self.begin_writing() as connection:
            for part in split_into_parts(patient_ids):
                old = select(volume.c.volume_id).where(volume.c.patient_id.in_(part))
                connection.execute(delete(frame).where(frame.c.volume_id.in_(old)))
                connection.execute(delete(volume).where(volume.c.patient_id.in_(part)))
                stale = schema.stale_patient
                connection.execute(delete(stale).where(stale.c.patient_id.in_(part)))
            if not volumes:
                return
            for part in split_into_parts(v.volume_id for v in volumes):  # under a damaged PatientID
                connection.execute(delete(frame).where(frame.c.volume_id.in_(part)))
                connection.execute(delete(volume).where(volume.c.volume_id.in_(part)))
            connection.execute(insert(volume), [_build_volume_row(v) for v in volumes])
            connection.execute(
                insert(frame),
                [
                    {
                        "sop_instance_uid": reference.sop_instance_uid,
                        "frame_number": reference.frame_number,
                        "volume_id": v.volume_id,
                    }
                    for v in volumes
                    for reference in v.frames
                ],
            )

    def get_volumes(self, patient_ids: Iterable[str] | None = None) -> Sequence[VolumeDescription]:
        """Return the volumes of some or all patients, by patient, date, series and volume_id."""
        descriptions: list[VolumeDescription] = []
        with self.begin_reading() as connection:
            if patient_ids is None:
                descriptions += self._read_descriptions(connection, select(volume))
            else:
                for part in split_into_parts(patient_ids):
                    descriptions += self._read_descriptions(connection, OF_PATIENTS, ids=part)
        return sorted(descriptions, key=_order_volumes)

    def count_in_doubt(self) -> int:
        """Count the volumes whose role, or the choice among equals, is in doubt."""
        with self.begin_reading() as connection:
            rows = self._keep_sound("volume", connection.execute(select(volume)))
            return sum(
                from_json(row.description, Doubt).is_in_doubt
                for row in rows
                if "doubt" in row.description  # spares reading the others
            )

    def get_volume(self, volume_id: str) -> VolumeDescription | None:
        """Return one volume."""
        query = select(volume).where(volume.c.volume_id == volume_id)
        with self.begin_reading() as connection:
            return next(iter(self._read_descriptions(connection, query)), None)

    def _read_descriptions(
        self, connection: Connection, query: Select[Any], **parameters: Any
    ) -> Iterator[VolumeDescription]:
        for row in self._keep_sound("volume", connection.execute(query, parameters)):
            yield _read_description(row.description)

    def get_volumes_with_frame(
        self, sop_instance_uid: str, frame_number: int
    ) -> Sequence[VolumeDescription]:
        """Return the volumes that hold one frame of one instance."""
        query = (
            select(volume)
            .join(frame)
            .where(
                frame.c.sop_instance_uid == sop_instance_uid,
                frame.c.frame_number == frame_number,
            )
            .order_by(volume.c.volume_id)
        )
        with self.begin_reading() as connection:
            return list(self._read_descriptions(connection, query))


@lru_cache(MOST_KEPT)  # planes are read slowly, and for each lesion of a patient again
def _read_description(description: str) -> VolumeDescription:
    return from_json(description, VolumeDescription)


def _build_volume_row(description: VolumeDescription) -> dict[str, Any]:
    row = {
        "volume_id": description.volume_id,
        "patient_id": description.patient_id,
        "study_instance_uid": description.study_instance_uid,
        "description": to_json(description),
    }
    return add_checksum("volume", row)


def _order_volumes(description: VolumeDescription) -> tuple[str, str, str, int, str, str]:
    return (
        description.patient_id,
        description.study_date.isoformat() if description.study_date else "",
        description.study_instance_uid,
        description.instance.series_number or 0,
        description.series_instance_uid,
        description.volume_id,
    )
