"""A reader's package on its way back: sealed with the key that it holds, and only once."""

from datetime import datetime
from pathlib import Path

from opp_mri.errors import InputError
from opp_mri.store.chain import Head
from opp_mri.workflow.double_read.seal import RETURN_KEY_NAME, write_seal
from opp_mri.workflow.measuring.blinding import blinding_of
from opp_mri.workflow.project import RETURN_NAME, open_project


def seal_return(folder: Path, at: datetime) -> Head:
    """Seal a package for its return; after that nothing in it can be changed unnoticed.

    Raises
    ------
    InputError
        It is not a package, or it is sealed already.
    """
    with open_project(folder) as package:
        blinding = blinding_of(package.store)
        if blinding is None:
            raise InputError(f"{folder} is not a reader's package: name the package's folder.")
        head = package.store.head()
    key_file = folder / RETURN_KEY_NAME
    if (folder / RETURN_NAME).exists() or not key_file.is_file():
        raise InputError("This package is sealed already: send it back as it is.")
    manifest = {
        "package_id": blinding.package_id,
        "reader": blinding.reader,
        "records": head.sequence_number,
        "head": head.hash,
        "sealed_at": at.isoformat(),
    }
    write_seal(folder / RETURN_NAME, manifest, key_file.read_text(encoding="utf-8").strip())
    key_file.unlink()
    return head
