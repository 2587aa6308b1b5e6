"""Every kind of append-only record of a store: statements of people, fits and the study's log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import attrs
from sqlalchemy import Connection, insert, select, update

from opp_mri.domain.alignment import Alignment, AlignmentDecision
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import ApAxis, CommonPoint, Lesion, Place, Reading, Signature
from opp_mri.domain.reader_study import StudyRecord
from opp_mri.errors import ConflictError, InputError
from opp_mri.store import schema
from opp_mri.store.appending import (
    Draft,
    SqlChain,
    check_readings,
    fetch_records,
    read_chain_record,
    select_records,
)
from opp_mri.store.chain import hash_contents
from opp_mri.store.kinds import OverriddenRole, RoleOverride, SamePatient
from opp_mri.store.serial import from_json, to_json
from opp_mri.store.transactions import split_into_parts

Record = TypeVar("Record", bound=StudyRecord)
READINGS: Final = (Reading, VolumeReading)  # the kinds that a signature covers


class SqlRecords(SqlChain):
    """The append-only half of a store, kind by kind."""

    def add_role_override(self, volume_id: str, role: SeriesRole | None, at: datetime) -> None:
        """Record the role that a reader gives to a volume, None for no role."""
        value = role.value if role else OverriddenRole.NONE.value
        self._append([Draft(RoleOverride(volume_id=volume_id, role=value), at)])

    def clear_role_override(self, volume_id: str, at: datetime) -> None:
        """Record that the headers decide again."""
        override = RoleOverride(volume_id=volume_id, role=OverriddenRole.BY_HEADER.value)
        self._append([Draft(override, at)])

    def get_role_overrides(self) -> Mapping[str, SeriesRole | None]:
        """Return the latest override of each volume that has one."""
        latest = {
            override.volume_id: override.role for override in self._read_records(RoleOverride)
        }
        return {
            volume_id: None if role == OverriddenRole.NONE else SeriesRole(role)
            for volume_id, role in latest.items()
            if role != OverriddenRole.BY_HEADER
        }

    def add_same_patient(self, pairs: Sequence[tuple[str, str]], at: datetime) -> None:
        """Record that the first PatientID of each pair is the same patient as the second."""
        self._append(
            [
                Draft(SamePatient(patient_id=patient_id, same_as=same_as), at)
                for patient_id, same_as in pairs
            ]
        )

    def get_same_patient(self) -> Sequence[tuple[str, str]]:
        """Return all recorded pairs in the order in which they were recorded."""
        return [(pair.patient_id, pair.same_as) for pair in self._read_records(SamePatient)]

    def add_lesions(self, lesions: Sequence[Lesion], at: datetime) -> None:
        """Record lesions, all or none; a lesion that is there gets a new revision."""
        self._append([Draft(lesion, at) for lesion in lesions])

    def get_lesions(self) -> Sequence[Lesion]:
        """Return the latest revision of each lesion, in the order of their first recording."""
        return list({lesion.lesion_id: lesion for lesion in self._read_records(Lesion)}.values())

    def get_lesion(self, lesion_id: str) -> Lesion | None:
        """Return the latest revision of one lesion."""
        revisions = self._read_records(Lesion, lesion_id)
        return revisions[-1] if revisions else None

    def add_readings(
        self, readings: Sequence[Reading | VolumeReading], *, seen_number: int | None = None
    ) -> None:
        """Append readings, all or none."""
        check_readings(readings)
        with self.lock() as connection:
            if seen_number is not None:
                _refuse_unseen(connection, readings, seen_number)
            _refuse_known(connection, readings)
            self._append([Draft(reading) for reading in readings])

    def get_readings(self, lesion_id: str | None = None) -> Sequence[Reading]:
        """Return readings in the order in which they were recorded."""
        return self._read_records(Reading, lesion_id)

    def get_readings_after(self, kind: type[StudyRecord]) -> frozenset[str]:
        """Return the reading_ids that follow the first record of a kind in the log."""
        keys: set[str] = set()
        with self.begin_reading() as connection:
            first = connection.execute(select_records(connection, kind).limit(1)).one_or_none()
            if first is None:
                return frozenset()
            for of_readings in READINGS:
                later = select_records(connection, of_readings, after=first.sequence_number)
                key = later.selected_columns["key"]
                keys.update(connection.scalars(later.with_only_columns(key)))
        return frozenset(keys)

    def add_alignments(self, alignments: Sequence[Alignment]) -> None:
        """Record fits; one with an id that is there already is the same fit and is left."""
        self._append([Draft(alignment) for alignment in alignments])

    def get_alignments(self, lesion_id: str | None = None) -> Sequence[Alignment]:
        """Return the fits of one lesion, or all, in the order in which they were recorded."""
        return self._read_records(Alignment, lesion_id)

    def add_alignment_decision(self, decision: AlignmentDecision) -> None:
        """Record what a reader decided about a fit."""
        self._append([Draft(decision)])

    def get_alignment_decisions(self) -> Mapping[str, Sequence[AlignmentDecision]]:
        """Return the decisions about each fit, the latest last."""
        decisions: dict[str, list[AlignmentDecision]] = {}
        for decision in self._read_records(AlignmentDecision):
            decisions.setdefault(decision.fit_id, []).append(decision)
        return decisions

    def add_signature(self, signature: Signature) -> None:
        """Record a signature; it takes the hash of the content that it covers."""
        with self.lock() as connection:
            self._append([Draft(_seal_signature(connection, signature))])

    def get_signatures(self, lesion_id: str | None = None) -> Sequence[Signature]:
        """Return the signatures of one lesion, or all, in the order in which they were recorded."""
        signatures: list[Signature] = []
        with self.begin_reading() as connection:
            selection = fetch_records(connection, Signature, lesion_id)
            rows = [read_chain_record(row) for row in selection]
            rows_with_signatures = [(row, self._restore(row, Signature)) for row in rows]
            reading_ids = {
                reading_id
                for _, signature in rows_with_signatures
                if signature is not None
                for reading_id in signature.reading_ids
            }
            bodies = _build_bodies(connection, reading_ids)
        for row, signature in rows_with_signatures:
            if signature is None:
                continue
            if signature.content_hash != hash_contents(
                bodies.get(reading_id, "") for reading_id in signature.reading_ids
            ):
                self._name_damage(
                    row, "the readings that it covers differ from those that were signed"
                )
                continue
            signatures.append(signature)
        return signatures

    def add_ap_axis(self, axis: ApAxis) -> None:
        """Record an AP axis."""
        self._append([Draft(axis)])

    def get_ap_axes(self, lesion_id: str) -> Sequence[ApAxis]:
        """Return a lesion's AP axes in the order in which they were recorded."""
        return self._read_records(ApAxis, lesion_id)

    def add_common_point(self, point: CommonPoint) -> None:
        """Record a common point."""
        self._append([Draft(point)])

    def get_common_points(self, patient_id: str) -> Sequence[CommonPoint]:
        """Return a patient's common points in the order in which they were recorded."""
        return self._read_records(CommonPoint, patient_id)

    def add_to_log(
        self, records: Sequence[StudyRecord], readings: Sequence[Reading | VolumeReading] = (),
        signatures: Sequence[Signature] = (),
    ) -> None:  # fmt: skip
        """Append records with the readings and signatures that belong to them, all or none."""
        check_readings(readings)
        with self.lock() as connection:
            self._append([Draft(reading) for reading in readings])
            self._append(
                [Draft(_seal_signature(connection, signature)) for signature in signatures]
            )
            self._append([Draft(record) for record in records])

    def log_of(self, kind: type[Record], subject: str | None = None) -> Sequence[Record]:
        """Return the records of one kind, of one subject or all, in the order of appending."""
        return self._read_records(kind, subject)

    def keep_place(self, place: Place) -> None:
        """Keep where a reader is, in place of where the reader was."""
        row = {"reader": place.reader, "record": to_json(place)}
        with self.begin_writing() as connection:
            result = connection.execute(
                update(schema.place).where(schema.place.c.reader == place.reader).values(row)
            )
            if not result.rowcount:
                connection.execute(insert(schema.place).values(row))

    def get_place(self, reader: str) -> Place | None:
        """Return where a reader left off, or None where that is not known or cannot be read."""
        query = select(schema.place.c.record).where(schema.place.c.reader == reader)
        with self.begin_reading() as connection:
            text = connection.execute(query).scalar_one_or_none()
        try:
            return None if text is None else from_json(text, Place)
        except Exception:  # it only opens the window where it was left
            return None


