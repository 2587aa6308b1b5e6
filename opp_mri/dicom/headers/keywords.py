"""The elements of a header that are read."""

from typing import Final

from pydicom.datadict import tag_for_keyword

KEYWORDS: Final = (
    *("SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate"),
    *("AcquisitionDate", "AcquisitionDateTime", "StudyTime", "AcquisitionTime", "Modality"),
    *("Manufacturer", "InstitutionName", "StudyDescription", "SeriesDescription"),
    *("ManufacturerModelName", "AcquisitionContrast"),
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("ContrastBolusAgent", "ContrastBolusAgentSequence", "BodyPartExamined", "ScanningSequence"),
    *("SequenceVariant", "ScanOptions", "MRAcquisitionType", "SequenceName", "SliceThickness"),
    *("RepetitionTime", "EchoTime", "InversionTime", "EchoNumbers", "MagneticFieldStrength"),
    *("SpacingBetweenSlices", "EchoTrainLength", "PixelBandwidth", "ProtocolName"),
    *("ContrastBolusVolume", "ContrastBolusStartTime", "TriggerTime"),
    *("InPlanePhaseEncodingDirection", "FlipAngle", "PulseSequenceName", "EchoPulseSequence"),
    *("InversionRecovery", "SpectrallySelectedSuppression", "InversionTimes"),
    *("EffectiveEchoTime", "DiffusionBValue", "EchoPlanarPulseSequence"),
    *("ComplexImageComponent", "VolumeBasedCalculationTechnique"),
    *("DerivationDescription", "DerivationCodeSequence", "SeriesDate", "ContentDate"),
    "SeriesTime",
    *("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber"),
    *("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID"),
    *("TemporalPositionIdentifier", "SamplesPerPixel", "PhotometricInterpretation"),
    *("NumberOfFrames", "Rows", "Columns", "PixelSpacing", "BitsAllocated"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
"""The elements that are read; `instances` makes an Instance of them."""


def get_tag(keyword: str) -> int:
    """Return the tag of a DICOM keyword."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no DICOM keyword")
    return tag


TAGS: Final = {keyword: get_tag(keyword) for keyword in KEYWORDS}

PRIVATE_B_VALUES: Final = tuple(
    (creator, group << 16 | block, group << 16 | block << 8 | element)
    for creator, group, element in (
        ("SIEMENS MR HEADER", 0x0019, 0x0C),
        ("GEMS_PARM_01", 0x0043, 0x39),
        ("Philips Imaging DD 001", 0x2001, 0x03),
        ("Image Private Header", 0x0065, 0x09),
    )
    for block in range(0x10, 0x14)  # a file that was written again may have it in a later block
)
"""Creator of a private block, the element that names it, and the one that holds the b-value."""
