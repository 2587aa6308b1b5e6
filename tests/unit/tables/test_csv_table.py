from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from opp_mri.domain.imaging import SeriesRole
from opp_mri.errors import InputError, TableError
from opp_mri.tables.csv_table import Table, read_table

COLUMNS = ("id", "mm")


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, content: str | bytes) -> Table:
    return read_table(written(folder, content), required_columns=COLUMNS, optional=["note"])


def read_all(folder: Path, content: str | bytes) -> None:
    with read(folder, content) as table:
        for row in table.rows:
            row.read_text("id")
            row.read_mm("mm")


def faults(folder: Path, content: str | bytes) -> list[str]:
    """Read a table of ids and lengths and give all that was wrong with it."""
    with pytest.raises(TableError) as error_info:
        read_all(folder, content)
    return [str(fault) for fault in error_info.value.faults]


def test_rows_are_read_with_their_lines(tmp_path) -> None:
    table = read(tmp_path, "id,mm\na,1.50\n\nb, 2 \n")
    assert [(row.line, row.read_text("id"), row.read_mm("mm")) for row in table.rows] == [
        (2, "a", Decimal("1.50")),
        (4, "b", Decimal(2)),
    ]
    assert str(table.rows[0].read_mm("mm")) == "1.50"  # the digits that were written


def test_columns_may_stand_in_any_order_and_optional_ones_may_be_absent(tmp_path) -> None:
    (row,) = read(tmp_path, "mm,id\n1.5,a\n").rows
    assert (row.read_text("id"), row.get("note")) == ("a", "")
    (row,) = read(tmp_path, "note,mm,id\nfine,1.5,a\n").rows
    assert row.get("note") == "fine"


def test_a_byte_order_mark_and_any_line_ending_are_read(tmp_path) -> None:
    for ending in ("\n", "\r\n", "\r"):
        table = read(tmp_path, "\ufeff" + ending.join(["id,mm", "ä,1", "b,2", ""]))
        assert [(row.line, row.read_text("id")) for row in table.rows] == [(2, "ä"), (3, "b")]


def test_a_quoted_line_break_counts_as_a_line(tmp_path) -> None:
    table = read(tmp_path, 'id,mm,note\na,1,"two\nlines"\nb,2,\n')
    assert [row.line for row in table.rows] == [2, 4]
    assert faults(tmp_path, 'id,mm,note\na,1,"two\nlines"\nb,x,\n')[0].startswith("line 4, column")


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("\n\n", 1, "the file is empty"),
        ("id,mm\n", 2, "no rows"),
        ("id;mm\na;1,5\n", 1, "semicolons"),
        ("id\tmm\na\t1.5\n", 1, "tabs"),
        ("id,mm\na,1\nb\xe9,2\n".encode("latin-1"), 3, "not UTF-8"),
        ("id,mm\na,1\n".encode("utf-16"), 1, "UTF-16"),
        (b"PK\x03\x04 and so on", 1, "workbook of a spreadsheet program"),
        (b"PK, what a program made of it\n\x14,1\n", 1, "workbook of a spreadsheet program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on", 1, "workbook of a spreadsheet program"),
        ('id,mm\na,1\n"b,2\n', 3, "quotation marks"),
    ],
    ids=[
        "empty",
        "blank",
        "header only",
        "semicolons",
        "tabs",
        "latin-1",
        "utf-16",
        "xlsx",
        "xlsx as text",
        "xls",
        "open",
    ],
)
def test_a_file_that_is_no_such_table_is_refused(tmp_path, content, line, message) -> None:
    (fault,) = faults(tmp_path, content)
    assert fault.startswith(f"line {line}")
    assert message in fault


def test_all_faults_of_a_header_are_told_at_once(tmp_path) -> None:
    faults_found = faults(tmp_path, "Id,note,note,,zzz\na,b,c,d,e\n")
    assert "column Id: this column is unknown" in faults_found[0]
    assert "did you mean id?" in faults_found[0]
    assert "column note: this column is duplicated" in faults_found[1]
    assert "column 4 has no name" in faults_found[2]
    assert "column zzz: this column is unknown" in faults_found[3]
    assert faults_found[4:] == [
        "line 1, column id: this column is missing: add it",
        "line 1, column mm: this column is missing: add it",
    ]


