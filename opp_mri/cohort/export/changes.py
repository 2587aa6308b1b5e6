"""Each recorded length against its own sequence's baseline."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import frozen

from opp_mri.domain.columns.column import Column, Kind
from opp_mri.domain.columns.timeline import LONGEST_MM, SEQUENCES
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.course import find_retreatment_day, split_studies
from opp_mri.units import DAYS_PER_WEEK

TENTH: Final = Decimal("0.1")
_RULES: Final = "response rules (Amini et al., AJNR 2016;37:387-392)"
_FROM_LENGTHS: Final = "computed from the table measurements"


class StudyPart(StrEnum):
    """The part that a study plays for its sequence."""

    EARLIER = "earlier"
    BASELINE = "baseline"
    FOLLOW_UP = "follow_up"
    AFTER_RETREATMENT = "after_retreatment"


PARTS: Final[Mapping[str, str]] = {
    StudyPart.EARLIER.value: "before the baseline",
    StudyPart.BASELINE.value: "baseline",
    StudyPart.FOLLOW_UP.value: "follow-up",
    StudyPart.AFTER_RETREATMENT.value: "after a local retreatment: not counted",
}


@frozen(kw_only=True)
class Change:
    """One recorded length against its sequence's own baseline."""

    lesion_id: str
    sequence: SeriesRole
    observation: Observation
    part: StudyPart
    baseline: Observation | None
    previous_day: int | None

    @property
    def change_mm(self) -> Decimal | None:
        """Change from the baseline, which has 0; None before it and without one."""
        if self.baseline is None or self.part is StudyPart.EARLIER:
            return None
        return self.observation.ap_mm - self.baseline.ap_mm


def convert_to_weeks(days: int | None) -> Decimal | None:
    """Return days as weeks for a reader, to one decimal."""
    return None if days is None else (Decimal(days) / DAYS_PER_WEEK).quantize(TENTH)


CHANGE_COLUMNS: Final[tuple[Column[Change], ...]] = (
    Column(
        name="lesion_id", label="Lesion", of=lambda change: change.lesion_id, required=True,
        description="The lesion.", source="recorded", identifier=True,
    ),
    Column(
        name="sequence", label="Sequence", kind=Kind.CODE, allowed=SEQUENCES, required=True,
        of=lambda change: change.sequence.value, familiar=True, source="recorded",
        description="Sequence on which the length was measured.",
    ),
    Column(
        name="days_from_ssrs", label="Time", kind=Kind.INTEGER, unit="days from SSRS",
        of=lambda change: change.observation.days_from_ssrs, required=True, source="recorded",
        description="Day of the study from completion of SSRS.",
    ),
    Column(
        name="weeks_from_ssrs", label="Time", kind=Kind.DECIMAL, unit="weeks from SSRS",
        of=lambda change: convert_to_weeks(change.observation.days_from_ssrs), required=True,
        source="days_from_ssrs divided by 7, to 0.1",
        description="The day in weeks, for reading: compute with days_from_ssrs.",
    ),
    Column(
        name="study_part", label="Study", kind=Kind.CODE, allowed=PARTS, required=True,
        of=lambda change: change.part.value, source=_RULES,
        description="The part that the study plays for its sequence.",
    ),
    Column(
        name="ap_mm", label="AP extent", kind=Kind.DECIMAL, unit="mm", required=True, minimum=0,
        maximum=LONGEST_MM, of=lambda change: change.observation.ap_mm, source="recorded",
        description="Greatest anteroposterior extent of signal abnormality.",
    ),
    Column(
        name="change_mm", label="Change from baseline", kind=Kind.DECIMAL, unit="mm",
        of=lambda change: change.change_mm, source=_FROM_LENGTHS,
        description="ap_mm less that of the sequence's own baseline, exact; empty before the "
        "baseline and where there is none.",
    ),
    Column(
        name="days_since_study_before", label="Since the study before", kind=Kind.INTEGER,
        unit="days", source=_FROM_LENGTHS,
        of=lambda change: None if change.previous_day is None
        else change.observation.days_from_ssrs - change.previous_day,
        description="Days since the previous study of the sequence; empty for its first.",
    ),
)  # fmt: skip


def generate_changes(lesion: AssessedLesion) -> Iterator[Change]:
    """Hold each length of a lesion against its sequence's baseline, in order of sequence and day.

    Raises
    ------
    ValueError
        The studies of a sequence are not in the order of days, or a day is there twice.
    """
    retreatment_day = find_retreatment_day(lesion.timeline)
    studies_by_sequence = split_studies(lesion.timeline)
    for sequence in SeriesRole:
        previous_day = None
        for observation in lesion.timeline.observations.get(sequence, ()):
            baseline = studies_by_sequence[sequence].baseline
            yield Change(
                lesion_id=lesion.lesion.lesion_id,
                sequence=sequence,
                observation=observation,
                part=_find_study_part(observation, baseline, retreatment_day),
                baseline=baseline,
                previous_day=previous_day,
            )
            previous_day = observation.days_from_ssrs


def _find_study_part(
    observation: Observation, baseline: Observation | None, retreatment_day: int | None
) -> StudyPart:
    if observation is baseline:
        return StudyPart.BASELINE
    if observation.days_from_ssrs <= 0:
        return StudyPart.EARLIER
    if retreatment_day is not None and observation.days_from_ssrs > retreatment_day:
        return StudyPart.AFTER_RETREATMENT
    return StudyPart.FOLLOW_UP
