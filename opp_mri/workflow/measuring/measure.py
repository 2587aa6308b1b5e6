"""From calipers to readings: every length is computed from the native image's own geometry."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from attrs import frozen

from opp_mri.domain.geometry import ImagePlane
from opp_mri.domain.imaging import SeriesRole, Usability, VolumeDescription
from opp_mri.domain.measurement import Answer, Caliper, LengthSource, Lesion, Reading
from opp_mri.errors import GeometryError, InputError, OppMriError, UnknownError
from opp_mri.store.protocol import Store
from opp_mri.tables.calipers import CaliperRow, read_calipers
from opp_mri.units import RECORDED_PRECISION_MM, format_mm, recorded_mm
from opp_mri.workflow.catalogue.patients import effective_dates, patient_map
from opp_mri.workflow.measuring.blinding import check_table
from opp_mri.workflow.measuring.readings import counted_readings, signed_ids

STATED_LENGTH_TOLERANCE_MM = RECORDED_PRECISION_MM


@frozen(kw_only=True)
class Refusal:
    """A row that was not stored, and why."""

    line: int
    message: str


@frozen(kw_only=True)
class MeasureSummary:
    """What came of some calipers.

    Parameters
    ----------
    stored
        New readings, in the order of the rows.
    repeated
        Rows that say just what is recorded already; nothing was added for them.
    refused
        Rows that were not stored.
    """

    stored: tuple[Reading, ...]
    repeated: int
    refused: tuple[Refusal, ...]


@frozen(kw_only=True)
class NativeImage:
    """A native image as the catalogue knows it."""

    volume: VolumeDescription
    plane: ImagePlane
    study_date: date


def measure(store: Store, path: Path, at: datetime) -> MeasureSummary:
    """Measure the calipers of a table and append the readings.

    A row that contradicts the images (a stated length that the geometry does not give, points
    outside the image, another patient's image, ...) is refused by itself; the others are stored.

    Raises
    ------
    TableError, InputError
        The table itself is not well-formed. Nothing was stored.
    """
    return record_calipers(store, read_calipers(path), at)


def record_calipers(store: Store, rows: Sequence[CaliperRow], at: datetime) -> MeasureSummary:
    """Measure calipers and append the readings, all that can be stored in one transaction."""
    recorder = _Recorder(store)
    stored: list[Reading] = []
    refused: list[Refusal] = []
    repeated = 0
    cells: dict[tuple[object, ...], int] = {}
    latest = {_cell(reading): reading for reading in counted_readings(store)}
    signed = signed_ids(store)
    for row in rows:
        try:
            reading = recorder.reading(row, at)
        except OppMriError as error:
            refused.append(Refusal(line=row.line, message=str(error)))
            continue
        cell = _cell(reading)
        if cell in cells:
            message = (
                f"Line {cells[cell]} measures the same lesion on the same sequence and date for "
                "the same reader: keep the one with the greatest extent."
            )
            refused.append(Refusal(line=row.line, message=message))
            continue
        cells[cell] = row.line
        if cell in latest and latest[cell].reading_id in signed:
            message = (
                "This answer is signed: amend it in the reading room, with a reason, or keep it."
            )
            if not _says_the_same(latest[cell], reading):
                refused.append(Refusal(line=row.line, message=message))
                continue
        if cell in latest and _says_the_same(latest[cell], reading):
            repeated += 1
        else:
            stored.append(reading)
    store.add_readings(stored)
    return MeasureSummary(stored=tuple(stored), repeated=repeated, refused=tuple(refused))


class _Recorder:
    """Turns rows into readings; reads lesions and patient groups once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups = patient_map(store)
        self._lesions: Mapping[str, Lesion] = {
            lesion.lesion_id: lesion for lesion in store.lesions()
        }
        self._dates: dict[tuple[str, ...], Mapping[str, date | None]] = {}
        self._allowed: set[str] = set()

    def reading(self, row: CaliperRow, at: datetime) -> Reading:
        """Give the reading of a row, or say why there is none."""
        lesion = self.lesion(row)
        if row.reader not in self._allowed:
            check_table(self._store, row.reader)
            self._allowed.add(row.reader)
        image = self.image(row, lesion) if row.sop_instance_uid else None
        return reading_of(row, image, at)

    def lesion(self, row: CaliperRow) -> Lesion:
        """Give the lesion that a row names."""
        lesion = self._lesions.get(row.lesion_id)
        if lesion is None:
            raise UnknownError(
                f"There is no lesion {row.lesion_id}: add it first with `opp-mri lesion add`."
            )
        return lesion

    def image(self, row: CaliperRow, lesion: Lesion) -> NativeImage:
        """Give the image that a row names, which must be of the lesion's patient."""
        instance = self._store.instance(row.sop_instance_uid)
        if instance is None:
            raise UnknownError(
                f"No indexed image has the SOPInstanceUID {row.sop_instance_uid}: "
                "index its files first, or correct it."
            )
        volumes = self._store.volumes_with_frame(row.sop_instance_uid, row.frame_number)
        if not volumes:
            raise UnknownError(
                f"The image has no frame {row.frame_number}: frames count from 1 to "
                f"{len(instance.frames)}."
            )
        group = self._groups.group(lesion.patient_id)
        volumes = [volume for volume in volumes if volume.patient_id in group]
        if not volumes:
            raise InputError(
                "The image is of another patient than the lesion; if both are one patient, "
                "join them with `opp-mri index --same-patient`."
            )
        # a study that was imported again may have kept the UIDs of its images
        volumes = [volume for volume in volumes if not volume.duplicate_of] or volumes
        volume = volumes[0]
        if volume.usability is Usability.NOTHING or not volume.planes:
            raise GeometryError(f"No length can be taken on this image. {volume.refusal or ''}")
        if len(volumes) > 1:
            raise GeometryError("Two series hold an image of this UID: remove one and index again.")
        if group not in self._dates:
            self._dates[group] = effective_dates(self._store.volumes(group))
        known = self._dates[group][volume.volume_id]
        if known and row.study_date and row.study_date not in (known, volume.study_date):
            raise InputError(
                f"The row says {row.study_date}, but the image is of {known}: correct the date or "
                "the image, or leave study_date empty."
            )
        day = known or row.study_date
        if day is None:
            raise InputError("The image's study has no date: give one in the column study_date.")
        plane = volume.plane_of(row.sop_instance_uid, row.frame_number)
        if plane is None:
            raise UnknownError(f"The image has no frame {row.frame_number}.")
        return NativeImage(volume=volume, plane=plane, study_date=day)


def native_image(store: Store, row: CaliperRow) -> NativeImage:
    """Give the image that a row names.

    Raises
    ------
    UnknownError, InputError, GeometryError
        It is not there, of another patient or day, or no length can be taken on it.
    """
    recorder = _Recorder(store)
    return recorder.image(row, recorder.lesion(row))


def reading_of(row: CaliperRow, image: NativeImage | None, at: datetime) -> Reading:
    """Give the reading of a row on its image; the length is computed here.

    Raises
    ------
    GeometryError, InputError
        The row contradicts the image, or says too little.
    """
    remarks: list[str] = []
    sequence = _sequence(row, image, remarks)
    caliper, length_mm, source = _length(row, image)
    day = image.study_date if image else row.study_date
    if day is None:
        raise InputError("Neither an image nor a date of the study is given: add one.")
    gone = length_mm == 0
    return Reading(
        reading_id=str(uuid4()),
        lesion_id=row.lesion_id,
        sequence=sequence,
        reader=row.reader,
        study_date=day,
        answer=Answer.GONE if gone else row.answer,
        length_mm=length_mm,
        length_source=LengthSource.READER if gone else source,
        caliper=caliper,
        reason=row.reason,
        remarks=tuple(remarks),
        recorded_at=at,
    )


def _sequence(row: CaliperRow, image: NativeImage | None, remarks: list[str]) -> SeriesRole:
    """Settle the sequence between the row and the role of its series."""
    role = image.volume.role if image else None
    if row.sequence is None:
        if role is None or image is None:
            why = image.volume.evidence[-1:] if image else ()
            raise InputError(
                "The series of this image has no role, so the sequence must be given. "
                + " ".join(why)
            )
        return role
    if image is not None and role is not None and role is not row.sequence:
        raise InputError(
            f"The row says {row.sequence.value}, but the series is {role.value} by its header: "
            f"correct the row, or run `opp-mri role {image.volume.volume_id} {row.sequence.value}`."
        )
    if image is not None and role is None:
        remarks.append(
            f"The headers give this series no role; the reader calls it {row.sequence.value}."
        )
    if image is not None and role is not None and not image.volume.selected:
        remarks.append(f"Another series of this study was chosen for {role.value}.")
    return row.sequence


def _length(
    row: CaliperRow, image: NativeImage | None
) -> tuple[Caliper | None, Decimal | None, LengthSource | None]:
    """Compute the length of a row's line, or take the length that it brings."""
    if row.answer is Answer.NOT_MEASURABLE:
        return None, None, None
    if row.answer is Answer.GONE:
        return None, Decimal("0.0"), LengthSource.READER
    if row.start is None or row.end is None or image is None:
        return None, row.length_mm, LengthSource.IMPORTED
    plane = image.plane
    for name, point in (("first", row.start), ("second", row.end)):
        if not plane.contains(*point):
            raise GeometryError(
                f"The {name} point, column {point[0]:g} and row {point[1]:g}, is outside the image "
                f"of {plane.columns} columns and {plane.rows} rows."
            )
    length_mm = recorded_mm(plane.length_mm(row.start, row.end))
    if length_mm == 0:
        raise GeometryError(
            "The two points are one: a line has a length. If the abnormality is gone, say so in "
            "the column answer."
        )
    _check_stated(row.length_mm, plane.length_mm(row.start, row.end))
    caliper = Caliper(
        sop_instance_uid=row.sop_instance_uid,
        frame_number=row.frame_number,
        start=row.start,
        end=row.end,
        start_lps_mm=plane.lps_from_pixel(*row.start),
        end_lps_mm=plane.lps_from_pixel(*row.end),
        frame_of_reference_uid=plane.frame_of_reference_uid,
    )
    return caliper, length_mm, LengthSource.GEOMETRY


def _check_stated(stated_mm: Decimal | None, computed_mm: float) -> None:
    if stated_mm is None:
        return
    difference_mm = abs(Decimal(round(computed_mm, 6)) - stated_mm).quantize(Decimal("0.000001"))
    if difference_mm > STATED_LENGTH_TOLERANCE_MM:
        raise GeometryError(
            f"The row states {format_mm(stated_mm)}, but its points are "
            f"{format_mm(recorded_mm(computed_mm))} apart by the geometry of the image: "
            "the stated length or the points are wrong."
        )


def _cell(reading: Reading) -> tuple[object, ...]:
    return (reading.lesion_id, reading.sequence, reading.study_date, reading.reader)


def _says_the_same(a: Reading, b: Reading) -> bool:
    return (a.answer, a.length_mm, a.caliper, a.reason) == (
        b.answer,
        b.length_mm,
        b.caliper,
        b.reason,
    )
