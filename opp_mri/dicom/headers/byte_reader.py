"""Bytes at an offset: of a file, of a member of an archive, or in memory."""

import io
import os
import zlib
from types import TracebackType
from typing import BinaryIO, Final, Protocol, Self

from opp_mri.dicom.headers.object_store import find_scheme, is_object, read_object
from opp_mri.dicom.headers.sources import open_file, open_member
from opp_mri.domain.imaging import SourceFile

_KEPT_INFLATED: Final = 1 << 25  # bytes that are kept: the header, and never the pixels
_INFLATED_AT_ONCE: Final = 1 << 20


class ByteReader(Protocol):
    """Something of a known size that gives its bytes by offset."""

    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on, fewer only where the end comes first."""


def _seek_and_read(descriptor: int, length: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, length)


def _seek_and_read_into(descriptor: int, target: memoryview, offset: int) -> int:
    content = _seek_and_read(descriptor, len(target), offset)
    target[: len(content)] = content
    return len(content)


def _read_straight_into(descriptor: int, target: memoryview, offset: int) -> int:
    return os.preadv(descriptor, [target], offset)


# Windows and old Macs have neither pread nor preadv
_read_at = getattr(os, "pread", _seek_and_read)
_read_into = _read_straight_into if hasattr(os, "preadv") else _seek_and_read_into


class FileBytes:
    """The bytes of a file; raises one of `sources.READ_ERRORS`."""

    __slots__ = ("_descriptor", "size")

    def __init__(self, path: str) -> None:
        self._descriptor, self.size = open_file(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on, fewer only where the end comes first."""
        content: bytes = _read_at(self._descriptor, length, offset)
        return content

    def read_into(self, offset: int, target: memoryview) -> bool:
        """Fill `target` from `offset` on; False where the end comes first."""
        position = 0
        while position < len(target):
            count = _read_into(self._descriptor, target[position:], offset + position)
            if not count:
                return False
            position += count
        return True


class ObjectBytes:
    """The bytes of an object in an object store; each read is a request for a range of them."""

    __slots__ = ("_path", "size")

    def __init__(self, path: str, size: int) -> None:
        self._path = path
        self.size = size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Nothing is open between requests."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on, fewer only where the end comes first."""
        length = min(length, self.size - offset)
        return read_object(self._path, offset, length) if length > 0 else b""


class StreamBytes:
    """The bytes of a stream that can seek, such as a member of an archive."""

    __slots__ = ("_stream", "size")

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self.size = size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stream.close()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on, fewer only where the end comes first."""
        self._stream.seek(offset)
        return self._stream.read(length)


class MemoryBytes:
    """Bytes in memory; `size` is larger than they are where only the first of them are kept."""

    __slots__ = ("_data", "size")

    def __init__(self, data: bytes, size: int | None = None) -> None:
        self._data = data
        self.size = len(data) if size is None else size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on, fewer only where the end comes first."""
        return self._data[offset : offset + length]

    def read_into(self, offset: int, target: memoryview) -> bool:
        """Fill `target` from `offset` on; False where the end comes first."""
        content = self._data[offset : offset + len(target)]
        target[: len(content)] = content
        return len(content) == len(target)


def inflate_data_set(reader: ByteReader, start: int, largest: int) -> MemoryBytes | None:
    """Inflate a deflated data set (PS3.5 A.5), its header kept; None where it is cut.

    Parameters
    ----------
    reader, start
        The file, and the offset of its data set.
    largest
        Bytes beyond which it is not inflated to its end; `size` is larger than this then.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content, size = bytearray(), 0
    deflated_bytes = reader.read_at(start, reader.size - start)
    try:
        while not inflater.eof and size <= largest:
            part = inflater.decompress(deflated_bytes, _INFLATED_AT_ONCE)
            deflated_bytes = inflater.unconsumed_tail
            if not part and not deflated_bytes:
                break
            size += len(part)
            content += part[: max(0, _KEPT_INFLATED - len(content))]
    except zlib.error:
        return None
    whole = inflater.eof or size > largest
    return MemoryBytes(bytes(content), size) if whole else None


class ReaderStream(io.RawIOBase):
    """A reader as a stream, for those who read no other way.

    Parameters
    ----------
    reader
        Where the bytes come from.
    longest_zeros
        Bytes: where more than this many zeros follow each other, reading raises ValueError. An
        interrupted copy ends in zeros, and each 8 of them look like an element.
    """

    name = ""  # pydicom asks for it

    def __init__(self, reader: ByteReader, *, longest_zeros: int) -> None:
        self._reader = reader
        self._offset = 0
        self._longest_zeros = longest_zeros
        self._zeros = 0

    def readable(self) -> bool:
        """Report that it can be read."""
        return True

    def seekable(self) -> bool:
        """Report that it can seek."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset from the start, from here, or from the end."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self._reader.size}
        self._offset = origin[whence] + offset
        return self._offset

    def tell(self) -> int:
        """Return the offset from the start."""
        return self._offset

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        """Fill a buffer, as far as there are bytes."""
        content = self._reader.read_at(self._offset, len(buffer))
        self._zeros = 0 if any(content) else self._zeros + len(content)
        if self._zeros > self._longest_zeros:
            raise ValueError("zeros where a header should be")
        buffer[: len(content)] = content
        self._offset += len(content)
        return len(content)


def open_bytes(source: SourceFile) -> FileBytes | ObjectBytes | StreamBytes:
    """Open a file, a member of an archive in place, an object, or an instance of a PACS.

    Raises
    ------
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile
        It cannot be opened; `sources.reason_in_words` says it in a sentence.
    PeerError
        A PACS does not answer.
    """
    if source.member:
        return StreamBytes(open_member(source), source.size_bytes)
    if find_scheme(source.path):
        content = read_object(source.path)
        return StreamBytes(io.BytesIO(content), len(content))
    if is_object(source.path):
        return ObjectBytes(source.path, source.size_bytes)
    return FileBytes(source.path)
