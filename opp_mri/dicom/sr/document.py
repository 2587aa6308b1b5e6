"""A Comprehensive SR document around a tree of content: modules of patient, study and document."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from importlib.metadata import version
from typing import Final

import highdicom.sr as hd
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.valuerep import DA, DT, TM, PersonName

from opp_mri.dicom.headers.header import silence_pydicom
from opp_mri.dicom.headers.sources import open_source
from opp_mri.dicom.sr.concepts import PRIVATE_SCHEME
from opp_mri.dicom.sr.report import Identity, ReportedImage, Verifier
from opp_mri.domain.exchange import DocumentReference
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError

SERIES_NUMBER: Final = 9500
MANUFACTURER: Final = "opp_mri"
UNICODE: Final = "ISO_IR 192"
NOT_STATED: Final = "Not stated"  # the organisation of a verifier, which a project does not know
LONGEST_DESCRIPTION: Final = 64  # characters (LO)

# modules of patient and study (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2): a report whose modules differ
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


def build_document(
    content: Dataset,
    *,
    images: Sequence[ReportedImage],
    identity: Identity,
    description: str,
    written_at: datetime,
    verifiers: Sequence[Verifier] = (),
) -> Dataset:
    """Build the document of a tree of content items.

    Parameters
    ----------
    content
        The root container.
    images
        All images that the content refers to, of one study; at least one.
    identity
        The UIDs, and the reports that this one follows.
    description
        SeriesDescription.
    written_at
        ContentDate and ContentTime: when the content was recorded, so that it depends on nothing
        else.
    verifiers
        Those who verified it; none where it is unverified.

    Raises
    ------
    InputError
        The file of an image cannot be read.
    """
    headers = [_read_image_header(image.source) for image in images]
    uids = identity.reference
    report = hd.ComprehensiveSR(
        evidence=headers,
        content=content,
        series_instance_uid=uids.series_instance_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=uids.sop_instance_uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=True,
        manufacturer_model_name=MANUFACTURER,
        software_versions=version("opp-mri"),
        series_description=description[:LONGEST_DESCRIPTION],
        specific_character_set=UNICODE,
    )
    for keyword in PATIENT_AND_STUDY:
        if keyword in headers[0]:
            setattr(report, keyword, _convert_to_plain(headers[0].get(keyword)))
    report.SpecificCharacterSet = UNICODE
    del report.ContributingEquipmentSequence  # highdicom's own, with the time of day in it
    moment = _convert_to_zone_of(written_at, headers[0])
    report.ContentDate = report.InstanceCreationDate = report.SeriesDate = DA(moment.date())
    report.ContentTime = report.InstanceCreationTime = report.SeriesTime = TM(moment.time())
    report.CodingSchemeIdentificationSequence = [_build_private_scheme()]
    if identity.predecessors:
        report.PredecessorDocumentsSequence = [
            _build_reference(each) for each in identity.predecessors
        ]
    if verifiers:
        report.VerificationFlag = "VERIFIED"
        report.VerifyingObserverSequence = [_build_verifier(each) for each in verifiers]
    return report


def format_person_name(name: str) -> str:
    """Return a name as a DICOM person name of one component, at most 64 characters.

    The caret at its end says that the one component is meant.
    """
    plain = "".join(
        " " if letter in "^=\\" or not letter.isprintable() else letter for letter in name
    )
    return f"{plain.strip()[:63] or '?'}^"


@lru_cache(maxsize=256)
def _read_image_header(source: SourceFile) -> Dataset:
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


def _convert_to_zone_of(moment: datetime, header: Dataset) -> datetime:
    """Return a moment, to the second, in the time zone that the header states, else in UTC."""
    zone = UTC
    offset = str(header.get("TimezoneOffsetFromUTC") or "")
    if re.fullmatch(r"[+-]\d{4}", offset):
        minutes = int(offset[1:3]) * 60 + int(offset[3:])
        zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    return moment.astimezone(zone).replace(microsecond=0)


def _convert_to_plain(value: object) -> object:
    return str(value) if isinstance(value, PersonName) else value


def _build_private_scheme() -> Dataset:
    scheme = Dataset()
    scheme.CodingSchemeDesignator = PRIVATE_SCHEME
    scheme.CodingSchemeName = "Codes of opp_mri"
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    return scheme


def _build_reference(report: DocumentReference) -> Dataset:
    instance = Dataset()
    instance.ReferencedSOPClassUID = report.sop_class_uid
    instance.ReferencedSOPInstanceUID = report.sop_instance_uid
    series = Dataset()
    series.SeriesInstanceUID = report.series_instance_uid
    series.ReferencedSOPSequence = [instance]
    study = Dataset()
    study.StudyInstanceUID = report.study_instance_uid
    study.ReferencedSeriesSequence = [series]
    return study


def _build_verifier(verifier: Verifier) -> Dataset:
    item = Dataset()
    item.VerifyingObserverName = format_person_name(verifier.name)
    item.VerifyingOrganization = NOT_STATED
    item.VerificationDateTime = DT(verifier.verified_at.replace(microsecond=0))
    item.VerifyingObserverIdentificationCodeSequence = []
    return item
