"""Verbs of registration: align, fit confirm, fit reject, fit export, fit import."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from opp_mri.cli.shared.options import (
    format_example,
    json_option,
    project_option,
    read_clock,
    refuse_both,
    scheduler_option,
)
from opp_mri.cli.show import show_json, show_progress, show_table
from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.imaging import SeriesRole
from opp_mri.units import format_count
from opp_mri.workflow.executors import open_cluster
from opp_mri.workflow.project import open_project
from opp_mri.workflow.registration.align import align_project
from opp_mri.workflow.registration.align_plan import NotComparable
from opp_mri.workflow.registration.align_report import (
    build_alignment_json,
    build_left_out_json,
    save_alignment_page,
)
from opp_mri.workflow.registration.decisions import decide
from opp_mri.workflow.registration.fit_files import FitFormat, export_fits, import_fit
from opp_mri.workflow.registration.visits import (
    NOT_COMPARABLE,
    VisitFit,
    describe_left_out,
    group_by_visit,
    group_left_out,
)


@click.command("align", epilog=format_example("opp-mri align --project study"))
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@project_option
@json_option
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with pictures of each fit, before and after.",
)
@click.option("--quick", is_flag=True, help="Omit the second opinion by SimpleITK.")
@click.option("--workers", type=click.IntRange(1), help="Number of processes for registration.")
@scheduler_option
def align_command(
    lesion_ids: tuple[str, ...],
    project_folder: Path,
    as_json: bool,
    report: Path | None,
    quick: bool,
    workers: int | None,
    scheduler: str,
) -> None:
    """Register each follow-up to the baseline at the treated vertebra, and give a verdict.

    Fits are proposals: `opp-mri fit confirm` and `opp-mri fit reject` record the reader's decision.
    Lengths are always measured on native images. Existing fits are not computed again.
    """
    refuse_both(workers, scheduler)
    with open_project(project_folder) as project, show_progress() as progress:
        with open_cluster(scheduler) as executor:
            summary = align_project(
                project,
                read_clock(),
                lesion_ids=lesion_ids,
                quick=quick,
                workers=workers,
                executor=executor,
                progress=progress,
            )
        decisions = project.store.get_alignment_decisions()
        if report:
            save_alignment_page(
                report,
                project.store,
                summary.alignments,
                left_out=summary.left_out,
                written_on=read_clock().date(),
                progress=progress,
            )
    visits = group_by_visit(summary.alignments, summary.not_comparable)
    without_fit = list(group_left_out(summary.not_comparable, summary.alignments).values())
    if as_json:
        by_fit = {fit.fit_id: visit for visit in visits for fit in visit.alignments}
        show_json(
            [
                build_alignment_json(fit, decisions.get(fit.fit_id, ()), by_fit[fit.fit_id])
                for fit in summary.alignments
            ]
            + [build_left_out_json(left_out) for left_out in without_fit]
        )
    else:
        decisions_by_fit = {fit: latest[-1].decision.value for fit, latest in decisions.items()}
        rows = [_build_row(visit, decisions_by_fit) for visit in visits]
        show_table(COLUMNS, rows + [_build_left_out_row(left_out) for left_out in without_fit])
        before = len(summary.alignments) - summary.new
        click.echo(f"{format_count(summary.new, 'new fit')}, {before} from before.")
        if quick:
            click.echo("The second opinion was left out (--quick).", err=True)
    for sentence in summary.left_out:
        click.echo(sentence, err=True)
    for failure, count in Counter(summary.failures).items():  # a store that is gone fails them all
        click.echo(f"Not registered, {format_count(count, 'visit')}: {failure}", err=True)
    if report:
        click.echo(f"Page: {report}", err=True)


COLUMNS: Final = (
    "Fit",
    "Lesion",
    "Baseline",
    "Follow-up",
    "Verdict",
    "Sequences: verdict, similarity",
    "Moved mm",
    "Rotation",
    "Level margin",
    "Inverse consistency mm",
    "Second opinion mm",
    "Reader",
    "Why",
)


def _build_row(visit: VisitFit, decisions_by_fit: dict[str, str]) -> list[str]:
    """Return one answer a visit: the leading fit, and the evidence of each sequence."""
    alignment = visit.leading
    fit = alignment.fit
    distance_mm = sum(x * x for x in fit.displacement_lps_mm) ** 0.5
    decisions = [
        decisions_by_fit[member.fit_id]
        for member in visit.alignments
        if member.fit_id in decisions_by_fit
    ]
    return [
        alignment.fit_id,
        alignment.lesion_id or "-",
        str(alignment.baseline_study_date),
        str(alignment.followup_study_date),
        fit.verdict.value,
        visit.describe_sequences(),
        f"{distance_mm:.1f}",
        f"{fit.rotation_deg:.1f}°",
        "-" if fit.level_margin is None else f"{fit.level_margin:.2f}",
        f"{fit.inverse_consistency_mm:.2f}",
        "-" if fit.second_opinion_mm is None else f"{fit.second_opinion_mm:.2f}",
        ", ".join(decisions),
        " ".join(fit.reasons),
    ]


def _build_left_out_row(left_out: Sequence[NotComparable]) -> list[str]:
    """Return the row of a visit that no sequence is comparable at."""
    first = left_out[0]
    return [
        "-",
        first.lesion_id or "-",
        str(first.baseline_study_date),
        str(first.followup_study_date),
        NOT_COMPARABLE,
        ", ".join(map(describe_left_out, left_out)),
        *["-"] * 5,
        "",
        " ".join(dict.fromkeys(series_left_out.reason for series_left_out in left_out)),
    ]


@click.group("fit")
def fit_group() -> None:
    """Confirm or reject fits; every decision is kept, and a later one needs a reason."""


def _decide(fit: str, decision: FitDecision, reader: str, reason: str, folder: Path) -> None:
    with open_project(folder) as project:
        decide(project.store, fit, decision, reader=reader, reason=reason, at=read_clock())
    click.echo(f"Fit {fit}: {decision.value}.")


@fit_group.command("confirm", epilog=format_example("opp-mri fit confirm fb8f80b5737d --reader A"))
@click.argument("fit")
@click.option("--reader", required=True, help="Name of the reader who decides.")
@click.option("--reason", default="", help="Required if the fit was decided before.")
@project_option
def confirm_command(fit: str, reader: str, reason: str, project_folder: Path) -> None:
    """Confirm FIT, so that it may transfer points and link panes."""
    _decide(fit, FitDecision.CONFIRMED, reader, reason, project_folder)


@fit_group.command(
    "reject",
    epilog=format_example('opp-mri fit reject fb8f80b5737d --reader A --reason "wrong level"'),
)
@click.argument("fit")
@click.option("--reader", required=True, help="Name of the reader who decides.")
@click.option("--reason", default="", help="Required if the fit was decided before.")
@project_option
def reject_command(fit: str, reader: str, reason: str, project_folder: Path) -> None:
    """Reject FIT, so that it is not used."""
    _decide(fit, FitDecision.REJECTED, reader, reason, project_folder)


@fit_group.command(
    "export", epilog=format_example("opp-mri fit export --out fits --as tfm --as nrrd")
)
@click.argument("fits", metavar="[FIT]...", nargs=-1)
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files.",
)
@click.option(
    "--as",
    "formats",
    type=click.Choice([choice.value for choice in FitFormat]),
    multiple=True,
    default=[FitFormat.TFM.value],
    show_default=True,
    help="tfm: a transform of ITK; nrrd, nifti: the follow-up on the baseline's grid and the "
    "difference; dicom: a derived series; reg: a DICOM Spatial Registration. May be given several "
    "times.",
)
@project_option
def export_command(
    fits: tuple[str, ...], folder: Path, formats: tuple[str, ...], project_folder: Path
) -> None:
    """Write confirmed fits for 3D Slicer and other programs.

    Resampled images are for display only; lengths are measured on native images.
    """
    with open_project(project_folder) as project:
        paths = export_fits(project.store, folder, [FitFormat(name) for name in formats], fits)
    click.echo(f"{format_count(len(paths), 'file')} in {folder}.")


@fit_group.command(
    "import",
    epilog=format_example(
        "opp-mri fit import slicer.tfm --lesion OPP-01 --sequence T1 --followup 2018-04-02"
    ),
)
@click.argument("transform", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--lesion", "lesion_id", required=True, help="Lesion for which the transform was made."
)
@click.option(
    "--sequence",
    type=click.Choice([role.value for role in SeriesRole]),
    required=True,
    help="Sequence that the transform registers.",
)
@click.option(
    "--followup",
    "followup",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="Date of the follow-up, as 2021-05-30.",
)
@project_option
def import_command(
    transform: Path, lesion_id: str, sequence: str, followup: datetime, project_folder: Path
) -> None:
    """Judge TRANSFORM of another program, and present it to readers.

    TRANSFORM is an ITK transform (.tfm, .txt, .h5) from points of the baseline to the follow-up,
    LPS mm, or a DICOM Spatial Registration of the two.
    """
    with open_project(project_folder) as project:
        alignment = import_fit(
            project.store,
            transform,
            lesion_id=lesion_id,
            sequence=SeriesRole(sequence),
            followup_date=followup.date(),
            at=read_clock(),
        )
    reasons = " ".join(alignment.fit.reasons)
    click.echo(f"Fit {alignment.fit_id}: {alignment.fit.verdict.value}. {reasons}")


COMMANDS: Final = (align_command, fit_group)
