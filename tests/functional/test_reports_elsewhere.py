"""Programs of others take the reports of the sample patient: run where these are installed."""

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
from pydicom import dcmread
from pydicom.sr.coding import Code

from opp_mri.domain.measurement import Reading
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.exchange.sr_export import ReportToWrite, export_reports
from opp_mri.workflow.measuring.lesions import add_lesions
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.project import create_project, open_project

PATIENT = Path(__file__).parents[2] / "sample_data" / "patient"
OHIF = Path(__file__).parents[1] / "fixtures" / "ohif"
PACKAGES = Path(os.environ.get("OPP_MRI_OHIF_PACKAGES", OHIF / "node_modules"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    create_project(folder / "project")
    with open_project(folder / "project") as opened:
        index(opened, [PATIENT / "dicom"], workers=1)
        add_lesions(opened.store, PATIENT / "lesions.csv", NOON)
        measure(opened.store, PATIENT / "calipers.csv", NOON)
        export_reports(opened.store, folder / "out", ReportToWrite(), RULES, NOON)
    return folder


@pytest.fixture(scope="module")
def readings(project: Path) -> list[Reading]:
    with open_project(project / "project") as opened:
        return list(opened.store.get_readings())


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
    images = {}
    for path in PATIENT.glob("dicom/*/*/*.dcm"):
        image = dcmread(path, stop_before_pixels=True)
        cosines = [float(cosine) for cosine in image.ImageOrientationPatient]
        images[f"{image.SOPInstanceUID}:1"] = {
            "position": [float(x) for x in image.ImagePositionPatient],
            "row": cosines[:3],
            "column": cosines[3:],
            "row_spacing": float(image.PixelSpacing[0]),
            "column_spacing": float(image.PixelSpacing[1]),
        }
    reports = [
        str(path) for path in sorted((project / "out").glob("*.dcm")) if "response" not in path.name
    ]
    task = {"packages": str(PACKAGES), "reports": reports, "images": images}
    done = subprocess.run(
        [node, OHIF / "hydrate.mjs"],
        input=json.dumps(task), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [length for report in json.loads(done.stdout) for length in report]


def test_ohif_makes_an_editable_length_of_each_caliper_at_its_place(
    project: Path, readings: list[Reading]
) -> None:
    lengths = {(each["image"], str(each["length"])): each for each in hydrated(project)}
    assert len(lengths) == len(readings) == 9
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
        done = subprocess.run([program, path], capture_output=True, text=True, check=False)
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
        assert errors == [], path.name


def test_dsrdump_reads_the_whole_tree(project: Path) -> None:
    program = needed("dsrdump")
    for path in sorted((project / "out").glob("*.dcm")):
        done = subprocess.run([program, path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert not [line for line in done.stderr.splitlines() if line.startswith("E:")]


def test_highdicom_reads_the_lengths_back(project: Path, readings: list[Reading]) -> None:
    lengths = []
    for report in measurement_reports(project / "out"):
        content = hd.ComprehensiveSR.from_dataset(report).content
        for group in content.get_image_measurement_groups():
            (length,) = group.get_measurements(name=Code("410668003", "SCT", "Length"))
            assert length.unit.value == "mm"
            (coordinates,) = length.referenced_coordinates
            assert coordinates.value.shape == (2, 2)
            lengths.append(length.value)
    assert sorted(lengths) == sorted(float(str(reading.length_mm)) for reading in readings)
    assert len(response_reports(project / "out")) == 1


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
        done = subprocess.run(
            [program, path], capture_output=True, text=True, check=False,
            env={**os.environ, "JDK_JAVA_OPTIONS": options},
        )  # fmt: skip
        told = (done.stdout + done.stderr).splitlines()
        assert "IOD validation complete" in told
        assert [line for line in told if line.startswith("Error")] == []
