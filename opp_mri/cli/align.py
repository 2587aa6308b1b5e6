"""Verbs of registration: align, fit confirm, fit reject, fit list."""

from pathlib import Path

import click

from opp_mri.cli.options import example, json_option, now, project_option
from opp_mri.cli.show import counted, show_json, show_progress, show_table
from opp_mri.domain.alignment import Alignment, FitDecision
from opp_mri.workflow.project import open_project
from opp_mri.workflow.registration.align import align_project, decide
from opp_mri.workflow.registration.align_report import alignment_record, save_alignment_page


@click.command("align", epilog=example("opp-mri align --project study"))
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@project_option
@json_option
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with pictures of each fit, before and after.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes that line up pairs.")
def align_command(
    lesion_ids: tuple[str, ...],
    project_folder: Path,
    as_json: bool,
    report: Path | None,
    workers: int | None,
) -> None:
    """Line up each follow-up on the baseline's treated vertebra, and say how far to trust it.

    Fits are proposals: `opp-mri fit confirm` and `opp-mri fit reject` record what a reader decides.
    Lengths are measured on native images whatever the fit. What is done already is not done again.
    """
    with open_project(project_folder) as project, show_progress() as progress:
        summary = align_project(
            project, now(), lesion_ids=lesion_ids, workers=workers, progress=progress
        )
        decisions = project.store.alignment_decisions()
        if report:
            save_alignment_page(
                report,
                project.store,
                summary.alignments,
                written_on=now().date(),
                progress=progress,
            )
    if as_json:
        show_json([alignment_record(a, decisions.get(a.fit_id, ())) for a in summary.alignments])
    else:
        decided = {fit: latest[-1].decision.value for fit, latest in decisions.items()}
        rows = [_row(alignment, decided) for alignment in summary.alignments]
        show_table(COLUMNS, rows)
        click.echo(f"{counted(summary.new, 'new fit')}, {len(rows) - summary.new} from before.")
    for sentence in summary.left_out:
        click.echo(sentence, err=True)
    for failure in summary.failures:
        click.echo(f"Not lined up: {failure}", err=True)
    if report:
        click.echo(f"Page: {report}", err=True)


COLUMNS = (
    "Fit",
    "Lesion",
    "Sequence",
    "Baseline",
    "Follow-up",
    "Moved mm",
    "Rotation",
    "Similarity",
    "Level margin",
    "There and back mm",
    "Verdict",
    "Reader",
    "Why",
)


def _row(alignment: Alignment, decided: dict[str, str]) -> list[str]:
    fit = alignment.fit
    moved = sum(x * x for x in fit.displacement_lps_mm) ** 0.5
    return [
        alignment.fit_id,
        alignment.lesion_id or "-",
        alignment.sequence.value,
        str(alignment.baseline_study_date),
        str(alignment.followup_study_date),
        f"{moved:.1f}",
        f"{fit.rotation_deg:.1f}°",
        f"{fit.similarity:.2f}",
        "-" if fit.level_margin is None else f"{fit.level_margin:.2f}",
        f"{fit.inverse_consistency_mm:.2f}",
        fit.verdict.value,
        decided.get(alignment.fit_id, ""),
        " ".join(fit.reasons),
    ]


@click.group("fit")
def fit_group() -> None:
    """Confirm or reject fits; every decision is kept, and a later one needs a reason."""


def _decide(fit: str, decision: FitDecision, reader: str, reason: str, folder: Path) -> None:
    with open_project(folder) as project:
        decide(project.store, fit, decision, reader=reader, reason=reason, at=now())
    click.echo(f"Fit {fit}: {decision.value}.")


@fit_group.command("confirm", epilog=example("opp-mri fit confirm fb8f80b5737d --reader A"))
@click.argument("fit")
@click.option("--reader", required=True, help="Who decides.")
@click.option("--reason", default="", help="Needed where the fit was decided before.")
@project_option
def confirm_command(fit: str, reader: str, reason: str, project_folder: Path) -> None:
    """Confirm FIT: from now on it may carry points and link panes."""
    _decide(fit, FitDecision.CONFIRMED, reader, reason, project_folder)


@fit_group.command(
    "reject", epilog=example('opp-mri fit reject fb8f80b5737d --reader A --reason "wrong level"')
)
@click.argument("fit")
@click.option("--reader", required=True, help="Who decides.")
@click.option("--reason", default="", help="Needed where the fit was decided before.")
@project_option
def reject_command(fit: str, reader: str, reason: str, project_folder: Path) -> None:
    """Reject FIT: it carries nothing."""
    _decide(fit, FitDecision.REJECTED, reader, reason, project_folder)


COMMANDS = (align_command, fit_group)
