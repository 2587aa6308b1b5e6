"""Small DICOM files for tests, written by pydicom."""

from io import BytesIO
from typing import Any

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
)

from opp_mri.dicom.elements import Layout
from opp_mri.dicom.header import Header
from opp_mri.domain.imaging import FileStatus

NATIVE = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
EVERY_SYNTAX = (*NATIVE, JPEG2000Lossless)


def nested(**values: Any) -> Dataset:
    """Make a data set of keywords and values."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def put(dataset: Dataset, keyword: str, vr: str, value: Any) -> None:
    """Set a value as some scanner wrote it, whether or not its VR allows that."""
    dataset[keyword] = DataElement(keyword, vr, value, already_converted=True)


def mr_image(**values: Any) -> Dataset:
    """Make a classic MR image of 4 x 6 pixels with private elements and sequences."""
    dataset = nested(
        SOPClassUID=MRImageStorage,
        SOPInstanceUID="1.2.3.4.5",
        StudyInstanceUID="1.2.3",
        SeriesInstanceUID="1.2.3.4",
        Modality="MR",
        Rows=4,
        Columns=6,
        SamplesPerPixel=1,
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
        PixelRepresentation=0,
        PhotometricInterpretation="MONOCHROME2",
        ImagePositionPatient=[1.5, -2.25, 3],
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        PixelSpacing=[0.5, 0.75],
        EchoTime="12.5",
        ProcedureCodeSequence=Sequence([nested(CodeMeaning="spine")]),
    )
    dataset["ProcedureCodeSequence"].is_undefined_length = True
    dataset.ProcedureCodeSequence[0].is_undefined_length_sequence_item = True
    block = dataset.private_block(0x0029, "OPP TEST", create=True)
    block.add_new(0x10, "OB", bytes(range(40)))
    block.add_new(0x11, "SQ", Sequence([nested(CodeValue="1"), nested(CodeValue="2")]))
    for keyword, value in values.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def written(
    dataset: Dataset, syntax: str = ExplicitVRLittleEndian, *, pixels: bool = True
) -> bytes:
    """Encode a data set as a file; compressed pixels are fragments that nobody decodes here."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta = meta
    if pixels:
        frames = int(dataset.get("NumberOfFrames", 1))
        if syntax in NATIVE:
            size = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8 * frames
            dataset.add_new("PixelData", "OW", bytes(size))
        else:
            fragments = [b"\xff\x4f\xff\x51" * 5 for _ in range(frames)]
            dataset.add_new("PixelData", "OB", pydicom.encaps.encapsulate(fragments))
            dataset["PixelData"].is_undefined_length = True
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def header_by_pydicom(data: bytes) -> Header:
    """Read a complete image by pydicom alone."""
    dataset = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
    implicit, little = dataset.original_encoding
    return Header(
        status=FileStatus.IMAGE,
        transfer_syntax_uid=str(dataset.file_meta.TransferSyntaxUID),
        layout=Layout(implicit=bool(implicit), little_endian=bool(little), wanted=()),
        dataset=dataset,
    )
