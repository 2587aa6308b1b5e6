"""The functional groups of enhanced images (PS3.3 C.7.6.16): what all frames share, what each has.

The groups are flattened to keyword and value, as a classic header would have them. Private groups
are left out: some repeat a whole classic header in them, of another image.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from attrs import frozen
from pydicom import Dataset

from opp_mri.dicom.headers.elements import Layout, find_elements, split_items
from opp_mri.dicom.headers.fields import Values, interpret_values
from opp_mri.dicom.headers.header import Header
from opp_mri.dicom.headers.keywords import TAGS, get_tag
from opp_mri.dicom.headers.values import PYDICOM_ERRORS
from opp_mri.domain.imaging import FileStatus
from opp_mri.errors import InputError

_GROUPS: Final = tuple(
    get_tag(keyword)
    for keyword in (
        *("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence"),
        *("FrameContentSequence", "TemporalPositionSequence", "ContrastBolusUsageSequence"),
        *("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "MREchoSequence"),
        *("MRTimingAndRelatedParametersSequence", "MRModifierSequence", "MRDiffusionSequence"),
        *("MRImagingModifierSequence", "MRFOVGeometrySequence", "DerivationImageSequence"),
        "UnassignedSharedConvertedAttributesSequence",
        "UnassignedPerFrameConvertedAttributesSequence",
    )
)
_OF_FRAMES: Final = (
    *("FrameType", "StackID", "TemporalPositionIndex", "ContrastBolusAgentAdministered"),
    "FrameAcquisitionDateTime",
)
_TAGS: Final = TAGS | {keyword: get_tag(keyword) for keyword in _OF_FRAMES}
_KEYWORDS: Final = {tag: keyword for keyword, tag in _TAGS.items()}
_SHARED: Final = TAGS["SharedFunctionalGroupsSequence"]
_PER_FRAME: Final = TAGS["PerFrameFunctionalGroupsSequence"]
_AGENTS: Final = TAGS["ContrastBolusAgentSequence"]
_CHARACTER_SET: Final = TAGS["SpecificCharacterSet"]


@frozen(kw_only=True)
class FunctionalGroups:
    """Values by the name of their field.

    Parameters
    ----------
    shared
        What holds for all frames.
    per_frame
        What each frame has of its own.
    """

    shared: Values
    per_frame: Sequence[Values]

    def get_frame_values(self, index: int) -> Values:
        """Return what holds for a frame, counted from 0: its own values before the shared ones."""
        own = self.per_frame[index] if index < len(self.per_frame) else {}
        return self.shared | own


def read_functional_groups(header: Header) -> FunctionalGroups:
    """Read the functional groups, which may be none.

    Raises
    ------
    InputError
        They are damaged.
    """
    try:
        shared, per_frame = _list_groups(header, _SHARED), _list_groups(header, _PER_FRAME)
    except PYDICOM_ERRORS as error:
        raise InputError(
            "Its functional groups, which place its frames, are damaged: fetch it again."
        ) from error
    return FunctionalGroups(shared=shared[0] if shared else {}, per_frame=per_frame)


def _list_groups(header: Header, tag: int) -> list[Values]:
    """Return the values of each item of a sequence of functional groups."""
    if tag not in header:
        return []
    if header.dataset is None:
        items = split_items(header.raw[tag], header.layout) or ()
        groups = [_read_values(item, header.layout, header.character_set) for item in items]
        if groups and None not in groups:
            return [values for values in groups if values is not None]
    return [interpret_values(_flatten_groups(item)) for item in header.get_items(tag)]


def _read_values(item: bytes, layout: Layout, character_set: bytes) -> Values | None:
    """Return the values of the groups of one item; None where only pydicom can read it."""
    groups = find_elements(item, layout.narrow_to(_GROUPS))
    if groups is None:
        return None
    values: Values = {}
    for element in groups.values():
        group = _read_group_values(element, layout, character_set)
        if group is None:
            return None
        values |= group
    return values


@lru_cache(maxsize=8192)
def _read_group_values(element: bytes, layout: Layout, character_set: bytes) -> Values | None:
    # Of many frames most groups are the same to the byte
    items = split_items(element, layout)
    if not items:
        return items if items is None else {}
    raw = find_elements(items[0], layout.narrow_to(tuple(_KEYWORDS)))
    if raw is None:
        return None
    if character_set:
        raw.setdefault(_CHARACTER_SET, character_set)
    inside = Header(status=FileStatus.IMAGE, layout=layout, raw=raw)
    return interpret_values({_KEYWORDS[tag]: inside.get_value(tag) for tag in raw})


def read_contrast_agents(header: Header) -> Mapping[str, Any]:
    """Return agent, volume and start time from the sequence that enhanced images have for them."""
    if _AGENTS not in header:
        return {}
    if header.dataset is not None:
        return _read_agents(header)
    return _read_agents_once(header.raw[_AGENTS], header.layout, header.character_set)


@lru_cache(maxsize=256)
def _read_agents_once(element: bytes, layout: Layout, character_set: bytes) -> Mapping[str, Any]:
    raw = {_AGENTS: element} | ({_CHARACTER_SET: character_set} if character_set else {})
    return _read_agents(Header(status=FileStatus.IMAGE, layout=layout, raw=raw))


def _read_agents(header: Header) -> Mapping[str, Any]:
    try:
        agents = header.get_items(_AGENTS)
        if not agents:
            return {}
        contrast = {
            "ContrastBolusAgent": "\\".join(str(agent.get("CodeMeaning", "")) for agent in agents),
            "ContrastBolusVolume": agents[0].get("ContrastBolusVolume"),
        }
        profile = agents[0].get("ContrastAdministrationProfileSequence")
        if profile:
            contrast["ContrastBolusStartTime"] = profile[0].get("ContrastBolusStartTime")
    except PYDICOM_ERRORS:
        return {}  # contrast is then judged by the other evidence
    return contrast


def _flatten_groups(groups: Dataset) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    for group in _GROUPS:
        if group in groups and groups[group].value:
            inside = groups[group].value[0]
            for tag in inside.keys() & _KEYWORDS.keys():
                values[_KEYWORDS[tag]] = inside[tag].value
    return values
