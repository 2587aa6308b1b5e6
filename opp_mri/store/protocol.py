"""What a store can do, whatever database is behind it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol, TypeVar

from attrs import frozen

from opp_mri.domain.alignment import Alignment, AlignmentDecision
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import (
    FileStatus,
    Instance,
    SeriesRole,
    SourceFile,
    VolumeDescription,
)
from opp_mri.domain.measurement import (
    ApAxis,
    CommonPoint,
    Lesion,
    Place,
    Reading,
    Signature,
)
from opp_mri.domain.reader_study import StudyRecord
from opp_mri.store.chain import ChainRecord, Head

Kind = TypeVar("Kind", bound=StudyRecord)


@frozen(kw_only=True)
class CatalogueEntry:
    """A file that was found, and what happened to it.

    Parameters
    ----------
    source
        The file.
    status, detail
        What it is, and why it is left out where it is.
    instance, likeness
        Its header, and a key that is equal for instances that may hold equal pixels, or "" where
        that is not to be asked; only for images.
    """

    source: SourceFile
    status: FileStatus
    detail: str = ""
    instance: Instance | None = None
    likeness: str = ""


@frozen(kw_only=True)
class PatientRecord:
    """A patient as the headers name one."""

    patient_id: str
    patient_name: str
    patient_birth_date: date | None
    studies: int
    instances: int


@frozen(kw_only=True)
class Damage:
    """A record that is not what was recorded, and so is left out.

    Parameters
    ----------
    sequence_number, kind
        Its place in the chain, and what it is.
    subject
        Lesion, patient, volume or fit that it is about, as far as its row still shows.
    message
        Cause and remedy in sentences, without the name of a patient or a lesion.
    """

    sequence_number: int
    kind: str
    subject: str
    message: str


class Catalogue(Protocol):
    """Files, instances and volumes. Everything here can be made again from the sources."""

    def read_known_files(self) -> Iterator[SourceFile]:
        """Yield each file as it was when it was read."""

    def read_outdated_files(self) -> Iterator[tuple[str, str]]:
        """Yield path and member of the files whose header an older opp_mri read."""

    def add_files(self, entries: Sequence[CatalogueEntry]) -> int:
        """Keep what happened to some files, in one transaction; replace what was known of them.

        Returns the number of entries that turned out to be copies of an instance already there.
        """

    def forget_files(self, names: Iterable[tuple[str, str]]) -> None:
        """Drop files that are no longer where they were, and instances that no file holds."""

    def get_files(self, *, left_out_only: bool = False) -> Sequence[CatalogueEntry]:
        """Return all files, or those that are in no series, by name; without their headers."""

    def count_files(self) -> Mapping[FileStatus, int]:
        """Count the files of each status."""

    def get_stale_patients(self) -> Sequence[str]:
        """Return the PatientIDs whose volumes have to be described again."""

    def mark_stale(self, patient_ids: Iterable[str]) -> None:
        """Have the volumes of these PatientIDs described again."""

    def describe_with(self, words: str) -> None:
        """Set what volumes are described with from now on; if it is new, all become stale."""

    def get_patients(self) -> Sequence[PatientRecord]:
        """Return all patients, by PatientID."""

    def get_instances_of(self, patient_ids: Iterable[str]) -> Sequence[Instance]:
        """Return the headers of all images of some patients."""

    def get_instance(self, sop_instance_uid: str) -> Instance | None:
        """Return the header of one image."""

    def get_instances(self, sop_instance_uids: Iterable[str]) -> Mapping[str, Instance]:
        """Return the headers of several images, by SOPInstanceUID."""

    def get_sources_of(self, sop_instance_uids: Iterable[str]) -> Mapping[str, SourceFile]:
        """Return the file that holds each of these instances."""

    def get_unhashed_look_alikes(self) -> Sequence[str]:
        """Return SOPInstanceUIDs whose likeness another study shares and without a pixel hash."""

    def add_pixel_hashes(self, hashes: Mapping[str, str]) -> None:
        """Keep pixel hashes by SOPInstanceUID."""

    def get_pixel_hashes_of(self, patient_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the known pixel hashes of some patients, by SOPInstanceUID."""

    def get_patients_with_equal_pixels(self) -> Sequence[tuple[str, str]]:
        """Return pairs of PatientIDs that hold equal pixels, each pair once and sorted."""

    def replace_volumes(
        self, patient_ids: Sequence[str], volumes: Sequence[VolumeDescription]
    ) -> None:
        """Put the volumes of some patients in place of what was there, no longer stale."""

    def get_volumes(self, patient_ids: Iterable[str] | None = None) -> Sequence[VolumeDescription]:
        """Return the volumes of some or all patients, by patient, date, series and volume_id."""

    def count_in_doubt(self) -> int:
        """Count the volumes whose role, or the choice among equals, is in doubt."""

    def get_volume(self, volume_id: str) -> VolumeDescription | None:
        """Return one volume."""

    def get_volumes_with_frame(
        self, sop_instance_uid: str, frame_number: int
    ) -> Sequence[VolumeDescription]:
        """Return the volumes that hold one frame of one instance."""


