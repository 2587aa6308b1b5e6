"""The workbook for clinicians."""

import io
import time
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from attrs import evolve
from fixtures.cohort_makers import AMINI, make_cohort

from opp_mri.cohort.export import workbook
from opp_mri.cohort.export.csv_text import FORMULA_STARTS
from opp_mri.cohort.export.derived import build_derived_tables
from opp_mri.cohort.export.dictionary import build_data_dictionary
from opp_mri.cohort.export.recorded import build_recorded_tables
from opp_mri.cohort.export.workbook import build_summary_table, write_workbook
from opp_mri.errors import InputError
from opp_mri.response.assessed import AssessedLesion

COHORT = make_cohort(60)
NOTES = {"Purpose": "Research software, not a medical device.", "Criteria": "amini-2016"}


def made(lesions: tuple[AssessedLesion, ...] = COHORT) -> bytes:
    changes, events = build_derived_tables(lesions, AMINI)[0], build_recorded_tables(lesions)[2]
    tables = (build_summary_table(lesions, AMINI), changes, events)
    return write_workbook((*tables, build_data_dictionary(tables)), NOTES)


def opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


def test_it_leaves_nothing_in_the_temporary_folder_of_the_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A kill would leave sheets with patients' names there."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))  # no file can be made in it
    assert made(COHORT[:2])


@pytest.fixture(scope="module")
def book() -> Any:
    return opened(made())


def column(sheet: Any, heading: str) -> list[Any]:
    header = [cell.value for cell in sheet[1]]
    return [row[header.index(heading)] for row in sheet.iter_rows(min_row=2)]


def test_the_first_sheet_has_a_row_for_each_lesion_in_words(book: Any) -> None:
    sheet = book.worksheets[0]
    assert book.sheetnames == ["Lesions", "Lengths and changes", "Events", "Dictionary", "Notes"]
    assert sheet.max_row == len(COHORT) + 1
    position = next(i for i, lesion in enumerate(COHORT) if lesion.assessment.category == "OPP")
    assert column(sheet, "Category")[position].value == "Osseous pseudoprogression (OPP)"
    assert (
        "declined from its peak by 2.0 mm or more"
        in column(sheet, "Rule that decided")[position].value
    )
    assert column(sheet, "Sex")[position].value in {"Male", "Female"}
    assessment = COHORT[position].assessment
    peak = assessment.sequences[assessment.deciding_sequence]  # type: ignore[index]
    assert column(sheet, "Peak change, mm")[position].value == float(peak.peak_change_mm or 0)
    weeks = float((Decimal(peak.peak_day or 0) / 7).quantize(Decimal("0.1")))
    assert column(sheet, "Peak, weeks from SSRS")[position].value == weeks


def test_dates_are_dates_and_numbers_are_numbers_with_a_format(book: Any) -> None:
    sheet = book.worksheets[0]
    first = column(sheet, "Last day of SSRS")[0]
    assert (first.value, first.is_date) == (
        datetime.combine(COHORT[0].lesion.ssrs_last_date, datetime.min.time()), True,
    )  # fmt: skip
    assert first.number_format == "yyyy\\-mm\\-dd"
    length = column(book["Lengths and changes"], "AP extent, mm")[0]
    assert (length.data_type, length.number_format) == ("n", "0.0###")
    change = column(book["Lengths and changes"], "Change from baseline, mm")[1]
    assert change.number_format == "+0.0###;\\-0.0###;0.0"


def test_the_header_of_each_sheet_stays_in_view_and_can_be_filtered(book: Any) -> None:
    for sheet in book.worksheets:
        assert sheet.freeze_panes in {"B2", "A2"}
        assert all(cell.font.bold for cell in sheet[1])
        assert sheet.title == "Notes" or sheet.auto_filter.ref.endswith(str(sheet.max_row))
        assert all(8 <= dimension.width <= 100 for dimension in sheet.column_dimensions.values())


@pytest.mark.parametrize("start", FORMULA_STARTS[:4])
def test_a_text_that_begins_like_a_formula_is_text_also_when_it_is_edited(start: str) -> None:
    evil = evolve(COHORT[0], lesion=evolve(COHORT[0].lesion, histology=f"{start}1+1"))
    cell = column(opened(made((evil,))).worksheets[0], "Histology")[0]
    assert (cell.value, cell.data_type, cell.quotePrefix) == (f"{start}1+1", "s", True)


def test_no_cell_of_any_sheet_is_a_formula() -> None:
    evil = tuple(
        evolve(
            lesion,
            lesion=evolve(lesion.lesion, histology="=1+1", lesion_id=f"={i}", patient_id="@p"),
        )
        for i, lesion in enumerate(COHORT[:5])
    )
    for sheet in opened(made(evil)).worksheets:
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    with zipfile.ZipFile(io.BytesIO(made(evil))) as archive:
        assert not [name for name in archive.namelist() if b"<f>" in archive.read(name)]


def test_what_xml_cannot_hold_is_shown_as_a_replacement_character() -> None:
    odd = evolve(COHORT[0], lesion=evolve(COHORT[0].lesion, histology="a\x00b\x0bc\ud7ff"))
    assert (
        column(opened(made((odd,))).worksheets[0], "Histology")[0].value == "a\ufffdb\ufffdc\ud7ff"
    )


def test_a_date_from_before_the_calendar_of_spreadsheets_is_text() -> None:
    old = evolve(COHORT[0], lesion=evolve(COHORT[0].lesion, ssrs_last_date=date(1899, 12, 30)))
    assert column(opened(made((old,))).worksheets[0], "Last day of SSRS")[0].value == "1899-12-30"


def test_the_last_sheet_says_that_it_is_no_medical_device(book: Any) -> None:
    rows = [[cell.value for cell in row] for row in book["Notes"].iter_rows(min_row=2)]
    assert rows == [list(item) for item in NOTES.items()]


def test_the_same_cohort_gives_the_same_bytes_at_another_time() -> None:
    first = made()
    time.sleep(2.1)  # times in archives are even seconds
    assert made() == first


def test_a_table_that_no_sheet_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 59)
    with pytest.raises(InputError, match="Lesions would have 60 rows"):
        made()
