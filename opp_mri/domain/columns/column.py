"""What a column of a table is: one declaration, from which every reader and writer of it follows.

A column that users fill in is read, checked, exported, described in the data dictionary and
explained by the help of the command line from the same declaration.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar, cast

from attrs import evolve, field, frozen

Value = str | int | bool | Decimal | date | None
Row = TypeVar("Row")
Owner = TypeVar("Owner")

SEVERAL: Final = ";"  # between the codes of one cell
MOST_CODES_IN_WORDS: Final = 10  # more than these are not listed in a help text


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
        Its name for a program and for a reader; the label is without the unit.
    kind, unit
        Type and unit of its values; "" where there is no unit.
    of
        Takes the value from the object that a row describes; None where there is none.
    description
        What the value means, and when it is empty.
    source
        Where it comes from: recorded, or by which rule.
    allowed
        Each code with its meaning, where the values are codes.
    entry
        How to write a value, where type, codes and bounds do not say it.
    familiar
        Whether readers know the codes, such as T1 or L3, and are not shown their meaning.
    minimum, maximum
        Smallest and largest value that the program takes; None where there is no bound.
    required
        Whether each row has a value.
    identifier
        Whether it may identify a patient (HIPAA 45 CFR 164.514(b)(2) names dates among these).
    may_be_future
        Whether a date may be later than today, as a planned one may.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    unit: str = ""
    of: Callable[[Row], Value] = field(repr=False, eq=False)
    description: str
    source: str
    allowed: Mapping[str, str] = field(factory=dict)
    entry: str = ""
    familiar: bool = False
    minimum: Decimal | int | None = None
    maximum: Decimal | int | None = None
    required: bool = False
    identifier: bool = False
    may_be_future: bool = False

    @property
    def heading(self) -> str:
        """The label with its unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def how_to_write(self) -> str:
        """How a user writes a value, as the end of a sentence."""
        if self.entry:
            return self.entry
        codes = ", ".join(self.allowed)
        between = self.minimum is not None and self.maximum is not None
        bounds = f" from {self.minimum} to {self.maximum}" if between else ""
        unit = f" in {self.unit}" if self.unit else ""
        return {
            Kind.TEXT: "any text",
            Kind.CODE: f"one of {codes}",
            Kind.CODES: f"{codes}; several separated by semicolons",
            Kind.INTEGER: f"a whole number{unit}{bounds}",
            Kind.DECIMAL: f"a number{unit}{bounds}",
            Kind.DATE: "YYYY-MM-DD",
            Kind.BOOLEAN: "yes or no",
        }[self.kind]

    @property
    def help_text(self) -> str:
        """The description with how to write a value, for the help of the command line."""
        if self.kind is Kind.TEXT and not self.entry:
            return self.description
        write = self.how_to_write
        return f"{self.description} Write {write}."


def view_through(
    columns: Iterable[Column[Owner]], owner_of: Callable[[Row], Owner | None]
) -> tuple[Column[Row], ...]:
    """Return the columns of an object for rows that hold it, such as a lesion in a cohort.

    Parameters
    ----------
    owner_of
        Takes the object from a row; None where the row has none: its values are None then.
    """

    def look_through(of: Callable[[Owner], Value]) -> Callable[[Row], Value]:
        def get_value(row: Row) -> Value:
            owner = owner_of(row)
            return None if owner is None else of(owner)

        return get_value

    # the type of the row changes with `of`, which evolve() cannot tell
    return tuple(cast(Any, evolve)(column, of=look_through(column.of)) for column in columns)


def pick(columns: Iterable[Column[Row]], *names: str) -> tuple[Column[Row], ...]:
    """Return some columns of a table by name, in the order asked for."""
    by_name = {column.name: column for column in columns}
    return tuple(by_name[name] for name in names)


def write_value(value: Value) -> str:
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


def build_json_object(columns: Iterable[Column[Row]], row: Row) -> dict[str, Any]:
    """Return a row as a JSON object, by the names of its columns."""
    return {column.name: convert_to_json(column.of(row)) for column in columns}


def convert_to_json(value: Value) -> Any:
    """Return a value as JSON knows it: an exact decimal as a number, a date as text."""
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
