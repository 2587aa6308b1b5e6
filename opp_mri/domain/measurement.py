"""Lesions, calipers and what readers recorded."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from attrs import converters, field, frozen, validators

from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.sins import (
    ALIGNMENT_POINTS,
    COLLAPSE_POINTS,
    PAIN_POINTS,
    POSTEROLATERAL_POINTS,
    BoneQuality,
    sum_sins,
)
from opp_mri.domain.timeline import EventKind, Exclusion, Origin, check_event_value
from opp_mri.units import convert_to_decimal, convert_to_mm

PixelPoint = tuple[float, float]  # column, row; 0, 0 is the centre of the first pixel


@frozen(kw_only=True)
class SeedPoint:
    """A point inside a lesion on a native image: which lesion is meant.

    Parameters
    ----------
    sop_instance_uid, frame_number
        The image.
    column, row
        The point in pixels; 0, 0 is the centre of the first pixel.
    """

    sop_instance_uid: str
    frame_number: int = 1
    column: float
    row: float


@frozen(kw_only=True)
class LesionEvent:
    """Something that happened to a lesion or its patient, by date."""

    date: date
    kind: EventKind = field(converter=EventKind)
    value: str = field(default="", converter=str)

    def __attrs_post_init__(self) -> None:
        check_event_value(self.kind, self.value)


def _convert_points(points: Mapping[str, str]) -> Any:
    check = validators.in_([int(number) for number in points])
    return field(
        default=None, converter=converters.optional(int), validator=validators.optional(check)
    )


_LAST_VERTEBRAE: Final = {"C": 7, "T": 13, "L": 6, "S": 5}  # the supernumerary ones too
VERTEBRAE: Final = tuple(
    f"{letter}{number}" for letter, last in _LAST_VERTEBRAE.items() for number in range(1, last + 1)
)
"""The names of the vertebrae, from the head down."""


def _convert_exclusions(values: Iterable[str]) -> tuple[Exclusion, ...]:
    return tuple(Exclusion(value) for value in values)


@frozen(kw_only=True)
class Lesion:
    """A treated lesion of one vertebra.

    Parameters
    ----------
    lesion_id
        Name that the project knows it by.
    tracking_uid
        Tracking Unique Identifier, constant for the lesion over time.
    level
        Vertebra: C1 to C7, T1 to T13, L1 to L6, S1 to S5.
    ssrs_first_date, ssrs_last_date
        First and last day of spine stereotactic radiosurgery.
    dose_gy, fractions
        Prescribed total dose in Gy and number of fractions.
    age_years, birth_year
        Age at radiosurgery, or the year of birth; either or none.
    exclusions
        Failed eligibility criteria.
    seed
        A point inside it, or None: then the middle of its baseline caliper serves.
    bone_quality, sins_pain, sins_alignment, sins_collapse, sins_posterolateral
        Items of the Spinal Instability Neoplastic Score at radiosurgery, in points but for the
        bone quality; that of the location follows from the level.
    within_isodose
        Whether the lesion lies within the 80% isodose.
    """

    lesion_id: str
    tracking_uid: str
    patient_id: str
    level: str
    ssrs_first_date: date
    ssrs_last_date: date
    dose_gy: Decimal | None = field(default=None, converter=converters.optional(convert_to_decimal))
    fractions: int | None = None
    histology: str = ""
    sex: str = ""
    age_years: int | None = None
    birth_year: int | None = None
    exclusions: tuple[Exclusion, ...] = field(default=(), converter=_convert_exclusions)
    events: tuple[LesionEvent, ...] = ()
    last_contact_date: date | None = None
    death_date: date | None = None
    seed: SeedPoint | None = None
    bone_quality: BoneQuality | None = field(
        default=None, converter=converters.optional(BoneQuality)
    )
    sins_pain: int | None = _convert_points(PAIN_POINTS)
    sins_alignment: int | None = _convert_points(ALIGNMENT_POINTS)
    sins_collapse: int | None = _convert_points(COLLAPSE_POINTS)
    sins_posterolateral: int | None = _convert_points(POSTEROLATERAL_POINTS)
    within_isodose: bool | None = field(
        default=None, validator=validators.optional(validators.instance_of(bool))
    )

    @property
    def sins(self) -> int | None:
        """Sum of the Spinal Instability Neoplastic Score; None where an item is missing."""
        return sum_sins(
            self.level, self.bone_quality, self.sins_pain, self.sins_alignment,
            self.sins_collapse, self.sins_posterolateral,
        )  # fmt: skip


@frozen(kw_only=True)
class Caliper:
    """A straight line on one frame of one native instance.

    Parameters
    ----------
    start, end
        Points (column, row) in pixels; 0, 0 is the centre of the first pixel.
    start_lps_mm, end_lps_mm
        The same points in the patient, in the frame of reference of the image.
    """

    sop_instance_uid: str
    frame_number: int
    start: PixelPoint
    end: PixelPoint
    start_lps_mm: Vector3
    end_lps_mm: Vector3
    frame_of_reference_uid: str

    @property
    def middle_lps_mm(self) -> Vector3:
        """The middle of the line in the patient, in mm."""
        x, y, z = ((a + b) / 2 for a, b in zip(self.start_lps_mm, self.end_lps_mm, strict=True))
        return (x, y, z)


class Answer(StrEnum):
    """What a reader said of a lesion on one sequence of one time point."""

    MEASURED = "measured"
    GONE = "gone"
    NOT_MEASURABLE = "not_measurable"
    WITHDRAWN = "withdrawn"  # the reader takes back what was said; a tombstone, nothing is deleted


class LengthSource(StrEnum):
    """Where a length comes from."""

    GEOMETRY = "geometry"  # computed here, between two points on native voxels
    IMPORTED = "imported"  # a number that came without points
    MEAN = "mean"  # of the lengths of two readers who agree
    READER = "reader"  # the explicit answer that the abnormality is gone


@frozen(kw_only=True)
class ShownProposal:
    """A proposed line that was shown to a reader before the answer.

    Parameters
    ----------
    sop_instance_uid, frame_number
        The native image of the proposal.
    start, end
        Its ends, (column, row) in pixels; 0, 0 is the centre of the first pixel.
    standard_error_mm
        Stated standard error of its length, mm.
    shown_ms
        Time that it was shown in the active pane before the answer, milliseconds.
    """

    sop_instance_uid: str
    frame_number: int
    start: PixelPoint
    end: PixelPoint
    standard_error_mm: float = field(validator=[validators.gt(0.0), validators.lt(100.0)])
    shown_ms: int = field(converter=int, validator=validators.ge(0))

    def has_line_of(self, caliper: Caliper) -> bool:
        """Return whether a caliper is the proposed line itself."""
        return (self.sop_instance_uid, self.frame_number, self.start, self.end) == (
            caliper.sop_instance_uid, caliper.frame_number, caliper.start, caliper.end
        )  # fmt: skip


class Edit(StrEnum):
    """How a reading came about."""

    MADE = "made"
    UNDONE = "undone"  # brings back what was said before the latest edit
    REDONE = "redone"  # brings back what was undone


@frozen(kw_only=True)
class Reading:
    """What one reader recorded, once; never changed, only followed by a later one.

    Parameters
    ----------
    reading_id
        Unique, given when it is recorded.
    study_date
        The time point that it belongs to.
    answer
        A length, gone (0.0 mm), or not measurable.
    length_mm
        Recorded length: rounded once to 0.1 mm if computed, as written if imported; None where
        the answer is not measurable.
    caliper
        The line that gave the length, where there is one.
    reason
        Why it is not measurable, in the reader's words.
    remarks
        What a user of the number should know, in sentences.
    draft
        True for an edit in the reading room: it counts once a signature covers it. A reading that
        was handed over in a table counts at once.
    edit
        Made, or by undo or redo.
    amendment_reason
        Why a signed reading is followed by this one.
    repeat
        True for a hidden second read of the same reader: it serves repeatability alone.
    origin
        Whether the line was drawn, or comes from a proposal; records of before proposals read as
        drawn.
    proposed
        The proposal that was shown before the answer, whatever the answer is; None for none.
    recorded_at
        When, with its time zone.
    """

    reading_id: str
    lesion_id: str
    sequence: SeriesRole = field(converter=SeriesRole)
    reader: str
    study_date: date
    answer: Answer = field(converter=Answer)
    length_mm: Decimal | None = field(converter=converters.optional(convert_to_mm))
    length_source: LengthSource | None = field(converter=converters.optional(LengthSource))
    caliper: Caliper | None = None
    reason: str = ""
    remarks: tuple[str, ...] = field(default=())
    draft: bool = False
    edit: Edit = field(default=Edit.MADE, converter=Edit)
    amendment_reason: str = ""
    repeat: bool = False
    origin: Origin = field(default=Origin.DRAWN, converter=Origin)
    proposed: ShownProposal | None = None
    recorded_at: datetime

    @property
    def cell(self) -> tuple[date, SeriesRole]:
        """Time point and sequence that it speaks of."""
        return self.study_date, self.sequence

    @property
    def line_origin(self) -> Origin | None:
        """Where its line comes from; None where it has none: a number, or an answer in words."""
        return self.origin if self.caliper else None


@frozen(kw_only=True)
class Signature:
    """A reader's signature under readings of one lesion: these count from now on, and are frozen.

    Parameters
    ----------
    statement
        The sentence that was signed.
    together_with
        All who have to sign the same readings before they count.
    content_hash
        SHA-256 of the content of the readings, in the order of `reading_ids`; the store gives it
        when the signature is recorded.
    """

    signature_id: str
    lesion_id: str
    reader: str
    reading_ids: tuple[str, ...]
    statement: str
    together_with: tuple[str, ...] = ()
    content_hash: str = ""
    recorded_at: datetime


class AxisLandmark(StrEnum):
    """Along what the two clicks that set an AP axis lie."""

    ENDPLATE = "endplate"  # the axis is the line itself
    POSTERIOR_WALL = "posterior_wall"  # the axis is at right angles to it, in the image


@frozen(kw_only=True)
class ApAxis:
    """The anteroposterior axis of a lesion's vertebra, as a reader set it on one image.

    Parameters
    ----------
    frame_of_reference_uid, direction_lps
        The axis: a unit vector, towards posterior, in this frame.
    sop_instance_uid, frame_number, start, end
        The image and the two clicks.
    """

    lesion_id: str
    reader: str
    frame_of_reference_uid: str
    direction_lps: Vector3
    landmark: AxisLandmark = field(converter=AxisLandmark)
    sop_instance_uid: str
    frame_number: int
    start: PixelPoint
    end: PixelPoint
    recorded_at: datetime
    edit: Edit = field(default=Edit.MADE, converter=Edit)


@frozen(kw_only=True)
class CommonPoint:
    """One place of the body that a reader marked in two frames of reference.

    It links the scrolling of panes and nothing else: no ghost, no carried point.
    """

    patient_id: str
    reader: str
    frame_of_reference_uid: str
    point_lps_mm: Vector3
    other_frame_of_reference_uid: str
    other_point_lps_mm: Vector3
    recorded_at: datetime
    edit: Edit = field(default=Edit.MADE, converter=Edit)


@frozen(kw_only=True)
class LevelConfirmation:
    """A reader's word that a point lies in the lesion's vertebra, for one frame of reference.

    It says which vertebra is read, and links the scrolling of panes; it carries no caliper.
    """

    lesion_id: str
    reader: str
    frame_of_reference_uid: str
    point_lps_mm: Vector3
    recorded_at: datetime
    edit: Edit = field(default=Edit.MADE, converter=Edit)


@frozen(kw_only=True)
class Place:
    """Where a reader left off; kept so that the reading room opens there again.

    Parameters
    ----------
    lesion_id
        None where the patient had no lesion.
    study_date
        Time point of the active pane.
    """

    reader: str
    patient_id: str
    lesion_id: str | None
    sequence: SeriesRole = field(converter=SeriesRole)
    study_date: date | None