def test_all_faults_of_the_rows_are_told_at_once_in_the_order_of_the_file(tmp_path) -> None:
    faults_found = faults(tmp_path, "mm,id\n-1,\n2\nx,b\n")
    assert [fault.partition(":")[0] for fault in faults_found] == [
        "line 2, column mm",
        "line 2, column id",
        "line 3",
        "line 4, column mm",
    ]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "is missing"),
        ("NaN", "is missing"),
        ("n/a", "is missing"),
        ('"12,5"', "decimal comma: write 12.5"),
        ("-0.5", "negative"),
        ("−0.5", "negative"),
        ("12.5 mm", "has a unit"),
        ("1.2cm", "has a unit"),
        ("1e1", "not a length"),
        ("inf", "not a length"),
        ("١٢", "not a length"),
        ("1.2.3", "not a length"),
        ("1000", "longer than any lesion"),
        ("0." + "1" * 21, "decimals"),
    ],
)
def test_what_is_no_length_is_refused_with_what_to_do(tmp_path, cell, message) -> None:
    (fault,) = faults(tmp_path, f"id,mm\na,{cell}\n")
    assert fault.startswith("line 2, column mm: ")
    assert message in fault


def test_an_unquoted_decimal_comma_makes_a_line_too_long_and_is_guessed(tmp_path) -> None:
    (fault,) = faults(tmp_path, "id,mm\na,12,5\n")
    assert fault.startswith("line 2: the line has 3 values, the header 2 columns")
    assert "12.5, not 12,5" in fault


def test_a_line_that_is_too_short_or_holds_nothing_is_told(tmp_path) -> None:
    faults_found = faults(tmp_path, "id,mm\na\n,\n")
    assert faults_found[0].startswith("line 2: the line has 1 value, the header 2 columns")
    assert faults_found[1] == "line 3: the line holds no value: remove it"


def test_zero_is_a_length(tmp_path) -> None:
    assert [row.read_mm("mm") for row in read(tmp_path, "id,mm\na,0.0\nb,0\n").rows] == [0, 0]


def test_the_rows_of_a_table_with_a_broken_line_cannot_be_had_without_its_faults(tmp_path) -> None:
    table = read(tmp_path, "id,mm\na,1\nb\n")
    with pytest.raises(TableError):
        _ = table.rows


def test_another_error_inside_is_not_hidden_by_the_faults(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), read(tmp_path, "id,mm\na\n"):
        _ = 1 // 0


def test_an_absent_file_or_a_folder_is_an_input_error(tmp_path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        read_table(tmp_path / "absent.csv", required_columns=COLUMNS)
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path, required_columns=COLUMNS)


def cell_of(folder: Path, cell: str) -> Table:
    return read_table(written(folder, f"id,cell\na,{cell}\n"), required_columns=["id", "cell"])


@pytest.mark.parametrize(("cell", "number"), [("84", 84), ("-7", -7), ("+3", 3), ("0", 0)])
def test_a_whole_number_is_read(tmp_path, cell, number) -> None:
    assert cell_of(tmp_path, cell).rows[0].read_whole_number("cell") == number


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "missing"),
        ("84.0", "not a whole number"),
        ("week 12", "not a whole number"),
        ("0", "1 or more"),
        ("9", "8 or less"),
        ("9" * 40, "not a whole number"),
    ],
)
def test_what_is_no_such_whole_number_is_refused(tmp_path, cell, message) -> None:
    with pytest.raises(TableError, match=message), cell_of(tmp_path, cell) as table:
        assert table.rows[0].read_whole_number("cell", minimum=1, maximum=8) is None


def test_a_date_is_read(tmp_path) -> None:
    assert cell_of(tmp_path, "2018-01-31").rows[0].read_date("cell") == date(2018, 1, 31)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "missing"),
        ("31.01.2018", "write it like 2018-01-31"),
        ("20180131", "write it like 2018-01-31"),
        ("2018-02-30", "not in the calendar"),
    ],
)
def test_what_is_no_date_is_refused(tmp_path, cell, message) -> None:
    with pytest.raises(TableError, match=message), cell_of(tmp_path, cell) as table:
        assert table.rows[0].read_date("cell") is None


def test_one_of_a_list_is_read_letter_for_letter(tmp_path) -> None:
    assert cell_of(tmp_path, "T2FS").rows[0].read_choice("cell", SeriesRole) is SeriesRole.T2FS
    with pytest.raises(TableError, match=r"T1POST \(did you mean T1POST\?\)"):  # noqa: SIM117
        with cell_of(tmp_path, "t1post") as table:
            assert table.rows[0].read_choice("cell", SeriesRole) is None


def test_a_plain_t2_is_not_taken_for_a_fat_suppressed_one(tmp_path) -> None:
    with pytest.raises(TableError) as error_info, cell_of(tmp_path, "T2") as table:
        table.rows[0].read_choice("cell", SeriesRole)
    assert "did you mean" not in str(error_info.value)
