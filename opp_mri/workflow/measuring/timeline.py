"""A lesion's timeline out of its project: readings by date, turned into days from SSRS."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import attrs
from attrs import frozen

from opp_mri.dicom.comparability import compare_acquisitions
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Answer, Lesion, Reading
from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.domain.timeline import Observation, Origin, Timeline, VolumeObservation
from opp_mri.domain.visit import Visit
from opp_mri.errors import InputError
from opp_mri.store.protocol import Store
from opp_mri.units import count_days
from opp_mri.workflow.catalogue.patients import list_time_points
from opp_mri.workflow.measuring.cells import (
    Cell,
    CellStatus,
    build_cells,
    draw_cells,
    find_measured_volumes,
)
from opp_mri.workflow.measuring.contours import (
    find_unsigned_contours,
    get_own_contours,
    select_latest_contours,
)
from opp_mri.workflow.measuring.events import convert_events
from opp_mri.workflow.measuring.readings import (
    find_signed_ids,
    find_unsigned_cells,
    get_own_readings,
    select_counted,
    select_latest_by_cell,
)
from opp_mri.workflow.measuring.seeds import Phase, carry_seed_to_frames
from opp_mri.workflow.measuring.suitability import OVERRIDDEN
from opp_mri.workflow.measuring.visits import get_recorded_visits

OLDEST_BASELINE_DAYS: Final = 42  # six weeks before the first fraction


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
        contour_readings = store.log_of(VolumeReading, lesion.lesion_id)
        signed_ids = find_signed_ids(store, lesion.lesion_id)
        counted_readings = select_counted(all_readings, signed_ids)
        counted_contours = select_counted(contour_readings, signed_ids)
        reader = _select_reader([*counted_readings, *counted_contours], reader)
        timeline = build_reader_timeline(
            store,
            lesion,
            reader,
            [reading for reading in counted_readings if reading.reader == reader],
            contours=[reading for reading in counted_contours if reading.reader == reader],
            counted_readings=counted_readings,
        )
    own = [reading for reading in all_readings if reading.reader == reader and not reading.repeat]
    own_drawn = [
        reading for reading in contour_readings if reading.reader == reader and not reading.repeat
    ]
    unsigned_cells = [
        *find_unsigned_cells(own, signed_ids),
        *find_unsigned_contours(own_drawn, signed_ids),
    ]
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
        store, lesion, reader, get_own_readings(store, lesion.lesion_id, reader),
        contours=get_own_contours(store, lesion.lesion_id, reader),
    )  # fmt: skip


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
        timeline=attrs.evolve(
            timeline.timeline,
            observations=_collect_observations(cells),
            volumes=_collect_volumes(cells),
        ),
        cells=tuple(cells),
        flags=tuple(_find_timeline_flags(timeline.lesion, cells)),
    )


def with_contours(
    timeline: LesionTimeline,
    contours: Sequence[VolumeReading],
    volumes: Sequence[VolumeDescription],
) -> LesionTimeline:
    """Return the same timeline with other contours of its reader in its cells; reads no store.

    Parameters
    ----------
    contours
        All that the reader drew for this lesion; each belongs to a cell that is there.
    volumes
        The series that they may lie on.
    """
    cells = draw_cells(timeline.cells, select_latest_contours(contours), volumes)
    volumes_cc = _collect_volumes(cells)
    return attrs.evolve(
        timeline,
        timeline=attrs.evolve(timeline.timeline, volumes=volumes_cc),
        cells=tuple(cells),
    )


def _build_cell(cell: Cell, reading: Reading | None) -> Cell:
    if reading is not None:
        return attrs.evolve(cell, reading=reading, status=CellStatus(reading.answer.value))
    answered_states = (CellStatus.MEASURED, CellStatus.GONE, CellStatus.NOT_MEASURABLE)
    status = cell.status
    if status in answered_states:
        status = CellStatus.UNREAD if cell.contours is None else CellStatus.VOLUME_DRAWN
    return attrs.evolve(cell, reading=None, status=status)


def build_reader_timeline(
    store: Store, lesion: Lesion, reader: str, readings: Sequence[Reading], *,
    contours: Sequence[VolumeReading] = (), counted_readings: Sequence[Reading] | None = None,
) -> LesionTimeline:  # fmt: skip
    """Return the timeline of a lesion by these readings of one reader, the latest of a cell last.

    Parameters
    ----------
    contours
        Contours of this reader, the latest of a cell last.
    counted_readings
        The lesion's readings of all readers that count, where they are at hand.
    """
    latest, latest_contours = select_latest_by_cell(readings), select_latest_contours(contours)
    points = list_time_points(store, lesion.patient_id)
    measured_on = find_measured_volumes(points, latest)
    cells = build_cells(
        lesion, points, latest, measured_on, carry_seed_to_frames(store, lesion, counted_readings),
        latest_contours.keys(),
    )  # fmt: skip
    cells = draw_cells(
        cells, latest_contours, [volume for point in points for volume in point.volumes]
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
            volumes=_collect_volumes(cells),
            events=convert_events(lesion, visits),
        ),
        cells=tuple(cells),
        flags=(*damage_messages, *_find_timeline_flags(lesion, cells)),
        visits=visits,
    )


def _select_reader(readings: Sequence[Reading | VolumeReading], reader: str | None) -> str:
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
    return reader or (readers[0] if readers else "")


def _find_origin(reading: Reading) -> Origin | None:
    """Return where a line comes from, as tables state it: an override stays visible there."""
    is_overridden = any(remark.startswith(OVERRIDDEN) for remark in reading.remarks)
    return Origin.OVERRIDE if is_overridden else reading.line_origin


def _collect_observations(cells: Iterable[Cell]) -> dict[SeriesRole, tuple[Observation, ...]]:
    by_sequence: dict[SeriesRole, list[Observation]] = defaultdict(list)
    for cell in cells:
        length_mm = cell.reading.length_mm if cell.reading else None
        if length_mm is not None and cell.phase is not Phase.DURING:
            origin = _find_origin(cell.reading) if cell.reading else None
            by_sequence[cell.sequence].append(Observation(cell.days_from_ssrs, length_mm, origin))
    return {
        sequence: tuple(by_sequence[sequence]) for sequence in SeriesRole if sequence in by_sequence
    }


def _collect_volumes(cells: Sequence[Cell]) -> dict[SeriesRole, tuple[VolumeObservation, ...]]:
    """Return the volumes within contours; where a sequence has any, “gone” is 0 cc on it."""
    by_sequence: dict[SeriesRole, list[VolumeObservation]] = defaultdict(list)
    contoured_sequences = {cell.sequence for cell in cells if cell.measured_volume is not None}
    for cell in cells:
        if cell.sequence not in contoured_sequences or cell.phase is Phase.DURING:
            continue
        error_cc = None
        if cell.measured_volume is not None:
            volume_cc = cell.measured_volume.volume_cc
            error_cc = cell.measured_volume.standard_error_cc
        elif cell.contours is None and cell.status is CellStatus.GONE:
            volume_cc = Decimal(0)
        else:
            continue
        by_sequence[cell.sequence].append(
            VolumeObservation(cell.days_from_ssrs, volume_cc, error_cc)
        )
    return {role: tuple(by_sequence[role]) for role in SeriesRole if role in by_sequence}


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
        is_new = tuple(flags) != cell.flags
        flagged_cells.append(attrs.evolve(cell, flags=tuple(flags)) if is_new else cell)
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
