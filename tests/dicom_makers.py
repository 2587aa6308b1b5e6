"""Studies on disk as a scanner would write them, small enough to be made by the dozen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
)

Header = dict[str, Any]

SAGITTAL = [0, 1, 0, 0, 0, -1]
CORONAL = [1, 0, 0, 0, 0, -1]
AXIAL = [1, 0, 0, 0, 1, 0]

T1: Header = {
    "SeriesDescription": "T1 SAG",
    "SeriesNumber": 3,
    "ScanningSequence": "SE",
    "RepetitionTime": 550,
    "EchoTime": 10,
    "AcquisitionTime": "100000",
}
T2FS: Header = {
    "SeriesDescription": "T2 FS SAG",
    "SeriesNumber": 4,
    "ScanningSequence": "SE",
    "ScanOptions": "FS",
    "RepetitionTime": 3500,
    "EchoTime": 90,
    "AcquisitionTime": "101000",
}
STIR: Header = {
    "SeriesDescription": "STIR SAG",
    "SeriesNumber": 5,
    "ScanningSequence": ["SE", "IR"],
    "RepetitionTime": 3500,
    "EchoTime": 60,
    "InversionTime": 160,
    "AcquisitionTime": "102000",
}
T1POST: Header = T1 | {
    "SeriesDescription": "T1 SAG +C",
    "SeriesNumber": 6,
    "ContrastBolusAgent": "Gadobutrol",
    "AcquisitionTime": "103000",
}


def write_series(
    folder: Path,
    header: Header = T1,
    *,
    study: str = "1",
    series: str | None = None,
    slices: Iterable[int] = range(4),
    seed: int = 0,
    top_mm: float = 40.0,
    edit: Callable[[Dataset, int], None] | None = None,
    **values: Any,
) -> list[Path]:
    """Write one sagittal series of 12 x 10 pixels and give its files.

    Parameters
    ----------
    study, series
        What the UIDs are made of; a series takes the SeriesNumber where none is given.
    slices
        Numbers of the slices, 4.4 mm apart, from patient right to left.
    seed
        Of the pixels: the same seed and header give the same pixels, whatever the UIDs.
    edit
        Changes the data set of each slice at the last.
    values
        DICOM keywords; None removes one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = header | values
    series = series or str(wanted.get("SeriesNumber", 1))
    paths = []
    for number in slices:
        dataset = _slice(wanted, study, series, number, seed, top_mm)
        if edit:
            edit(dataset, number)
        paths.append(save(dataset, folder / f"{study}-{series}-{number:03}"))
    return paths


def write_study(folder: Path, *headers: Header, **settings: Any) -> list[Path]:
    """Write a study of several series; settings are those of `write_series`."""
    return [
        path
        for header in headers or (T1, T2FS)
        for path in write_series(folder, header, **settings)
    ]


def reimport(
    paths: Iterable[Path], folder: Path, *, compress: bool = False, **values: Any
) -> list[Path]:
    """Copy files as a second hospital imports them: new UIDs, and header values as given."""
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for path in paths:
        dataset = dcmread(path)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(dataset, keyword, f"{getattr(dataset, keyword)}.99")
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        if compress:
            dataset.compress(RLELossless, generate_instance_uid=False)
        copies.append(save(dataset, folder / f"{path.name}-again"))
    return copies


def write_enhanced(
    path: Path,
    stacks: Mapping[str, Sequence[float]],
    **values: Any,
) -> Path:
    """Write an enhanced MR instance: columns of 0.5 mm, rows of 2 mm.

    Its frames take turns between the stacks, each given by its slices' positions in mm.
    """
    dataset = _dataset(T1 | values, "1", "9", EnhancedMRImageStorage, "1.2.3.1.9.1")
    places = [
        (stack, index, positions[index])
        for index in range(max(map(len, stacks.values())))
        for stack, positions in stacks.items()
        if index < len(positions)
    ]
    dataset.NumberOfFrames = len(places)
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [2.0, 0.5]
    measures.SliceThickness = 4
    orientation.ImageOrientationPatient = values.get("ImageOrientationPatient", SAGITTAL)
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for stack, index, x_mm in places:
        groups, content, position = Dataset(), Dataset(), Dataset()
        content.StackID, content.InStackPositionNumber = stack, index + 1
        position.ImagePositionPatient = [x_mm, -20, 40 if stack == "1" else 240]
        groups.FrameContentSequence = [content]
        groups.PlanePositionSequence = [position]
        frames.append(groups)
    dataset.PerFrameFunctionalGroupsSequence = frames
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.PixelData = _pixels((len(places), 12, 10), 5, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(dataset, path)


def save(dataset: Dataset, path: Path) -> Path:
    """Write a data set as a file."""
    if not hasattr(dataset, "file_meta"):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta = meta
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
    return path


def _slice(
    wanted: Header, study: str, series: str, number: int, seed: int, top_mm: float
) -> Dataset:
    uid = f"1.2.3.{study}.{series}.{number + 1}"
    dataset = _dataset(
        {
            "ImageOrientationPatient": SAGITTAL,
            "ImagePositionPatient": [4.4 * number, -20, top_mm],
            "InstanceNumber": number + 1,
        }
        | wanted,
        study,
        series,
        MRImageStorage,
        uid,
    )
    dataset.PixelData = _pixels((12, 10), seed, int(series) * 1000 + number)
    return dataset


def _dataset(wanted: Header, study: str, series: str, sop_class: str, uid: str) -> Dataset:
    dataset = Dataset()
    values: Header = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": sop_class,
        "SOPInstanceUID": uid,
        "PatientID": "P1",
        "PatientName": "Doe^Jane",
        "PatientBirthDate": "19600229",
        "StudyInstanceUID": f"1.2.3.{study}",
        "StudyDate": "20240115",
        "SeriesInstanceUID": f"1.2.3.{study}.{series}",
        "FrameOfReferenceUID": f"1.2.3.{study}.0",
        "Modality": "MR",
        "PixelSpacing": [2.0, 2.0],
        "SliceThickness": 4,
        "MagneticFieldStrength": 1.5,
        "Rows": 12,
        "Columns": 10,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
    }
    for keyword, value in (values | wanted).items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def _pixels(shape: tuple[int, ...], *seeds: int) -> bytes:
    return np.random.default_rng(seeds).integers(0, 4096, shape).astype("<u2").tobytes()
