"""Where a cohort comes from: options that all verbs of `opp-mri cohort` share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from opp_mri.cli.options import project_option
from opp_mri.cli.response import criteria_option, mode_option, reader_option
from opp_mri.domain.assessment import Mode
from opp_mri.response.criteria import DEFAULT_CRITERIA, load_criteria
from opp_mri.workflow.assessing.respond import project_criteria
from opp_mri.workflow.cohort.cohort import Cohort, project_cohort, table_cohort
from opp_mri.workflow.project import open_project

tables_option = click.option(
    "--tables",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with lesions.csv, measurements.csv and events.csv, instead of a project.",
)


def load_tables(tables: Path, *, mode: str, criteria: str | None) -> Cohort:
    """Read the cohort of a folder of tables; an option that is of a project is refused."""
    context = click.get_current_context()
    for name, option in (("project_folder", "--project"), ("reader", "--reader")):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} and --tables do not go together.")
    rules = load_criteria(criteria or DEFAULT_CRITERIA)
    return table_cohort(tables, mode=Mode(mode), criteria=rules)


def _load(
    project_folder: Path,
    tables: Path | None,
    reader: str | None,
    mode: str,
    criteria: str | None,
) -> Cohort:
    if tables is None:
        with open_project(project_folder) as project:
            return project_cohort(
                project,
                mode=Mode(mode),
                criteria=project_criteria(project, criteria),
                reader=reader,
            )
    return load_tables(tables, mode=mode, criteria=criteria)


def cohort_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that name a cohort, and hand it `load_cohort`, which reads it.

    Reading is left to the verb, so that a wrong command line is told before a long read.
    """

    @project_option
    @tables_option
    @reader_option
    @mode_option
    @criteria_option
    @wraps(command)
    def with_cohort(
        *args: Any,
        project_folder: Path,
        tables: Path | None,
        reader: str | None,
        mode: str,
        criteria: str | None,
        **others: Any,
    ) -> None:
        def load_cohort() -> Cohort:
            return _load(project_folder, tables, reader, mode, criteria)

        command(*args, load_cohort=load_cohort, **others)

    return with_cohort
