"""The verbs of many patients: cohort and what is made of one."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from opp_mri.cli.cohort_source import add_cohort_options, load_tables, tables_option
from opp_mri.cli.export import export_command, key_option
from opp_mri.cli.paper import paper_command
from opp_mri.cli.response import PICTURES, reader_option
from opp_mri.cli.shared.options import format_example, json_option, project_option, read_clock
from opp_mri.cli.shared.rules import RulesChoice, add_rules_options
from opp_mri.cli.show import (
    build_warnings_json,
    show_json,
    show_progress,
    show_table,
    show_warnings,
)
from opp_mri.units import format_count
from opp_mri.workflow.cohort.cohort import Cohort
from opp_mri.workflow.project import open_project

REPORTS: Final = (".html", ".pdf")
suppress_option = click.option(
    "--suppress-below",
    type=click.IntRange(3),
    metavar="N",
    help="Withhold counts from 1 to N - 1, and numbers from which one could be derived.",
)

title_option = click.option(
    "--title",
    default="Cohort: lesions and their response",
    show_default=True,
    help="Heading of the report.",
)


@click.group(
    "cohort",
    invoke_without_command=True,
    epilog=format_example("opp-mri cohort --tables tables --mode retrospective"),
)
@add_cohort_options
@suppress_option
@json_option
@click.pass_context
def cohort_group(
    context: click.Context,
    load_cohort: Callable[[], Cohort],
    suppress_below: int | None,
    as_json: bool,
) -> None:
    """Describe and analyse many lesions: screening, tables, survival, hazards.

    From a project's readings (the consensus, where there is one), or with --tables from a folder
    of tables alone. Without a subcommand the tables are printed.
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context, context.invoked_subcommand)
        return
    from opp_mri.workflow.cohort.cohort_contents import (
        compute_cohort_contents,  # loads the statistics: a second
    )

    cohort = load_cohort()
    tables = compute_cohort_contents(cohort, suppress_below=suppress_below).tables.every
    lesions = len(cohort.lesions) if suppress_below is None else None  # may tell who is excluded
    if as_json:
        show_json(
            {
                "criteria": cohort.criteria.name,
                "mode": cohort.mode.value,
                "readers": list(cohort.readers),
                "data_sha256": cohort.data_sha256,
                "lesions": lesions,
                # a warning names its lesion
                "warnings": build_warnings_json(cohort.warnings) if suppress_below is None else [],
                "tables": [
                    {
                        "title": table.title,
                        "numbers": list(table.records),
                        "notes": list(table.notes),
                    }
                    for table in tables
                ],
            }
        )
        return
    for table in tables:
        click.echo(table.title)
        show_table(table.columns, table.text_rows)
        for note in table.notes:
            click.echo(f"  {note}")
        click.echo()
    by = f" by {', '.join(cohort.readers)}" if cohort.readers else ""
    click.echo(
        f"{'Lesions' if lesions is None else format_count(lesions, 'lesion')}{by}; "
        f"{cohort.criteria.name}, "
        f"{cohort.mode.value}; data {cohort.data_sha256[:12]}."
    )
    click.echo("Research software, not a medical device.")


def _refuse_options_before(context: click.Context, verb: str) -> None:
    """Refuse options before the subcommand, which would not reach it."""
    misplaced_options = [
        option.opts[0]
        for option in context.command.params
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    ]
    if misplaced_options:
        raise click.UsageError(
            f"{', '.join(misplaced_options)} must come after the subcommand: "
            f"opp-mri cohort {verb} ... {misplaced_options[0]}."
        )


