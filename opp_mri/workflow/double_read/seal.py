"""Seals of a reader's package: on issue by the coordinator, on return by the reader.

Both are Ed25519 signatures of a manifest in JSON, with keys that belong to one package. The key
that seals the issue stays in the coordinator's project. The key that seals the return travels in
the package and is removed by sealing, so that nobody who has the package later can seal it again.
Whoever copies the package before that has the key too, unless a passphrase protects it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from opp_mri.domain.documents import parse_json
from opp_mri.errors import InputError
from opp_mri.files import open_new, read_document, write_whole
from opp_mri.workflow.safekeeping.encryption import EncryptedWriter, decrypt_pieces, is_encrypted

ISSUE_NAME: Final = "package.seal.json"
RETURN_KEY_NAME: Final = "return.key"

Manifest = Mapping[str, Any]


@frozen(kw_only=True)
class KeyPair:
    """An Ed25519 key, both halves as 64 hexadecimal digits."""

    private: str
    public: str


def make_keys() -> KeyPair:
    """Make a key pair."""
    key = Ed25519PrivateKey.generate()
    return KeyPair(
        private=key.private_bytes_raw().hex(), public=key.public_key().public_bytes_raw().hex()
    )


def derive_public_key(private: str) -> str:
    """Return the public half of a private key."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    return key.public_key().public_bytes_raw().hex()


def write_seal(path: Path, manifest: Manifest, private: str) -> None:
    """Write a manifest with its signature, whole or not at all.

    Raises
    ------
    InputError
        It cannot be written.
    """
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    signature = key.sign(_encode_canonically(manifest)).hex()
    text = json.dumps({"manifest": manifest, "signature": signature}, indent=1, ensure_ascii=False)
    try:
        with write_whole(path) as partial, open_new(partial) as file:
            file.write(f"{text}\n".encode())
    except OSError as error:
        raise InputError(
            f"{path} could not be written ({error.strerror}): make room, and run it again."
        ) from error


def write_return_key(path: Path, private: str, passphrase: str) -> None:
    """Write the key that seals a return, encrypted where there is a passphrase.

    Parameters
    ----------
    path
        A new file.
    private
        The Ed25519 key, in hexadecimal digits.
    passphrase
        For the encryption; "" for none.

    Raises
    ------
    OSError
        The file is there already, or cannot be written.
    """
    with open_new(path) as file:
        if not passphrase:
            file.write(private.encode())
            return
        writer = EncryptedWriter(file, passphrase)
        writer.write(private.encode())
        writer.finish()


def read_return_key(path: Path, passphrase: str = "") -> str:
    """Read the key that seals a return.

    Raises
    ------
    InputError
        It cannot be read, or the passphrase is wrong.
    """
    try:
        if is_encrypted(path):
            with path.open("rb") as file:
                return b"".join(decrypt_pieces(file, passphrase)).decode()
        private = read_document(path).strip()
        derive_public_key(private)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The key {path.name} of the package cannot be read: it was altered or damaged. Ask "
            "for a new package (`opp-mri reader-package --again`)."
        ) from error
    return private


def is_return_key(path: Path, public: str) -> bool:
    """Tell whether a file can hold the private half of a key; one under a passphrase can."""
    try:
        return is_encrypted(path) or derive_public_key(read_document(path).strip()) == public
    except (OSError, ValueError):
        return False


def read_seal(path: Path, public: str) -> dict[str, Any]:
    """Read a manifest and verify its signature.

    Raises
    ------
    InputError
        The seal is absent, cannot be read, or was not made with this key.
    """
    try:
        seal = parse_json(read_document(path))
        manifest = dict[str, Any](seal["manifest"].items())  # its reader may have signed a number
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(seal["signature"]), _encode_canonically(manifest))
    except FileNotFoundError as error:
        raise InputError(
            f"The package has no {path.name}: its seal was removed. Nothing was taken."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"The seal {path.name} of the package cannot be read: it was altered or damaged. "
            "Nothing was taken."
        ) from error
    except InvalidSignature as error:
        raise InputError(
            f"The seal {path.name} of the package is not the one that was made for it: the package "
            "was altered. Nothing was taken."
        ) from error
    return manifest


def hash_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder, by its path in it."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            hashes[path.relative_to(folder).as_posix()] = digest
    return hashes


def find_image_faults(expected: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """Return, in sentences, images that are not those with which the package was made.

    Parameters
    ----------
    expected
        Name of an image in the package to its SHA-256 when the package was made.
    present
        The same of the images that are there now.
    """
    faults = []
    for words, names in (
        ("deleted", expected.keys() - present.keys()),
        ("added", present.keys() - expected.keys()),
        ("changed", {name for name in expected.keys() & present.keys()
                     if expected[name] != present[name]}),
    ):  # fmt: skip
        if names:
            faults.append(f"{len(names)} of its images were {words} (first: {min(names)}).")
    return faults


def _encode_canonically(manifest: Manifest) -> bytes:
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
