"""Everything that can go wrong and that a user can correct.

::

    OppMriError             a sentence with what to do next; the program ends with its exit code
    ├── InputError       3  a file or table that was given cannot be used as it is
    │   ├── TableError   3  ... with the line and the column of each fault
    │   └── RowsError    3  some rows of a table were not stored, the others are
    ├── GeometryError    4  an image on which no length can be taken, and why
    ├── UnknownError     5  a lesion, volume, image or patient that this project does not hold
    ├── ProjectError     6  the project's folder or store: absent, newer, locked, full
    │   └── ConflictError 6 somebody else recorded something meanwhile: look at it, then repeat
    └── PeerError        7  an archive (PACS) or a scheduler that does not answer, refuses, or errs

Exit code 2 is a wrong command line, 130 is Ctrl-C, and 1 with a traceback is a fault of ours.
No message holds a patient's name or id.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from attrs import frozen

MOST_FAULTS_SHOWN: Final = 50


class OppMriError(Exception):
    """A condition that the user can act on; its text is a sentence with what to do next."""

    exit_code: ClassVar[int] = 1


class InputError(OppMriError):
    """A file or a table that was given cannot be used as it is."""

    exit_code = 3


@frozen
class TableFault:
    """One fault of a table.

    Parameters
    ----------
    line
        Line of the file, the header being line 1.
    column
        Name of the column, or None where the whole line is at fault.
    message
        What is wrong and what to do.
    """

    line: int
    column: str | None
    message: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        return f"line {self.line}{column}: {self.message}"


class TableError(InputError):
    """A table with faults; nothing of it was used.

    Parameters
    ----------
    table
        What the table is called in the message: its file name.
    faults
        All that was found, in the order of the lines.
    """

    def __init__(self, table: str, faults: Sequence[TableFault]) -> None:
        self.table = table
        self.faults = tuple(faults)
        super().__init__(
            f"{table} was rejected; no rows were imported:\n{_join_words(table, self.faults)}"
        )


class RowsError(InputError):
    """Rows of a table were not stored; the others are.

    Parameters
    ----------
    table
        What the table is called in the message: its file name.
    faults
        Why, in the order of the lines.
    stored
        Number of rows that are stored, those that were recorded before included.
    """

    def __init__(self, table: str, faults: Sequence[TableFault], stored_count: int) -> None:
        self.table, self.faults, self.stored = table, tuple(faults), stored_count
        count = len({fault.line for fault in faults})
        rows = f"1 row of {table} was" if count == 1 else f"{count} rows of {table} were"
        super().__init__(
            f"{rows} not stored, {stored_count} {'is' if stored_count == 1 else 'are'} "
            f"(with --all-or-none, none would be):\n{_join_words(table, self.faults)}"
        )


def _join_words(table: str, faults: Sequence[TableFault]) -> str:
    lines = [f"  {table}, {fault}" for fault in faults[:MOST_FAULTS_SHOWN]]
    if len(faults) > MOST_FAULTS_SHOWN:
        lines.append(f"  and {len(faults) - MOST_FAULTS_SHOWN} more faults")
    return "\n".join(lines)


class GeometryError(OppMriError):
    """An image on which no length, or no volume, can be obtained; the text says why."""

    exit_code = 4


class UnknownError(OppMriError):
    """Something is named that the project does not hold."""

    exit_code = 5


class ProjectError(OppMriError):
    """The project's folder or store cannot be used as it is."""

    exit_code = 6


class ConflictError(ProjectError):
    """Somebody recorded meanwhile what this would have followed; nothing was changed."""


class PeerError(OppMriError):
    """An archive or a scheduler does not answer, refuses, or does not do what was requested."""

    exit_code = 7
