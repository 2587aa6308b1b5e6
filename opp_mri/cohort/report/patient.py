"""The report of a patient: a page a lesion, for the file."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from attrs import evolve, frozen
from markupsafe import Markup

from opp_mri.cohort.figures.key_strip import KeyStrip, draw_strip
from opp_mri.cohort.figures.panels import TimelineMarks
from opp_mri.cohort.figures.timeline_figure import NO_MARKS, draw_timeline, render_figure_svg
from opp_mri.cohort.report.document import HASH_SHOWN, NO_DEVICE, ReportFacts
from opp_mri.cohort.report.page import embed_svg, render_page
from opp_mri.cohort.report.words import (
    describe_criteria,
    describe_day,
    describe_timeline,
    describe_week,
    format_mm_alone,
    format_signed_mm,
)
from opp_mri.cohort.statistics.members import name_regimen
from opp_mri.cohort.words import describe_event, write_identifier
from opp_mri.domain.assessment import Assessment
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Lesion
from opp_mri.domain.plausibility import DataWarning
from opp_mri.domain.sins import classify_stability
from opp_mri.domain.timeline import Timeline, VolumeObservation
from opp_mri.response.history import DatedLabel
from opp_mri.response.outlook import Outlook
from opp_mri.response.sentences import CATEGORY_WORDS, SHORT_WORDS, describe_reason
from opp_mri.units import format_cc

NO_NAME: Final = "No name is on it: the patient has the code of the project. Dates are real."


@frozen(kw_only=True)
class VisitLength:
    """One sequence of one visit.

    Parameters
    ----------
    length_mm
        The length, or None.
    remark
        What is to be said of it: gone, imported, why it is not measurable, or why there is none.
    image
        Where it was measured, such as series 4, image 8; "" where not known.
    volume
        The volume within the contours, or None.
    """

    length_mm: Decimal | None
    remark: str = ""
    image: str = ""
    volume: VolumeObservation | None = None


@frozen(kw_only=True)
class Visit:
    """One time point of a lesion.

    Parameters
    ----------
    study_date
        Its date, or None where only days are known.
    days_from_ssrs
        Whole days from the completion of radiosurgery.
    lengths
        By sequence; one that is missing has no series on that date.
    remark
        What is to be said of the whole visit, such as that it lies within the treatment.
    """

    study_date: date | None
    days_from_ssrs: int
    lengths: Mapping[SeriesRole, VisitLength]
    remark: str = ""


@frozen(kw_only=True)
class LesionReport:
    """What a patient's report says of one lesion.

    Parameters
    ----------
    lesion, timeline, assessment
        The lesion, its lengths and events, and what they were called.
    fragile
        Whether the call's probability under measurement error is below 0.8.
    sentences
        What a radiologist would read, at most six: category and rule, margin, how sure.
    details
        How each sequence went, the labels, and what the measurement error rests on.
    labels
        What it was called on each day of follow-up, as known on that day.
    visits
        In the order of time; empty: those of the timeline.
    read_by
        Who read it, whether that is a consensus, and when it was signed, in sentences.
    flags
        What limits the comparison of studies, in sentences.
    findings
        Findings at visits other than lengths: day from the completion of radiosurgery, words.
    outlook
        Possible changes of category, where it is open and enlarging.
    marks
        Lengths that were imported, studies that were not measurable.
    strips
        Key images, one strip for each sequence that is shown.
    """

    lesion: Lesion
    timeline: Timeline
    assessment: Assessment
    fragile: bool
    sentences: Sequence[str]
    details: Sequence[str] = ()
    labels: Sequence[DatedLabel] = ()
    visits: Sequence[Visit] = ()
    read_by: Sequence[str] = ()
    flags: Sequence[str] = ()
    findings: Sequence[tuple[int, str]] = ()
    outlook: Outlook | None = None
    marks: TimelineMarks = NO_MARKS
    strips: Sequence[KeyStrip] = ()


@frozen(kw_only=True)
class PatientReport:
    """All lesions of one patient.

    Parameters
    ----------
    patient_id
        The patient's code in the project.
    lesions
        Those that were assessed, in the order to be shown.
    without_answer
        Names of lesions without a measurement that the criteria read, and so without a page.
    about
        Whose code the patient has, and which dates these are, in words.
    warnings
        What is unlikely about the data of these lesions.
    """

    facts: ReportFacts
    patient_id: str
    lesions: Sequence[LesionReport]
    without_answer: Sequence[str] = ()
    about: str = NO_NAME
    warnings: Sequence[DataWarning] = ()


@frozen(kw_only=True)
class LengthCell:
    """A length of the table of visits, with its change from the sequence's own baseline."""

    length: str
    change: str
    small: str


