"""Which images hold equal pixels, in SQL."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, func, select, update

from opp_mri.store import schema
from opp_mri.store.checksums import add_checksum
from opp_mri.store.transactions import Transactions, mark_stale, split_into_parts

instance: Final = schema.instance


class SqlPixels(Transactions):
    """The part of a store that finds copies by their pixels."""

    def get_unhashed_look_alikes(self) -> Sequence[str]:
        """Return SOPInstanceUIDs whose likeness another study shares and without a pixel hash."""
        shared = (
            select(instance.c.likeness)
            .where(instance.c.likeness != "")
            .group_by(instance.c.likeness)
            .having(func.count(instance.c.study_instance_uid.distinct()) > 1)
        )
        query = select(instance.c.sop_instance_uid).where(
            instance.c.likeness.in_(shared), instance.c.pixel_hash.is_(None)
        )
        with self.begin_reading() as connection:
            return sorted(connection.scalars(query))

    def add_pixel_hashes(self, hashes: Mapping[str, str]) -> None:
        """Keep pixel hashes by SOPInstanceUID; their patients' volumes become stale."""
        if not hashes:
            return
        uid = instance.c.sop_instance_uid
        statement = (
            update(instance)
            .where(instance.c.series_instance_uid == bindparam("series"), uid == bindparam("uid"))
            .values(pixel_hash=bindparam("pixels"), checksum=bindparam("sum"))
        )
        with self.begin_writing() as connection:
            for part in split_into_parts(hashes):
                rows = connection.execute(select(instance).where(uid.in_(part)))
                changed_rows = [
                    add_checksum(
                        "instance", {**row._mapping, "pixel_hash": hashes[row.sop_instance_uid]}
                    )
                    for row in self._keep_sound("instance", rows)
                ]
                if changed_rows:
                    connection.execute(
                        statement,
                        [
                            {
                                "series": row["series_instance_uid"],
                                "uid": row["sop_instance_uid"],
                                "pixels": row["pixel_hash"],
                                "sum": row["checksum"],
                            }
                            for row in changed_rows
                        ],
                    )
                mark_stale(connection, {row["patient_id"] for row in changed_rows})

    def get_pixel_hashes_of(self, patient_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the known pixel hashes of some patients, by SOPInstanceUID."""
        hashes: dict[str, str] = {}
        with self.begin_reading() as connection:
            for part in split_into_parts(patient_ids):
                query = select(instance.c.sop_instance_uid, instance.c.pixel_hash).where(
                    instance.c.patient_id.in_(part), instance.c.pixel_hash.is_not(None)
                )
                hashes |= {
                    row.sop_instance_uid: row.pixel_hash for row in connection.execute(query)
                }
        return hashes

    def get_patients_with_equal_pixels(self) -> Sequence[tuple[str, str]]:
        """Return pairs of PatientIDs that hold equal pixels, each pair once and sorted."""
        other_instance = instance.alias()
        query = (
            select(instance.c.patient_id, other_instance.c.patient_id)
            .join(other_instance, instance.c.pixel_hash == other_instance.c.pixel_hash)
            .where(instance.c.patient_id != other_instance.c.patient_id)
            .distinct()
        )
        with self.begin_reading() as connection:
            pairs = {tuple(sorted(pair)) for pair in connection.execute(query)}
        return [(first, second) for first, second in sorted(pairs)]
