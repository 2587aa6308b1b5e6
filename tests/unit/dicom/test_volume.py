"""A volume lies in the patient where each of its slices says, and holds their exact values."""

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from scipy.spatial.transform import Rotation

from opp_mri.dicom.stacks import describe_series
from opp_mri.dicom.volume import build_geometry, load_volume
from opp_mri.domain.imaging import Frame, Instance, SourceFile, VolumeDescription
from opp_mri.errors import GeometryError, InputError

ROWS, COLUMNS = 6, 4
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def header(
    number: int,
    position: tuple[float, float, float],
    orientation: tuple[float, ...] = SAGITTAL,
    spacing: tuple[float, float] = (0.7, 0.9),
    shape: tuple[int, int] = (ROWS, COLUMNS),
) -> Instance:
    frame = Frame(
        image_position_lps_mm=position,
        image_orientation=orientation,  # type: ignore[arg-type]
        pixel_spacing_mm=spacing,
    )
    return Instance(
        sop_instance_uid=f"1.2.3.{number}",
        sop_class_uid=MRImageStorage,
        frames=(frame,),
        rows=shape[0],
        columns=shape[1],
        photometric_interpretation="MONOCHROME2",
        study_instance_uid="1.2",
        series_instance_uid="1.2.3",
        frame_of_reference_uid="1.2.9",
        instance_number=number,
    )


def sagittal(*positions_mm: float) -> VolumeDescription:
    """A volume of which slice `n` was acquired as number `n` and lies at positions_mm[n]."""
    headers = [header(n, (-p, 0.0, 0.0)) for n, p in enumerate(positions_mm)]
    (volume,) = describe_series(headers)
    return volume


def written(
    folder: Path, number: int, values: NDArray[np.integer], slope: float = 1, intercept: float = 0
) -> SourceFile:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, f"1.2.3.{number}"
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * values.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.PixelData = values.tobytes()
    path = folder / str(number)
    dcmwrite(path, dataset, enforce_file_format=True)
    return SourceFile(path=str(path), size_bytes=path.stat().st_size, modified_ns=0)


def images(dtype: type = np.int16) -> NDArray[np.integer]:
    return np.arange(3 * ROWS * COLUMNS).reshape(3, ROWS, COLUMNS).astype(dtype)


def load(
    folder: Path,
    values: NDArray[np.integer],
    rescales: Sequence[tuple[float, float]] = ((1, 0),) * 3,
) -> NDArray[np.generic]:
    sources = {
        f"1.2.3.{n}": written(folder, n, image, *rescales[n]) for n, image in enumerate(values)
    }
    return load_volume(sagittal(0.0, 4.0, 8.0), sources).voxels


def test_slices_lie_in_order_of_position_whatever_their_numbers(tmp_path: Path) -> None:
    values = images()
    sources = {f"1.2.3.{n}": written(tmp_path, n, image) for n, image in enumerate(values)}
    volume = load_volume(sagittal(8.0, 0.0, 4.0), sources)
    np.testing.assert_array_equal(volume.voxels, values[[1, 2, 0]])
    geometry = volume.geometry
    assert geometry.shape_kji == (3, ROWS, COLUMNS)
    assert geometry.spacing_kji_mm == pytest.approx((4.0, 0.7, 0.9))
    assert geometry.origin_lps_mm == (0.0, 0.0, 0.0)
    assert geometry.frame_of_reference_uid == "1.2.9"
    np.testing.assert_allclose(geometry.directions, [[-1, 0, 0], [0, 0, -1], [0, 1, 0]])


def test_a_voxel_is_where_lps_and_slice_say(tmp_path: Path) -> None:
    values = images()
    sources = {f"1.2.3.{n}": written(tmp_path, n, image) for n, image in enumerate(values)}
    volume = load_volume(sagittal(0.0, 4.0, 8.0), sources)
    k, j, i = np.rint(volume.geometry.kji_from_lps(np.array([-4.0, 1.8, -2.1]))).astype(int)
    assert (k, j, i) == (1, 3, 2)
    assert volume.voxels[k, j, i] == values[1, 3, 2]


def test_whole_numbers_in_range_stay_int16(tmp_path: Path) -> None:
    voxels = load(tmp_path, images(np.uint16))
    assert voxels.dtype == np.int16
    np.testing.assert_array_equal(voxels, images())


