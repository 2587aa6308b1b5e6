"""What was recorded, as tables: lesions, lengths, events. They import again unchanged.

The names and codes are those that `opp-mri lesion add --table` and `opp-mri assess` read.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from attrs import frozen

from opp_mri.cohort.export.columns import SEVERAL, Column, ExportTable, Kind, tabulate
from opp_mri.cohort.statistics.members import CohortLesion
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    Observation,
    OtherBoneLesions,
    TreatmentEvent,
)

LESIONS, MEASUREMENTS, EVENTS = "lesions", "measurements", "events"

_RECORDED: Final = "recorded"
_READ: Final = "recorded: measured by a reader, or handed over in a table"
LONGEST_MM: Final = 1000

LEVELS: Final[Mapping[str, str]] = {
    f"{letter}{number}": f"{region} vertebra {number}"
    for letter, region, last in (
        ("C", "cervical", 7), ("T", "thoracic", 13), ("L", "lumbar", 6), ("S", "sacral", 5)
    )
    for number in range(1, last + 1)
}  # fmt: skip
SEXES: Final[Mapping[str, str]] = {"M": "male", "F": "female", "O": "other"}
EXCLUSIONS: Final[Mapping[str, str]] = {
    Exclusion.HARDWARE.value: "hardware at the level",
    Exclusion.CEMENT.value: "cement at the level",
    Exclusion.SIGNIFICANT_FRACTURE.value: "significant fracture",
    Exclusion.NOT_VERTEBRAL_BODY.value: "not in the vertebral body",
    Exclusion.OVER_75_PERCENT.value: "over 75 % of the cross-section",
}
SEQUENCES: Final[Mapping[str, str]] = {
    SeriesRole.T1.value: "T1-weighted",
    SeriesRole.T2FS.value: "T2-weighted, fat suppressed",
    SeriesRole.STIR.value: "STIR",
    SeriesRole.T1POST.value: "T1-weighted after contrast",
}
EVENT_KINDS: Final[Mapping[str, str]] = {
    EventKind.SYSTEMIC_THERAPY_CHANGE.value: "change of systemic therapy",
    EventKind.OTHER_BONE_LESIONS.value: "other bone lesions",
    EventKind.LOCAL_RETREATMENT.value: "local retreatment",
    EventKind.EXCLUSION.value: "exclusion",
    EventKind.FRACTURE.value: "fracture",
    EventKind.EPIDURAL_GROWTH.value: "epidural growth",
    EventKind.PARASPINAL_GROWTH.value: "paraspinal growth",
}
CODED_EVENTS: Final[Mapping[EventKind, frozenset[str]]] = {
    EventKind.OTHER_BONE_LESIONS: frozenset(one.value for one in OtherBoneLesions),
    EventKind.EXCLUSION: frozenset(EXCLUSIONS),
}
"""Events whose value is a code; the value of any other is free text."""


@frozen
class Length:
    """One recorded length of a lesion."""

    lesion_id: str
    sequence: SeriesRole
    observation: Observation


@frozen
class Event:
    """One recorded event of a lesion."""

    lesion_id: str
    event: TreatmentEvent


LESION_ID: Final = Column[CohortLesion](
    name="lesion_id", label="Lesion", of=lambda one: one.lesion.lesion_id,
    description="Name of the lesion; it joins the tables.", source=_RECORDED,
    required=True, identifier=True,
)  # fmt: skip
PATIENT_ID: Final = Column[CohortLesion](
    name="patient_id", label="Patient", of=lambda one: one.patient_id,
    description="Name of the patient; lesions of one patient share it.", source=_RECORDED,
    required=True, identifier=True,
)  # fmt: skip

LESION_COLUMNS: Final[tuple[Column[CohortLesion], ...]] = (
    LESION_ID,
    PATIENT_ID,
    Column(
        name="level", label="Level", kind=Kind.CODE, of=lambda one: one.lesion.level,
        allowed=LEVELS, familiar=True, required=True, description="The vertebra.",
        source=_RECORDED,
    ),
    Column(
        name="ssrs_first_date", label="First day of SSRS", kind=Kind.DATE,
        of=lambda one: one.lesion.ssrs_first_date, required=True, identifier=True,
        description="First day of spine stereotactic radiosurgery (SSRS).", source=_RECORDED,
    ),
    Column(
        name="ssrs_last_date", label="Last day of SSRS", kind=Kind.DATE,
        of=lambda one: one.lesion.ssrs_last_date, required=True, identifier=True,
        description="Completion of SSRS: day 0 of all days of the lesion.", source=_RECORDED,
    ),
    Column(
        name="dose_gy", label="Dose", kind=Kind.DECIMAL, unit="Gy",
        of=lambda one: one.lesion.dose_gy, minimum=0, maximum=100,
        description="Prescribed total dose.", source=_RECORDED,
    ),
    Column(
        name="fractions", label="Fractions", kind=Kind.INTEGER,
        of=lambda one: one.lesion.fractions, minimum=1, maximum=30,
        description="Number of fractions.", source=_RECORDED,
    ),
    Column(
        name="sex", label="Sex", kind=Kind.CODE, of=lambda one: one.lesion.sex or None,
        allowed=SEXES, description="As DICOM codes it; empty where not known.", source=_RECORDED,
    ),
    Column(
        name="age_years", label="Age at SSRS", kind=Kind.INTEGER, unit="years",
        of=lambda one: one.lesion.age_years, minimum=0, maximum=120,
        description="Whole years; in a de-identified export 90 says 90 or more.",
        source=_RECORDED,
    ),
    Column(
        name="birth_year", label="Year of birth", kind=Kind.INTEGER,
        of=lambda one: one.lesion.birth_year, minimum=1880, maximum=2100, identifier=True,
        description="Given instead of the age where only the year is known.", source=_RECORDED,
    ),
    Column(
        name="histology", label="Histology", of=lambda one: one.lesion.histology or None,
        description="Of the primary tumour, in the words in which it was recorded.",
        source=_RECORDED,
    ),
    Column(
        name="exclusions", label="Failed criteria", kind=Kind.CODES, allowed=EXCLUSIONS,
        of=lambda one: SEVERAL.join(named.value for named in one.lesion.exclusions) or None,
        description="Criteria of eligibility that the lesion fails, separated by semicolons.",
        source=_RECORDED,
    ),
    Column(
        name="last_contact_date", label="Last contact", kind=Kind.DATE,
        of=lambda one: one.lesion.last_contact_date, identifier=True,
        description="Day on which the patient was last known to be alive.", source=_RECORDED,
    ),
    Column(
        name="death_date", label="Death", kind=Kind.DATE, of=lambda one: one.lesion.death_date,
        description="Day of death; empty where none is known.", source=_RECORDED, identifier=True,
    ),
    Column(
        name="tracking_uid", label="Tracking UID", of=lambda one: one.lesion.tracking_uid,
        description="DICOM identifier of the lesion over time.", source=_RECORDED,
        required=True, identifier=True,
    ),
)  # fmt: skip

LENGTH_COLUMNS: Final[tuple[Column[Length], ...]] = (
    Column(
        name="lesion_id", label="Lesion", of=lambda one: one.lesion_id, required=True,
        description="The lesion.", source=_RECORDED, identifier=True,
    ),
    Column(
        name="days_from_ssrs", label="Time", kind=Kind.INTEGER, unit="days from SSRS",
        of=lambda one: one.observation.days_from_ssrs, required=True,
        description="Day of the study from completion of SSRS; 0 or negative before follow-up.",
        source=_RECORDED,
    ),
    Column(
        name="sequence", label="Sequence", kind=Kind.CODE, allowed=SEQUENCES,
        of=lambda one: one.sequence.value, familiar=True, required=True,
        description="Sequence on which the length was measured.", source=_RECORDED,
    ),
    Column(
        name="ap_mm", label="AP extent", kind=Kind.DECIMAL, unit="mm",
        of=lambda one: one.observation.ap_mm, minimum=0, maximum=LONGEST_MM, required=True,
        description="Greatest anteroposterior extent of signal abnormality, digits as recorded; "
        "0.0 says that the abnormality is gone.",
        source=_READ,
    ),
)  # fmt: skip

EVENT_COLUMNS: Final[tuple[Column[Event], ...]] = (
    Column(
        name="lesion_id", label="Lesion", of=lambda one: one.lesion_id, required=True,
        description="The lesion.", source=_RECORDED, identifier=True,
    ),
    Column(
        name="days_from_ssrs", label="Time", kind=Kind.INTEGER, unit="days from SSRS",
        of=lambda one: one.event.days_from_ssrs, required=True,
        description="Day of the event; that of an exclusion plays no part.", source=_RECORDED,
    ),
    Column(
        name="event", label="Event", kind=Kind.CODE, allowed=EVENT_KINDS,
        of=lambda one: one.event.kind.value, required=True,
        description="What happened; on one day the later row counts.", source=_RECORDED,
    ),
    Column(
        name="value", label="Value", of=lambda one: one.event.value or None, identifier=True,
        description="For other_bone_lesions: enlarged, not_enlarged or unknown; for exclusion: "
        "the criterion, as in the column exclusions; else free text.",
        source=_RECORDED,
    ),
)  # fmt: skip


def own_events(one: CohortLesion) -> tuple[TreatmentEvent, ...]:
    """Give the events of a lesion besides those that its column of exclusions says already."""
    said = tuple(
        TreatmentEvent(0, EventKind.EXCLUSION, exclusion.value)
        for exclusion in one.lesion.exclusions
    )
    events = one.timeline.events
    return events[len(said) :] if events[: len(said)] == said else events


def recorded_tables(lesions: Iterable[CohortLesion]) -> tuple[ExportTable, ...]:
    """Give lesions, measurements and events, lesions in their order."""
    those = list(lesions)
    return (
        tabulate(LESIONS, "Lesions", "One row a lesion.", LESION_COLUMNS, those),
        tabulate(
            MEASUREMENTS, "Lengths",
            "One row a length: a lesion on one sequence of one study.", LENGTH_COLUMNS,
            _lengths(those),
        ),
        tabulate(
            EVENTS, "Events", "One row an event, in the order in which they were recorded.",
            EVENT_COLUMNS,
            (Event(one.lesion.lesion_id, event) for one in those for event in own_events(one)),
        ),
    )  # fmt: skip


def _lengths(lesions: Iterable[CohortLesion]) -> Iterator[Length]:
    for one in lesions:
        for sequence in SeriesRole:
            for observation in one.timeline.observations.get(sequence, ()):
                yield Length(one.lesion.lesion_id, sequence, observation)


def digits(value: Decimal) -> int:
    """Give the number of decimals that a value was written with."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
