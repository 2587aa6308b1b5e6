"""Files and instances in SQL: all of it can be made again from the sources."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from opp_mri.store.checksums import add_checksum, is_sound_row, read_rows
from opp_mri.store.file_names import make_printable
from opp_mri.store.protocol import CatalogueEntry, PatientRecord
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.transactions import MOST_PARAMETERS, Transactions, mark_stale, split_into_parts

file, instance = schema.file, schema.instance
InstanceKey = tuple[str, str]  # series, SOP instance


class SqlCatalogue(Transactions):
    """The part of a store that mirrors the sources.

    Files inside the project's folder are kept by their path in it, so that the folder may be moved.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(engine)
        self._folder = os.path.abspath(folder) + os.sep

    def _convert_path_inward(self, path: str) -> str:
        return path.removeprefix(self._folder)

    def _convert_path_outward(self, path: str) -> str:
        absolute = path.startswith(os.sep) or "://" in path or Path(path).is_absolute()
        return path if absolute else self._folder + path

    def _convert_entry(self, entry: CatalogueEntry) -> CatalogueEntry:
        """Return an entry whose path is kept as this store keeps it."""
        path = self._convert_path_inward(entry.source.path)
        if path == entry.source.path:
            return entry
        return attrs.evolve(entry, source=attrs.evolve(entry.source, path=path))

    def _build_source(self, row: Row[Any]) -> SourceFile:
        return attrs.evolve(_build_source(row), path=self._convert_path_outward(row.path))

    def read_known_files(self) -> Iterator[SourceFile]:
        """Yield each file as it was when it was read.

        Files whose entry, or that of their instance, is damaged are not among them.
        """
        with self.begin_reading() as connection:
            damaged_instances = _find_damaged_instances(connection)
            for values in read_rows(connection, file):
                path, member, size_bytes, modified_ns, _, _, series, sop, _ = values
                if (series, sop) not in damaged_instances and is_sound_row(values):
                    yield SourceFile(
                        path=self._convert_path_outward(path),
                        member=member,
                        size_bytes=size_bytes,
                        modified_ns=modified_ns,
                    )

    def read_outdated_files(self) -> Iterator[tuple[str, str]]:
        """Yield path and member of the files whose header an older opp_mri read."""
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
        with self.begin_reading() as connection:
            rows = connection.execute(query, execution_options={"yield_per": 1000})
            for path, member in rows:
                yield (self._convert_path_outward(path), member)

    def add_files(self, entries: Sequence[CatalogueEntry]) -> int:
        """Keep what happened to some files, in one transaction; replace what was known of them.

        Returns the number of entries that turned out to be copies of an instance already there.
        """
        entries = [self._convert_entry(entry) for entry in entries]
        with self.begin_writing() as connection:
            released_keys = _remove_files(connection, [_name(entry.source) for entry in entries])
            keys = [_get_key(entry.instance) for entry in entries if entry.instance]
            holders = _find_holders(connection, keys)
            copies = 0
            file_rows, instance_rows = [], []
            for entry in entries:
                row = _build_file_row(entry)
                if entry.instance is not None:
                    key = _get_key(entry.instance)
                    if key in holders:
                        row |= _as_copy(holders[key], entry)
                        copies += 1
                    else:
                        holders[key] = (entry.source.name, entry.likeness)
                        instance_rows.append(_build_instance_row(entry, entry.instance))
                file_rows.append(add_checksum("file", row))
            if instance_rows:
                _drop_instances(connection, instance_rows)
                connection.execute(insert(instance), instance_rows)
                mark_stale(connection, {row["patient_id"] for row in instance_rows})
            if file_rows:
                connection.execute(insert(file), file_rows)
            _settle_released(connection, released_keys)
        return copies

    def forget_files(self, names: Iterable[tuple[str, str]]) -> None:
        """Drop files that are no longer where they were, and instances that no file holds."""
        with self.begin_writing() as connection:
            inward = [(self._convert_path_inward(path), member) for path, member in names]
            _settle_released(connection, _remove_files(connection, inward))

    def get_files(self, *, left_out_only: bool = False) -> Sequence[CatalogueEntry]:
        """Return all files, or those that are in no series, by name; without their headers."""
        query = select(file)
        if left_out_only:
            query = query.where(file.c.status != FileStatus.IMAGE.value)
        with self.begin_reading() as connection:
            rows = list(self._keep_sound("file", connection.execute(query)))
        return [
            CatalogueEntry(
                source=self._build_source(row), status=FileStatus(row.status), detail=row.detail
            )
            for row in sorted(rows, key=lambda row: (row.path, row.member))
        ]

    def count_files(self) -> Mapping[FileStatus, int]:
        """Count the files of each status."""
        query = select(file.c.status, func.count()).group_by(file.c.status)
        with self.begin_reading() as connection:
            return {FileStatus(status): n for status, n in connection.execute(query)}

    def get_stale_patients(self) -> Sequence[str]:
        """Return the PatientIDs whose volumes have to be described again."""
        volume = schema.volume
        with self.begin_reading() as connection:
            stale = set(connection.scalars(select(schema.stale_patient.c.patient_id)))
            damaged_patients = {
                values[1] for values in read_rows(connection, volume) if not is_sound_row(values)
            }
            if damaged_patients:
                damaged_patients &= set(
                    connection.scalars(select(instance.c.patient_id).distinct())
                )
        return sorted(stale | damaged_patients)

    def mark_stale(self, patient_ids: Iterable[str]) -> None:
        """Have the volumes of these PatientIDs described again."""
        with self.begin_writing() as connection:
            mark_stale(connection, patient_ids)

    def get_patients(self) -> Sequence[PatientRecord]:
        """Return all patients, by PatientID."""
        query = select(
            instance.c.patient_id,
            func.min(instance.c.sop_instance_uid),
            func.count(instance.c.study_instance_uid.distinct()),
            func.count(),
        ).group_by(instance.c.patient_id)
        with self.begin_reading() as connection:
            rows = sorted(connection.execute(query).all())
            headers: dict[InstanceKey, Instance] = {}
            keys = [(patient_id, sop_instance_uid) for patient_id, sop_instance_uid, *_ in rows]
            for part in split_into_parts(keys, MOST_PARAMETERS // 2):
                place = tuple_(instance.c.patient_id, instance.c.sop_instance_uid).in_(part)
                for header in self._read_headers(connection, place):
                    headers.setdefault((header.patient_id, header.sop_instance_uid), header)
        return [
            PatientRecord(
                patient_id=patient_id,
                patient_name=header.patient_name if header else "",
                patient_birth_date=header.patient_birth_date if header else None,
                studies=studies,
                instances=instances,
            )
            for patient_id, sop_instance_uid, studies, instances in rows
            for header in [headers.get((patient_id, sop_instance_uid))]
        ]

    def get_instances_of(self, patient_ids: Iterable[str]) -> Sequence[Instance]:
        """Return the headers of all images of some patients."""
        headers: list[Instance] = []
        with self.begin_reading() as connection:
            for part in split_into_parts(patient_ids):
                headers += self._read_headers(connection, instance.c.patient_id.in_(part))
        return headers

    def get_instance(self, sop_instance_uid: str) -> Instance | None:
        """Return the header of one image."""
        with self.begin_reading() as connection:
            place = instance.c.sop_instance_uid == sop_instance_uid
            return next(iter(self._read_headers(connection, place)), None)

    def get_instances(self, sop_instance_uids: Iterable[str]) -> Mapping[str, Instance]:
        """Return the headers of several images, by SOPInstanceUID."""
        headers: dict[str, Instance] = {}
        with self.begin_reading() as connection:
            for part in split_into_parts(sop_instance_uids):
                place = instance.c.sop_instance_uid.in_(part)
                for header in self._read_headers(connection, place):
                    headers[header.sop_instance_uid] = header
        return headers

    def _read_headers(
        self, connection: Connection, place: ColumnElement[bool]
    ) -> Iterator[Instance]:
        rows = connection.execute(select(instance).where(place))
        for row in self._keep_sound("instance", rows):
            yield from_json(row.header, Instance)

    def get_sources_of(self, sop_instance_uids: Iterable[str]) -> Mapping[str, SourceFile]:
        """Return the file that holds each of these instances."""
        sources: dict[str, SourceFile] = {}
        with self.begin_reading() as connection:
            for part in split_into_parts(sop_instance_uids):
                query = select(file).where(
                    file.c.sop_instance_uid.in_(part), file.c.status == FileStatus.IMAGE.value
                )
                for row in self._keep_sound("file", connection.execute(query)):
                    sources[row.sop_instance_uid] = self._build_source(row)
        return sources


def _find_damaged_instances(connection: Connection) -> set[tuple[str | None, str | None]]:
    return {
        (values[0], values[1])
        for values in read_rows(connection, instance)
        if not is_sound_row(values)
    }


def _drop_instances(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Remove the instances that are about to be written: a damaged one may be stored."""
    keys = [(row["series_instance_uid"], row["sop_instance_uid"]) for row in rows]
    for part in split_into_parts(keys, MOST_PARAMETERS // 2):
        place = tuple_(instance.c.series_instance_uid, instance.c.sop_instance_uid).in_(part)
        connection.execute(delete(instance).where(place))


def _remove_files(connection: Connection, names: Sequence[tuple[str, str]]) -> set[InstanceKey]:
    """Remove files and give the instances that they held."""
    released_keys: set[InstanceKey] = set()
    for part in split_into_parts(names, MOST_PARAMETERS // 2):
        condition = tuple_(file.c.path, file.c.member).in_(part)
        key_query = select(file.c.series_instance_uid, file.c.sop_instance_uid).where(
            condition, file.c.status == FileStatus.IMAGE.value
        )
        keys = {(series, sop) for series, sop in connection.execute(key_query)}
        patients = select(instance.c.patient_id).where(
            tuple_(instance.c.series_instance_uid, instance.c.sop_instance_uid).in_(keys)
        )
        mark_stale(connection, set(connection.scalars(patients)) if keys else ())
        released_keys |= keys
        connection.execute(delete(file).where(condition))
    return released_keys


def _find_holders(
    connection: Connection, keys: Sequence[InstanceKey]
) -> dict[InstanceKey, tuple[str, str]]:
    """Return the file name and likeness of the instances among `keys` that some file holds."""
    holders: dict[InstanceKey, tuple[str, str]] = {}
    for part in split_into_parts(keys, MOST_PARAMETERS // 2):
        query = (
            select(file, instance.c.likeness)
            .join(
                instance,
                (instance.c.series_instance_uid == file.c.series_instance_uid)
                & (instance.c.sop_instance_uid == file.c.sop_instance_uid),
            )
            .where(
                tuple_(file.c.series_instance_uid, file.c.sop_instance_uid).in_(part),
                file.c.status == FileStatus.IMAGE.value,
            )
        )
        for row in connection.execute(query):
            key = (row.series_instance_uid, row.sop_instance_uid)
            holders[key] = (_build_source(row).name, row.likeness)
    return holders


def _settle_released(connection: Connection, released_keys: set[InstanceKey]) -> None:
    """Let a copy hold each released instance that no file holds now, or drop the instance.

    With it go the files that were left out because of it, so that they are read again.
    """
    still_held = _find_holders(connection, sorted(released_keys))
    for series, sop in sorted(released_keys - still_held.keys()):
        of_instance = (file.c.series_instance_uid == series) & (file.c.sop_instance_uid == sop)
        copy = connection.execute(
            select(file)
            .where(of_instance, file.c.status == FileStatus.COPY.value)
            .order_by(file.c.file_id)
            .limit(1)
        ).first()
        if copy is not None:
            holder = add_checksum(
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
            "detail": make_printable(f"The same instance as {name}."),
        }
    return {
        "status": FileStatus.UNREADABLE.value,
        "detail": make_printable(
            f"Has the UIDs of {name} but another geometry: one of the two is wrong."
        ),
    }


def _build_file_row(entry: CatalogueEntry) -> dict[str, Any]:
    source = entry.source
    return {
        "path": source.path,
        "member": source.member,
        "size_bytes": source.size_bytes,
        "modified_ns": source.modified_ns,
        "status": entry.status.value,
        "detail": make_printable(entry.detail),
        "series_instance_uid": entry.instance.series_instance_uid if entry.instance else None,
        "sop_instance_uid": entry.instance.sop_instance_uid if entry.instance else None,
    }


def _build_instance_row(entry: CatalogueEntry, header: Instance) -> dict[str, Any]:
    row = {
        "series_instance_uid": header.series_instance_uid,
        "sop_instance_uid": header.sop_instance_uid,
        "study_instance_uid": header.study_instance_uid,
        "patient_id": header.patient_id,
        "likeness": entry.likeness,
        "pixel_hash": None,
        "header": to_json(header),
    }
    return add_checksum("instance", row)


def _build_source(row: Row[Any]) -> SourceFile:
    return SourceFile(
        path=row.path, member=row.member, size_bytes=row.size_bytes, modified_ns=row.modified_ns
    )


def _name(source: SourceFile) -> tuple[str, str]:
    return (source.path, source.member)


def _get_key(header: Instance) -> InstanceKey:
    return (header.series_instance_uid, header.sop_instance_uid)
