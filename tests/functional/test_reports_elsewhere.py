"""Programs of others take every report of the demo cohort: run where these are installed."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import highdicom.sr as hd
import pytest
from fixtures.makers import NOON
from fixtures.reports import RULES, measurement_reports, response_reports
from pydicom.sr.coding import Code

from opp_mri.domain.measurement import Reading
from opp_mri.workflow.exchange.sr_export import ReportToWrite, export_reports
from opp_mri.workflow.project import open_project

OHIF = Path(__file__).parents[1] / "fixtures" / "ohif"
PACKAGES = Path(os.environ.get("OPP_MRI_OHIF_PACKAGES", OHIF / "node_modules"))
LESIONS, ANSWERS = 9, 138


@pytest.fixture(scope="module")
def project(demo: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the demo cohort, in a folder with all its reports."""
    folder = tmp_path_factory.mktemp("reports")
    shutil.copytree(demo[0], folder / "project", ignore=shutil.ignore_patterns("phantom"))
    (folder / "project" / "phantom").symlink_to(demo[0] / "phantom")
    with open_project(folder / "project") as opened_project:
        summary = export_reports(opened_project.store, folder / "out", ReportToWrite(), RULES, NOON)
    assert len(summary.reports) == ANSWERS + LESIONS  # a series each, and a response each
    assert (summary.left_out, summary.warnings) == ((), ())
    return folder


@pytest.fixture(scope="module")
def readings(project: Path) -> list[Reading]:
    with open_project(project / "project") as opened_project:
        return list(opened_project.store.get_readings())


def needed(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def hydrated(project: Path) -> list[dict[str, Any]]:
    """What the published adapters of OHIF make of the reports."""
    node = needed("node")
    if not (PACKAGES / "@cornerstonejs" / "adapters").is_dir():
        pytest.skip(f"no adapters of OHIF in {PACKAGES}: see {OHIF.name}/package.json")
    with open_project(project / "project") as opened_project:
        images = {
            f"{frame.sop_instance_uid}:{frame.frame_number}": {
                "position": plane.position_lps_mm,
                "row": plane.row_direction,
                "column": plane.column_direction,
                "row_spacing": plane.row_spacing_mm,
                "column_spacing": plane.column_spacing_mm,
            }
            for volume in opened_project.store.get_volumes()
            for frame, plane in zip(volume.frames, volume.planes, strict=True)
        }
    reports = [
        str(path) for path in sorted((project / "out").glob("*.dcm")) if "response" not in path.name
    ]
    task = {"packages": str(PACKAGES), "reports": reports, "images": images}
    process = subprocess.run(
        [node, OHIF / "hydrate.mjs"],
        input=json.dumps(task), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr[-2000:]
    return [length for report in json.loads(process.stdout) for length in report]


def test_ohif_makes_an_editable_length_of_each_caliper_at_its_place(
    project: Path, readings: list[Reading]
) -> None:
    lengths = {(record["image"], str(record["length"])): record for record in hydrated(project)}
    assert len(lengths) == len(readings) == ANSWERS
    for reading in readings:
        caliper = reading.caliper
        assert caliper is not None
        assert reading.length_mm is not None
        place = f"{caliper.sop_instance_uid}:{caliper.frame_number}"
        length = lengths[place, str(float(reading.length_mm)).removesuffix(".0")]
        assert length["unit"] == "mm"
        for point, end in zip(
            length["points"], (caliper.start_lps_mm, caliper.end_lps_mm), strict=True
        ):
            assert point == pytest.approx(end, abs=0.01)


def test_dciodvfy_finds_no_error(project: Path) -> None:
    program = needed("dciodvfy")
    for path in sorted((project / "out").glob("*.dcm")):
        process = subprocess.run([program, path], capture_output=True, text=True, check=False)
        errors = [line for line in process.stderr.splitlines() if line.startswith("Error")]
        assert errors == [], path.name


def test_dsrdump_reads_the_whole_tree(project: Path) -> None:
    program = needed("dsrdump")
    for path in sorted((project / "out").glob("*.dcm")):
        process = subprocess.run([program, path], capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        assert not [line for line in process.stderr.splitlines() if line.startswith("E:")]


def test_highdicom_reads_the_lengths_back(project: Path, readings: list[Reading]) -> None:
    lengths = []
    for report in measurement_reports(project / "out"):
        content = hd.ComprehensiveSR.from_dataset(report, copy=False).content
        for group in content.get_image_measurement_groups():
            (length,) = group.get_measurements(name=Code("410668003", "SCT", "Length"))
            assert length.unit.value == "mm"
            (coordinates,) = length.referenced_coordinates
            assert coordinates.value.shape == (2, 2)
            lengths.append(length.value)
    assert sorted(lengths) == sorted(float(str(reading.length_mm)) for reading in readings)
    assert len(response_reports(project / "out")) == LESIONS


def test_dcmqi_reads_each_length(project: Path, readings: list[Reading], tmp_path: Path) -> None:
    program = needed("tid1500reader")
    lengths = []
    for report in sorted((project / "out").glob("*.dcm")):
        if "response" not in report.name:
            words = [program, "--inputDICOM", report, "--outputMetadata", tmp_path / "read.json"]
            subprocess.run(words, capture_output=True, check=True)
            content = json.loads((tmp_path / "read.json").read_text())
            for group in content["Measurements"]:
                item = group["measurementItems"][0]
                assert item["quantity"]["CodeMeaning"] == "Length"
                assert item["units"]["CodeValue"] == "mm"
                lengths.append(item["value"])
    assert sorted(lengths) == sorted(str(reading.length_mm) for reading in readings)


def test_the_validator_of_pixelmed_finds_no_error(project: Path) -> None:
    program = needed("DicomSRValidator")
    limits = ("xpathExprOpLimit", "xpathTotalOpLimit", "xpathExprGrpLimit")
    options = " ".join(f"-Djdk.xml.{limit}=0" for limit in limits)
    reports = sorted((project / "out").glob("*.dcm"))
    for path in (reports[0], reports[-1]):  # lengths, and a response; each takes half a minute
        process = subprocess.run(
            [program, path], capture_output=True, text=True, check=False,
            env={**os.environ, "JDK_JAVA_OPTIONS": options},
        )  # fmt: skip
        lines = (process.stdout + process.stderr).splitlines()
        assert "IOD validation complete" in lines
        assert [line for line in lines if line.startswith("Error")] == []