def test_a_whole_rescale_stays_int16_and_exact(tmp_path: Path) -> None:
    voxels = load(tmp_path, images(), [(2, -1024), (1, 0), (3, 5)])
    assert voxels.dtype == np.int16
    np.testing.assert_array_equal(voxels[0], images()[0] * 2 - 1024)
    np.testing.assert_array_equal(voxels[1], images()[1])
    np.testing.assert_array_equal(voxels[2], images()[2] * 3 + 5)


def test_whole_numbers_beyond_int16_become_float32_and_stay_exact(tmp_path: Path) -> None:
    values = images(np.uint16)
    values[0, 0, 0] = 65535
    voxels = load(tmp_path, values)
    assert voxels.dtype == np.float32
    np.testing.assert_array_equal(voxels, values)


def test_a_broken_rescale_becomes_float32_slice_by_slice(tmp_path: Path) -> None:
    rescales = [(0.001034613, 33.9), (4.25885225, 0.0), (1.0, 0.5)]
    voxels = load(tmp_path, images(), rescales)
    assert voxels.dtype == np.float32
    for voxel_slice, image, (slope, intercept) in zip(voxels, images(), rescales, strict=True):
        np.testing.assert_array_equal(
            voxel_slice, (image * np.float64(slope) + intercept).astype(np.float32)
        )


def test_what_makes_no_volume_is_refused_with_its_own_words() -> None:
    uneven_volume = sagittal(0.0, 4.0, 12.0)
    with pytest.raises(GeometryError) as failure:
        load_volume(uneven_volume, {})
    assert str(failure.value) == uneven_volume.refusal


def test_a_file_that_is_not_in_the_catalogue_is_told(tmp_path: Path) -> None:
    sources = {"1.2.3.0": written(tmp_path, 0, images()[0])}
    with pytest.raises(InputError, match="2 of the 3 files"):
        load_volume(sagittal(0.0, 4.0, 8.0), sources)


def test_a_file_that_became_another_image_is_told(tmp_path: Path) -> None:
    sources = {f"1.2.3.{n}": written(tmp_path, n, image) for n, image in enumerate(images())}
    sources["1.2.3.1"] = sources["1.2.3.0"]
    with pytest.raises(InputError, match="another image than when it was indexed"):
        load_volume(sagittal(0.0, 4.0, 8.0), sources)


def test_an_image_that_changed_its_size_is_told(tmp_path: Path) -> None:
    sources = {f"1.2.3.{n}": written(tmp_path, n, image) for n, image in enumerate(images())}
    sources["1.2.3.1"] = written(tmp_path, 1, images()[1].T.copy())
    with pytest.raises(InputError, match="index again"):
        load_volume(sagittal(0.0, 4.0, 8.0), sources)


@settings(max_examples=200, deadline=None)
@given(
    rotation=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    flips=st.tuples(st.booleans(), st.booleans()),
    spacing=st.tuples(st.floats(0.2, 8), st.floats(0.2, 2), st.floats(0.2, 2)),
    shape=st.tuples(st.integers(2, 40), st.integers(1, 700), st.integers(1, 700)),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
    decimals=st.sampled_from([None, 6]),
)
def test_every_corner_of_every_slice_is_where_its_own_header_puts_it(
    rotation, flips, spacing, shape, origin, decimals
) -> None:
    axes = Rotation.from_quat(rotation).as_matrix()
    row, column = axes[0] * (-1) ** flips[0], axes[1] * (-1) ** flips[1]
    normal = np.cross(row, column)
    positions = np.array(origin) + spacing[0] * np.arange(shape[0])[:, None] * normal
    cosines = np.concatenate([row, column])
    if decimals is not None:  # as headers are written
        positions, cosines = positions.round(decimals), cosines.round(decimals)
    headers = [
        header(n, tuple(p), tuple(map(float, cosines)), spacing[1:], shape[1:])
        for n, p in enumerate(positions.tolist())
    ]
    (description,) = describe_series(headers[::-1])
    geometry = build_geometry(description)
    assert geometry.shape_kji == shape
    _, rows, columns = shape
    corners = [(j, i) for j in (0, rows - 1) for i in (0, columns - 1)]
    for k, plane in enumerate(description.planes):
        points_lps_mm = geometry.lps_from_kji(np.array([(k, j, i) for j, i in corners]))
        plane_points = [plane.lps_from_pixel(i, j) for j, i in corners]
        np.testing.assert_allclose(
            points_lps_mm, plane_points, atol=1e-6 if decimals is None else 1e-3
        )


def test_the_refusal_of_one_slice_is_raised_too() -> None:
    (single,) = describe_series([header(1, (0.0, 0.0, 0.0))])
    with pytest.raises(GeometryError, match="single slice"):
        build_geometry(attrs.evolve(single))
