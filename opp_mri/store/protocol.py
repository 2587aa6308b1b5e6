"""What a store can do, whatever database is behind it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol, TypeVar

from attrs import frozen

from opp_mri.domain.alignment import Alignment, AlignmentDecision
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

Kind = TypeVar("Kind", bound=StudyRecord)


@frozen(kw_only=True)
class CatalogueEntry:
    """A file that was found, and what became of it.

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


class Catalogue(Protocol):
    """Files, instances and volumes. Everything here can be made again from the sources."""

    def known_files(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Give size in bytes and modification time in ns of each file, by path and member."""

    def add_files(self, entries: Sequence[CatalogueEntry]) -> int:
        """Keep what became of some files, in one transaction; replace what was known of them.

        Returns the number of entries that turned out to be copies of an instance already there.
        """

    def forget_files(self, names: Iterable[tuple[str, str]]) -> None:
        """Drop files that are no longer where they were, and instances that no file holds."""

    def files(self, *, left_out_only: bool = False) -> Sequence[CatalogueEntry]:
        """Give all files, or those that are in no series, by name; without their headers."""

    def file_counts(self) -> Mapping[FileStatus, int]:
        """Count the files of each status."""

    def stale_patients(self) -> Sequence[str]:
        """Give the PatientIDs whose volumes have to be described anew."""

    def mark_stale(self, patient_ids: Iterable[str]) -> None:
        """Have the volumes of these PatientIDs described anew."""

    def describe_with(self, words: str) -> None:
        """Say what volumes are described with from now on; if it is new, all become stale."""

    def patients(self) -> Sequence[PatientRecord]:
        """Give all patients, by PatientID."""

    def instances_of(self, patient_ids: Iterable[str]) -> Sequence[Instance]:
        """Give the headers of all images of some patients."""

    def instance(self, sop_instance_uid: str) -> Instance | None:
        """Give the header of one image."""

    def sources_of(self, sop_instance_uids: Iterable[str]) -> Mapping[str, SourceFile]:
        """Give the file that holds each of these instances."""

    def unhashed_look_alikes(self) -> Sequence[str]:
        """Give SOPInstanceUIDs whose likeness another study shares and that have no pixel hash."""

    def add_pixel_hashes(self, hashes: Mapping[str, str]) -> None:
        """Keep pixel hashes by SOPInstanceUID."""

    def pixel_hashes_of(self, patient_ids: Iterable[str]) -> Mapping[str, str]:
        """Give the known pixel hashes of some patients, by SOPInstanceUID."""

    def patients_with_equal_pixels(self) -> Sequence[tuple[str, str]]:
        """Give pairs of PatientIDs that hold equal pixels, each pair once and sorted."""

    def replace_volumes(
        self, patient_ids: Sequence[str], volumes: Sequence[VolumeDescription]
    ) -> None:
        """Put the volumes of some patients in place of what was there, no longer stale."""

    def volumes(self, patient_ids: Iterable[str] | None = None) -> Sequence[VolumeDescription]:
        """Give the volumes of some or all patients, by patient, date, series and volume_id."""

    def volume(self, volume_id: str) -> VolumeDescription | None:
        """Give one volume."""

    def volumes_with_frame(
        self, sop_instance_uid: str, frame_number: int
    ) -> Sequence[VolumeDescription]:
        """Give the volumes that hold one frame of one instance."""


class Records(Protocol):
    """What people said: never changed and never deleted, only followed by something later."""

    def add_role_override(self, volume_id: str, role: SeriesRole | None, at: datetime) -> None:
        """Record the role that a reader gives to a volume, None for no role."""

    def clear_role_override(self, volume_id: str, at: datetime) -> None:
        """Record that the headers decide again."""

    def role_overrides(self) -> Mapping[str, SeriesRole | None]:
        """Give the latest override of each volume that has one."""

    def add_same_patient(self, pairs: Sequence[tuple[str, str]], at: datetime) -> None:
        """Record that the first PatientID of each pair is the same patient as the second."""

    def same_patient(self) -> Sequence[tuple[str, str]]:
        """Give all recorded pairs in the order in which they were recorded."""

    def add_lesions(self, lesions: Sequence[Lesion], at: datetime) -> None:
        """Record lesions, all or none; a lesion that is there gets a new revision."""

    def lesions(self) -> Sequence[Lesion]:
        """Give the latest revision of each lesion, in the order of their first recording."""

    def lesion(self, lesion_id: str) -> Lesion | None:
        """Give the latest revision of one lesion."""

    def add_readings(self, readings: Sequence[Reading]) -> None:
        """Append readings, all or none."""

    def readings(self, lesion_id: str | None = None) -> Sequence[Reading]:
        """Give readings in the order in which they were recorded."""


class Alignments(Protocol):
    """Fits that the software proposes, and what readers decided; only ever added to."""

    def add_alignments(self, alignments: Sequence[Alignment]) -> None:
        """Record fits; one with an id that is there already is the same fit and is left."""

    def alignments(self, lesion_id: str | None = None) -> Sequence[Alignment]:
        """Give the fits of one lesion, or all, in the order in which they were recorded."""

    def add_alignment_decision(self, decision: AlignmentDecision) -> None:
        """Record what a reader decided about a fit."""

    def alignment_decisions(self) -> Mapping[str, Sequence[AlignmentDecision]]:
        """Give the decisions about each fit, the latest last."""


class Room(Protocol):
    """What the reading room keeps beside readings; all but the place is only ever added to."""

    def add_signature(self, signature: Signature) -> None:
        """Record a signature."""

    def signatures(self, lesion_id: str | None = None) -> Sequence[Signature]:
        """Give the signatures of one lesion, or all, in the order in which they were recorded."""

    def add_ap_axis(self, axis: ApAxis) -> None:
        """Record an AP axis."""

    def ap_axes(self, lesion_id: str) -> Sequence[ApAxis]:
        """Give a lesion's AP axes in the order in which they were recorded."""

    def add_common_point(self, point: CommonPoint) -> None:
        """Record a common point."""

    def common_points(self, patient_id: str) -> Sequence[CommonPoint]:
        """Give a patient's common points in the order in which they were recorded."""

    def keep_place(self, place: Place) -> None:
        """Keep where a reader is, in place of where the reader was."""

    def place(self, reader: str) -> Place | None:
        """Give where a reader left off, or None."""


class StudyLog(Protocol):
    """What a study decided: protocol, packages, resolutions, unblinding; only ever added to."""

    def add_to_log(
        self, records: Sequence[StudyRecord], readings: Sequence[Reading] = (),
        signatures: Sequence[Signature] = (),
    ) -> None:  # fmt: skip
        """Append records with the readings and signatures that belong to them, all or none.

        A reading or signature with an id that is there already is the same one and is left.
        """

    def log_of(self, kind: type[Kind]) -> Sequence[Kind]:
        """Give the records of one kind in the order in which they were appended."""


class Store(Catalogue, Records, Alignments, Room, StudyLog, Protocol):
    """A project's store."""

    def close(self) -> None:
        """Let go of the database."""
