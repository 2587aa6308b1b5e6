"""The verb that exports a cohort."""

from collections.abc import Callable
from pathlib import Path

import click
from attrs import asdict

from opp_mri.cli.cohort_source import add_cohort_options
from opp_mri.cli.shared.options import existing_file, format_example, json_option
from opp_mri.cli.show import build_warnings_json, show_json, show_progress
from opp_mri.cohort.export.sdtm import STUDY_ID
from opp_mri.files import check_new
from opp_mri.units import format_count
from opp_mri.workflow.cohort.cohort import Cohort
from opp_mri.workflow.cohort.exporting import (
    DEFAULT_FORMATS,
    Exported,
    ExportFormat,
    export_cohort,
    read_key,
)

key_option = click.option(
    "--key",
    "key_file",
    type=existing_file,
    help="File with random bytes from which the codes are made, such as written by `openssl rand "
    "-out key 32`. Default: a hash of the data.",
)


@click.command(
    "export", epilog=format_example("opp-mri cohort export tables --project study --deidentify")
)
@click.argument("folder", type=click.Path(path_type=Path))
@add_cohort_options
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice([export_format.value for export_format in ExportFormat]),
    help=f"Format to write; may be given several times. Default: {', '.join(DEFAULT_FORMATS)}.",
)
@click.option(
    "--deidentify",
    is_flag=True,
    help="Codes for patients and lesions, days instead of dates, no free text.",
)
@key_option
@click.option(
    "--suppress-below",
    type=click.IntRange(3),
    metavar="N",
    help="With --format aggregated: withhold counts from 1 to N - 1, and numbers from which one "
    "could be derived.",
)
@click.option(
    "--margins",
    is_flag=True,
    help="Also compute the margin of each category: a minute for 10,000 lesions.",
)
@click.option(
    "--study-id", default=STUDY_ID, show_default=True, help="With --format sdtm: its STUDYID."
)
@json_option
def export_command(
    folder: Path,
    load_cohort: Callable[..., Cohort],
    formats: tuple[str, ...],
    deidentify: bool,
    key_file: Path | None,
    suppress_below: int | None,
    margins: bool,
    study_id: str,
    as_json: bool,
) -> None:
    """Export a cohort to FOLDER, which must be new or empty.

    csv: tidy tables with a data dictionary, which `opp-mri cohort --tables FOLDER` reads again.
    parquet: the same, typed. xlsx: a workbook to read. redcap: a longitudinal project to upload.
    sdtm: shaped like CDISC's TU, TR and RS. aggregated: the cohort's tables of counts.
    """
    export_formats = [ExportFormat(name) for name in formats] or DEFAULT_FORMATS
    if key_file is not None and not deidentify:
        raise click.UsageError("--key is the key of codes: add --deidentify.")
    if suppress_below is not None and ExportFormat.AGGREGATED not in export_formats:
        raise click.UsageError(
            "--suppress-below withholds counts in tables of counts: add --format aggregated."
        )
    check_new(folder)
    key = read_key(key_file) if key_file else None
    cohort = load_cohort(with_ratios=True)
    with show_progress() as progress:
        export = export_cohort(
            cohort,
            folder,
            formats=export_formats,
            deidentify=deidentify,
            key=key,
            suppress_below=suppress_below,
            margins=margins,
            study_id=study_id,
            progress=progress,
        )
    if as_json:
        warnings = build_warnings_json(cohort.warnings)
        show_json({**asdict(export), "folder": str(export.folder), "warnings": warnings})
        return
    _show(export, counts_can_be_had=suppress_below is not None and len(export_formats) > 1)


def _show(export: Exported, *, counts_can_be_had: bool) -> None:
    for name in export.files:
        click.echo(str(export.folder / name))
    click.echo(
        f"{format_count(export.lesions, 'lesion')} of "
        f"{format_count(export.patients, 'patient')} in "
        f"{format_count(len(export.files), 'file')}."
    )
    if export.deidentified:
        click.echo(
            "De-identified: read in notes.txt what remains before you share it; rare combinations "
            "of level, dose, age and course may still identify a person."
        )
    else:
        click.echo("Not de-identified: names and dates are in it.")
    if counts_can_be_had:
        click.echo(
            "Withheld counts can be computed from the other files: publish aggregated/ by itself."
        )
