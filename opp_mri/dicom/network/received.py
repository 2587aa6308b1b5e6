"""What an archive sent: checked against what was asked for, then written whole or not at all."""

from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.dicom.headers.byte_reader import MemoryBytes, open_bytes
from opp_mri.dicom.headers.header import Header, read_header
from opp_mri.dicom.headers.keywords import TAGS
from opp_mri.dicom.headers.sources import READ_ERRORS
from opp_mri.dicom.headers.values import convert_to_text
from opp_mri.dicom.instances import instance_from_header
from opp_mri.domain.imaging import FileStatus, Instance, SourceFile
from opp_mri.domain.peer import RemoteSeries, is_uid
from opp_mri.files import write_bytes

WHOLE: Final = frozenset({FileStatus.IMAGE, FileStatus.STRUCTURED_REPORT, FileStatus.NO_PIXELS})


@frozen(kw_only=True)
class Received:
    """An object that arrived.

    Parameters
    ----------
    sop_instance_uid
        "" where it has none that is one.
    fault
        Why it is not what was asked for, in a sentence; "" where it is.
    size_bytes
        Size of its file.
    """

    sop_instance_uid: str
    fault: str = ""
    size_bytes: int = 0


def check_received(content: bytes, series: RemoteSeries) -> Received:
    """Check the patient, study, series and UID of an object, and that it is whole."""
    header = _read(content)
    uid = convert_to_text(header.get_value(TAGS["SOPInstanceUID"]))
    fault = _find_fault(header, uid, series)
    return Received(
        sop_instance_uid=uid if is_uid(uid) else "", fault=fault, size_bytes=len(content)
    )


def _find_fault(header: Header, uid: str, series: RemoteSeries) -> str:
    if header.status not in WHOLE:
        return f"It is not a whole object: {header.detail}"
    if header.status is FileStatus.NO_PIXELS and "no pixel data" in header.detail:
        return f"It is not a whole object: {header.detail}"
    if not is_uid(uid):
        return "Its SOPInstanceUID is not a UID."
    if convert_to_text(header.get_value(TAGS["PatientID"])) != series.study.patient_id:
        return "It belongs to another patient."
    if (
        convert_to_text(header.get_value(TAGS["StudyInstanceUID"]))
        != series.study.study_instance_uid
    ):
        return "It belongs to another study."
    if convert_to_text(header.get_value(TAGS["SeriesInstanceUID"])) != series.series_instance_uid:
        return "It belongs to another series."
    return ""


def build_path(folder: Path, series: RemoteSeries, sop_instance_uid: str) -> Path:
    """Return where an object is kept; its UIDs were checked, so that it lies in the folder."""
    name = f"{sop_instance_uid}.dcm"
    return folder / series.study.study_instance_uid / series.series_instance_uid / name


def is_whole(path: Path, series: RemoteSeries, sop_instance_uid: str) -> bool:
    """Return whether an object is there already, whole and as asked for."""
    try:
        status = path.stat()
        source = SourceFile(
            path=str(path), size_bytes=status.st_size, modified_ns=status.st_mtime_ns
        )
        with open_bytes(source) as reader:
            header = read_header(reader)
    except READ_ERRORS:
        return False
    uid = convert_to_text(header.get_value(TAGS["SOPInstanceUID"]))
    return uid == sop_instance_uid and not _find_fault(header, uid, series)


def write_received(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    InputError
        It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content)


def read_instance(content: bytes) -> Instance:
    """Return what the header of an object says; its pixels may be missing.

    Raises
    ------
    InputError
        It lacks what identifies an image.
    """
    return instance_from_header(_read(content))


def _read(content: bytes) -> Header:
    return read_header(MemoryBytes(content))
