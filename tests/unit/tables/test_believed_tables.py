"""Tables that contradict themselves are refused, with file, line and column."""

from pathlib import Path

import pytest

from opp_mri.errors import TableError
from opp_mri.tables.calipers import read_calipers
from opp_mri.tables.events import read_events
from opp_mri.tables.lesions import read_lesions
from opp_mri.tables.measurements import read_sizes

LENGTHS = "lesion_id,days_from_ssrs,sequence,ap_mm\n"
LESIONS = "lesion_id,patient_id,level,ssrs_first_date,sex,age_years,birth_year,death_date\n"


def table(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("l1", "L1"), ("Ren\u00e9", "Rene\u0301"), ("A 1", "A1"), ("\uff21", "A"),
        ("STRASSE", "straße"),
    ],
)  # fmt: skip
def test_two_spellings_of_a_name_are_a_fault_with_both_lines(
    tmp_path: Path, first: str, second: str
) -> None:
    path = table(tmp_path, f"{LENGTHS}{first},0,T1,20\n{first},9,T1,20\n{second},60,T1,24\n")
    with pytest.raises(
        TableError, match=r"line 4, column lesion_id: .* of line 2 differ only in case"
    ):
        read_sizes(path)


def test_names_that_differ_in_a_letter_are_two_lesions(tmp_path: Path) -> None:
    path = table(tmp_path, f"{LENGTHS}L1,0,T1,20\nL11,0,T1,20\nL2,60,T1,24\n")
    assert list(read_sizes(path).lengths) == ["L1", "L11", "L2"]


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\u202e", "\u200b"])
def test_a_name_with_a_character_that_does_not_show_is_refused(tmp_path: Path, hidden: str) -> None:
    code = f"U\\+{ord(hidden):04X}"
    with pytest.raises(TableError, match=f"line 2, column lesion_id: .*{code}"):
        read_sizes(table(tmp_path, f"{LENGTHS}A{hidden}B,0,T1,20\n"))
    with pytest.raises(TableError, match=f"line 2, column patient_id: .*{code}"):
        read_lesions(table(tmp_path, f"{LESIONS}A,P{hidden}1,L1,2020-01-06,,,,\n"))


@pytest.mark.parametrize(
    ("first", "second", "column", "words"),
    [
        ("A,P1,L1,2020-01-06,M,,,", "B,P1,L2,2020-01-06,F,,,", "sex", "sex is F here"),
        ("A,P1,L1,2020-01-06,,60,,", "B,P1,L2,2020-01-06,,30,,", "age_years", "age is 30 here"),
        ("A,P1,L1,2020-01-06,,,1960,", "B,P1,L2,2020-01-06,,,1961,", "birth_year",
         "year of birth"),
        ("A,P1,L1,2020-01-06,,,,2021-01-01", "B,P1,L2,2020-01-06,,,,2021-01-02", "death_date",
         "death is 2021-01-02 here"),
        ("A,P11,L1,2020-01-06,,,,", "B,p11,L2,2020-01-06,,,,", "patient_id", "differ only in case"),
        ("A,P1,L1,2020-01-06,,,,", "a,P1,L2,2020-01-06,,,,", "lesion_id", "differ only in case"),
    ],
)  # fmt: skip
def test_one_patient_is_one_person(
    tmp_path: Path, first: str, second: str, column: str, words: str
) -> None:
    with pytest.raises(TableError, match=f"line 3, column {column}: .*{words}"):
        read_lesions(table(tmp_path, f"{LESIONS}{first}\n{second}\n"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("X,60,T1,20", "column lesion_id: “X” is not in the table of lesions"),
        ("a,60,T1,20", "did you mean “A”"),
        ("A,249,T1,20", "column days_from_ssrs: the study of .* is 157 days after death"),
        ("B,9999,T1,20", "column days_from_ssrs: the study of .* lies in the future"),
    ],
)
def test_a_length_that_fits_no_lesion_is_named_with_its_line(
    tmp_path: Path, row: str, message: str
) -> None:
    rows = "A,P1,L1,2020-01-06,,,,2020-04-07\nB,P2,L1,2020-01-06,,,,\n"
    lesions = read_lesions(table(tmp_path, LESIONS + rows, "lesions.csv"))
    with pytest.raises(TableError, match=f"line 3.*{message}"):
        read_sizes(table(tmp_path, f"{LENGTHS}A,0,T1,20\n{row}\n"), lesions=lesions)


def test_events_take_every_kind_and_no_unknown_lesion(tmp_path: Path) -> None:
    header = "lesion_id,days_from_ssrs,event,value\n"
    rows = "A,60,fracture,new\nA,60,epidural_growth,\nA,90,paraspinal_growth,\n"
    assert len(read_events(table(tmp_path, header + rows), ["A"], "lesions.csv")["A"]) == 3
    with pytest.raises(TableError, match="line 2, column lesion_id: “Z” is not in lesions"):
        read_events(table(tmp_path, f"{header}Z,60,fracture,\n"), ["A"], "lesions.csv")


@pytest.mark.parametrize("cell", ["1e1", "1_0", "١٢", "inf", "nan", "0x10", "1,5"])
def test_a_number_is_written_plainly_or_refused(tmp_path: Path, cell: str) -> None:
    columns = "lesion_id,reader,sequence,sop_instance_uid,column_1,row_1,column_2,row_2\n"
    path = table(tmp_path, f'{columns}L,A,T1,1.2.3,"{cell}",10,20,10\n')
    with pytest.raises(TableError, match="line 2, column column_1: is not a number"):
        read_calipers(path)
    with pytest.raises(TableError, match="line 2, column ap_mm"):
        read_sizes(table(tmp_path, f'{LENGTHS}A,0,T1,"{cell}"\n'))
    with pytest.raises(TableError, match="line 2, column days_from_ssrs"):
        read_sizes(table(tmp_path, f'{LENGTHS}A,"{cell}",T1,20\n'))
