"""An open, enlarging lesion is shown with what such lesions became, and is called nothing more."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fixtures.dicom_makers import write_series

DAYS = {"1": "20240115", "2": "20240401"}


@pytest.fixture
def project(tmp_path: Path, opp_mri: Callable[..., Any]) -> Path:
    """A lesion that grew by 4 mm eight weeks after radiosurgery in three fractions."""
    for number, day in DAYS.items():
        write_series(tmp_path / "files", study=number, seed=int(number), StudyDate=day)
    folder = tmp_path / "project"
    opp_mri("init", folder)
    opp_mri("index", tmp_path / "files", "--project", folder)
    opp_mri(
        "lesion", "add", "--lesion-id", "L1", "--patient-id", "P1", "--level", "L1",
        "--ssrs-first-date", "2024-02-01", "--ssrs-last-date", "2024-02-05", "--fractions", "3",
        "--project", folder,
    )  # fmt: skip
    calipers = tmp_path / "calipers.csv"
    head = "lesion_id,sequence,reader,sop_instance_uid,frame,column_1,row_1,column_2,row_2"
    rows = [f"L1,,A,1.2.3.{n}.3.1,1,1,2,{2 + 2 * int(n)},2" for n in DAYS]
    calipers.write_text("\n".join([head, *rows]))
    opp_mri("measure", calipers, "--project", folder)
    return folder


def test_it_is_said_with_its_numbers_and_its_caveat(
    project: Path, opp_mri: Callable[..., Any]
) -> None:
    mode = ("--mode", "prospective", "--project", project)
    (result,) = opp_mri("assess", *mode, "--json").json
    assert result["category"] == "INDETERMINATE"
    outlook = result["outlook"]
    assert (round(outlook["alpha"], 2), round(outlook["beta"], 2), outlook["n"]) == (1.57, 8.43, 6)
    assert outlook["caveat"] == "five events, one centre, no pathology"
    output = opp_mri("assess", *mode).out
    assert outlook["sentence"] in output
    assert "0.16 (95% interval 0.01 to 0.42, n = 6)" in output


def test_with_hindsight_there_is_none(project: Path, opp_mri: Callable[..., Any]) -> None:
    (result,) = opp_mri("assess", "--project", project, "--json").json
    assert result["outlook"] is None
