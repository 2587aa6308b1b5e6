"""What a column of an exported table is: one declaration, which every format reads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar

from attrs import field, frozen

Value = str | int | bool | Decimal | date | None
Row = TypeVar("Row")

SEVERAL = ";"  # between the codes of one cell


class Kind(StrEnum):
    """Type of a column, in the words of the data dictionary."""

    TEXT = "text"
    CODE = "code"
    CODES = "codes"  # none, one or several, separated by semicolons
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    BOOLEAN = "boolean"


@frozen(kw_only=True)
class Column(Generic[Row]):
    """A column of a table.

    Parameters
    ----------
    name, label
        What it is called, for a program and for a reader; the label is without the unit.
    kind, unit
        Type and unit of its values; "" where there is no unit.
    of
        Takes the value out of what a row is made from; None where there is nothing to say.
    description
        What the value means, and when it is empty.
    source
        Where it comes from: recorded, or by which rule.
    allowed
        Each code with what it means, where the values are codes.
    familiar
        Whether a reader knows the codes, as with T1 or L3, and is not shown their words.
    minimum, maximum
        Bounds that the program itself keeps to; None where there are none.
    required
        Whether a row always has it.
    identifier
        Whether it may tell who a patient is (HIPAA 45 CFR 164.514(b)(2) names dates among these).
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    unit: str = ""
    of: Callable[[Row], Value] = field(repr=False, eq=False)
    description: str
    source: str
    allowed: Mapping[str, str] = field(factory=dict)
    familiar: bool = False
    minimum: Decimal | int | None = None
    maximum: Decimal | int | None = None
    required: bool = False
    identifier: bool = False

    @property
    def heading(self) -> str:
        """The label with its unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label


@frozen(kw_only=True)
class ExportTable:
    """A table that is ready to be written.

    Parameters
    ----------
    name, title, description
        What it is called, for a program and for a reader, and what a row of it is.
    columns
        What its columns are.
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

    def column(self, name: str) -> list[Value]:
        """Give the values of a column."""
        return self.data[self.names.index(name)]


def tabulate(
    name: str, title: str, description: str, columns: Sequence[Column[Row]], rows: Iterable[Row]
) -> ExportTable:
    """Make a table of what its rows are made from."""
    those = list(rows)
    return ExportTable(
        name=name,
        title=title,
        description=description,
        columns=tuple(columns),
        data=tuple([column.of(row) for row in those] for column in columns),
    )


def picked(columns: Iterable[Column[Row]], *names: str) -> tuple[Column[Row], ...]:
    """Give some columns of a table by name, in the order asked for."""
    known = {column.name: column for column in columns}
    return tuple(known[name] for name in names)


def plain(value: Value) -> str:
    """Write a value as a program reads it: exact digits, ISO dates, true and false."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
