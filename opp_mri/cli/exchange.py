"""Verbs of exchange with other programs: sr export, sr import, seg export, fhir export."""

from pathlib import Path
from typing import Final

import click

from opp_mri.cli.shared.json_output import build_reading_json
from opp_mri.cli.shared.options import format_example, json_option, project_option, read_clock
from opp_mri.cli.shared.rules import RulesChoice, add_rules_options
from opp_mri.cli.show import show_json, show_table
from opp_mri.domain.imaging import SeriesRole
from opp_mri.units import format_count, format_mm
from opp_mri.workflow.exchange.fhir_export import export_bundles
from opp_mri.workflow.exchange.placing import ImportChoice
from opp_mri.workflow.exchange.sr_export import ExportSummary, ReportToWrite, export_reports
from opp_mri.workflow.exchange.sr_import import ImportedLine, ImportSummary, import_annotations
from opp_mri.workflow.project import open_project


@click.group("sr")
def sr_group() -> None:
    """Write measurements as DICOM structured reports, and read those of other programs."""


@sr_group.command(
    "export", epilog=format_example("opp-mri sr export reports --project study --slicer")
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@project_option
@click.option("--reader", help="Only the answers of this reader; default: of all readers.")
@add_rules_options
@click.option(
    "--code",
    "length_code",
    type=click.Choice(["sct", "srt"]),
    default="sct",
    show_default=True,
    help="Code of a length: SNOMED CT, or the retired SNOMED-RT that older programs look for.",
)
@click.option("--slicer", is_flag=True, help="Also write each caliper for 3D Slicer (.mrk.json).")
@json_option
def export_command(
    folder: Path,
    lesion_ids: tuple[str, ...],
    project_folder: Path,
    reader: str | None,
    rules: RulesChoice,
    length_code: str,
    slicer: bool,
    as_json: bool,
) -> None:
    """Write DICOM structured reports into FOLDER, for the archive that holds the images.

    One report per reader, time point and series holds its lengths with their two points on the
    native image. Independent reads are unverified; the consensus is verified and names them as its
    predecessors. One further report per lesion states its response. An unchanged report is exported
    again unchanged; an amended report names the report that it amends.
    """
    choice = ReportToWrite(
        lesion_ids=lesion_ids, reader=reader, length_code=length_code, slicer=slicer
    )
    with open_project(project_folder) as project:
        summary = export_reports(
            project.store, folder, choice, rules.complete_for_project(project), read_clock()
        )
    if as_json:
        show_json(_build_export_json(summary))
    else:
        new = sum(report.is_new for report in summary.reports)
        amending_count = sum(report.amends for report in summary.reports)
        click.echo(
            f"{format_count(len(summary.reports), 'report')} in {folder}: {new} new, of "
            f"which {amending_count} amend an earlier report; "
            f"{len(summary.reports) - new} as exported before."
        )
        if slicer:
            click.echo(f"{format_count(len(summary.markups), 'file')} for 3D Slicer.")
    for sentence in summary.left_out:
        click.echo(f"Left out: {sentence}", err=True)
    for sentence in summary.warnings:
        click.echo(f"Warning: {sentence}", err=True)


def _build_export_json(summary: ExportSummary) -> dict[str, object]:
    return {
        "reports": [
            {
                "file": report.path.name,
                "reader": report.reader,
                "study_instance_uid": report.reference.study_instance_uid,
                "series_instance_uid": report.reference.series_instance_uid,
                "sop_instance_uid": report.reference.sop_instance_uid,
                "new": report.is_new,
                "amends": report.amends,
            }
            for report in summary.reports
        ],
        "markups": [path.name for path in summary.markups],
        "left_out": list(summary.left_out),
        "warnings": list(summary.warnings),
    }


@sr_group.command("import", epilog=format_example("opp-mri sr import reports --project study"))
@click.argument(
    "sources",
    metavar="SOURCE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@project_option
@click.option("--lesion", "lesion_id", help="Lesion, for files that do not name it.")
@click.option(
    "--reader", help="Reader who drew the lines of other programs; default: as stated in the file."
)
@click.option(
    "--sequence",
    type=click.Choice([role.value for role in SeriesRole]),
    help="The sequence, where the series of the image has no role or is unsuitable.",
)
@json_option
def import_command(
    sources: tuple[Path, ...],
    project_folder: Path,
    lesion_id: str | None,
    reader: str | None,
    sequence: str | None,
    as_json: bool,
) -> None:
    """Import lengths that other programs wrote, and reports of opp_mri, from SOURCE.

    The command reads DICOM structured reports (TID 1500, TID 1410, AIM), AIM as XML (3 and 4),
    markups of 3D Slicer, and the CSV table of OHIF, in folders, single files or zip archives. Each
    length is computed again between its two points on the native image and compared with the stated
    length. Annotations that cannot be imported are set aside with the reason.
    """
    choice = ImportChoice(
        lesion_id=lesion_id, reader=reader, sequence=SeriesRole(sequence) if sequence else None
    )
    with open_project(project_folder) as project:
        summary = import_annotations(project.store, sources, choice, read_clock())
    if as_json:
        show_json(_build_import_json(summary))
        return
    show_table(COLUMNS, [_build_row(line) for line in summary.lines])
    for aside in summary.set_aside:
        name = f"{aside.file_name}, {aside.label}" if aside.label else aside.file_name
        click.echo(f"Set aside: {name}: {aside.reason}", err=True)
    new = sum(line.is_new for line in summary.lines)
    click.echo(
        f"{format_count(summary.files, 'file')} with annotations: {new} imported, "
        f"{len(summary.lines) - new} recorded already, {len(summary.set_aside)} set aside."
    )


COLUMNS: Final = ("File", "Lesion", "Study", "Sequence", "Reader", "AP mm", "Answer", "State")


def _build_row(line: ImportedLine) -> list[str]:
    reading = line.reading
    return [
        line.file_name,
        reading.lesion_id,
        str(reading.study_date),
        reading.sequence.value,
        reading.reader,
        "-" if reading.length_mm is None else format_mm(reading.length_mm),
        reading.answer.value.replace("_", " "),
        "new" if line.is_new else "recorded already",
    ]


def _build_import_json(summary: ImportSummary) -> dict[str, object]:
    return {
        "lines": [
            {
                "file": line.file_name,
                "label": line.label,
                "new": line.is_new,
                **build_reading_json(line.reading, counts=True),
            }
            for line in summary.lines
        ],
        "set_aside": [
            {"file": aside.file_name, "label": aside.label, "reason": aside.reason}
            for aside in summary.set_aside
        ],
        "files": summary.files,
        "other_files": summary.other_files,
    }


@click.group("seg")
def seg_group() -> None:
    """Write contours as DICOM segmentations."""


@seg_group.command("export", epilog=format_example("opp-mri seg export segs --project study"))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@project_option
@click.option("--reader", help="Only the contours of this reader; default: of all readers.")
@json_option
def seg_export_command(
    folder: Path,
    lesion_ids: tuple[str, ...],
    project_folder: Path,
    reader: str | None,
    as_json: bool,
) -> None:
    """Write the signed contours as DICOM segmentations into FOLDER, for the archive of the images.

    One segmentation per reader, lesion, time point and series, with one segment: the pixels whose
    centres lie within the contours, interpolated slices included.
    """
    from opp_mri.workflow.exchange.seg_export import export_segmentations  # loads highdicom.seg

    with open_project(project_folder) as project:
        summary = export_segmentations(project.store, folder, lesion_ids, reader)
    if as_json:
        names = [path.name for path in summary.files]
        show_json({"segmentations": names, "left_out": list(summary.left_out)})
    else:
        click.echo(f"{format_count(len(summary.files), 'segmentation')} in {folder}.")
    for sentence in summary.left_out:
        click.echo(f"Left out: {sentence}", err=True)


@click.group("fhir")
def fhir_group() -> None:
    """Write assessed lesions for a hospital's systems, as FHIR."""


@fhir_group.command("export", epilog=format_example("opp-mri fhir export bundles --project study"))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@project_option
@click.option("--reader", help="Whose answers count; default: the consensus, or the only reader.")
@add_rules_options
@json_option
def fhir_export_command(
    folder: Path,
    lesion_ids: tuple[str, ...],
    project_folder: Path,
    reader: str | None,
    rules: RulesChoice,
    as_json: bool,
) -> None:
    """Write one FHIR R5 bundle per assessed lesion into FOLDER.

    A bundle holds a DiagnosticReport, an Observation of the response, and one Observation per
    answer. Only the consensus is final; an independent read is preliminary.
    """
    with open_project(project_folder) as project:
        summary = export_bundles(
            project.store,
            folder,
            rules.complete_for_project(project),
            read_clock(),
            lesion_ids=lesion_ids,
            reader=reader,
        )
    if as_json:
        names = [path.name for path in summary.paths]
        show_json({"bundles": names, "left_out": list(summary.left_out)})
    else:
        click.echo(f"{format_count(len(summary.paths), 'bundle')} in {folder}.")
    for sentence in summary.left_out:
        click.echo(f"Left out: {sentence}", err=True)


COMMANDS: Final = (sr_group, seg_group, fhir_group)
