"""A multi-frame image goes the whole way: indexed, measured, reported, and read in again."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from fixtures.dicom_makers import write_enhanced
from fixtures.makers import NOON
from fixtures.reports import groups, items, measurement_reports, named
from pydicom import dcmread

from opp_mri.workflow.project import open_project

ENHANCED = "1.2.3.1.9.1"
FRAME = 5  # frames take turns between the stacks: the third of stack 1
ROWS = (
    "lesion_id,sequence,reader,sop_instance_uid,frame,column_1,row_1,column_2,row_2",
    f"L1,T1,A,{ENHANCED},{FRAME},2,3,8,3",
)


@pytest.fixture(scope="module")
def folder(opp_mri: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two projects with the same multi-frame image and lesion; in the first it is measured."""
    folder = tmp_path_factory.mktemp("enhanced")
    stacks = {"1": [0.0, 4.4, 8.8, 13.2], "2": [0.0, 4.4, 8.8]}
    write_enhanced(folder / "dicom" / "a", stacks, PatientID="P1", StudyDate="20240115")
    (folder / "calipers.csv").write_text("\n".join(ROWS))
    for name in ("first", "second"):
        opp_mri("init", folder / name)
        opp_mri("index", folder / "dicom", "--project", folder / name)
        opp_mri(
            "lesion", "add", "--lesion-id", "L1", "--patient-id", "P1", "--level", "L1",
            "--ssrs-first-date", "2024-02-01", "--project", folder / name,
        )  # fmt: skip
    opp_mri("measure", folder / "calipers.csv", "--project", folder / "first")
    opp_mri("sr", "export", folder / "reports", "--project", folder / "first")
    opp_mri("key-images", "L1", folder / "keys", "--project", folder / "first")
    return folder


def test_the_report_names_the_frame_of_its_points(folder: Path) -> None:
    (report,) = measurement_reports(folder / "reports")
    (group,) = groups(report)
    (length,) = items(group, named("410668003"))
    assert length.MeasuredValueSequence[0].NumericValue == 3.0  # 6 columns of 0.5 mm
    (region,) = items(length)
    (image,) = items(region)
    (reference,) = image.ReferencedSOPSequence
    assert reference.ReferencedSOPInstanceUID == ENHANCED
    assert reference.ReferencedFrameNumber == FRAME
    assert region.GraphicData == [2.5, 3.5, 8.5, 3.5]


def test_the_key_image_names_the_frame_of_its_line(folder: Path) -> None:
    (state,) = (folder / "keys").glob("*-state.dcm")
    (annotation,) = dcmread(state).GraphicAnnotationSequence
    (image,) = annotation.ReferencedImageSequence
    assert image.ReferencedFrameNumber == FRAME
    (selection,) = (folder / "keys").glob("*-selection.dcm")
    (selected,) = [e for e in dcmread(selection).ContentSequence if e.ValueType == "IMAGE"]
    assert selected.ReferencedSOPSequence[0].ReferencedFrameNumber == FRAME


def test_dciodvfy_finds_no_error_in_objects_that_name_frames(folder: Path) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed")
    for path in [*(folder / "reports").glob("*.dcm"), *(folder / "keys").glob("*.dcm")]:
        process = subprocess.run([program, path], capture_output=True, text=True, check=False)
        assert [line for line in process.stderr.splitlines() if line.startswith("Error")] == []


def test_the_report_comes_in_on_the_same_frame(folder: Path, opp_mri: Callable[..., Any]) -> None:
    project = ("--project", folder / "second")
    summary = opp_mri("sr", "import", folder / "reports", *project, "--json").json
    (line,) = summary["lines"]
    assert line["new"]
    assert len(summary["set_aside"]) == 1  # the response, which follows from the lengths
    answers = []
    for name in ("first", "second"):
        with open_project(folder / name) as opened_project:
            (reading,) = opened_project.store.get_readings("L1")
            assert reading.caliper is not None
            assert reading.caliper.frame_number == FRAME
            answers.append(attrs.evolve(reading, reading_id="", recorded_at=NOON))
    assert answers[0] == answers[1]
    assert str(answers[0].length_mm) == "3.0"
