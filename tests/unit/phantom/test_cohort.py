"""The written cohort: readable, true to its truth, and the same every time."""

import csv
import hashlib
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from attrs import frozen
from pydicom.dataset import Dataset

from opp_mri.domain.geometry import ImagePlane
from opp_mri.errors import InputError
from opp_mri.phantom.reader import END_SD_MM
from opp_mri.workflow.catalogue.phantom import PhantomSummary, write_phantom

PATIENTS = ("PHANTOM-02", "PHANTOM-08", "PHANTOM-09")  # classic, enhanced, JPEG 2000


@frozen(kw_only=True, eq=False)
class Cohort:
    summary: PhantomSummary
    truth: dict[str, Any]
    calipers: list[dict[str, str]]
    lesions: list[dict[str, str]]
    images: dict[str, Dataset]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("phantom")
    summary = write_phantom(folder, patients=PATIENTS, coarse=True, workers=1)
    files = [path for path in summary.dicom.rglob("*") if path.is_file()]
    images = [pydicom.dcmread(path) for path in files]
    return Cohort(
        summary=summary,
        truth=json.loads(summary.truth.read_text()),
        calipers=rows(summary.calipers),
        lesions=rows(summary.lesions),
        images={str(image.SOPInstanceUID): image for image in images},
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def plane_of(image: Dataset, frame: int) -> ImagePlane:
    if "PerFrameFunctionalGroupsSequence" in image:
        shared = image.SharedFunctionalGroupsSequence[0]
        own = image.PerFrameFunctionalGroupsSequence[frame - 1]
        position = own.PlanePositionSequence[0].ImagePositionPatient
        orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        spacing = shared.PixelMeasuresSequence[0].PixelSpacing
    else:
        position, orientation = image.ImagePositionPatient, image.ImageOrientationPatient
        spacing = image.PixelSpacing
    x, y, z, u, v, w = map(float, orientation)
    return ImagePlane(
        frame_of_reference_uid=image.FrameOfReferenceUID,
        position_lps_mm=tuple(map(float, position)),
        row_direction=(x, y, z),
        column_direction=(u, v, w),
        row_spacing_mm=float(spacing[0]),
        column_spacing_mm=float(spacing[1]),
        rows=image.Rows,
        columns=image.Columns,
    )


def true_sequences(cohort: Cohort) -> dict[tuple[str, str], dict[str, Any]]:
    """True values by lesion and the image that shows the lesion best."""
    return {
        (patient["lesion_id"], sequence["sop_instance_uid"]): sequence
        | {"visit": visit, "name": name}
        for patient in cohort.truth["patients"]
        for visit in patient["visits"]
        for name, sequence in visit["sequences"].items()
    }


def test_every_file_is_read_and_counted_and_decodes(cohort: Cohort) -> None:
    assert len(cohort.images) == cohort.summary.files > 100
    assert cohort.summary.patients == 3
    for image in list(cohort.images.values())[::25]:
        assert image.pixel_array.max() > 300


def test_caliper_ends_through_header_geometry_give_the_true_extent_within_noise(
    cohort: Cohort,
) -> None:
    truths = true_sequences(cohort)
    errors = []
    for row in cohort.calipers:
        truth = truths[row["lesion_id"], row["sop_instance_uid"]]
        assert row["sequence"] == truth["name"]
        assert int(row["frame"]) == truth["frame"]
        plane = plane_of(cohort.images[row["sop_instance_uid"]], int(row["frame"]))
        start = (float(row["column_1"]), float(row["row_1"]))
        end = (float(row["column_2"]), float(row["row_2"]))
        errors.append(plane.measure_length_mm(start, end) - truth["ap_mm"])
        anterior = np.array(plane.lps_from_pixel(*start)) - truth["anterior_end_lps_mm"]
        assert np.linalg.norm(anterior) < 4.5  # noise, and half a slice spacing with a tilt
    assert len(errors) == 45
    assert np.std(errors) == pytest.approx(END_SD_MM * 2**0.5, rel=0.3)
    assert abs(np.mean(errors)) < 0.35
    assert np.max(np.abs(errors)) < 5 * END_SD_MM


def test_true_ends_lie_as_far_apart_as_the_true_extent(cohort: Cohort) -> None:
    for truth in true_sequences(cohort).values():
        ends = np.array(truth["posterior_end_lps_mm"]) - truth["anterior_end_lps_mm"]
        assert np.linalg.norm(ends) == pytest.approx(truth["ap_mm"], abs=1e-6)


def test_the_named_image_is_the_nearest_one_to_the_lesion_of_its_series(cohort: Cohort) -> None:
    for truth in true_sequences(cohort).values():
        image = cohort.images[truth["sop_instance_uid"]]
        own = abs(
            plane_of(image, truth["frame"]).measure_distance_mm(tuple(truth["centre_lps_mm"]))
        )
        series = [
            dataset
            for dataset in cohort.images.values()
            if dataset.SeriesInstanceUID == image.SeriesInstanceUID
        ]
        distances = [
            abs(plane_of(series, frame).measure_distance_mm(tuple(truth["centre_lps_mm"])))
            for series in series
            for frame in range(1, int(series.get("NumberOfFrames", 1)) + 1)
        ]
        assert own == pytest.approx(min(distances))
        assert own < 2.6


def test_the_seed_lies_in_the_lesion_on_a_dark_spot_of_the_baseline_t1(cohort: Cohort) -> None:
    assert len(cohort.lesions) == 3
    for lesion in cohort.lesions:
        image = cohort.images[lesion["seed_sop_instance_uid"]]
        frame = int(lesion["seed_frame"])
        column, row = round(float(lesion["seed_column"])), round(float(lesion["seed_row"]))
        pixels = image.pixel_array.reshape(-1, image.Rows, image.Columns)[frame - 1]
        assert image.StudyDate < lesion["ssrs_first_date"].replace("-", "")
        inside = pixels[row - 1 : row + 2, column - 1 : column + 2].mean()
        body = pixels[row - 14 : row + 15, column - 8 : column + 9]
        assert inside < 0.75 * np.percentile(body, 90)


def test_motions_carry_the_baseline_landmarks_to_those_of_each_visit(cohort: Cohort) -> None:
    movement_mm = 0.0
    for patient in cohort.truth["patients"]:
        baseline = patient["visits"][0]["vertebrae"]
        for visit in patient["visits"]:
            for level, vertebra in visit["vertebrae"].items():
                motion = np.array(vertebra["visit_from_baseline"])
                for name, point in vertebra["landmarks_lps_mm"].items():
                    before = np.array([*baseline[level]["landmarks_lps_mm"][name], 1.0])
                    assert (motion @ before)[:3] == pytest.approx(point, abs=1e-6)
                    movement_mm = max(movement_mm, float(np.linalg.norm(before[:3] - point)))
    assert movement_mm > 5


def test_studies_have_the_days_of_the_truth_and_frames_of_reference_of_their_own(
    cohort: Cohort,
) -> None:
    dates = {str(image.StudyInstanceUID): str(image.StudyDate) for image in cohort.images.values()}
    frames = {}
    for patient in cohort.truth["patients"]:
        last = date.fromisoformat(patient["ssrs_last_date"])
        for visit in patient["visits"]:
            day = date.fromisoformat(visit["study_date"])
            assert (day - last).days == visit["days_from_ssrs"]
            assert dates[visit["study_instance_uid"]] == f"{day:%Y%m%d}"
            frames[visit["frame_of_reference_uid"]] = visit
    assert len(frames) == cohort.summary.studies == 15


def test_contrast_comes_after_the_plain_t1_of_the_same_study(cohort: Cohort) -> None:
    def clock(visit: dict[str, Any], sequence: str) -> str:
        image = cohort.images[visit["sequences"][sequence]["sop_instance_uid"]]
        return str(image.get("AcquisitionDateTime", image.get("AcquisitionTime")))[-6:]

    for patient in cohort.truth["patients"]:
        for visit in patient["visits"]:
            assert clock(visit, "T2FS") < clock(visit, "T1") < clock(visit, "T1POST")


def test_the_same_seed_writes_the_same_bytes_and_another_seed_other_ones(tmp_path: Path) -> None:
    def digests(folder: str, seed: int) -> dict[str, str]:
        root = tmp_path / folder
        write_phantom(root, seed=seed, patients=["PHANTOM-08"], coarse=True, workers=1)
        return {
            path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*")
            if path.is_file()
        }

    first, again, record = digests("a", 1), digests("b", 1), digests("c", 2)
    assert first == again
    assert first.keys() == record.keys()
    assert first["calipers.csv"] != record["calipers.csv"]


def test_a_patient_is_the_same_alone_as_among_others(cohort: Cohort, tmp_path: Path) -> None:
    write_phantom(tmp_path, patients=["PHANTOM-08"], coarse=True, workers=1)
    (alone,) = json.loads((tmp_path / "truth.json").read_text())["patients"]
    assert alone in cohort.truth["patients"]


def test_exact_numbers_are_written_to_the_tables(cohort: Cohort) -> None:
    for lesion in cohort.lesions:
        assert Decimal(lesion["dose_gy"]) > 0
        assert lesion["level"] in {"L2", "L3", "L4"}
    assert {row["reader"] for row in cohort.calipers} == {"simulated"}


def test_progress_counts_patients_from_none_to_all(tmp_path: Path) -> None:
    entries: list[tuple[int, int]] = []
    write_phantom(
        tmp_path,
        patients=["PHANTOM-08"],
        coarse=True,
        workers=1,
        progress=lambda _step, count, total: entries.append((count, total)),
    )
    assert entries == [(0, 1), (1, 1)]


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not empty"):
        write_phantom(tmp_path, patients=["PHANTOM-08"], coarse=True, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unknown_patient_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no patient"):
        write_phantom(tmp_path / "new", patients=["PHANTOM-99"])
    assert not (tmp_path / "new").exists()
