"""Files and folders that are written whole or not at all, and are for their owner only."""

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from opp_mri.errors import InputError

LARGEST_DOCUMENT: Final = 64 << 20  # bytes of settings or of a seal, which lists all images
LONGEST_NAME: Final = 60  # characters, of up to 4 bytes; systems take 255 bytes with the ending


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Yield a path next to another one to write to; it takes its place when all is written.

    Whatever stops the writing, a full disk or Ctrl-C, leaves the place as it was.

    Parameters
    ----------
    path
        A file, replaced where there is one.

    Yields
    ------
    Path
        A file in the same folder, which is not there yet.

    Raises
    ------
    OSError
        The file cannot take its place.
    """
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a page or a picture; an existing file is replaced, or left as it was.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    try:
        with write_whole(path) as partial:
            _write(partial, content)
    except OSError as error:
        raise InputError(
            f"{path} could not be written ({error.strerror}): name a folder that exists, where you "
            "may write and there is room."
        ) from error


def open_new(path: Path) -> BinaryIO:
    """Open a new file for its owner only, whatever the system says of new files.

    The command line says so for the whole program, which a library may not do.

    Raises
    ------
    OSError
        It is there already, or cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def make_file_name(text: str) -> str:
    """Return a name of which no part leads to another folder, and that every system takes."""
    return re.sub(r"[^\w-]+", "_", text)[:LONGEST_NAME]


def read_document(path: Path) -> str:
    """Read a text file that others may have made: not a pipe, which has no end, and not too large.

    Raises
    ------
    ValueError
        It is not a file, too large, or not in UTF-8.
    OSError
        It cannot be read.
    """
    size = path.stat().st_size
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.is_file():
        raise ValueError("it is not a file")
    if size > LARGEST_DOCUMENT:
        raise ValueError(f"it is larger than {LARGEST_DOCUMENT >> 20} MiB")
    return path.read_text(encoding="utf-8-sig")


def check_new(folder: Path) -> None:
    """Refuse a folder that is not empty, before a long computation rather than after it.

    Raises
    ------
    InputError
        It is not empty, or is not a folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} already exists and is not empty: name a new folder.")


def write_folder(folder: Path, files: Iterable[tuple[str, bytes]]) -> tuple[str, ...]:
    """Write files into a temporary folder, and rename it when all are on the disk.

    Whatever stops this, a full disk or Ctrl-C, leaves the folder as it was.

    Parameters
    ----------
    folder
        New or empty.
    files
        Names in the folder, with their content; made one after the other.

    Returns
    -------
    tuple of str
        Names of the files.

    Raises
    ------
    InputError
        The folder is in use or cannot be written.
    """
    names: list[str] = []
    try:
        check_new(folder)
        part = folder.absolute().with_name(f".{folder.name}.{uuid4().hex}.part")
        try:
            part.mkdir(mode=0o700)
            for name, content in files:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                _write(part / name, content)
                names.append(name)
            if folder.exists():
                folder.rmdir()  # empty: some systems do not rename to an existing folder
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)  # already gone where all went well
    except OSError as error:
        raise InputError(
            f"{folder} could not be written ({error.strerror}): name a new folder in one that "
            "exists, where you may write and there is room."
        ) from error
    return tuple(names)


def _write(path: Path, content: bytes) -> None:
    with open_new(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
