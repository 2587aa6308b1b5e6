"""A reader's package on its way: one encrypted file, there and back."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from opp_mri.errors import InputError
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.project import open_project
from opp_mri.workflow.safekeeping.encryption import decrypt, is_encrypted, open_new_archive, unpack


def lock_package(folder: Path, path: Path, passphrase: str) -> int:
    """Pack a reader's package into one encrypted file; the folder stays as it is.

    Returns
    -------
    int
        Number of files in it.

    Raises
    ------
    InputError
        The folder is not a reader's package, the file is there already or cannot be written, or the
        passphrase is too short.
    """
    with open_project(folder, in_file=True) as package:
        if read_blinding(package.store) is None:
            raise InputError(f"{folder} is not a reader's package: name the package's folder.")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    links = [file for file in files if file.is_symlink()]
    if links:  # what it points to would go along: any file of the person who sends the package
        raise InputError(
            f"{links[0]} is a link, and opp_mri puts none into a package: remove it, or ask for "
            "the original."
        )
    try:
        with open_new_archive(path, passphrase) as archive:
            for file in files:
                archive.write(file, file.relative_to(folder).as_posix())
    except OSError as error:
        raise InputError(
            f"{path} could not be written ({error.strerror}): choose another place, or make room."
        ) from error
    return len(files)


def unlock_package(path: Path, folder: Path, passphrase: str) -> None:
    """Unpack an encrypted package into a new folder.

    Raises
    ------
    InputError
        It is no such file, the passphrase is wrong, the file was altered, or the folder is in use.
    """
    if not is_encrypted(path):
        raise InputError(f"{path} is not a package that `opp-mri reader-lock` wrote.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty: name a new folder.")
    parent = folder.absolute().parent
    try:
        with TemporaryDirectory(prefix=".opp_mri_", dir=parent) as temporary:
            plain, unpacked_folder = Path(temporary) / "plain.zip", Path(temporary) / "package"
            decrypt(path, plain, passphrase)
            unpacked_folder.mkdir(mode=0o700)
            unpack(plain, unpacked_folder)
            if folder.exists():
                folder.rmdir()
            shutil.move(unpacked_folder, folder)
    except OSError as error:
        raise InputError(
            f"{folder} could not be made ({error.strerror}): choose another place, or make room."
        ) from error
