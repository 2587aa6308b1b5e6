"""The rows of the SDTM-shaped domains, and their dictionary."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from attrs import frozen

from opp_mri.cohort.export.changes import StudyPart, generate_changes
from opp_mri.cohort.export.columns import ExportTable, tabulate
from opp_mri.cohort.export.csv_text import guard_text, write_csv_rows, write_csv_table
from opp_mri.cohort.export.dictionary import BETWEEN
from opp_mri.cohort.export.recorded import COHORT_LESION_COLUMNS
from opp_mri.cohort.export.sdtm import (
    DIAMETER,
    DM,
    FA,
    QUALIFIERS,
    RESPONSE,
    RS,
    RULE,
    STUDY_ID,
    SUPPTU,
    T2_RATIO,
    TR,
    TU,
    VISIT_TESTS,
    VOLUME,
    Qualifier,
    Record,
    Size,
    Subject,
    Variable,
)
from opp_mri.domain.columns.column import Kind, pick, write_value
from opp_mri.domain.columns.visit import FINDING_COLUMNS
from opp_mri.response.assessed import AssessedLesion

DEFINE_HEADER: Final = (
    "dataset", "order", "variable", "label", "type", "unit", "role", "core", "terms", "origin",
    "identifier",
)  # fmt: skip


def render_sdtm_files(
    lesions: Iterable[AssessedLesion], *, study_id: str = STUDY_ID
) -> dict[str, bytes]:
    """Return the domains and their dictionary, by file name.

    Parameters
    ----------
    study_id
        STUDYID, and the beginning of each USUBJID.
    """
    tables = build_sdtm_tables(lesions, study_id=study_id)
    return {
        **{f"{table.name}.csv": write_csv_table(table) for table in tables},
        "define.csv": write_csv_rows(DEFINE_HEADER, _generate_definitions(tables)),
    }


def build_sdtm_tables(
    lesions: Iterable[AssessedLesion], *, study_id: str = STUDY_ID
) -> tuple[ExportTable, ...]:
    """Return DM, TU, TR, RS, FA and SUPPTU, by subject in the order of the cohort."""
    findings = [_Found(subject) for subject in _generate_subjects(lesions, study_id)]
    identifications = [
        record for finding in findings for record in finding.generate_identifications()
    ]
    return (
        tabulate("dm", "Demographics", "One record a subject.", DM, [o.subject for o in findings]),
        tabulate(
            "tu", "Tumor/Lesion Identification", "One record a treated lesion.", TU, identifications
        ),
        tabulate(
            "tr", "Tumor/Lesion Results", "One record a length, a volume or a T2 ratio.", TR,
            (record for finding in findings for record in finding.generate_measurements()),
        ),
        tabulate(
            "rs", "Disease Response", "Two records a lesion: its category, and the rule.", RS,
            (record for finding in findings for record in finding.generate_responses()),
        ),
        tabulate(
            "fa", "Findings About Events or Interventions", "One record a finding of a visit.", FA,
            (record for finding in findings for record in finding.generate_visit_findings()),
        ),
        tabulate(
            "supptu", "Supplemental Qualifiers for TU", "One record a qualifier of a lesion.",
            SUPPTU, _generate_qualifiers(identifications),
        ),
    )  # fmt: skip


def _generate_subjects(lesions: Iterable[AssessedLesion], study_id: str) -> Iterator[Subject]:
    by_patient: dict[str, list[AssessedLesion]] = {}
    for lesion in lesions:
        by_patient.setdefault(lesion.patient_id, []).append(lesion)
    for members in by_patient.values():
        days = {
            lesion.lesion.ssrs_last_date + timedelta(days=day)
            for lesion in members
            for day in _list_days(lesion)
        }
        yield Subject(
            study_id=study_id,
            lesions=tuple(members),
            reference_date=min(member.lesion.ssrs_last_date for member in members),
            visits={day: number for number, day in enumerate(sorted(days), 1)},
        )


@frozen
class _Found:
    """The records of a subject."""

    subject: Subject

    def _generate_sizes(self) -> Iterator[tuple[AssessedLesion, int, Size]]:
        for lesion in self.subject.lesions:
            for change in generate_changes(lesion):
                yield lesion, change.observation.days_from_ssrs, Size(
                    sequence=change.sequence, test=DIAMETER, value=change.observation.ap_mm,
                    unit="mm", is_baseline=change.part is StudyPart.BASELINE,
                )  # fmt: skip
            for sequence, volumes in lesion.timeline.volumes.items():
                baseline = lesion.timeline.find_volume_baseline(sequence)
                for volume in volumes:
                    yield lesion, volume.days_from_ssrs, Size(
                        sequence=sequence, test=VOLUME, value=volume.volume_cc, unit="mL",
                        is_baseline=volume is baseline,
                    )  # fmt: skip
                    if volume.t2_ratio is not None:
                        yield lesion, volume.days_from_ssrs, Size(
                            sequence=sequence, test=T2_RATIO, value=volume.t2_ratio, unit="",
                            is_baseline=volume is baseline,
                        )  # fmt: skip

    def generate_identifications(self) -> Iterator[Record]:
        """Yield a record for each lesion, on its first study."""
        for seq, lesion in enumerate(self.subject.lesions, 1):
            days = _list_days(lesion)
            yield Record(
                subject=self.subject,
                seq=seq,
                lesion=lesion,
                day=_find_date(lesion, min(days, default=None)),
            )

    def generate_measurements(self) -> Iterator[Record]:
        """Yield a record for each length, each volume and each T2 ratio."""
        for seq, (lesion, days, size) in enumerate(self._generate_sizes(), 1):
            day = _find_date(lesion, days)
            yield Record(subject=self.subject, seq=seq, lesion=lesion, day=day, size=size)

    def generate_visit_findings(self) -> Iterator[Record]:
        """Yield a record for each finding of a visit."""
        findings = (
            (lesion, visit.visit_date, column, column.of(visit))
            for lesion in self.subject.lesions
            for visit in lesion.visits
            for column in FINDING_COLUMNS
            if column.of(visit) is not None
        )
        for seq, (lesion, day, column, value) in enumerate(findings, 1):
            yield Record(
                subject=self.subject, seq=seq, lesion=lesion, day=day,
                test=VISIT_TESTS[column.name], result=write_value(value), unit=column.unit,
            )  # fmt: skip

    def generate_responses(self) -> Iterator[Record]:
        """Yield the category and the rule of each lesion, on its last study."""
        seq = 0
        for lesion in self.subject.lesions:
            days = _list_days(lesion)
            assessment = lesion.assessment
            for test, result in (
                (RESPONSE, assessment.category.value),
                (RULE, assessment.reason.value),
            ):
                seq += 1
                yield Record(
                    subject=self.subject, seq=seq, lesion=lesion, test=test, result=result,
                    day=_find_date(lesion, max(days, default=None)),
                )  # fmt: skip


def _list_days(lesion: AssessedLesion) -> list[int]:
    """Return the days of all lengths and volumes of a lesion."""
    timeline = lesion.timeline
    return [row.days_from_ssrs for rows in timeline.observations.values() for row in rows] + [
        row.days_from_ssrs for rows in timeline.volumes.values() for row in rows
    ]


def _find_date(lesion: AssessedLesion, days: int | None) -> date | None:
    return None if days is None else lesion.lesion.ssrs_last_date + timedelta(days=days)


def _generate_qualifiers(records: Iterable[Record]) -> Iterator[Qualifier]:
    columns: Mapping[str, Any] = {
        name: pick(COHORT_LESION_COLUMNS, column)[0] for name, column in QUALIFIERS.items()
    }
    for record in records:
        for name, column in columns.items():
            if column.of(record.lesion) is not None:
                yield Qualifier(of=record, name=name, column=column)


def _generate_definitions(tables: Iterable[ExportTable]) -> Iterator[Sequence[str]]:
    for table in tables:
        for order, column in enumerate(table.columns, 1):
            if isinstance(column, Variable):
                number = column.kind in (Kind.INTEGER, Kind.DECIMAL)
                terms = BETWEEN.join(f"{code} = {words}" for code, words in column.allowed.items())
                yield [
                    guard_text(text)
                    for text in (
                        table.name.upper(), str(order), column.name, column.label,
                        "Num" if number else "Char", column.unit, column.role, column.core, terms,
                        column.source, write_value(column.identifier),
                    )
                ]  # fmt: skip
