"""Lists of files that stay on disk, so that any number of files can be indexed.

In memory is a number of 8 bytes for each file. Two names have the same number once in many billion
pairs; a file that was missed by this is found at the next run, whose numbers are others.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from opp_mri.domain.imaging import SourceFile

AT_ONCE: Final = 1000
Name = tuple[str, str]  # path, member
Item = TypeVar("Item")


def cut(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Cut items into lists that are looked up together."""
    remaining_items = iter(items)
    while part := list(islice(remaining_items, AT_ONCE)):
        yield part


class Numbers:
    """A set of hashable values, of each of which only a number is kept."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._numbers = array("q")
        self._sorted: NDArray[np.int64] | None = None
        self.add(values)

    def add(self, values: Iterable[Any]) -> None:
        """Add values."""
        self._numbers.extend(map(hash, values))
        self._sorted = None

    def hold(self, values: Sequence[Any]) -> NDArray[np.bool_]:
        """Return of each value whether it is there."""
        if self._sorted is None:
            self._sorted = np.sort(np.frombuffer(self._numbers, dtype=np.int64))
        numbers = np.fromiter(map(hash, values), dtype=np.int64, count=len(values))
        if not len(self._sorted):
            return np.zeros(len(numbers), dtype=np.bool_)
        places = np.searchsorted(self._sorted, numbers)
        are_there: NDArray[np.bool_] = (
            self._sorted[np.minimum(places, len(self._sorted) - 1)] == numbers
        )
        return are_there


class FileList:
    """Files in their order, kept on disk; use it in a ``with``."""

    def __init__(self) -> None:
        self._stream = TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - closed in __exit__
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stream.close()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SourceFile]:
        for part in self.read_parts():
            yield from part

    def add(self, files: Sequence[SourceFile]) -> None:
        """Add files at the end."""
        rows = [(file.path, file.member, file.size_bytes, file.modified_ns) for file in files]
        self._stream.write(json.dumps(rows) + "\n")
        self._count += len(files)

    def read_parts(self) -> Iterator[list[SourceFile]]:
        """Yield the files as they were added; nothing may be added meanwhile."""
        self._stream.seek(0)
        for line in self._stream:
            yield [
                SourceFile(path=path, member=member, size_bytes=size_bytes, modified_ns=modified_ns)
                for path, member, size_bytes, modified_ns in json.loads(line)
            ]


def name_file(file: SourceFile) -> Name:
    """Return path and member."""
    return (file.path, file.member)


def state_file(file: SourceFile) -> tuple[str, str, int, int]:
    """Return path and member with size and time: the same again is unchanged."""
    return (file.path, file.member, file.size_bytes, file.modified_ns)
