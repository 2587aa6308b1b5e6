"""Verbs of a study with two readers: protocol, reader-package, reader-merge, unblind."""

from pathlib import Path
from typing import Any, Final

import attrs
import click

from opp_mri.cli.shared.options import (
    ask_passphrase,
    existing_file,
    format_example,
    json_option,
    project_option,
    read_clock,
)
from opp_mri.cli.show import show_head, show_json, show_progress
from opp_mri.domain.reader_study import Blinding, ReadingProtocol
from opp_mri.errors import InputError
from opp_mri.units import format_count
from opp_mri.workflow.double_read.locked_package import lock_package, unlock_package
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.double_read.returning import has_protected_key, seal_return
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.protocol import (
    EXAMPLE,
    declare_protocol,
    describe_protocol,
    find_freeze_time,
    require_protocol,
    unblind,
)
from opp_mri.workflow.project import open_project

folder_argument = click.Path(file_okay=False, path_type=Path)


@click.command("protocol", epilog=format_example("opp-mri protocol protocol.toml --project study"))
@click.argument("file", type=existing_file, required=False)
@click.option("--example", is_flag=True, help="Print a protocol to start from, with comments.")
@project_option
@json_option
def protocol_command(file: Path | None, example: bool, project_folder: Path, as_json: bool) -> None:
    """Declare the reading protocol from a TOML FILE, or show the one that holds.

    It defines the readers, the blinding, and the resolution of two reads. It may be changed until
    the first reader's package is made, and is frozen after that. In a package it shows its reader
    the rules.
    """
    if example:
        click.echo(EXAMPLE, nl=False)
        return
    with open_project(project_folder) as project:
        blinding = read_blinding(project.store)
        if blinding is not None and file is None:
            _show_rules(blinding, as_json=as_json)
            return
        protocol = (
            declare_protocol(project.store, file) if file else require_protocol(project.store)
        )
        freeze_time = find_freeze_time(project.store)
    if as_json:
        show_json(
            {
                **_build_protocol_json(protocol),
                "frozen_since": freeze_time.isoformat() if freeze_time else None,
            }
        )
        return
    click.echo(f"Protocol “{protocol.name}”")
    for sentence in describe_protocol(protocol):
        click.echo(f"  {sentence}")
    if freeze_time:
        click.echo(f"Frozen since {freeze_time:%Y-%m-%d}, when the first package was made.")
    else:
        click.echo("It can be changed until the first package is made.")


@click.command(
    "reader-package",
    epilog=format_example("opp-mri reader-package reader-1 package-1 --project study"),
)
@click.argument("reader")
@click.argument("folder", type=folder_argument)
@click.option("--again", is_flag=True, help="Replace a lost package.")
@click.option(
    "--protect-key",
    is_flag=True,
    help="Protect the key in the package with a passphrase, which is prompted for.",
)
@project_option
def package_command(
    reader: str, folder: Path, again: bool, protect_key: bool, project_folder: Path
) -> None:
    """Make a READER's package in FOLDER: images without identity, and what is to be read.

    It is a project of its own, read with `opp-mri read --project FOLDER --reader READER` on any
    machine, and holds nothing of other readers. Its signed answers come back by reader-merge. Where
    the protocol has cases read twice, the second package is made by the same command after the
    washout.

    The reader seals the answers with a key in the package, and so could whoever copies the package
    before that. With --protect-key the reader needs the passphrase to seal it: tell it by another
    channel. It comes from OPP_MRI_PASSPHRASE if that is set.
    """
    passphrase = ask_passphrase(is_new=True) if protect_key else ""
    with open_project(project_folder) as project, show_progress() as progress:
        package = make_package(
            project,
            reader,
            folder,
            read_clock(),
            again=again,
            passphrase=passphrase,
            progress=progress,
        )
        protocol = require_protocol(project.store)
    click.echo(
        f"{format_count(len(package.issued.cases), 'case')} and "
        f"{format_count(package.images, 'image')} for "
        f"{reader} in {package.folder}."
    )
    for sentence in package.left_out:
        click.echo(f"Left out: {sentence}")
    click.echo(
        "Image pixels are copied as they are: inspect some for burned-in text before you send the "
        "package."
    )
    if protocol.repeats_share and package.issued.wave == 1:
        click.echo(
            "The other cases come in a second package, at least "
            f"{format_count(protocol.washout_days, 'day')} after the answers of this one came back."
        )
    click.echo(f"Next, the reader: opp-mri read --project {package.folder} --reader {reader}")


