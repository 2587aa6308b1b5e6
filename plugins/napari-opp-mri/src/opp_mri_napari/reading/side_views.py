"""What stands beside the panes: worklist, growth curve and sign-off, as snapshots."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from opp_mri.domain.assessment import MeasurementError, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, Reading
from opp_mri.units import format_mm, weeks_from_days
from opp_mri.workflow.assessing.assess import AssessedTimeline, assess_timeline
from opp_mri.workflow.measuring.readings import unsigned_cells
from opp_mri.workflow.measuring.timeline import CellStatus, LesionTimeline
from opp_mri.workflow.reading_room.room import RoomLesion
from opp_mri.workflow.reading_room.worklist import CellState, WorkCell, WorkLesion, Worklist
from opp_mri_napari.reading.views import (
    CellLook,
    CellRef,
    Curve,
    CurvePoint,
    SignOffView,
    TimelineView,
    WorklistCell,
    WorklistRow,
    WorklistView,
)

WINDOW_OPENS_DAYS = 91  # three months: from then on pseudoprogression is seen (Amini 2016)

LOOKS = {
    CellState.UNREAD: CellLook.UNREAD,
    CellState.DRAFT: CellLook.DRAFT,
    CellState.SIGNED: CellLook.SIGNED,
    CellState.DISCORDANT: CellLook.DISCORDANT,
    CellState.NO_IMAGE: CellLook.NO_IMAGE,
}
TIPS = {
    CellState.UNREAD: "not read yet",
    CellState.DRAFT: "draft, not signed",
    CellState.SIGNED: "signed",
    CellState.DISCORDANT: "signed; another reader says something else",
    CellState.NO_IMAGE: "no series of this sequence",
}


def worklist_view(
    worklist: Worklist | None, current: CellRef | None, *, blind: bool = False
) -> WorklistView:
    """Give the worklist as it is drawn; without lengths in a blinded read."""
    if worklist is None:
        return WorklistView(columns=(), rows=())
    rows = [
        row for lesion in worklist.lesions for row in _rows(worklist, lesion, current, blind=blind)
    ]
    states = [cell.state for lesion in worklist.lesions for cell in lesion.cells]
    return WorklistView(
        columns=tuple(f"TP{n}" for n in range(max((len(row.cells) for row in rows), default=0))),
        rows=tuple(rows),
        patients_without_lesion=worklist.patients_without_lesion,
        done=sum(state in (CellState.SIGNED, CellState.DISCORDANT) for state in states),
        open=sum(state in (CellState.UNREAD, CellState.DRAFT) for state in states),
    )


def next_unread(worklist: Worklist, after: CellRef | None) -> CellRef | None:
    """Give the unread cell that comes after one: in its lesion, then further, then from the top.

    Within a lesion all sequences of a time point come before the next time point.
    """
    refs = [
        (CellRef(patient_id=one.patient_id, lesion_id=one.lesion.lesion_id,
                 study_date=cell.study_date, sequence=cell.sequence), cell.state)
        for one in worklist.lesions
        for cell in one.cells
    ]  # fmt: skip
    order = [ref for ref, _ in refs]
    start = order.index(after) + 1 if after in order else 0
    around = refs[start:] + refs[:start]
    return next((ref for ref, state in around if state is CellState.UNREAD), None)


def timeline_view(
    timeline: LesionTimeline, patient_id: str, rules: Rules,
    *, counted: frozenset[str], current: CellRef | None, error: MeasurementError | None = None,
) -> TimelineView:  # fmt: skip
    """Give the growth curve and what the rules say of it.

    Parameters
    ----------
    error
        The project's own error of measurement; None for the stated default.
    """
    points: dict[SeriesRole, list[CurvePoint]] = defaultdict(list)
    for cell in timeline.cells:
        reading = cell.reading
        if reading is None or reading.length_mm is None:
            continue
        ref = CellRef(patient_id=patient_id, lesion_id=timeline.lesion.lesion_id,
                      study_date=cell.study_date, sequence=cell.sequence)  # fmt: skip
        points[cell.sequence].append(
            CurvePoint(
                weeks=weeks_from_days(cell.days_from_ssrs),
                length_mm=float(reading.length_mm),
                ref=ref,
                draft=reading.draft and reading.reading_id not in counted,
                current=ref == current,
            )
        )
    if not points:
        return TimelineView(hidden="Nothing is measured yet.")
    weighed = {} if error is None else {"error": error}
    found = assess_timeline(timeline.timeline, rules, **weighed)
    assessment = found.assessment
    return TimelineView(
        curves=tuple(Curve(sequence=one, points=tuple(points[one])) for one in SeriesRole if one in
                     points),
        category=assessment.category.value,
        rule=found.sentences[0] if found.sentences else "",
        sentences=(*found.sentences[1:], *timeline.flags),
        margin=_margin(found),
        window_weeks=(
            weeks_from_days(WINDOW_OPENS_DAYS), weeks_from_days(rules.criteria.window_days)
        ),
        events=tuple(
            (weeks_from_days(event.days_from_ssrs), event.kind.value.replace("_", " "))
            for event in timeline.timeline.events
        ),
    )  # fmt: skip


def _margin(found: AssessedTimeline) -> str:
    """Say how little would change the category, and how often it would be the same again."""
    margin = (
        "No change of one length would change the category."
        if found.margin_mm is None
        else f"A change of {format_mm(found.margin_mm)} in one length would change the category."
    )
    category = found.assessment.category
    if category is ResponseCategory.NOT_ELIGIBLE:
        return margin
    share = found.sureness.probabilities.get(category, 0.0)
    fragile = "Fragile: measured" if found.sureness.fragile(category) else "Measured"
    return f"{margin} {fragile} once more, it would be the same in {share:.0%}."


def sign_off_view(
    lesion: RoomLesion, weeks: Mapping[date, str], *, blind: bool = False
) -> SignOffView:
    """Give what a signature would cover, and what is missing.

    Parameters
    ----------
    weeks
        Name of each time point, by its date.
    blind
        Whether lengths are left out.
    """
    waiting = unsigned_cells(lesion.log, lesion.signed)
    unread: dict[date, list[str]] = defaultdict(list)
    for cell in lesion.timeline.cells:
        if cell.status is CellStatus.UNREAD:
            unread[cell.study_date].append(cell.sequence.value)
    missing = [f"{weeks.get(day, '')}: {', '.join(each)}" for day, each in unread.items()]
    name = f"{lesion.lesion.lesion_id} ({lesion.lesion.level})"
    return SignOffView(
        lesion=name,
        missing=tuple(missing),
        drafts=tuple(
            f"{weeks.get(one.study_date, '')} {one.sequence.value}"
            + ("" if blind else f": {answer_text(one)}")
            for one in waiting
        ),
        statement=f"I have read {len(waiting)} image series of lesion {name} and sign these "
        "answers. From now on they are changed only with a reason.",
    )


def answer_text(reading: Reading) -> str:
    """Say an answer in a few words."""
    if reading.answer is Answer.MEASURED and reading.length_mm is not None:
        return format_mm(reading.length_mm)
    return {
        Answer.GONE: "gone, 0.0 mm",
        Answer.NOT_MEASURABLE: "not measurable",
        Answer.WITHDRAWN: "taken back",
    }.get(reading.answer, "")


def _rows(
    worklist: Worklist, lesion: WorkLesion, current: CellRef | None, *, blind: bool
) -> list[WorklistRow]:
    days = worklist.study_dates[lesion.patient_id]
    by_sequence: dict[SeriesRole, dict[date, WorkCell]] = defaultdict(dict)
    for cell in lesion.cells:
        by_sequence[cell.sequence][cell.study_date] = cell
    return [
        WorklistRow(
            patient_id=lesion.patient_id,
            lesion_id=lesion.lesion.lesion_id,
            level=lesion.lesion.level,
            sequence=sequence,
            cells=tuple(
                _cell(lesion, by_sequence[sequence][day], current, blind=blind)
                if day in by_sequence[sequence]
                else None
                for day in days
            ),
        )
        for sequence in SeriesRole
        if any(cell.state is not CellState.NO_IMAGE for cell in by_sequence[sequence].values())
    ]


def _cell(
    lesion: WorkLesion, cell: WorkCell, current: CellRef | None, *, blind: bool
) -> WorklistCell:
    ref = CellRef(patient_id=lesion.patient_id, lesion_id=lesion.lesion.lesion_id,
                  study_date=cell.study_date, sequence=cell.sequence)  # fmt: skip
    reading, look, text, tip = cell.reading, LOOKS[cell.state], "", TIPS[cell.state]
    if reading is not None and blind:
        text = "•"
    elif reading is not None:
        short = {Answer.GONE: "gone", Answer.NOT_MEASURABLE: "n/m"}
        text = short.get(reading.answer, str(reading.length_mm))
        tip = f"{answer_text(reading)}: {tip}"
        if reading.answer is Answer.NOT_MEASURABLE and cell.state is not CellState.DISCORDANT:
            look = CellLook.NOT_MEASURABLE
    elif cell.status is CellStatus.NOT_COVERED:
        tip = "the series does not reach the lesion"
    return WorklistCell(
        ref=ref, look=look, text=text, tip=f"{cell.sequence.value}, {tip}", current=ref == current
    )
