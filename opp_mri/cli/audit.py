"""Verbs that show whether records are those that were recorded: audit verify, show, head."""

from pathlib import Path
from typing import Final

import attrs
import click

from opp_mri.cli.shared.options import format_example, json_option, project_option
from opp_mri.cli.show import show_head, show_json, show_table
from opp_mri.errors import ProjectError
from opp_mri.units import format_count
from opp_mri.workflow.measuring.blinding import list_blinded_readers
from opp_mri.workflow.project import open_project
from opp_mri.workflow.safekeeping.audit import list_entries, verify

SHORT: Final = 12  # digits of a hash in a table


@click.group("audit", epilog=format_example("opp-mri audit verify"))
def audit_group() -> None:
    """Verify the records of a project, and show who recorded what, when and why.

    Each record holds the hash of its content and of the record before it, so that an edit, a
    deletion, another order or a damaged file breaks the chain.
    """


@audit_group.command("verify", epilog=format_example("opp-mri audit verify --head HASH"))
@click.option("--head", "expected", help="Hash of a head that was printed earlier.")
@project_option
@json_option
def verify_command(expected: str | None, project_folder: Path, as_json: bool) -> None:
    """Verify every record, their order, the catalogue and the database file.

    Exit code 6 if anything differs from what was recorded.
    """
    with open_project(project_folder) as project:
        report = verify(project.store, expected)
    if as_json:
        show_json(
            {
                "records": report.head.sequence_number,
                "head": report.head.hash,
                "faults": list(report.faults),
                "cautions": list(report.cautions),
            }
        )
    else:
        for sentence in report.faults:
            click.echo(sentence)
        for sentence in report.cautions:
            click.echo(f"Caution: {sentence}")
        if not report.faults:
            click.echo(
                f"{format_count(report.head.sequence_number, 'record')}, each as it was "
                "recorded and in "
                "its order."
            )
            show_head(report.head.hash)
    if report.faults:
        raise ProjectError(
            f"{format_count(len(report.faults), 'fault')}. Keep a copy of the project as "
            "evidence, then "
            "restore its latest backup with `opp-mri restore`."
        )


@audit_group.command("show", epilog=format_example("opp-mri audit show --lesion OPP-01"))
@click.option("--lesion", "lesion_id", help="Only records about this lesion.")
@click.option("--after", default=0, show_default=True, help="Only records after this number.")
@project_option
@json_option
def show_command(lesion_id: str | None, after: int, project_folder: Path, as_json: bool) -> None:
    """Show who recorded what, when and why, in the order of the log."""
    with open_project(project_folder) as project:
        entries = [
            entry
            for entry in list_entries(
                project.store, after, blinded_readers=list_blinded_readers(project.store)
            )
            if lesion_id is None or entry.subject == lesion_id
        ]
    if as_json:
        show_json([attrs.asdict(entry) for entry in entries])
        return
    show_table(
        ["No.", "When", "Who", "Record", "About", "Content", "Reason", "Hash"],
        [
            [
                str(entry.sequence_number), entry.recorded_at[:19], entry.person, entry.action,
                entry.subject, entry.content, entry.reason, entry.hash[:SHORT],
            ]
            for entry in entries
        ],
    )  # fmt: skip


@audit_group.command("head", epilog=format_example("opp-mri audit head --project study --json"))
@project_option
@json_option
def head_command(project_folder: Path, as_json: bool) -> None:
    """Print the head of the chain: keep it elsewhere, on paper or in another system.

    `opp-mri audit verify --head HASH` shows later that nothing before it was changed or removed.
    """
    with open_project(project_folder) as project:
        head = project.store.get_head()
    if as_json:
        show_json({"records": head.sequence_number, "head": head.hash})
        return
    click.echo(f"{head.hash}  {format_count(head.sequence_number, 'record')}")


COMMANDS: Final = (audit_group,)
