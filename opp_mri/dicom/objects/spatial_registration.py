"""A rigid fit as a DICOM Spatial Registration (PS3.3 A.39.1, C.20.2), out and in."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from attrs import field, frozen
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import SpatialRegistrationStorage
from pydicom.valuerep import format_number_as_ds

from opp_mri.dicom.headers.header import silence_pydicom
from opp_mri.dicom.headers.values import PYDICOM_ERRORS
from opp_mri.dicom.objects.modules import (
    ReferencedImages,
    add_equipment,
    add_patient_and_study,
    add_references,
    add_times,
    build_instance_references,
    convert_to_person_name,
    derive_uid,
    read_image_header,
    write_object,
)
from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.imaging import SourceFile
from opp_mri.domain.transform import RigidTransform
from opp_mri.errors import GeometryError, InputError

SERIES_NUMBER: Final = 9600
LABEL: Final = "OPP_MRI_FIT"  # a code string
LONGEST_TEXT: Final = 64  # characters (LO)
PREAMBLE: Final = 128  # bytes before the letters that mark a DICOM file
SINGULAR: Final = 1e-6  # determinant of what is not a motion


@frozen(kw_only=True, eq=False)
class Registration:
    """A confirmed fit with what the object says of it.

    Parameters
    ----------
    baseline_from_followup
        The motion; both frames of reference have a name.
    baseline, followup
        The images that were registered.
    followup_source
        The file of an image of the follow-up, whose study the object belongs to.
    description
        What was registered, in words.
    confirmed_by, confirmed_at
        The reader's decision.
    identity
        Texts that the UIDs follow from: the same fit and decision are the same object.
    """

    baseline_from_followup: RigidTransform
    baseline: ReferencedImages
    followup: ReferencedImages
    followup_source: SourceFile = field(repr=False)
    description: str
    confirmed_by: str
    confirmed_at: datetime
    identity: tuple[str, ...]


def write_spatial_registration(path: Path, registration: Registration) -> None:
    """Write a fit for programs that overlay studies.

    The frame of reference of the object is that of the baseline. Its second item carries points of
    the follow-up there; its first item is the identity, which some programs look for.

    Parameters
    ----------
    path
        A file that is there is replaced.

    Raises
    ------
    GeometryError
        A frame of reference has no name.
    InputError
        The file of the follow-up cannot be read.
    """
    transform = registration.baseline_from_followup
    uids = (transform.to_frame_of_reference_uid, transform.from_frame_of_reference_uid)
    if not all(uids):
        raise GeometryError(
            "These images name no frame of reference, which a Spatial Registration requires: "
            "export the fit with `--as tfm`."
        )
    header = read_image_header(registration.followup_source)
    dataset = Dataset()
    add_patient_and_study(dataset, header)
    add_equipment(dataset)
    add_times(dataset, registration.confirmed_at, header)
    dataset.SOPClassUID = SpatialRegistrationStorage
    dataset.SOPInstanceUID = derive_uid("registration", *registration.identity)
    dataset.SeriesInstanceUID = derive_uid("registration series", *registration.identity)
    dataset.Modality = "REG"
    dataset.SeriesNumber = SERIES_NUMBER
    dataset.SeriesDescription = registration.description[:LONGEST_TEXT]
    dataset.InstanceNumber = 1
    dataset.FrameOfReferenceUID = uids[0]
    dataset.PositionReferenceIndicator = dataset.Laterality = ""
    dataset.ContentLabel = LABEL
    dataset.ContentDescription = registration.description[:LONGEST_TEXT]
    dataset.ContentCreatorName = convert_to_person_name(registration.confirmed_by)
    dataset.RegistrationSequence = [
        _build_item(uids[0], registration.baseline, np.eye(4)),
        _build_item(uids[1], registration.followup, transform.matrix),
    ]
    add_references(dataset, (registration.baseline, registration.followup))
    write_object(dataset, path)


def is_dicom_file(path: Path) -> bool:
    """Return whether a file is marked as DICOM.

    Raises
    ------
    InputError
        It cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(PREAMBLE + 4)[PREAMBLE:] == b"DICM"
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check its rights.") from error


