"""A lesion's timeline out of its project: readings by date, turned into days from SSRS."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import attrs
from attrs import field, frozen

from opp_mri.dicom.comparability import compare_acquisitions
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Answer, Lesion, Reading
from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.domain.timeline import EventKind, Observation, Origin, Timeline, TreatmentEvent
from opp_mri.domain.visit import Visit, derive_events
from opp_mri.errors import InputError
from opp_mri.store.protocol import Store
from opp_mri.units import count_days
from opp_mri.workflow.catalogue.patients import TimePoint, list_time_points
from opp_mri.workflow.measuring.readings import (
    find_signed_ids,
    find_unsigned_cells,
    get_own_readings,
    select_counted,
    select_latest_by_cell,
)
from opp_mri.workflow.measuring.seeds import Phase, carry_seed_to_frames, covers, determine_phase
from opp_mri.workflow.measuring.suitability import OVERRIDDEN
from opp_mri.workflow.measuring.visits import get_recorded_visits

OLDEST_BASELINE_DAYS: Final = 42  # six weeks before the first fraction


class CellStatus(StrEnum):
    """What is known of a lesion on one sequence of one time point."""

    MEASURED = "measured"
    GONE = "gone"
    NOT_MEASURABLE = "not_measurable"
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
    """

    study_date: date
    days_from_ssrs: int
    phase: Phase
    sequence: SeriesRole
    status: CellStatus
    reading: Reading | None = None
    volume: VolumeDescription | None = field(default=None, repr=False)
    flags: tuple[str, ...] = ()


@frozen(kw_only=True)
class LesionTimeline:
    """A lesion with its timeline and all that a reader should know of it.

    Parameters
    ----------
    reader
        Whose readings these are; "" where there are none.
    timeline
        What the rules are given: no time point between first and last fraction is in it.
    cells
        Every sequence of every time point, by date and sequence.
    flags
        What is unusual about the whole, in sentences.
    visits
        Findings at visits other than lengths, by date.
    """

    lesion: Lesion
    reader: str
    timeline: Timeline
    cells: tuple[Cell, ...]
    flags: tuple[str, ...]
    visits: tuple[Visit, ...] = ()


def build_lesion_timeline(
    store: Store, lesion: Lesion, *, reader: str | None = None
) -> LesionTimeline:
    """Return the timeline of a lesion by one reader, of the readings that count.

    Parameters
    ----------
    reader
        Whose readings count; None where only one reader has measured the lesion.

    Raises
    ------
    InputError
        Several readers measured the lesion and none was named, or the named one did not.
    """
    with store.hold_snapshot():
        all_readings = store.get_readings(lesion.lesion_id)
        signed_ids = find_signed_ids(store, lesion.lesion_id)
        counted_readings = select_counted(all_readings, signed_ids)
        reader, readings = _select_reader(counted_readings, reader)
        timeline = build_reader_timeline(
            store, lesion, reader, readings, counted_readings=counted_readings
        )
    own = [reading for reading in all_readings if reading.reader == reader and not reading.repeat]
    unsigned_cells = find_unsigned_cells(own, signed_ids)
    if not unsigned_cells:
        return timeline
    flag = (
        f"{len(unsigned_cells)} "
        f"{'answer is a draft' if len(unsigned_cells) == 1 else 'answers are drafts'} "
        "and not counted: sign in the reading room."
    )
    return attrs.evolve(timeline, flags=(*timeline.flags, flag))


def build_draft_timeline(store: Store, lesion: Lesion, reader: str) -> LesionTimeline:
    """Return the timeline of a lesion as one reader has it now, drafts too."""
    return build_reader_timeline(
        store, lesion, reader, get_own_readings(store, lesion.lesion_id, reader)
    )


def with_readings(timeline: LesionTimeline, readings: Sequence[Reading]) -> LesionTimeline:
    """Return the same timeline with other readings of its reader in its cells; reads no store.

    Parameters
    ----------
    readings
        All that the reader recorded for this lesion; each belongs to a cell that is there.
    """
    latest = select_latest_by_cell(readings)
    cells = [_build_cell(cell, latest.get((cell.study_date, cell.sequence))) for cell in
             timeline.cells]  # fmt: skip
    cells = _flag_cells(cells)
    return attrs.evolve(
        timeline,
        timeline=attrs.evolve(timeline.timeline, observations=_collect_observations(cells)),
        cells=tuple(cells),
        flags=tuple(_find_timeline_flags(timeline.lesion, cells)),
    )


