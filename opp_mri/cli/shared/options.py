"""Options that several verbs share."""

import os
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
scheduler_option = click.option(
    "--scheduler",
    metavar="ADDRESS",
    default="",
    help="Let the workers of a Dask scheduler do the work, such as tcp://host:8786, instead of "
    "processes of this machine. They must see the images under the same paths.",
)
all_or_none_option = click.option(
    "--all-or-none", is_flag=True, help="Store nothing if a row is bad; else the others are stored."
)
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def ask_passphrase(*, is_new: bool = False) -> str:
    """Return the passphrase of OPP_MRI_PASSPHRASE, or ask for it; twice where it is a new one.

    It is never an option of a command: others on this machine could read it there.
    """
    passphrase: str = os.environ.get("OPP_MRI_PASSPHRASE", "")
    if passphrase:
        return passphrase
    answer: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=is_new, err=True)
    return answer


def refuse_both(workers: int | None, scheduler: str) -> None:
    """Refuse processes of this machine where a scheduler has workers of its own."""
    if workers is not None and scheduler:
        raise click.UsageError("--workers are processes of this machine: omit it with --scheduler.")


def format_example(line: str) -> str:
    """Return the end of a command's help: a line that can be typed unchanged."""
    return f"\b\nExample:\n  {line}"


def read_clock() -> datetime:
    """Return the time at which something is recorded."""
    return datetime.now(UTC)
