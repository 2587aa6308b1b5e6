"""A reader's package on its way back: sealed with the key that it holds, and only once."""

from datetime import datetime
from pathlib import Path

from opp_mri.errors import InputError
from opp_mri.store.chain import Head
from opp_mri.workflow.double_read.seal import (
    RETURN_KEY_NAME,
    derive_public_key,
    read_return_key,
    read_seal,
    write_seal,
)
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.project import RETURN_NAME, open_project
from opp_mri.workflow.safekeeping.encryption import is_encrypted


def seal_return(folder: Path, at: datetime, passphrase: str = "") -> Head:
    """Seal a package for its return; after that nothing in it can be changed unnoticed.

    Parameters
    ----------
    passphrase
        Protects the package's key; "" where none does.

    Raises
    ------
    InputError
        It is not a package, it is sealed already, or the passphrase is wrong.
    """
    with open_project(folder, in_file=True) as package:
        blinding = read_blinding(package.store)
        if blinding is None:
            raise InputError(f"{folder} is not a reader's package: name the package's folder.")
        head = package.store.get_head()
    key_file = folder / RETURN_KEY_NAME
    if not key_file.is_file():
        raise InputError("This package is sealed already: send it back as it is.")
    private = read_return_key(key_file, passphrase)
    if (folder / RETURN_NAME).exists():  # sealed, and interrupted before the key was removed
        manifest = read_seal(folder / RETURN_NAME, derive_public_key(private))
        if manifest.get("head") != head.hash:
            raise InputError("This package was changed after it was sealed: ask for a new one.")
        key_file.unlink()
        return head
    manifest = {
        "package_id": blinding.package_id,
        "reader": blinding.reader,
        "records": head.sequence_number,
        "head": head.hash,
        "sealed_at": at.isoformat(),
    }
    write_seal(folder / RETURN_NAME, manifest, private)
    key_file.unlink()
    return head


def has_protected_key(folder: Path) -> bool:
    """Return whether a passphrase protects the key of a package that is not sealed yet."""
    return is_encrypted(folder / RETURN_KEY_NAME)
