"""The report of a patient: what was read, by whom where that is known, and what it was called."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from attrs import evolve

from opp_mri.cohort.figures.key_strip import KeyStrip
from opp_mri.cohort.report.document import ReportFacts
from opp_mri.cohort.report.page import save_page
from opp_mri.cohort.report.patient import (
    LesionReport,
    PatientReport,
    Visit,
    VisitLength,
    build_visits,
    render_patient_html,
)
from opp_mri.domain.assessment import Rules
from opp_mri.domain.columns.visit import describe_visit
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import LengthSource, Reading
from opp_mri.domain.reader_study import CONSENSUS, ReadingProtocol
from opp_mri.domain.timeline import VolumeObservation
from opp_mri.errors import UnknownError
from opp_mri.response.assessed import AssessedLesion
from opp_mri.store.protocol import Store
from opp_mri.units import count_days
from opp_mri.workflow.assessing.respond import ProjectLesion, assess_project
from opp_mri.workflow.cohort.cohort import Cohort, list_readers
from opp_mri.workflow.cohort.key_images import draw_key_strip, strip_sequence
from opp_mri.workflow.cohort.pictures import find_timeline_marks
from opp_mri.workflow.measuring.blinding import check_shown, read_blinding
from opp_mri.workflow.measuring.cells import Cell, CellStatus
from opp_mri.workflow.measuring.seeds import Phase
from opp_mri.workflow.project import Project

FROM_TABLES: Final = "The patient has the code of the tables, and dates are those of the tables."
NOT_KNOWN_WHO: Final = "The lengths come from a table, which does not say who read them."
STATUS_WORDS: Final[Mapping[CellStatus, str]] = {
    CellStatus.GONE: "gone",
    CellStatus.NOT_MEASURABLE: "not measurable",
    CellStatus.VOLUME_DRAWN: "no length",
    CellStatus.UNREAD: "not read",
    CellStatus.NOT_COVERED: "lesion not covered",
    CellStatus.IN_DOUBT: "series in doubt",
    CellStatus.NO_MR: "no MR",
}
SOURCE_WORDS: Final[Mapping[LengthSource, str]] = {
    LengthSource.IMPORTED: "imported",
    LengthSource.MEAN: "mean of two readers",
}


def build_patient_report(
    project: Project,
    patient_id: str,
    rules: Rules,
    *,
    written_on: date,
    reader: str | None = None,
) -> PatientReport:
    """Gather all that is reported of a patient's lesions.

    Parameters
    ----------
    patient_id
        As the project's lesions have it.
    written_on
        The date of the report.
    reader
        Whose readings; None for the consensus, or the only reader of a lesion.

    Raises
    ------
    UnknownError
        The project has no lesion of this patient.
    InputError
        Several readers measured a lesion, there is no consensus, and none was named.
    ProjectError
        A reader of these lengths still reads blind.
    """
    check_shown(project.store, [reader] if reader else ())
    names = [
        lesion.lesion_id
        for lesion in project.store.get_lesions()
        if lesion.patient_id == patient_id
    ]
    if not names:
        raise UnknownError(
            "The project has no lesion of this patient: `opp-mri lesion list` lists its lesions."
        )
    head = project.store.get_head()
    lesions = assess_project(project, rules, names, reader=reader)
    check_shown(project.store, [lesion.reader for lesion in lesions])
    cohort = Cohort(lesions=tuple(lesions), rules=rules, readers=list_readers(lesions), head=head)
    return PatientReport(
        facts=_gather_facts(cohort, patient_id, written_on),
        patient_id=patient_id,
        lesions=[_build_lesion(project.store, lesion) for lesion in lesions if lesion.is_measured],
        without_answer=[lesion.lesion.lesion_id for lesion in lesions if not lesion.is_measured],
        warnings=cohort.warnings,
    )


def build_table_patient_report(
    cohort: Cohort, patient_id: str, *, written_on: date
) -> PatientReport:
    """Gather what tables alone tell of a patient's lesions.

    Parameters
    ----------
    patient_id
        As lesions.csv has it.
    written_on
        The date of the report.

    Raises
    ------
    UnknownError
        The tables have no lesion of this patient.
    """
    lesions = tuple(lesion for lesion in cohort.lesions if lesion.patient_id == patient_id)
    if not lesions:
        raise UnknownError(
            "The tables have no lesion of this patient: the column patient_id of lesions.csv lists "
            "the patients."
        )
    cohort = evolve(cohort, lesions=lesions)
    return PatientReport(
        facts=_gather_facts(cohort, patient_id, written_on),
        patient_id=patient_id,
        lesions=[_build_table_lesion(lesion) for lesion in lesions if lesion.is_measured],
        without_answer=[lesion.lesion.lesion_id for lesion in lesions if not lesion.is_measured],
        about=FROM_TABLES,
        warnings=cohort.warnings,
    )


def save_patient_report(path: Path, report: PatientReport) -> None:
    """Write the report of a patient as HTML or PDF, by the ending of the name.

    Raises
    ------
    InputError
        The file cannot be written, or a library that a PDF needs is missing.
    """
    save_page(path, render_patient_html(report))


def _gather_facts(data: Cohort, patient_id: str, written_on: date) -> ReportFacts:
    return ReportFacts(
        title=f"Patient {patient_id}: lesions and their response",
        written_on=written_on,
        criteria=data.criteria,
        mode=data.mode,
        data_sha256=data.data_sha256,
        readers=data.readers,
        records=data.head.sequence_number,
        records_head=data.head.hash if data.head.sequence_number else "",
    )


def _build_table_lesion(lesion: AssessedLesion) -> LesionReport:
    last_day = lesion.lesion.ssrs_last_date
    visits = [
        evolve(visit, study_date=last_day + timedelta(days=visit.days_from_ssrs))
        for visit in build_visits(lesion.timeline)
    ]
    return evolve(_build_answer(lesion), visits=visits, read_by=[NOT_KNOWN_WHO])


def _build_lesion(store: Store, lesion: ProjectLesion) -> LesionReport:
    return evolve(
        _build_answer(lesion),
        visits=_build_visits(store, lesion.cells),
        read_by=list(_read_by(store, lesion)),
        flags=_list_flags(lesion),
        marks=find_timeline_marks(lesion.cells),
        strips=_build_strips(store, lesion),
    )


def _build_strips(store: Store, lesion: ProjectLesion) -> list[KeyStrip]:
    """Return the key images of the deciding sequence; of a discordant lesion, of each that grew."""
    if read_blinding(store) is not None:
        return []
    assessment = lesion.assessment
    sequences = [strip_sequence(lesion)]
    if assessment.discordant:
        sequences += [
            sequence
            for sequence, course in assessment.sequences.items()
            if sequence not in sequences and course.growth_studies
        ]
    return [draw_key_strip(store, lesion, sequence) for sequence in sequences]


def _build_answer(lesion: AssessedLesion) -> LesionReport:
    """Return what is reported of a lesion wherever its lengths come from."""
    return LesionReport(
        lesion=lesion.lesion,
        timeline=lesion.timeline,
        assessment=lesion.assessment,
        fragile=lesion.is_fragile,
        sentences=lesion.sentences,
        details=lesion.details,
        labels=lesion.labels,
        findings=[
            (count_days(lesion.lesion.ssrs_last_date, visit.visit_date), describe_visit(visit))
            for visit in lesion.visits
        ],
        outlook=lesion.outlook,
    )


def _build_visits(store: Store, cells: Sequence[Cell]) -> list[Visit]:
    return [
        Visit(
            study_date=day,
            days_from_ssrs=day_cells[0].days_from_ssrs,
            lengths=_build_lengths(store, day_cells),
            remark="within the treatment: does not count"
            if day_cells[0].phase is Phase.DURING
            else "",
        )
        for day, group in groupby(cells, key=lambda cell: cell.study_date)
        for day_cells in [list(group)]
    ]


def _build_lengths(store: Store, cells: Sequence[Cell]) -> dict[SeriesRole, VisitLength]:
    return {
        cell.sequence: VisitLength(
            length_mm=cell.reading.length_mm if cell.reading else None,
            remark=_describe_remark(cell),
            image=_name_image(store, cell.reading, cell.volume) if cell.reading else "",
            volume=_observe_volume(cell),
        )
        for cell in cells
        if cell.status is not CellStatus.MISSING
    }


def _observe_volume(cell: Cell) -> VolumeObservation | None:
    volume = cell.measured_volume
    if volume is None:
        return None
    return VolumeObservation(cell.days_from_ssrs, volume.volume_cc, volume.standard_error_cc)


def _describe_remark(cell: Cell) -> str:
    """Say of a cell what its length does not: why there is none, or where it comes from."""
    words = STATUS_WORDS.get(cell.status, "")
    if cell.reading is None:
        return words
    if cell.status is CellStatus.MEASURED and cell.reading.length_source is not None:
        return SOURCE_WORDS.get(cell.reading.length_source, "")
    return f"{words}: {cell.reading.reason}" if cell.reading.reason else words


def _name_image(store: Store, reading: Reading, volume: VolumeDescription | None) -> str:
    """Name the image of a caliper as a viewer does: by the number of series and image."""
    if reading.caliper is None:
        return ""
    instance = store.get_instance(reading.caliper.sop_instance_uid)
    series = instance.series_number if instance else None
    if series is None and volume is not None:
        series = volume.instance.series_number
    parts = [] if series is None else [f"series {series}"]
    if instance is not None and instance.is_enhanced:
        parts.append(f"frame {reading.caliper.frame_number}")
    elif instance is not None and instance.instance_number is not None:
        parts.append(f"image {instance.instance_number}")
    return ", ".join(parts)


def _read_by(store: Store, timeline: ProjectLesion) -> Iterator[str]:
    """State who read a lesion, whether that is a consensus, and when it was signed."""
    readings = {cell.reading.reading_id: cell.reading for cell in timeline.cells if cell.reading}
    if timeline.reader == CONSENSUS:
        protocols = store.log_of(ReadingProtocol)
        readers = " and ".join(protocols[-1].readers) if protocols else "two readers"
        yield f"A consensus of {readers}."
    else:
        yield f"Read by {timeline.reader} alone."
    signed_ids: set[str] = set()
    for signature in store.get_signatures(timeline.lesion.lesion_id):
        if overlap := readings.keys() & set(signature.reading_ids):
            signed_ids |= overlap
            at = f"{signature.recorded_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            yield f"{len(overlap)} of {len(readings)} answers signed by {signature.reader} on {at}."
    if drafts := len(readings) - len(signed_ids):
        yield f"{drafts} of {len(readings)} answers were handed over in a table and not signed."


def _list_flags(timeline: ProjectLesion) -> list[str]:
    """Return what is unusual, each sentence once with all the lengths that it is said of."""
    dates_by_flag: dict[str, dict[date, list[str]]] = {}
    for cell in timeline.cells:
        for flag in dict.fromkeys(cell.flags):
            dates_by_flag.setdefault(flag, {}).setdefault(cell.study_date, []).append(
                cell.sequence.value
            )
    return [
        *timeline.flags,
        *(f"{flag} ({_list_places(dates)})" for flag, dates in dates_by_flag.items()),
    ]


def _list_places(sequences_by_date: Mapping[date, Sequence[str]]) -> str:
    dates: dict[str, list[str]] = {}
    for day, sequences in sequences_by_date.items():
        dates.setdefault(", ".join(sequences), []).append(day.isoformat())
    return "; ".join(f"{sequences} of {', '.join(days)}" for sequences, days in dates.items())
