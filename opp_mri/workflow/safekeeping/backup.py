"""Backups of a project, verified when they are made and before they are used; and copies."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import frozen

from opp_mri import __version__
from opp_mri.domain.documents import parse_json
from opp_mri.errors import InputError, ProjectError
from opp_mri.files import read_document
from opp_mri.store.chain import Head
from opp_mri.store.copying import copy_store
from opp_mri.store.sql import SqlStore, is_unfinished, open_sqlite
from opp_mri.workflow.project import (
    SETTINGS_NAME,
    STORE_NAME,
    Project,
    create_project,
    is_project,
    open_project,
    read_settings,
)
from opp_mri.workflow.safekeeping.audit import verify
from opp_mri.workflow.safekeeping.encryption import (
    ARCHIVE_DAMAGE,
    decrypt,
    is_encrypted,
    open_new_archive,
)

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
                copy_store(_require_sql(project), store)
                _check(store)
                head = store.get_head()
            finally:
                store.close()
            _write_settings(project, folder / SETTINGS_NAME)
            manifest = {
                "made_at": at.isoformat(),
                "opp_mri": __version__,
                "records": head.sequence_number,
                "head": head.hash,
                "sha256": {name: _hash_file(folder / name) for name in NAMES},
            }
            (folder / MANIFEST_NAME).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            with open_new_archive(path, passphrase, zipfile.ZIP_DEFLATED) as archive:
                for name in (MANIFEST_NAME, *NAMES):
                    archive.write(folder / name, name)
    except OSError as error:
        raise InputError(
            f"{path} could not be written ({error.strerror}): choose another place, or make room."
        ) from error
    return check_backup(path, passphrase, plain)


def check_backup(path: Path, passphrase: str = "", workplace: Path | None = None) -> Backup:
    """Verify a backup: its files, its chain and its head.

    Parameters
    ----------
    workplace
        Folder in which it is unpacked, for as long as that takes; None for that of the backup.

    Raises
    ------
    InputError
        It is not a backup, or not as it was made, or the passphrase is wrong.
    """
    with _unpack(path, passphrase, workplace or path.absolute().parent) as (_, backup):
        return backup


def restore(path: Path, folder: Path, passphrase: str = "") -> Backup:
    """Make the project of a backup in a folder without a project.

    Raises
    ------
    InputError
        The backup is not as it was made, or the folder cannot be written.
    ProjectError
        The folder holds a project: move it away first, it may be evidence.
    """
    if is_project(folder) or (folder / STORE_NAME).exists():
        raise ProjectError(
            f"{folder} holds a project: move it away first and keep it, or name another folder."
        )
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _unpack(path, passphrase, folder) as (unpacked_folder, backup):
            for name in reversed(NAMES):  # the store last: without it the folder is not a project
                (unpacked_folder / name).chmod(0o600)
                (unpacked_folder / name).replace(folder / name)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}): choose another folder, or make room."
        ) from error
    finally:
        if is_new and not is_project(folder):
            with suppress(OSError):
                folder.rmdir()
    return backup


def copy_project(project: Project, folder: Path, database: str = "") -> Head:
    """Copy a project into a new one, in a file or in a database; equal, the chain included.

    Raises
    ------
    ProjectError
        The target holds a project, or the source has a fault.
    """
    if not _is_unused(folder, database):
        create_project(folder, database)
    with open_project(folder) as copy:
        try:
            copy_store(_require_sql(project), _require_sql(copy))
            _check(_require_sql(copy))
        except BaseException:
            if not database:  # nothing prevents another attempt
                copy.store.close()
                (folder / STORE_NAME).unlink()
            raise
        return copy.store.get_head()


def _is_unused(folder: Path, database: str) -> bool:
    """Return whether a folder holds a new project, such as that of a copy that was interrupted."""
    if not is_project(folder) or (not database and is_unfinished(folder / STORE_NAME)):
        return False
    with open_project(folder) as project:
        has_content = project.store.get_head().sequence_number or any(
            True for _ in project.store.read_known_files()
        )
        return not has_content and project.settings.database == database


def _require_sql(project: Project) -> SqlStore:
    if not isinstance(project.store, SqlStore):
        raise TypeError("only a store on a database can be copied")
    return project.store


def _check(store: SqlStore) -> None:
    faults = verify(store).faults
    if faults:
        raise ProjectError(
            f"The project differs from what was recorded, and a copy would hide this: {faults[0]} "
            "Keep its folder as evidence, and run `opp-mri audit verify`."
        )


def _write_settings(project: Project, path: Path) -> None:
    source = project.folder / SETTINGS_NAME
    lines = source.read_text(encoding="utf-8").splitlines() if source.is_file() else []
    other_lines = [line for line in lines if not line.replace(" ", "").startswith("database=")]
    path.write_text("\n".join(other_lines) + "\n", encoding="utf-8")


@contextmanager
def _unpack(path: Path, passphrase: str, workplace: Path) -> Iterator[tuple[Path, Backup]]:
    with TemporaryDirectory(prefix=".opp_mri_", dir=workplace) as temporary:
        folder = Path(temporary)
        plain = path
        if is_encrypted(path):
            plain = folder / "plain.zip"
            decrypt(path, plain, passphrase)
        try:
            with zipfile.ZipFile(plain) as archive:
                _check_room(archive, folder)
                for name in (MANIFEST_NAME, *NAMES):
                    with archive.open(name) as member, (folder / name).open("wb") as file:
                        shutil.copyfileobj(member, file)
            manifest: dict[str, Any] = parse_json(read_document(folder / MANIFEST_NAME))
            sound = all(manifest["sha256"][name] == _hash_file(folder / name) for name in NAMES)
            head = Head(sequence_number=manifest["records"], hash=manifest["head"])
            made_at = str(manifest["made_at"])
        except OSError as error:
            raise InputError(
                f"{path} cannot be unpacked ({error.strerror or error}): make room, or use another "
                "backup."
            ) from error
        except (KeyError, TypeError, ValueError, *ARCHIVE_DAMAGE) as error:
            raise InputError(f"{path} is not a backup of opp_mri, or it is damaged.") from error
        # a backup never names one: its server would be sent this machine's account and password
        sound = sound and not read_settings(folder / SETTINGS_NAME).database
        if sound:
            store = open_sqlite(folder / STORE_NAME)
            sound = store.get_head() == head and not verify(store).faults
            store.close()
        if not sound:
            raise InputError(f"{path} was altered after it was made: use another backup.")
        yield folder, Backup(path=path, head=head, made_at=made_at)


def _check_room(archive: zipfile.ZipFile, folder: Path) -> None:
    """Refuse an archive that would fill the disk, as one does that was made for that."""
    needed_bytes = sum(archive.getinfo(name).file_size for name in (MANIFEST_NAME, *NAMES))
    if needed_bytes > shutil.disk_usage(folder).free:
        raise InputError(
            f"The backup needs {needed_bytes >> 20} MiB, which are not free in {folder.parent}: "
            "make room, or use another backup."
        )


def _hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
