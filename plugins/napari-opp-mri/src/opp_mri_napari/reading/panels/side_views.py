"""What stands next to the panes: growth curve and sign-off, as snapshots."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from attrs import evolve

from opp_mri.domain.assessment import Mode, Reason, ResponseCategory, Rules
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Answer, Reading
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.domain.timeline import Origin
from opp_mri.units import format_count, format_mm, weeks_from_days
from opp_mri.workflow.assessing.assess import AssessedTimeline, assess_timeline
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.measuring.contours import find_unsigned_contours
from opp_mri.workflow.measuring.readings import find_unsigned_cells
from opp_mri.workflow.measuring.signal_ratio import describe_reference
from opp_mri.workflow.measuring.suitability import OVERRIDDEN
from opp_mri.workflow.measuring.timeline import LesionTimeline
from opp_mri.workflow.reading_room.room import RoomLesion
from opp_mri_napari.reading.panels.panel_views import (
    CellRef,
    Curve,
    CurvePoint,
    SignOffView,
    TimelineView,
)
from opp_mri_napari.shared.volume_words import format_volume

Series = Mapping[date, Sequence[VolumeDescription]]

WINDOW_OPENS_DAYS: Final = 91  # three months: from then pseudoprogression is seen (Amini 2016)

ORIGIN_WORDS: Final = {
    Origin.ACCEPTED: ", accepted proposal",
    Origin.EDITED: ", edited proposal",
}
READ: Final = frozenset(
    {CellStatus.MEASURED, CellStatus.GONE, CellStatus.NOT_MEASURABLE, CellStatus.VOLUME_DRAWN}
)


def build_timeline_view(
    timeline: LesionTimeline, patient_id: str, rules: Rules,
    *, counted_ids: frozenset[str], current: CellRef | None, error: MeasurementError | None = None,
    wants_category: bool = False, technique: tuple[str, ...] = (),
) -> TimelineView:  # fmt: skip
    """Return the growth curve and what the rules say of it.

    Parameters
    ----------
    counted_ids
        Ids of the readings that are not drafts.
    error
        The project's own error of measurement; None for the stated default.
    wants_category
        Whether the reader asks for the category before all is read.
    technique
        What differs in acquisition between time points, in sentences.
    """
    curves = _build_curves(timeline, patient_id, counted_ids, current)
    if not curves:
        volumes = sum(cell.contours is not None for cell in timeline.cells)
        if volumes:
            count = format_count(volumes, "cell")
            return TimelineView(hidden=f"No length is measured yet; {count} with a volume.")
        return TimelineView(hidden="Nothing is measured yet.")
    view = TimelineView(
        curves=curves,
        window_weeks=(
            weeks_from_days(WINDOW_OPENS_DAYS), weeks_from_days(rules.criteria.window_days)
        ),
        events=tuple(
            (weeks_from_days(event.days_from_ssrs), event.kind.value.replace("_", " "))
            for event in timeline.timeline.events
        ),
    )  # fmt: skip
    remarks = (*technique, *_list_overrides(timeline))
    answered_cells = [cell for cell in timeline.cells if cell.status in READ]
    unread = [cell for cell in timeline.cells if cell.status is CellStatus.UNREAD]
    progress = f"{len(answered_cells)} of {len(answered_cells) + len(unread)} read"
    whole = {cell.sequence for cell in answered_cells} - {cell.sequence for cell in unread}
    if unread and not wants_category and not whole:
        return evolve(
            view,
            rule=f"{progress}: no category yet",
            sentences=(*remarks, *timeline.flags),
        )
    mode = Mode.PROSPECTIVE if unread and not wants_category else Mode.RETROSPECTIVE
    error_option = {} if error is None else {"error": error}
    assessed_timeline = assess_timeline(timeline.timeline, evolve(rules, mode=mode), **error_option)
    not_yet = "" if wants_category else _describe_short_follow_up(assessed_timeline)
    if not_yet:
        rules = evolve(rules, mode=Mode.PROSPECTIVE)
        assessed_timeline = assess_timeline(timeline.timeline, rules, **error_option)
    rule = assessed_timeline.sentences[0] if assessed_timeline.sentences else ""
    if not_yet:
        rule = f"{not_yet}: not eligible yet. {rule}"
    if unread:
        as_known = "as known so far" if mode is Mode.PROSPECTIVE else "if nothing else were read"
        rule = f"{progress}, {as_known}: {rule}"
    return evolve(
        view,
        category=assessed_timeline.assessment.category.value,
        rule=rule,
        sentences=(*remarks, *assessed_timeline.sentences[1:], *timeline.flags),
        margin=_describe_margin(assessed_timeline),
    )


def _describe_short_follow_up(assessed_timeline: AssessedTimeline) -> str:
    """Describe a follow-up that is too short so far; "" where a later visit changes nothing."""
    assessment = assessed_timeline.assessment
    if assessment.category is not ResponseCategory.NOT_ELIGIBLE:
        return ""
    if assessment.retreatment_day is not None:  # visits after it do not count
        return ""
    if assessment.reason is Reason.NO_FOLLOW_UP:
        return "No follow-up"
    if assessment.reason is not Reason.FOLLOW_UP_UNDER_6_MONTHS:
        return ""
    days = [course.last_day for course in assessment.sequences.values() if course.last_day]
    return f"Follow-up of {format_count(max(days), 'day')}"


def _list_overrides(timeline: LesionTimeline) -> list[str]:
    """Name the lengths that were measured by override, with the reason."""
    return [
        f"{cell.study_date} {cell.sequence.value}: {remark}"
        for cell in timeline.cells
        for remark in (cell.reading.remarks if cell.reading is not None else ())
        if remark.startswith(OVERRIDDEN)
    ]


def _build_curves(
    timeline: LesionTimeline, patient_id: str, counted_ids: frozenset[str], current: CellRef | None
) -> tuple[Curve, ...]:
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
                draft=reading.draft and reading.reading_id not in counted_ids,
                current=ref == current,
            )
        )
    return tuple(
        Curve(sequence=role, points=tuple(points[role])) for role in SeriesRole if role in points
    )


def _describe_margin(assessed_timeline: AssessedTimeline) -> str:
    """State how little would change the category, and how often it would be the same again."""
    category = assessed_timeline.assessment.category
    if category is ResponseCategory.NOT_ELIGIBLE or not assessed_timeline.is_simulated:
        return ""
    margin_mm = assessed_timeline.margin_mm
    margin = (
        "No change of one length would change the category."
        if margin_mm is None
        else f"A change of {format_mm(margin_mm)} in one length would change the category."
    )
    opening = "Fragile: measured" if assessed_timeline.is_fragile else "Measured"
    share = assessed_timeline.probability_words
    return f"{margin} {opening} once more, it would be the same in {share}."


def sign_off_view(
    lesion: RoomLesion, weeks: Mapping[date, str], series: Series, *, blind: bool = False
) -> SignOffView:
    """Return what a signature would cover, and what is missing.

    Parameters
    ----------
    weeks
        Name of each time point, by its date.
    series
        All series of each time point: a line may lie on another one than its cell's, by override.
    blind
        Whether lengths are left out.
    """
    unsigned_readings = find_unsigned_cells(lesion.log, lesion.signed)
    unsigned_contours = find_unsigned_contours(lesion.contours, lesion.signed)
    unread: dict[date, list[str]] = defaultdict(list)
    for cell in lesion.timeline.cells:
        if cell.status is CellStatus.UNREAD:
            unread[cell.study_date].append(cell.sequence.value)
    missing_cells = [
        f"{weeks.get(day, '')}: {', '.join(sequences)}" for day, sequences in unread.items()
    ]
    name = f"{lesion.lesion.lesion_id} ({lesion.lesion.level})"
    unsigned_answers: list[Reading | VolumeReading] = [*unsigned_readings, *unsigned_contours]
    cells = len({reading.cell for reading in unsigned_answers})
    count = f"{cells} image series" if cells != 1 else "one image series"
    return SignOffView(
        lesion_id=lesion.lesion.lesion_id,
        lesion=name,
        missing=tuple(missing_cells),
        drafts=tuple(
            _draft_line(lesion, answer, weeks, series.get(answer.study_date, ()), blind=blind)
            if isinstance(answer, Reading)
            else _describe_contours(lesion, answer, weeks, blind=blind)
            for answer in sorted(unsigned_answers, key=_get_visit)  # a length before its contours
        ),
        reading_ids=tuple(reading.reading_id for reading in unsigned_answers),
        statement=f"I have read {count} of lesion {name} and sign these answers. From now on they "
        "are changed only with a reason.",
    )


def _get_visit(answer: Reading | VolumeReading) -> tuple[date, int]:
    return answer.study_date, list(SeriesRole).index(answer.sequence)


def _describe_contours(
    lesion: RoomLesion, reading: VolumeReading, weeks: Mapping[date, str], *, blind: bool
) -> str:
    """Describe the contours that are signed: cell, number, and the volume within them."""
    line = f"{weeks.get(reading.study_date, '')} {reading.sequence.value}: volume"
    if not reading.contours:
        return f"{line}, contours taken back"
    cells = (cell for cell in lesion.timeline.cells if cell.contours == reading)
    volume = next((cell.measured_volume for cell in cells), None)
    if blind or volume is None:
        line = f"{line}, {format_count(len(reading.contours), 'contour')}"
    else:
        line = f"{line} {format_volume(volume)}"
    return f"{line}{describe_reference(reading)}"


def _draft_line(
    lesion: RoomLesion, reading: Reading, weeks: Mapping[date, str],
    series: Sequence[VolumeDescription], *, blind: bool,
) -> str:  # fmt: skip
    """Describe what is signed: cell, answer, and the image that it was taken on."""
    line = f"{weeks.get(reading.study_date, '')} {reading.sequence.value}"
    if not blind:
        line = f"{line}: {describe_answer(reading)}{ORIGIN_WORDS.get(reading.origin, '')}"
    caliper = reading.caliper
    if caliper is None:
        return line
    at = (caliper.sop_instance_uid, caliper.frame_number)
    volume = next(
        (
            volume_of_series
            for volume_of_series in series
            if volume_of_series.get_plane(*at) is not None
        ),
        None,
    )
    if volume is None:
        return f"{line} (its series is not in the project any more)"
    places = [(f.sop_instance_uid, f.frame_number) for f in volume.frames]
    parts = [f"slice {places.index(at) + 1}"]
    if volume.instance.series_number is not None and not blind:
        parts.insert(0, f"series {volume.instance.series_number}")
    if volume.plane is not None:
        parts.append(volume.plane.value)
    if lesion.find_level(caliper.frame_of_reference_uid) is None:
        parts.append("LEVEL NOT CONFIRMED")
    overrides = [remark for remark in reading.remarks if remark.startswith(OVERRIDDEN)]
    return "\n    ".join([f"{line} ({', '.join(parts)})", *overrides])


def describe_answer(reading: Reading) -> str:
    """Describe an answer in a few words."""
    if reading.answer is Answer.MEASURED and reading.length_mm is not None:
        return format_mm(reading.length_mm)
    return {
        Answer.GONE: "gone, 0.0 mm",
        Answer.NOT_MEASURABLE: "not measurable",
        Answer.WITHDRAWN: "taken back",
    }.get(reading.answer, "")
