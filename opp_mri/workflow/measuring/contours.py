"""Contours of a lesion: drawn on the slices of one series, and the volume within them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Final
from uuid import uuid4

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from opp_mri.contours.live_wire import tidy_polygon, trace_edge
from opp_mri.contours.overlap import Overlap, compare_contours
from opp_mri.contours.volume import Parts, Polygon, Stack, interpolate_slices, measure_volume
from opp_mri.domain.contour import (
    LEAST_POINTS,
    Contour,
    MeasuredVolume,
    ReferenceVertebra,
    VolumeReading,
    compute_area,
    find_contour_faults,
    find_volume_reading_faults,
    has_crossing_sides,
)
from opp_mri.domain.imaging import SeriesRole, Usability, VolumeDescription
from opp_mri.domain.measurement import Edit, PixelPoint
from opp_mri.domain.reader_study import CONSENSUS, Unblinding
from opp_mri.errors import GeometryError
from opp_mri.store.protocol import Store
from opp_mri.units import LARGEST_CC, RECORDED_PRECISION_CC
from opp_mri.workflow.measuring.readings import find_signed_ids, select_counted
from opp_mri.workflow.measuring.suitability import explain_unsuitable

MOST_TIDIED: Final = 0.05  # share of its area that a contour may lose where it crosses itself

CellKey = tuple[date, SeriesRole]


@frozen(kw_only=True)
class MeasuredContours:
    """Contours with the volume within them.

    Parameters
    ----------
    volume
        None where there are none, or where their series is not at hand.
    counts
        Whether they are signed, or came in signed.
    """

    reading: VolumeReading
    volume: MeasuredVolume | None
    counts: bool


def follow_edge(
    image: NDArray[np.generic], start: PixelPoint, end: PixelPoint
) -> tuple[PixelPoint, ...]:
    """Return the path along the edges of a native image between two clicks, both included."""
    return trace_edge(image, start, end)


def close_contour(volume: VolumeDescription, place: int, points: Sequence[PixelPoint]) -> Contour:
    """Make a closed contour of the points that a reader drew on one image.

    Parameters
    ----------
    volume
        The series.
    place
        Which of its frames, from 0.
    points
        Corners (column, row) in pixels; what runs along itself is left out.

    Raises
    ------
    GeometryError
        They enclose no area, lie outside the image, or cross so that it is not clear what they
        enclose.
    """
    frame = volume.frames[place]
    corners = tuple(dict.fromkeys((float(column), float(row)) for column, row in points))
    if len(corners) >= LEAST_POINTS and has_crossing_sides(corners):
        tidy_corners = tidy_polygon(corners)
        before, after = (compute_area(polygon, (1.0, 1.0)) for polygon in (corners, tidy_corners))
        if abs(before - after) > MOST_TIDIED * max(before, after):
            raise GeometryError(
                "The contour crosses itself: take the last points back (Ctrl+Z) and close it again."
            )
        corners = tidy_corners
    contour = Contour(
        sop_instance_uid=frame.sop_instance_uid, frame_number=frame.frame_number, points=corners
    )
    faults = find_contour_faults(contour, volume.planes[place])
    if faults:
        raise GeometryError(f"{faults[0]} Click around the lesion, then press Enter.")
    return contour


def draft_contours(
    cell: CellKey,
    lesion_id: str,
    volume: VolumeDescription,
    contours: Iterable[Contour],
    *,
    reference: ReferenceVertebra | None = None,
    reader: str,
    at: datetime,
) -> VolumeReading:
    """Make the draft of a lesion's contours on one series.

    Parameters
    ----------
    cell
        Time point and sequence that they belong to.
    volume
        The series that they lie on.
    contours
        All that hold from now on, those of a slice in the order of drawing; none takes the
        earlier ones back.
    reference
        A vertebra that was not irradiated, on the same series, or None.

    Raises
    ------
    GeometryError
        The series is of another visit, no volume can be taken on it, or a contour is not a simple
        polygon on its image.
    """
    contours = tuple(contours)
    if contours:
        refusal = explain_other_visit(volume, cell[0]) or explain_no_volume(volume, cell[1])
        faults = find_faults_on(volume, (*contours, *(reference.contours if reference else ())))
        if refusal or faults:
            raise GeometryError(refusal or f"{faults[0]} Nothing was recorded: draw it again.")
    reading = VolumeReading(
        reading_id=str(uuid4()),
        lesion_id=lesion_id,
        sequence=cell[1],
        reader=reader,
        study_date=cell[0],
        contours=_sort_by_slice(volume, contours),
        reference=reference,
        draft=True,
        recorded_at=at,
    )
    faults = find_volume_reading_faults(reading)
    if faults:
        raise GeometryError(
            f"{faults[0]} Nothing was recorded: draw parts of the lesion apart, and a hole within "
            "its part."
        )
    implausible = explain_implausible(reading, volume)
    if implausible:
        raise GeometryError(f"{implausible} Nothing was recorded: draw around the lesion.")
    return reading


def explain_implausible(reading: VolumeReading, volume: VolumeDescription) -> str:
    """Explain why contours on a series enclose no volume of a lesion; "" where they do.

    A volume of 0 cc would say that the lesion is gone, which is an answer and never a contour.
    """
    if not reading.contours or find_series(reading, [volume]) is None:
        return ""
    measured_volume = _measure(*_build_stack(volume, reading.contours))
    if measured_volume is None:
        return f"The contours enclose more than {LARGEST_CC:,} cc."
    if not measured_volume.volume_cc:
        return f"The contours enclose less than {RECORDED_PRECISION_CC} cc."
    return ""


def explain_other_visit(volume: VolumeDescription, study_date: date) -> str:
    """Explain why contours on a series do not belong to a visit; "" where they do.

    A visit has the date of the study, or, in a study with copies of an earlier one, the day of
    acquisition; a copy has that of its original.
    """
    days = {volume.study_date, volume.instance.acquisition_date} - {None}
    if volume.duplicate_of or not days or study_date in days:
        return ""
    return (
        f"The series is of {volume.study_date or volume.instance.acquisition_date}, not of "
        f"{study_date}: draw on a series of this visit."
    )


def explain_no_volume(volume: VolumeDescription, sequence: SeriesRole) -> str:
    """Explain why contours on a series give no volume of a sequence; "" where they do."""
    unsuitable = explain_unsuitable(volume, sequence)
    if unsuitable:
        return f"{unsuitable} Draw on a sagittal series of the sequence."
    if volume.usability is not Usability.VOLUME or not volume.slice_spacing_mm:
        return (
            "The slices of this series are not evenly spaced, so contours on them give no volume: "
            "draw on another series of the sequence."
        )
    return ""


def find_faults_on(volume: VolumeDescription, contours: Iterable[Contour]) -> list[str]:
    """Return, as sentences, what is wrong with contours on a series; none where they are sound."""
    faults = []
    for contour in contours:
        plane = volume.get_plane(contour.sop_instance_uid, contour.frame_number)
        if plane is None:
            faults.append("A contour lies on an image of another series.")
        else:
            faults += find_contour_faults(contour, plane)
    return faults


def find_series(
    reading: VolumeReading, volumes: Iterable[VolumeDescription]
) -> VolumeDescription | None:
    """Return the series that holds all contours of a reading, or None."""
    images = {contour.image for contour in reading.all_contours}
    return next(
        (volume for volume in volumes if volume.planes and images <= set(volume.frames)), None
    )


def measure_contours(
    reading: VolumeReading, volumes: Iterable[VolumeDescription]
) -> MeasuredVolume | None:
    """Compute the volume within a reading's contours, by the headers of their series.

    None where there are no contours, where no series that is at hand holds them all evenly
    spaced, or where they enclose more than a person.
    """
    volume = find_series(reading, volumes) if reading.contours else None
    if volume is None or explain_no_volume(volume, reading.sequence):
        return None
    return measure_outlined(reading.contours, volume)


def measure_outlined(
    contours: Sequence[Contour], volume: VolumeDescription
) -> MeasuredVolume | None:
    """Compute the volume within contours of one series with evenly spaced slices."""
    return _measure(*_build_stack(volume, contours))


def list_measured_contours(store: Store, lesion_id: str | None = None) -> list[MeasuredContours]:
    """Return all contours of one lesion, or of all, in the order of their recording."""
    signed_ids = find_signed_ids(store, lesion_id)
    drawings = []
    for reading in store.log_of(VolumeReading, lesion_id):
        drawings.append(
            MeasuredContours(
                reading=reading,
                volume=measure_contours(reading, find_images(store, reading)),
                counts=bool(select_counted([reading], signed_ids)),
            )
        )
    return drawings


def get_independent_contours(store: Store, lesion_id: str) -> list[VolumeReading]:
    """Return the counted contours of a lesion that readers can hold against each other.

    As `get_independent_readings` does for lengths: no consensus, and nothing after the blinding.
    """
    late = store.get_readings_after(Unblinding)
    return [
        reading
        for reading in select_counted(
            store.log_of(VolumeReading, lesion_id), find_signed_ids(store, lesion_id)
        )
        if reading.reader != CONSENSUS and reading.reading_id not in late
    ]


def find_images(store: Store, reading: VolumeReading) -> list[VolumeDescription]:
    """Return the series that hold the first image of a reading's contours, originals first."""
    volumes = [
        volume
        for contour in reading.contours[:1]
        for volume in store.get_volumes_with_frame(contour.sop_instance_uid, contour.frame_number)
    ]
    return sorted(volumes, key=lambda volume: bool(volume.duplicate_of))


