"""The synthetic patient in sample_data goes the whole way, and any program can read its images."""

import json
from collections import Counter
from pathlib import Path

import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless

import opp_mri as opp

PATIENT = Path(__file__).parents[2] / "sample_data" / "patient"
IMAGES = sorted(PATIENT.glob("dicom/*/*/*.dcm"))
TRUTH = json.loads((PATIENT / "truth.json").read_text())["patients"][0]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> opp.Project:
    project = opp.Project.create(tmp_path_factory.mktemp("sample") / "study")
    project.index(PATIENT / "dicom")
    project.add_lesions(PATIENT / "lesions.csv")
    project.measure(PATIENT / "calipers.csv")
    return project


def test_its_three_visits_have_one_series_of_each_role_in_under_5_mb() -> None:
    counts = Counter((path.parts[-3], path.parts[-2]) for path in IMAGES)
    assert {day for day, _ in counts} == {visit["study_date"] for visit in TRUTH["visits"]}
    assert {role for _, role in counts} == {"T1", "T2FS", "T1POST"}
    assert set(counts.values()) == {9}
    assert len(counts) == 9
    assert sum(path.stat().st_size for path in PATIENT.rglob("*")) < 5_000_000


def test_another_program_reads_the_same_pixels() -> None:
    for path in IMAGES[::20]:
        dataset = dcmread(path)
        assert dataset.file_meta.TransferSyntaxUID == JPEG2000Lossless
        image = SimpleITK.ReadImage(str(path))
        assert (SimpleITK.GetArrayFromImage(image)[0] == dataset.pixel_array).all()
        assert image.GetSpacing()[:2] == pytest.approx(dataset.PixelSpacing[::-1])


def test_every_length_is_within_a_millimetre_and_a_half_of_the_truth(study: opp.Project) -> None:
    true_mm = {
        (visit["study_date"], role): sequence["ap_mm"]
        for visit in TRUTH["visits"]
        for role, sequence in visit["sequences"].items()
    }
    frame = study["OPP-01"].timeline.to_frame()
    assert len(frame) == len(true_mm) == 9
    for row in frame.itertuples():
        assert row.mm == pytest.approx(true_mm[f"{row.date:%Y-%m-%d}", row.sequence], abs=1.5)


@pytest.mark.parametrize("mode", ["retrospective", "prospective"])
def test_it_is_called_what_it_was_made_to_be(study: opp.Project, mode: str) -> None:
    answer = study["OPP-01"].assess(mode)
    assert answer.category == TRUTH["expected"]["category"] == "OPP"
    assert answer.reason == TRUTH["expected"]["reason"]
