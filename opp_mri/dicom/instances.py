"""From a header to the domain's Instance.

Files of a series share most of their elements to the byte, so what an element means is worked out
once and remembered by its bytes.
"""

from functools import lru_cache
from typing import Any, Final

import attrs

from opp_mri.dicom.headers.diffusion import find_private_b_values, would_differ
from opp_mri.dicom.headers.elements import Layout
from opp_mri.dicom.headers.fields import (
    FIELDS,
    INSTEAD,
    OF_FRAMES,
    UNREADABLE,
    Values,
    add_understood,
    interpret_values,
)
from opp_mri.dicom.headers.functional_groups import (
    FunctionalGroups,
    read_contrast_agents,
    read_functional_groups,
)
from opp_mri.dicom.headers.header import Header
from opp_mri.dicom.headers.keywords import PRIVATE_B_VALUES, TAGS
from opp_mri.dicom.headers.template import SharedElements
from opp_mri.dicom.headers.values import convert_to_integer
from opp_mri.domain.imaging import (
    ENHANCED_SOP_CLASS_UIDS,
    HEADER_VERSION,
    FileStatus,
    Frame,
    FrameHeader,
    Instance,
    UnreadableValue,
)
from opp_mri.errors import InputError

_REQUIRED: Final = {
    "sop_instance_uid": "SOPInstanceUID",
    "sop_class_uid": "SOPClassUID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "rows": "Rows",
    "columns": "Columns",
}
_KEYWORD_OF_TAG: Final = {tag: keyword for keyword, tag in TAGS.items() if keyword in FIELDS}
_INSTEAD: Final = tuple((TAGS[entry[0]], *entry) for entry in INSTEAD if entry[0] in TAGS)
_NUMBER_OF_FRAMES: Final = TAGS["NumberOfFrames"]
_LONGEST_REMEMBERED: Final = 1024  # bytes of an element; longer ones are seldom the same twice
_MOST_REMEMBERED: Final = 50_000
Meaning = tuple[str, Any]  # name of a field and its value, or UNREADABLE and why it has none
_NOTHING: Final[Meaning] = ("", None)
_JUDGED_TOGETHER: Final = frozenset(
    {
        *(TAGS[keyword] for keyword in (
            *("SOPClassUID", "NumberOfFrames", "ContrastBolusAgentSequence", "DiffusionBValue"),
            *("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"),
        )),
        *(tag for tag, *_ in _INSTEAD),
        *(tag for _, *tags in PRIVATE_B_VALUES for tag in tags),
    }
)  # fmt: skip  # what each of them means depends on other elements
_OWN_FIELDS: Final = tuple(attribute.name for attribute in attrs.fields(FrameHeader))


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
    values = _read_single_frame(header)
    if values is not None:
        _require_identity(values)
        frames: tuple[Frame, ...] = (_build_frame(1, values, None),)
        return _build_instance(header, values, frames)
    values = _read_top_level(header)
    _require_identity(values)
    _correct_study_date(values)
    _correct_diffusion(values, header)
    count = max(convert_to_integer(header.get_value(_NUMBER_OF_FRAMES)) or 1, 1)
    if count == 1 and _is_classic(values):
        frames = (_build_frame(1, values, None),)
    else:
        frames = _build_frames(count, read_functional_groups(header), values)
    values[UNREADABLE] = tuple(
        UnreadableValue(keyword=keyword, sentence=sentence)
        for keyword, sentence in values.pop(UNREADABLE, {}).items()
    )
    return _build_instance(header, values, frames)


def _require_identity(values: Values) -> None:
    for name, keyword in _REQUIRED.items():
        if not values.get(name):
            raise InputError(f"Its header has no {keyword}, so it belongs nowhere: fetch it again.")


def _build_instance(header: Header, values: Values, frames: tuple[Frame, ...]) -> Instance:
    for name in OF_FRAMES:
        values.pop(name, None)
    return Instance(
        header_version=HEADER_VERSION,
        transfer_syntax_uid=header.transfer_syntax_uid,
        frames=frames,
        **values,
    )


def _read_single_frame(header: Header) -> Values | None:
    """Return the fields of a classic image, what its series shares worked out once.

    None where the general way must be gone: an element of its own that is judged together with
    others, one that cannot be understood, or more than one frame.
    """
    if header.shared is None or not header.shared.own_tags.isdisjoint(_JUDGED_TOGETHER):
        return None
    shared = _read_shared_series(header.shared, header.layout)
    if shared is None:
        return None
    values = shared.copy()
    meanings_cache = _get_remembered(header.layout, header.character_set)
    for tag, element in header.own.items():
        name, value = meanings_cache.get(element) or _interpret(header, tag, meanings_cache)
        if name == UNREADABLE:
            return None
        if value is not None:
            values[name] = value
    return values if "sop_class_uid" in values and _is_classic(values) else None


@lru_cache(maxsize=16)
def _read_shared_series(shared: SharedElements, layout: Layout) -> Values | None:
    """Return the fields that the headers of a template share; None where they need another look."""
    header = Header(status=FileStatus.IMAGE, layout=layout, raw=shared.raw)
    values = _read_top_level(header)
    _correct_study_date(values)
    _correct_diffusion(values, header)
    count = convert_to_integer(header.get_value(_NUMBER_OF_FRAMES)) or 1
    return values if count == 1 and UNREADABLE not in values else None


