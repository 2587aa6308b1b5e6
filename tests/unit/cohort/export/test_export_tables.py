"""The declared tables of an export, and their CSV and Parquet."""

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from attrs import evolve
from fixtures.cohort_makers import AMINI, make_cohort
from fixtures.parquet_text import text_of_parquet
from fixtures.visit_makers import with_visits

from opp_mri.cohort.export.aggregated import render_table_files
from opp_mri.cohort.export.changes import StudyPart, generate_changes
from opp_mri.cohort.export.columns import ExportTable, tabulate
from opp_mri.cohort.export.csv_text import (
    FORMULA_STARTS,
    GUARD,
    guard_text,
    write_csv_rows,
    write_csv_table,
)
from opp_mri.cohort.export.derived import build_derived_tables
from opp_mri.cohort.export.dictionary import build_data_dictionary
from opp_mri.cohort.export.notes import export_notes
from opp_mri.cohort.export.parquet import write_parquet
from opp_mri.cohort.export.recorded import build_recorded_tables, select_own_events
from opp_mri.cohort.tables.tables import Cell, Table
from opp_mri.domain.assessment import Mode, Rules
from opp_mri.domain.columns.column import SEVERAL, Column, Kind
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Exclusion, Observation, Timeline, TreatmentEvent
from opp_mri.domain.visible_text import make_visible
from opp_mri.errors import InputError
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.classify import classify
from opp_mri.tables.measurements import read_sizes

COHORT = with_visits(make_cohort(80))
TABLES = (*build_recorded_tables(COHORT), *build_derived_tables(COHORT, AMINI))
UNITS = {"_mm": "mm", "_gy": "Gy", "_years": "years"}


def lesion_with(timeline: Timeline, **of_lesion: object) -> AssessedLesion:
    first = COHORT[0]
    return AssessedLesion(
        lesion=evolve(first.lesion, **of_lesion),
        timeline=timeline,
        assessment=classify(timeline, Rules(criteria=AMINI)),
    )


def timeline(*lengths: tuple[int, str], events: tuple[TreatmentEvent, ...] = ()) -> Timeline:
    studies = tuple(Observation(day, Decimal(mm)) for day, mm in lengths)
    return Timeline(lesion_id="L00001", observations={SeriesRole.T1: studies}, events=events)


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_column_says_what_it_is(table: ExportTable) -> None:
    assert len(set(table.names)) == len(table.names)
    for column in table.columns:
        assert re.fullmatch(r"[a-z][a-z_]*", column.name)
        assert column.description.endswith(".")
        assert column.source
        assert bool(column.allowed) == (column.kind in (Kind.CODE, Kind.CODES))
        for ending, unit in UNITS.items():
            assert not column.name.endswith(ending) or column.unit == unit


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_value_is_what_its_column_declares(table: ExportTable) -> None:
    types = {Kind.INTEGER: int, Kind.DECIMAL: Decimal, Kind.BOOLEAN: bool, Kind.TEXT: str}
    for column, values in zip(table.columns, table.data, strict=True):
        values_present = [value for value in values if value is not None]
        assert not column.required or len(values_present) == len(values)
        if column.kind in types:
            assert all(
                isinstance(value_present, types[column.kind]) for value_present in values_present
            ), column.name
        if column.allowed:
            assert {
                code
                for value_present in values_present
                for code in str(value_present).split(SEVERAL)
            } <= set(column.allowed)
        if column.minimum is not None:
            assert all(
                column.minimum <= value_present <= column.maximum
                for value_present in values_present
            )  # type: ignore[operator]


def test_the_dictionary_has_a_row_for_each_column_and_describes_itself() -> None:
    data_dictionary = build_data_dictionary(TABLES)
    columns_asked = [(table.name, column.name) for table in TABLES for column in table.columns]
    assert (
        list(
            zip(
                data_dictionary.get_column("table"), data_dictionary.get_column("name"), strict=True
            )
        )
        == columns_asked
    )
    assert build_data_dictionary([data_dictionary]).n_rows == len(data_dictionary.columns)


def test_a_change_is_from_the_sequences_own_baseline_and_exact() -> None:
    retreatment_days = TreatmentEvent(200, EventKind.LOCAL_RETREATMENT)
    lengths = ((-90, "11.0"), (-7, "10.25"), (0, "10.3"), (83, "14.7"), (250, "9"))
    lesion = lesion_with(timeline(*lengths, events=(retreatment_days,)))
    result = list(generate_changes(lesion))
    assert [str(change.change_mm) for change in result] == ["None", "None", "0.0", "4.4", "-1.3"]
    assert [change.part for change in result] == [
        StudyPart.EARLIER, StudyPart.EARLIER, StudyPart.BASELINE, StudyPart.FOLLOW_UP,
        StudyPart.AFTER_RETREATMENT,
    ]  # fmt: skip
    table = build_derived_tables([lesion], AMINI)[0]
    assert table.get_column("days_since_study_before") == [None, 83, 7, 83, 167]
    assert [str(week) for week in table.get_column("weeks_from_ssrs")] == [
        "-12.9", "-1.0", "0.0", "11.9", "35.7",
    ]  # fmt: skip


