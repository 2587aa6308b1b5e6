"""What real series are split into, what is said of them, and that their volumes are right."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from opp_mri.dicom.stacks import describe_series
from opp_mri.dicom.volume import load_volume
from opp_mri.domain.imaging import (
    ENHANCED_SOP_CLASS_UIDS,
    Frame,
    Instance,
    SourceFile,
    Usability,
    VolumeDescription,
)

GENERIC = "icometrix+dicom2nifti/tests/data"
TWO_STUDIES = "mapconcierge+taichi2018Jan"

# folder: volumes of each series as (number of frames, plane, slice spacing in mm, usability)
EXPECTED: dict[str, list[list[tuple[int, str, float | None, str]]]] = {
    f"{TWO_STUDIES}_mri05tesla_wakasa": [[(11, "sagittal", 4.5, "volume")]] * 3,
    f"{TWO_STUDIES}_ctscan": [
        [(5, "coronal", 8.0, "volume")],
        [(15, "sagittal", 4.8, "volume")],
        [(15, "sagittal", 4.8, "volume")],
        [(n, "axial", 4.8, "volume") for n in (3, 3, 3, 5, 5)],
        [(3, "coronal", 1.6, "volume")],
        [(1, "coronal", None, "nothing")] * 5,
    ],
    "neurolabusc+dcm_qa_table": [
        [(7, "axial", 15.0, "volume"), (7, "sagittal", 15, "volume"), (7, "coronal", 15, "volume")]
    ],
    "neurolabusc+dcm_qa_ts": [[(9, "axial", None, "nothing")]],
    "neurolabusc+dcm_qa_agfa": [[(25, "axial", 3.3, "volume")]] * 2,
    "NCIP+annotation-and-image-markup": [[(1, "axial", None, "in_plane")]] * 2,
    f"{GENERIC}/failing/sliceincrement": [[(4, "axial", 5.0, "in_plane")]],
    f"{GENERIC}/failing/sliceorientation": [
        [(2, "sagittal", 3.3, "volume"), (2, "axial", 4.4, "volume")]
    ],
    f"{GENERIC}/failing/slicecount": [[(2, "sagittal", 1.0, "volume")]],
    f"{GENERIC}/generic/compressed_jpegls": [[(4, "sagittal", 1.0, "volume")]],
    f"{GENERIC}/generic/compressed_rle": [[(4, "sagittal", 1.0, "volume")]],
    f"{GENERIC}/generic/compressed_jpeg": [[(4, "sagittal", 1.0, "volume")]],
    f"{GENERIC}/generic/compressed_j2k": [[(4, "sagittal", 1.0, "volume")]],
    f"{GENERIC}/generic/anatomical": [[(4, "axial", 0.5, "volume")]],
    f"{GENERIC}/generic/rgb": [[(4, "axial", 3.0, "nothing")]],
    f"{GENERIC}/ge": [[(4, "sagittal", 1.0, "volume")]],
    f"{GENERIC}/hitachi": [[(4, "oblique", 4.0, "volume")]],
    f"{GENERIC}/hyperfine": [[(8, "axial", 5.0, "volume")]],
    f"{GENERIC}/philips_enhanced": [[(8, "sagittal", 1.2, "volume")]],
    f"{GENERIC}/siemens/anatomical": [[(4, "sagittal", 1.0, "volume")]],
    f"{GENERIC}/siemens/fmri": [[(1, "axial", None, "nothing"), (1, "axial", None, "nothing")]],
    f"{GENERIC}/siemens_multiframe": [[(8, "axial", 0.9, "volume")]],
}


def _numbers(value: Any) -> Any:
    return None if value is None else tuple(float(number) for number in value)


def _frame(dataset: Dataset, index: int) -> Frame:
    """Look a frame up in the functional groups, or else in the dataset itself."""

    def stated(sequence: str, keyword: str) -> Any:
        groups = [
            *(dataset.get("PerFrameFunctionalGroupsSequence") or [])[index : index + 1],
            *(dataset.get("SharedFunctionalGroupsSequence") or []),
        ]
        items = [item for group in groups for item in group.get(sequence) or [] if keyword in item]
        return (items[0] if items else dataset).get(keyword)

    echo_time = stated("MREchoSequence", "EffectiveEchoTime") or dataset.get("EchoTime")
    return Frame(
        frame_number=index + 1,
        image_position_lps_mm=_numbers(stated("PlanePositionSequence", "ImagePositionPatient")),
        image_orientation=_numbers(stated("PlaneOrientationSequence", "ImageOrientationPatient")),
        pixel_spacing_mm=_numbers(stated("PixelMeasuresSequence", "PixelSpacing")),
        echo_time_ms=None if echo_time is None else float(echo_time),
        temporal_position=stated("FrameContentSequence", "TemporalPositionIndex"),
        stack_id=stated("FrameContentSequence", "StackID"),
        frame_type=tuple(stated("MRImageFrameTypeSequence", "FrameType") or ()),
    )


def _instance(dataset: Dataset) -> Instance:
    is_enhanced = dataset.SOPClassUID in ENHANCED_SOP_CLASS_UIDS
    count = int(dataset.NumberOfFrames) if is_enhanced else 1
    return Instance(
        sop_instance_uid=dataset.SOPInstanceUID,
        sop_class_uid=dataset.SOPClassUID,
        frames=tuple(_frame(dataset, index) for index in range(count)),
        rows=dataset.Rows,
        columns=dataset.Columns,
        samples_per_pixel=dataset.SamplesPerPixel,
        photometric_interpretation=dataset.PhotometricInterpretation,
        study_instance_uid=dataset.StudyInstanceUID,
        series_instance_uid=dataset.SeriesInstanceUID,
        frame_of_reference_uid=dataset.get("FrameOfReferenceUID", ""),
        instance_number=dataset.get("InstanceNumber"),
        acquisition_number=dataset.get("AcquisitionNumber"),
        image_type=tuple(dataset.get("ImageType") or ()),
    )


Found = tuple[list[list[VolumeDescription]], dict[str, SourceFile]]


def described(folder: Path) -> Found:
    """The volumes of each series under a folder, and the files that hold them."""
    series: dict[str, list[Instance]] = defaultdict(list)
    sources: dict[str, SourceFile] = {}
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        try:
            dataset = dcmread(path, stop_before_pixels=True)
        except InvalidDicomError:
            continue
        if "Rows" in dataset:
            series[dataset.SeriesInstanceUID].append(_instance(dataset))
            sources[dataset.SOPInstanceUID] = SourceFile(
                path=str(path), size_bytes=path.stat().st_size, modified_ns=0
            )
    return [describe_series(instances) for instances in series.values()], sources


def _summary(volume: VolumeDescription) -> tuple[int, str, float | None, str]:
    spacing = volume.slice_spacing_mm
    return (
        len(volume.frames),
        str(volume.plane),
        None if spacing is None else round(spacing, 1),
        str(volume.usability),
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_series_is_split_as_expected(real_data: Path, name: str) -> None:
    series, _ = described(real_data / name)
    result = sorted(sorted(map(_summary, volumes), key=str) for volumes in series)
    assert result == sorted(sorted(volumes, key=str) for volumes in EXPECTED[name])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            f"{GENERIC}/failing/sliceincrement",
            "One slice is missing between slice 3 and 4: the gap is 10.0 mm where the others "
            "are 5.0 mm.",
        ),
        (f"{GENERIC}/generic/rgb", "A colour image"),
        (f"{GENERIC}/siemens/fmri", "A mosaic"),
        (f"{TWO_STUDIES}_ctscan", "A picture computed from other images"),
        ("NCIP+annotation-and-image-markup", "A single slice"),
    ],
)
def test_a_real_series_is_refused_in_words(real_data: Path, name: str, words: str) -> None:
    series, _ = described(real_data / name)
    refusals = {v.refusal for volumes in series for v in volumes if v.refusal is not None}
    assert all(refusal.startswith(words) for refusal in refusals)
    assert refusals


@pytest.mark.filterwarnings("ignore")
def test_the_voxels_of_a_real_sagittal_series_are_those_of_its_slices(real_data: Path) -> None:
    series, sources = described(real_data / f"{TWO_STUDIES}_mri05tesla_wakasa")
    for (volume,) in series:
        loaded_volume = load_volume(volume, sources)
        assert loaded_volume.voxels.dtype == np.int16
        for voxel_slice, frame in zip(loaded_volume.voxels, volume.frames, strict=True):
            dataset = dcmread(sources[frame.sop_instance_uid].path)
            np.testing.assert_array_equal(voxel_slice, dataset.pixel_array)
        # two corners of a slice, from the header's own numbers
        dataset = dcmread(sources[volume.frames[-1].sop_instance_uid].path)
        position = np.array(dataset.ImagePositionPatient, dtype=float)
        along = np.array(dataset.ImageOrientationPatient, dtype=float)
        far = position + 511 * 0.68359375 * (along[:3] + along[3:])
        corner_points = loaded_volume.geometry.lps_from_kji(np.array([[10, 0, 0], [10, 511, 511]]))
        np.testing.assert_allclose(corner_points, [position, far], atol=1e-3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name, e in EXPECTED.items() if "'volume'" in str(e)])
def test_a_real_volume_equals_that_of_simpleitk(real_data: Path, name: str) -> None:
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    series, sources = described(real_data / name)
    volumes = [v for series in series for v in series if v.usability is Usability.VOLUME]
    assert volumes
    for volume in volumes:
        loaded_volume = load_volume(volume, sources)
        files = list(dict.fromkeys(sources[f.sop_instance_uid].path for f in volume.frames))
        image = sitk.ReadImage(files if len(files) > 1 else files[0])
        np.testing.assert_allclose(loaded_volume.voxels, sitk.GetArrayFromImage(image), rtol=1e-6)
        geometry = loaded_volume.geometry
        np.testing.assert_allclose(image.GetOrigin(), geometry.origin_lps_mm, atol=1e-3)
        np.testing.assert_allclose(image.GetSpacing()[::-1], geometry.spacing_kji_mm, atol=1e-3)
        axes = np.array(image.GetDirection()).reshape(3, 3).T[::-1]
        np.testing.assert_allclose(axes, geometry.directions, atol=1e-5)
