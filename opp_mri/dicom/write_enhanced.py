"""A series as one Enhanced MR Image Storage file with functional groups (PS3.3 A.36.2)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID, EnhancedMRImageStorage

from opp_mri.dicom.write import HeaderValue, SeriesToWrite, put, put_pixels, save
from opp_mri.domain.geometry import ImagePlane

# values of a classic header that have a place of their own in the functional groups
_MOVED: Final = frozenset(
    {
        "RepetitionTime", "EchoTime", "InversionTime", "EchoTrainLength", "FlipAngle",
        "NumberOfAverages", "PixelBandwidth", "InPlanePhaseEncodingDirection", "ScanningSequence",
        "SequenceVariant", "ScanOptions", "SequenceName", "MRAcquisitionType", "ImageType",
        "ImagedNucleus", "ImagingFrequency", "ContrastBolusAgent", "ContrastBolusVolume",
        "BodyPartExamined", "AcquisitionDate", "AcquisitionTime",
    }
)  # fmt: skip
STACK: Final = "1"
PERFORMED_PROCEDURE_STEP: Final = UID("1.2.840.10008.3.1.2.3.3")


@frozen(kw_only=True)
class EnhancedValues:
    """What an enhanced image says that a classic header has no word for.

    Parameters
    ----------
    weighting
        AcquisitionContrast: T1, T2 or STIR.
    fat_suppressed
        Whether fat was suppressed spectrally.
    dimension_organization_uid, procedure_step_uid
        Of the frames' order, and of the step that the series was made in.
    """

    weighting: str
    fat_suppressed: bool
    dimension_organization_uid: str
    procedure_step_uid: str


def write_enhanced(series: SeriesToWrite, values: EnhancedValues, path: Path) -> None:
    """Write a series, which has one SOP instance UID, as the frames of one file."""
    save(build_enhanced_dataset(series, values), path)


def build_enhanced_dataset(series: SeriesToWrite, values: EnhancedValues) -> Dataset:
    """Return a series as an Enhanced MR Image Storage dataset."""
    dataset = Dataset()
    put(dataset, {key: value for key, value in series.header.items() if key not in _MOVED})
    put(dataset, _build_image_values(series, values))
    dataset.ReferringPhysicianName = ""
    dataset.PositionReferenceIndicator = ""
    dataset.AcquisitionContextSequence = Sequence()
    step = Dataset()
    step.ReferencedSOPClassUID = PERFORMED_PROCEDURE_STEP
    step.ReferencedSOPInstanceUID = values.procedure_step_uid
    dataset.ReferencedPerformedProcedureStepSequence = Sequence([step])
    _put_dimensions(dataset, values.dimension_organization_uid)
    if "ContrastBolusAgent" in series.header:
        _put_agent(dataset, series.header)
    dataset.SharedFunctionalGroupsSequence = Sequence(
        [_build_shared_groups(series, values.weighting)]
    )
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [
            _build_frame_groups(series, plane, number)
            for number, plane in enumerate(series.planes, start=1)
        ]
    )
    put_pixels(dataset, series.pixels)
    dataset.NumberOfFrames = len(series.planes)
    return dataset


def _build_image_values(series: SeriesToWrite, values: EnhancedValues) -> dict[str, HeaderValue]:
    header = series.header
    weighting = values.weighting
    is_inverted = "InversionTime" in header
    return {
        "SOPClassUID": EnhancedMRImageStorage,
        "SOPInstanceUID": series.sop_instance_uids[0],
        "InstanceNumber": 1,
        "ImageType": ("ORIGINAL", "PRIMARY", weighting, "NONE"),
        "FrameOfReferenceUID": series.planes[0].frame_of_reference_uid,
        "AcquisitionDateTime": f"{header['AcquisitionDate']}{header['AcquisitionTime']}",
        "AcquisitionDuration": 214.0,
        "DeviceSerialNumber": "41000",
        "ContentQualification": "RESEARCH",
        "ResonantNucleus": "1H",
        "KSpaceFiltering": "NONE",
        "ApplicableSafetyStandardAgency": "IEC",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "ComplexImageComponent": "MAGNITUDE",
        "AcquisitionContrast": weighting,
        "PulseSequenceName": "TIR" if is_inverted else "TSE",
        "MRAcquisitionType": "2D",
        "EchoPulseSequence": "SPIN",
        "MultipleSpinEcho": "YES",
        "MultiPlanarExcitation": "NO",
        "PhaseContrast": "NO",
        "TimeOfFlightContrast": "NO",
        "SteadyStatePulseSequence": "NONE",
        "EchoPlanarPulseSequence": "NO",
        "SaturationRecovery": "NO",
        "SpectrallySelectedSuppression": "FAT" if values.fat_suppressed else "NONE",
        "OversamplingPhase": "2D",
        "GeometryOfKSpaceTraversal": "RECTILINEAR",
        "RectilinearPhaseEncodeReordering": "LINEAR",
        "SegmentedKSpaceTraversal": "PARTIAL",
        "NumberOfKSpaceTrajectories": 1,
    }


def _put_dimensions(dataset: Dataset, uid: str) -> None:
    organization = Dataset()
    organization.DimensionOrganizationUID = uid
    dataset.DimensionOrganizationSequence = Sequence([organization])
    indices = []
    for keyword in ("StackID", "InStackPositionNumber"):
        index = Dataset()
        index.DimensionOrganizationUID = uid
        index.DimensionIndexPointer = Tag(keyword)
        index.FunctionalGroupPointer = Tag("FrameContentSequence")
        index.DimensionDescriptionLabel = keyword
        indices.append(index)
    dataset.DimensionIndexSequence = Sequence(indices)


def _put_agent(dataset: Dataset, header: Mapping[str, HeaderValue]) -> None:
    """Add the agent (PS3.3 C.7.6.4b); its trade name is the meaning of a code of its own."""
    agent = _build_code("GDAGENT", "99OPPMRI", str(header["ContrastBolusAgent"]))
    agent.ContrastBolusAgentNumber = 1
    agent.ContrastBolusVolume = str(header.get("ContrastBolusVolume", ""))
    agent.ContrastBolusIngredientConcentration = "0.5"
    agent.ContrastBolusIngredientOpaque = "NO"
    agent.ContrastBolusAdministrationRouteSequence = Sequence(
        [_build_code("47625008", "SCT", "Intravenous route")]
    )
    agent.ContrastBolusIngredientCodeSequence = Sequence(
        [_build_code("45215004", "SCT", "Gadolinium")]
    )
    dataset.ContrastBolusAgentSequence = Sequence([agent])


def _build_shared_groups(series: SeriesToWrite, weighting: str) -> Dataset:
    header = series.header
    is_inverted = "InversionTime" in header
    groups = _list_shared_values(series, weighting, is_inverted=is_inverted)
    if is_inverted:
        groups["MRModifierSequence"]["InversionTimes"] = float(str(header["InversionTime"]))
    shared = Dataset()
    for keyword, values in groups.items():
        item = Dataset()
        put(item, values)
        setattr(shared, keyword, Sequence([item]))
    _put_coils_and_place(shared)
    _put_safety(shared.MRTimingAndRelatedParametersSequence[0])
    return shared


def _list_shared_values(
    series: SeriesToWrite, weighting: str, *, is_inverted: bool
) -> dict[str, dict[str, HeaderValue]]:
    """Return the values of each functional group that holds one item of plain values."""
    header, plane = series.header, series.planes[0]
    return {
        "PixelMeasuresSequence": {
            "PixelSpacing": (plane.row_spacing_mm, plane.column_spacing_mm),
            "SliceThickness": series.thickness_mm,
            "SpacingBetweenSlices": series.slice_spacing_mm,
        },
        "PlaneOrientationSequence": {
            "ImageOrientationPatient": (*plane.row_direction, *plane.column_direction)
        },
        "PixelValueTransformationSequence": {
            "RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "US",
        },
        "MRImageFrameTypeSequence": {
            "FrameType": ("ORIGINAL", "PRIMARY", weighting, "NONE"),
            "PixelPresentation": "MONOCHROME",
            "VolumetricProperties": "VOLUME",
            "VolumeBasedCalculationTechnique": "NONE",
            "ComplexImageComponent": "MAGNITUDE",
            "AcquisitionContrast": weighting,
        },
        "MRTimingAndRelatedParametersSequence": {
            "RepetitionTime": header["RepetitionTime"],
            "FlipAngle": header["FlipAngle"],
            "EchoTrainLength": header["EchoTrainLength"],
            "RFEchoTrainLength": header["EchoTrainLength"],
            "GradientEchoTrainLength": 0,
            "GradientOutputType": "DB_DT",
            "GradientOutput": 45.0,
        },
        "MREchoSequence": {"EffectiveEchoTime": float(str(header["EchoTime"]))},
        "MRModifierSequence": {
            "InversionRecovery": "YES" if is_inverted else "NO",
            "FlowCompensation": "NONE",
            "Spoiling": "NONE",
            "T2Preparation": "NO",
            "SpectrallySelectedExcitation": "NONE",
            "SpatialPresaturation": "NONE",
            "PartialFourier": "NO",
            "ParallelAcquisition": "NO",
        },
        "MRImagingModifierSequence": {
            "MagnetizationTransfer": "NONE",
            "BloodSignalNulling": "NO",
            "Tagging": "NONE",
            "TransmitterFrequency": float(str(header["ImagingFrequency"])),
            "PixelBandwidth": header["PixelBandwidth"],
        },
        "MRAveragesSequence": {"NumberOfAverages": header["NumberOfAverages"]},
        "MRFOVGeometrySequence": {
            "InPlanePhaseEncodingDirection": (
                "COLUMN" if header["InPlanePhaseEncodingDirection"] == "COL" else "ROW"
            ),
            "MRAcquisitionFrequencyEncodingSteps": plane.columns,
            "MRAcquisitionPhaseEncodingStepsInPlane": plane.rows,
            "PercentSampling": 100.0,
            "PercentPhaseFieldOfView": 100.0,
        },
    }  # fmt: skip


def _put_safety(timing: Dataset) -> None:
    """Add what IEC 60601-2-33 has a scanner say."""
    modes = []
    for kind in ("STATIC FIELD", "RF", "GRADIENT"):
        mode = Dataset()
        mode.OperatingModeType, mode.OperatingMode = kind, "IEC_NORMAL"
        modes.append(mode)
    timing.OperatingModeSequence = Sequence(modes)
    rate = Dataset()
    rate.SpecificAbsorptionRateDefinition = "IEC_WHOLE_BODY"
    rate.SpecificAbsorptionRateValue = 1.1
    timing.SpecificAbsorptionRateSequence = Sequence([rate])


def _put_coils_and_place(shared: Dataset) -> None:
    receive, transmit, place = Dataset(), Dataset(), Dataset()
    put(
        receive,
        {
            "ReceiveCoilName": "SPINE", "ReceiveCoilManufacturerName": "",
            "ReceiveCoilType": "SURFACE", "QuadratureReceiveCoil": "YES",
        },
    )  # fmt: skip
    put(
        transmit,
        {
            "TransmitCoilName": "BODY", "TransmitCoilManufacturerName": "",
            "TransmitCoilType": "BODY",
        },
    )  # fmt: skip
    place.AnatomicRegionSequence = Sequence([_build_code("421060004", "SCT", "Spine")])
    place.FrameLaterality = "U"
    shared.MRReceiveCoilSequence = Sequence([receive])
    shared.MRTransmitCoilSequence = Sequence([transmit])
    shared.FrameAnatomySequence = Sequence([place])


def _build_frame_groups(series: SeriesToWrite, plane: ImagePlane, number: int) -> Dataset:
    header = series.header
    moment = f"{header['AcquisitionDate']}{header['AcquisitionTime']}"
    content, position, window = Dataset(), Dataset(), Dataset()
    put(
        content,
        {
            "FrameAcquisitionNumber": 1,
            "FrameReferenceDateTime": moment,
            "FrameAcquisitionDateTime": moment,
            "FrameAcquisitionDuration": 214.0,
            "StackID": STACK,
            "InStackPositionNumber": number,
            "DimensionIndexValues": (1, number),
        },
    )
    put(position, {"ImagePositionPatient": plane.position_lps_mm})
    put(window, {"WindowCenter": 600, "WindowWidth": 1200})
    frame = Dataset()
    frame.FrameContentSequence = Sequence([content])
    frame.PlanePositionSequence = Sequence([position])
    frame.FrameVOILUTSequence = Sequence([window])
    if "ContrastBolusAgent" in header:
        usage = Dataset()
        usage.ContrastBolusAgentNumber = 1
        usage.ContrastBolusAgentAdministered = "YES"
        usage.ContrastBolusAgentDetected = "YES"
        frame.ContrastBolusUsageSequence = Sequence([usage])
    return frame


def _build_code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
