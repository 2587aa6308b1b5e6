"""Which reports a project's readings make: one a reader, series and study; one a lesion's response.

Only readings that count are reported: what was handed over in a table, and what was signed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from attrs import field, frozen

from opp_mri.dicom.sr.concepts import LengthCode
from opp_mri.dicom.sr.report import (
    MeasurementReport,
    ReportedAnswer,
    ReportedImage,
    ReportedVolume,
    Verifier,
)
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SourceFile, VolumeDescription
from opp_mri.domain.measurement import Caliper, Lesion, Reading, Signature
from opp_mri.domain.reader_study import CONSENSUS, Resolution
from opp_mri.domain.repeated_uid import get_uid_in_file
from opp_mri.store.protocol import Store
from opp_mri.units import format_mm, round_to_recorded_cc
from opp_mri.workflow.measuring.blinding import check_shown
from opp_mri.workflow.measuring.cells import Cell
from opp_mri.workflow.measuring.contours import find_images, find_series
from opp_mri.workflow.measuring.lesions import find_lesion
from opp_mri.workflow.measuring.readings import (
    find_signed_ids,
    get_counted_readings,
    select_counted,
)
from opp_mri.workflow.measuring.timeline import build_reader_timeline


@frozen(kw_only=True)
class PlannedReport:
    """A report that is to be written, and the readings and contours that it states."""

    report: MeasurementReport
    readings: tuple[Reading, ...] = field(repr=False)
    contours: tuple[VolumeReading, ...] = field(default=(), repr=False)


@frozen(kw_only=True)
class ReportPlan:
    """What is to be written.

    Parameters
    ----------
    reports
        Independent reads first, then the consensus, each by study and series.
    left_out
        Answers that no report can hold, in sentences.
    warnings
        What a reader of the reports in another program should know, in sentences.
    """

    reports: tuple[PlannedReport, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]


def plan_reports(
    store: Store,
    *,
    lesion_ids: Sequence[str] = (),
    reader: str | None = None,
    length_code: LengthCode = LengthCode.SCT,
) -> ReportPlan:
    """Plan the measurement reports of some lesions, or of all.

    Parameters
    ----------
    lesion_ids
        Only the reports that state these lesions; all where it is empty. A report always states
        all lesions of its series, because a later report replaces it.
    reader
        Whose answers to report; None for those of all readers.

    Raises
    ------
    ProjectError
        One of the readers reads blind, and the blinding is not lifted.
    UnknownError
        There is no such lesion.
    """
    selected_ids = {find_lesion(store, lesion_id).lesion_id for lesion_id in lesion_ids}
    lesions = store.get_lesions()
    readings = [
        reading
        for lesion in lesions
        for reading in get_counted_readings(store, lesion.lesion_id)
        if reader in (None, reading.reader)
    ]
    contour_readings = [
        reading
        for lesion in lesions
        for reading in select_counted(
            store.log_of(VolumeReading, lesion.lesion_id),
            find_signed_ids(store, lesion.lesion_id),
        )
        if reader in (None, reading.reader)
    ]
    readers = {r.reader for r in readings} | {r.reader for r in contour_readings}
    check_shown(store, [reader] if reader else sorted(readers))
    planner = _Planner(store, length_code)
    for lesion in lesions:
        planner.add(
            lesion,
            [reading for reading in readings if reading.lesion_id == lesion.lesion_id],
            [reading for reading in contour_readings if reading.lesion_id == lesion.lesion_id],
        )
    return planner.plan(selected_ids)


class _Planner:
    """Gathers the answers of lesions by report."""

    def __init__(self, store: Store, length_code: LengthCode) -> None:
        self._store = store
        self._length_code = length_code
        self._images = ImageReferences(store)
        self._answers: dict[tuple[str, str, str], list[tuple[ReportedAnswer, Reading]]] = (
            defaultdict(list)
        )
        self._volumes: dict[tuple[str, str, str], list[tuple[ReportedVolume, VolumeReading]]] = (
            defaultdict(list)
        )
        self._left_out: list[tuple[str, str]] = []
        self._unequal: dict[str, None] = {}

    def add(
        self, lesion: Lesion, readings: Sequence[Reading], contours: Sequence[VolumeReading]
    ) -> None:
        """Add the answers and the volumes that hold for a lesion."""
        readers = {reading.reader for reading in readings}
        for reader in sorted(readers | {reading.reader for reading in contours}):
            timeline = build_reader_timeline(
                self._store,
                lesion,
                reader,
                [reading for reading in readings if reading.reader == reader],
                contours=[reading for reading in contours if reading.reader == reader],
            )
            for cell in timeline.cells:
                if cell.reading is not None:
                    self._add_answer(lesion, cell, cell.reading)
                if cell.contours is not None:
                    self._add_volume(lesion, cell, cell.contours)

    def _add_volume(self, lesion: Lesion, cell: Cell, contours: VolumeReading) -> None:
        series = find_series(contours, find_images(self._store, contours))
        places = dict.fromkeys(
            (contour.sop_instance_uid, contour.frame_number) for contour in contours.contours
        )
        images = [self._images.get_image(*place) for place in places]
        volume = cell.measured_volume
        if series is None or volume is None or None in images:
            sentence = (
                f"{lesion.lesion_id}, {contours.sequence.value} of {contours.study_date}, by "
                f"{contours.reader}: the images of these contours are not in the project."
            )
            self._left_out.append((lesion.lesion_id, sentence))
            return
        error_cc = volume.standard_error_cc
        reported_volume = ReportedVolume(
            lesion_id=lesion.lesion_id,
            lesion_uid=lesion.tracking_uid,
            level=lesion.level,
            sequence=contours.sequence,
            study_date=contours.study_date,
            days_from_ssrs=cell.days_from_ssrs,
            volume_cc=volume.volume_cc,
            standard_error_cc=None if error_cc is None else round_to_recorded_cc(error_cc),
            contours=volume.contours,
            images=tuple(image for image in images if image is not None),
            amendment_reason=contours.amendment_reason,
            recorded_at=contours.recorded_at,
        )
        key = (series.study_instance_uid, series.series_instance_uid, contours.reader)
        self._volumes[key].append((reported_volume, contours))

    def _add_answer(self, lesion: Lesion, cell: Cell, reading: Reading) -> None:
        images, volume = self._find_images(cell, reading)
        if volume is None or not images:
            sentence = (
                f"{lesion.lesion_id}, {reading.sequence.value} of {reading.study_date}, by "
                f"{reading.reader}: no indexed image belongs to this answer, and a report refers "
                "to images."
            )
            self._left_out.append((lesion.lesion_id, sentence))
            return
        caliper = reading.caliper
        if caliper is not None:
            self._record_pixels(volume)
        answer = ReportedAnswer(
            lesion_id=lesion.lesion_id,
            lesion_uid=lesion.tracking_uid,
            level=lesion.level,
            sequence=reading.sequence,
            study_date=reading.study_date,
            days_from_ssrs=cell.days_from_ssrs,
            answer=reading.answer,
            length_mm=reading.length_mm,
            length_source=reading.length_source,
            ends=(caliper.start, caliper.end) if caliper else None,
            images=images,
            reason=reading.reason,
            remarks=reading.remarks,
            amendment_reason=reading.amendment_reason,
            origin=reading.origin,
            recorded_at=reading.recorded_at,
        )
        key = (volume.study_instance_uid, volume.series_instance_uid, reading.reader)
        self._answers[key].append((answer, reading))

    def _find_images(
        self, cell: Cell, reading: Reading
    ) -> tuple[tuple[ReportedImage, ...], VolumeDescription | None]:
        if reading.caliper is not None:
            volume = self._images.find_volume(reading.caliper)
            image = self._images.get_image(
                reading.caliper.sop_instance_uid, reading.caliper.frame_number
            )
            return (() if image is None else (image,)), volume
        if reading.length_mm:  # a number: of two lines whose lengths were averaged, or without any
            return self._find_images_of_mean(reading)
        if cell.volume is None:
            return (), None
        image = self._images.get_middle(cell.volume)
        return (() if image is None else (image,)), cell.volume

    def _find_images_of_mean(
        self, reading: Reading
    ) -> tuple[tuple[ReportedImage, ...], VolumeDescription | None]:
        calipers = [
            source.caliper for source in self.find_sources(reading) if source.caliper is not None
        ]
        volumes = [self._images.find_volume(caliper) for caliper in calipers]
        first = next((volume for volume in volumes if volume is not None), None)
        images = [
            self._images.get_image(caliper.sop_instance_uid, caliper.frame_number)
            for caliper, volume in zip(calipers, volumes, strict=True)
            if volume and first and volume.study_instance_uid == first.study_instance_uid
        ]
        return tuple(dict.fromkeys(image for image in images if image is not None)), first

    def find_sources(self, reading: Reading) -> list[Reading]:
        """Return the two answers that a resolved answer was made of."""
        return find_sources_of_resolved(self._store, [reading])

    def _record_pixels(self, volume: VolumeDescription) -> None:
        spacing = volume.pixel_spacing_mm
        if spacing and spacing[0] != spacing[1]:
            number = volume.instance.series_number
            self._unequal[
                f"Series {number} of {volume.study_date} has pixels that are not square "
                f"({spacing[0]:g} by {spacing[1]:g} mm). OHIF exchanges both spacings there and "
                "shows the ends of its lines at the wrong place; the report itself is right."
            ] = None

    def plan(self, lesion_ids: Collection[str]) -> ReportPlan:
        """Return the reports that state some lesions, or all where none is named."""
        keys = sorted(
            self._answers.keys() | self._volumes.keys(),
            key=lambda key: (key[2] == CONSENSUS, key[2], *key[:2]),
        )
        return ReportPlan(
            reports=tuple(
                self._report(key)
                for key in keys
                if not lesion_ids
                or any(answer.lesion_id in lesion_ids for answer, _ in self._answers[key])
                or any(volume.lesion_id in lesion_ids for volume, _ in self._volumes[key])
            ),
            left_out=tuple(
                sentence
                for lesion_id, sentence in self._left_out
                if not lesion_ids or lesion_id in lesion_ids
            ),
            warnings=tuple(self._unequal),
        )

    def _report(self, key: tuple[str, str, str]) -> PlannedReport:
        study_uid, series_uid, reader = key
        answers = [answer for answer, _ in self._answers[key]]
        readings = tuple(reading for _, reading in self._answers[key])
        contours = tuple(reading for _, reading in self._volumes[key])
        signed_readings: list[Reading | VolumeReading] = [*readings, *contours]
        verifiers = list_verifiers(self._store, signed_readings) if reader == CONSENSUS else ()
        report = MeasurementReport(
            study_instance_uid=study_uid,
            image_series_instance_uid=series_uid,
            reader=reader,
            observers=tuple(verifier.name for verifier in verifiers) or (reader,),
            verifiers=verifiers,
            length_code=self._length_code,
            answers=tuple(answers),
            volumes=tuple(volume for volume, _ in self._volumes[key]),
        )
        return PlannedReport(report=report, readings=readings, contours=contours)


class ImageReferences:
    """References to images of a project, each looked up once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, int], ReportedImage | None] = {}

    def get_image(self, sop_instance_uid: str, frame_number: int) -> ReportedImage | None:
        """Return a reference to an image; None where it is no longer in the project."""
        place = (sop_instance_uid, frame_number)
        if place not in self._known:
            self._known[place] = self._look_up(*place)
        return self._known[place]

    def _look_up(self, sop_instance_uid: str, frame_number: int) -> ReportedImage | None:
        instance = self._store.get_instance(sop_instance_uid)
        sources: Mapping[str, SourceFile] = self._store.get_sources_of([sop_instance_uid])
        if instance is None or sop_instance_uid not in sources:
            return None
        has_frames = instance.is_enhanced or len(instance.frames) > 1
        return ReportedImage(
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=get_uid_in_file(sop_instance_uid),
            frame_number=frame_number if has_frames else None,
            source=sources[sop_instance_uid],
        )

    def get_middle(self, volume: VolumeDescription) -> ReportedImage | None:
        """Return a reference to the middle image of a volume."""
        frame = volume.frames[len(volume.frames) // 2]
        return self.get_image(frame.sop_instance_uid, frame.frame_number)

    def find_volume(self, caliper: Caliper) -> VolumeDescription | None:
        """Return the volume that a caliper lies on; of copies, the one that is not a copy."""
        volumes = self._store.get_volumes_with_frame(caliper.sop_instance_uid, caliper.frame_number)
        originals = [volume for volume in volumes if not volume.duplicate_of]
        return next(iter(originals or volumes), None)


def find_sources_of_resolved(store: Store, readings: Collection[Reading]) -> list[Reading]:
    """Return the answers that resolved answers were made of, in the order of recording."""
    source_ids = find_source_ids(store, readings)
    lesion_ids = dict.fromkeys(reading.lesion_id for reading in readings)
    return [
        reading
        for lesion_id in lesion_ids
        for reading in store.get_readings(lesion_id)
        if reading.reading_id in source_ids
    ]


def find_source_ids(store: Store, readings: Collection[Reading | VolumeReading]) -> set[str]:
    """Return the ids of the answers and contours that resolved ones were made of."""
    resolved_ids = {reading.reading_id for reading in readings}
    return {
        source_id
        for resolution in store.log_of(Resolution)
        if resolution.reading_id in resolved_ids
        for source_id in resolution.of_reading_ids
    }


def list_verifiers(
    store: Store, readings: Collection[Reading | VolumeReading]
) -> tuple[Verifier, ...]:
    """Return those who signed some answers, by name, with the time of their latest signature."""
    reading_ids = {reading.reading_id for reading in readings}
    latest: dict[str, Signature] = {}
    for lesion_id in dict.fromkeys(reading.lesion_id for reading in readings):
        for signature in store.get_signatures(lesion_id):
            if reading_ids.intersection(signature.reading_ids):
                latest_signature = latest.get(signature.reader)
                if latest_signature is None or latest_signature.recorded_at < signature.recorded_at:
                    latest[signature.reader] = signature
    return tuple(
        Verifier(name=name, verified_at=latest[name].recorded_at) for name in sorted(latest)
    )


def name_caliper(reading: Reading) -> str:
    """Name a caliper by lesion, sequence and visit."""
    return f"{reading.lesion_id} {reading.sequence.value} {reading.study_date}"


def describe_caliper(reading: Reading) -> str:
    """State whose caliper it is and how long, with its unit."""
    length = "" if reading.length_mm is None else f"{format_mm(reading.length_mm)}, "
    return f"{length}by {reading.reader}. Measured on the native image."


def ends_lps_mm(caliper: Caliper) -> tuple[Vector3, Vector3]:
    """Return both ends of a caliper in the patient."""
    return caliper.start_lps_mm, caliper.end_lps_mm
