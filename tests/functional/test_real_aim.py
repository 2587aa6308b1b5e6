"""Two readers' calipers of AIM files on the images that they were drawn on."""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def points(path: Path) -> tuple[str, list[tuple[float, float]]]:
    """The image and the two ends of the first line in an AIM 3 file."""
    tree = ET.parse(path)  # noqa: S314  (a local test file)
    result = [e for e in tree.iter() if e.tag.endswith("SpatialCoordinate")]
    uid = result[0].attrib["imageReferenceUID"]
    return uid, [(float(e.attrib["x"]), float(e.attrib["y"])) for e in result[:2]]


def stated_mm(path: Path) -> list[float]:
    """Every length that an AIM 3 file states."""
    text = path.read_text()
    return [float(value) for value in re.findall(r'<CalculationData[^>]*value="([0-9.]+)"', text)]


@pytest.fixture(scope="module")
def files(real_data: Path) -> dict[str, Path]:
    result = {path.stem: path for path in real_data.glob("NCIP*/**/0022*.xml")}
    return {name: path for name, path in result.items() if not name.endswith("_Model")}


@pytest.fixture(scope="module")
def project(
    real_data: Path, opp_mri: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("aim") / "project"
    opp_mri("init", folder)
    opp_mri("index", *real_data.glob("NCIP*"), "--project", folder)
    opp_mri(
        "lesion", "add", "--lesion-id", "A1", "--patient-id", "1.3.6.1.4.1.9328.50.1.0022",
        "--level", "T8", "--ssrs-first-date", "2000-07-05", "--project", folder,
    )  # fmt: skip
    return folder


TRUE_MM = {
    "0022BaselineA": 39.6,
    "0022BaselineB": 35.0,
    "0022FollowupA": 46.2,
    "0022FollowupB": 40.8,
}


def caliper_line(name: str, path: Path, stated_mm: float | None = None) -> str:
    uid, ((x1, y1), (x2, y2)) = points(path)
    reader = name[-1]
    length = "" if stated_mm is None else stated_mm
    return f"A1,T1,{reader},{uid},1,{x1},{y1},{x2},{y2},{length},{OVERRIDE}"


HEADER = (
    "lesion_id,sequence,reader,sop_instance_uid,frame,column_1,row_1,column_2,row_2,length_mm,"
    "override_reason"
)
OVERRIDE = "the study has no spine protocol"


def test_the_points_give_the_true_lengths(
    files: dict[str, Path], project: Path, opp_mri: Callable[..., Any], tmp_path: Path
) -> None:
    table = tmp_path / "calipers.csv"
    lines = [caliper_line(name, files[name]) for name in TRUE_MM]
    table.write_text("\n".join([HEADER, *lines]))
    summary = opp_mri("measure", table, "--project", project, "--json").json
    assert [record["length_mm"] for record in summary["stored"]] == list(TRUE_MM.values())
    for reading in summary["stored"]:
        (remark,) = reading["remarks"]
        assert remark.startswith("Measured by override. ")
        assert remark.endswith(f"Reason given: {OVERRIDE}.")


@pytest.mark.parametrize("name", ["0022FollowupA", "0022FollowupB"])
def test_a_length_that_the_file_states_wrongly_is_refused_with_both_numbers(
    files: dict[str, Path], project: Path, opp_mri: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    stated_length_mm = stated_mm(files[name])[0]
    assert not math.isclose(stated_length_mm, TRUE_MM[name], abs_tol=0.5)
    table = tmp_path / "calipers.csv"
    table.write_text("\n".join([HEADER, caliper_line(name, files[name], stated_length_mm)]))
    result = opp_mri("measure", table, "--project", project, expect=3)
    assert f"{TRUE_MM[name]} mm apart by the geometry" in result.err
    assert f"The row states {stated_length_mm}" in result.err
