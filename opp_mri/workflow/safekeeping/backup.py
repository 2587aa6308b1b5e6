"""Backups of a project, verified when they are made and before they are used; and copies."""

import hashlib
import json
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zipfile import BadZipFile

from attrs import frozen

from opp_mri import __version__
from opp_mri.domain.documents import parse_json
from opp_mri.errors import InputError, ProjectError
from opp_mri.store.chain import Head
from opp_mri.store.copying import copy_store
from opp_mri.store.sql import SqlStore, open_sqlite
from opp_mri.workflow.project import (
    SETTINGS_NAME,
    STORE_NAME,
    Project,
    create_project,
    is_project,
    open_project,
)
from opp_mri.workflow.safekeeping.audit import verify
from opp_mri.workflow.safekeeping.encryption import decrypt, is_encrypted, new_archive

MANIFEST_NAME: Final = "manifest.json"
NAMES: Final = (STORE_NAME, SETTINGS_NAME)


@frozen(kw_only=True)
class Backup:
    """A backup that was verified.

    Parameters
    ----------
    head
        Head of the chain that it holds.
    made_at
        When it was made, in ISO 8601.
    """

    path: Path
    head: Head
    made_at: str


def back_up(project: Project, path: Path, at: datetime, passphrase: str = "") -> Backup:
    """Write a project's store and settings into one file, and verify it; others may go on.

    The images are not in it: they stay where they are, and the catalogue is.

    Parameters
    ----------
    passphrase
        What encrypts it; "" leaves it as it is. Nothing plain is written outside of the project's
        folder then.

    Raises
    ------
    InputError
        The file is there already, or cannot be written.
    ProjectError
        The project has a fault: a backup would hide it.
    """
    if path.exists():
        raise InputError(f"{path} exists already: name a new file.")
    plain = project.folder if passphrase else path.parent
    try:
        with TemporaryDirectory(prefix=".opp_mri_", dir=plain) as temporary:
            folder = Path(temporary)
            store = open_sqlite(folder / STORE_NAME, create=True)
            try:
                copy_store(_sql(project), store)
                _check(store)
                head = store.head()
            finally:
                store.close()
            _write_settings(project, folder / SETTINGS_NAME)
            manifest = {
                "made_at": at.isoformat(),
                "opp_mri": __version__,
                "records": head.sequence_number,
                "head": head.hash,
                "sha256": {name: _sha256(folder / name) for name in NAMES},
            }
            (folder / MANIFEST_NAME).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            with new_archive(path, passphrase, zipfile.ZIP_DEFLATED) as archive:
                for name in (MANIFEST_NAME, *NAMES):
                    archive.write(folder / name, name)
    except OSError as error:
        raise InputError(
            f"{path} could not be written ({error.strerror}): choose another place, or make room."
        ) from error
    return check_backup(path, passphrase)


def check_backup(path: Path, passphrase: str = "") -> Backup:
    """Verify a backup: its files, its chain and its head.

    Raises
    ------
    InputError
        It is not a backup, or not as it was made, or the passphrase is wrong.
    """
    with _unpacked(path, passphrase) as (_, backup):
        return backup


def restore(path: Path, folder: Path, passphrase: str = "") -> Backup:
    """Make the project of a backup in a folder without a project.

    Raises
    ------
    InputError
        The backup is not as it was made.
    ProjectError
        The folder holds a project: move it away first, it may be evidence.
    """
    if is_project(folder) or (folder / STORE_NAME).exists():
        raise ProjectError(
            f"{folder} holds a project: move it away first and keep it, or name another folder."
        )
    with _unpacked(path, passphrase) as (unpacked, backup):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in reversed(NAMES):  # the store last: without it the folder is not a project
            shutil.copyfile(unpacked / name, folder / f"{name}.partial")
            (folder / f"{name}.partial").chmod(0o600)
            (folder / f"{name}.partial").replace(folder / name)
    return backup


def copy_project(project: Project, folder: Path, database: str = "") -> Head:
    """Copy a project into a new one, in a file or in a database; equal, the chain included.

    Raises
    ------
    ProjectError
        The target holds a project, or the source has a fault.
    """
    create_project(folder, database)
    with open_project(folder) as copy:
        try:
            copy_store(_sql(project), _sql(copy))
            _check(_sql(copy))
        except BaseException:
            if not database:  # nothing stands in the way of another try
                copy.store.close()
                (folder / STORE_NAME).unlink()
            raise
        return copy.store.head()


def _sql(project: Project) -> SqlStore:
    if not isinstance(project.store, SqlStore):
        raise TypeError("only a store on a database can be copied")
    return project.store


def _check(store: SqlStore) -> None:
    faults = verify(store).faults
    if faults:
        raise ProjectError(
            f"The project is not as it was recorded, so that a copy would hide it: {faults[0]} "
            "Keep its folder as evidence, and run `opp-mri audit verify`."
        )


def _write_settings(project: Project, path: Path) -> None:
    source = project.folder / SETTINGS_NAME
    lines = source.read_text(encoding="utf-8").splitlines() if source.is_file() else []
    kept = [line for line in lines if not line.replace(" ", "").startswith("database=")]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


@contextmanager
def _unpacked(path: Path, passphrase: str) -> Iterator[tuple[Path, Backup]]:
    with TemporaryDirectory(prefix="opp_mri_") as temporary:
        folder = Path(temporary)
        plain = path
        if is_encrypted(path):
            plain = folder / "plain.zip"
            decrypt(path, plain, passphrase)
        try:
            with zipfile.ZipFile(plain) as archive:
                for name in (MANIFEST_NAME, *NAMES):
                    (folder / name).write_bytes(archive.read(name))
            manifest: dict[str, Any] = parse_json((folder / MANIFEST_NAME).read_text("utf-8"))
            sound = all(manifest["sha256"][name] == _sha256(folder / name) for name in NAMES)
            head = Head(sequence_number=manifest["records"], hash=manifest["head"])
            made_at = str(manifest["made_at"])
        except (OSError, KeyError, TypeError, ValueError, BadZipFile, zlib.error) as error:
            raise InputError(f"{path} is not a backup of opp_mri, or it is damaged.") from error
        if sound:
            store = open_sqlite(folder / STORE_NAME)
            sound = store.head() == head and not verify(store).faults
            store.close()
        if not sound:
            raise InputError(f"{path} is not as it was made: use another backup.")
        yield folder, Backup(path=path, head=head, made_at=made_at)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
