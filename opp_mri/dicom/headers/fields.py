"""Which header element fills which field of the domain, and how its value is understood."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from opp_mri.dicom.headers.values import (
    clock,
    clock_of_datetime,
    code_meanings,
    day,
    day_of_datetime,
    fault,
    integer,
    number,
    pair,
    sextuple,
    shown_text,
    text,
    texts,
    triple,
    yes_or_no,
)

Convert = Callable[[Any], object]
Values = dict[str, Any]

FIELDS: Final[Mapping[str, tuple[str, Convert]]] = {
    "SOPInstanceUID": ("sop_instance_uid", text),
    "SOPClassUID": ("sop_class_uid", text),
    "Rows": ("rows", integer),
    "Columns": ("columns", integer),
    "SamplesPerPixel": ("samples_per_pixel", integer),
    "PhotometricInterpretation": ("photometric_interpretation", shown_text),
    "PatientID": ("patient_id", shown_text),
    "PatientName": ("patient_name", shown_text),
    "PatientBirthDate": ("patient_birth_date", day),
    "PatientSex": ("patient_sex", shown_text),
    "StudyInstanceUID": ("study_instance_uid", text),
    "StudyDate": ("study_date", day),
    "StudyTime": ("study_time", clock),
    "StudyDescription": ("study_description", shown_text),
    "SeriesInstanceUID": ("series_instance_uid", text),
    "SeriesNumber": ("series_number", integer),
    "SeriesDescription": ("series_description", shown_text),
    "ProtocolName": ("protocol_name", shown_text),
    "Modality": ("modality", shown_text),
    "BodyPartExamined": ("body_part_examined", shown_text),
    "FrameOfReferenceUID": ("frame_of_reference_uid", text),
    "InstanceNumber": ("instance_number", integer),
    "AcquisitionNumber": ("acquisition_number", integer),
    "SeriesDate": ("series_date", day),
    "ContentDate": ("content_date", day),
    "AcquisitionDate": ("acquisition_date", day),
    "AcquisitionTime": ("acquisition_time", clock),
    "EchoNumbers": ("echo_number", integer),
    "TemporalPositionIdentifier": ("temporal_position", integer),
    "TriggerTime": ("trigger_time_ms", number),
    "ImageType": ("image_type", texts),
    "ScanningSequence": ("scanning_sequence", texts),
    "SequenceVariant": ("sequence_variant", texts),
    "ScanOptions": ("scan_options", texts),
    "SequenceName": ("sequence_name", shown_text),
    "MRAcquisitionType": ("mr_acquisition_type", shown_text),
    "RepetitionTime": ("repetition_time_ms", number),
    "EchoTime": ("echo_time_ms", number),
    "InversionTime": ("inversion_time_ms", number),
    "FlipAngle": ("flip_angle_deg", number),
    "EchoTrainLength": ("echo_train_length", integer),
    "DiffusionBValue": ("diffusion_b_value", number),
    "ContrastBolusAgent": ("contrast_agent", shown_text),
    "ContrastBolusStartTime": ("contrast_start_time", clock),
    "ContrastBolusVolume": ("contrast_volume_ml", number),
    "MagneticFieldStrength": ("magnetic_field_strength", number),
    "PixelBandwidth": ("pixel_bandwidth_hz", number),
    "InPlanePhaseEncodingDirection": ("in_plane_phase_encoding_direction", shown_text),
    "AcquisitionContrast": ("acquisition_contrast", shown_text),
    "EchoPulseSequence": ("echo_pulse_sequence", shown_text),
    "EchoPlanarPulseSequence": ("echo_planar_pulse_sequence", shown_text),
    "ComplexImageComponent": ("complex_image_component", shown_text),
    "VolumeBasedCalculationTechnique": ("volume_based_calculation_technique", shown_text),
    "DerivationDescription": ("derivation_description", shown_text),
    "DerivationCodeSequence": ("derivation_codes", code_meanings),
    "InversionRecovery": ("inversion_recovery", shown_text),
    "SpectrallySelectedSuppression": ("spectrally_selected_suppression", shown_text),
    "Manufacturer": ("manufacturer", shown_text),
    "ManufacturerModelName": ("manufacturer_model_name", shown_text),
    "InstitutionName": ("institution_name", shown_text),
    "SliceThickness": ("slice_thickness_mm", number),
    "SpacingBetweenSlices": ("spacing_between_slices_mm", number),
    "ImagePositionPatient": ("image_position_lps_mm", triple),
    "ImageOrientationPatient": ("image_orientation", sextuple),
    "PixelSpacing": ("pixel_spacing_mm", pair),
    "FrameType": ("frame_type", texts),
    "StackID": ("stack_id", shown_text),
    "TemporalPositionIndex": ("temporal_position_index", integer),
    "ContrastBolusAgentAdministered": ("contrast_administered", yes_or_no),
}
"""Keyword to a field of Instance, or of Frame, and how its value is understood."""

EXPLAINED: Final[frozenset[str]] = frozenset(
    [
        *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RepetitionTime"),
        *("EchoTime", "EffectiveEchoTime", "InversionTime", "InversionTimes", "DiffusionBValue"),
        *("StudyDate", "AcquisitionDate", "AcquisitionTime", "ContrastBolusStartTime"),
        *("ContrastBolusVolume", "MagneticFieldStrength"),
    ]
)
"""Elements of which it is said where they cannot be understood; none of them names a person."""

UNREADABLE: Final = "unreadable"
"""Key of the values that cannot be understood: keyword to the sentence that says why."""

INSTEAD: Final[tuple[tuple[str, str, Convert], ...]] = (
    ("FrameAcquisitionDateTime", "acquisition_date", day_of_datetime),
    ("FrameAcquisitionDateTime", "acquisition_time", clock_of_datetime),
    ("AcquisitionDateTime", "acquisition_date", day_of_datetime),
    ("AcquisitionDateTime", "acquisition_time", clock_of_datetime),
    ("SeriesTime", "acquisition_time", clock),
    ("PulseSequenceName", "sequence_name", shown_text),
    ("EffectiveEchoTime", "echo_time_ms", number),
    ("InversionTimes", "inversion_time_ms", number),
)
"""Keywords of the enhanced classes, which count where the classic one says nothing."""

OF_FRAMES: Final = (
    *("image_position_lps_mm", "image_orientation", "pixel_spacing_mm"),
    *("frame_type", "stack_id", "temporal_position_index"),
)
"""Fields that are not fields of Instance: they describe its frames."""


def understood(attributes: Mapping[str, object]) -> Values:
    """Return the fields for which there is a value, from values by keyword."""
    values: Values = {}
    for keyword, value in attributes.items():
        if keyword in FIELDS:
            add_understood(values, keyword, *FIELDS[keyword], value)
    for keyword, name, convert in INSTEAD:
        if keyword in attributes and name not in values:
            add_understood(values, keyword, name, convert, attributes[keyword])
    return values


def add_understood(
    values: Values, keyword: str, name: str, convert: Convert, value: object
) -> None:
    """Add one field, or none where the value says nothing, or why it cannot be understood."""
    converted = convert(value)
    if converted is not None and converted not in ("", ()):
        values[name] = converted
    elif keyword in EXPLAINED and text(value):
        values[UNREADABLE] = values.get(UNREADABLE, {}) | {keyword: fault(keyword, value)}
