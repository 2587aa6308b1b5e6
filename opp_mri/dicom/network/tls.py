"""Certificates of a connection by TLS."""

import socket
import ssl

from opp_mri.domain.peer import DimsePeer, Peer
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


def explain_untrusted(name: str) -> str:
    """Return what to do about a certificate that no known authority vouches for."""
    return (
        f"The certificate of {name} is not trusted: name the file of its authority with "
        "--authority."
    )


def find_tls_fault(peer: DimsePeer) -> str:
    """Return why a connection by TLS fails, in a sentence, or "" where it is not due to TLS."""
    if not peer.tls:
        return ""
    context = make_tls_context(peer)
    try:
        with (
            socket.create_connection((peer.host, peer.port), peer.timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=peer.host),
        ):
            return ""
    except ssl.SSLCertVerificationError:
        return explain_untrusted(peer.name)
    except ssl.SSLError:
        return f"{peer.name} does not encrypt there: check port and tls of the peer."
    except OSError:
        return ""