def outline_slices(contours: Sequence[Contour], volume: VolumeDescription) -> Mapping[int, Parts]:
    """Return the outlines on each slice, drawn or interpolated, by its index."""
    return {**group_by_slice(contours, volume), **interpolate_contours(contours, volume)}


def compare_readings(
    first: VolumeReading, second: VolumeReading, volume: VolumeDescription
) -> Overlap | None:
    """Compare two readers' contours on one series, as `compare_contours` does."""
    outlines = [outline_slices(reading.contours, volume) for reading in (first, second)]
    _, stack = _build_stack(volume, first.contours)
    return compare_contours(outlines[0], outlines[1], stack)


def group_by_slice(contours: Iterable[Contour], volume: VolumeDescription) -> dict[int, Parts]:
    """Return the polygons of contours by the index of the slice of their series."""
    parts_by_slice: dict[int, list[Polygon]] = defaultdict(list)
    for contour in contours:
        parts_by_slice[volume.frames.index(contour.image)].append(contour.points)
    return {index: tuple(parts) for index, parts in parts_by_slice.items()}


def interpolate_contours(
    contours: Sequence[Contour], volume: VolumeDescription
) -> Mapping[int, Parts]:
    """Return the outlines on the slices between contours that have none, by index of the slice."""
    if not volume.slice_spacing_mm or not contours:
        return {}
    return _interpolate(*_build_stack(volume, contours))