@frozen(kw_only=True)
class VisitRow:
    """A row of the table of visits."""

    date: str
    day: str
    week: str
    cells: Sequence[LengthCell]
    label: str
    reason: str
    remark: str


@frozen(kw_only=True)
class LesionView:
    """A lesion as the page shows it."""

    lesion_id: str
    level: str
    category: str
    rule: str
    warnings: Sequence[str]
    treatment: Sequence[tuple[str, str]]
    figure: Markup
    strips: Sequence[Markup]
    without_strip: str
    sequences: Sequence[str]
    has_volumes: bool
    visits: Sequence[VisitRow]
    sentences: Sequence[str]
    details: Sequence[str]
    flags: Sequence[str]
    read_by: Sequence[str]
    outlook: str


def render_patient_html(report: PatientReport) -> str:
    """Render the report of a patient as one HTML page."""
    facts = report.facts
    return render_page(
        "patient_report.html.j2",
        title=facts.title,
        facts=facts,
        no_device=NO_DEVICE,
        about=report.about,
        footer=f"patient {report.patient_id} · data {facts.data_sha256[:HASH_SHOWN]}",
        criteria=describe_criteria(facts.criteria),
        lesions=[_view(lesion, number) for number, lesion in enumerate(report.lesions, 1)],
        without_answer=report.without_answer,
        patient_id=report.patient_id,
    )


def build_visits(timeline: Timeline) -> list[Visit]:
    """Return the visits of a timeline of which no more is known than days and lengths."""
    sequences = [s for s in SeriesRole if s in timeline.observations or s in timeline.volumes]
    unknown = dict.fromkeys(sequences, VisitLength(length_mm=None, remark="no length"))
    by_day: dict[int, dict[SeriesRole, VisitLength]] = {}
    for sequence, observations in timeline.observations.items():
        for observation in observations:
            length = VisitLength(
                length_mm=observation.ap_mm, remark="" if observation.ap_mm else "gone"
            )
            by_day.setdefault(observation.days_from_ssrs, dict(unknown))[sequence] = length
    for sequence, volumes in timeline.volumes.items():
        for volume in volumes:
            lengths = by_day.setdefault(volume.days_from_ssrs, dict(unknown))
            lengths[sequence] = evolve(lengths[sequence], volume=volume)
    return [
        Visit(study_date=None, days_from_ssrs=day, lengths=lengths)
        for day, lengths in sorted(by_day.items())
    ]


def _view(report: LesionReport, number: int) -> LesionView:
    assessment, lesion = report.assessment, report.lesion
    visits = report.visits or build_visits(report.timeline)
    sequences = [s for s in SeriesRole if any(s in visit.lengths for visit in visits)]
    labels = {label.days_from_ssrs: label for label in report.labels}
    category = CATEGORY_WORDS[assessment.category]
    rule = describe_reason(assessment.reason, assessment.criteria)
    return LesionView(
        lesion_id=lesion.lesion_id,
        level=lesion.level,
        category=category,
        rule=rule,
        warnings=_list_warnings(report),
        treatment=_describe_treatment(report),
        figure=_draw_timeline(report, number),
        strips=_draw_strips(report, number),
        without_strip=_without_strip(report),
        sequences=[sequence.value for sequence in sequences],
        has_volumes=any(
            length.volume is not None for visit in visits for length in visit.lengths.values()
        ),
        visits=[_build_row(v, sequences, report, labels.get(v.days_from_ssrs)) for v in visits],
        sentences=[sentence for sentence in report.sentences if sentence != f"{category}: {rule}."],
        details=report.details,
        flags=report.flags,
        read_by=report.read_by,
        outlook=report.outlook.sentence if report.outlook else "",
    )


def _list_warnings(lesion: LesionReport) -> list[str]:
    """Describe in a word what a reader should beware of; the sentences say why."""
    warnings = []
    if lesion.fragile:
        warnings.append("fragile")
    if lesion.assessment.discordant:
        warnings.append("discordant: ask a reader")
    return warnings


