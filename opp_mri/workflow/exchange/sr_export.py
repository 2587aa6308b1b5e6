"""Readings and responses of a project as DICOM structured reports, and calipers for 3D Slicer."""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Final

from attrs import field, frozen

from opp_mri.dicom.sr.concepts import LengthCode
from opp_mri.dicom.sr.report import Identity, MeasurementReport, ResponseReport, identify
from opp_mri.dicom.sr.write import build_dataset, write_report
from opp_mri.dicom.sr.write_markups import MarkupLine, write_markup_line
from opp_mri.domain.assessment import Rules
from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.exchange import DocumentReference, ExportedReport
from opp_mri.domain.measurement import Reading
from opp_mri.domain.reader_study import CONSENSUS
from opp_mri.errors import ProjectError
from opp_mri.files import make_file_name
from opp_mri.store.protocol import Store
from opp_mri.workflow.exchange.report_plan import (
    PlannedReport,
    ReportPlan,
    describe_caliper,
    ends_lps_mm,
    find_source_ids,
    name_caliper,
    plan_reports,
)
from opp_mri.workflow.exchange.responses import plan_responses

UNPRECEDED: Final = (
    "A consensus report names no independent read as its predecessor, because none was exported: "
    "export all readers once the blinding is lifted."
)


@frozen(kw_only=True)
class ReportToWrite:
    """What reports to write.

    Parameters
    ----------
    lesion_ids
        Of these lesions; of all where it is empty.
    reader
        Of this reader; None for all.
    length_code
        How the concept of a length is coded.
    slicer
        Whether to write each caliper for 3D Slicer too.
    """

    lesion_ids: tuple[str, ...] = ()
    reader: str | None = None
    length_code: LengthCode = field(default=LengthCode.SCT, converter=LengthCode)
    slicer: bool = False


@frozen(kw_only=True)
class WrittenReport:
    """A report as it was written.

    Parameters
    ----------
    is_new
        False where the same content was exported before: the file is that report again.
    amends
        Whether it names an earlier report of the same subject as its predecessor.
    """

    path: Path
    reference: DocumentReference
    reader: str
    is_new: bool
    amends: bool


@frozen(kw_only=True)
class ExportSummary:
    """Result of an export.

    Parameters
    ----------
    reports
        Measurement reports, then responses.
    markups
        Files for 3D Slicer.
    left_out
        What no report holds, in sentences.
    warnings
        What to know when the reports are opened elsewhere, in sentences.
    """

    reports: tuple[WrittenReport, ...]
    markups: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def export_reports(
    store: Store, folder: Path, choice: ReportToWrite, rules: Rules, at: datetime
) -> ExportSummary:
    """Write the reports of a project; the same content is never written as a second report.

    Parameters
    ----------
    folder
        Where the files go; it is created.
    rules
        By which responses are assessed.
    at
        When they are written.

    Raises
    ------
    ProjectError
        A reader reads blind and the blinding is not lifted, or the folder cannot be written.
    UnknownError
        There is no such lesion.
    InputError
        The file of an image cannot be read.
    """
    plan = plan_reports(
        store,
        lesion_ids=choice.lesion_ids,
        reader=choice.reader,
        length_code=choice.length_code,
    )
    responses = plan_responses(store, rules, lesion_ids=choice.lesion_ids, reader=choice.reader)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        exporter = _Exporter(store=store, folder=folder, at=at)
        for planned_report in plan.reports:
            exporter.write_measurements(planned_report)
        for report in responses.reports:
            exporter.write_response(report)
        markups = _write_markups(folder, plan) if choice.slicer else ()
    except PermissionError as error:
        raise ProjectError(
            f"{folder} cannot be written ({error.strerror}): choose a folder that you may write."
        ) from error
    return ExportSummary(
        reports=tuple(exporter.written),
        markups=markups,
        left_out=(*plan.left_out, *responses.left_out),
        warnings=(
            *plan.warnings,
            *([UNPRECEDED] if exporter.unpreceded else []),
            *_list_withdrawn(store, plan, choice),
        ),
    )


