"""From a header to the domain's Instance.

Files of a series share most of their elements to the byte, so what an element means is worked out
once and remembered by its bytes.
"""

from functools import lru_cache

from opp_mri.dicom.elements import Layout
from opp_mri.dicom.fields import FIELDS, INSTEAD, OF_FRAMES, Values, understood, understood_one
from opp_mri.dicom.functional_groups import (
    FunctionalGroups,
    contrast_agents,
    read_functional_groups,
)
from opp_mri.dicom.header import TAGS, Header
from opp_mri.dicom.values import integer
from opp_mri.domain.imaging import ENHANCED_SOP_CLASS_UIDS, Frame, Instance
from opp_mri.errors import InputError

_REQUIRED = {
    "sop_instance_uid": "SOPInstanceUID",
    "sop_class_uid": "SOPClassUID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "rows": "Rows",
    "columns": "Columns",
}
_FIELD_OF_TAG = {tag: FIELDS[keyword] for keyword, tag in TAGS.items() if keyword in FIELDS}
_INSTEAD_OF_TAG = tuple((TAGS[keyword], name, convert) for keyword, name, convert in INSTEAD)
_NUMBER_OF_FRAMES = TAGS["NumberOfFrames"]
_LONGEST_REMEMBERED = 1024  # bytes of an element; longer ones are seldom the same twice
_MOST_REMEMBERED = 50_000
_NOTHING = ("", None)


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
    for name in OF_FRAMES:
        values.pop(name, None)
    return Instance(transfer_syntax_uid=header.transfer_syntax_uid, frames=frames, **values)


def _is_classic(values: Values) -> bool:
    """Tell an image placed by its own header, not by functional groups (which it may have too)."""
    enhanced = values["sop_class_uid"] in ENHANCED_SOP_CLASS_UIDS
    return "image_position_lps_mm" in values and not enhanced


def _top_level(header: Header) -> Values:
    """Give the fields for which the header itself has a value, its functional groups left out."""
    if header.dataset is not None:
        values = understood({key: header.value(tag) for key, tag in TAGS.items()})
    else:
        values = {}
        remembered = _remembered(header.layout, header.character_set)
        for tag, element in header.raw.items():
            name, value = remembered.get(element) or _meaning(header, tag, remembered)
            if value is not None:
                values[name] = value
        for tag, name, convert in _INSTEAD_OF_TAG:
            if tag in header.raw and name not in values:
                values |= understood_one(name, convert, header.value(tag))
    agents = contrast_agents(header)
    if agents:
        values = understood(agents) | values
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
        meaning = (name, understood_one(name, convert, header.value(tag)).get(name))
    element = header.raw[tag]
    if len(element) <= _LONGEST_REMEMBERED:
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
        remembered[element] = meaning
    return meaning


def _frames(count: int, groups: FunctionalGroups, values: Values) -> tuple[Frame, ...]:
    """Make many frames, and add to the values of the instance what its functional groups say."""
    beside = dict(values)
    if count > 1:  # a position beside the frames is that of one of them only
        beside.pop("image_position_lps_mm", None)
    values |= groups.first
    if groups.first.get("agent_administered") == "NO":
        for name in ("contrast_agent", "contrast_start_time", "contrast_volume_ml"):
            values.pop(name, None)
    return tuple(_frame(index + 1, beside | groups.of_frame(index)) for index in range(count))


def _frame(frame_number: int, values: Values) -> Frame:
    said = values.get
    return Frame(
        frame_number=frame_number,
        image_position_lps_mm=said("image_position_lps_mm"),
        image_orientation=said("image_orientation"),
        pixel_spacing_mm=said("pixel_spacing_mm"),
        echo_time_ms=said("echo_time_ms"),
        temporal_position=said("temporal_position_index", said("temporal_position")),
        stack_id=said("stack_id"),
        frame_type=said("frame_type") or said("image_type") or (),
    )
