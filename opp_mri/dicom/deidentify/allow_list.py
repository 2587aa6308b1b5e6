"""Images without identity: only the attributes listed below pass.

This is a list of what passes, not the list of removals of PS3.15 annex E: an attribute that nobody
thought of, a private one, an overlay or an icon stays behind. It keeps what lengths and the display
of an image need and no text that a person can type. Every UID that names something is replaced, no
date or time is taken over, a number that lies outside of what its attribute can mean is left out,
and numbers that count images are counted again. Pixels are decoded and written again, so that
nothing passes with them: no bits above BitsStored, no comment in a codestream, no trailing bytes.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydicom import Dataset
from pydicom.dataelem import DataElement

from opp_mri.dicom.deidentify.disguise import Disguise, put_on
from opp_mri.dicom.deidentify.engine import (
    NewUid,
    Place,
    clean_dataset,
    encode_file,
    has_burned_in_text,
    read_original,
)
from opp_mri.dicom.headers.header import silence_pydicom
from opp_mri.dicom.headers.sources import READ_ERRORS
from opp_mri.dicom.headers.values import PYDICOM_ERRORS
from opp_mri.dicom.pixels import read_frames
from opp_mri.domain.imaging import SourceFile
from opp_mri.errors import InputError, ProjectError

REPLACED_UIDS: Final = frozenset(
    {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"}
)

NUMBERS: Final[Mapping[str, tuple[float, float]]] = {
    "NumberOfFrames": (1, 10_000),
    "PixelRepresentation": (0, 1),
    "BitsStored": (1, 32),
    "RescaleSlope": (-10_000, 10_000),
    "RescaleIntercept": (-100_000, 100_000),
    "ImagePositionPatient": (-5_000, 5_000),
    "ImageOrientationPatient": (-1.001, 1.001),
    "PixelSpacing": (0.01, 50),
    "SliceThickness": (0, 100),
    "SpacingBetweenSlices": (-100, 100),
    "EchoNumbers": (0, 64),
    "TemporalPositionIdentifier": (0, 999),
    "TemporalPositionIndex": (0, 999),
    "InStackPositionNumber": (0, 9_999),
    "RepetitionTime": (0, 30_000),
    "EchoTime": (0, 2_000),
    "EffectiveEchoTime": (0, 2_000),
    "InversionTime": (0, 10_000),
    "InversionTimes": (0, 10_000),
    "FlipAngle": (0, 360),
    "EchoTrainLength": (0, 1_024),
    "DiffusionBValue": (0, 10_000),
    "MagneticFieldStrength": (0, 120_000),  # in gauss on old scanners
    "PixelBandwidth": (0, 10_000),
}
"""Numbers that pass where all their values lie within these limits."""

ROUNDED: Final = frozenset(
    {
        *("RepetitionTime", "EchoTime", "EffectiveEchoTime", "InversionTime", "InversionTimes"),
        "PixelBandwidth",
    }
)
"""Passed with two significant digits: their last digits would tell one examination from others."""


CODES: Final = frozenset(
    {
        *("Modality", "PhotometricInterpretation", "ImageType", "FrameType", "ScanningSequence"),
        *("SequenceVariant", "ScanOptions", "MRAcquisitionType", "InPlanePhaseEncodingDirection"),
        *("AcquisitionContrast", "EchoPulseSequence", "InversionRecovery"),
        *("SpectrallySelectedSuppression", "LossyImageCompression", "RescaleType", "StackID"),
        "ContrastBolusAgentAdministered",
    }
)
"""Their values pass where they are among `TERMS`."""

SEQUENCES: Final = frozenset(
    {
        *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
        *("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence"),
        *("FrameContentSequence", "TemporalPositionSequence", "ContrastBolusUsageSequence"),
        *("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "MREchoSequence"),
        *("MRTimingAndRelatedParametersSequence", "MRModifierSequence", "MRDiffusionSequence"),
        *("MRImagingModifierSequence", "MRFOVGeometrySequence"),
        "PixelValueTransformationSequence",
    }
)
"""Followed inwards, where the same list holds."""

ALLOWED: Final = frozenset(NUMBERS) | CODES | SEQUENCES | {"SOPClassUID"}

TERMS: Final = frozenset(
    {
        # ImageType, FrameType
        *("ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "OTHER", "NONE", "MIXED", "VOLUME"),
        *("M", "M_SE", "M_FFE", "M_IR", "SE", "FFE", "IR", "R", "R_SE", "ND", "NORM", "DIS2D"),
        *("DIS3D", "FM", "W", "F", "IP", "OP", "IN_PHASE", "OUT_PHASE", "WATER", "FAT", "DIXON"),
        *("LOCALIZER", "MPR", "REFORMATTED", "RESAMPLED", "SUBTRACTION", "ADDITION", "MAGNITUDE"),
        *("T1", "T2", "STIR", "DIFFUSION", "ADC", "MIP", "PROJECTION IMAGE", "MOSAIC", "COMPOSED"),
        # ScanningSequence, SequenceVariant, ScanOptions (PS3.3 C.8.3.1)
        *("GR", "EP", "RM", "SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "TOF"),
        *("PER", "RG", "CG", "PPG", "FC", "PFF", "PFP", "FS", "SFS", "CT", "SAT1", "SAT2"),
        *("FAST_GEMS", "SAT_GEMS", "SPF_GEMS", "FC_FREQ_AX_GEMS", "FC_SLICE_AX_GEMS", "FR_GEMS"),
        *("EDR_GEMS", "TRF_GEMS", "NPW_GEMS", "PFF_GEMS", "FILTERED_GEMS", "ACC_GEMS", "FSS_GEMS"),
        # of enhanced images (PS3.3 C.8.13)
        *("YES", "NO", "2D", "3D", "ROW", "COL", "COLUMN", "SPIN", "GRADIENT", "BOTH"),
        *("FAT_AND_WATER", "PROTON_DENSITY", "T2_STAR", "FLOW_ENCODED", "FLUID_ATTENUATED"),
        *("PERFUSION", "TAGGING", "TOF", "UNKNOWN", "MR", "MONOCHROME1", "MONOCHROME2", "US"),
        *("00", "01"),
        *map(str, range(1, 100)),  # StackID
    }
)
"""What a defined term may say; what a scanner lets a person write passes by no other name."""

_NUMERIC_VRS: Final = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "FD", "FL", "US or SS"})


def write_deidentified(
    source: SourceFile,
    path: Path,
    *,
    new_uid: NewUid,
    header: Mapping[str, str | int],
    disguise: Disguise,
    allowed_keywords: frozenset[str] = ALLOWED,
) -> None:
    """Write an image without identity, its pixels decoded, disguised and uncompressed.

    Parameters
    ----------
    header
        The attributes of patient, study and image that replace the original ones, by keyword.
    disguise
        How pixels and geometry differ from the original; no length does.
    allowed_keywords
        Keywords that pass.

    Raises
    ------
    InputError
        The file cannot be read or decoded, or says that text is burned into its pixels.
    ProjectError
        The copy cannot be written.
    """
    try:
        with silence_pydicom():
            original = read_original(source)
            if has_burned_in_text(original):
                raise InputError(
                    "Its header says that text is burned into the image, which may name the "
                    "patient: it cannot be read blind."
                )
            clean = keep_allowed(original, new_uid, allowed_keywords)
            for keyword, value in header.items():
                setattr(clean, keyword, value)
            frames = read_frames(source, range(1, int(original.get("NumberOfFrames") or 1) + 1))
            put_on(clean, [frame.stored for frame in frames], disguise)
            content = encode_file(clean)
    except (*READ_ERRORS, *PYDICOM_ERRORS) as error:
        raise InputError(
            f"An image cannot be copied ({type(error).__name__}): fetch it again."
        ) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise ProjectError(
            f"The package cannot be written ({error.strerror or type(error).__name__}): make room, "
            "or name another folder. Nothing of it was kept."
        ) from error


def keep_allowed(
    dataset: Dataset, new_uid: NewUid, allowed_keywords: frozenset[str] = ALLOWED
) -> Dataset:
    """Return what of a dataset may pass, at every depth, with new UIDs."""

    def keep_element(element: DataElement, _dataset: Dataset, _place: Place) -> DataElement | None:
        keyword = element.keyword
        if keyword in REPLACED_UIDS:
            uid = str(element.value or "")
            return DataElement(element.tag, "UI", new_uid(uid)) if uid else None
        return _keep(element) if keyword in allowed_keywords else None

    return clean_dataset(dataset, keep_element, keywords=REPLACED_UIDS | allowed_keywords)


def _keep(element: DataElement) -> DataElement | None:
    if element.VR == "SQ":
        return element if element.keyword in SEQUENCES else None
    if element.keyword in NUMBERS:
        return _number(element)
    if element.keyword in CODES:
        terms = [term for term in _list_values(element.value) if term in TERMS]
        return DataElement(element.tag, element.VR, terms) if terms else None
    return element


def _number(element: DataElement) -> DataElement | None:
    """Return a number that its attribute can mean, without digits that single an image out."""
    if element.VR not in _NUMERIC_VRS or element.is_empty:
        return None
    values = list(element.value) if element.VM > 1 else [element.value]
    low, high = NUMBERS[element.keyword]
    if not all(isinstance(value, int | float) and low <= value <= high for value in values):
        return None
    if element.keyword in ROUNDED:
        values = [float(f"{value:.2g}") for value in values]
    return DataElement(element.tag, element.VR, values if len(values) > 1 else values[0])


def _list_values(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, Iterable) else []
