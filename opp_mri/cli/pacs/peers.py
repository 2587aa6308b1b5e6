"""Verbs of the peers of a project: pacs peer add, list, check, login, remove."""

from pathlib import Path
from typing import Any

import attrs
import click

from opp_mri.cli.shared.options import format_example, json_option, project_option
from opp_mri.cli.show import show_json, show_table
from opp_mri.domain.peer import Authentication, Peer, Retrieval, WebPeer
from opp_mri.workflow.pacs.peers import (
    add_peer,
    build_peer,
    check_peer,
    find_peer,
    list_peers,
    remove_peer,
)
from opp_mri.workflow.pacs.secrets import keep_secret, name_variable, needs_secret
from opp_mri.workflow.project import open_project

file_type = click.Path(exists=True, dir_okay=False)


@click.group("peer")
def peer_group() -> None:
    """Name the archives of a project, in its settings."""


@peer_group.command(
    "add",
    epilog=format_example("opp-mri pacs peer add archive --host pacs --port 104 --ae-title PACS"),
)
@click.argument("name")
@click.option("--url", help="DICOMweb: address of the service, such as https://pacs/dicom-web.")
@click.option("--user", help="DICOMweb: user name, for basic authentication.")
@click.option("--token", "with_token", is_flag=True, help="DICOMweb: a token is required.")
@click.option("--host", help="DIMSE: host of the archive.")
@click.option("--port", type=click.IntRange(1, 65535), help="DIMSE: its port.")
@click.option("--ae-title", "called_ae_title", help="DIMSE: its application entity title.")
@click.option("--own-ae-title", "calling_ae_title", help="DIMSE: ours, by default OPP_MRI.")
@click.option("--tls", is_flag=True, help="DIMSE: encrypt the connection.")
@click.option(
    "--move",
    "listen_at",
    metavar="HOST:PORT",
    help="DIMSE: retrieve by C-MOVE to this address of ours; default: by C-GET.",
)
@click.option("--authority", type=file_type, help="Certificates (PEM) that vouch for the archive.")
@click.option("--certificate", type=file_type, help="Our certificate (PEM), where it is required.")
@click.option("--key", type=file_type, help="Key (PEM) of our certificate.")
@click.option("--timeout", "timeout_s", type=float, help="Longest silence, s; by default 30.")
@project_option
def peer_add_command(
    name: str,
    project_folder: Path,
    listen_at: str | None,
    **options: Any,
) -> None:
    """Add an archive NAME to the settings of a project.

    Passwords and tokens are never options of a command: `opp-mri pacs peer login` keeps them in the
    keyring of the system.
    """
    table = {key: value for key, value in options.items() if value}
    if bool(table.get("url")) == bool(table.get("host")):
        raise click.UsageError("Give --url for DICOMweb, or --host and --port for DIMSE.")
    if table.pop("with_token", False):
        table["authentication"] = Authentication.TOKEN.value
    elif "user" in table:
        table["authentication"] = Authentication.BASIC.value
    if listen_at is not None:
        host, _, port = listen_at.rpartition(":")
        if not host or not port.isdigit():
            raise click.UsageError("--move needs an address such as 10.0.0.5:11112.")
        table |= {"retrieval": Retrieval.MOVE.value, "listen_host": host, "listen_port": int(port)}
    for key in ("authority", "certificate", "key"):
        if key in table:
            table[key] = str(Path(table[key]).absolute())
    peer = build_peer(name, table)
    with open_project(project_folder) as project:
        add_peer(project, peer)
    click.echo(f"Added the peer {name}.")
    if needs_secret(peer):
        click.echo(f"Next: opp-mri pacs peer login {name}, or set {name_variable(name)}.")
    else:
        click.echo(f"Next: opp-mri pacs peer check {name}.")


@peer_group.command("list", epilog=format_example("opp-mri pacs peer list --project study"))
@project_option
@json_option
def peer_list_command(project_folder: Path, as_json: bool) -> None:
    """List the archives of a project."""
    with open_project(project_folder) as project:
        peers = list_peers(project)
    if as_json:
        show_json([attrs.asdict(peer) for peer in peers])
        return
    show_table(["Peer", "By", "Address", "AE title", "Retrieval"], map(_build_peer_row, peers))


def _build_peer_row(peer: Peer) -> list[str]:
    if isinstance(peer, WebPeer):
        return [peer.name, "DICOMweb", peer.url, "-", "WADO-RS"]
    address = f"{peer.host}:{peer.port}{' (TLS)' if peer.tls else ''}"
    service = f"C-{peer.retrieval.value.upper()}"
    return [peer.name, "DIMSE", address, peer.called_ae_title, service]


@peer_group.command(
    "check", epilog=format_example("opp-mri pacs peer check archive --project study")
)
@click.argument("name")
@project_option
def peer_check_command(name: str, project_folder: Path) -> None:
    """Check that the archive NAME answers (C-ECHO, or a query)."""
    with open_project(project_folder) as project:
        peer = find_peer(project, name)
    check_peer(peer)
    click.echo(f"{name} answers.")


@peer_group.command(
    "login", epilog=format_example("opp-mri pacs peer login archive --project study")
)
@click.argument("name")
@project_option
def peer_login_command(name: str, project_folder: Path) -> None:
    """Ask for the password or token of NAME, and keep it in the keyring of the system."""
    with open_project(project_folder) as project:
        peer = find_peer(project, name)
    keep_secret(peer, click.prompt("Password or token", hide_input=True, err=True))
    click.echo(f"Kept in the keyring of this system, for {name} at this address only.")


@peer_group.command(
    "remove", epilog=format_example("opp-mri pacs peer remove archive --project study")
)
@click.argument("name")
@project_option
def peer_remove_command(name: str, project_folder: Path) -> None:
    """Remove the archive NAME from the settings, and its password or token from the keyring.

    What was pulled is kept.
    """
    with open_project(project_folder) as project:
        remove_peer(project, name)
    click.echo(f"Removed the peer {name}.")