def get_own_contours(store: Store, lesion_id: str, reader: str) -> list[VolumeReading]:
    """Return all contours of a lesion by a reader, drafts too, hidden repeats left out."""
    return [
        reading
        for reading in store.log_of(VolumeReading, lesion_id)
        if reading.reader == reader and not reading.repeat
    ]


def select_latest_contours(
    readings: Iterable[VolumeReading],
) -> Mapping[CellKey, VolumeReading]:
    """Return the contours that hold for each cell, of one lesion and one reader."""
    latest = {reading.cell: reading for reading in readings}
    return {cell: reading for cell, reading in latest.items() if reading.contours}


def find_unsigned_contours(
    readings: Sequence[VolumeReading], signed: frozenset[str]
) -> list[VolumeReading]:
    """Return the latest contours of each cell of one lesion and reader that are not signed."""
    counted_by_cell = {
        reading.cell: reading
        for reading in readings
        if not reading.draft or reading.reading_id in signed
    }
    latest = {reading.cell: reading for reading in readings}
    return [
        reading
        for reading in latest.values()
        if reading.draft
        and reading.reading_id not in signed
        and _needs_signature(reading, counted_by_cell)
    ]


def _needs_signature(
    reading: VolumeReading, counted_by_cell: Mapping[CellKey, VolumeReading]
) -> bool:
    """Return whether contours differ from those that count: else they need no signature."""
    before = counted_by_cell.get(reading.cell)
    if before is None:
        return bool(reading.contours)
    return reading.edit is not Edit.UNDONE or not reading.has_equal_contours(before)


def _sort_by_slice(volume: VolumeDescription, contours: Iterable[Contour]) -> tuple[Contour, ...]:
    return tuple(sorted(contours, key=lambda contour: volume.frames.index(contour.image)))


def _build_stack(
    volume: VolumeDescription, contours: Iterable[Contour]
) -> tuple[tuple[tuple[int, Parts], ...], Stack]:
    plane = volume.planes[0]
    stack = Stack(
        spacing_mm=(plane.column_spacing_mm, plane.row_spacing_mm),
        slice_spacing_mm=volume.slice_spacing_mm or 0.0,
    )
    return tuple(group_by_slice(contours, volume).items()), stack


@lru_cache(maxsize=512)
def _measure(polygons: tuple[tuple[int, Parts], ...], stack: Stack) -> MeasuredVolume | None:
    return measure_volume(dict(polygons), stack)


@lru_cache(maxsize=64)
def _interpolate(polygons: tuple[tuple[int, Parts], ...], stack: Stack) -> Mapping[int, Parts]:
    return interpolate_slices(dict(polygons), stack)
