"""A resampled follow-up as a derived MR series, marked so that no one measures on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from opp_mri.dicom.headers.sources import open_source
from opp_mri.dicom.write import BITS_STORED, SeriesToWrite, build_classic_dataset, save
from opp_mri.domain.geometry import ImagePlane, VolumeGeometry
from opp_mri.domain.imaging import SourceFile, VolumeDescription
from opp_mri.domain.repeated_uid import get_uid_in_file

# modules of patient and study (PS3.3 C.7.1.1, C.7.2.1), and how the source was acquired
COPIED: Final = (
    "SpecificCharacterSet", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate",
    "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName",
    "StudyID", "AccessionNumber", "StudyDescription", "PatientAge", "PatientWeight",
    "Modality", "Manufacturer", "ManufacturerModelName", "MagneticFieldStrength",
    "RepetitionTime", "EchoTime", "InversionTime", "ScanningSequence", "SequenceVariant",
    "MRAcquisitionType", "EchoTrainLength", "PatientPosition", "BodyPartExamined",
)  # fmt: skip
SERIES_NUMBER: Final = 9000
NOT_FOR_MEASUREMENT: Final = "RESAMPLED ON BASELINE - NOT FOR MEASUREMENT"


def write_derived_series(
    folder: Path,
    values: NDArray[np.float32],
    grid: VolumeGeometry,
    followup: VolumeDescription,
    source: SourceFile,
    derivation: str,
) -> Sequence[Path]:
    """Write a follow-up that was resampled on the baseline's grid, as a series of the follow-up.

    Parameters
    ----------
    folder
        Where the files go.
    values
        Shape `grid.shape_kji`; NaN, outside what was acquired, becomes 0.
    grid
        The baseline's, whose frame of reference the images lie in.
    followup, source
        What was resampled, and the file of one of its images: its patient and study are copied.
    derivation
        DerivationDescription.

    Returns
    -------
    sequence of Path
        The files, an image each.
    """
    with open_source(source) as stream:
        original = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
    scale = min(1.0, (2**BITS_STORED - 1) / max(float(np.nanmax(values)), 1.0))
    pixels = np.clip(np.rint(np.nan_to_num(values) * scale), 0, 2**BITS_STORED - 1)
    planes = [_build_plane(grid, index) for index in range(grid.shape_kji[0])]
    series = SeriesToWrite(
        header={},
        planes=planes,
        pixels=pixels.astype(np.uint16),
        thickness_mm=grid.spacing_kji_mm[0],
        slice_spacing_mm=grid.spacing_kji_mm[0],
        sop_instance_uids=[generate_uid() for _ in planes],
    )
    series_uid = generate_uid()
    paths = []
    for index in range(len(planes)):
        dataset = build_classic_dataset(series, index, Dataset())
        for keyword in COPIED:
            if keyword in original:
                dataset[keyword] = original[keyword]
        dataset.SeriesInstanceUID = series_uid
        dataset.SeriesNumber = SERIES_NUMBER
        dataset.ImageType = ["DERIVED", "SECONDARY", "RESAMPLED"]
        dataset.SeriesDescription = NOT_FOR_MEASUREMENT
        dataset.ImageComments = "Resampled to be looked at. Lengths are measured on native images."
        dataset.DerivationDescription = derivation
        dataset.SourceImageSequence = [
            _build_reference(frame.sop_instance_uid) for frame in followup.frames
        ]
        paths.append(folder / f"{index + 1:04d}.dcm")
        save(dataset, paths[-1])
    return paths


def _build_plane(grid: VolumeGeometry, index: int) -> ImagePlane:
    x, y, z = grid.lps_from_kji(np.array([float(index), 0.0, 0.0])).tolist()
    _, down, across = (tuple(float(x) for x in axis) for axis in grid.directions)
    return ImagePlane(
        frame_of_reference_uid=grid.frame_of_reference_uid,
        position_lps_mm=(x, y, z),
        row_direction=(across[0], across[1], across[2]),
        column_direction=(down[0], down[1], down[2]),
        row_spacing_mm=grid.spacing_kji_mm[1],
        column_spacing_mm=grid.spacing_kji_mm[2],
        rows=grid.shape_kji[1],
        columns=grid.shape_kji[2],
    )


def _build_reference(sop_instance_uid: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = pydicom.uid.MRImageStorage
    reference.ReferencedSOPInstanceUID = get_uid_in_file(sop_instance_uid)
    return reference
