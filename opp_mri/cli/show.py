"""Tables, JSON and progress, as the verbs show them."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click
from rich import box
from rich import progress as rich_progress
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from opp_mri.cli.shared.streams import get_terminal
from opp_mri.domain.plausibility import DataWarning
from opp_mri.domain.visible_text import make_line_visible
from opp_mri.workflow.progress import Progress

NATURAL_WIDTH: Final = 100_000  # where the output is not a terminal, a cell is never folded
MOST_WARNINGS: Final = 20
PLAIN_STEP: Final = 100  # files or series between two progress lines where there is no terminal


def show_json(record: Any) -> None:
    """Print a record as JSON."""
    click.echo(json.dumps(record, indent=2, ensure_ascii=False))


def show_head(head_hash: str, *, is_to_keep: bool = False) -> None:
    """Print the head of a project's chain of records; after a signature, with why to keep it."""
    click.echo(f"Head: {head_hash}")
    if is_to_keep:
        click.echo(
            "Keep it outside of the project, on paper or in another system: `opp-mri audit verify "
            "--head` shows later that nothing before it was changed."
        )


def show_warnings(warnings: Sequence[DataWarning]) -> None:
    """Print named warnings on stderr, the first of them where there are many."""
    for warning in warnings[:MOST_WARNINGS]:
        place = f" ({warning.file}, line {warning.line})" if warning.line else ""
        click.echo(
            f"Warning ({warning.name}), {warning.lesion_id}{place}: {warning.sentence}", err=True
        )
    if len(warnings) > MOST_WARNINGS:
        click.echo(f"... and {len(warnings) - MOST_WARNINGS} more: --json lists all.", err=True)


def build_warnings_json(warnings: Iterable[DataWarning]) -> list[dict[str, str | int | None]]:
    """Return named warnings for a program; without file and line in a project."""
    return [
        {
            "name": warning.name.value,
            "lesion_id": warning.lesion_id,
            "file": warning.file or None,
            "line": warning.line,
            "sentence": warning.sentence,
        }
        for warning in warnings
    ]


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a column whose name ends in a unit is set to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        right = column.endswith((" mm", " cc", " Gy", "days", "weeks"))
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(make_line_visible, row))
    console = Console(file=get_terminal(sys.stdout), markup=False, highlight=False, emoji=False)
    if console.is_terminal:
        console.print(table)
        return
    console.width = NATURAL_WIDTH
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().strip("\n").splitlines()))


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Show progress on stderr: bars on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield _build_plain_progress()
        return
    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    console = Console(file=get_terminal(sys.stderr))
    progress = rich_progress.Progress(
        *columns, console=console, transient=True,
        redirect_stdout=False, redirect_stderr=False,  # rich would send what it is handed
    )  # fmt: skip
    with progress as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, count: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(escape(make_line_visible(stage)), total=total)
            bars.update(tasks[stage], completed=count, total=total)

        yield report


def _build_plain_progress() -> Progress:
    def report(stage: str, count: int, total: int) -> None:
        if count == total or (count and count % PLAIN_STEP == 0):
            click.echo(f"{make_line_visible(stage)}: {count} of {total}", err=True)

    return report
