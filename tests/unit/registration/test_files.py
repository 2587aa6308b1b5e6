"""Transforms and images as files of ITK."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from scipy.spatial.transform import Rotation

from opp_mri.domain.geometry import VolumeGeometry
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import InputError
from opp_mri.registration.files import read_transform, write_image, write_transform

MATRIX = np.eye(4)
MATRIX[:3, :3] = Rotation.from_euler("xyz", (5, -3, 8), degrees=True).as_matrix()
MATRIX[:3, 3] = (12.5, -31.25, 49.0)
FIT = RigidTransform(
    to_frame_of_reference_uid="2.25.1", from_frame_of_reference_uid="2.25.2", matrix=MATRIX
)


def test_a_transform_carries_points_of_the_baseline_to_the_follow_up(tmp_path: Path) -> None:
    write_transform(tmp_path / "fit.tfm", FIT)
    transform = sitk.ReadTransform(str(tmp_path / "fit.tfm"))
    points = np.random.default_rng(1).uniform(-200, 200, (50, 3))
    mapped_points = [transform.TransformPoint(point.tolist()) for point in points]
    np.testing.assert_allclose(mapped_points, FIT.invert().apply(points), atol=1e-9)


def test_a_transform_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_transform(tmp_path / "fit.tfm", FIT)
    np.testing.assert_allclose(read_transform(tmp_path / "fit.tfm"), MATRIX, atol=1e-9)


def test_a_rotation_about_a_centre_is_read_as_itk_means_it(tmp_path: Path) -> None:
    dtransform = sitk.Euler3DTransform((10.0, -20.0, 30.0), 0.1, -0.05, 0.2, (4.0, 5.0, 6.0))
    sitk.WriteTransform(dtransform, str(tmp_path / "theirs.tfm"))
    point = np.array([7.0, 8.0, 9.0, 1.0])
    followup = dtransform.TransformPoint(point[:3].tolist())
    back = read_transform(tmp_path / "theirs.tfm") @ np.array([*followup, 1.0])
    np.testing.assert_allclose(back, point, atol=1e-9)


def test_what_is_no_transform_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.tfm").write_text("by hand")
    with pytest.raises(InputError, match="not a transform of ITK"):
        read_transform(tmp_path / "notes.tfm")


@pytest.mark.parametrize("name", ["image.nrrd", "image.nii.gz"])
def test_an_image_lies_where_it_lay(tmp_path: Path, name: str) -> None:
    rotation = Rotation.from_euler("xyz", (4, 3, -6), degrees=True).as_matrix()
    grid = VolumeGeometry(
        frame_of_reference_uid="2.25.1",
        origin_lps_mm=(10.0, -20.0, 30.0),
        directions=np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]) @ rotation.T,
        spacing_kji_mm=(4.4, 1.0, 0.9),
        shape_kji=(5, 12, 10),
    )
    values = np.arange(600, dtype=np.float32).reshape(grid.shape_kji)
    write_image(tmp_path / name, values, grid)
    image = sitk.ReadImage(str(tmp_path / name))
    k, j, i = 3, 7, 2
    place = image.TransformIndexToPhysicalPoint((i, j, k))
    np.testing.assert_allclose(place, grid.lps_from_kji(np.array([3.0, 7.0, 2.0])), atol=1e-3)
    assert image[i, j, k] == values[k, j, i]