class Records(Protocol):
    """What people said: never changed and never deleted, only followed by something later."""

    def add_role_override(self, volume_id: str, role: SeriesRole | None, at: datetime) -> None:
        """Record the role that a reader gives to a volume, None for no role."""

    def clear_role_override(self, volume_id: str, at: datetime) -> None:
        """Record that the headers decide again."""

    def get_role_overrides(self) -> Mapping[str, SeriesRole | None]:
        """Return the latest override of each volume that has one."""

    def add_same_patient(self, pairs: Sequence[tuple[str, str]], at: datetime) -> None:
        """Record that the first PatientID of each pair is the same patient as the second."""

    def get_same_patient(self) -> Sequence[tuple[str, str]]:
        """Return all recorded pairs in the order in which they were recorded."""

    def add_lesions(self, lesions: Sequence[Lesion], at: datetime) -> None:
        """Record lesions, all or none; a lesion that is there gets a new revision."""

    def get_lesions(self) -> Sequence[Lesion]:
        """Return the latest revision of each lesion, in the order of their first recording."""

    def get_lesion(self, lesion_id: str) -> Lesion | None:
        """Return the latest revision of one lesion."""

    def add_readings(
        self, readings: Sequence[Reading | VolumeReading], *, seen_number: int | None = None
    ) -> None:
        """Append readings of lengths and of volumes, all or none.

        Parameters
        ----------
        seen_number
            Sequence number of the head when the writer looked: where a cell of the same reader was
            answered after it, nothing is recorded. None where the writer holds the `lock`.

        Raises
        ------
        InputError
            A reading contradicts itself.
        ConflictError
            A cell was answered meanwhile, or a reading with the same identifier is recorded.
        """

    def get_readings(self, lesion_id: str | None = None) -> Sequence[Reading]:
        """Return readings in the order in which they were recorded."""

    def get_readings_after(self, kind: type[StudyRecord]) -> frozenset[str]:
        """Return the ids of readings, of volumes too, after the first record of a kind.

        None where there is no such record.
        """


class Alignments(Protocol):
    """Fits that the software proposes, and what readers decided; only ever added to."""

    def add_alignments(self, alignments: Sequence[Alignment]) -> None:
        """Record fits; one with an id that is there already is the same fit and is left."""

    def get_alignments(self, lesion_id: str | None = None) -> Sequence[Alignment]:
        """Return the fits of one lesion, or all, in the order in which they were recorded."""

    def add_alignment_decision(self, decision: AlignmentDecision) -> None:
        """Record what a reader decided about a fit."""

    def get_alignment_decisions(self) -> Mapping[str, Sequence[AlignmentDecision]]:
        """Return the decisions about each fit, the latest last."""


class Room(Protocol):
    """What the reading room keeps next to readings; all but the place is only ever added to."""

    def add_signature(self, signature: Signature) -> None:
        """Record a signature; it takes the hash of the content that it covers.

        Raises
        ------
        InputError
            It covers a reading that is not recorded here.
        ConflictError
            It has a hash already, and the readings have another content.
        """

    def get_signatures(self, lesion_id: str | None = None) -> Sequence[Signature]:
        """Return the signatures of one lesion, or all, in the order in which they were recorded."""

    def add_ap_axis(self, axis: ApAxis) -> None:
        """Record an AP axis."""

    def get_ap_axes(self, lesion_id: str) -> Sequence[ApAxis]:
        """Return a lesion's AP axes in the order in which they were recorded."""

    def add_common_point(self, point: CommonPoint) -> None:
        """Record a common point."""

    def get_common_points(self, patient_id: str) -> Sequence[CommonPoint]:
        """Return a patient's common points in the order in which they were recorded."""

    def keep_place(self, place: Place) -> None:
        """Keep where a reader is, in place of where the reader was."""

    def get_place(self, reader: str) -> Place | None:
        """Return where a reader left off, or None."""


class StudyLog(Protocol):
    """What a study decided: protocol, packages, resolutions, unblinding; only ever added to."""

    def add_to_log(
        self, records: Sequence[StudyRecord], readings: Sequence[Reading | VolumeReading] = (),
        signatures: Sequence[Signature] = (),
    ) -> None:  # fmt: skip
        """Append records with the readings and signatures that belong to them, all or none.

        A reading or signature with an id that is there already is the same one and is left.
        """

    def log_of(self, kind: type[Kind], subject: str | None = None) -> Sequence[Kind]:
        """Return the records of one kind in the order in which they were appended.

        Parameters
        ----------
        subject
            Only those about this subject, such as a lesion.
        """


class Audit(Protocol):
    """What shows that records are those that were recorded."""

    def get_head(self) -> Head:
        """Return the head of the chain: number of records, and the hash of the last."""

    def read_chain(self, after: int | None = None) -> Iterator[ChainRecord]:
        """Return all records, or those after one, as the database holds them, by their number."""

    def list_damages(self, subject: str | None = None) -> Sequence[Damage]:
        """Return the damaged records that were met so far, about one lesion or patient, or all."""

    def hold_snapshot(self) -> AbstractContextManager[None]:
        """Have all that this thread reads within a ``with`` be of one moment; nothing is written.

        One transaction is faster than many, too.
        """
        ...

    def find_structure_faults(self) -> Sequence[str]:
        """Return each fault of the database itself, in sentences: its file, tables and guards."""
        ...

    def find_database_faults(self) -> Sequence[str]:
        """Return each fault of the database itself and of the catalogue, in sentences.

        Patients whose part of the catalogue is damaged are marked: the next index repairs it.
        """


class Store(Catalogue, Records, Alignments, Room, StudyLog, Audit, Protocol):
    """A project's store."""

    def lock(self) -> AbstractContextManager[object]:
        """Keep every other program from writing until the block ends.

        What one thread reads and writes within it is one transaction, all or nothing.
        """

    def close(self) -> None:
        """Let go of the database."""
