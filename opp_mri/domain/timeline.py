"""A lesion over time, counted in whole days from the completion of radiosurgery (SSRS)."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from operator import attrgetter
from typing import Final, TypeVar

from attrs import converters, field, frozen, validators

from opp_mri.domain.imaging import SeriesRole
from opp_mri.units import convert_to_cc, convert_to_days, convert_to_mm


class EventKind(StrEnum):
    """What may happen to a lesion or its patient that a response assessment has to know."""

    SYSTEMIC_THERAPY_CHANGE = "systemic_therapy_change"
    OTHER_BONE_LESIONS = "other_bone_lesions"
    LOCAL_RETREATMENT = "local_retreatment"
    EXCLUSION = "exclusion"
    # recorded as findings, never pooled and never deciding
    FRACTURE = "fracture"
    EPIDURAL_GROWTH = "epidural_growth"
    PARASPINAL_GROWTH = "paraspinal_growth"
    PATHOLOGY = "pathology"


NO_FRACTURE: Final = frozenset({"none", "no"})
"""Values of a fracture event that say that there is none."""


class OtherBoneLesions(StrEnum):
    """How the patient's other bone lesions behaved."""

    ENLARGED = "enlarged"
    NOT_ENLARGED = "not_enlarged"
    UNKNOWN = "unknown"


class Pathology(StrEnum):
    """What tissue of the treated lesion showed."""

    TUMOUR = "tumour"
    NO_TUMOUR = "no_tumour"
    NOT_DIAGNOSTIC = "not_diagnostic"


class Exclusion(StrEnum):
    """Failed eligibility criteria, in the order in which they are named (RULES: inputs)."""

    HARDWARE = "hardware"
    CEMENT = "cement"
    SIGNIFICANT_FRACTURE = "significant_fracture"
    NOT_VERTEBRAL_BODY = "not_vertebral_body"
    OVER_75_PERCENT = "over_75_percent"


def check_event_value(kind: EventKind, value: str) -> None:
    """Refuse a value that an event of this kind cannot have.

    Raises
    ------
    ValueError
        The kind asks for an `OtherBoneLesions`, `Exclusion` or `Pathology` value, and this is none.
    """
    if kind is EventKind.PATHOLOGY:
        Pathology(value)
    if kind is EventKind.OTHER_BONE_LESIONS:
        OtherBoneLesions(value)
    elif kind is EventKind.EXCLUSION:
        Exclusion(value)


@frozen
class TreatmentEvent:
    """Something that happened on a day.

    Parameters
    ----------
    days_from_ssrs
        Whole days from the completion of SSRS.
    kind
        What happened.
    value
        An `OtherBoneLesions` or `Exclusion` value where the kind asks for one, else free text.
    """

    days_from_ssrs: int = field(converter=convert_to_days)
    kind: EventKind = field(converter=EventKind)
    value: str = field(default="", converter=str)

    @property
    def is_finding(self) -> bool:
        """Whether something was found: a fracture event may say that there is no fracture."""
        return self.kind is not EventKind.FRACTURE or self.value.casefold() not in NO_FRACTURE

    def __attrs_post_init__(self) -> None:
        check_event_value(self.kind, self.value)
        if self.kind is EventKind.LOCAL_RETREATMENT and self.days_from_ssrs <= 0:
            raise ValueError(
                "a local retreatment comes after radiosurgery, so on day 1 or later, not on day "
                f"{self.days_from_ssrs}"
            )


class Origin(StrEnum):
    """Where the line of a length comes from."""

    DRAWN = "drawn"  # by the reader
    ACCEPTED = "accepted_proposal"  # the program's proposal, unchanged
    EDITED = "edited_proposal"  # the program's proposal, with an end or the line moved
    OVERRIDE = "by_override"  # by the reader, on an image that is unsuitable, with a reason


@frozen
class Observation:
    """One recorded length on one sequence.

    Parameters
    ----------
    days_from_ssrs
        Whole days from the completion of SSRS; negative before it.
    ap_mm
        Greatest anteroposterior extent in mm, exact; 0 when the abnormality is gone.
    origin
        Where its line comes from; None where it has no line, or nobody stated it.
    """

    days_from_ssrs: int = field(converter=convert_to_days)
    ap_mm: Decimal = field(converter=convert_to_mm)
    origin: Origin | None = field(default=None, converter=converters.optional(Origin))


