"""A fit goes out as a DICOM Spatial Registration and comes back as the same transform."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
from fixtures.dicom_makers import write_series
from fixtures.makers import NOON
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from scipy.spatial.transform import Rotation

from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.objects.modules import ReferencedImages
from opp_mri.dicom.objects.spatial_registration import (
    Registration,
    read_spatial_registration,
    write_spatial_registration,
)
from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import GeometryError, InputError

BASELINE, FOLLOWUP = "1.2.9.1", "1.2.9.2"


def move(
    rotation_deg: tuple[float, float, float], shift_mm: tuple[float, float, float]
) -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", rotation_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


MATRIX = move((2.1, -3.3, 0.4), (1.25, -48.7123456789, 12.5))


@pytest.fixture(scope="module")
def registration(tmp_path_factory: pytest.TempPathFactory) -> Registration:
    folder = tmp_path_factory.mktemp("images")
    images = []
    for visit, frame in (("1", BASELINE), ("2", FOLLOWUP)):
        paths = write_series(folder / visit, study=visit, FrameOfReferenceUID=frame)
        headers = [dcmread(path) for path in paths]
        images.append(
            ReferencedImages(
                study_instance_uid=headers[0].StudyInstanceUID,
                series_instance_uid=headers[0].SeriesInstanceUID,
                sop_class_uid=headers[0].SOPClassUID,
                sop_instance_uids=tuple(header.SOPInstanceUID for header in headers),
            )
        )
    return Registration(
        baseline_from_followup=transform(MATRIX),
        baseline=images[0],
        followup=images[1],
        followup_source=next(find_sources([folder / "2"])),
        description="T1 onto 2024-01-15, rigid",
        confirmed_by="Ärztin",
        confirmed_at=NOON,
        identity=("fit", "study"),
    )


def transform(matrix: FloatArray) -> RigidTransform:
    return RigidTransform(
        to_frame_of_reference_uid=BASELINE, from_frame_of_reference_uid=FOLLOWUP, matrix=matrix
    )


def read(path: Path, registration: Registration, **changes: object) -> FloatArray:
    query = {
        "baseline_frame_uid": BASELINE,
        "followup_frame_uid": FOLLOWUP,
        "baseline_uids": registration.baseline.sop_instance_uids,
        "followup_uids": registration.followup.sop_instance_uids,
    }
    return read_spatial_registration(path, **{**query, **changes})  # type: ignore[arg-type]


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(-2000, 2000)] * 3),
)
def test_any_rigid_transform_comes_back_to_a_billionth(
    registration: Registration,
    tmp_path: Path,
    rotation_deg: tuple[float, float, float],
    shift_mm: tuple[float, float, float],
) -> None:
    matrix = move(rotation_deg, shift_mm)
    path = tmp_path / "fit.dcm"
    write_spatial_registration(
        path, attrs.evolve(registration, baseline_from_followup=transform(matrix))
    )
    assert np.abs(read(path, registration) - matrix).max() < 1e-9


def test_the_object_belongs_to_the_followup_and_leads_to_the_baseline(
    registration: Registration, tmp_path: Path
) -> None:
    write_spatial_registration(tmp_path / "a.dcm", registration)
    write_spatial_registration(tmp_path / "b.dcm", registration)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    dataset = dcmread(tmp_path / "a.dcm")
    assert dataset.StudyInstanceUID == registration.followup.study_instance_uid
    assert dataset.FrameOfReferenceUID == BASELINE
    assert dataset.ContentCreatorName == "Ärztin^"
    frames = [item.FrameOfReferenceUID for item in dataset.RegistrationSequence]
    assert frames == [BASELINE, FOLLOWUP]
    (elsewhere,) = dataset.StudiesContainingOtherReferencedInstancesSequence
    assert elsewhere.StudyInstanceUID == registration.baseline.study_instance_uid


@pytest.mark.parametrize("program", ["dciodvfy", "dcmdump"])
def test_validators_find_no_error_and_the_same_matrix(
    program: str, registration: Registration, tmp_path: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    path = tmp_path / "fit.dcm"
    write_spatial_registration(path, registration)
    words = [program, *(["+L"] if program == "dcmdump" else []), path]
    process = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = (process.stdout + process.stderr).splitlines()
    assert [line for line in lines if line.startswith(("Error", "E:"))] == []
    if program == "dcmdump":
        texts = [line.split("[")[1].split("]")[0] for line in lines if "(3006,00c6)" in line]
        matrices = [np.array(text.split("\\"), float).reshape(4, 4) for text in texts]
        assert np.array_equal(matrices[0], np.eye(4))
        assert np.abs(matrices[1] - MATRIX).max() < 1e-9


def exchange(dataset: Dataset) -> None:
    """Register the baseline to the follow-up, as another program may do."""
    inverse = np.linalg.inv(MATRIX).ravel().tolist()
    dataset.FrameOfReferenceUID = FOLLOWUP
    for item, matrix in zip(
        dataset.RegistrationSequence, (inverse, np.eye(4).ravel()), strict=True
    ):
        (step,) = item.MatrixRegistrationSequence[0].MatrixSequence
        step.FrameOfReferenceTransformationMatrix = [f"{number:.12g}"[:16] for number in matrix]


def leave_out_identity(dataset: Dataset) -> None:
    del dataset.RegistrationSequence[0]


def leave_out_images(dataset: Dataset) -> None:
    for item in dataset.RegistrationSequence:
        del item.ReferencedImageSequence


@pytest.mark.parametrize("change", [exchange, leave_out_identity, leave_out_images])
def test_other_ways_to_state_the_same_transform_are_understood(
    change: Callable[[Dataset], None], registration: Registration, tmp_path: Path
) -> None:
    path = tmp_path / "fit.dcm"
    write_spatial_registration(path, registration)
    dataset = dcmread(path)
    change(dataset)
    dataset.save_as(path)
    assert np.abs(read(path, registration) - MATRIX).max() < 1e-9


def state_two_matrices(dataset: Dataset) -> None:
    motion = dataset.RegistrationSequence[1].MatrixRegistrationSequence[0]
    motion.MatrixSequence = [*motion.MatrixSequence, *motion.MatrixSequence]


def flatten(dataset: Dataset) -> None:
    (step,) = dataset.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence
    step.FrameOfReferenceTransformationMatrix = [0] * 15 + [1]


def cut_matrix(dataset: Dataset) -> None:
    (step,) = dataset.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence
    step.FrameOfReferenceTransformationMatrix = [1, 0, 0, 0]


def be_a_report(dataset: Dataset) -> None:
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (state_two_matrices, "several transforms for the follow-up"),
        (flatten, "singular"),
        (cut_matrix, "cannot be read as a Spatial Registration"),
        (be_a_report, "another kind"),
    ],
)
def test_what_is_no_single_rigid_transform_is_refused(
    change: Callable[[Dataset], None], reason: str, registration: Registration, tmp_path: Path
) -> None:
    path = tmp_path / "fit.dcm"
    write_spatial_registration(path, registration)
    dataset = dcmread(path)
    change(dataset)
    dataset.save_as(path)
    with pytest.raises(InputError, match=reason):
        read(path, registration)


def test_a_transform_of_other_studies_is_refused(
    registration: Registration, tmp_path: Path
) -> None:
    path = tmp_path / "fit.dcm"
    write_spatial_registration(path, registration)
    with pytest.raises(InputError, match="does not register the follow-up"):
        read(path, registration, followup_frame_uid="1.2.9.3", followup_uids=("1.2.3",))
    with pytest.raises(InputError, match="does not tell the two studies apart"):
        read(path, registration, followup_frame_uid=BASELINE, followup_uids=("1.2.3",))


def test_images_without_a_frame_of_reference_are_not_written(
    registration: Registration, tmp_path: Path
) -> None:
    nameless = RigidTransform(
        to_frame_of_reference_uid="", from_frame_of_reference_uid=FOLLOWUP, matrix=MATRIX
    )
    with pytest.raises(GeometryError, match="--as tfm"):
        write_spatial_registration(
            tmp_path / "fit.dcm", attrs.evolve(registration, baseline_from_followup=nameless)
        )
    assert not (tmp_path / "fit.dcm").exists()
