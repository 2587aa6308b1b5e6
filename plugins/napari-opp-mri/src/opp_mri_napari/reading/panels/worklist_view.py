"""The worklist as a snapshot: lesions and sequences by time points."""

from collections import defaultdict
from datetime import date
from typing import Final

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer
from opp_mri.domain.reader_study import Blinding, ShownDates
from opp_mri.units import count_days, weeks_from_days
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.reading_room.worklist import CellState, WorkCell, WorkLesion, Worklist
from opp_mri_napari.reading.panels.panel_views import (
    CellLook,
    CellRef,
    WorklistCell,
    WorklistRow,
    WorklistView,
)
from opp_mri_napari.reading.panels.side_views import describe_answer
from opp_mri_napari.reading.panels.worklist_order import WorklistOrder, look_of
from opp_mri_napari.shared.volume_words import format_volume

TIPS: Final = {
    CellState.UNREAD: "not read yet",
    CellState.DRAFT: "draft, not signed",
    CellState.SIGNED: "signed",
    CellState.DISCORDANT: "signed; another reader's answer differs",
    CellState.NO_IMAGE: "no series of this sequence",
}
SIGNED: Final = (CellState.SIGNED, CellState.DISCORDANT)


def build_worklist_view(
    worklist: Worklist | None, current: CellRef | None, order: WorklistOrder, *,
    blinding: Blinding | None = None,
) -> WorklistView:  # fmt: skip
    """Return the worklist as it is drawn.

    Parameters
    ----------
    order
        Which rows are shown.
    blinding
        What is hidden: lengths in any blinded read, and days where the protocol says so.
    """
    if worklist is None:
        return WorklistView(columns=(), rows=(), search=order.search, look=order.look)
    rows = [
        row
        for lesion in worklist.lesions
        for row in _build_rows(worklist, lesion, current, order, blinding)
    ]
    cells = [cell for lesion in worklist.lesions for cell in lesion.cells]
    states = [cell.state for cell in cells]
    amendments = sum(cell.amends for cell in cells)
    return WorklistView(
        columns=_list_columns(rows, worklist, current, blinding),
        rows=tuple(rows),
        patients_without_lesion=worklist.patients_without_lesion,
        signed=sum(state in SIGNED for state in states) + amendments,
        drafts=states.count(CellState.DRAFT) - amendments,
        unread=states.count(CellState.UNREAD),
        in_doubt=sum(look_of(cell) is CellLook.IN_DOUBT for cell in cells),
        amendments=amendments,
        search=order.search,
        look=order.look,
    )


def _list_columns(
    rows: list[WorklistRow], worklist: Worklist, current: CellRef | None, blinding: Blinding | None
) -> tuple[str, ...]:
    """Name the columns, with the weeks of the lesion that is read."""
    count = max((len(row.cells) for row in rows), default=0)
    names = [f"TP{n}" for n in range(count)]
    lesion = next(
        (
            lesion
            for lesion in worklist.lesions
            if current and lesion.lesion.lesion_id == current.lesion_id
        ),
        None,
    )
    if lesion is None or blinding is not None:
        return tuple(names)
    for n, day in enumerate(worklist.study_dates[lesion.patient_id][:count]):
        names[n] = f"{names[n]}\n{write_short_weeks(count_days(lesion.lesion.ssrs_last_date, day))}"
    return tuple(names)


def write_short_weeks(days: int) -> str:
    """Write whole weeks from SSRS in short, such as `+11 w`."""
    weeks = round(weeks_from_days(days))
    return f"{weeks:+d} w" if weeks else "0 w"


def _build_rows(
    worklist: Worklist, lesion: WorkLesion, current: CellRef | None, order: WorklistOrder,
    blinding: Blinding | None,
) -> list[WorklistRow]:  # fmt: skip
    days = worklist.study_dates[lesion.patient_id]
    by_sequence: dict[SeriesRole, dict[date, WorkCell]] = defaultdict(dict)
    for cell in lesion.cells:
        by_sequence[cell.sequence][cell.study_date] = cell
    rows = []
    for sequence in SeriesRole:
        if not order.is_shown(lesion, sequence):
            continue
        cells = tuple(
            _build_cell(lesion, by_sequence[sequence][day], current, days[0], blinding)
            if day in by_sequence[sequence]
            else None
            for day in days
        )
        rows.append(
            WorklistRow(
                patient_id=lesion.patient_id,
                lesion_id=lesion.lesion.lesion_id,
                level=lesion.lesion.level,
                sequence=sequence,
                cells=cells,
                current=any(cell is not None and cell.current for cell in cells),
            )
        )
    return rows


def _build_cell(
    lesion: WorkLesion, cell: WorkCell, current: CellRef | None, first_day: date,
    blinding: Blinding | None,
) -> WorklistCell:  # fmt: skip
    ref = CellRef(patient_id=lesion.patient_id, lesion_id=lesion.lesion.lesion_id,
                  study_date=cell.study_date, sequence=cell.sequence)  # fmt: skip
    reading, text, tip = cell.reading, "", TIPS[cell.state]
    if cell.amends:
        tip = "signed; a draft that amends it waits for a signature"
    volume = _describe_volume(cell)
    if cell.answers and blinding is not None:
        text = "•"
    elif reading is not None:
        short = {Answer.GONE: "gone", Answer.NOT_MEASURABLE: "n/m"}
        text = short.get(reading.answer, str(reading.length_mm))
        words = ", ".join(part for part in (describe_answer(reading), volume) if part)
        tip = " ".join([f"{words}: {tip}.", *reading.remarks])
    elif volume:
        text, tip = "vol", f"{volume}, no length: {tip}."
    elif cell.status is CellStatus.NOT_COVERED:
        tip = "the series does not reach the lesion"
    elif cell.status is CellStatus.IN_DOUBT:
        remedy = "U chooses it" if blinding is None else "the coordinator settles it"
        tip = f"a series may be it and is in doubt: its pane says why, {remedy}"
    elif cell.status is CellStatus.NO_MR:
        tip = "this study holds no MR"
    when = _describe_time(lesion, cell.study_date, first_day, blinding)
    return WorklistCell(
        ref=ref, look=look_of(cell), text=text,
        tip=", ".join(part for part in (when, cell.sequence.value, tip) if part),
        current=ref == current,
    )  # fmt: skip


def _describe_volume(cell: WorkCell) -> str:
    if cell.contours is None:
        return ""
    if cell.measured_volume is None:
        return "volume drawn"
    return f"volume {format_volume(cell.measured_volume)}"


def _describe_time(
    lesion: WorkLesion, day: date, first_day: date, blinding: Blinding | None
) -> str:
    """State when a time point was, as far as the reader may know."""
    if blinding is None:
        weeks = weeks_from_days(count_days(lesion.lesion.ssrs_last_date, day))
        return f"{day}, {weeks:+.1f} weeks"
    return "" if blinding.dates is ShownDates.HIDDEN else f"day {count_days(first_day, day)}"
