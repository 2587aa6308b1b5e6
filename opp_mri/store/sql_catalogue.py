"""Files and instances in SQL: all of it can be made again from the sources."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from opp_mri.domain.imaging import HEADER_VERSION, FileStatus, Instance, SourceFile
from opp_mri.store import schema
from opp_mri.store.checksums import checked, is_sound
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

    def _entry_within(self, entry: CatalogueEntry) -> CatalogueEntry:
        """Return an entry whose path is kept as this store keeps it."""
        path = self._inward(entry.source.path)
        if path == entry.source.path:
            return entry
        return attrs.evolve(entry, source=attrs.evolve(entry.source, path=path))

    def _source(self, row: Row[Any]) -> SourceFile:
        return attrs.evolve(_source(row), path=self._outward(row.path))

    def known_files(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Return size in bytes and modification time in ns of each file, by path and member.

        Files whose entry, or that of their instance, is damaged are not among them.
        """
        with self.reading_transaction() as connection:
            damaged = _damaged_instances(connection)
            rows = connection.execute(select(file)).mappings().all()
        return {
            (self._outward(row["path"]), row["member"]): (row["size_bytes"], row["modified_ns"])
            for row in rows
            if is_sound("file", row)
            and (row["series_instance_uid"], row["sop_instance_uid"]) not in damaged
        }

    def outdated_files(self) -> Collection[tuple[str, str]]:
        """Return path and member of the files whose header an older opp_mri read."""
        current = instance.c.header.contains(f'"header_version":{HEADER_VERSION}', autoescape=True)
        query = (
            select(file.c.path, file.c.member)
            .join(
                instance,
                (instance.c.series_instance_uid == file.c.series_instance_uid)
                & (instance.c.sop_instance_uid == file.c.sop_instance_uid),
            )
            .where(file.c.status == FileStatus.IMAGE.value, ~current)
        )
        with self.reading_transaction() as connection:
            return {(self._outward(path), member) for path, member in connection.execute(query)}

    def add_files(self, entries: Sequence[CatalogueEntry]) -> int:
        """Keep what happened to some files, in one transaction; replace what was known of them.

        Returns the number of entries that turned out to be copies of an instance already there.
        """
        entries = [self._entry_within(entry) for entry in entries]
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
                file_rows.append(checked("file", row))
            if instance_rows:
                _drop_instances(connection, instance_rows)
                connection.execute(insert(instance), instance_rows)
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
        """Return all files, or those that are in no series, by name; without their headers."""
        query = select(file)
        if left_out_only:
            query = query.where(file.c.status != FileStatus.IMAGE.value)
        with self.reading_transaction() as connection:
            rows = list(self._sound("file", connection.execute(query)))
        return [
            CatalogueEntry(
                source=self._source(row), status=FileStatus(row.status), detail=row.detail
            )
            for row in sorted(rows, key=lambda row: (row.path, row.member))
        ]

    def file_counts(self) -> Mapping[FileStatus, int]:
        """Count the files of each status."""
        query = select(file.c.status, func.count()).group_by(file.c.status)
        with self.reading_transaction() as connection:
            return {FileStatus(status): n for status, n in connection.execute(query)}

    def stale_patients(self) -> Sequence[str]:
        """Return the PatientIDs whose volumes have to be described again."""
        volume = schema.volume
        with self.reading_transaction() as connection:
            stale = set(connection.scalars(select(schema.stale_patient.c.patient_id)))
            damaged = {
                row["patient_id"]
                for row in connection.execute(select(volume)).mappings()
                if not is_sound("volume", row)
            }
            if damaged:
                damaged &= set(connection.scalars(select(instance.c.patient_id).distinct()))
        return sorted(stale | damaged)

    def mark_stale(self, patient_ids: Iterable[str]) -> None:
        """Have the volumes of these PatientIDs described again."""
        with self.writing_transaction() as connection:
            mark_stale(connection, patient_ids)

    def patients(self) -> Sequence[PatientRecord]:
        """Return all patients, by PatientID."""
        query = select(
            instance.c.patient_id,
            func.min(instance.c.sop_instance_uid),
            func.count(instance.c.study_instance_uid.distinct()),
            func.count(),
        ).group_by(instance.c.patient_id)
        patients = []
        with self.reading_transaction() as connection:
            rows = connection.execute(query).all()
            for patient_id, sop_instance_uid, studies, instances in sorted(rows):
                place = (instance.c.patient_id == patient_id) & (
                    instance.c.sop_instance_uid == sop_instance_uid
                )
                header = next(iter(self._headers(connection, place)), None)
                patients.append(
                    PatientRecord(
                        patient_id=patient_id,
                        patient_name=header.patient_name if header else "",
                        patient_birth_date=header.patient_birth_date if header else None,
                        studies=studies,
                        instances=instances,
                    )
                )
        return patients

    def instances_of(self, patient_ids: Iterable[str]) -> Sequence[Instance]:
        """Return the headers of all images of some patients."""
        headers: list[Instance] = []
        with self.reading_transaction() as connection:
            for some in in_parts(patient_ids):
                headers += self._headers(connection, instance.c.patient_id.in_(some))
        return headers

    def instance(self, sop_instance_uid: str) -> Instance | None:
        """Return the header of one image."""
        with self.reading_transaction() as connection:
            place = instance.c.sop_instance_uid == sop_instance_uid
            return next(iter(self._headers(connection, place)), None)

    def instances(self, sop_instance_uids: Iterable[str]) -> Mapping[str, Instance]:
        """Return the headers of several images, by SOPInstanceUID."""
        headers: dict[str, Instance] = {}
        with self.reading_transaction() as connection:
            for some in in_parts(sop_instance_uids):
                place = instance.c.sop_instance_uid.in_(some)
                for header in self._headers(connection, place):
                    headers[header.sop_instance_uid] = header
        return headers

    def _headers(self, connection: Connection, place: ColumnElement[bool]) -> Iterator[Instance]:
        rows = connection.execute(select(instance).where(place))
        for row in self._sound("instance", rows):
            yield from_json(row.header, Instance)

    def sources_of(self, sop_instance_uids: Iterable[str]) -> Mapping[str, SourceFile]:
        """Return the file that holds each of these instances."""
        sources: dict[str, SourceFile] = {}
        with self.reading_transaction() as connection:
            for some in in_parts(sop_instance_uids):
                query = select(file).where(
                    file.c.sop_instance_uid.in_(some), file.c.status == FileStatus.IMAGE.value
                )
                for row in self._sound("file", connection.execute(query)):
                    sources[row.sop_instance_uid] = self._source(row)
        return sources


