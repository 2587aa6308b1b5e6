"""The cells of a lesion's timeline: each sequence of each time point, and what holds for it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum

import attrs
from attrs import field, frozen

from opp_mri.domain.contour import MeasuredVolume, VolumeReading
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Lesion, Reading
from opp_mri.units import count_days
from opp_mri.workflow.catalogue.patients import TimePoint
from opp_mri.workflow.measuring.contours import measure_contours
from opp_mri.workflow.measuring.seeds import Phase, covers, determine_phase


class CellStatus(StrEnum):
    """What is known of a lesion on one sequence of one time point."""

    MEASURED = "measured"
    GONE = "gone"
    NOT_MEASURABLE = "not_measurable"
    VOLUME_DRAWN = "volume_drawn"  # contours, and no answer about the length
    UNREAD = "unread"  # a series is there, no reading yet
    NOT_COVERED = "not_covered"  # a series of the role is there, but not at the lesion
    IN_DOUBT = "in_doubt"  # a series that may have the role waits for a reader to settle it
    NO_MR = "no_mr"  # the studies of this day hold no MR at all
    MISSING = "missing"  # no series of the role


@frozen(kw_only=True)
class Cell:
    """One sequence of one time point of a lesion.

    Parameters
    ----------
    flags
        What differs in acquisition from the sequence's baseline, in sentences.
    contours
        The contours that hold for the cell, or None.
    measured_volume
        The volume within them; None where there are none or it cannot be computed.
    """

    study_date: date
    days_from_ssrs: int
    phase: Phase
    sequence: SeriesRole
    status: CellStatus
    reading: Reading | None = None
    volume: VolumeDescription | None = field(default=None, repr=False)
    flags: tuple[str, ...] = ()
    contours: VolumeReading | None = field(default=None, repr=False)
    measured_volume: MeasuredVolume | None = None


def build_cells(
    lesion: Lesion,
    points: Sequence[TimePoint],
    latest: Mapping[tuple[date, SeriesRole], Reading],
    measured_on: Mapping[tuple[date, SeriesRole], VolumeDescription],
    seeds: Mapping[str, Vector3],
    contoured_cells: Collection[tuple[date, SeriesRole]],
) -> list[Cell]:
    """Return every sequence of every time point of a lesion, by date and sequence.

    Parameters
    ----------
    points
        Time points of the patient.
    latest
        The answer that holds for each cell.
    measured_on
        The volume that holds the points of each answer.
    seeds
        Point of the lesion, LPS mm, by frame of reference.
    contoured_cells
        Cells that have contours.
    """
    by_date = {point.study_date: point for point in points if point.study_date}
    answered_cells = {*latest, *contoured_cells}
    known_sequences = {sequence for _, sequence in answered_cells} | {
        v.role
        for point in points
        for v in point.volumes
        if v.role and (v.selected or v.is_in_doubt)
    }
    sequences = [sequence for sequence in SeriesRole if sequence in known_sequences]
    cells = []
    for day in sorted(by_date.keys() | {day for day, _ in answered_cells}):
        volumes = by_date[day].volumes if day in by_date else ()
        for sequence in sequences:
            reading = latest.get((day, sequence))
            status, volume = _determine_status(reading, sequence, volumes, seeds)
            cells.append(
                Cell(
                    study_date=day,
                    days_from_ssrs=count_days(lesion.ssrs_last_date, day),
                    phase=determine_phase(lesion, day),
                    sequence=sequence,
                    status=status,
                    reading=reading,
                    volume=measured_on.get((day, sequence)) or volume,
                )
            )
    return cells


def _determine_status(
    reading: Reading | None,
    sequence: SeriesRole,
    volumes: Sequence[VolumeDescription],
    seeds: Mapping[str, Vector3],
) -> tuple[CellStatus, VolumeDescription | None]:
    """Return a cell's status, and the volume that a reader should open for it."""
    selected_volumes = [volume for volume in volumes if volume.selected and volume.role is sequence]
    covering = [volume for volume in selected_volumes if covers(volume, seeds) is not False]
    volume = covering[0] if covering else None
    if reading is not None:
        return CellStatus(reading.answer.value), volume
    if covering:
        return CellStatus.UNREAD, volume
    if selected_volumes:
        return CellStatus.NOT_COVERED, None
    if any(volume.is_in_doubt and volume.role is sequence for volume in volumes):
        return CellStatus.IN_DOUBT, None
    if volumes and all(volume.instance.modality not in ("MR", "") for volume in volumes):
        return CellStatus.NO_MR, None
    return CellStatus.MISSING, None


def find_measured_volumes(
    points: Iterable[TimePoint], latest: Mapping[tuple[date, SeriesRole], Reading]
) -> dict[tuple[date, SeriesRole], VolumeDescription]:
    """Return the volume on whose image each answer has its points."""
    by_frame: dict[tuple[str, int], VolumeDescription] = {}
    for volume in (volume for point in points for volume in point.volumes if volume.planes):
        for frame in volume.frames:
            by_frame.setdefault((frame.sop_instance_uid, frame.frame_number), volume)
    places = {
        key: (reading.caliper.sop_instance_uid, reading.caliper.frame_number)
        for key, reading in latest.items()
        if reading.caliper is not None
    }
    return {key: by_frame[place] for key, place in places.items() if place in by_frame}


def draw_cells(
    cells: Iterable[Cell],
    contours_by_cell: Mapping[tuple[date, SeriesRole], VolumeReading],
    volumes: Sequence[VolumeDescription],
) -> list[Cell]:
    """Return cells with the contours that hold for them, and the volume within these.

    Parameters
    ----------
    contours_by_cell
        Contours that hold, by cell.
    volumes
        The series that they may lie on.
    """
    new_cells = []
    for cell in cells:
        contours = contours_by_cell.get((cell.study_date, cell.sequence))
        if contours is None and cell.contours is None:
            new_cells.append(cell)
            continue
        measured_volume = None if contours is None else measure_contours(contours, volumes)
        status = cell.status
        if contours is not None and status is CellStatus.UNREAD:
            status = CellStatus.VOLUME_DRAWN
        elif contours is None and status is CellStatus.VOLUME_DRAWN:
            status = CellStatus.UNREAD
        new_cells.append(
            attrs.evolve(cell, contours=contours, measured_volume=measured_volume, status=status)
        )
    return new_cells
