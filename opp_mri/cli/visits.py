"""Commands of visits: visit add, visit list."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from opp_mri.cli.shared.json_output import unstructure
from opp_mri.cli.shared.options import (
    all_or_none_option,
    existing_file,
    format_example,
    json_option,
    project_option,
    read_clock,
)
from opp_mri.cli.show import show_json, show_table
from opp_mri.domain.columns.visit import VISIT_COLUMNS, describe_visit
from opp_mri.units import count_days, format_count
from opp_mri.workflow.measuring.lesions import select_lesions
from opp_mri.workflow.measuring.visits import add_visit, add_visits, group_visits_by_lesion
from opp_mri.workflow.project import open_project


@click.group("visit", epilog=format_example("opp-mri visit list --project study"))
def visit_group() -> None:
    """Record and list findings of visits: epidural grade, fracture, pain and others."""


def _add_column_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add to a command an option for each column of the table of visits."""
    for column in reversed(VISIT_COLUMNS):
        name = f"--{column.name.replace('_', '-')}"
        command = click.option(name, column.name, help=column.help_text)(command)
    return command


@visit_group.command(
    "add",
    epilog=format_example(
        "opp-mri visit add --lesion-id OPP-01 --visit-date 2020-06-01 --epidural-grade 1b "
        "--pain 3 --recorded-by reader-1 --project study"
    ),
)
@click.option("--table", type=existing_file, help="CSV of visits with a column for each option.")
@_add_column_options
@click.option("--recorded-by", required=True, help="Who records the visit.")
@all_or_none_option
@project_option
def add_command(
    table: Path | None,
    recorded_by: str,
    all_or_none: bool,
    project_folder: Path,
    **cells: str | None,
) -> None:
    """Record one visit of a lesion by options, or the visits of a table.

    Nothing is overwritten: a later record of the same lesion and day follows the earlier one, and
    takes over its values for empty fields.
    """
    filled_cells = {column: value for column, value in cells.items() if value is not None}
    if (table is None) == (not filled_cells):
        raise click.UsageError("Give either --table FILE, or the visit by its options.")
    with open_project(project_folder) as project:
        if table is not None:
            count = add_visits(
                project.store, table, recorded_by, read_clock(), all_or_none=all_or_none
            )
            click.echo(f"Recorded: {format_count(count, 'visit')}.")
            return
        visit = add_visit(project.store, filled_cells, recorded_by, read_clock())
    if visit is None:
        click.echo("This is recorded already: nothing was added.")
    else:
        click.echo(f"{visit.lesion_id}, {visit.visit_date}: {describe_visit(visit)}.")


@visit_group.command("list", epilog=format_example("opp-mri visit list OPP-01 --project study"))
@click.argument("lesion_ids", metavar="[LESION]...", nargs=-1)
@project_option
@json_option
def list_command(lesion_ids: tuple[str, ...], project_folder: Path, as_json: bool) -> None:
    """List the current visits of some lesions, or of all."""
    with open_project(project_folder) as project:
        store = project.store
        lesions = select_lesions(store, lesion_ids)
        by_lesion = group_visits_by_lesion(store)
    visits = [
        (lesion, visit) for lesion in lesions for visit in by_lesion.get(lesion.lesion_id, ())
    ]
    if as_json:
        show_json(unstructure([visit for _, visit in visits]))
        return
    rows = [
        [
            lesion.lesion_id,
            str(visit.visit_date),
            f"{count_days(lesion.ssrs_last_date, visit.visit_date) / 7:.1f}",
            describe_visit(visit),
            visit.recorded_by,
        ]
        for lesion, visit in visits
    ]
    show_table(["Lesion", "Visit", "weeks", "Findings", "Recorded by"], rows)


COMMANDS: Final = (visit_group,)
