"""Where a line of another program belongs: its image, its lesion, its sequence, its reader."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from attrs import frozen

from opp_mri.dicom.sr.report import derive_tracking_uid
from opp_mri.domain.exchange import Annotation, OwnAnswer
from opp_mri.domain.geometry import ImagePlane, Vector3
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Lesion, PixelPoint
from opp_mri.domain.repeated_uid import get_uid_in_file
from opp_mri.errors import InputError, UnknownError
from opp_mri.store.protocol import Store
from opp_mri.units import RECORDED_PRECISION_MM, format_mm, round_to_recorded_mm
from opp_mri.workflow.catalogue.patients import find_effective_dates, map_patients
from opp_mri.workflow.measuring.measure import load_native_image
from opp_mri.workflow.measuring.native_reading import NativeImage
from opp_mri.workflow.measuring.repeated_uids import name_in_catalogue
from opp_mri.workflow.measuring.suitability import explain_unsuitable

OFF_PLANE_MM: Final = 0.5  # a point farther from an image does not lie on it
DRAWN_ELSEWHERE: Final = "Drawn in another program, and measured again here."
Points = tuple[PixelPoint, PixelPoint]


@frozen(kw_only=True)
class ImportChoice:
    """What the user states for lines that do not state it themselves.

    Parameters
    ----------
    lesion_id
        The lesion that they measure.
    reader
        Who drew them; goes before the name in a report of another program.
    sequence
        The sequence of a series that has no role; goes before the role.
    """

    lesion_id: str | None = None
    reader: str | None = None
    sequence: SeriesRole | None = None


@frozen(kw_only=True)
class PlacedLine:
    """A line with all that a reading needs."""

    lesion: Lesion
    reader: str
    sequence: SeriesRole
    image: NativeImage
    points: Points
    remarks: tuple[str, ...]


class Placer:
    """Places lines in a project; reads lesions and patients once."""

    def __init__(self, store: Store, choice: ImportChoice) -> None:
        self._store = store
        self._choice = choice
        self._groups = map_patients(store)
        self._lesions = {lesion.lesion_id: lesion for lesion in store.get_lesions()}
        self._names = {
            record.patient_id: frozenset({record.patient_id, record.patient_name})
            for record in store.get_patients()
        }
        if choice.lesion_id is not None and choice.lesion_id not in self._lesions:
            raise UnknownError(
                f"There is no lesion {choice.lesion_id}: `opp-mri lesion list` lists them."
            )

    def place_line(self, annotation: Annotation) -> PlacedLine:
        """Place a line.

        Raises
        ------
        OppMriError
            It belongs nowhere, or it is not known where; the text says why.
        """
        volume, place = self._find_volume(annotation)
        self._check_whole(annotation, volume)
        lesion = self.find_lesion(annotation, volume)
        image = load_native_image(self._store, lesion.lesion_id, place)
        if annotation.own is not None and annotation.own.study_date != image.study_date:
            raise InputError(
                f"It says {annotation.own.study_date}, but its image is of {image.study_date}."
            )
        sequence, remarks = self._find_sequence(annotation, image.volume)
        points = _project_points(annotation, image)
        _check_stated(annotation.stated_mm, image, points, own=annotation.own)
        return PlacedLine(
            lesion=lesion,
            reader=self.get_reader(annotation),
            sequence=sequence,
            image=image,
            points=points,
            remarks=remarks,
        )

    def get_reader(self, annotation: Annotation) -> str:
        """Return whose line it is."""
        if annotation.own is not None:
            return annotation.own.reader
        reader = self._choice.reader or annotation.reader
        if not reader:
            raise InputError("It does not say who drew it: name the reader with --reader.")
        return reader

    def find_lesion(self, annotation: Annotation, volume: VolumeDescription | None) -> Lesion:
        """Return the lesion that a line measures: as it says, as the user says, or the only one."""
        if annotation.own is not None:
            return self._find_own_lesion(annotation.own, volume)
        if self._choice.lesion_id is not None:
            return self._lesions[self._choice.lesion_id]
        patient_ids = self._groups.group(volume.patient_id) if volume else ()
        candidates = [
            lesion for lesion in self._lesions.values() if lesion.patient_id in patient_ids
        ]
        if annotation.level:
            at_level = [lesion for lesion in candidates if lesion.level == annotation.level]
            if not at_level:
                raise InputError(
                    f"It measures {annotation.level}, where this patient has no lesion: add the "
                    "lesion first with `opp-mri lesion add`, or name another with --lesion."
                )
            candidates = at_level
        if not candidates:
            raise InputError("Its patient has no lesion: add one first with `opp-mri lesion add`.")
        if len(candidates) > 1:
            names = ", ".join(lesion.lesion_id for lesion in candidates)
            raise InputError(f"It may measure {names}: name the lesion with --lesion.")
        return candidates[0]

    def _find_own_lesion(self, own: OwnAnswer, volume: VolumeDescription | None) -> Lesion:
        lesion = self._lesions.get(own.lesion_id)
        if lesion is None:
            raise UnknownError(
                f"There is no lesion {own.lesion_id}: add it first with `opp-mri lesion add`."
            )
        is_this = derive_tracking_uid(lesion.tracking_uid, own.sequence) == own.tracking_uid
        if not is_this and lesion.level != own.lesion_level:
            raise InputError(
                f"It is of a lesion {own.lesion_id} at {own.lesion_level or 'an unknown level'}, "
                f"and that of this project is at {lesion.level}: they are not the same lesion."
            )
        if volume and volume.patient_id not in self._groups.group(lesion.patient_id):
            raise InputError(f"It belongs to another patient than the lesion {own.lesion_id}.")
        return lesion

    def _check_whole(self, annotation: Annotation, volume: VolumeDescription) -> None:
        """Hold what a file says of patient and study against its image."""
        if annotation.study_instance_uid not in ("", volume.study_instance_uid):
            raise InputError("It belongs to another study than the image that it refers to.")
        self._check_patient(annotation, volume.patient_id)

    def check_answer(self, annotation: Annotation, own: OwnAnswer, lesion: Lesion) -> None:
        """Hold what an answer without a line says of patient, study and date against the project.

        Raises
        ------
        InputError
            It is of another patient, or its study is not in the project under this date.
        """
        self._check_patient(annotation, lesion.patient_id)
        volumes = self._store.get_volumes(self._groups.group(lesion.patient_id))
        dates = find_effective_dates(volumes)
        days = {
            dates[volume.volume_id]
            for volume in volumes
            if volume.study_instance_uid == annotation.study_instance_uid
        }
        if own.study_date not in days:
            raise InputError(
                f"Its study of {own.study_date} is not in the project: index its images first."
            )

    def _check_patient(self, annotation: Annotation, patient_id: str) -> None:
        group = self._groups.group(patient_id)
        known_names = frozenset().union(
            *(self._names.get(patient_id, frozenset()) for patient_id in group)
        )
        if annotation.patient_names and not annotation.patient_names & (known_names | set(group)):
            raise InputError(
                "Its patient differs from the patient of its image or lesion; if both are the "
                "same patient, correct the file."
            )

    def _find_sequence(
        self, annotation: Annotation, volume: VolumeDescription
    ) -> tuple[SeriesRole, tuple[str, ...]]:
        own = annotation.own
        if own is not None:
            unsuitable = explain_unsuitable(volume, own.sequence)
            is_overridden = any("by override" in remark for remark in own.remarks)
            return own.sequence, (
                *own.remarks,
                *([unsuitable] if unsuitable and not is_overridden else []),
            )
        sequence = self._choice.sequence or volume.role
        if sequence is None:
            why = " ".join(volume.evidence[-1:])
            raise InputError(
                f"The series of its image has no role. {why} Name the sequence with --sequence."
            )
        unsuitable = explain_unsuitable(volume, sequence)
        if unsuitable and self._choice.sequence is None:
            raise InputError(f"{unsuitable} To import it nevertheless, give --sequence.")
        override = f"Imported as {sequence.value} by explicit choice. {unsuitable}"
        return sequence, (DRAWN_ELSEWHERE, *([override] if unsuitable else []))

    def _find_volume(self, annotation: Annotation) -> tuple[VolumeDescription, tuple[str, int]]:
        if not annotation.sop_instance_uid:
            return self._find_volume_in_space(annotation)
        frame = annotation.frame_number
        uid = annotation.sop_instance_uid
        if self._store.get_instance(uid) is None:
            raise UnknownError(f"Its image is not in the project ({uid}): index it first.")
        role = annotation.own.sequence if annotation.own else self._choice.sequence
        uid = name_in_catalogue(self._store, uid, self._find_role, role)
        volumes = self._store.get_volumes_with_frame(uid, frame)
        if not volumes:
            raise UnknownError(f"Its image has no frame {frame}.")
        originals = [volume for volume in volumes if not volume.duplicate_of]
        return (originals or list(volumes))[0], (uid, frame)

    def _find_role(self, uid: str) -> SeriesRole | None:
        return next((volume.role for volume in self._store.get_volumes_with_frame(uid, 1)), None)

    def _find_volume_in_space(
        self, annotation: Annotation
    ) -> tuple[VolumeDescription, tuple[str, int]]:
        """Find the one image on which both ends lie, by what the name of the line says too.

        Raises
        ------
        InputError
            There is none, or more than one.
        """
        if annotation.ends_lps_mm is None:
            raise InputError("It has neither an image nor points in patient coordinates.")
        words = set(re.split(r"[\s_]+", annotation.label))
        volumes = [
            volume
            for volume in self._store.get_volumes()
            if not volume.duplicate_of and self._may_be(volume, annotation, words)
        ]
        dates = find_effective_dates(volumes)
        days = {str(day) for day in dates.values()} & words
        candidates = [
            (volume, (frame.sop_instance_uid, frame.frame_number))
            for volume in volumes
            if not days or str(dates[volume.volume_id]) in days
            for frame, plane in zip(volume.frames, volume.planes, strict=False)
            if _lies_on(annotation.ends_lps_mm, plane)
        ]
        if not candidates:
            raise InputError("No image of the project contains its points.")
        if len(candidates) > 1:
            raise InputError(
                f"Its points lie on {len(candidates)} images, and it does not name one of "
                "them: name the line by lesion, sequence and date, as “OPP-01 T1 2020-05-30”, or "
                "give --lesion and --sequence."
            )
        return candidates[0]

    def _may_be(self, volume: VolumeDescription, annotation: Annotation, words: set[str]) -> bool:
        frame_uid = annotation.frame_of_reference_uid
        if frame_uid and volume.instance.frame_of_reference_uid != frame_uid:
            return False
        named_lesions = [self._lesions[word] for word in words if word in self._lesions]
        lesion_id = self._choice.lesion_id
        lesions = [self._lesions[lesion_id]] if lesion_id is not None else named_lesions
        if lesions and not any(
            volume.patient_id in self._groups.group(lesion.patient_id) for lesion in lesions
        ):
            return False
        roles = {role for role in SeriesRole if role.value in words}
        sequences = {self._choice.sequence} if self._choice.sequence else roles
        return not sequences or volume.role in sequences


def _lies_on(ends: tuple[Vector3, Vector3], plane: ImagePlane) -> bool:
    return all(
        abs(plane.measure_distance_mm(end)) <= OFF_PLANE_MM
        and plane.contains(*plane.pixel_from_lps(end))
        for end in ends
    )


def _project_points(annotation: Annotation, image: NativeImage) -> Points:
    if annotation.ends is not None:
        return annotation.ends
    if annotation.ends_lps_mm is None:
        raise InputError("It has no points.")
    frame_uid = annotation.frame_of_reference_uid
    if frame_uid and frame_uid != image.plane.frame_of_reference_uid:
        raise InputError("Its points lie in another frame of reference than its image.")
    off_mm = max(abs(image.plane.measure_distance_mm(end)) for end in annotation.ends_lps_mm)
    if off_mm > OFF_PLANE_MM:
        raise InputError(f"Its points lie up to {off_mm:.1f} mm off the image that it names.")
    start, end = (image.plane.pixel_from_lps(point) for point in annotation.ends_lps_mm)
    return start, end


def _check_stated(
    stated_mm: Decimal | None, image: NativeImage, points: Points, *, own: OwnAnswer | None
) -> None:
    """Hold the stated length against that of the points; our own is rounded to 0.1 mm."""
    if stated_mm is None:
        return
    computed_mm = image.plane.measure_length_mm(*points)
    difference_mm = abs(Decimal(computed_mm) - stated_mm)
    tolerance_mm = RECORDED_PRECISION_MM / 2 + Decimal("1e-6") if own else RECORDED_PRECISION_MM
    if difference_mm > tolerance_mm:
        raise InputError(
            f"It states {format_mm(round_to_recorded_mm(float(stated_mm)))}, but its points are "
            f"{format_mm(round_to_recorded_mm(computed_mm))} apart by the geometry of the image "
            f"{get_uid_in_file(image.place[0])}: one of the two is wrong."
        )


def refers_to_several_studies(store: Store, annotations: Sequence[Annotation]) -> bool:
    """Return whether the images of one file belong to more than one study."""
    studies = {
        volume.study_instance_uid
        for annotation in annotations
        if annotation.sop_instance_uid
        for volume in store.get_volumes_with_frame(
            annotation.sop_instance_uid, annotation.frame_number
        )
        if not volume.duplicate_of
    }
    return len(studies) > 1
