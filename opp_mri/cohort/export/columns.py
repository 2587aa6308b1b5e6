"""A table that is ready to be written, in whichever format."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import field, frozen

from opp_mri.domain.columns.column import Column, Row, Value


@frozen(kw_only=True)
class ExportTable:
    """A table that is ready to be written.

    Parameters
    ----------
    name, title, description
        Its name for a program and for a reader, and what a row of it is.
    columns
        Declarations of its columns.
    data
        The values, column by column, each in the order of the rows.
    """

    name: str
    title: str
    description: str
    columns: tuple[Column[Any], ...]
    data: tuple[list[Value], ...] = field(repr=False)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.data[0])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    def get_column(self, name: str) -> list[Value]:
        """Return the values of a column."""
        return self.data[self.names.index(name)]


def tabulate(
    name: str, title: str, description: str, columns: Sequence[Column[Row]], rows: Iterable[Row]
) -> ExportTable:
    """Make a table of the objects that its rows describe."""
    owners = list(rows)
    return ExportTable(
        name=name,
        title=title,
        description=description,
        columns=tuple(columns),
        data=tuple([column.of(row) for row in owners] for column in columns),
    )
