"""What has an address instead of a path, with an account from the environment.

Files in an object store (s3://bucket/prefix) by fsspec, instances in an archive by DICOMweb.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError

MARK: Final = "://"
NS: Final = 1_000_000_000

ListFiles = Callable[[str], Iterator[SourceFile]]
ReadWhole = Callable[[str], bytes]
_schemes: dict[str, tuple[ListFiles, ReadWhole]] = {}


def add_scheme(prefix: str, list_files: ListFiles, read_whole: ReadWhole) -> None:
    """Have addresses with a prefix listed and read by others, who give each file as a whole."""
    _schemes[prefix] = (list_files, read_whole)


def find_scheme(path: str) -> tuple[ListFiles, ReadWhole] | None:
    """Return how addresses such as this one are listed and read, None for an object store."""
    return next((way for prefix, way in _schemes.items() if path.startswith(prefix)), None)


def is_object(path: str) -> bool:
    """Return whether a path names something in an object store or an archive."""
    return MARK in path


def list_objects(address: str) -> Iterator[SourceFile]:
    """List every object under an address, in the order of their names.

    Raises
    ------
    InputError
        There is none, the store does not answer or refuses, or the address holds a password.
    PeerError
        An archive does not answer, or refuses.
    """
    if way := find_scheme(address):
        yield from way[0](address)
        return
    scheme, _, rest = address.partition(MARK)
    if "@" in rest.partition("/")[0]:
        raise InputError(
            f"An address of {scheme} holds an account, which would be kept in the project: write "
            "it without, and set the account in the environment (AWS_ACCESS_KEY_ID and others)."
        )
    with _explain(address):
        system = _open_system(scheme)
        system.invalidate_cache()  # what was listed before may be another now
        entries = system.find(rest, detail=True)
    if not entries:
        raise InputError(f"There is no object under {address}: check how it is written.")
    for name in sorted(entries):
        entry = entries[name]
        yield SourceFile(
            path=f"{scheme}{MARK}{name}",
            size_bytes=int(entry["size"]),
            modified_ns=_compute_version_ns(entry),
        )


def read_object(path: str, offset: int = 0, length: int | None = None) -> bytes:
    """Read bytes of an object; raises OSError where it cannot be read.

    Raises
    ------
    PeerError
        An archive does not answer, or refuses.
    """
    if way := find_scheme(path):
        content = way[1](path)
        return content[offset : None if length is None else offset + length]
    scheme, _, name = path.partition(MARK)
    end = None if length is None else offset + length
    try:
        part: bytes = _open_system(scheme).cat_file(name, start=offset, end=end)
    except OSError:
        raise
    except Exception as error:  # of the store's own client: no account, no network
        raise OSError(None, f"the object store answers {type(error).__name__}") from error
    return part


def _open_system(scheme: str) -> Any:
    try:
        from fsspec import filesystem

        return filesystem(scheme)  # the same for all calls of a process
    except (ImportError, ValueError) as error:
        raise InputError(
            f"Images at {scheme}:// need a package that is not installed: `pip install "
            "'opp-mri[object-store]'` for s3://, or the package of fsspec for another store."
        ) from error


def _compute_version_ns(entry: dict[str, Any]) -> int:
    """Return the time of an object in ns; its fraction of a second is of the content's tag.

    Stores give whole seconds, in which an object may be replaced by one of the same size.
    """
    timestamp: Any = entry.get("LastModified") or entry.get("mtime") or entry.get("created") or 0
    seconds = int(timestamp.timestamp() if isinstance(timestamp, datetime) else timestamp)
    digest = hashlib.sha256(str(entry.get("ETag", "")).encode()).digest()
    return seconds * NS + int.from_bytes(digest[:4], "big") % NS


@contextmanager
def _explain(address: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each store has a client with errors of its own
        raise InputError(
            f"{address} cannot be listed ({type(error).__name__}): check the address, the account "
            "in the environment, and that the store can be reached."
        ) from error
