"""Options that several verbs share."""

from datetime import UTC, datetime
from pathlib import Path

import click

project_option = click.option(
    "--project",
    "project_folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    envvar="OPP_MRI_PROJECT",
    show_default="this folder",
    help="The project's folder, as made by `opp-mri init`.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def example(line: str) -> str:
    """Give the end of a command's help: a line that may be typed as it stands."""
    return f"\b\nExample:\n  {line}"


def now() -> datetime:
    """Give the time at which something is recorded."""
    return datetime.now(UTC)
