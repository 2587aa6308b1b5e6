"""Certificates of a connection by TLS."""

import ssl

from opp_mri.domain.peer import Peer
from opp_mri.errors import InputError


def make_tls_context(peer: Peer) -> ssl.SSLContext:
    """Return what checks the peer's certificate and, where it is wanted, shows ours.

    Raises
    ------
    InputError
        A file of certificates cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=peer.authority or None)
        if peer.certificate:
            context.load_cert_chain(peer.certificate, peer.key or None)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"A file of certificates of the peer {peer.name} cannot be used "
            f"({type(error).__name__}): correct authority, certificate or key in the settings."
        ) from None
    return context