def test_an_origin_that_nobody_stated_is_empty(tmp_path: Path) -> None:
    lengths = tmp_path / "lengths.csv"
    head = "lesion_id,days_from_ssrs,sequence,ap_mm"
    for header, row, origin in (
        (head, "L,-5,T1,12.0", None),
        (f"{head},origin", "L,-5,T1,12.0,", None),
        (f"{head},origin", "L,-5,T1,12.0,drawn", "drawn"),
    ):
        lengths.write_text(f"{header}\n{row}\n", encoding="utf-8")
        read_timeline = Timeline(lesion_id="L", observations=read_sizes(lengths).lengths["L"])
        table = build_recorded_tables([lesion_with(read_timeline)])[1]
        assert table.get_column("origin") == [origin]


def test_a_sequence_without_a_baseline_has_lengths_and_no_change() -> None:
    table = build_derived_tables([lesion_with(timeline((40, "12.0")))], AMINI)[0]
    assert table.get_column("ap_mm") == [Decimal("12.0")]
    assert table.get_column("change_mm") == [None]


def test_an_assessment_tells_the_peak_of_the_deciding_sequence_and_the_study_before_it() -> None:
    lesion = lesion_with(timeline((-7, "10.0"), (40, "11.0"), (83, "14.7"), (250, "10.1")))
    row = {
        column.name: values[0]
        for table in build_derived_tables([lesion], AMINI)[2:]
        for column, values in zip(table.columns, table.data, strict=True)
    }
    assert (row["category"], row["reason"]) == ("OPP", "sustained_decline")
    assert (row["peak_change_mm"], row["days_to_peak"], row["peak_after_day"]) == (
        Decimal("4.7"), 83, 40,
    )  # fmt: skip
    assert (row["days_to_baseline"], row["analysed"]) == (250, True)


def test_the_margin_has_a_column_only_where_it_is_at_hand() -> None:
    without, with_margins_table = (
        build_derived_tables(COHORT[:1], AMINI, margins)[2]
        for margins in (None, {"L00001": Decimal("0.4")})
    )
    assert "margin_mm" not in without.names
    assert with_margins_table.get_column("margin_mm") == [Decimal("0.4")]


def test_exclusions_of_the_column_are_not_told_again_as_events() -> None:
    event = TreatmentEvent(0, EventKind.EXCLUSION, "cement")
    fracture = TreatmentEvent(30, EventKind.FRACTURE, "minor")
    with_column = lesion_with(timeline(events=(event, fracture)), exclusions=(Exclusion.CEMENT,))
    assert select_own_events(with_column) == (fracture,)
    assert select_own_events(lesion_with(timeline(events=(event, fracture)))) == (event, fracture)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_csv_is_as_rfc_4180_says(table: ExportTable) -> None:
    content = write_csv_table(table)
    rows = read_csv(content)
    assert rows[0] == list(table.names)
    assert {len(row) for row in rows} == {len(table.columns)}
    assert len(rows) == table.n_rows + 1
    assert content.count(b"\r\n") == content.count(b"\n") == len(rows)


def text_table(*texts: str | None) -> ExportTable:
    column = Column[str | None](
        name="t", label="T", of=lambda entry: entry, description="", source=""
    )
    return tabulate("texts", "Texts", "", [column], texts)


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_no_text_of_a_csv_begins_like_a_formula(start: str) -> None:
    cell = read_csv(write_csv_table(text_table(f"{start}1+1")))[1][0]
    visible_text = make_visible(f"{start}1+1")  # a carriage return is written out
    assert cell == f"{GUARD}{visible_text}"
    assert cell.strip() == visible_text.strip()  # what opp_mri reads of it


def test_only_a_text_that_begins_like_a_formula_is_touched() -> None:
    texts = ["a=b", "A-1", "", "-", "'quoted'", 'say "x", y', "two\nlines"]
    assert [guard_text(text) for text in texts] == texts
    assert [row[0] for row in read_csv(write_csv_table(text_table(*texts)))[1:]] == texts


def test_negative_numbers_are_numbers_and_never_guarded() -> None:
    changes = next(table for table in TABLES if table.name == "changes")
    assert GUARD not in write_csv_table(changes).decode()
    assert b",-" in write_csv_table(changes)


def test_a_negative_number_of_an_aggregated_table_stays_a_number() -> None:
    cell = Cell(text="-1.5 mm", key="change", values={"mean": -1.5, "n": None, "unit": "-mm"})
    table = Table(title="Changes, mm", columns=("Change",), rows=((cell,),))
    files = render_table_files([table])
    assert read_csv(files["changes_mm.csv"]) == [["Change"], [f"{GUARD}-1.5 mm"]]
    assert [row[2:] for row in read_csv(files["numbers.csv"])[1:]] == [
        ["mean", "-1.5"], ["n", ""], ["unit", f"{GUARD}-mm"],
    ]  # fmt: skip


