"""A cohort as a longitudinal REDCap project: dictionary, structure and records, ready to upload.

A record is a lesion. The names of the dictionary's columns are REDCap's own; a field takes its
type, choices, bounds and identifier flag from the declaration of the column that it holds.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from opp_mri.cohort.export.columns import ExportTable
from opp_mri.cohort.export.csv_text import guard_text, write_csv_rows
from opp_mri.cohort.export.derived import ASSESSMENTS, SEQUENCE_ANSWERS
from opp_mri.cohort.export.recorded import EVENTS, LESIONS, MEASUREMENTS, VISITS
from opp_mri.domain.columns.column import SEVERAL, Column, Kind, Value, write_value

DICTIONARY_HEADER: Final = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)
RECORD_ID, EVENT, INSTRUMENT, INSTANCE = (
    "record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance",
)  # fmt: skip
ARM: Final = 1
COMPLETE: Final = "2"  # REDCap's code of a form that is complete
JOIN: Final = "lesion_id"  # the record itself
_VALIDATION: Final[Mapping[Kind, str]] = {
    Kind.INTEGER: "integer", Kind.DECIMAL: "number", Kind.DATE: "date_ymd",
}  # fmt: skip


@frozen(kw_only=True)
class Form:
    """A table as a REDCap instrument.

    Parameters
    ----------
    table
        Name of the table.
    name, prefix
        Of the instrument and of its fields: a field's name is there once in a project.
    event
        Label of the REDCap event that it belongs to.
    repeats
        Whether a lesion may have several rows.
    """

    table: str
    name: str
    prefix: str
    event: str
    repeats: bool

    @property
    def unique_event(self) -> str:
        """Name that REDCap makes of the event's label."""
        return f"{self.event.lower().replace(' ', '_')}_arm_{ARM}"

    def name_field(self, column: Column[Any]) -> str:
        """Name of the field that holds a column."""
        return f"{self.prefix}_{column.name}"


FORMS: Final = (
    Form(table=LESIONS, name="lesion", prefix="les", event="Lesion", repeats=False),
    Form(table=ASSESSMENTS, name="assessment", prefix="asm", event="Lesion", repeats=False),
    Form(table=SEQUENCE_ANSWERS, name="sequence", prefix="seq", event="Lesion", repeats=True),
    Form(table=VISITS, name="visit", prefix="vis", event="Visits", repeats=True),
    Form(table=EVENTS, name="treatment_event", prefix="evt", event="Lesion", repeats=True),
    Form(table=MEASUREMENTS, name="mr_length", prefix="len", event="MR studies", repeats=True),
)


@frozen(kw_only=True)
class _Field:
    """A column of the file of records."""

    name: str
    form: Form
    place: int  # of the column in its table
    code: str = ""  # of a checkbox


def render_redcap_files(tables: Iterable[ExportTable]) -> dict[str, bytes]:
    """Return the files to upload, by name, in the order in which REDCap requires them.

    Parameters
    ----------
    tables
        Those of `FORMS`, at least.
    """
    by_name = {table.name: table for table in tables}
    export_tables = {form: by_name[form.table] for form in FORMS}
    return {
        "data_dictionary.csv": write_csv_rows(
            DICTIONARY_HEADER, _generate_dictionary_rows(export_tables)
        ),
        "events.csv": write_csv_rows(
            ("event_name", "arm_num", "unique_event_name", "custom_event_label"),
            dict.fromkeys((form.event, str(ARM), "", "") for form in FORMS),  # REDCap names them
        ),
        "instrument_designations.csv": write_csv_rows(
            ("arm_num", "unique_event_name", "form"),
            [(str(ARM), form.unique_event, form.name) for form in FORMS],
        ),
        "repeating_instruments.csv": write_csv_rows(
            ("event_name", "form_name", "custom_form_label"),
            [(form.unique_event, form.name, "") for form in FORMS if form.repeats],
        ),
        "records.csv": _write_records(export_tables),
    }


def _generate_dictionary_rows(tables: Mapping[Form, ExportTable]) -> Iterator[Sequence[str]]:
    for form, table in tables.items():
        for column in table.columns:
            if column.name != JOIN:
                yield _describe_field(form.name_field(column), form, column)
            elif form is FORMS[0]:
                yield _describe_field(RECORD_ID, form, column)


