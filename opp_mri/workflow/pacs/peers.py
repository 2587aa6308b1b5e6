"""The peers of a project: named archives in its settings."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from opp_mri.domain.peer import Authentication, DimsePeer, Peer, Retrieval, WebPeer
from opp_mri.errors import InputError, UnknownError
from opp_mri.files import read_document, write_bytes
from opp_mri.workflow.pacs.secrets import find_secret, forget_secret
from opp_mri.workflow.project import SETTINGS_NAME, Project

if TYPE_CHECKING:
    from opp_mri.dicom.network.archive import Archive

SECRET_WORDS: Final = ("password", "token", "secret", "passphrase")


def list_peers(project: Project) -> tuple[Peer, ...]:
    """Return the peers of a project, by name.

    Raises
    ------
    InputError
        A peer of the settings is not as it must be.
    """
    return tuple(build_peer(name, table) for name, table in sorted(project.settings.peers.items()))


def find_peer(project: Project, name: str) -> Peer:
    """Return the peer of a name.

    Raises
    ------
    UnknownError
        The project has no such peer.
    """
    if name not in project.settings.peers:
        raise UnknownError(
            f"The project has no peer {name}: `opp-mri pacs peer list` lists the peers, "
            "`opp-mri pacs peer add` adds one."
        )
    return build_peer(name, project.settings.peers[name])


def build_peer(name: str, table: object) -> Peer:
    """Return a peer as the settings state it.

    Raises
    ------
    InputError
        It is not as it must be; the text quotes no value, which may be a secret.
    """
    if not isinstance(table, Mapping):
        raise InputError(f"The settings of the peer {name} are not a table: correct them.")
    kind: type[Peer] = WebPeer if "url" in table else DimsePeer
    known_keys = {field.name for field in attrs.fields(kind)} - {"name"}
    for key in table:
        if any(word in str(key).lower() for word in SECRET_WORDS):
            raise InputError(
                f"The settings of the peer {name} hold a {key}: remove it, since others may read "
                f"the file, and run `opp-mri pacs peer login {name}`."
            )
        if key not in known_keys:
            raise InputError(
                f"The settings of the peer {name} have an unknown entry {key}: known are "
                f"{', '.join(sorted(known_keys))}."
            )
    values: dict[str, Any] = dict(table)
    try:
        return kind(name=name, **values)
    except (TypeError, ValueError) as error:
        reason = error.args[0] if isinstance(error, ValueError) else "a value has the wrong kind"
        raise InputError(f"The peer {name} cannot be used: {_shorten(str(reason))}.") from None


def _shorten(reason: str) -> str:
    return reason.splitlines()[0].rstrip(".") if reason else "a value is wrong"


def add_peer(project: Project, peer: Peer) -> None:
    """Add a peer to the settings of a project.

    Raises
    ------
    InputError
        The project has a peer of that name, or the settings cannot be written.
    """
    path = project.folder / SETTINGS_NAME
    if peer.name in project.settings.peers:
        raise InputError(
            f"The project has a peer {peer.name} already: choose another name, or edit {path}."
        )
    lines = [f"[peers.{peer.name}]"]
    for field in attrs.fields(type(peer)):
        value = getattr(peer, field.name)
        if field.name != "name" and value != field.default:
            json_value = value.value if isinstance(value, Authentication | Retrieval) else value
            lines.append(f"{field.name} = {json.dumps(json_value, ensure_ascii=False)}")
    try:
        text = read_document(path)
    except FileNotFoundError:
        text = ""
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    content = "\n".join([text.rstrip(), "", *lines, ""])
    write_bytes(path, content.encode())
    path.chmod(0o600)


def remove_peer(project: Project, name: str) -> None:
    """Remove a peer from the settings of a project, and its secret from the keyring.

    Raises
    ------
    UnknownError
        The project has no such peer.
    InputError
        The settings cannot be read, or state the peer in a form that is not understood.
    """
    peer = _get_known_or_none(project, name)
    path = project.folder / SETTINGS_NAME
    try:
        text = read_document(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    shortened_text = _cut_table(text, name)
    expected = tomllib.loads(text)
    del expected["peers"][name]
    if tomllib.loads(shortened_text) not in (expected, _leave_out_empty_peers(expected)):
        raise InputError(f"{path} states the peer {name} in a form of its own: edit the file.")
    write_bytes(path, shortened_text.encode())
    if peer is not None:
        forget_secret(peer)


def _get_known_or_none(project: Project, name: str) -> Peer | None:
    """Return a peer, None where its settings are wrong: it can be removed all the same."""
    try:
        return find_peer(project, name)
    except InputError:
        return None


def _cut_table(text: str, name: str) -> str:
    """Return settings without the table of a peer: its head and the lines up to the next head."""
    head = re.compile(rf"""\s*\[\s*peers\s*\.\s*["']?{re.escape(name)}["']?\s*\]\s*(#.*)?""")
    remaining_lines, is_inside = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            is_inside = bool(head.fullmatch(line))
        if not is_inside:
            remaining_lines.append(line)
    return "\n".join(remaining_lines).rstrip() + "\n"


def _leave_out_empty_peers(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != "peers" or value}


def open_archive(
    peer: Peer, outgoing_classes: frozenset[tuple[str, str]] = frozenset()
) -> "Archive":
    """Return the connection to a peer; use it in a ``with``.

    Parameters
    ----------
    outgoing_classes
        SOP classes and transfer syntaxes of what will be sent; empty for retrieving.

    Raises
    ------
    UnknownError
        It needs a secret that is not known.
    """
    if isinstance(peer, WebPeer):
        from opp_mri.dicom.network.web import WebArchive

        return WebArchive(peer=peer, secret=find_secret(peer))
    from opp_mri.dicom.network.dimse import DimseArchive

    return DimseArchive(peer=peer, outgoing_classes=outgoing_classes)


def check_peer(peer: Peer) -> None:
    """Check that a peer answers.

    Raises
    ------
    PeerError
        It does not.
    """
    from opp_mri.dicom.network.quiet import silence_network

    with silence_network(), open_archive(peer) as archive:
        archive.check()


def find_default_folder(project: Project) -> Path:
    """Return where a project keeps what it pulls."""
    return project.folder / "pulled"
