"""What is written is read back by pydicom, with every value where a scanner puts it."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from fixtures.simple_volume import SimpleVolume, simple_volume

from opp_mri.dicom.write import HeaderValue, SeriesToWrite, write_classic
from opp_mri.dicom.write_enhanced import EnhancedValues, write_enhanced

HEADER: dict[str, HeaderValue] = {
    "Modality": "MR",
    "PatientID": "P",
    "StudyInstanceUID": "2.25.11",
    "SeriesInstanceUID": "2.25.12",
    "ImageType": ("ORIGINAL", "PRIMARY", "OTHER"),
    "ScanOptions": ("FS", "SAT1"),
    "ImagingFrequency": 63.866,
    "RepetitionTime": 1000 / 3,
    "EchoTime": 9.8,
    "InversionTime": 165.0,
    "EchoTrainLength": 3,
    "FlipAngle": 90,
    "NumberOfAverages": 2,
    "PixelBandwidth": 180.0,
    "InPlanePhaseEncodingDirection": "COL",
    "AcquisitionDate": "20200303",
    "AcquisitionTime": "101500",
    "ContrastBolusAgent": "Gadovist",
    "ContrastBolusVolume": 7.5,
}
ENHANCED = EnhancedValues(
    weighting="STIR",
    fat_suppressed=False,
    dimension_organization_uid="2.25.21",
    procedure_step_uid="2.25.22",
)


@pytest.fixture
def volume() -> SimpleVolume:
    return simple_volume(oblique_deg=(7, -3, 12), spacing_kji_mm=(4.4, 1.21, 0.83))


def to_write(volume: SimpleVolume, uids: list[str]) -> SeriesToWrite:
    return SeriesToWrite(
        header=HEADER,
        planes=volume.planes,
        pixels=volume.pixels,
        thickness_mm=4.0,
        slice_spacing_mm=4.4,
        sop_instance_uids=uids,
    )


@pytest.mark.parametrize("jpeg_2000", [False, True])
def test_a_classic_series_gives_back_its_pixels_and_planes_exactly(
    volume: SimpleVolume, tmp_path: Path, jpeg_2000: bool
) -> None:
    paths = [tmp_path / "deep" / f"{index}" for index in range(9)]
    uids = [f"2.25.{100 + index}" for index in range(9)]
    write_classic(to_write(volume, uids), paths, jpeg_2000=jpeg_2000)
    for index, (path, plane) in enumerate(zip(paths, volume.planes, strict=True)):
        dataset = pydicom.dcmread(path)
        assert dataset.file_meta.TransferSyntaxUID.is_compressed == jpeg_2000
        assert dataset.SOPInstanceUID == uids[index] == dataset.file_meta.MediaStorageSOPInstanceUID
        assert np.array_equal(dataset.pixel_array, volume.pixels[index])
        assert tuple(dataset.ImagePositionPatient) == plane.position_lps_mm
        assert tuple(dataset.ImageOrientationPatient) == (
            *plane.row_direction,
            *plane.column_direction,
        )
        assert tuple(dataset.PixelSpacing) == (plane.row_spacing_mm, plane.column_spacing_mm)


def test_values_keep_their_kind_and_decimal_strings_keep_to_16_characters(
    volume: SimpleVolume, tmp_path: Path
) -> None:
    write_classic(
        to_write(volume, [f"2.25.{k}" for k in range(100, 109)]),
        [tmp_path / str(k) for k in range(9)],
    )
    dataset = pydicom.dcmread(tmp_path / "3")
    assert list(dataset.ScanOptions) == ["FS", "SAT1"]
    assert dataset.InstanceNumber == 4
    assert float(dataset.RepetitionTime) == pytest.approx(1000 / 3, abs=1e-9)
    assert len(str(dataset["RepetitionTime"].value)) <= 16
    assert dataset.SliceThickness == 4.0
    assert dataset.SpacingBetweenSlices == 4.4


def test_an_enhanced_series_is_one_file_whose_frames_carry_their_places(
    volume: SimpleVolume, tmp_path: Path
) -> None:
    path = tmp_path / "one"
    write_enhanced(to_write(volume, ["2.25.100"]), ENHANCED, path)
    dataset = pydicom.dcmread(path)
    assert dataset.NumberOfFrames == 9
    assert np.array_equal(dataset.pixel_array, volume.pixels)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    plane = volume.planes[0]
    assert tuple(shared.PixelMeasuresSequence[0].PixelSpacing) == (1.21, 0.83)
    assert tuple(shared.PlaneOrientationSequence[0].ImageOrientationPatient) == (
        *plane.row_direction,
        *plane.column_direction,
    )
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence, start=1):
        assert tuple(frame.PlanePositionSequence[0].ImagePositionPatient) == (
            volume.planes[number - 1].position_lps_mm
        )
        assert list(frame.FrameContentSequence[0].DimensionIndexValues) == [1, number]
        assert frame.FrameContentSequence[0].InStackPositionNumber == number


def test_an_enhanced_series_says_timing_inversion_and_contrast_in_its_own_terms(
    volume: SimpleVolume, tmp_path: Path
) -> None:
    path = tmp_path / "one"
    write_enhanced(to_write(volume, ["2.25.100"]), ENHANCED, path)
    dataset = pydicom.dcmread(path)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    assert dataset.AcquisitionContrast == "STIR"
    assert shared.MREchoSequence[0].EffectiveEchoTime == 9.8
    assert shared.MRModifierSequence[0].InversionRecovery == "YES"
    assert shared.MRModifierSequence[0].InversionTimes == 165.0
    assert float(shared.MRTimingAndRelatedParametersSequence[0].RepetitionTime) == pytest.approx(
        1000 / 3
    )
    assert dataset.ContrastBolusAgentSequence[0].CodeMeaning == "Gadovist"
    assert "EchoTime" not in dataset
    assert "ContrastBolusAgent" not in dataset
