"""The worklist of a reader: every lesion, time point and sequence, and what is done."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

import attrs
from attrs import frozen

from opp_mri.agreement.discordance import VolumeLimits
from opp_mri.domain.contour import MeasuredVolume, VolumeReading
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, Lesion, Reading
from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.store.protocol import Store
from opp_mri.workflow.catalogue.patients import list_patients
from opp_mri.workflow.measuring.blinding import cut_timeline, find_last_open_day, read_blinding
from opp_mri.workflow.measuring.cells import Cell, CellStatus
from opp_mri.workflow.measuring.contours import get_own_contours, list_measured_contours
from opp_mri.workflow.measuring.readings import (
    find_settled_ids,
    find_signed_ids,
    get_counted_readings,
    get_own_readings,
    select_latest_by_cell,
)
from opp_mri.workflow.measuring.timeline import LesionTimeline, build_draft_timeline

DISCORDANT_MM: Final = Decimal("2.0")  # lengths further apart than this are discordant


class CellState(StrEnum):
    """What a reader has done about a cell."""

    UNREAD = "unread"
    DRAFT = "draft"
    SIGNED = "signed"  # signed, or handed over in a table
    DISCORDANT = "discordant"  # another reader who is done says something else
    NO_IMAGE = "no_image"


@frozen(kw_only=True)
class WorkCell:
    """One cell of the worklist.

    Parameters
    ----------
    status
        What is there: an answer, images to read, or why there are none.
    reading
        The reader's own latest answer, or None.
    contours, measured_volume
        The reader's own contours and the volume within them, or None.
    amends
        Whether it is a draft that would amend a signed answer, which counts until then.
    """

    study_date: date
    sequence: SeriesRole
    state: CellState
    status: CellStatus
    reading: Reading | None
    contours: VolumeReading | None = None
    measured_volume: MeasuredVolume | None = None
    amends: bool = False

    @property
    def answers(self) -> tuple[Reading | VolumeReading, ...]:
        """What the reader recorded for it."""
        return _list_answers(self.reading, self.contours)


@frozen(kw_only=True)
class WorkLesion:
    """A lesion of the worklist with its cells, by date and sequence."""

    patient_id: str
    lesion: Lesion
    cells: tuple[WorkCell, ...]


@frozen(kw_only=True)
class Worklist:
    """All that a reader has to do.

    Parameters
    ----------
    study_dates
        The dated time points of each patient that has a lesion, by patient.
    patients_without_lesion
        Patients with images in whom no lesion is marked yet.
    """

    lesions: tuple[WorkLesion, ...]
    study_dates: Mapping[str, tuple[date, ...]]
    patients_without_lesion: tuple[str, ...]


def build_worklist(store: Store, reader: str) -> Worklist:
    """Return the worklist of a reader."""
    rows: list[WorkLesion] = []
    dates: dict[str, tuple[date, ...]] = {}
    without: list[str] = []
    lesions, blinding = store.get_lesions(), read_blinding(store)
    for patient in list_patients(store):
        of_patient = [lesion for lesion in lesions if lesion.patient_id in patient.patient_ids]
        if not of_patient:
            without.append(patient.patient_id)
        drafts = [
            (
                build_draft_timeline(store, lesion_of_patient, reader),
                _find_settled(store, lesion_of_patient.lesion_id, reader),
            )
            for lesion_of_patient in of_patient
        ]
        last = find_last_open_day(blinding, drafts)
        for lesion, (whole, signed_ids) in zip(of_patient, drafts, strict=True):
            timeline = cut_timeline(whole, last)
            rows.append(
                WorkLesion(
                    patient_id=patient.patient_id,
                    lesion=lesion,
                    cells=build_work_cells(
                        timeline,
                        signed_ids,
                        _get_other_readings(store, lesion.lesion_id, reader),
                        _measure_other_volumes(store, lesion.lesion_id, reader),
                    ),
                )
            )
            dates[patient.patient_id] = tuple(
                sorted(
                    {*dates.get(patient.patient_id, ()), *(c.study_date for c in rows[-1].cells)}
                )
            )
    return Worklist(lesions=tuple(rows), study_dates=dates, patients_without_lesion=tuple(without))


def build_work_cells(
    timeline: LesionTimeline,
    signed_ids: frozenset[str],
    other_readings: Sequence[Mapping[tuple[date, SeriesRole], Reading]] = (),
    other_volumes: Sequence[Mapping[tuple[date, SeriesRole], MeasuredVolume]] = (),
) -> tuple[WorkCell, ...]:
    """Return the cells of one lesion as its reader has them.

    Parameters
    ----------
    signed_ids
        Ids of the readings that a signature covers.
    other_readings
        What each other reader says, by cell; only readings that count.
    other_volumes
        The volume within each other reader's contours, by cell; likewise.
    """
    cells = []
    for cell in timeline.cells:
        unsigned_answers = [
            answer
            for answer in _list_answers(cell.reading, cell.contours)
            if answer.draft and answer.reading_id not in signed_ids
        ]
        state = _determine_state(cell, is_draft=bool(unsigned_answers))
        key = (cell.study_date, cell.sequence)
        if state is CellState.SIGNED:
            # before a reader is done with a cell nothing of another reader's shows
            readings = [by_cell[key] for by_cell in other_readings if key in by_cell]
            volumes = [by_cell[key] for by_cell in other_volumes if key in by_cell]
            if _is_discordant(cell, readings, volumes):
                state = CellState.DISCORDANT
        cells.append(
            WorkCell(
                study_date=cell.study_date,
                sequence=cell.sequence,
                state=state,
                status=cell.status,
                reading=cell.reading,
                contours=cell.contours,
                measured_volume=cell.measured_volume,
                amends=any(answer.amendment_reason for answer in unsigned_answers),
            )
        )
    return tuple(cells)


def with_timeline(
    worklist: Worklist, timeline: LesionTimeline, signed_ids: frozenset[str]
) -> Worklist:
    """Return a worklist with one lesion as its reader has it now.

    What differs from another reader does so until it is changed.
    """

    def build_current_row(row: WorkLesion) -> WorkLesion:
        if row.lesion.lesion_id != timeline.lesion.lesion_id:
            return row
        differing_ids = {
            answer.reading_id
            for cell in row.cells
            if cell.state is CellState.DISCORDANT
            for answer in cell.answers
        }
        cells = tuple(
            attrs.evolve(cell, state=CellState.DISCORDANT)
            if cell.state is CellState.SIGNED
            and any(answer.reading_id in differing_ids for answer in cell.answers)
            else cell
            for cell in build_work_cells(timeline, signed_ids)
        )
        return attrs.evolve(row, cells=cells)

    return attrs.evolve(worklist, lesions=tuple(build_current_row(row) for row in worklist.lesions))


def _find_settled(store: Store, lesion_id: str, reader: str) -> frozenset[str]:
    signed_ids = find_signed_ids(store, lesion_id)
    readings = get_own_readings(store, lesion_id, reader)
    contours = get_own_contours(store, lesion_id, reader)
    return find_settled_ids(readings, signed_ids) | find_settled_ids(contours, signed_ids)


def _get_other_readings(
    store: Store, lesion_id: str, reader: str
) -> list[Mapping[tuple[date, SeriesRole], Reading]]:
    counted_readings = get_counted_readings(store, lesion_id)
    return [
        select_latest_by_cell([reading for reading in counted_readings if reading.reader == name])
        for name in sorted({reading.reader for reading in counted_readings} - {reader, CONSENSUS})
    ]


def _measure_other_volumes(
    store: Store, lesion_id: str, reader: str
) -> list[Mapping[tuple[date, SeriesRole], MeasuredVolume]]:
    drawings = [
        drawing
        for drawing in list_measured_contours(store, lesion_id)
        if drawing.counts and drawing.reading.reader not in (reader, CONSENSUS)
    ]
    volumes_by_reader: dict[str, dict[tuple[date, SeriesRole], MeasuredVolume | None]] = {}
    for drawing in drawings:  # the latest of a cell holds, also where it has no contours
        of_reader = volumes_by_reader.setdefault(drawing.reading.reader, {})
        of_reader[drawing.reading.cell] = drawing.volume
    return [
        {cell: volume for cell, volume in by_cell.items() if volume is not None}
        for by_cell in volumes_by_reader.values()
    ]


def _is_discordant(
    cell: Cell, readings: Sequence[Reading], volumes: Sequence[MeasuredVolume]
) -> bool:
    own, own_volume = cell.reading, cell.measured_volume
    if own is not None and any(_differs(own, reading) for reading in readings):
        return True
    return own_volume is not None and any(
        _is_far(own_volume.volume_cc, volume.volume_cc) for volume in volumes
    )


def _is_far(volume_cc: Decimal, other_cc: Decimal) -> bool:
    """Return whether two volumes differ by more than the limit, in percent of their mean."""
    return 200 * abs(volume_cc - other_cc) > VolumeLimits().percent * float(volume_cc + other_cc)


def _list_answers(
    reading: Reading | None, contours: VolumeReading | None
) -> tuple[Reading | VolumeReading, ...]:
    return tuple(answer for answer in (reading, contours) if answer is not None)


def _determine_state(cell: Cell, *, is_draft: bool) -> CellState:
    if _list_answers(cell.reading, cell.contours):
        return CellState.DRAFT if is_draft else CellState.SIGNED
    return CellState.UNREAD if cell.status is CellStatus.UNREAD else CellState.NO_IMAGE


def _differs(reading: Reading, other_reading: Reading) -> bool:
    if reading.length_mm is None or other_reading.length_mm is None:
        lengthless = {reading.answer, other_reading.answer}
        return lengthless != {Answer.NOT_MEASURABLE}
    return abs(reading.length_mm - other_reading.length_mm) > DISCORDANT_MM
