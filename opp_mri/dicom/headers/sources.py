# ruff: noqa: PTH110, PTH112, PTH116, PTH118, PTH120, PTH208
"""What files there are: in folders, DICOMDIRs and zip archives, or given one by one.

Every file is listed, hidden ones too, and nothing is judged by its name but an archive; what is
wrong with a file is said when it is read.
"""

import lzma
import os
import stat
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, cast

from pydicom import dcmread

from opp_mri.dicom.headers.object_store import is_object, list_objects, read_object
from opp_mri.dicom.headers.values import PYDICOM_ERRORS
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError


class SourceReadError(OSError):
    """A file that cannot be read, for a reason that its text says in a sentence."""


READ_ERRORS: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""What opening or reading a file or a member of an archive raises when the medium is at fault."""

DICOMDIR_CLASS_UID: Final = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage

_ENCRYPTED: Final = 0x1
_READ_ONLY: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_AT_ONCE: Final = getattr(os, "O_NONBLOCK", 0)  # or else opening a pipe waits for its writer


def find_sources(sources: Iterable[str | Path]) -> Iterator[SourceFile]:
    """List every file under the given sources, each once.

    Parameters
    ----------
    sources
        Folders (searched to the bottom, links followed, loops cut), single files, zip archives
        (their members are listed) and DICOMDIRs (listed with the files that they name, be these
        there or missing). Or addresses in an object store, s3://bucket/prefix, whose objects are
        listed as they are, or of an archive, dicomweb+https://host/dicom-web, with its instances.

    Yields
    ------
    SourceFile
        Folder by folder, in the order of the names. A folder or an archive that cannot be looked
        into, and a file that is missing, are listed themselves; reading them says why.

    Raises
    ------
    InputError
        A source does not exist.
    """
    addresses = [str(source) for source in sources]
    absolute_paths = [os.path.abspath(source) for source in addresses if not is_object(source)]
    for path in absolute_paths:
        if not os.path.lexists(path):
            raise InputError(f"There is no file or folder {path}: check how it is written.")
    walk = _Walk()
    for path in absolute_paths:
        for source in walk.generate_paths(path):
            yield from _generate_files(source, is_named=source == path)
    objects = list(filter(is_object, addresses))
    objects_seen: set[str] = set()
    for address in objects:
        for file in list_objects(address):
            if file.path not in objects_seen:
                if len(objects) > 1:  # one alone names each object once
                    objects_seen.add(file.path)
                yield file


def open_source(source: SourceFile) -> BinaryIO:
    """Open the bytes of a file, or of a member of an archive in place.

    Raises
    ------
    InputError
        It cannot be opened; the text says which and why.
    """
    try:
        if source.member:
            return open_member(source)
        if is_object(source.path):
            return BytesIO(read_object(source.path))
        return os.fdopen(open_file(source.path)[0], "rb")
    except READ_ERRORS as error:
        raise InputError(f"{source.name}: {describe_reason(error)}") from error


def read_source_bytes(source: SourceFile) -> bytes:
    """Read a file, or a member of an archive, to its end.

    Raises
    ------
    InputError
        It cannot be read; the text says which and why.
    """
    try:
        with open_source(source) as stream:
            return stream.read()
    except READ_ERRORS as error:
        raise InputError(f"{source.name}: {describe_reason(error)}") from error


def open_file(path: str) -> tuple[int, int]:
    """Open a file and give its descriptor and its size; raises one of `READ_ERRORS`."""
    descriptor = os.open(path, _READ_ONLY | _AT_ONCE)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise SourceReadError("It is a folder or a device, not a file, and cannot be read.")
    return descriptor, status.st_size


def open_member(source: SourceFile) -> BinaryIO:
    """Open a member of an archive; raises one of `READ_ERRORS`."""
    archive = _open_archive(source.path, source.modified_ns, os.getpid())
    try:
        info = archive.getinfo(source.member)
        if info.flag_bits & _ENCRYPTED:
            raise SourceReadError(
                "It is locked with a password: unpack the archive and index that."
            )
        return cast(BinaryIO, archive.open(info))
    except KeyError as error:
        raise FileNotFoundError from error
    except (NotImplementedError, RuntimeError) as error:
        raise SourceReadError(
            "It is packed in a way not known here: unpack the archive."
        ) from error


def describe_reason(error: Exception) -> str:
    """Explain why something could not be read, without its name."""
    match error:
        case SourceReadError():
            return str(error)
        case FileNotFoundError():
            return (
                "The file is not there: it was moved, its drive is not connected, or a DICOMDIR or "
                "a link names it wrongly."
            )
        case PermissionError():
            return "Reading it is not permitted: ask for permission to read it."
        case zipfile.BadZipFile() | zlib.error() | lzma.LZMAError() | EOFError():
            return "The archive is damaged here: fetch it again."
        case OSError():
            return f"It could not be read: {error.strerror or type(error).__name__}."
        case _:
            return f"It could not be read: {type(error).__name__}."


class _Walk:
    """Yields each file once; what it remembers are folders, and the files that were named."""

    def __init__(self) -> None:
        self._folders: set[tuple[int, int]] = set()
        self._folder_paths: set[str] = set()
        self._named_files: set[str] = set()

    def generate_paths(self, path: str) -> Iterator[str]:
        """Yield the files below a folder, or a file and those that it names as a DICOMDIR."""
        if os.path.isdir(path):
            yield from (file for file in self._walk(path) if file not in self._named_files)
            return
        for file in (path, *(_generate_dicomdir_paths(path) if _is_dicomdir(path) else ())):
            if file not in self._named_files and not self._has_passed(file):
                self._named_files.add(file)
                yield file

    def _has_passed(self, file: str) -> bool:
        return os.path.dirname(file) in self._folder_paths and os.path.lexists(file)

    def _walk(self, top: str) -> Iterator[str]:
        """Yield the files below a folder; one that was seen, by whatever path, is left out."""
        folders = [top]
        while folders:
            folder = folders.pop()
            try:
                status = os.stat(folder)
                if (status.st_dev, status.st_ino) in self._folders:
                    continue
                self._folders.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    inside = sorted((entry.name, _is_folder(entry)) for entry in entries)
            except OSError:
                yield folder
                continue
            self._folder_paths.add(folder)
            yield from (os.path.join(folder, name) for name, is_folder in inside if not is_folder)
            folders += [
                os.path.join(folder, name) for name, is_folder in reversed(inside) if is_folder
            ]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _generate_files(path: str, *, is_named: bool) -> Iterator[SourceFile]:
    """Yield a file, or the members of an archive: known by its suffix, if named by its content."""
    try:
        status = os.stat(path)
    except OSError:
        yield SourceFile(path=path, size_bytes=0, modified_ns=0)
        return
    changed_ns = status.st_mtime_ns
    if stat.S_ISREG(status.st_mode) and (
        path.lower().endswith(".zip") or (is_named and zipfile.is_zipfile(path))
    ):
        try:
            members = _open_archive(path, changed_ns, os.getpid()).infolist()
        except (*READ_ERRORS, NotImplementedError, ValueError):
            members = None
        if members is not None:
            sizes = {info.filename: info.file_size for info in members if not info.is_dir()}
            for name, size in sizes.items():
                yield SourceFile(path=path, member=name, size_bytes=size, modified_ns=changed_ns)
            return
    yield SourceFile(path=path, size_bytes=status.st_size, modified_ns=changed_ns)


@lru_cache(maxsize=4)
def _open_archive(path: str, modified_ns: int, process: int) -> zipfile.ZipFile:  # noqa: ARG001
    # Listing the members of a large archive is slow, so it stays open for the next of them. The
    # key holds what would make it another one: its time, and the process, as forks share offsets.
    return zipfile.ZipFile(path)


def _is_dicomdir(path: str) -> bool:
    try:
        descriptor, _ = open_file(path)
    except READ_ERRORS:
        return False
    with os.fdopen(descriptor, "rb") as stream:
        head = stream.read(1024)
    return head[128:132] == b"DICM" and DICOMDIR_CLASS_UID.encode() in head


def _generate_dicomdir_paths(path: str) -> Iterator[str]:
    """Yield the files that a DICOMDIR names, by its records (PS3.3 F.3)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            directory = dcmread(path, specific_tags=["DirectoryRecordSequence"])
            file_ids = [
                record.get("ReferencedFileID")
                for record in directory.get("DirectoryRecordSequence") or ()
            ]
    except PYDICOM_ERRORS:
        return  # the scan says that it is damaged
    folder = os.path.dirname(path)
    for file_id in file_ids:
        if file_id:
            parts = [file_id] if isinstance(file_id, str) else [str(part) for part in file_id]
            yield _resolve(folder, parts)


def _resolve(folder: str, parts: Sequence[str]) -> str:
    """Find a file by the parts of its name as a CD shows them: capitals, or not, as it pleases."""
    path = folder
    for part in parts:
        exact = os.path.join(path, part)
        path = exact if os.path.exists(exact) else _list_names(path).get(part.casefold(), exact)
    return path


@lru_cache(maxsize=64)
def _list_names(folder: str) -> dict[str, str]:
    try:
        return {name.casefold(): os.path.join(folder, name) for name in os.listdir(folder)}
    except OSError:
        return {}
