"""A file that may hold lines on images: recognised by its content, read by its kind."""

from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from opp_mri.dicom.headers.header import silence_pydicom
from opp_mri.dicom.headers.values import PYDICOM_ERRORS
from opp_mri.dicom.sr.read_aim import is_aim, read_aim
from opp_mri.dicom.sr.read_markups import is_markups, read_markups
from opp_mri.dicom.sr.read_report import read_report
from opp_mri.domain.exchange import AnnotationFile, SetAside

REPORT_CLASSES: Final = "1.2.840.10008.5.1.4.1.1.88."
KEY_OBJECTS: Final = "1.2.840.10008.5.1.4.1.1.88.59"
MAGIC: Final = slice(128, 132)


def read_annotation_file(data: bytes, file_name: str) -> AnnotationFile | None:
    """Return the lines of a DICOM report, of AIM or of 3D Slicer; None for a file of another kind.

    A damaged report is set aside whole.
    """
    if data[MAGIC] == b"DICM":
        return _read_dicom(data, file_name)
    if is_aim(data):
        return read_aim(data, file_name)
    return read_markups(data, file_name) if is_markups(data) else None


def _read_dicom(data: bytes, file_name: str) -> AnnotationFile | None:
    try:
        with silence_pydicom():
            dataset = dcmread(BytesIO(data), stop_before_pixels=True)
            class_uid = str(dataset.get("SOPClassUID") or "")
            if not class_uid.startswith(REPORT_CLASSES) or class_uid == KEY_OBJECTS:
                return None
            return read_report(dataset, file_name)
    except (*PYDICOM_ERRORS, InvalidDicomError, EOFError, RecursionError):
        reason = "It is damaged and cannot be read to its end: fetch it again."
        return AnnotationFile(set_aside=(SetAside(file_name=file_name, reason=reason),))