def test_digits_are_those_that_were_recorded_also_of_the_smallest_number() -> None:
    lesion = lesion_with(timeline((-7, "10.00"), (90, "0.0000001"), (180, "7")))
    rows = read_csv(write_csv_table(build_recorded_tables([lesion])[1]))
    assert [row[3] for row in rows[1:]] == ["10.00", "0.0000001", "7"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_parquet_is_typed_and_holds_the_same_values(table: ExportTable) -> None:
    parquet_table = pq.read_table(io.BytesIO(write_parquet(table, {})))
    for column, values in zip(table.columns, table.data, strict=True):
        field = parquet_table.schema.field(column.name)
        type_tests = {
            Kind.INTEGER: pa.types.is_int32, Kind.DECIMAL: pa.types.is_decimal128,
            Kind.DATE: pa.types.is_date32, Kind.BOOLEAN: pa.types.is_boolean,
            Kind.CODE: pa.types.is_dictionary,
        }.get(column.kind, pa.types.is_string)  # fmt: skip
        assert type_tests(field.type), column.name
        assert field.nullable is not column.required
        assert parquet_table[column.name].to_pylist() == values


def test_the_schema_of_parquet_holds_the_dictionary_and_the_notes() -> None:
    notes = export_notes(
        COHORT, AMINI, Mode.RETROSPECTIVE, data_sha256="0" * 64, is_deidentified=False
    )
    schema = pq.read_schema(io.BytesIO(write_parquet(TABLES[1], notes)))
    metadata = {key.decode(): text.decode() for key, text in schema.metadata.items()}
    assert "not a medical device" in metadata["Purpose"]
    assert metadata["title"] == "Lengths"
    of_length = {
        key.decode(): text.decode() for key, text in schema.field("ap_mm").metadata.items()
    }
    assert of_length["unit"] == "mm"
    assert of_length["description"].startswith("Greatest anteroposterior extent")
    of_sequence = schema.field("sequence").metadata
    assert json.loads(of_sequence[b"allowed"])["T2FS"] == "T2-weighted, fat suppressed"


def test_parquet_reads_back_as_the_text_of_the_csv() -> None:
    for table in TABLES:
        header, rows = text_of_parquet(write_parquet(table, {}))
        assert [list(header), *map(list, rows)] == read_csv(write_csv_table(table))


def test_a_column_of_parquet_has_as_many_decimals_as_its_most_exact_value() -> None:
    lesion = lesion_with(timeline((-7, "10.0"), (90, "12.125")))
    header, rows = text_of_parquet(write_parquet(build_recorded_tables([lesion])[1], {}))
    assert [row[list(header).index("ap_mm")] for row in rows] == ["10.000", "12.125"]


def test_a_number_that_parquet_cannot_hold_is_refused_by_its_column() -> None:
    lesion = lesion_with(timeline((-7, "10.0")), dose_gy=Decimal("1e-40"))
    with pytest.raises(InputError, match="dose_gy has 40 decimals"):
        write_parquet(build_recorded_tables([lesion])[0], {})


def test_the_notes_say_by_which_criteria_and_that_they_are_not_recist() -> None:
    strict = evolve(AMINI, name="strict", source="ours", growth_inclusive=False)
    notes = export_notes(COHORT, strict, Mode.PROSPECTIVE, data_sha256="0", is_deidentified=True)
    assert notes["Criteria"] == "strict: ours"
    assert "growth is more than and decline at least 2.0 mm" in notes["Parameters"]
    assert "not RECIST" in notes["Categories"]
    assert "2000-01-01" in notes["Identity"]
    assert notes["Lesions"] == f"80 of {len({case.patient_id for case in COHORT})} patients"


def test_the_page_of_exports_names_the_columns_of_each_table() -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "exports.md").read_text("utf-8")
    documented_columns = {
        name: re.findall(r"`([a-z_]+)`", columns)
        for name, columns in re.findall(r"^\| `([a-z]+)` \| a[^|]*\| (.*) \|$", page, re.MULTILINE)
    }
    with_margins = build_derived_tables(COHORT[:1], AMINI, {"L00001": None})
    table_columns = {table.name: list(table.names) for table in (*TABLES[:4], *with_margins)}
    assert documented_columns == table_columns


def test_a_cell_does_not_act_on_the_terminal_that_shows_the_file() -> None:
    """Tables refuse such texts, but a store that another program wrote may hold them."""
    csv_text = write_csv_rows(["lesion_id"], [["L\x1b]0;owned\x07\u202e\u2066"]]).decode()
    assert csv_text == "lesion_id\r\nL\\u001b]0;owned\\u0007\\u202e\\u2066\r\n"