def _describe_treatment(lesion_report: LesionReport) -> list[tuple[str, str]]:
    """Return what is known of lesion and treatment, by name."""
    lesion = lesion_report.lesion
    first, last = lesion.ssrs_first_date.isoformat(), lesion.ssrs_last_date.isoformat()
    facts = [
        ("radiosurgery", first if first == last else f"{first} to {last}"),
        ("dose and fractions", name_regimen(lesion)),
        ("histology", lesion.histology or "unknown"),
    ]
    if lesion.exclusions:
        facts.append(
            (
                "excluded",
                ", ".join(write_identifier(exclusion.value) for exclusion in lesion.exclusions),
            )
        )
    event_sentences = [
        f"{describe_event(event)} at week {describe_week(event.days_from_ssrs)}"
        for event in lesion_report.timeline.events
        if event.kind.value != "exclusion"
    ]
    facts.append(("events", "; ".join(event_sentences) or "none recorded"))
    if lesion.sins is not None:
        stability = write_identifier(classify_stability(lesion.sins).value)
        facts.append(("instability score (SINS)", f"{lesion.sins}, {stability}"))
    facts += [
        (f"found at week {describe_week(day)}", words) for day, words in lesion_report.findings
    ]
    return facts


def _draw_timeline(lesion: LesionReport, number: int) -> Markup:
    figure = draw_timeline(
        lesion.timeline,
        lesion.assessment.criteria,
        assessment=lesion.assessment,
        level=lesion.lesion.level,
        marks=lesion.marks,
    )
    description = describe_timeline(lesion.timeline)
    return embed_svg(render_figure_svg(figure), prefix=f"f{number}", description=description)


def _draw_strips(lesion: LesionReport, number: int) -> list[Markup]:
    """Draw the strips that have a picture."""
    return [
        embed_svg(
            render_figure_svg(draw_strip(strip)),
            prefix=f"k{number}-{place}",
            description=strip.in_words,
        )
        for place, strip in enumerate(lesion.strips)
        if strip.has_picture
    ]


def _without_strip(lesion: LesionReport) -> str:
    """Explain why a lesion has no picture; "" where it has, or where none was asked for."""
    if not lesion.strips or any(strip.has_picture for strip in lesion.strips):
        return ""
    reasons = dict.fromkeys(panel.reason for strip in lesion.strips for panel in strip.panels)
    return " ".join(reasons)


def _build_row(
    visit: Visit,
    sequences: Sequence[SeriesRole],
    report: LesionReport,
    label: DatedLabel | None,
) -> VisitRow:
    retreatment_day = report.assessment.retreatment_day
    if retreatment_day is not None and visit.days_from_ssrs > retreatment_day:
        visit = evolve(visit, remark=visit.remark or "after the retreatment: does not count")
    return VisitRow(
        date=visit.study_date.isoformat() if visit.study_date else "",
        day=describe_day(visit.days_from_ssrs),
        week=describe_week(visit.days_from_ssrs),
        cells=[_build_cell(visit, sequence, report) for sequence in sequences],
        label=SHORT_WORDS[label.category] if label else "",
        reason=write_identifier(label.reason.value) if label else "",
        remark=visit.remark,
    )


def _build_cell(visit: Visit, sequence: SeriesRole, report: LesionReport) -> LengthCell:
    """Write a length, and its change from the baseline of its own sequence; and the volume."""
    length = visit.lengths.get(sequence)
    if length is None:
        return LengthCell(length="", change="", small="no series")
    own = report.assessment.sequences.get(sequence)
    volume = "" if length.volume is None else _describe_volume(length.volume, sequence, report)
    change = ""
    if length.length_mm is not None and own is not None and own.baseline_mm is not None:
        if visit.days_from_ssrs == own.baseline_day:
            change = "baseline"
        elif visit.days_from_ssrs > 0 and not visit.remark:
            change = format_signed_mm(length.length_mm - own.baseline_mm)
    return LengthCell(
        length="" if length.length_mm is None else format_mm_alone(length.length_mm),
        change=change,
        small="; ".join(part for part in (volume, length.remark, length.image) if part),
    )


def _describe_volume(volume: VolumeObservation, sequence: SeriesRole, report: LesionReport) -> str:
    """Write a volume, and its change in percent from the baseline of its own sequence."""
    words = f"volume {format_cc(volume.volume_cc, volume.standard_error_cc)}"
    baseline = report.timeline.find_volume_baseline(sequence)
    if baseline is None or not baseline.volume_cc or volume.days_from_ssrs <= 0:
        return words
    share = 100 * (volume.volume_cc / baseline.volume_cc - 1)
    return f"{words} ({share:+.0f}%)"