def _build_bodies(connection: Connection, reading_ids: set[str]) -> dict[str, str]:
    bodies: dict[str, str] = {}
    for part in split_into_parts(sorted(reading_ids)):
        for kind in READINGS:
            rows = connection.execute(select_records(connection, kind, keys=part))
            bodies |= {row.key: str(row.body) for row in rows}
            if len(bodies) == len(reading_ids):
                return bodies
    return bodies


def _seal_signature(connection: Connection, signature: Signature) -> Signature:
    """Return a signature with the hash of the content that it covers."""
    bodies = _build_bodies(connection, set(signature.reading_ids))
    if any(reading_id not in bodies for reading_id in signature.reading_ids):
        raise InputError(
            "A signature covers a reading that is not recorded here. Nothing was signed."
        )
    content = hash_contents(bodies[reading_id] for reading_id in signature.reading_ids)
    if signature.content_hash not in ("", content):
        raise ConflictError(
            "The readings have changed since they were shown for signing. Nothing was signed: "
            "look at them again."
        )
    return attrs.evolve(signature, content_hash=content)


def _refuse_unseen(
    connection: Connection, readings: Sequence[Reading | VolumeReading], seen_number: int
) -> None:
    """Refuse readings of cells that somebody answered since the writer looked."""
    for kind in READINGS:
        _refuse_unseen_of(connection, [r for r in readings if type(r) is kind], seen_number, kind)


def _refuse_unseen_of(
    connection: Connection,
    readings: Sequence[Any],
    seen_number: int,
    kind: type[Reading | VolumeReading],
) -> None:
    cells = {(reading.lesion_id, reading.reader, reading.cell) for reading in readings}
    readers = {reading.reader for reading in readings}
    if not readers:
        return
    for row in connection.execute(select_records(connection, kind, after=seen_number)):
        if row.reader not in readers:
            continue
        newer = from_json(read_chain_record(row).body, kind)
        if (newer.lesion_id, newer.reader, newer.cell) in cells:
            raise ConflictError(
                f"{newer.reader} answered {newer.sequence.value} of {newer.study_date} in another "
                "window or program in the meantime, so this was not recorded: open the lesion "
                "again and compare."
            )


def _refuse_known(connection: Connection, readings: Sequence[Reading | VolumeReading]) -> None:
    keys = [reading.reading_id for reading in readings]
    if len(set(keys)) < len(keys) or _build_bodies(connection, set(keys)):
        raise ConflictError(
            "A reading with the same identifier is recorded already: nothing was recorded. "
            "Look at the recorded reading and try again."
        )
