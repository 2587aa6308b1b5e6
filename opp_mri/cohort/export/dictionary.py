"""The data dictionary of a set of tables: a table itself, out of the same declarations."""

from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen

from opp_mri.cohort.export.columns import ExportTable, tabulate
from opp_mri.domain.columns.column import Column, Kind, write_value

DICTIONARY: Final = "dictionary"
BETWEEN: Final = " | "  # between the allowed values of one cell


@frozen
class Entry:
    """One column of one table."""

    table: ExportTable
    column: Column[Any]


_DECLARED: Final = "the declaration of the columns"

DICTIONARY_COLUMNS: Final[tuple[Column[Entry], ...]] = (
    Column(
        name="table", label="Table", of=lambda entry: entry.table.name, required=True,
        description="Name of the table.", source=_DECLARED,
    ),
    Column(
        name="name", label="Column", of=lambda entry: entry.column.name, required=True,
        description="Name of the column.", source=_DECLARED,
    ),
    Column(
        name="label", label="Label", of=lambda entry: entry.column.label, required=True,
        description="What it is called for a reader.", source=_DECLARED,
    ),
    Column(
        name="type", label="Type", kind=Kind.CODE, of=lambda entry: entry.column.kind.value,
        allowed={
            Kind.TEXT: "any text",
            Kind.CODE: "one of the allowed values",
            Kind.CODES: "none, one or several of the allowed values, separated by semicolons",
            Kind.INTEGER: "whole number",
            Kind.DECIMAL: "exact decimal number",
            Kind.DATE: "date, year-month-day",
            Kind.BOOLEAN: "true or false",
        },
        required=True, description="Type of its values.", source=_DECLARED,
    ),
    Column(
        name="unit", label="Unit", of=lambda entry: entry.column.unit or None,
        description="Unit of its values; empty where there is none.", source=_DECLARED,
    ),
    Column(
        name="allowed", label="Allowed values",
        of=lambda entry: BETWEEN.join(
            f"{code} = {words}" for code, words in entry.column.allowed.items()
        ) or None,
        description="Each code with what it means, separated by vertical bars.", source=_DECLARED,
    ),
    Column(
        name="minimum", label="Minimum", of=lambda entry: write_value(entry.column.minimum) or None,
        description="Smallest value that the program takes.", source=_DECLARED,
    ),
    Column(
        name="maximum", label="Maximum", of=lambda entry: write_value(entry.column.maximum) or None,
        description="Largest value that the program takes.", source=_DECLARED,
    ),
    Column(
        name="required", label="Always there", kind=Kind.BOOLEAN, required=True,
        of=lambda entry: entry.column.required, source=_DECLARED,
        description="Whether each row has a value.",
    ),
    Column(
        name="identifier", label="Identifier", kind=Kind.BOOLEAN, required=True,
        of=lambda entry: entry.column.identifier, source=_DECLARED,
        description="Whether the value may tell who the patient is.",
    ),
    Column(
        name="description", label="Description", of=lambda entry: entry.column.description,
        required=True, description="What the value means.", source=_DECLARED,
    ),
    Column(
        name="source", label="Source", of=lambda entry: entry.column.source, required=True,
        description="Where the value comes from.", source=_DECLARED,
    ),
)  # fmt: skip


def build_data_dictionary(tables: Iterable[ExportTable]) -> ExportTable:
    """Describe every column of some tables, in their order."""
    return tabulate(
        DICTIONARY,
        "Dictionary",
        "One row a column.",
        DICTIONARY_COLUMNS,
        (Entry(table, column) for table in tables for column in table.columns),
    )