def _describe_field(name: str, form: Form, column: Column[Any]) -> Sequence[str]:
    cells = {
        "Variable / Field Name": name,
        "Form Name": form.name,
        "Field Type": {
            Kind.CODE: "dropdown", Kind.CODES: "checkbox", Kind.BOOLEAN: "yesno",
        }.get(column.kind, "text"),
        "Field Label": column.heading,
        "Choices, Calculations, OR Slider Labels": " | ".join(
            f"{code}, {words}" for code, words in column.allowed.items()
        ),
        "Field Note": column.description,
        "Text Validation Type OR Show Slider Number": _VALIDATION.get(column.kind, ""),
        "Text Validation Min": write_value(column.minimum),
        "Text Validation Max": write_value(column.maximum),
        "Identifier?": "y" if column.identifier else "",
        "Required Field?": "y" if column.required and column.kind is not Kind.CODES else "",
    }  # fmt: skip
    return [guard_text(cells.get(heading, "")) for heading in DICTIONARY_HEADER]


def _write_records(tables: Mapping[Form, ExportTable]) -> bytes:
    fields = list(_generate_fields(tables))
    complete = [f"{form.name}_complete" for form in tables]
    header = (RECORD_ID, EVENT, INSTRUMENT, INSTANCE, *(field.name for field in fields), *complete)
    return write_csv_rows(header, _generate_rows(tables, fields))


def _generate_fields(tables: Mapping[Form, ExportTable]) -> Iterator[_Field]:
    for form, table in tables.items():
        for place, column in enumerate(table.columns):
            if column.name == JOIN:
                continue
            name = form.name_field(column)
            if column.kind is not Kind.CODES:
                yield _Field(name=name, form=form, place=place)
                continue
            for code in column.allowed:  # a checkbox has a column for each choice
                yield _Field(name=f"{name}___{code.lower()}", form=form, place=place, code=code)


def _generate_rows(
    tables: Mapping[Form, ExportTable], fields: Sequence[_Field]
) -> Iterator[Sequence[str]]:
    """Yield a lesion's own row, then its repeated ones, lesion by lesion."""
    width = len(fields) + len(tables)
    texts = [_list_texts(field, tables[field.form]) for field in fields]
    own_places = {
        form: [i for i, field in enumerate(fields) if field.form is form]
        + [len(fields) + list(tables).index(form)]
        for form in tables
    }
    texts += [[COMPLETE] * table.n_rows for table in tables.values()]
    rows_of = {form: _group_rows_by_lesion(table) for form, table in tables.items()}
    first = FORMS[0]
    for row, lesion_id in enumerate(tables[first].get_column(JOIN)):
        record = guard_text(str(lesion_id))
        cells = [""] * width
        for form in tables:
            if not form.repeats:
                own = row if form is first else rows_of[form][lesion_id][0]
                for place in own_places[form]:
                    cells[place] = texts[place][own]
        yield record, first.unique_event, "", "", *cells
        for form in tables:
            if form.repeats:
                for instance, own in enumerate(rows_of[form].get(lesion_id, ()), 1):
                    cells = [""] * width
                    for place in own_places[form]:
                        cells[place] = texts[place][own]
                    yield record, form.unique_event, form.name, str(instance), *cells


def _list_texts(field: _Field, table: ExportTable) -> list[str]:
    values = table.data[field.place]
    if field.code:
        return ["1" if field.code in write_value(value).split(SEVERAL) else "0" for value in values]
    if table.columns[field.place].kind is Kind.BOOLEAN:
        return ["1" if sequence else "0" for sequence in values]
    return [guard_text(value) if isinstance(value, str) else write_value(value) for value in values]


def _group_rows_by_lesion(table: ExportTable) -> Mapping[Value, Sequence[int]]:
    rows_by_lesion: dict[Value, list[int]] = defaultdict(list)
    for row, lesion_id in enumerate(table.get_column(JOIN)):
        rows_by_lesion[lesion_id].append(row)
    return rows_by_lesion


LEGAL_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,25}")
"""What REDCap takes for the name of a field or of a form, at the length that it recommends."""