def read_spatial_registration(
    path: Path,
    *,
    baseline_frame_uid: str,
    followup_frame_uid: str,
    baseline_uids: Sequence[str],
    followup_uids: Sequence[str],
) -> FloatArray:
    """Read the transform between two volumes from a Spatial Registration.

    An item is that of a volume where it names images of it, or else has its frame of reference.
    Either study may be the registered one: the matrices are combined accordingly.

    Parameters
    ----------
    baseline_frame_uid, followup_frame_uid
        Frames of reference of the volumes.
    baseline_uids, followup_uids
        SOPInstanceUID of their images.

    Returns
    -------
    numpy.ndarray
        Shape (4, 4): `baseline_from_followup`, LPS mm.

    Raises
    ------
    InputError
        The file is no Spatial Registration, or does not register these volumes.
    """
    try:
        with silence_pydicom():
            dataset = dcmread(path)
            items = list(_list_items(dataset))
    except PYDICOM_ERRORS as error:
        raise InputError(
            f"{path} cannot be read as a Spatial Registration: export it again."
        ) from error
    if dataset.get("SOPClassUID") != SpatialRegistrationStorage:
        raise InputError(
            f"{path} is a DICOM object of another kind: only a Spatial Registration with rigid "
            "matrices can be a fit."
        )
    own_item = _Item(str(dataset.get("FrameOfReferenceUID", "")), frozenset(), (np.eye(4),))
    places = (
        ("baseline", baseline_frame_uid, frozenset(baseline_uids)),
        ("follow-up", followup_frame_uid, frozenset(followup_uids)),
    )
    baseline, followup = (
        _find_matrix(path, [*items, own_item], name, frame, uids) for name, frame, uids in places
    )
    if baseline is followup:
        raise InputError(
            f"{path} does not tell the two studies apart: they have one frame of reference there, "
            "and it does not name their images. Export the transform with references to images."
        )
    baseline_from_followup: FloatArray = np.linalg.inv(baseline) @ followup
    return baseline_from_followup


@frozen(eq=False)
class _Item:
    """An item of the registration: the matrices lead to the frame of reference of the object."""

    frame_of_reference_uid: str
    sop_instance_uids: frozenset[str]
    matrices: tuple[FloatArray, ...]


def _list_items(dataset: Dataset) -> Iterator[_Item]:
    for item in dataset.get("RegistrationSequence") or ():
        matrices = [
            np.array([float(number) for number in matrix_item.FrameOfReferenceTransformationMatrix])
            for motion in item.get("MatrixRegistrationSequence") or ()
            for matrix_item in motion.get("MatrixSequence") or ()
        ]
        yield _Item(
            str(item.get("FrameOfReferenceUID", "")),
            frozenset(
                str(image_item.get("ReferencedSOPInstanceUID", ""))
                for image_item in item.get("ReferencedImageSequence") or ()
            ),
            tuple(matrix.reshape(4, 4) for matrix in matrices) or (np.eye(4),),
        )


def _find_matrix(
    path: Path, items: Sequence[_Item], name: str, frame_uid: str, uids: frozenset[str]
) -> FloatArray:
    """Return what carries points of a volume to the frame of reference of the object."""
    of_volume = [item for item in items if item.sop_instance_uids & uids]
    of_volume = of_volume or [
        item for item in items if frame_uid and item.frame_of_reference_uid == frame_uid
    ]
    if not of_volume:
        raise InputError(
            f"{path} does not register the {name}: neither its images nor its frame of reference "
            "are named there. Choose the lesion, sequence and follow-up for which it was made."
        )
    matrix = of_volume[0].matrices[0]
    alike = [
        len(item.matrices) == 1 and np.array_equal(item.matrices[0], matrix) for item in of_volume
    ]
    if not all(alike):
        raise InputError(
            f"{path} has several transforms for the {name}: export it with one matrix per study."
        )
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < SINGULAR:
        raise InputError(f"{path} has a singular matrix: it is not a rigid transform.")
    return matrix


def _build_item(frame_uid: str, images: ReferencedImages, matrix: FloatArray) -> Dataset:
    step = Dataset()
    step.FrameOfReferenceTransformationMatrix = [
        format_number_as_ds(float(number)) for number in matrix.ravel()
    ]
    step.FrameOfReferenceTransformationMatrixType = "RIGID"
    motion = Dataset()
    motion.RegistrationTypeCodeSequence = [_build_type()]
    motion.MatrixSequence = [step]
    item = Dataset()
    item.FrameOfReferenceUID = frame_uid
    item.ReferencedImageSequence = build_instance_references(images)
    item.MatrixRegistrationSequence = [motion]
    return item


def _build_type() -> Dataset:
    """Return how it was registered: by the content of the images (CID 7100)."""
    code = Dataset()
    code.CodeValue = "125024"
    code.CodingSchemeDesignator = "DCM"
    code.CodeMeaning = "Image Content-based Alignment"
    return code
