"""The REDCap project of a cohort, as REDCap's own rules want it."""

import csv
import io
import re
from datetime import date
from decimal import Decimal

from fixtures.cohort_makers import AMINI, make_cohort
from fixtures.visit_makers import with_visits

from opp_mri.cohort.export.derived import build_derived_tables
from opp_mri.cohort.export.recorded import build_recorded_tables
from opp_mri.cohort.export.redcap import FORMS, render_redcap_files

COHORT = with_visits(make_cohort(40))
TABLES = (*build_recorded_tables(COHORT), *build_derived_tables(COHORT, AMINI))
FILES = render_redcap_files(TABLES)
# as REDCap writes it on top of a dictionary that is downloaded
HEADER = (
    '"Variable / Field Name","Form Name","Section Header","Field Type","Field Label",'
    '"Choices, Calculations, OR Slider Labels","Field Note",'
    '"Text Validation Type OR Show Slider Number","Text Validation Min","Text Validation Max",'
    'Identifier?,"Branching Logic (Show field only if...)","Required Field?","Custom Alignment",'
    '"Question Number (surveys only)","Matrix Group Name","Matrix Ranking?","Field Annotation"'
)
NAME = re.compile(r"[a-z](?:[a-z0-9]|_(?!_)){0,24}[a-z0-9]")


def rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(FILES[name].decode(), newline=""), strict=True))


FIELDS = rows_of("data_dictionary.csv")
RECORDS = rows_of("records.csv")


def choices(field: dict[str, str]) -> list[str]:
    choices = field["Choices, Calculations, OR Slider Labels"]
    return [word.split(",", 1)[0].strip() for word in choices.split("|")] if choices else []


def test_the_dictionary_has_redcaps_18_columns_by_name_and_in_order() -> None:
    header = next(csv.reader([HEADER]))
    assert len(header) == 18
    assert list(FIELDS[0]) == header


def test_the_first_field_is_the_record_and_names_are_legal_and_there_once() -> None:
    names = [field["Variable / Field Name"] for field in FIELDS]
    assert names[0] == "record_id"
    assert len(set(names)) == len(names)
    assert [name for name in names if not NAME.fullmatch(name)] == []
    forms = [field["Form Name"] for field in FIELDS]
    assert list(dict.fromkeys(forms)) == [form.name for form in FORMS]
    assert sorted(forms, key=forms.index) == forms  # the fields of a form stand together


def test_types_validations_and_choices_are_those_that_redcap_knows() -> None:
    for field in FIELDS:
        kind = field["Field Type"]
        assert kind in {"text", "dropdown", "checkbox", "yesno"}
        validation = field["Text Validation Type OR Show Slider Number"]
        assert validation in {"", "integer", "number", "date_ymd"}
        assert (kind == "text") or not validation
        assert bool(choices(field)) == (kind in {"dropdown", "checkbox"})
        assert [code for code in choices(field) if not re.fullmatch(r"[A-Za-z0-9_]+", code)] == []


def test_bounds_and_identifiers_are_those_of_the_columns() -> None:
    by_name = {field["Variable / Field Name"]: field for field in FIELDS}
    fractions = by_name["les_fractions"]
    assert (fractions["Text Validation Min"], fractions["Text Validation Max"]) == ("1", "30")
    assert by_name["len_ap_mm"]["Text Validation Min"] == "0"
    identifying_names = {name for name, field in by_name.items() if field["Identifier?"] == "y"}
    assert {
        "record_id",
        "les_patient_id",
        "les_ssrs_last_date",
        "les_death_date",
    } <= identifying_names
    assert "les_level" not in identifying_names


def test_records_have_a_column_for_each_field_choice_and_form() -> None:
    first_fields = [
        "record_id",
        "redcap_event_name",
        "redcap_repeat_instrument",
        "redcap_repeat_instance",
    ]
    for field in FIELDS[1:]:
        name = field["Variable / Field Name"]
        boxes = [f"{name}___{code.lower()}" for code in choices(field)]
        first_fields += boxes if field["Field Type"] == "checkbox" else [name]
    first_fields += [f"{form.name}_complete" for form in FORMS]
    assert list(RECORDS[0]) == first_fields


def test_each_value_passes_the_validation_of_its_field() -> None:
    for field in FIELDS[1:]:
        name, kind = field["Variable / Field Name"], field["Field Type"]
        validation = field["Text Validation Type OR Show Slider Number"]
        values = {row[name] for row in RECORDS if row.get(name)}
        if kind == "dropdown":
            assert values <= set(choices(field)), name
        elif kind == "yesno":
            assert values <= {"0", "1"}
        elif validation == "integer":
            assert all(re.fullmatch(r"-?[0-9]+", value) for value in values)
        elif validation == "number":
            assert all(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) for value in values)
        elif validation == "date_ymd":
            assert all(date.fromisoformat(value) for value in values)


def test_a_lesion_has_one_row_of_its_own_and_one_for_each_length_and_event() -> None:
    for lesion in COHORT:
        rows = [row for row in RECORDS if row["record_id"] == lesion.lesion.lesion_id]
        own, *repeat_rows = rows
        assert own["redcap_event_name"] == "lesion_arm_1"
        assert (own["redcap_repeat_instrument"], own["redcap_repeat_instance"]) == ("", "")
        assert own["asm_category"] == lesion.assessment.category
        assert (own["lesion_complete"], own["mr_length_complete"]) == ("2", "")
        lengths = [row for row in repeat_rows if row["redcap_repeat_instrument"] == "mr_length"]
        observations = [o for row in lesion.timeline.observations.values() for o in row]
        assert [row["redcap_repeat_instance"] for row in lengths] == [
            str(number) for number in range(1, len(observations) + 1)
        ]
        assert sorted(Decimal(row["len_ap_mm"]) for row in lengths) == sorted(
            o.ap_mm for o in observations
        )
        assert {row["redcap_event_name"] for row in lengths} <= {"mr_studies_arm_1"}
        events = [
            row for row in repeat_rows if row["redcap_repeat_instrument"] == "treatment_event"
        ]
        assert [row["evt_event"] for row in events] == [
            e.kind.value for e in lesion.timeline.events
        ]


def test_events_are_named_as_redcap_will_name_them() -> None:
    rows = rows_of("events.csv")
    assert list(rows[0]) == ["event_name", "arm_num", "unique_event_name", "custom_event_label"]
    assert {row["unique_event_name"] for row in rows} == {""}  # REDCap makes these by itself
    event_names = {
        f"{row['event_name'].lower().replace(' ', '_')}_arm_{row['arm_num']}" for row in rows
    }
    assert event_names == {row["redcap_event_name"] for row in RECORDS}


def test_each_form_belongs_to_the_event_that_the_records_name() -> None:
    rows = rows_of("instrument_designations.csv")
    assert list(rows[0]) == ["arm_num", "unique_event_name", "form"]
    designations = {row["form"]: row["unique_event_name"] for row in rows}
    assert list(designations) == [form.name for form in FORMS]
    for row in RECORDS:
        form = row["redcap_repeat_instrument"] or "lesion"
        assert row["redcap_event_name"] == designations[form]


def test_every_repeated_form_is_declared_as_such() -> None:
    declarations = {
        (row["event_name"], row["form_name"]) for row in rows_of("repeating_instruments.csv")
    }
    repeat_pairs = {
        (row["redcap_event_name"], row["redcap_repeat_instrument"])
        for row in RECORDS
        if row["redcap_repeat_instrument"]
    }
    assert repeat_pairs == declarations
