"""Verbs that keep a project safe and move it: backup, restore, project copy, account."""

from pathlib import Path

import click

from opp_mri.cli.options import example, now, project_option
from opp_mri.cli.show import counted, show_table
from opp_mri.workflow.project import open_project
from opp_mri.workflow.safekeeping.accounts import ROLES, accounts, add_account
from opp_mri.workflow.safekeeping.backup import back_up, copy_project, restore

new_file = click.Path(dir_okay=False, path_type=Path)
old_file = click.Path(exists=True, dir_okay=False, path_type=Path)
folder_type = click.Path(file_okay=False, path_type=Path)


@click.command("backup", epilog=example("opp-mri backup study-2026-11-28.zip"))
@click.argument("file", type=new_file)
@project_option
def backup_command(file: Path, project_folder: Path) -> None:
    """Write store and settings into FILE, and verify it. Others may go on working.

    The images are not in it; the catalogue, which names them, is.
    """
    with open_project(project_folder) as project:
        backup = back_up(project, file, now())
    click.echo(f"{counted(backup.head.sequence_number, 'record')} in {file}, verified.")
    click.echo(f"Head: {backup.head.hash}")


@click.command("restore", epilog=example("opp-mri restore study-2026-11-28.zip study-restored"))
@click.argument("file", type=old_file)
@click.argument("folder", type=folder_type)
def restore_command(file: Path, folder: Path) -> None:
    """Verify the backup FILE and make its project in FOLDER.

    Images that lay inside the old project's folder are found in the new one only if they are
    there: run `opp-mri index` with their folder otherwise.
    """
    backup = restore(file, folder)
    click.echo(
        f"{counted(backup.head.sequence_number, 'record')} of {backup.made_at[:19]} in {folder}, "
        "verified."
    )


@click.group(
    "project", epilog=example("opp-mri project copy shared --database postgresql://host/study")
)
def project_group() -> None:
    """Copy a project."""


@project_group.command("copy", epilog=example("opp-mri project copy on-paper --project shared"))
@click.argument("folder", type=folder_type)
@click.option("--database", default="", help="An empty PostgreSQL database for the copy.")
@project_option
def copy_command(folder: Path, database: str, project_folder: Path) -> None:
    """Copy a project into FOLDER: into a file, or with --database into PostgreSQL.

    All of it is equal, the chain of records included; the copy is verified.
    """
    with open_project(project_folder) as project:
        head = copy_project(project, folder, database)
    click.echo(f"{counted(head.sequence_number, 'record')} copied to {folder}, verified.")
    click.echo(f"Head: {head.hash}")


@click.group("account", epilog=example("opp-mri account list"))
def account_group() -> None:
    """Accounts of a project in a PostgreSQL database."""


@account_group.command(
    "add", epilog=example("opp-mri account add anna --role reader --reader reader-1")
)
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What it may do.")
@click.option("--reader", default="", help="Readers and adjudicators: the name they read under.")
@project_option
def account_add_command(name: str, role: str, reader: str, project_folder: Path) -> None:
    """Make an account NAME, and print its password once.

    The database holds what it may do: a reader sees the signed answers of others, and none while
    the protocol blinds; nobody but the coordinator sees a secret.
    """
    with open_project(project_folder) as project:
        password = add_account(project, name, role, reader)
    click.echo(f"Account {name} ({role}). Its password, shown only now: {password}")
    click.echo(f"Its user sets PGUSER={name} and PGPASSWORD, or keeps both in a password file.")


@account_group.command("list", epilog=example("opp-mri account list --project shared"))
@project_option
def account_list_command(project_folder: Path) -> None:
    """List all accounts with their roles."""
    with open_project(project_folder) as project:
        rows = [[account.name, account.role, account.reader] for account in accounts(project)]
    show_table(["Account", "Role", "Reader"], rows)


COMMANDS = (backup_command, restore_command, project_group, account_group)
