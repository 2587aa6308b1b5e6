"""Where a cohort comes from: options that all verbs of `opp-mri cohort` share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from opp_mri.cli.response import reader_option
from opp_mri.cli.shared.options import project_option, scheduler_option
from opp_mri.cli.shared.rules import RulesChoice, add_rules_options
from opp_mri.cli.show import show_warnings
from opp_mri.domain.assessment import Rules
from opp_mri.errors import InputError
from opp_mri.workflow.cohort.cohort import Cohort, assess_project_cohort, assess_table_cohort
from opp_mri.workflow.cohort.ratios import add_ratios
from opp_mri.workflow.executors import open_cluster
from opp_mri.workflow.project import open_project

tables_option = click.option(
    "--tables",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with lesions.csv, measurements.csv and events.csv, instead of a project.",
)


def load_tables(tables: Path, rules: RulesChoice) -> Cohort:
    """Read the cohort of a folder of tables; an option that is of a project is refused."""
    context = click.get_current_context()
    for name, option in (
        ("project_folder", "--project"),
        ("reader", "--reader"),
        ("scheduler", "--scheduler"),
    ):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} and --tables cannot be combined: give one of them.")
    return assess_table_cohort(tables, _require_length_criteria(rules.complete_for_tables()))


def _require_length_criteria(rules: Rules) -> Rules:
    """Refuse criteria whose categories the tables and figures of a cohort cannot show.

    Raises
    ------
    InputError
        The criteria read volumes, or ask whether an enlargement persists.
    """
    if rules.criteria.persistence is not None:
        raise InputError(
            f"The tables and figures of a cohort need criteria of lengths that decline or not, and "
            f"{rules.criteria.name} asks whether an enlargement persists: use `opp-mri assess "
            f"--criteria {rules.criteria.name}`."
        )
    return rules


def _load(
    project_folder: Path,
    tables: Path | None,
    reader: str | None,
    rules: RulesChoice,
    scheduler: str,
    *,
    with_ratios: bool,
) -> Cohort:
    if tables is None:
        with open_project(project_folder) as project, open_cluster(scheduler) as executor:
            cohort = assess_project_cohort(
                project,
                _require_length_criteria(rules.complete_for_project(project)),
                reader=reader,
                executor=executor,
            )
            return add_ratios(cohort, project) if with_ratios else cohort
    return load_tables(tables, rules)


def add_cohort_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add to a verb the options that name a cohort, and hand it `load_cohort`, which reads it.

    T2 ratios need the images, so `load_cohort` computes them only where it is asked to.

    The subcommand does the reading, so that a wrong command line is reported before a long read.
    """

    @project_option
    @tables_option
    @reader_option
    @scheduler_option
    @add_rules_options
    @wraps(command)
    def with_cohort(
        *args: Any,
        project_folder: Path,
        tables: Path | None,
        reader: str | None,
        rules: RulesChoice,
        scheduler: str,
        **options: Any,
    ) -> None:
        def load_cohort(*, with_ratios: bool = False) -> Cohort:
            cohort = _load(
                project_folder, tables, reader, rules, scheduler, with_ratios=with_ratios
            )
            show_warnings(cohort.warnings)
            return cohort

        command(*args, load_cohort=load_cohort, **options)

    return with_cohort