@frozen(kw_only=True)
class _Exporter:
    """Gives reports their identity, writes them, and records that it did."""

    store: Store
    folder: Path
    at: datetime
    written: list[WrittenReport] = field(factory=list)
    unpreceded: list[MeasurementReport] = field(factory=list)

    def write_measurements(self, planned_report: PlannedReport) -> None:
        report = planned_report.report
        before = self._find_latest(report.key)
        independent: list[ExportedReport] = []
        if report.reader == CONSENSUS:
            independent = self._list_independent_reads(
                report, [*planned_report.readings, *planned_report.contours]
            )
            if not independent:
                self.unpreceded.append(report)
        identity, is_new = self._build_identity(report, before, independent)
        path = self.folder / self._name(report.study_date.isoformat(), report.reader, identity)
        write_report(build_dataset(report, identity), path)
        reading_ids = (
            *(reading.reading_id for reading in planned_report.readings),
            *(reading.reading_id for reading in planned_report.contours),
        )
        self._record_report(report, identity, path, before, reading_ids, is_new=is_new)

    def write_response(self, report: ResponseReport) -> None:
        before = self._find_latest(report.key)
        identity, is_new = self._build_identity(report, before)
        path = self.folder / self._name("response", report.lesion_id, identity)
        write_report(build_dataset(report, identity), path)
        self._record_report(report, identity, path, before, (), is_new=is_new)

    def _find_latest(self, key: str) -> ExportedReport | None:
        records = self.store.log_of(ExportedReport, key)
        return records[-1] if records else None

    def _build_identity(
        self,
        report: MeasurementReport | ResponseReport,
        before: ExportedReport | None,
        independent: Sequence[ExportedReport] = (),
    ) -> tuple[Identity, bool]:
        """Return the UIDs of a report, and whether it is one that was not written before.

        A consensus that was written before the independent reads were is written again, with them
        as predecessors.
        """
        if before is not None and before.content_hash == report.content_hash:
            predecessor_uids = {predecessor.sop_instance_uid for predecessor in before.predecessors}
            if not independent or predecessor_uids & {
                independent_read.reference.sop_instance_uid for independent_read in independent
            }:
                return Identity(reference=before.reference, predecessors=before.predecessors), False
        latest = {record.report_key: record.reference for record in independent}
        amended_references = [] if before is None else [before.reference]
        return identify(report, [*amended_references, *latest.values()]), True

    def _list_independent_reads(
        self, report: MeasurementReport, readings: Sequence[Reading | VolumeReading]
    ) -> list[ExportedReport]:
        """Return the reports, in the same study, of the answers that were resolved, latest last."""
        sources = find_source_ids(self.store, readings)
        return [
            record
            for record in self.store.log_of(ExportedReport)
            if record.reference.study_instance_uid == report.study_instance_uid
            and sources.intersection(record.reading_ids)
        ]

    def _name(self, subject: str, person: str, identity: Identity) -> str:
        """Name a file: no identity of a patient, and no character that a file name cannot have."""
        plain = make_file_name(f"{subject}-{person}")
        return f"{plain}-{identity.reference.sop_instance_uid[-10:]}.dcm"

    def _record_report(
        self,
        report: MeasurementReport | ResponseReport,
        identity: Identity,
        path: Path,
        before: ExportedReport | None,
        reading_ids: tuple[str, ...],
        *,
        is_new: bool,
    ) -> None:
        if is_new:
            record = ExportedReport(
                report_key=report.key,
                content_hash=report.content_hash,
                reference=identity.reference,
                predecessors=identity.predecessors,
                reading_ids=reading_ids,
                recorded_at=self.at,
            )
            self.store.add_to_log([record])
        self.written.append(
            WrittenReport(
                path=path,
                reference=identity.reference,
                reader=report.reader,
                is_new=is_new,
                amends=is_new and before is not None,
            )
        )


def _list_withdrawn(store: Store, plan: ReportPlan, choice: ReportToWrite) -> list[str]:
    """Name the reports that went out and of which every answer was withdrawn since."""
    if choice.lesion_ids or choice.reader is not None:
        return []
    report_keys = {planned_report.report.key for planned_report in plan.reports}
    latest = {record.report_key: record for record in store.log_of(ExportedReport)}
    code = choice.length_code.value
    return [
        f"The report {record.reference.sop_instance_uid}, exported earlier, states answers that "
        "no longer hold, and nothing replaces them: remove it from the archive."
        for key, record in latest.items()
        if record.reading_ids and key not in report_keys and json.loads(key)[-1] == code
    ]


def _write_markups(folder: Path, plan: ReportPlan) -> tuple[Path, ...]:
    used_names: set[str] = set()  # without case, which some file systems do not tell apart
    paths = []
    for planned_report in plan.reports:
        for reading in planned_report.readings:
            if reading.caliper is None:
                continue
            name = make_file_name(f"{name_caliper(reading)}-{reading.reader}")
            names = chain([name], (f"{name}-{number}" for number in count(2)))
            free = next(name for name in names if name.casefold() not in used_names)
            used_names.add(free.casefold())
            paths.append(folder / f"{free}.mrk.json")
            line = MarkupLine(
                name=name_caliper(reading),
                description=describe_caliper(reading),
                ends_lps_mm=ends_lps_mm(reading.caliper),
            )
            write_markup_line(line, paths[-1])
    return tuple(paths)
