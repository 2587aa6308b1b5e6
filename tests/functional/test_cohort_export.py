"""`opp-mri cohort export`, as a user runs it."""

import contextlib
import csv
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from fixtures.cohort_makers import AMINI, make_cohort
from fixtures.processes import started

from opp_mri.domain.assessment import Rules
from opp_mri.workflow.cohort.cohort import Cohort
from opp_mri.workflow.cohort.exporting import ExportFormat, export_cohort

RECORDED = ("lesions.csv", "measurements.csv", "events.csv")
LESIONS = """\
lesion_id,patient_id,level,ssrs_first_date,ssrs_last_date,dose_gy,fractions,sex,age_years,histology
Muster-L1,Muster Anna,L1,2016-03-01,2016-03-01,24,1,F,57,=RCC()
Muster-L2,Muster Anna,L2,2016-03-01,2016-03-05,27,3,F,57,chordoma
Probst,Probst Jan,T8,2018-07-09,2018-07-09,18,1,M,93,breast
"""
MEASUREMENTS = """\
lesion_id,days_from_ssrs,sequence,ap_mm
Muster-L1,-7,T1,10.0
Muster-L1,83,T1,14.00
Muster-L1,250,T1,10.25
Muster-L2,-11,T2FS,12.0
Muster-L2,200,T2FS,12.5
Probst,-2,STIR,9.5
Probst,190,STIR,5
"""
EVENTS = """\
lesion_id,days_from_ssrs,event,value
Muster-L1,300,systemic_therapy_change,Dr Beispiel began sunitinib
Muster-L2,90,fracture,minor
Probst,12,exclusion,cement
"""


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, text in zip(RECORDED, (LESIONS, MEASUREMENTS, EVENTS), strict=True):
        (folder / name).write_text(text)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_exported_is_read_again_and_gives_the_same_bytes(
    opp_mri: Callable[..., Any], tables: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    opp_mri("cohort", "export", first, "--tables", tables)
    opp_mri("cohort", "export", second, "--tables", first)
    assert contents(first) == contents(second)
    answers = [opp_mri("cohort", "--tables", folder, "--json").json for folder in (first, second)]
    assert answers[0] == answers[1]
    lengths = (first / "measurements.csv").read_text().split()[1:]
    assert lengths == [
        f"{line},"
        for line in MEASUREMENTS.split()
        if line != "lesion_id,days_from_ssrs,sequence,ap_mm"
    ]
    assert "Probst,12,exclusion,cement" in (first / "events.csv").read_text()


def test_the_files_of_each_format_are_named_and_open(
    opp_mri: Callable[..., Any], tables: Path, tmp_path: Path
) -> None:
    formats = [word for member in ExportFormat for word in ("--format", member.value)]
    summary = opp_mri(
        "cohort", "export", tmp_path / "out", "--tables", tables, *formats, "--json"
    ).json
    assert set(summary["files"]) == set(contents(tmp_path / "out"))
    assert (summary["lesions"], summary["patients"], summary["deidentified"]) == (3, 2, False)
    book = openpyxl.load_workbook(tmp_path / "out" / "cohort.xlsx")
    assert [cell.value for cell in book.worksheets[0]["A"]] == [
        "Lesion", "Muster-L1", "Muster-L2", "Probst",
    ]  # fmt: skip
    table = pq.read_table(tmp_path / "out" / "parquet" / "assessments.parquet").to_pydict()
    with (tmp_path / "out" / "assessments.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert table["category"] == [row["category"] for row in rows] == ["OPP", "SD", "NOT_ELIGIBLE"]
    assert "not a medical device" in (tmp_path / "out" / "notes.txt").read_text()


def test_a_deidentified_export_holds_no_name_and_says_what_to_mind(
    opp_mri: Callable[..., Any], tables: Path, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    out = tmp_path / "out"
    result = opp_mri(
        "cohort", "export", out, "--tables", tables, "--deidentify", "--key", tmp_path / "key",
        "--format", "csv", "--format", "redcap", "--format", "sdtm",
    )  # fmt: skip
    assert "rare combinations" in result.out
    for name, content in contents(out).items():
        for secret in (
            b"Muster",
            b"Probst",
            b"Beispiel",
            b"2016-03",
            b"2018-07",
            b"chordoma",
            b"93",
        ):
            assert secret not in content or (secret == b"93" and name != "lesions.csv"), name
    again = tmp_path / "again"
    opp_mri("cohort", "export", again, "--tables", out, "--format", "csv")
    assert {name: contents(again)[name] for name in RECORDED} == {
        name: contents(out)[name] for name in RECORDED
    }


@pytest.mark.parametrize(
    ("words", "code", "entries"),
    [
        (["--key", "key"], 2, "add --deidentify"),
        (["--suppress-below", "5"], 2, "add --format aggregated"),
        (["--suppress-below", "2", "--format", "aggregated"], 2, "2 is not in the range"),
        (["--format", "docx"], 2, "docx"),
        (["--deidentify", "--key", "key"], 3, "could be guessed"),
    ],
)
def test_a_wrong_wish_is_told_before_anything_is_written(
    opp_mri: Callable[..., Any], tables: Path, words: list[str], code: int, entries: str
) -> None:
    (tables.parent / "key").write_bytes(b"short")
    ran = opp_mri(
        "cohort", "export", "out", "--tables", tables, *words, cwd=tables.parent, expect=code
    )
    assert entries in ran.err
    assert not (tables.parent / "out").exists()


def test_a_folder_in_use_is_refused_and_kept(
    opp_mri: Callable[..., Any], tables: Path, tmp_path: Path
) -> None:
    before = contents(tables)
    ran = opp_mri("cohort", "export", tables, "--tables", tables, expect=3)
    assert "name a new folder" in ran.err
    assert contents(tables) == before
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_ctrl_c_in_the_middle_leaves_no_file(tmp_path: Path) -> None:
    cohort = Cohort(lesions=make_cohort(1500), rules=Rules(criteria=AMINI))
    export_cohort(cohort, tmp_path / "tables", formats=[ExportFormat.CSV])
    words = ["cohort", "export", "out", "--tables", "tables", "--format", "csv", "--format", "xlsx"]
    command = [sys.executable, "-c", "from opp_mri.cli import main; main()", *words]
    pipe = subprocess.PIPE
    with started(command, cwd=tmp_path, stdout=pipe, stderr=pipe) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob(".out.*.part/dictionary.csv")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)
        err = None
        for _ in range(200):  # openpyxl catches everything in a place or two: press it again
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, err = process.communicate(timeout=0.3)  # long before the tables are written
                break
    assert process.returncode == 130, err
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]