def _damaged_instances(connection: Connection) -> set[tuple[str | None, str | None]]:
    rows = connection.execute(select(instance)).mappings()
    return {
        (row["series_instance_uid"], row["sop_instance_uid"])
        for row in rows
        if not is_sound("instance", row)
    }


def _drop_instances(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Remove the instances that are about to be written: a damaged one may stand there."""
    keys = [(row["series_instance_uid"], row["sop_instance_uid"]) for row in rows]
    for some in in_parts(keys, MOST_PARAMETERS // 2):
        place = tuple_(instance.c.series_instance_uid, instance.c.sop_instance_uid).in_(some)
        connection.execute(delete(instance).where(place))


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
    """Return the file name and likeness of the instances among `keys` that some file holds."""
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
        copy = connection.execute(
            select(file)
            .where(of_instance, file.c.status == FileStatus.COPY.value)
            .order_by(file.c.file_id)
            .limit(1)
        ).first()
        if copy is not None:
            holder = checked(
                "file", {**copy._mapping, "status": FileStatus.IMAGE.value, "detail": ""}
            )
            connection.execute(update(file).where(file.c.file_id == copy.file_id).values(**holder))
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
    row = {
        "series_instance_uid": header.series_instance_uid,
        "sop_instance_uid": header.sop_instance_uid,
        "study_instance_uid": header.study_instance_uid,
        "patient_id": header.patient_id,
        "likeness": entry.likeness,
        "pixel_hash": None,
        "header": to_json(header),
    }
    return checked("instance", row)


def _source(row: Row[Any]) -> SourceFile:
    return SourceFile(
        path=row.path, member=row.member, size_bytes=row.size_bytes, modified_ns=row.modified_ns
    )


def _name(source: SourceFile) -> tuple[str, str]:
    return (source.path, source.member)


def _key(header: Instance) -> InstanceKey:
    return (header.series_instance_uid, header.sop_instance_uid)
