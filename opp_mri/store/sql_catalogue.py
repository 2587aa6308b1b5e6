"""Files and instances in SQL: all of it can be made again from the sources."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import (
    Connection,
    Engine,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.sqlite import insert as insert_or

from opp_mri.domain.imaging import FileStatus, Instance, SourceFile
from opp_mri.store import schema
from opp_mri.store.file_names import printable
from opp_mri.store.protocol import CatalogueEntry, PatientRecord
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.transactions import MOST_PARAMETERS, Transactions, in_parts, mark_stale

file, instance = schema.file, schema.instance
InstanceKey = tuple[str, str]  # series, SOP instance


class SqlCatalogue(Transactions):
    """The part of a store that mirrors the sources.

    Files inside the project's folder are kept by their path in it, so that the folder may be moved.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(engine)
        self._folder = os.path.abspath(folder) + os.sep

    def _inward(self, path: str) -> str:
        return path.removeprefix(self._folder)

    def _outward(self, path: str) -> str:
        return path if Path(path).is_absolute() else self._folder + path

    def _source(self, row: Row[Any]) -> SourceFile:
        return attrs.evolve(_source(row), path=self._outward(row.path))

    def known_files(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Give size in bytes and modification time in ns of each file, by path and member."""
        query = select(file.c.path, file.c.member, file.c.size_bytes, file.c.modified_ns)
        with self.reading_transaction() as connection:
            rows = connection.execute(query).all()
        return {
            (self._outward(path), member): (size, modified) for path, member, size, modified in rows
        }

    def add_files(self, entries: Sequence[CatalogueEntry]) -> int:
        """Keep what became of some files, in one transaction; replace what was known of them.

        Returns the number of entries that turned out to be copies of an instance already there.
        """
        entries = [
            attrs.evolve(one, source=attrs.evolve(one.source, path=self._inward(one.source.path)))
            for one in entries
        ]
        with self.writing_transaction() as connection:
            released = _remove_files(connection, [_name(entry.source) for entry in entries])
            keys = [_key(entry.instance) for entry in entries if entry.instance]
            held = _holders(connection, keys)
            copies = 0
            file_rows, instance_rows = [], []
            for entry in entries:
                row = _file_row(entry)
                if entry.instance is not None:
                    key = _key(entry.instance)
                    if key in held:
                        row |= _as_copy(held[key], entry)
                        copies += 1
                    else:
                        held[key] = (entry.source.name, entry.likeness)
                        instance_rows.append(_instance_row(entry, entry.instance))
                file_rows.append(row)
            if instance_rows:
                connection.execute(insert_or(instance).prefix_with("OR REPLACE"), instance_rows)
                mark_stale(connection, {row["patient_id"] for row in instance_rows})
            if file_rows:
                connection.execute(insert(file), file_rows)
            _settle_released(connection, released)
        return copies

    def forget_files(self, names: Iterable[tuple[str, str]]) -> None:
        """Drop files that are no longer where they were, and instances that no file holds."""
        with self.writing_transaction() as connection:
            inward = [(self._inward(path), member) for path, member in names]
            _settle_released(connection, _remove_files(connection, inward))

    def files(self, *, left_out_only: bool = False) -> Sequence[CatalogueEntry]:
        """Give all files, or those that are in no series, by name; without their headers."""
        query = select(file).order_by(file.c.path, file.c.member)
        if left_out_only:
            query = query.where(file.c.status != FileStatus.IMAGE.value)
        with self.reading_transaction() as connection:
            return [
                CatalogueEntry(
                    source=self._source(row), status=FileStatus(row.status), detail=row.detail
                )
                for row in connection.execute(query)
            ]

    def file_counts(self) -> Mapping[FileStatus, int]:
        """Count the files of each status."""
        query = select(file.c.status, func.count()).group_by(file.c.status)
        with self.reading_transaction() as connection:
            return {FileStatus(status): n for status, n in connection.execute(query)}

    def stale_patients(self) -> Sequence[str]:
        """Give the PatientIDs whose volumes have to be described anew."""
        column = schema.stale_patient.c.patient_id
        with self.reading_transaction() as connection:
            return list(connection.scalars(select(column).order_by(column)))

    def mark_stale(self, patient_ids: Iterable[str]) -> None:
        """Have the volumes of these PatientIDs described anew."""
        with self.writing_transaction() as connection:
            mark_stale(connection, patient_ids)

    def patients(self) -> Sequence[PatientRecord]:
        """Give all patients, by PatientID."""
        query = (
            select(
                instance.c.patient_id,
                func.min(instance.c.header),
                func.count(instance.c.study_instance_uid.distinct()),
                func.count(),
            )
            .group_by(instance.c.patient_id)
            .order_by(instance.c.patient_id)
        )
        with self.reading_transaction() as connection:
            rows = connection.execute(query).all()
        patients = []
        for patient_id, header, studies, instances in rows:
            any_instance = from_json(header, Instance)
            patients.append(
                PatientRecord(
                    patient_id=patient_id,
                    patient_name=any_instance.patient_name,
                    patient_birth_date=any_instance.patient_birth_date,
                    studies=studies,
                    instances=instances,
                )
            )
        return patients

    def instances_of(self, patient_ids: Iterable[str]) -> Sequence[Instance]:
        """Give the headers of all images of some patients."""
        found: list[Instance] = []
        with self.reading_transaction() as connection:
            for some in in_parts(patient_ids):
                query = select(instance.c.header).where(instance.c.patient_id.in_(some))
                found += [from_json(header, Instance) for header in connection.scalars(query)]
        return found

    def instance(self, sop_instance_uid: str) -> Instance | None:
        """Give the header of one image."""
        query = select(instance.c.header).where(instance.c.sop_instance_uid == sop_instance_uid)
        with self.reading_transaction() as connection:
            header = connection.scalars(query.limit(1)).first()
        return None if header is None else from_json(header, Instance)

    def sources_of(self, sop_instance_uids: Iterable[str]) -> Mapping[str, SourceFile]:
        """Give the file that holds each of these instances."""
        found: dict[str, SourceFile] = {}
        with self.reading_transaction() as connection:
            for some in in_parts(sop_instance_uids):
                query = select(file).where(
                    file.c.sop_instance_uid.in_(some), file.c.status == FileStatus.IMAGE.value
                )
                found |= {
                    row.sop_instance_uid: self._source(row) for row in connection.execute(query)
                }
        return found

    def unhashed_look_alikes(self) -> Sequence[str]:
        """Give SOPInstanceUIDs whose likeness another study shares and that have no pixel hash."""
        shared = (
            select(instance.c.likeness)
            .where(instance.c.likeness != "")
            .group_by(instance.c.likeness)
            .having(func.count(instance.c.study_instance_uid.distinct()) > 1)
        )
        query = (
            select(instance.c.sop_instance_uid)
            .where(instance.c.likeness.in_(shared), instance.c.pixel_hash.is_(None))
            .order_by(instance.c.sop_instance_uid)
        )
        with self.reading_transaction() as connection:
            return list(connection.scalars(query))

    def add_pixel_hashes(self, hashes: Mapping[str, str]) -> None:
        """Keep pixel hashes by SOPInstanceUID; their patients' volumes become stale."""
        if not hashes:
            return
        statement = (
            update(instance)
            .where(instance.c.sop_instance_uid == bindparam("uid"))
            .values(pixel_hash=bindparam("pixels"))
        )
        with self.writing_transaction() as connection:
            connection.execute(
                statement, [{"uid": uid, "pixels": pixels} for uid, pixels in hashes.items()]
            )
            for some in in_parts(hashes):
                query = select(instance.c.patient_id).where(instance.c.sop_instance_uid.in_(some))
                mark_stale(connection, set(connection.scalars(query)))

    def pixel_hashes_of(self, patient_ids: Iterable[str]) -> Mapping[str, str]:
        """Give the known pixel hashes of some patients, by SOPInstanceUID."""
        hashes: dict[str, str] = {}
        with self.reading_transaction() as connection:
            for some in in_parts(patient_ids):
                query = select(instance.c.sop_instance_uid, instance.c.pixel_hash).where(
                    instance.c.patient_id.in_(some), instance.c.pixel_hash.is_not(None)
                )
                hashes |= {
                    row.sop_instance_uid: row.pixel_hash for row in connection.execute(query)
                }
        return hashes

    def patients_with_equal_pixels(self) -> Sequence[tuple[str, str]]:
        """Give pairs of PatientIDs that hold equal pixels, each pair once and sorted."""
        other = instance.alias()
        query = (
            select(instance.c.patient_id, other.c.patient_id)
            .join(other, instance.c.pixel_hash == other.c.pixel_hash)
            .where(instance.c.patient_id < other.c.patient_id)
            .distinct()
            .order_by(instance.c.patient_id, other.c.patient_id)
        )
        with self.reading_transaction() as connection:
            return [(first, second) for first, second in connection.execute(query)]


def _remove_files(connection: Connection, names: Sequence[tuple[str, str]]) -> set[InstanceKey]:
    """Remove files and give the instances that they held."""
    released: set[InstanceKey] = set()
    for some in in_parts(names, MOST_PARAMETERS // 2):
        chosen = tuple_(file.c.path, file.c.member).in_(some)
        held = select(file.c.series_instance_uid, file.c.sop_instance_uid).where(
            chosen, file.c.status == FileStatus.IMAGE.value
        )
        keys = {(series, sop) for series, sop in connection.execute(held)}
        patients = select(instance.c.patient_id).where(
            tuple_(instance.c.series_instance_uid, instance.c.sop_instance_uid).in_(keys)
        )
        mark_stale(connection, set(connection.scalars(patients)) if keys else ())
        released |= keys
        connection.execute(delete(file).where(chosen))
    return released


def _holders(
    connection: Connection, keys: Sequence[InstanceKey]
) -> dict[InstanceKey, tuple[str, str]]:
    """Give the file name and likeness of the instances among `keys` that some file holds."""
    held: dict[InstanceKey, tuple[str, str]] = {}
    for some in in_parts(keys, MOST_PARAMETERS // 2):
        query = (
            select(file, instance.c.likeness)
            .join(
                instance,
                (instance.c.series_instance_uid == file.c.series_instance_uid)
                & (instance.c.sop_instance_uid == file.c.sop_instance_uid),
            )
            .where(
                tuple_(file.c.series_instance_uid, file.c.sop_instance_uid).in_(some),
                file.c.status == FileStatus.IMAGE.value,
            )
        )
        for row in connection.execute(query):
            key = (row.series_instance_uid, row.sop_instance_uid)
            held[key] = (_source(row).name, row.likeness)
    return held


def _settle_released(connection: Connection, released: set[InstanceKey]) -> None:
    """Let a copy hold each released instance that no file holds now, or drop the instance.

    With it go the files that were left out because of it, so that they are read again.
    """
    still_held = _holders(connection, sorted(released))
    for series, sop in sorted(released - still_held.keys()):
        of_instance = (file.c.series_instance_uid == series) & (file.c.sop_instance_uid == sop)
        copy_id = connection.scalar(
            select(file.c.file_id)
            .where(of_instance, file.c.status == FileStatus.COPY.value)
            .order_by(file.c.file_id)
            .limit(1)
        )
        if copy_id is not None:
            connection.execute(
                update(file)
                .where(file.c.file_id == copy_id)
                .values(status=FileStatus.IMAGE.value, detail="")
            )
            continue
        row = (instance.c.series_instance_uid == series) & (instance.c.sop_instance_uid == sop)
        connection.execute(delete(instance).where(row))
        connection.execute(delete(file).where(of_instance))


def _as_copy(holder: tuple[str, str], entry: CatalogueEntry) -> dict[str, str]:
    name, likeness = holder
    if likeness == entry.likeness:
        return {
            "status": FileStatus.COPY.value,
            "detail": printable(f"The same instance as {name}."),
        }
    return {
        "status": FileStatus.UNREADABLE.value,
        "detail": printable(
            f"Has the UIDs of {name} but another geometry: one of the two is wrong."
        ),
    }


def _file_row(entry: CatalogueEntry) -> dict[str, Any]:
    source = entry.source
    return {
        "path": source.path,
        "member": source.member,
        "size_bytes": source.size_bytes,
        "modified_ns": source.modified_ns,
        "status": entry.status.value,
        "detail": printable(entry.detail),
        "series_instance_uid": entry.instance.series_instance_uid if entry.instance else None,
        "sop_instance_uid": entry.instance.sop_instance_uid if entry.instance else None,
    }


def _instance_row(entry: CatalogueEntry, header: Instance) -> dict[str, Any]:
    return {
        "series_instance_uid": header.series_instance_uid,
        "sop_instance_uid": header.sop_instance_uid,
        "study_instance_uid": header.study_instance_uid,
        "patient_id": header.patient_id,
        "likeness": entry.likeness,
        "pixel_hash": None,
        "header": to_json(header),
    }


def _source(row: Row[Any]) -> SourceFile:
    return SourceFile(
        path=row.path, member=row.member, size_bytes=row.size_bytes, modified_ns=row.modified_ns
    )


def _name(source: SourceFile) -> tuple[str, str]:
    return (source.path, source.member)


def _key(header: Instance) -> InstanceKey:
    return (header.series_instance_uid, header.sop_instance_uid)
