"""From calipers to readings: every length is computed from the native image's own geometry."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

from attrs import frozen

from opp_mri.domain.imaging import SeriesRole, Usability
from opp_mri.domain.measurement import (
    Lesion,
    Reading,
)
from opp_mri.errors import (
    GeometryError,
    InputError,
    OppMriError,
    TableError,
    TableFault,
    UnknownError,
)
from opp_mri.store.protocol import Store
from opp_mri.tables.calipers import CaliperRow, read_calipers
from opp_mri.workflow.catalogue.patients import find_effective_dates, map_patients
from opp_mri.workflow.measuring.blinding import check_table
from opp_mri.workflow.measuring.native_reading import NativeImage, build_reading
from opp_mri.workflow.measuring.readings import find_signed_ids, get_counted_readings
from opp_mri.workflow.measuring.repeated_uids import name_in_catalogue


@frozen(kw_only=True)
class MeasureSummary:
    """Result of recording calipers.

    Parameters
    ----------
    stored
        New readings, in the order of the rows.
    repeated
        Rows that equal what is recorded already; nothing was added for them.
    refused
        Rows that were not stored.
    """

    stored: tuple[Reading, ...]
    repeated: int
    refused: tuple[TableFault, ...]


def measure(store: Store, path: Path, at: datetime, *, all_or_none: bool = False) -> MeasureSummary:
    """Measure the calipers of a table and append the readings.

    A row that cannot be read, or contradicts the images (a stated length that the geometry does
    not give, points outside the image, another patient's image, ...), is refused by itself; the
    others are stored.

    Parameters
    ----------
    all_or_none
        Whether one bad row keeps the others from being stored.

    Raises
    ------
    TableError, InputError
        The table itself is not well-formed, or a row is bad and all are needed. Nothing was
        stored.
    """
    head = store.get_head().sequence_number
    recorder = _Recorder(store)
    rows, faults = read_calipers(path, all_or_none=all_or_none)
    readings_by_cell: dict[tuple[object, ...], tuple[int, Reading]] = {}
    for row in rows:
        try:
            reading = recorder.measure_row(row, at)
        except OppMriError as error:
            faults.append(TableFault(row.line, None, str(error)))
            continue
        cell = _get_cell(reading)
        if cell in readings_by_cell:
            message = (
                f"Line {readings_by_cell[cell][0]} measures the same lesion on the same sequence "
                "and date for the same reader: keep the one with the greatest extent."
            )
            faults.append(TableFault(row.line, None, message))
            continue
        readings_by_cell[cell] = (row.line, reading)
    with store.lock():  # what is compared is what is followed
        new_readings, repeat_count, outdated_faults = _compare(store, readings_by_cell, head)
        faults = sorted([*faults, *outdated_faults], key=lambda fault: fault.line)
        if faults and all_or_none:
            raise TableError(path.name, faults)
        store.add_readings(new_readings)
    return MeasureSummary(stored=tuple(new_readings), repeated=repeat_count, refused=tuple(faults))


def _compare(
    store: Store,
    readings_by_cell: Mapping[tuple[object, ...], tuple[int, Reading]],
    seen_number: int,
) -> tuple[list[Reading], int, list[TableFault]]:
    """Hold new readings against what is recorded: to store, how many are known, refused.

    Parameters
    ----------
    seen_number
        Sequence number of the head before the table was read: what is recorded after it, its
        writer has not seen.
    """
    latest = {_get_cell(reading): reading for reading in get_counted_readings(store)}
    signed_ids = find_signed_ids(store)
    unseen_ids = {record.key for record in store.read_chain(after=seen_number)}
    new_readings: list[Reading] = []
    faults: list[TableFault] = []
    repeat_count = 0
    for cell, (line, reading) in readings_by_cell.items():
        latest_reading = latest.get(cell)
        if latest_reading is None:
            new_readings.append(reading)
        elif _is_same_answer(latest_reading, reading):
            repeat_count += 1
        elif latest_reading.reading_id in signed_ids:
            message = (
                "This answer is signed: amend it in the reading room, with a reason, or keep it."
            )
            faults.append(TableFault(line, None, message))
        elif latest_reading.reading_id in unseen_ids:
            message = (
                "Another program recorded another answer for this lesion, sequence, date and "
                "reader meanwhile: look at it with `opp-mri readings`, and run measure again if "
                "this one is to replace it."
            )
            faults.append(TableFault(line, None, message))
        else:
            new_readings.append(reading)
    return new_readings, repeat_count, faults


class _Recorder:
    """Turns rows into readings; reads lesions and patient groups once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups = map_patients(store)
        self._lesions: Mapping[str, Lesion] = {
            lesion.lesion_id: lesion for lesion in store.get_lesions()
        }
        self._dates: dict[tuple[str, ...], Mapping[str, date | None]] = {}
        self._allowed: set[str] = set()

    def measure_row(self, row: CaliperRow, at: datetime) -> Reading:
        """Measure a row.

        Raises
        ------
        OppMriError
            The row names an unknown lesion or image, contradicts the image, or says too little.
        """
        lesion = self.get_lesion(row.lesion_id)
        if row.reader not in self._allowed:
            check_table(self._store, row.reader)
            self._allowed.add(row.reader)
        image: NativeImage | None = None
        if row.sop_instance_uid:
            frame, study_date, role = row.frame_number, row.study_date, row.sequence
            role_of = lambda uid: self.get_image(lesion, (uid, frame), study_date).volume.role  # noqa: E731
            uid = name_in_catalogue(self._store, row.sop_instance_uid, role_of, role)
            image = self.get_image(lesion, (uid, frame), study_date)
        day = image.study_date if image else row.study_date
        if day is None:
            raise InputError("Neither an image nor a date of the study is given: add one.")
        points = (row.start, row.end) if row.start and row.end else None
        return build_reading(
            lesion.lesion_id, row.reader, (day, row.sequence or _find_role(image)), row.answer,
            points=points, image=image, stated_mm=row.length_mm, reason=row.reason,
            override_reason=row.override_reason, at=at,
        )  # fmt: skip

    def get_lesion(self, lesion_id: str) -> Lesion:
        """Return the lesion of this name."""
        lesion = self._lesions.get(lesion_id)
        if lesion is None:
            raise UnknownError(
                f"There is no lesion {lesion_id}: add it first with `opp-mri lesion add`."
            )
        return lesion

    def get_image(
        self, lesion: Lesion, place: tuple[str, int], stated_date: date | None = None
    ) -> NativeImage:
        """Return the image at a SOPInstanceUID and frame, which must be of the lesion's patient."""
        uid, frame_number = place
        instance = self._store.get_instance(uid)
        if instance is None:
            raise UnknownError(
                f"No indexed image has the SOPInstanceUID {uid}: "
                "index its files first, or correct it."
            )
        volumes = self._store.get_volumes_with_frame(uid, frame_number)
        if not volumes:
            raise UnknownError(
                f"The image has no frame {frame_number}: frames count from 1 to "
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
            raise GeometryError(f"This image cannot be measured. {volume.refusal or ''}")
        if len(volumes) > 1:
            raise GeometryError("Two series hold an image of this UID: remove one and index again.")
        if group not in self._dates:
            self._dates[group] = find_effective_dates(self._store.get_volumes(group))
        known_date = self._dates[group][volume.volume_id]
        if known_date and stated_date and stated_date not in (known_date, volume.study_date):
            raise InputError(
                f"The row says {stated_date}, but the image is of {known_date}: correct the date "
                "or the image, or leave study_date empty."
            )
        day = known_date or stated_date
        if day is None:
            raise InputError("The image's study has no date: give one in the column study_date.")
        plane = volume.get_plane(uid, frame_number)
        if plane is None:
            raise UnknownError(f"The image has no frame {frame_number}.")
        return NativeImage(place=place, volume=volume, plane=plane, study_date=day)


def load_native_image(store: Store, lesion_id: str, place: tuple[str, int]) -> NativeImage:
    """Return the native image of a lesion at a SOPInstanceUID and frame number.

    Raises
    ------
    UnknownError, InputError, GeometryError
        It is not there, of another patient, or no length can be taken on it.
    """
    recorder = _Recorder(store)
    return recorder.get_image(recorder.get_lesion(lesion_id), place)


def _find_role(image: NativeImage | None) -> SeriesRole:
    """Return the role of an image's series where the row leaves the sequence out."""
    role = image.volume.role if image else None
    if role is None:
        why = image.volume.evidence[-1:] if image else ()
        raise InputError(
            "The series of this image has no role, so the sequence must be given. " + " ".join(why)
        )
    return role


def _get_cell(reading: Reading) -> tuple[object, ...]:
    return (reading.lesion_id, reading.sequence, reading.study_date, reading.reader)


def _is_same_answer(a: Reading, b: Reading) -> bool:
    return (a.answer, a.length_mm, a.caliper, a.reason) == (
        b.answer,
        b.length_mm,
        b.caliper,
        b.reason,
    )