@click.command("reader-return", epilog=format_example("opp-mri reader-return package-1"))
@click.argument("folder", type=folder_argument)
def return_command(folder: Path) -> None:
    """Seal a reader's package FOLDER before it is sent back.

    The key in the package signs what is recorded, and is removed: a later change is noticed when
    the package is merged. Seal it once all is read and signed. Where a passphrase protects the key,
    it is prompted for, or read from OPP_MRI_PASSPHRASE.
    """
    head = seal_return(folder, read_clock(), ask_passphrase() if has_protected_key(folder) else "")
    click.echo(f"Sealed: {format_count(head.sequence_number, 'record')}, head {head.hash}.")
    click.echo("Send the folder back as it is, and keep this line.")


@click.command("reader-lock", epilog=format_example("opp-mri reader-lock package-1 package-1.opp"))
@click.argument("folder", type=folder_argument)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def lock_command(folder: Path, file: Path) -> None:
    """Encrypt a reader's package FOLDER into the new FILE, for transport in either direction.

    The passphrase is prompted for, or read from OPP_MRI_PASSPHRASE; send it by another channel than
    the file. The folder stays as it is: remove it where it is not needed any more.
    """
    count = lock_package(folder, file, ask_passphrase(is_new=True))
    click.echo(f"{format_count(count, 'file')} in {file}, encrypted.")


@click.command(
    "reader-unlock", epilog=format_example("opp-mri reader-unlock package-1.opp package-1")
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=folder_argument)
def unlock_command(file: Path, folder: Path) -> None:
    """Unpack an encrypted package FILE into the new FOLDER."""
    unlock_package(file, folder, ask_passphrase())
    click.echo(f"Unpacked: {folder}")


@click.command(
    "reader-merge", epilog=format_example("opp-mri reader-merge package-1 --project study")
)
@click.argument("folder", type=folder_argument)
@click.option("--unsealed", is_flag=True, help="Merge a package that its reader has not sealed.")
@project_option
def merge_command(folder: Path, unsealed: bool, project_folder: Path) -> None:
    """Merge the answers of a reader's package FOLDER into the project.

    Answers count if they were signed in the reading room, or imported into the package with
    measure. The reader seals the package before (`opp-mri reader-return`); with --unsealed
    the answers so far are taken, and the command is run again when there are more. Each length is
    computed again on the project's own images.
    """
    with open_project(project_folder) as project:
        summary = merge_package(project, folder, read_clock(), unsealed=unsealed)
    for sentence in summary.cautions:
        click.echo(f"Caution: {sentence}", err=True)
    click.echo(f"{format_count(summary.added, 'answer')} of {summary.reader} added.")
    if summary.known:
        click.echo(f"{format_count(summary.known, 'answer')} already merged.")
    if summary.unsigned:
        click.echo(f"{format_count(summary.unsigned, 'answer')} not signed yet: not imported.")
    if summary.unread:
        click.echo(f"{format_count(summary.unread, 'lesion')} of the package not read yet.")
    if summary.late:
        click.echo(
            f"{format_count(summary.late, 'answer')} not imported: consensus on these lesions has "
            "already started, so that an answer would no longer be independent."
        )


@click.command(
    "unblind",
    epilog=format_example(
        'opp-mri unblind --signed-by "A. Reader" --reason "all lesions are resolved"'
    ),
)
@click.option("--signed-by", required=True, help="Name of the person who lifts the blinding.")
@click.option("--reason", required=True, help="Why now.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@project_option
def unblind_command(signed_by: str, reason: str, yes: bool, project_folder: Path) -> None:
    """Lift the blinding of a study, for good: signed, with a reason, in the log.

    After it no package is made or taken back, and readers may open the project itself.
    """
    with open_project(project_folder) as project:
        if not yes and not click.confirm(
            "No independent read can be added after this. Lift the blinding?"
        ):
            raise InputError("Nothing was changed.")
        event = unblind(project.store, signed_by=signed_by, reason=reason, at=read_clock())
        head = project.store.get_head()
    click.echo(f"Signed by {event.signed_by}: {event.statement}")
    show_head(head.hash, is_to_keep=True)


def _show_rules(blinding: Blinding, *, as_json: bool) -> None:
    if as_json:
        show_json({"reader": blinding.reader, "rules": list(blinding.rules)})
        return
    click.echo(f"Package of {blinding.reader}")
    for sentence in blinding.rules:
        click.echo(f"  {sentence}")


def _build_protocol_json(protocol: ReadingProtocol) -> dict[str, Any]:
    record = attrs.asdict(protocol)
    return record | {
        "readers": list(protocol.readers),
        "length_limit_mm": float(protocol.length_limit_mm),
    }


COMMANDS: Final = (
    protocol_command,
    package_command,
    lock_command,
    unlock_command,
    return_command,
    merge_command,
    unblind_command,
)
