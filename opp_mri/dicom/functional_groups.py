"""The functional groups of enhanced images (PS3.3 C.7.6.16): what all frames share, what each has.

The groups are flattened to keyword and value, as a classic header would have them. Private groups
are left out: some repeat a whole classic header in them, of another image.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from attrs import frozen
from pydicom import Dataset

from opp_mri.dicom.elements import Layout
from opp_mri.dicom.header import TAGS, Header, tag_of
from opp_mri.dicom.values import PYDICOM_ERRORS
from opp_mri.domain.imaging import FileStatus
from opp_mri.errors import InputError

_GROUPS = tuple(
    tag_of(keyword)
    for keyword in (
        *("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence"),
        *("FrameContentSequence", "TemporalPositionSequence", "ContrastBolusUsageSequence"),
        *("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "MREchoSequence"),
        *("MRTimingAndRelatedParametersSequence", "MRModifierSequence", "MRDiffusionSequence"),
        *("MRImagingModifierSequence", "MRFOVGeometrySequence"),
        "UnassignedSharedConvertedAttributesSequence",
        "UnassignedPerFrameConvertedAttributesSequence",
    )
)
_OF_FRAMES = (*("FrameType", "StackID", "TemporalPositionIndex", "ContrastBolusAgentAdministered"),)
_KEYWORDS = {tag: keyword for keyword, tag in TAGS.items()} | {
    tag_of(keyword): keyword for keyword in _OF_FRAMES
}
_SHARED = TAGS["SharedFunctionalGroupsSequence"]
_PER_FRAME = TAGS["PerFrameFunctionalGroupsSequence"]
_AGENTS = TAGS["ContrastBolusAgentSequence"]
_CHARACTER_SET = TAGS["SpecificCharacterSet"]

KeywordValues = Mapping[str, Any]


@frozen(kw_only=True)
class FunctionalGroups:
    """Values by keyword, as pydicom gives them.

    Parameters
    ----------
    shared
        What holds for all frames.
    per_frame
        What each frame has of its own.
    """

    shared: KeywordValues
    per_frame: Sequence[KeywordValues]

    @property
    def first(self) -> KeywordValues:
        """Values of the first frame, the shared ones before its own."""
        return {**(self.per_frame[0] if self.per_frame else {}), **self.shared}

    def of_frame(self, index: int) -> KeywordValues:
        """Give what holds for a frame, counted from 0: its own values before the shared ones."""
        own = self.per_frame[index] if index < len(self.per_frame) else {}
        return {**self.shared, **own}


def read_functional_groups(header: Header) -> FunctionalGroups:
    """Read the functional groups, which may be none.

    Raises
    ------
    InputError
        They are damaged.
    """
    try:
        shared, per_frame = header.items(_SHARED), header.items(_PER_FRAME)
        return FunctionalGroups(
            shared=_flat(shared[0]) if shared else {},
            per_frame=[_flat(item) for item in per_frame],
        )
    except PYDICOM_ERRORS as error:
        raise InputError(
            "Its functional groups, which place its frames, are damaged: fetch it again."
        ) from error


def contrast_agents(header: Header) -> KeywordValues:
    """Give agent, volume and start time from the sequence that enhanced images have for them."""
    if _AGENTS not in header:
        return {}
    if header.dataset is not None:
        return _agents_in(header)
    return _remembered_agents(header.raw[_AGENTS], header.layout, header.character_set)


@lru_cache(maxsize=256)
def _remembered_agents(element: bytes, layout: Layout, character_set: bytes) -> KeywordValues:
    raw = {_AGENTS: element} | ({_CHARACTER_SET: character_set} if character_set else {})
    return _agents_in(Header(status=FileStatus.IMAGE, layout=layout, raw=raw))


def _agents_in(header: Header) -> KeywordValues:
    try:
        agents = header.items(_AGENTS)
        if not agents:
            return {}
        found = {
            "ContrastBolusAgent": "\\".join(str(agent.get("CodeMeaning", "")) for agent in agents),
            "ContrastBolusVolume": agents[0].get("ContrastBolusVolume"),
        }
        profile = agents[0].get("ContrastAdministrationProfileSequence")
        if profile:
            found["ContrastBolusStartTime"] = profile[0].get("ContrastBolusStartTime")
    except PYDICOM_ERRORS:
        return {}  # contrast is then judged by the other evidence
    return found


def _flat(groups: Dataset) -> KeywordValues:
    found: dict[str, Any] = {}
    for group in _GROUPS:
        if group in groups and groups[group].value:
            inside = groups[group].value[0]
            for tag in inside.keys() & _KEYWORDS.keys():
                found[_KEYWORDS[tag]] = inside[tag].value
    return found