def _build_cell(cell: Cell, reading: Reading | None) -> Cell:
    if reading is not None:
        return attrs.evolve(cell, reading=reading, status=CellStatus(reading.answer.value))
    answered_states = (CellStatus.MEASURED, CellStatus.GONE, CellStatus.NOT_MEASURABLE)
    status = CellStatus.UNREAD if cell.status in answered_states else cell.status
    return attrs.evolve(cell, reading=None, status=status)


def build_reader_timeline(
    store: Store, lesion: Lesion, reader: str, readings: Sequence[Reading], *,
    counted_readings: Sequence[Reading] | None = None,
) -> LesionTimeline:  # fmt: skip
    """Return the timeline of a lesion by these readings of one reader, the latest of a cell last.

    Parameters
    ----------
    counted_readings
        The lesion's readings of all readers that count, where they are at hand.
    """
    latest = select_latest_by_cell(readings)
    points = list_time_points(store, lesion.patient_id)
    measured_on = _find_measured_volumes(points, latest)
    cells = _build_cells(
        lesion, points, latest, measured_on, carry_seed_to_frames(store, lesion, counted_readings)
    )
    cells = _flag_cells(cells)
    visits = get_recorded_visits(store, lesion.lesion_id)
    damage_messages = [damage.message for damage in store.list_damages(lesion.lesion_id)]
    return LesionTimeline(
        lesion=lesion,
        reader=reader,
        timeline=Timeline(
            lesion_id=lesion.lesion_id,
            first_fraction_day=count_days(lesion.ssrs_last_date, lesion.ssrs_first_date),
            observations=_collect_observations(cells),
            events=convert_events(lesion, visits),
        ),
        cells=tuple(cells),
        flags=(*damage_messages, *_find_timeline_flags(lesion, cells)),
        visits=visits,
    )


def convert_events(lesion: Lesion, visits: Sequence[Visit] = ()) -> tuple[TreatmentEvent, ...]:
    """Return a lesion's events in days from SSRS: exclusions, recorded ones, those of its visits.

    What was found at a visit and is recorded as an event of the same day too is given once.
    """
    exclusions = [
        TreatmentEvent(0, EventKind.EXCLUSION, exclusion.value) for exclusion in lesion.exclusions
    ]
    dated_events = [
        TreatmentEvent(count_days(lesion.ssrs_last_date, event.date), event.kind, event.value)
        for event in lesion.events
    ]
    return (*exclusions, *dated_events, *find_visit_events(lesion, visits, dated_events))


def find_visit_events(
    lesion: Lesion, visits: Sequence[Visit], recorded_events: Iterable[TreatmentEvent]
) -> tuple[TreatmentEvent, ...]:
    """Return the events that follow from visits and are not among those recorded."""
    known_events = {(event.days_from_ssrs, event.kind) for event in recorded_events}
    events = [
        TreatmentEvent(count_days(lesion.ssrs_last_date, event.date), event.kind, event.value)
        for event in derive_events(visits, lesion.ssrs_first_date)
    ]
    return tuple(
        event for event in events if (event.days_from_ssrs, event.kind) not in known_events
    )


def _select_reader(
    readings: Sequence[Reading], reader: str | None
) -> tuple[str, Sequence[Reading]]:
    readers = sorted({reading.reader for reading in readings})
    if reader is None and CONSENSUS in readers:  # the measurements of the source paper
        reader = CONSENSUS
    if reader is None and len(readers) > 1:
        raise InputError(
            f"{len(readers)} readers measured this lesion: name one with --reader "
            f"({', '.join(readers)})."
        )
    if reader is not None and readers and reader not in readers:
        raise InputError(f"Reader {reader} has not measured this lesion; {', '.join(readers)} did.")
    chosen_reader = reader or (readers[0] if readers else "")
    return chosen_reader, [reading for reading in readings if reading.reader == chosen_reader]


