"""Which header element fills which field of the domain, and how its value is understood."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from opp_mri.dicom.headers.values import (
    convert_datetime_to_clock,
    convert_datetime_to_day,
    convert_to_bool,
    convert_to_clock,
    convert_to_day,
    convert_to_integer,
    convert_to_sextuple,
    convert_to_shown_text,
    convert_to_text,
    convert_to_texts,
    convert_to_triple,
    describe_fault,
    list_code_meanings,
    number,
    pair,
)

Convert = Callable[[Any], object]
Values = dict[str, Any]

FIELDS: Final[Mapping[str, tuple[str, Convert]]] = {
    "SOPInstanceUID": ("sop_instance_uid", convert_to_text),
    "SOPClassUID": ("sop_class_uid", convert_to_text),
    "Rows": ("rows", convert_to_integer),
    "Columns": ("columns", convert_to_integer),
    "SamplesPerPixel": ("samples_per_pixel", convert_to_integer),
    "PhotometricInterpretation": ("photometric_interpretation", convert_to_shown_text),
    "PatientID": ("patient_id", convert_to_shown_text),
    "PatientName": ("patient_name", convert_to_shown_text),
    "PatientBirthDate": ("patient_birth_date", convert_to_day),
    "PatientSex": ("patient_sex", convert_to_shown_text),
    "StudyInstanceUID": ("study_instance_uid", convert_to_text),
    "StudyDate": ("study_date", convert_to_day),
    "StudyTime": ("study_time", convert_to_clock),
    "StudyDescription": ("study_description", convert_to_shown_text),
    "SeriesInstanceUID": ("series_instance_uid", convert_to_text),
    "SeriesNumber": ("series_number", convert_to_integer),
    "SeriesDescription": ("series_description", convert_to_shown_text),
    "ProtocolName": ("protocol_name", convert_to_shown_text),
    "Modality": ("modality", convert_to_shown_text),
    "BodyPartExamined": ("body_part_examined", convert_to_shown_text),
    "FrameOfReferenceUID": ("frame_of_reference_uid", convert_to_text),
    "InstanceNumber": ("instance_number", convert_to_integer),
    "AcquisitionNumber": ("acquisition_number", convert_to_integer),
    "SeriesDate": ("series_date", convert_to_day),
    "ContentDate": ("content_date", convert_to_day),
    "AcquisitionDate": ("acquisition_date", convert_to_day),
    "AcquisitionTime": ("acquisition_time", convert_to_clock),
    "EchoNumbers": ("echo_number", convert_to_integer),
    "TemporalPositionIdentifier": ("temporal_position", convert_to_integer),
    "TriggerTime": ("trigger_time_ms", number),
    "ImageType": ("image_type", convert_to_texts),
    "ScanningSequence": ("scanning_sequence", convert_to_texts),
    "SequenceVariant": ("sequence_variant", convert_to_texts),
    "ScanOptions": ("scan_options", convert_to_texts),
    "SequenceName": ("sequence_name", convert_to_shown_text),
    "MRAcquisitionType": ("mr_acquisition_type", convert_to_shown_text),
    "RepetitionTime": ("repetition_time_ms", number),
    "EchoTime": ("echo_time_ms", number),
    "InversionTime": ("inversion_time_ms", number),
    "FlipAngle": ("flip_angle_deg", number),
    "EchoTrainLength": ("echo_train_length", convert_to_integer),
    "DiffusionBValue": ("diffusion_b_value", number),
    "ContrastBolusAgent": ("contrast_agent", convert_to_shown_text),
    "ContrastBolusStartTime": ("contrast_start_time", convert_to_clock),
    "ContrastBolusVolume": ("contrast_volume_ml", number),
    "MagneticFieldStrength": ("magnetic_field_strength", number),
    "PixelBandwidth": ("pixel_bandwidth_hz", number),
    "InPlanePhaseEncodingDirection": ("in_plane_phase_encoding_direction", convert_to_shown_text),
    "AcquisitionContrast": ("acquisition_contrast", convert_to_shown_text),
    "EchoPulseSequence": ("echo_pulse_sequence", convert_to_shown_text),
    "EchoPlanarPulseSequence": ("echo_planar_pulse_sequence", convert_to_shown_text),
    "ComplexImageComponent": ("complex_image_component", convert_to_shown_text),
    "VolumeBasedCalculationTechnique": (
        "volume_based_calculation_technique",
        convert_to_shown_text,
    ),
    "DerivationDescription": ("derivation_description", convert_to_shown_text),
    "DerivationCodeSequence": ("derivation_codes", list_code_meanings),
    "InversionRecovery": ("inversion_recovery", convert_to_shown_text),
    "SpectrallySelectedSuppression": ("spectrally_selected_suppression", convert_to_shown_text),
    "Manufacturer": ("manufacturer", convert_to_shown_text),
    "ManufacturerModelName": ("manufacturer_model_name", convert_to_shown_text),
    "InstitutionName": ("institution_name", convert_to_shown_text),
    "SliceThickness": ("slice_thickness_mm", number),
    "SpacingBetweenSlices": ("spacing_between_slices_mm", number),
    "ImagePositionPatient": ("image_position_lps_mm", convert_to_triple),
    "ImageOrientationPatient": ("image_orientation", convert_to_sextuple),
    "PixelSpacing": ("pixel_spacing_mm", pair),
    "FrameType": ("frame_type", convert_to_texts),
    "StackID": ("stack_id", convert_to_shown_text),
    "TemporalPositionIndex": ("temporal_position_index", convert_to_integer),
    "ContrastBolusAgentAdministered": ("contrast_administered", convert_to_bool),
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
    ("FrameAcquisitionDateTime", "acquisition_date", convert_datetime_to_day),
    ("FrameAcquisitionDateTime", "acquisition_time", convert_datetime_to_clock),
    ("AcquisitionDateTime", "acquisition_date", convert_datetime_to_day),
    ("AcquisitionDateTime", "acquisition_time", convert_datetime_to_clock),
    ("SeriesTime", "acquisition_time", convert_to_clock),
    ("PulseSequenceName", "sequence_name", convert_to_shown_text),
    ("EffectiveEchoTime", "echo_time_ms", number),
    ("InversionTimes", "inversion_time_ms", number),
)
"""Keywords of the enhanced classes, which count where the classic one says nothing."""

OF_FRAMES: Final = (
    *("image_position_lps_mm", "image_orientation", "pixel_spacing_mm"),
    *("frame_type", "stack_id", "temporal_position_index"),
)
"""Fields that are not fields of Instance: they describe its frames."""


def interpret_values(attributes: Mapping[str, object]) -> Values:
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
    understood_value = convert(value)
    if understood_value is not None and understood_value not in ("", ()):
        values[name] = understood_value
    elif keyword in EXPLAINED and convert_to_text(value):
        values[UNREADABLE] = values.get(UNREADABLE, {}) | {keyword: describe_fault(keyword, value)}
