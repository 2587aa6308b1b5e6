"""Modules that an object takes over from the images that it refers to, and its UIDs."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from attrs import frozen
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DA, TM, PersonName

from opp_mri.dicom.headers.header import silence_pydicom
from opp_mri.dicom.headers.sources import open_source
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError
from opp_mri.files import open_new, write_whole

MANUFACTURER: Final = "opp_mri"
UNICODE: Final = "ISO_IR 192"

# modules of patient and study (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2): an object whose modules differ
# from those of its images is filed as another patient
PATIENT_AND_STUDY: Final = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "OtherPatientIDs", "PatientBirthTime", "EthnicGroup", "PatientComments",
    "PatientIdentityRemoved", "DeidentificationMethod", "LongitudinalTemporalInformationModified",
    "StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID",
    "AccessionNumber", "StudyDescription", "PatientAge", "PatientSize", "PatientWeight",
    "TimezoneOffsetFromUTC",
)  # fmt: skip
REQUIRED: Final = (  # type 2: there, if only empty
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "ReferringPhysicianName", "StudyID", "AccessionNumber",
)  # fmt: skip
_UUID_BITS: Final = 128


@frozen(kw_only=True)
class ReferencedImages:
    """Images of one series that an object refers to.

    Parameters
    ----------
    study_instance_uid, series_instance_uid, sop_class_uid
        As their files have them.
    sop_instance_uids
        Each once; at least one.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uids: tuple[str, ...]


def derive_uid(*parts: str) -> str:
    """Return a UID that follows from some texts: under 2.25, as PS3.5 B.2 has it."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[: _UUID_BITS // 8], 'big')}"


@lru_cache(maxsize=256)
def read_image_header(source: SourceFile) -> Dataset:
    """Return the header of an image, with all that the modules of patient and study require.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        with silence_pydicom(), open_source(source) as stream:
            header = dcmread(stream, stop_before_pixels=True, force=True)
            header.walk(
                lambda _dataset, _element: None
            )  # its values are converted while it is quiet
    except InvalidDicomError as error:
        raise InputError(
            f"{source.name} cannot be read as DICOM: index its folder again."
        ) from error
    for keyword in REQUIRED:
        if keyword not in header:
            setattr(header, keyword, "")
    return header


def add_patient_and_study(dataset: Dataset, header: Dataset) -> None:
    """Add the modules of patient and study of an image, in Unicode."""
    for keyword in PATIENT_AND_STUDY:
        if keyword in header:
            value = header.get(keyword)
            setattr(dataset, keyword, str(value) if isinstance(value, PersonName) else value)
    dataset.SpecificCharacterSet = UNICODE


def add_equipment(dataset: Dataset) -> None:
    """Add the module of equipment: this program."""
    dataset.Manufacturer = dataset.ManufacturerModelName = MANUFACTURER
    dataset.SoftwareVersions = version("opp-mri")


def add_times(
    dataset: Dataset, moment: datetime, header: Dataset, content: str = "Content"
) -> None:
    """State when the content was recorded, to the second, in the time zone of the image.

    Parameters
    ----------
    content
        Start of the keywords of the content's date and time.
    """
    local = convert_to_zone(moment, header)
    for start in (content, "InstanceCreation", "Series"):
        setattr(dataset, f"{start}Date", DA(local.date()))
        setattr(dataset, f"{start}Time", TM(local.time()))


def convert_to_person_name(name: str) -> str:
    """Return a name as a DICOM person name of one component, at most 64 characters.

    The caret at its end says that the one component is meant.
    """
    plain = "".join(
        " " if letter in "^=\\" or not letter.isprintable() else letter for letter in name
    )
    return f"{plain.strip()[:63] or '?'}^"


def convert_to_zone(moment: datetime, header: Dataset) -> datetime:
    """Return a moment, to the second, in the time zone that the header states, else in UTC."""
    zone = UTC
    offset = str(header.get("TimezoneOffsetFromUTC") or "")
    if re.fullmatch(r"[+-]\d{4}", offset):
        minutes = int(offset[1:3]) * 60 + int(offset[3:])
        zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    return moment.astimezone(zone).replace(microsecond=0)


def build_instance_references(images: ReferencedImages) -> list[Dataset]:
    """Return the items of a referenced SOP sequence, one per image."""
    items = []
    for uid in images.sop_instance_uids:
        item = Dataset()
        item.ReferencedSOPClassUID = images.sop_class_uid
        item.ReferencedSOPInstanceUID = uid
        items.append(item)
    return items


def add_references(dataset: Dataset, images: Sequence[ReferencedImages]) -> None:
    """Add the common instance reference module (PS3.3 C.12.2) for the images of an object."""
    own = [image for image in images if image.study_instance_uid == dataset.StudyInstanceUID]
    if own:
        dataset.ReferencedSeriesSequence = [_build_series_reference(image) for image in own]
    elsewhere = []
    for uid in dict.fromkeys(image.study_instance_uid for image in images if image not in own):
        study = Dataset()
        study.StudyInstanceUID = uid
        study.ReferencedSeriesSequence = [
            _build_series_reference(image) for image in images if image.study_instance_uid == uid
        ]
        elsewhere.append(study)
    if elsewhere:
        dataset.StudiesContainingOtherReferencedInstancesSequence = elsewhere


def _build_series_reference(images: ReferencedImages) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = images.series_instance_uid
    series.ReferencedInstanceSequence = build_instance_references(images)
    return series


def write_object(dataset: Dataset, path: Path) -> None:
    """Write a dataset as a DICOM file, whole and for its owner, in a folder made where needed."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as partial, open_new(partial) as file:
        dataset.save_as(file, enforce_file_format=True)