@cohort_group.command(
    "report", epilog=format_example("opp-mri cohort report report.html --project study")
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@add_cohort_options
@title_option
@suppress_option
def report_command(
    file: Path, load_cohort: Callable[[], Cohort], title: str, suppress_below: int | None
) -> None:
    """Write a report of the cohort to FILE, .html or .pdf: tables, figures, and their rows.

    The page is one file and needs no network. For a large cohort, a table next to it names the
    lesions that each number counts. `opp-mri cohort patient` reports one patient.
    """
    _check_report_name(file)
    from opp_mri.workflow.cohort.cohort_contents import compute_cohort_contents
    from opp_mri.workflow.cohort.cohort_report import save_cohort_report

    cohort = load_cohort()
    contents = compute_cohort_contents(cohort, suppress_below=suppress_below)
    for path in save_cohort_report(
        file, cohort, contents, title=title, written_on=read_clock().date()
    ):
        click.echo(f"Written: {path}")


@cohort_group.command(
    "patient", epilog=format_example("opp-mri cohort patient P00001 patient.html --project study")
)
@click.argument("patient_id", metavar="PATIENT")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@project_option
@tables_option
@reader_option
@add_rules_options
def patient_command(
    patient_id: str,
    file: Path,
    project_folder: Path,
    tables: Path | None,
    reader: str | None,
    rules: RulesChoice,
) -> None:
    """Write the report of PATIENT's lesions to FILE, .html or .pdf, one page per lesion.

    With --mode prospective it gives what is known today and, for an open, enlarging lesion, the
    outcomes of comparable lesions.
    """
    _check_report_name(file)
    from opp_mri.workflow.cohort.patient_report import (
        build_patient_report,
        build_table_patient_report,
        save_patient_report,
    )

    if tables is not None:
        cohort = load_tables(tables, rules)
        report = build_table_patient_report(cohort, patient_id, written_on=read_clock().date())
    else:
        with open_project(project_folder) as project:
            report = build_patient_report(
                project,
                patient_id,
                rules.complete_for_project(project),
                written_on=read_clock().date(),
                reader=reader,
            )
    show_warnings(report.warnings)
    save_patient_report(file, report)
    click.echo(f"Written: {file}")


def _check_report_name(file: Path) -> None:
    if file.suffix.lower() not in REPORTS:
        raise click.BadParameter("the name must end in .html or .pdf", param_hint="FILE")


@cohort_group.command(
    "figures", epilog=format_example("opp-mri cohort figures figures --project study --format pdf")
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@add_cohort_options
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice([suffix[1:] for suffix in PICTURES]),
    help="Format of the files; may be given several times. Default: svg, pdf.",
)
def figures_command(
    folder: Path, load_cohort: Callable[[], Cohort], formats: tuple[str, ...]
) -> None:
    """Draw the cohort's figures into FOLDER, at the width of a journal's columns."""
    from opp_mri.workflow.cohort.cohort_contents import compute_cohort_contents
    from opp_mri.workflow.cohort.cohort_report import build_cohort_pictures, save_pictures

    cohort = load_cohort()
    pictures = build_cohort_pictures(cohort, compute_cohort_contents(cohort))
    suffixes = [f".{name}" for name in formats or ("svg", "pdf")]
    for path in save_pictures(folder, pictures.every, suffixes):
        click.echo(str(path))


@cohort_group.command(
    "bundle", epilog=format_example("opp-mri cohort bundle bundle --tables tables")
)
@click.argument("folder", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@add_cohort_options
@title_option
@click.option("--identified", is_flag=True, help="Keep names, dates and free texts.")
@key_option
@suppress_option
@click.option("--without-pdf", is_flag=True, help="Leave out report.pdf, which needs Pango.")
def bundle_command(
    folder: Path,
    load_cohort: Callable[[], Cohort],
    title: str,
    identified: bool,
    key_file: Path | None,
    suppress_below: int | None,
    without_pdf: bool,
) -> None:
    """Write the bundle of a paper to OUT: data, tables, figures, report, methods, hashes.

    De-identified by default. The same data and choices give the same bytes: if OUT already holds a
    bundle, the command reports whether it is identical. With --suppress-below the bundle holds
    neither data nor figures of single lesions, because they would reveal the withheld counts.
    """
    if key_file is not None and identified:
        raise click.UsageError("--key is the key of codes, and --identified asks for none.")
    from opp_mri.workflow.cohort.bundle import make_bundle
    from opp_mri.workflow.cohort.exporting import read_key

    key = read_key(key_file) if key_file else None
    with show_progress() as progress:
        bundle = make_bundle(
            load_cohort(),
            folder,
            title=title,
            is_identified=identified,
            key=key,
            suppress_below=suppress_below,
            with_pdf=not without_pdf,
            progress=progress,
        )
    if not bundle.is_new:
        click.echo(f"{folder} already contains an identical bundle: {len(bundle.files)} files.")
        return
    click.echo(f"Written: {folder}, {format_count(len(bundle.files), 'file')} and their hashes.")
    click.echo(
        "Not de-identified: names and dates are in it."
        if identified
        else "De-identified: read data/notes.txt before you share it."
        if suppress_below is None
        else "Small counts are withheld, and so are the data."
    )


for command in (paper_command, export_command):
    cohort_group.add_command(command)

COMMANDS: Final = (cohort_group,)
