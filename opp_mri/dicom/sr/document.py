"""A Comprehensive SR document around a tree of content: modules of patient, study and document."""

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Final

import highdicom.sr as hd
from pydicom.dataset import Dataset
from pydicom.valuerep import DT

from opp_mri.dicom.objects.modules import (
    MANUFACTURER,
    UNICODE,
    add_patient_and_study,
    add_times,
    convert_to_person_name,
    read_image_header,
)
from opp_mri.dicom.sr.concepts import PRIVATE_SCHEME
from opp_mri.dicom.sr.report import Identity, ReportedImage, Verifier
from opp_mri.domain.exchange import DocumentReference

SERIES_NUMBER: Final = 9500
NOT_STATED: Final = "Not stated"  # the organisation of a verifier, which a project does not know
LONGEST_DESCRIPTION: Final = 64  # characters (LO)


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
    headers = [read_image_header(image.source) for image in images]
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
    add_patient_and_study(report, headers[0])
    del report.ContributingEquipmentSequence  # highdicom's own, with the time of day in it
    add_times(report, written_at, headers[0])
    report.CodingSchemeIdentificationSequence = [_build_private_scheme()]
    if identity.predecessors:
        report.PredecessorDocumentsSequence = [
            _build_reference(report_reference) for report_reference in identity.predecessors
        ]
    if verifiers:
        report.VerificationFlag = "VERIFIED"
        report.VerifyingObserverSequence = [_build_verifier(verifier) for verifier in verifiers]
    return report


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
    item.VerifyingObserverName = convert_to_person_name(verifier.name)
    item.VerifyingOrganization = NOT_STATED
    item.VerificationDateTime = DT(verifier.verified_at.replace(microsecond=0))
    item.VerifyingObserverIdentificationCodeSequence = []
    return item
