"""Verbs that keep a project safe and move it: backup, restore, project copy, account."""

from pathlib import Path
from typing import Final

import click

from opp_mri.cli.shared.options import ask_passphrase, format_example, project_option, read_clock
from opp_mri.cli.show import show_head, show_table
from opp_mri.units import format_count
from opp_mri.workflow.project import open_project
from opp_mri.workflow.safekeeping.accounts import ROLES, add_account, list_accounts, remove_account
from opp_mri.workflow.safekeeping.backup import back_up, copy_project, restore
from opp_mri.workflow.safekeeping.encryption import is_encrypted

new_file = click.Path(dir_okay=False, path_type=Path)
old_file = click.Path(exists=True, dir_okay=False, path_type=Path)
folder_type = click.Path(file_okay=False, path_type=Path)


@click.command("backup", epilog=format_example("opp-mri backup study-2026-11-28.zip"))
@click.argument("file", type=new_file)
@click.option(
    "--encrypt", is_flag=True, help="Encrypt the backup with a passphrase, which is prompted for."
)
@project_option
def backup_command(file: Path, encrypt: bool, project_folder: Path) -> None:
    """Write store and settings into FILE, and verify it. Others may continue to work.

    The backup holds the catalogue, but not the images. The passphrase comes from
    OPP_MRI_PASSPHRASE if that is set; without it the backup cannot be restored.
    """
    with open_project(project_folder) as project:
        passphrase = ask_passphrase(is_new=True) if encrypt else ""
        backup = back_up(project, file, read_clock(), passphrase)
    click.echo(f"{format_count(backup.head.sequence_number, 'record')} in {file}, verified.")
    show_head(backup.head.hash)


@click.command(
    "restore", epilog=format_example("opp-mri restore study-2026-11-28.zip study-restored")
)
@click.argument("file", type=old_file)
@click.argument("folder", type=folder_type)
def restore_command(file: Path, folder: Path) -> None:
    """Verify the backup FILE and make its project in FOLDER.

    Images that lay inside the old project's folder are found in the new one only if they are
    there: run `opp-mri index` with their folder otherwise.
    """
    passphrase = ask_passphrase() if is_encrypted(file) else ""
    backup = restore(file, folder, passphrase)
    click.echo(
        f"{format_count(backup.head.sequence_number, 'record')} of {backup.made_at[:19]} in "
        f"{folder}, "
        "verified."
    )


@click.group(
    "project",
    epilog=format_example("opp-mri project copy shared --database postgresql://host/study"),
)
def project_group() -> None:
    """Copy a project."""


@project_group.command(
    "copy", epilog=format_example("opp-mri project copy on-paper --project shared")
)
@click.argument("folder", type=folder_type)
@click.option("--database", default="", help="An empty PostgreSQL database for the copy.")
@project_option
def copy_command(folder: Path, database: str, project_folder: Path) -> None:
    """Copy a project into FOLDER: into a file, or with --database into PostgreSQL.

    The copy is identical, including the chain of records, and is verified.
    """
    with open_project(project_folder) as project:
        head = copy_project(project, folder, database)
    click.echo(f"{format_count(head.sequence_number, 'record')} copied to {folder}, verified.")
    show_head(head.hash)


@click.group("account", epilog=format_example("opp-mri account list"))
def account_group() -> None:
    """Accounts of a project in a PostgreSQL database."""


@account_group.command(
    "add", epilog=format_example("opp-mri account add anna --role reader --reader reader-1")
)
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="Role of the account.")
@click.option("--reader", default="", help="Readers and adjudicators: the name they read under.")
@project_option
def account_add_command(name: str, role: str, reader: str, project_folder: Path) -> None:
    """Make an account NAME, and print its password once.

    The database enforces the role: a reader sees the signed answers of others, but none while
    blinded by the protocol; only the coordinator sees secrets.
    """
    with open_project(project_folder) as project:
        password = add_account(project, name, role, reader)
    click.echo(f"Account {name} ({role}). Its password, shown only now: {password}")
    click.echo(f"Its user sets PGUSER={name} and PGPASSWORD, or keeps both in a password file.")


@account_group.command(
    "remove", epilog=format_example("opp-mri account remove anna --project shared")
)
@click.argument("name")
@project_option
def account_remove_command(name: str, project_folder: Path) -> None:
    """Remove the account NAME: its login is refused, and open sessions see nothing any more.

    What it recorded stays. A new account may be made for the same reader.
    """
    with open_project(project_folder) as project:
        remove_account(project, name)
    click.echo(f"Account {name} is removed; its records stay.")


@account_group.command("list", epilog=format_example("opp-mri account list --project shared"))
@project_option
def account_list_command(project_folder: Path) -> None:
    """List all accounts with their roles."""
    with open_project(project_folder) as project:
        rows = [[account.name, account.role, account.reader] for account in list_accounts(project)]
    show_table(["Account", "Role", "Reader"], rows)


COMMANDS: Final = (backup_command, restore_command, project_group, account_group)
