"""Verbs that make synthetic data: phantom, demo."""

from pathlib import Path
from typing import Final

import click

from opp_mri.cli.shared.options import format_example, read_clock
from opp_mri.cli.show import show_progress, show_table
from opp_mri.units import format_mm
from opp_mri.workflow.catalogue.phantom import write_phantom
from opp_mri.workflow.demo import DemoSummary, run_demo

seed_option = click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="The same seed gives the same bytes.",
)


@click.command("phantom", epilog=format_example("opp-mri phantom cohort --patient PHANTOM-01"))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@seed_option
@click.option(
    "--patient",
    "patients",
    multiple=True,
    help="Only this patient, such as PHANTOM-01; may be given several times.",
)
def phantom_command(folder: Path, seed: int, patients: tuple[str, ...]) -> None:
    """Write a synthetic serial spine cohort with known truth to FOLDER.

    DICOM in dicom/, the truth in truth.json, and lesions.csv, events.csv and calipers.csv as
    `opp-mri lesion add --table`, `opp-mri lesion event` and `opp-mri measure` take them.
    """
    with show_progress() as progress:
        write_phantom(
            folder,
            seed=seed,
            progress=progress,
            patients=patients or None,
        )
    click.echo(f"The cohort is in {folder}; its patients are synthetic.")


@click.command("demo", epilog=format_example("opp-mri demo demo"))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@seed_option
def demo_command(folder: Path, seed: int) -> None:
    """Run all steps on a synthetic cohort, and keep the project in FOLDER."""
    with show_progress() as progress:
        summary = run_demo(folder, read_clock(), seed=seed, progress=progress)
    _show_demo(summary)


def _show_demo(summary: DemoSummary) -> None:
    rows = []
    right = 0
    for lesion in summary.lesions:
        record = lesion.lesion
        truth = summary.truth.get(record.lesion_id)
        assessment = lesion.assessment if lesion.is_measured else None
        agrees = assessment is not None and assessment.category is truth
        right += agrees
        margin_mm = lesion.margin_mm if lesion.is_measured else None
        rows.append(
            [
                record.lesion_id,
                record.level,
                assessment.category.value if assessment else "no answer",
                truth.value if truth else "-",
                "agrees" if agrees else "DIFFERS",
                assessment.reason.value.replace("_", " ") if assessment else "",
                "-" if margin_mm is None else format_mm(margin_mm),
            ]
        )
    columns = ["Lesion", "Level", "Category", "Truth", "", "Rule", "Margin mm"]
    show_table(columns, rows)
    click.echo(f"{right} of {len(rows)} lesions agree with the truth. Synthetic patients.")
    click.echo("Research software, not a medical device.")
    click.echo(f"Timelines: {summary.page.resolve()}")


COMMANDS: Final = (phantom_command, demo_command)
