"""Volumes and header values to DICOM files as a scanner would have written them.

Classic images are MR Image Storage, one file an image; enhanced ones are Enhanced MR Image Storage,
one file a series, with functional groups (PS3.3 A.36.2).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, MRImageStorage
from pydicom.valuerep import format_number_as_ds

from opp_mri.domain.geometry import ImagePlane

HeaderValue = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]

BITS_STORED: Final = 12


@frozen(kw_only=True, eq=False)
class SeriesToWrite:
    """A series, ready to be encoded.

    Parameters
    ----------
    header
        Values that all images share, by DICOM keyword.
    planes
        Image planes, in the order in which the images are numbered.
    pixels
        Stored values below 4096, shape (images, rows, columns).
    thickness_mm, slice_spacing_mm
        SliceThickness and SpacingBetweenSlices.
    sop_instance_uids
        One an image; for an enhanced series a single one.
    """

    header: Mapping[str, HeaderValue]
    planes: Sequence[ImagePlane]
    pixels: NDArray[np.uint16] = field(repr=False)
    thickness_mm: float
    slice_spacing_mm: float
    sop_instance_uids: Sequence[str]


def write_classic(series: SeriesToWrite, paths: Sequence[Path], *, jpeg_2000: bool = False) -> None:
    """Write one file an image.

    Parameters
    ----------
    series
        What to write.
    paths
        A file for each image, in the same order; folders are made, files are replaced.
    jpeg_2000
        Whether to compress without loss.
    """
    header = Dataset()
    put(header, series.header)
    for index, path in enumerate(paths):
        save(build_classic_dataset(series, index, header), path, jpeg_2000=jpeg_2000)


def build_classic_dataset(series: SeriesToWrite, index: int, header: Dataset) -> Dataset:
    """Return one image of a series, with a header for all, as an MR Image Storage dataset."""
    plane = series.planes[index]
    dataset = Dataset(header)
    put(
        dataset,
        {
            "SOPClassUID": MRImageStorage,
            "SOPInstanceUID": series.sop_instance_uids[index],
            "InstanceNumber": index + 1,
            "ImagePositionPatient": plane.position_lps_mm,
            "ImageOrientationPatient": (*plane.row_direction, *plane.column_direction),
            "PixelSpacing": (plane.row_spacing_mm, plane.column_spacing_mm),
            "FrameOfReferenceUID": plane.frame_of_reference_uid,
            "SliceThickness": series.thickness_mm,
            "SpacingBetweenSlices": series.slice_spacing_mm,
            "SliceLocation": round(sum(map(float.__mul__, plane.position_lps_mm, plane.normal)), 4),
        },
    )
    _complete(dataset, type_2=("ReferringPhysicianName", "PositionReferenceIndicator"))
    window = float(np.percentile(series.pixels[index], 99.5))
    put(dataset, {"WindowCenter": round(window / 2), "WindowWidth": max(round(window), 1)})
    put_pixels(dataset, series.pixels[index])
    return dataset


def put(dataset: Dataset, values: Mapping[str, HeaderValue]) -> None:
    """Set attributes by keyword; a decimal string has 16 characters at most."""
    for keyword, value in values.items():
        if dictionary_VR(keyword) == "DS" and not isinstance(value, str):
            numbers = value if isinstance(value, tuple) else (value,)
            texts = [format_number_as_ds(float(number)) for number in numbers]
            setattr(dataset, keyword, texts if len(texts) > 1 else texts[0])
        else:
            setattr(dataset, keyword, list(value) if isinstance(value, tuple) else value)


def put_pixels(dataset: Dataset, pixels: NDArray[np.uint16]) -> None:
    """Set the pixel module from an image (rows, columns) or frames (frames, rows, columns)."""
    put(
        dataset,
        {
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": pixels.shape[-2],
            "Columns": pixels.shape[-1],
            "BitsAllocated": 16,
            "BitsStored": BITS_STORED,
            "HighBit": BITS_STORED - 1,
            "PixelRepresentation": 0,
        },
    )
    dataset.PixelData = np.ascontiguousarray(pixels, "<u2").tobytes()


def save(dataset: Dataset, path: Path, *, jpeg_2000: bool = False) -> None:
    """Write a dataset as a file with its meta information."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if jpeg_2000:
        # the plugin is named, so that the bytes do not hang on what else is installed
        dataset.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True, overwrite=True)


def _complete(dataset: Dataset, type_2: Sequence[str]) -> None:
    """Add what must be there, if only empty."""
    for keyword in type_2:
        if keyword not in dataset:
            setattr(dataset, keyword, "")
