"""A named warning says where the table has what it is about."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from opp_mri.cli.app import cli

HEADER = "lesion_id,days_from_ssrs,sequence,ap_mm\n"
IN_CM = HEADER + "B,0,T1,20\nB,200,T1,20\nA,60,T1,2.6\nA,-7,T1,1.7\nA,200,T1,3.4\n"
TENFOLD = HEADER + "A,0,T1,17.0\nA,200,T1,1.9\nA,90,T1,1.8\n"
LESIONS = (
    "lesion_id,patient_id,level,ssrs_first_date,ssrs_last_date,dose_gy,fractions\n"
    "B,P2,L1,2020-01-06,2020-01-06,24,1\n"
    "A,P1,L1,2020-01-06,2020-01-10,9,3\n"
)
STUDIES = HEADER + "B,0,T1,20\nA,-90,T1,20\nA,-2,T1,20\nA,200,T1,20\nB,200,T1,20\n"


@pytest.mark.parametrize(
    ("table", "name", "line"), [(IN_CM, "lengths_may_be_cm", 5), (TENFOLD, "tenfold_step", 4)]
)
def test_an_implausible_length_is_named_with_file_and_line(
    tmp_path: Path, table: str, name: str, line: int
) -> None:
    path = tmp_path / "lengths.csv"
    path.write_text(table, encoding="utf-8")
    run = CliRunner().invoke(cli, ["assess", "--measurements", str(path), "--json"])
    assert run.exit_code == 0
    assert f"Warning ({name}), A (lengths.csv, line {line}): " in run.stderr
    (warning,) = [warning for lesion in json.loads(run.stdout) for warning in lesion["warnings"]]
    assert (warning["name"], warning["file"], warning["line"]) == (name, "lengths.csv", line)


def test_the_warnings_of_a_cohort_name_the_table_of_lesions_or_of_studies(tmp_path: Path) -> None:
    (tmp_path / "lesions.csv").write_text(LESIONS, encoding="utf-8")
    (tmp_path / "measurements.csv").write_text(STUDIES, encoding="utf-8")
    run = CliRunner().invoke(cli, ["cohort", "--tables", str(tmp_path), "--json"])
    assert run.exit_code == 0
    places = {
        warning["name"]: (warning["lesion_id"], warning["file"], warning["line"])
        for warning in json.loads(run.stdout)["warnings"]
    }
    assert places == {
        "dose_may_be_per_fraction": ("A", "lesions.csv", 3),
        "study_during_treatment": ("A", "measurements.csv", 4),
        "old_baseline": ("A", "measurements.csv", 3),
    }
