"""Passwords and tokens: in the keyring of the system or in the environment, and nowhere else."""

import os
import re
from contextlib import suppress
from typing import Final

from opp_mri.domain.peer import Authentication, Peer, WebPeer
from opp_mri.errors import InputError, UnknownError

SERVICE: Final = "opp-mri"


def name_variable(name: str) -> str:
    """Return the environment variable that may hold the secret of a peer."""
    return f"OPP_MRI_PACS_SECRET_{re.sub(r'[^A-Z0-9]', '_', name.upper())}"


def needs_secret(peer: Peer) -> bool:
    """Return whether a peer is reached with a password or a token."""
    return isinstance(peer, WebPeer) and peer.authentication is not Authentication.NONE


def find_secret(peer: Peer) -> str:
    """Return the secret of a peer, "" where it needs none.

    Raises
    ------
    UnknownError
        It needs one, and neither the environment nor the keyring holds it.
    """
    if not needs_secret(peer):
        return ""
    secret = os.environ.get(name_variable(peer.name), "")
    if not secret:
        import keyring  # loaded only where it is asked
        from keyring.errors import KeyringError

        with suppress(KeyringError, RuntimeError):  # a machine may have no keyring
            secret = keyring.get_password(SERVICE, _find_entry(peer)) or ""
    if not secret:
        raise UnknownError(
            f"No password or token is known for the peer {peer.name}: run "
            f"`opp-mri pacs peer login {peer.name}`, or set {name_variable(peer.name)}."
        )
    return secret.strip("\r\n")


def keep_secret(peer: Peer, secret: str) -> None:
    """Keep the secret of a peer in the keyring of the system.

    Raises
    ------
    InputError
        The peer needs none, or this machine has no keyring.
    """
    if not needs_secret(peer):
        raise InputError(f"The peer {peer.name} is reached without a password or token.")
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(SERVICE, _find_entry(peer), secret)
    except (KeyringError, RuntimeError) as error:
        raise InputError(
            f"This machine has no keyring that can be used ({type(error).__name__}): set "
            f"{name_variable(peer.name)} instead."
        ) from None


def forget_secret(peer: Peer) -> None:
    """Remove the secret of a peer from the keyring of the system, where there is one."""
    if not needs_secret(peer):
        return
    import keyring
    from keyring.errors import KeyringError

    with suppress(KeyringError, RuntimeError):
        keyring.delete_password(SERVICE, _find_entry(peer))


def _find_entry(peer: Peer) -> str:
    """Name the entry by the address too: settings that name another server get no secret."""
    address = peer.url if isinstance(peer, WebPeer) else f"{peer.host}:{peer.port}"
    return f"{peer.name} {address}"
