"""A reader's package on its way back: sealed with the key that it holds, and only once."""

from datetime import datetime
from pathlib import Path

from opp_mri.errors import InputError
from opp_mri.store.chain import Head
from opp_mri.workflow.double_read.seal import (
    RETURN_KEY_NAME,
    read_public_key,
    read_seal,
    write_seal,
)
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.project import RETURN_NAME, open_project, read_document


def seal_return(folder: Path, at: datetime) -> Head:
    """Seal a package for its return; after that nothing in it can be changed unnoticed.

    Raises
    ------
    InputError
        It is not a package, or it is sealed already.
    """
    with open_project(folder, in_file=True) as package:
        blinding = read_blinding(package.store)
        if blinding is None:
            raise InputError(f"{folder} is not a reader's package: name the package's folder.")
        head = package.store.get_head()
    key_file = folder / RETURN_KEY_NAME
    if not key_file.is_file():
        raise InputError("This package is sealed already: send it back as it is.")
    if (folder / RETURN_NAME).exists():  # sealed, and interrupted before the key was removed
        manifest = read_seal(folder / RETURN_NAME, read_public_key(key_file))
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
    write_seal(folder / RETURN_NAME, manifest, read_document(key_file).strip())
    key_file.unlink()
    return head