def _correct_study_date(values: Values) -> None:
    """Take the date that the other dates agree on where StudyDate says none, and note which."""
    dates = {
        "SeriesDate": values.pop("series_date", None),
        "AcquisitionDate": values.get("acquisition_date"),
        "ContentDate": values.pop("content_date", None),
    }
    stated_dates = {keyword: date for keyword, date in dates.items() if date is not None}
    of_scanner = stated_dates.keys() & {"SeriesDate", "AcquisitionDate"}
    if "study_date" not in values and of_scanner and len({*stated_dates.values()}) == 1:
        *first, last = stated_dates
        values["study_date"] = stated_dates[last]
        values["study_date_from"] = f"{', '.join(first)} and {last}" if first else last


def _correct_diffusion(values: Values, header: Header) -> None:
    """Take a private b-value where there is no public one, and note where the two contradict."""
    for private in find_private_b_values(header):
        public = values.setdefault("diffusion_b_value", private.b_value)
        if would_differ(public, private.b_value):
            sentence = (
                f"DiffusionBValue is {public:g} s/mm2, and the private b-value of "
                f"{private.creator} is {private.b_value:g} s/mm2: one of the two is wrong."
            )
            values[UNREADABLE] = values.get(UNREADABLE, {}) | {"DiffusionBValue": sentence}
            values["diffusion_b_value"] = None


def _is_classic(values: Values) -> bool:
    """Recognise an image placed by its own header, not by functional groups (it may have both)."""
    is_enhanced = values["sop_class_uid"] in ENHANCED_SOP_CLASS_UIDS
    return "image_position_lps_mm" in values and not is_enhanced


def _read_top_level(header: Header) -> Values:
    """Return the fields for which the header itself has a value, its functional groups left out."""
    if header.dataset is not None:
        values = interpret_values({key: header.get_value(tag) for key, tag in TAGS.items()})
    else:
        meanings_cache = _get_remembered(header.layout, header.character_set)
        values, elements = {}, header.raw
        if header.shared is not None:
            values, unreadable = _read_shared_values(
                header.shared, header.layout, header.character_set
            )
            values, elements = values.copy(), unreadable | header.own
        for tag, element in elements.items():
            name, value = meanings_cache.get(element) or _interpret(header, tag, meanings_cache)
            if value is None:
                continue
            values[name] = values.get(name, {}) | value if name == UNREADABLE else value
        for tag, keyword, name, convert in _INSTEAD:
            if tag in header.raw and name not in values:
                add_understood(values, keyword, name, convert, header.get_value(tag))
    agents = read_contrast_agents(header)
    if agents:
        values = interpret_values(agents) | values
    return values


@lru_cache(maxsize=16)
def _read_shared_values(
    shared: SharedElements, layout: Layout, character_set: bytes
) -> tuple[Values, dict[int, bytes]]:
    """Return the fields that elements of a template have a value for, and those not understood."""
    header = Header(status=FileStatus.IMAGE, layout=layout, raw=shared.raw)
    meanings_cache = _get_remembered(layout, character_set)
    meanings = {
        tag: meanings_cache.get(element) or _interpret(header, tag, meanings_cache)
        for tag, element in shared.raw.items()
    }
    values = {name: value for name, value in meanings.values() if name not in ("", UNREADABLE)}
    unreadable = {tag: shared.raw[tag] for tag, (name, _) in meanings.items() if name == UNREADABLE}
    return values, unreadable


@lru_cache(maxsize=64)
def _get_remembered(layout: Layout, character_set: bytes) -> dict[bytes, Meaning]:  # noqa: ARG001
    """Return what elements were found to mean, in one encoding and character set."""
    return {}


def _interpret(header: Header, tag: int, meanings_cache: dict[bytes, Meaning]) -> Meaning:
    keyword, meaning = _KEYWORD_OF_TAG.get(tag), _NOTHING
    if keyword is not None:
        values: Values = {}
        add_understood(values, keyword, *FIELDS[keyword], header.get_value(tag))
        meaning = next(iter(values.items()), _NOTHING)
    element = header.raw[tag]
    if len(element) <= _LONGEST_REMEMBERED:
        if len(meanings_cache) >= _MOST_REMEMBERED:
            meanings_cache.clear()
        meanings_cache[element] = meaning
    return meaning


def _build_frames(count: int, groups: FunctionalGroups, values: Values) -> tuple[Frame, ...]:
    """Make the frames, and give the instance what its functional groups say of all of them."""
    top_level = dict(values)
    if count > 1:  # a position at the top level is that of one of the frames only
        top_level.pop("image_position_lps_mm", None)
    of_frames = [groups.get_frame_values(index) for index in range(count)]
    first, *further = of_frames
    shared = {
        name: value
        for name, value in first.items()
        if all(frame_values.get(name) == value for frame_values in further)
    }
    values |= shared
    values[UNREADABLE] = {
        keyword: sentence
        for values in (top_level, *of_frames)
        for keyword, sentence in values.get(UNREADABLE, {}).items()
    }
    return tuple(
        _build_frame(number, top_level | own, _build_own_header(own, shared))
        for number, own in enumerate(of_frames, start=1)
    )


def _build_own_header(own: Values, shared: Values) -> FrameHeader | None:
    """Return what a frame says that not all frames say."""
    own_values = {name: own[name] for name in _OWN_FIELDS if name in own and name not in shared}
    return FrameHeader(**own_values) if own_values else None


def _build_frame(frame_number: int, values: Values, header: FrameHeader | None) -> Frame:
    value_of = values.get
    return Frame(
        frame_number=frame_number,
        image_position_lps_mm=value_of("image_position_lps_mm"),
        image_orientation=value_of("image_orientation"),
        pixel_spacing_mm=value_of("pixel_spacing_mm"),
        echo_time_ms=value_of("echo_time_ms"),
        temporal_position=value_of("temporal_position_index", value_of("temporal_position")),
        stack_id=value_of("stack_id"),
        frame_type=value_of("frame_type") or value_of("image_type") or (),
        header=header,
    )
