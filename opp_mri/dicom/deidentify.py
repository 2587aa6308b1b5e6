"""Images without identity: what is not on the list of attributes below does not pass.

An allow-list, not the list of removals of PS3.15 annex E: an attribute that nobody thought of, a
private one, an overlay or an icon stays behind. It keeps what lengths and the display of an image
need and no text that a person can type; every UID that names something is replaced, and no date or
time is taken over.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence

from opp_mri.dicom.byte_reader import open_bytes
from opp_mri.dicom.header import quiet_pydicom
from opp_mri.dicom.sources import READ_ERRORS
from opp_mri.dicom.values import PYDICOM_ERRORS
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError

REPLACED_UIDS = frozenset(
    {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"}
)

NUMBERS = frozenset(
    {
        *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored"),
        *("HighBit", "PixelRepresentation", "PlanarConfiguration", "PixelPaddingValue"),
        *("SmallestImagePixelValue", "LargestImagePixelValue", "WindowCenter", "WindowWidth"),
        *("RescaleSlope", "RescaleIntercept", "InstanceNumber", "AcquisitionNumber"),
        *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
        *("SpacingBetweenSlices", "EchoNumbers", "TemporalPositionIdentifier", "TriggerTime"),
        *("RepetitionTime", "EchoTime", "EffectiveEchoTime", "InversionTime", "InversionTimes"),
        *("FlipAngle", "EchoTrainLength", "DiffusionBValue", "MagneticFieldStrength"),
        *("PixelBandwidth", "TemporalPositionIndex", "InStackPositionNumber"),
    }
)

CODES = frozenset(
    {
        *("Modality", "PhotometricInterpretation", "ImageType", "FrameType", "ScanningSequence"),
        *("SequenceVariant", "ScanOptions", "MRAcquisitionType", "InPlanePhaseEncodingDirection"),
        *("AcquisitionContrast", "EchoPulseSequence", "InversionRecovery"),
        *("SpectrallySelectedSuppression", "LossyImageCompression", "RescaleType", "StackID"),
        "ContrastBolusAgentAdministered",
    }
)
"""Defined terms: kept where they look like terms."""

SEQUENCES = frozenset(
    {
        *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
        *("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence"),
        *("FrameContentSequence", "TemporalPositionSequence", "ContrastBolusUsageSequence"),
        *("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "MREchoSequence"),
        *("MRTimingAndRelatedParametersSequence", "MRModifierSequence", "MRDiffusionSequence"),
        *("MRImagingModifierSequence", "MRFOVGeometrySequence", "FrameVOILUTSequence"),
        "PixelValueTransformationSequence",
    }
)
"""Followed inwards, where the same list holds."""

PIXELS = frozenset({"PixelData"})
ALLOWED = NUMBERS | CODES | SEQUENCES | PIXELS | {"SOPClassUID"}

IMAGE_TYPES = frozenset(
    {
        *("ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "OTHER", "NONE", "MIXED", "VOLUME"),
        *("M", "M_SE", "M_FFE", "M_IR", "SE", "FFE", "IR", "R", "R_SE", "ND", "NORM", "DIS2D"),
        *("DIS3D", "FM", "W", "F", "IP", "OP", "IN_PHASE", "OUT_PHASE", "WATER", "FAT", "DIXON"),
        *("LOCALIZER", "MPR", "REFORMATTED", "RESAMPLED", "SUBTRACTION", "ADDITION", "MAGNITUDE"),
        *("T1", "T2", "STIR", "DIFFUSION", "ADC", "MIP", "PROJECTION IMAGE", "MOSAIC", "COMPOSED"),
    }
)
"""Values of ImageType and FrameType that pass; what else a scanner lets a person write does not."""

_TERM = re.compile(r"[A-Z0-9_ ]{0,16}")
_KINDS = frozenset({"ImageType", "FrameType"})
_NUMERIC_VRS = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "FD", "FL", "US or SS"})

NewUid = Callable[[str], str]


def uid_replacer(secret: bytes, case: str) -> NewUid:
    """Give what replaces UIDs: the same one for the same UID, case and secret, and no way back.

    Parameters
    ----------
    secret
        Known to the project alone; without it a new UID says nothing of the old one.
    case
        A case that comes twice has other UIDs each time.
    """

    def new_uid(uid: str) -> str:
        digest = hmac.new(secret, f"{case}/{uid}".encode(), hashlib.sha256).digest()
        number = bytearray(digest[:16])
        number[6] = number[6] & 0x0F | 0x40  # a UUID of version 4, as PS3.5 B.2 wants behind 2.25
        number[8] = number[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(number, 'big')}"

    return new_uid


def write_deidentified(
    source: SourceFile,
    path: Path,
    *,
    new_uid: NewUid,
    header: Mapping[str, str],
    allowed: frozenset[str] = ALLOWED,
) -> None:
    """Write an image without identity; its stored pixel values stay as they are, to the bit.

    Parameters
    ----------
    header
        What to say of patient and study instead, by DICOM keyword.
    allowed
        Keywords that pass.

    Raises
    ------
    InputError
        The file cannot be read, or says that text is burned into its pixels.
    """
    try:
        with open_bytes(source) as reader:
            content = BytesIO(reader.read_at(0, reader.size))
        with quiet_pydicom():
            original = dcmread(content, force=True)
            if str(original.get("BurnedInAnnotation", "")).upper() == "YES":
                raise InputError(
                    "Its header says that text is burned into the image, which may name the "
                    "patient: it cannot be read blind."
                )
            clean = deidentified(original, new_uid, allowed)
            for keyword, value in header.items():
                setattr(clean, keyword, value)
            meta = FileMetaDataset()
            meta.TransferSyntaxUID = original.file_meta.TransferSyntaxUID
            clean.file_meta = meta
            path.parent.mkdir(parents=True, exist_ok=True)
            clean.save_as(path, enforce_file_format=True)
    except (*READ_ERRORS, *PYDICOM_ERRORS) as error:
        raise InputError(
            f"An image cannot be copied ({type(error).__name__}): fetch it again."
        ) from error


def deidentified(dataset: Dataset, new_uid: NewUid, allowed: frozenset[str] = ALLOWED) -> Dataset:
    """Give what of a dataset may pass, at every depth, with new UIDs."""
    clean = Dataset()
    for element in dataset:
        keyword = element.keyword
        if keyword in REPLACED_UIDS:
            if element.value:
                setattr(clean, keyword, new_uid(str(element.value)))
        elif keyword in allowed and (kept := _kept(element, new_uid, allowed)) is not None:
            clean.add(kept)
    return clean


def _kept(element: DataElement, new_uid: NewUid, allowed: frozenset[str]) -> DataElement | None:
    if element.keyword in SEQUENCES:
        items = [deidentified(item, new_uid, allowed) for item in element.value]
        return DataElement(element.tag, "SQ", DicomSequence(items))
    if element.keyword in NUMBERS and element.VR not in _NUMERIC_VRS:
        return None  # a private creator's or a damaged file's idea of it
    if element.keyword in _KINDS:
        kinds = [one for one in _values(element.value) if one in IMAGE_TYPES]
        return DataElement(element.tag, "CS", kinds)
    if element.keyword in CODES and not all(map(_TERM.fullmatch, _values(element.value))):
        return None
    return element


def _values(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value] if isinstance(value, Iterable) else []
