"""From a header to the domain's Instance.

Files of a series share most of their elements to the byte, so what an element means is worked out
once and remembered by its bytes.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from opp_mri.dicom.elements import Layout
from opp_mri.dicom.functional_groups import (
    FunctionalGroups,
    contrast_agents,
    read_functional_groups,
)
from opp_mri.dicom.header import TAGS, Header
from opp_mri.dicom.values import (
    clock,
    clock_of_datetime,
    day,
    day_of_datetime,
    integer,
    number,
    pair,
    sextuple,
    text,
    texts,
    triple,
)
from opp_mri.domain.imaging import ENHANCED_SOP_CLASS_UIDS, Frame, Instance
from opp_mri.errors import InputError

Convert = Callable[[Any], object]

FIELDS: Mapping[str, tuple[str, Convert]] = {
    "SOPInstanceUID": ("sop_instance_uid", text),
    "SOPClassUID": ("sop_class_uid", text),
    "Rows": ("rows", integer),
    "Columns": ("columns", integer),
    "SamplesPerPixel": ("samples_per_pixel", integer),
    "PhotometricInterpretation": ("photometric_interpretation", text),
    "PatientID": ("patient_id", text),
    "PatientName": ("patient_name", text),
    "PatientBirthDate": ("patient_birth_date", day),
    "PatientSex": ("patient_sex", text),
    "StudyInstanceUID": ("study_instance_uid", text),
    "StudyDate": ("study_date", day),
    "StudyTime": ("study_time", clock),
    "StudyDescription": ("study_description", text),
    "SeriesInstanceUID": ("series_instance_uid", text),
    "SeriesNumber": ("series_number", integer),
    "SeriesDescription": ("series_description", text),
    "ProtocolName": ("protocol_name", text),
    "Modality": ("modality", text),
    "BodyPartExamined": ("body_part_examined", text),
    "FrameOfReferenceUID": ("frame_of_reference_uid", text),
    "InstanceNumber": ("instance_number", integer),
    "AcquisitionNumber": ("acquisition_number", integer),
    "AcquisitionDate": ("acquisition_date", day),
    "AcquisitionTime": ("acquisition_time", clock),
    "EchoNumbers": ("echo_number", integer),
    "TemporalPositionIdentifier": ("temporal_position", integer),
    "TriggerTime": ("trigger_time_ms", number),
    "ImageType": ("image_type", texts),
    "ScanningSequence": ("scanning_sequence", texts),
    "SequenceVariant": ("sequence_variant", texts),
    "ScanOptions": ("scan_options", texts),
    "SequenceName": ("sequence_name", text),
    "MRAcquisitionType": ("mr_acquisition_type", text),
    "RepetitionTime": ("repetition_time_ms", number),
    "EchoTime": ("echo_time_ms", number),
    "InversionTime": ("inversion_time_ms", number),
    "FlipAngle": ("flip_angle_deg", number),
    "EchoTrainLength": ("echo_train_length", integer),
    "DiffusionBValue": ("diffusion_b_value", number),
    "ContrastBolusAgent": ("contrast_agent", text),
    "ContrastBolusStartTime": ("contrast_start_time", clock),
    "ContrastBolusVolume": ("contrast_volume_ml", number),
    "MagneticFieldStrength": ("magnetic_field_strength", number),
    "PixelBandwidth": ("pixel_bandwidth_hz", number),
    "InPlanePhaseEncodingDirection": ("in_plane_phase_encoding_direction", text),
    "AcquisitionContrast": ("acquisition_contrast", text),
    "EchoPulseSequence": ("echo_pulse_sequence", text),
    "InversionRecovery": ("inversion_recovery", text),
    "SpectrallySelectedSuppression": ("spectrally_selected_suppression", text),
    "Manufacturer": ("manufacturer", text),
    "ManufacturerModelName": ("manufacturer_model_name", text),
    "InstitutionName": ("institution_name", text),
    "SliceThickness": ("slice_thickness_mm", number),
    "SpacingBetweenSlices": ("spacing_between_slices_mm", number),
    "ImagePositionPatient": ("image_position_lps_mm", triple),
    "ImageOrientationPatient": ("image_orientation", sextuple),
    "PixelSpacing": ("pixel_spacing_mm", pair),
}
"""Keyword to a field of Instance, or of Frame, and how its value is understood."""

INSTEAD: tuple[tuple[str, str, Convert], ...] = (
    ("AcquisitionDateTime", "acquisition_date", day_of_datetime),
    ("AcquisitionDateTime", "acquisition_time", clock_of_datetime),
    ("PulseSequenceName", "sequence_name", text),
    ("EffectiveEchoTime", "echo_time_ms", number),
    ("InversionTimes", "inversion_time_ms", number),
)
"""Keywords of the enhanced classes, which count where the classic one says nothing."""

_REQUIRED = {
    "sop_instance_uid": "SOPInstanceUID",
    "sop_class_uid": "SOPClassUID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "rows": "Rows",
    "columns": "Columns",
}
_OF_FRAMES = ("image_position_lps_mm", "image_orientation", "pixel_spacing_mm")
_FIELD_OF_TAG = {TAGS[keyword]: field for keyword, field in FIELDS.items()}
_INSTEAD_OF_TAG = tuple((TAGS[keyword], name, convert) for keyword, name, convert in INSTEAD)
_NUMBER_OF_FRAMES = TAGS["NumberOfFrames"]
_LONGEST_REMEMBERED = 1024  # bytes of an element; longer ones are seldom the same twice
_MOST_REMEMBERED = 50_000
_NOTHING = ("", None)

Values = dict[str, Any]


def instance_from_header(header: Header) -> Instance:
    """Make an Instance of the header of a complete image.

    Parameters
    ----------
    header
        Its status is `IMAGE`.

    Raises
    ------
    InputError
        It lacks what identifies an image, its size, or readable functional groups.
    """
    values = _top_level(header)
    for name, keyword in _REQUIRED.items():
        if not values.get(name):
            raise InputError(f"Its header has no {keyword}, so it belongs nowhere: fetch it again.")
    count = max(integer(header.value(_NUMBER_OF_FRAMES)) or 1, 1)
    if count == 1 and _is_classic(values):
        frames: tuple[Frame, ...] = (_frame(1, values),)
    else:
        frames = _frames(count, read_functional_groups(header), values)
    for name in _OF_FRAMES:
        values.pop(name, None)
    return Instance(transfer_syntax_uid=header.transfer_syntax_uid, frames=frames, **values)


def _is_classic(values: Values) -> bool:
    """Tell an image placed by its own header, not by functional groups (which it may have too)."""
    enhanced = values["sop_class_uid"] in ENHANCED_SOP_CLASS_UIDS
    return "image_position_lps_mm" in values and not enhanced


def _top_level(header: Header) -> Values:
    """Give the fields for which the header itself has a value, its functional groups left out."""
    if header.dataset is not None:
        values = _understood({key: header.value(tag) for key, tag in TAGS.items()})
    else:
        values = {}
        remembered = _remembered(header.layout, header.character_set)
        for tag, element in header.raw.items():
            name, value = remembered.get(element) or _meaning(header, tag, remembered)
            if value is not None:
                values[name] = value
        for tag, name, convert in _INSTEAD_OF_TAG:
            if tag in header.raw and name not in values:
                values |= _understood_one(name, convert, header.value(tag))
    agents = contrast_agents(header)
    if agents:
        values = _understood(agents) | values
    return values


@lru_cache(maxsize=64)
def _remembered(layout: Layout, character_set: bytes) -> dict[bytes, tuple[str, object]]:  # noqa: ARG001
    """Give what elements were found to mean, in one encoding and character set."""
    return {}


def _meaning(
    header: Header, tag: int, remembered: dict[bytes, tuple[str, object]]
) -> tuple[str, object]:
    field = _FIELD_OF_TAG.get(tag)
    if field is None:
        meaning: tuple[str, object] = _NOTHING
    else:
        name, convert = field
        meaning = (name, _understood_one(name, convert, header.value(tag)).get(name))
    element = header.raw[tag]
    if len(element) <= _LONGEST_REMEMBERED:
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
        remembered[element] = meaning
    return meaning


def _understood(said: Mapping[str, Any]) -> Values:
    """Give the fields for which there is a value, by keyword, among those given."""
    values: Values = {}
    for keyword, value in said.items():
        if keyword in FIELDS:
            name, convert = FIELDS[keyword]
            values |= _understood_one(name, convert, value)
    for keyword, name, convert in INSTEAD:
        if keyword in said and name not in values:
            values |= _understood_one(name, convert, said[keyword])
    return values


def _understood_one(name: str, convert: Convert, value: object) -> Values:
    converted = convert(value)
    return {} if converted is None or converted in ("", ()) else {name: converted}


def _frames(count: int, groups: FunctionalGroups, values: Values) -> tuple[Frame, ...]:
    """Make many frames, and add to the values of the instance what its functional groups say."""
    beside = dict(values)
    if count > 1:  # a position beside the frames is that of one of them only
        beside.pop("image_position_lps_mm", None)
    values |= _understood(groups.first)
    if text(groups.first.get("ContrastBolusAgentAdministered")) == "NO":
        for name in ("contrast_agent", "contrast_start_time", "contrast_volume_ml"):
            values.pop(name, None)
    frames = []
    for index in range(count):
        own = groups.of_frame(index)
        frames.append(_frame(index + 1, beside | _understood(own), own))
    return tuple(frames)


def _frame(frame_number: int, values: Values, groups: Mapping[str, Any] | None = None) -> Frame:
    temporal_position = values.get("temporal_position")
    frame_type: tuple[str, ...] = ()
    stack_id = None
    if groups:
        index = integer(groups.get("TemporalPositionIndex"))
        temporal_position = temporal_position if index is None else index
        frame_type = texts(groups.get("FrameType"))
        stack_id = text(groups.get("StackID")) or None
    return Frame(
        frame_number=frame_number,
        image_position_lps_mm=values.get("image_position_lps_mm"),
        image_orientation=values.get("image_orientation"),
        pixel_spacing_mm=values.get("pixel_spacing_mm"),
        echo_time_ms=values.get("echo_time_ms"),
        temporal_position=temporal_position,
        stack_id=stack_id,
        frame_type=frame_type or values.get("image_type", ()),
    )
