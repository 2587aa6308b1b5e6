"""The verb that holds the source paper's figures against its own table."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from attrs import asdict

from opp_mri.cli.shared.options import format_example, json_option
from opp_mri.cli.show import show_json, show_table
from opp_mri.cohort.statistics.paper import PRINTED, TABLE, PrintedFigure, compute_printed_figures
from opp_mri.errors import InputError
from opp_mri.units import format_count

SOURCE_DATA: Final = Path(__file__).parents[2] / "sample_data" / "amini2016"
AGREES: Final = {True: "yes", False: "no", None: "cannot be computed"}


@click.command("paper", epilog=format_example("opp-mri cohort paper"))
@click.option(
    "--data",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    show_default="sample_data/amini2016 of the source tree",
    help=f"A folder with {TABLE} and {PRINTED}.",
)
@json_option
def paper_command(folder: Path | None, as_json: bool) -> None:
    """Recompute each figure that Amini et al. 2016 print, from the paper's Table 1.

    Shows where printed and computed differ, and which figures need unpublished data.
    """
    if folder is None and not SOURCE_DATA.is_dir():
        raise InputError(
            "The paper's data are not installed: take the folder sample_data/amini2016 of the "
            "source tree, and name it with --data."
        )
    figures = compute_printed_figures(folder or SOURCE_DATA)
    if as_json:
        show_json([asdict(figure) for figure in figures])
        return
    show_table(
        ["Figure", "Printed", "Computed", "Agrees"],
        [
            [figure.name, figure.printed, figure.computed or "-", AGREES[figure.agrees]]
            for figure in figures
        ],
    )
    _show_reasons(figures)
    agreements = [figure.agrees for figure in figures]
    click.echo(
        f"{format_count(len(agreements), 'figure')}: {agreements.count(True)} agree, "
        f"{agreements.count(False)} differ, "
        f"{agreements.count(None)} cannot be computed from what is published."
    )


def _show_reasons(figures: Sequence[PrintedFigure]) -> None:
    """Explain why, with each reason once."""
    names = defaultdict(list)
    for figure in figures:
        if figure.why:
            names[figure.why].append(figure.name)
    for why, about in names.items():
        click.echo(f"{'; '.join(about)}:\n  {why}\n")
