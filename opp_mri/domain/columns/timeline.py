"""The columns of recorded lengths and events, by days from the completion of radiosurgery."""

from collections.abc import Mapping
from typing import Final

import attrs
from attrs import frozen

from opp_mri.domain.columns.column import Column, Kind
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    Observation,
    Origin,
    OtherBoneLesions,
    Pathology,
    TreatmentEvent,
    VolumeObservation,
)
from opp_mri.units import LARGEST_CC, round_to_recorded_cc

_RECORDED: Final = "recorded"
_READ: Final = "recorded: measured by a reader, or handed over in a table"
LONGEST_MM: Final = 1000
LONGEST_DAYS: Final = 36_525  # a hundred years

SEQUENCES: Final[Mapping[str, str]] = {
    SeriesRole.T1.value: "T1-weighted",
    SeriesRole.T2FS.value: "T2-weighted, fat suppressed",
    SeriesRole.STIR.value: "STIR",
    SeriesRole.T1POST.value: "T1-weighted after contrast",
}
ORIGINS: Final[Mapping[str, str]] = {
    Origin.DRAWN.value: "drawn by a reader",
    Origin.ACCEPTED.value: "accepted proposal",
    Origin.EDITED.value: "edited proposal",
    Origin.OVERRIDE.value: "measured by override, on an unsuitable image",
}
EVENT_KINDS: Final[Mapping[str, str]] = {
    EventKind.SYSTEMIC_THERAPY_CHANGE.value: "change of systemic therapy",
    EventKind.OTHER_BONE_LESIONS.value: "other bone lesions",
    EventKind.LOCAL_RETREATMENT.value: "local retreatment",
    EventKind.EXCLUSION.value: "exclusion",
    EventKind.FRACTURE.value: "fracture",
    EventKind.EPIDURAL_GROWTH.value: "epidural growth",
    EventKind.PARASPINAL_GROWTH.value: "paraspinal growth",
    EventKind.PATHOLOGY.value: "pathology",
}
CODED_EVENTS: Final[Mapping[EventKind, tuple[str, ...]]] = {
    EventKind.OTHER_BONE_LESIONS: tuple(code.value for code in OtherBoneLesions),
    EventKind.EXCLUSION: tuple(code.value for code in Exclusion),
    EventKind.PATHOLOGY: tuple(code.value for code in Pathology),
}
"""Events whose value is a code; the value of any other is free text."""


@frozen(kw_only=True)
class Measurement:
    """What was recorded of a lesion on one sequence of one day: a length, a volume, or both."""

    lesion_id: str
    sequence: SeriesRole
    days_from_ssrs: int
    length: Observation | None = None
    volume: VolumeObservation | None = None


@frozen
class Event:
    """One recorded event of a lesion."""

    lesion_id: str
    event: TreatmentEvent


LENGTH_COLUMNS: Final[tuple[Column[Measurement], ...]] = (
    Column(
        name="lesion_id", label="Lesion", of=lambda row: row.lesion_id, required=True,
        description="The lesion.", source=_RECORDED, identifier=True,
    ),
    Column(
        name="days_from_ssrs", label="Time", kind=Kind.INTEGER, unit="days from SSRS",
        of=lambda row: row.days_from_ssrs, required=True,
        description="Day of the study from completion of SSRS; 0 or negative before follow-up.",
        source=_RECORDED,
    ),
    Column(
        name="sequence", label="Sequence", kind=Kind.CODE, allowed=SEQUENCES,
        of=lambda row: row.sequence.value, familiar=True, required=True,
        description="Sequence on which the length was measured.", source=_RECORDED,
    ),
    Column(
        name="ap_mm", label="AP extent", kind=Kind.DECIMAL, unit="mm",
        of=lambda row: None if row.length is None else row.length.ap_mm,
        minimum=0, maximum=LONGEST_MM, required=True,
        description="Greatest anteroposterior extent of signal abnormality, digits as recorded; "
        "0.0 says that the abnormality is gone.",
        source=_READ,
    ),
    Column(
        name="origin", label="Origin", kind=Kind.CODE, allowed=ORIGINS,
        of=lambda row: row.length.origin.value if row.length and row.length.origin else None,
        description="Whether a reader drew the line, accepted a proposal of opp_mri or edited "
        "it, or measured by override on an unsuitable image; empty for a length without a line, "
        "and where nobody stated it.",
        source=_RECORDED,
    ),
)  # fmt: skip

RATIO: Final = "t2_ratio"

VOLUME_COLUMNS: Final[tuple[Column[Measurement], ...]] = (
    Column(
        name="volume_cc", label="Volume", kind=Kind.DECIMAL, unit="cc",
        of=lambda row: None if row.volume is None else row.volume.volume_cc, minimum=0,
        maximum=LARGEST_CC,
        description="Volume of signal abnormality within the contours; 0 says that the "
        "abnormality is gone.",
        source=_READ,
    ),
    Column(
        name="volume_error_cc", label="Standard error of the volume", kind=Kind.DECIMAL, unit="cc",
        of=lambda row: None
        if row.volume is None or row.volume.standard_error_cc is None
        else round_to_recorded_cc(row.volume.standard_error_cc),
        minimum=0, maximum=LARGEST_CC,
        description="Standard error of the volume, from slice spacing and edge; empty where fewer "
        "than three slices have contours, and for a volume that was handed over in a table.",
        source="computed from the contours",
    ),
    Column(
        name=RATIO, label="T2 ratio", kind=Kind.DECIMAL,
        of=lambda row: None if row.volume is None else row.volume.t2_ratio, minimum=0,
        description="Mean signal within the contours of the lesion on T2FS, divided by that "
        "within the contours of a reference vertebra on the same series, to 0.001; a ratio, "
        "without a unit. Empty where no reference vertebra was drawn, where the ratio is refused, "
        "and where the images are not at hand.",
        source="computed from the contours and the images",
    ),
)  # fmt: skip
"""In a table of measurements that has any volume; a row may then be without a length."""

SIZE_COLUMNS: Final[tuple[Column[Measurement], ...]] = (
    *(
        attrs.evolve(column, required=False) if column.name == "ap_mm" else column
        for column in LENGTH_COLUMNS
    ),
    *VOLUME_COLUMNS,
)

EVENT_COLUMNS: Final[tuple[Column[Event], ...]] = (
    Column(
        name="lesion_id", label="Lesion", of=lambda row: row.lesion_id, required=True,
        description="The lesion.", source=_RECORDED, identifier=True,
    ),
    Column(
        name="days_from_ssrs", label="Time", kind=Kind.INTEGER, unit="days from SSRS",
        of=lambda row: row.event.days_from_ssrs, required=True,
        description="Day of the event; that of an exclusion plays no part.", source=_RECORDED,
    ),
    Column(
        name="event", label="Event", kind=Kind.CODE, allowed=EVENT_KINDS,
        of=lambda row: row.event.kind.value, required=True,
        description="What happened; on one day the later row counts.", source=_RECORDED,
    ),
    Column(
        name="value", label="Value", of=lambda row: row.event.value or None, identifier=True,
        description="For other_bone_lesions: enlarged, not_enlarged or unknown; for exclusion: "
        "the criterion, as in the column exclusions; else free text.",
        source=_RECORDED,
    ),
)  # fmt: skip