def _build_cells(
    lesion: Lesion,
    points: Sequence[TimePoint],
    latest: Mapping[tuple[date, SeriesRole], Reading],
    measured_on: Mapping[tuple[date, SeriesRole], VolumeDescription],
    seeds: Mapping[str, Vector3],
) -> list[Cell]:
    by_date = {point.study_date: point for point in points if point.study_date}
    read_sequences = {sequence for _, sequence in latest}
    offered_sequences = {
        v.role
        for point in points
        for v in point.volumes
        if v.role and (v.selected or v.is_in_doubt)
    }
    cells = []
    for day in sorted(by_date.keys() | {day for day, _ in latest}):
        volumes = by_date[day].volumes if day in by_date else ()
        for sequence in SeriesRole:
            if sequence not in read_sequences | offered_sequences:
                continue
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
    covering_volumes = [volume for volume in selected_volumes if covers(volume, seeds) is not False]
    volume = covering_volumes[0] if covering_volumes else None
    if reading is not None:
        return CellStatus(reading.answer.value), volume
    if covering_volumes:
        return CellStatus.UNREAD, volume
    if selected_volumes:
        return CellStatus.NOT_COVERED, None
    if any(volume.is_in_doubt and volume.role is sequence for volume in volumes):
        return CellStatus.IN_DOUBT, None
    if volumes and all(volume.instance.modality not in ("MR", "") for volume in volumes):
        return CellStatus.NO_MR, None
    return CellStatus.MISSING, None


def _find_measured_volumes(
    points: Iterable[TimePoint], latest: Mapping[tuple[date, SeriesRole], Reading]
) -> dict[tuple[date, SeriesRole], VolumeDescription]:
    """Return the volume on whose image each reading has its points."""
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


def _find_origin(reading: Reading) -> Origin:
    """Return where a length comes from, as tables state it: an override stays visible there."""
    is_overridden = any(remark.startswith(OVERRIDDEN) for remark in reading.remarks)
    return Origin.OVERRIDE if is_overridden else reading.origin


def _collect_observations(cells: Iterable[Cell]) -> dict[SeriesRole, tuple[Observation, ...]]:
    by_sequence: dict[SeriesRole, list[Observation]] = defaultdict(list)
    for cell in cells:
        length_mm = cell.reading.length_mm if cell.reading else None
        if length_mm is not None and cell.phase is not Phase.DURING:
            origin = _find_origin(cell.reading) if cell.reading else Origin.DRAWN
            by_sequence[cell.sequence].append(Observation(cell.days_from_ssrs, length_mm, origin))
    return {
        sequence: tuple(by_sequence[sequence]) for sequence in SeriesRole if sequence in by_sequence
    }


def _find_baseline(cells: Iterable[Cell], sequence: SeriesRole) -> Cell | None:
    before = [
        cell
        for cell in cells
        if cell.sequence is sequence
        and cell.phase is Phase.BEFORE
        and cell.reading
        and cell.reading.answer is not Answer.NOT_MEASURABLE
    ]
    return before[-1] if before else None


def _flag_cells(cells: list[Cell]) -> list[Cell]:
    """Compare each follow-up with its sequence's baseline."""
    baselines = {sequence: _find_baseline(cells, sequence) for sequence in SeriesRole}
    flagged_cells = []
    for cell in cells:
        baseline = baselines[cell.sequence]
        flags: list[str] = list(cell.reading.remarks) if cell.reading else []
        if (
            cell.reading
            and cell.volume
            and cell.phase is Phase.AFTER
            and baseline
            and baseline.volume
        ):
            flags += compare_acquisitions(cell.sequence, baseline.volume, cell.volume)
        flagged_cells.append(attrs.evolve(cell, flags=tuple(flags)))
    return flagged_cells


def _find_timeline_flags(lesion: Lesion, cells: Sequence[Cell]) -> list[str]:
    flags = []
    for sequence in SeriesRole:
        baseline = _find_baseline(cells, sequence)
        if baseline is None:
            continue
        age_days = count_days(baseline.study_date, lesion.ssrs_first_date)
        if age_days > OLDEST_BASELINE_DAYS:
            flags.append(
                f"The {sequence.value} baseline is {age_days} days older than the first fraction: "
                "more than six weeks."
            )
        if age_days == 0:
            flags.append(
                f"The {sequence.value} baseline was acquired on the day of the first fraction and "
                "is treated as before it."
            )
    during = sorted(
        {cell.study_date for cell in cells if cell.phase is Phase.DURING and cell.reading}
    )
    flags += [
        f"The study of {day} lies between first and last fraction: neither baseline nor follow-up."
        for day in during
    ]
    return flags