@frozen
class VolumeObservation:
    """One recorded volume on one sequence.

    Parameters
    ----------
    days_from_ssrs
        Whole days from the completion of SSRS; negative before it.
    volume_cc
        Volume of the signal abnormality in cc, exact; 0 when it is gone.
    standard_error_cc
        Its standard error in cc, where it was computed from contours; no rule reads it.
    t2_ratio
        T2 ratio to a reference vertebra, where it was taken from the images; no rule reads it.
    """

    days_from_ssrs: int = field(converter=convert_to_days)
    volume_cc: Decimal = field(converter=convert_to_cc)
    standard_error_cc: float | None = field(default=None, eq=False)
    t2_ratio: Decimal | None = field(default=None, eq=False)


Row = TypeVar("Row", Observation, VolumeObservation)


def find_baseline(studies: Sequence[Row], first_fraction_day: int) -> Row | None:
    """Return the last study of a sequence up to the day of the first fraction, or None.

    Parameters
    ----------
    studies
        In the order of days.
    first_fraction_day
        0 or negative.
    """
    before = bisect_right(studies, first_fraction_day, key=attrgetter("days_from_ssrs"))
    return studies[before - 1] if before else None


def _sort_volumes_by_sequence(
    volumes: Mapping[SeriesRole, Iterable[VolumeObservation]],
) -> dict[SeriesRole, tuple[VolumeObservation, ...]]:
    """Sort each sequence by day, and refuse two volumes on one day."""
    sorted_rows = {
        SeriesRole(sequence): tuple(sorted(row, key=attrgetter("days_from_ssrs")))
        for sequence, row in volumes.items()
    }
    for sequence, row in sorted_rows.items():
        for study, later in pairwise(row):
            if study.days_from_ssrs == later.days_from_ssrs:
                raise ValueError(
                    f"{sequence} has two volumes on day {study.days_from_ssrs}: {study.volume_cc} "
                    f"cc and {later.volume_cc} cc; keep one of them"
                )
    return sorted_rows


def _sort_by_sequence(
    observations: Mapping[SeriesRole, Iterable[Observation]],
) -> dict[SeriesRole, tuple[Observation, ...]]:
    """Sort each sequence by day, and refuse two lengths on one day."""
    sorted_rows = {
        SeriesRole(sequence): tuple(sorted(row, key=attrgetter("days_from_ssrs")))
        for sequence, row in observations.items()
    }
    for sequence, row in sorted_rows.items():
        for study, later in pairwise(row):
            if study.days_from_ssrs == later.days_from_ssrs:
                raise ValueError(
                    f"{sequence} has two lengths on day {study.days_from_ssrs}: {study.ap_mm} mm "
                    f"and {later.ap_mm} mm; keep one of them"
                )
    return sorted_rows


def _sort_events(events: Iterable[TreatmentEvent]) -> tuple[TreatmentEvent, ...]:
    return tuple(events)


@frozen(kw_only=True)
class Timeline:
    """All recorded lengths and events of one lesion.

    Parameters
    ----------
    lesion_id
        The lesion.
    first_fraction_day
        Day of the first fraction, 0 or negative: a study later than it and up to day 0 is neither
        baseline nor follow-up.
    observations
        Per sequence, in the order of days, each day once.
    volumes
        Per sequence, for criteria that read volumes.
    events
        In the order in which they were recorded: on one day the later entry counts.
    """

    lesion_id: str
    first_fraction_day: int = field(
        default=0, converter=convert_to_days, validator=validators.le(0)
    )
    observations: Mapping[SeriesRole, tuple[Observation, ...]] = field(
        factory=dict, converter=_sort_by_sequence
    )
    volumes: Mapping[SeriesRole, tuple[VolumeObservation, ...]] = field(
        factory=dict, converter=_sort_volumes_by_sequence
    )
    events: tuple[TreatmentEvent, ...] = field(default=(), converter=_sort_events)

    def find_volume_baseline(self, sequence: SeriesRole) -> VolumeObservation | None:
        """Return the last volume on a sequence up to the first fraction."""
        return find_baseline(self.volumes.get(sequence, ()), self.first_fraction_day)
