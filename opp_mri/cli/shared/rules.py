"""The rules that a command applies: a click type for criteria, and the options of many commands."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from attrs import frozen

from opp_mri.domain.assessment import Criteria, Mode, Rules
from opp_mri.response.criteria import DEFAULT_CRITERIA, SHIPPED_CRITERIA, load_criteria
from opp_mri.workflow.assessing.respond import load_project_rules
from opp_mri.workflow.project import Project


class CriteriaType(click.ParamType[Criteria]):
    """Criteria by the name of a shipped profile, or as the path of a TOML file."""

    name = "criteria"

    def convert(
        self,
        value: str | Criteria,
        param: click.Parameter | None,  # noqa: ARG002  # the signature is click's
        ctx: click.Context | None,  # noqa: ARG002
    ) -> Criteria:
        """Load the criteria.

        Raises
        ------
        InputError
            There is no such profile or file, or it cannot be used.
        """
        return value if isinstance(value, Criteria) else load_criteria(value)


mode_option = click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),  # its words, not the names of its members
    default=Mode.RETROSPECTIVE.value,
    show_default=True,
    help="With hindsight, as the source paper did; or as known today.",
)
criteria_option = click.option(
    "--criteria",
    metavar="NAME|FILE",
    type=CriteriaType(),
    help=f"{', '.join(SHIPPED_CRITERIA)}, or a TOML file; default: the project's, "
    f"else {DEFAULT_CRITERIA}.",
)


@frozen(kw_only=True)
class RulesChoice:
    """The rules that were asked for on the command line.

    Parameters
    ----------
    criteria
        None where no criteria were named: then the project's, or the default, apply.
    """

    criteria: Criteria | None
    mode: Mode

    def complete_for_project(self, project: Project) -> Rules:
        """Complete them from the settings of a project."""
        return load_project_rules(project, self.criteria, self.mode)

    def complete_for_tables(self) -> Rules:
        """Complete them for tables, which have no settings."""
        return Rules(criteria=self.criteria or load_criteria(DEFAULT_CRITERIA), mode=self.mode)


def add_rules_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options `--mode` and `--criteria` to a command, and pass it both as `rules`."""

    @mode_option
    @criteria_option
    @wraps(command)
    def with_rules(*args: Any, mode: str, criteria: Criteria | None, **options: Any) -> None:
        command(*args, rules=RulesChoice(criteria=criteria, mode=Mode(mode)), **options)

    return with_rules
