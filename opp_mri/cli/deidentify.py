"""Verb of exports without identity: deidentify."""

from pathlib import Path
from typing import Final

import click

from opp_mri.cli.shared.options import ask_passphrase, format_example, json_option
from opp_mri.cli.show import show_json, show_progress, show_table
from opp_mri.dicom.deidentify.pixel_text import Region
from opp_mri.errors import InputError
from opp_mri.units import format_count
from opp_mri.workflow.exchange.deidentify import (
    DeidentifyChoice,
    DeidentifySummary,
    deidentify,
    find_day_zero,
    inspect_export,
    open_key,
)
from opp_mri.workflow.project import open_project

MOST_FINDINGS: Final = 50


@click.command(
    "deidentify", epilog=format_example("opp-mri deidentify /data/scans export --key study.key")
)
@click.argument(
    "paths",
    metavar="SOURCE... DESTINATION",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Sealed key file, made where there is none; the passphrase is asked for.",
)
@click.option(
    "--ssrs",
    "ssrs_project",
    metavar="PROJECT",
    type=click.Path(file_okay=False, path_type=Path),
    help="Count dates from radiosurgery, by the lesions of this project: 2000-01-01 is day 0.",
)
@click.option(
    "--blank",
    "blanks",
    metavar="X,Y,WIDTH,HEIGHT",
    multiple=True,
    help="Blank a rectangle of pixels in each image; may be given several times.",
)
@click.option(
    "--pixels-are-clean", is_flag=True, help="You have looked: the pixels show no name or number."
)
@click.option("--check", is_flag=True, help="Only inspect a folder, and list what could identify.")
@json_option
def deidentify_command(
    paths: tuple[Path, ...],
    key_file: Path | None,
    ssrs_project: Path | None,
    blanks: tuple[str, ...],
    pixels_are_clean: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Copy images and reports from SOURCE to a new folder DESTINATION without identity.

    By DICOM PS3.15: basic profile, with modified dates, cleaned descriptors and cleaned reports.
    Each patient has one pseudonym and one constant shift of dates; UIDs are new and consistent over
    images and reports. The key file gives the same pseudonyms again; keep it apart from the export.
    With --check FOLDER, exit code 3 if anything in it could identify somebody.
    """
    if check:
        _check(paths, as_json=as_json)
        return
    if len(paths) < 2 or key_file is None:
        raise click.UsageError("Give SOURCE, DESTINATION and --key, or --check FOLDER.")
    day_zero = {}
    if ssrs_project is not None:
        with open_project(ssrs_project) as project:
            day_zero = find_day_zero(project.store)
    choice = DeidentifyChoice(
        regions=tuple(map(_read_region, blanks)),
        pixels_are_clean=pixels_are_clean,
        day_zero=day_zero,
    )
    secret = open_key(key_file, ask_passphrase(is_new=not key_file.exists()))
    with show_progress() as progress:
        summary = deidentify(paths[:-1], paths[-1], secret, choice, progress=progress)
    _show_summary(summary, paths[-1], as_json=as_json)


def _read_region(text: str) -> Region:
    try:
        column, row, width, height = (int(part) for part in text.split(","))
    except ValueError as error:
        raise click.UsageError("--blank needs four numbers: X,Y,WIDTH,HEIGHT.") from error
    if min(column, row) < 0 or min(width, height) < 1:
        raise click.UsageError("--blank needs a rectangle inside of the image.")
    return Region(column=column, row=row, width=width, height=height)


def _show_summary(summary: DeidentifySummary, destination: Path, *, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "objects": summary.objects,
                "left_out": [
                    {"file": file.file_name, "reason": file.reason} for file in summary.left_out
                ],
                "changes": [
                    {"attribute": place, "action": action, "elements": number}
                    for (place, action), number in sorted(summary.changes.items())
                ],
            }
        )
        return
    totals: dict[str, int] = {}
    for (_, change), number in summary.changes.items():
        totals[change] = totals.get(change, 0) + number
    for file_left_out in summary.left_out[:MOST_FINDINGS]:
        click.echo(f"Left out: {file_left_out.file_name}: {file_left_out.reason}", err=True)
    words = ", ".join(f"{number:,} {label}" for label, number in sorted(totals.items()))
    click.echo(
        f"{format_count(summary.objects, 'object')} in {destination}; "
        f"{format_count(len(summary.left_out), 'file')} left out. Elements: {words or 'none'}."
    )
    click.echo(f"Next: opp-mri deidentify --check {destination}")


def _check(paths: tuple[Path, ...], *, as_json: bool) -> None:
    if len(paths) != 1:
        raise click.UsageError("--check inspects one folder.")
    with show_progress() as progress:
        number, findings = inspect_export(paths[0], progress=progress)
    if as_json:
        show_json(
            {
                "files": number,
                "findings": [
                    {"file": finding.file_name, "place": finding.place, "reason": finding.reason}
                    for finding in findings
                ],
            }
        )
    elif findings:
        rows = [
            [finding.file_name, finding.place, finding.reason]
            for finding in findings[:MOST_FINDINGS]
        ]
        show_table(["File", "Place", "Reason"], rows)
    if findings:
        raise InputError(
            f"{format_count(len(findings), 'finding')} in {format_count(number, 'file')} could "
            "identify somebody: see above, or --json for all of them."
        )
    click.echo(f"{format_count(number, 'file')}: nothing in them could identify.", err=as_json)


COMMANDS: Final = (deidentify_command,)
