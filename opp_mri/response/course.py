"""What the rules look at: the course of one sequence, and what holds for the whole lesion."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from operator import ge, gt, lt
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import Criteria
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    Observation,
    OtherBoneLesions,
    Timeline,
    TreatmentEvent,
)

_Compare = Callable[[Decimal, Decimal], bool]

SEQUENCE_ORDER: Final = (SeriesRole.T1, SeriesRole.T2FS, SeriesRole.STIR, SeriesRole.T1POST)


@frozen(kw_only=True)
class Studied:
    """The studies of one sequence that count.

    Parameters
    ----------
    baseline
        The last study on or before day 0, or None.
    follow_ups
        Those after day 0, and not after a local retreatment, in the order of days.
    """

    baseline: Observation | None
    follow_ups: tuple[Observation, ...]


@frozen(kw_only=True)
class LesionFacts:
    """What the rules need to know of a lesion besides the course of each sequence.

    Parameters
    ----------
    exclusion
        The first failed eligibility criterion, or None.
    last_day
        Last follow-up on any sequence, with or without a baseline; None without a follow-up.
    therapy_change_days
        Days on which the systemic therapy changed.
    other_bone_lesions
        What the latest entry says of the patient's other bone lesions.
    """

    exclusion: Exclusion | None
    last_day: int | None
    therapy_change_days: tuple[int, ...]
    other_bone_lesions: OtherBoneLesions


class Course:
    """How the changes from baseline went on one sequence with a baseline and a follow-up.

    Parameters
    ----------
    baseline, follow_ups
        Studies of the sequence, at least one follow-up among them, in the order of days.
    criteria
        What counts as a growth or a decline.

    Attributes
    ----------
    days, changes_mm
        Day of each follow-up and its change from baseline, in time order.
    peak, peak_day, peak_mm
        Place, day and change of the first follow-up at which the change is largest.
    last_day, last_mm
        Day and change of the last follow-up.
    grew
        True when some follow-up shows a growth.
    fallen
        True when it grew and the last follow-up, after the peak, shows a decline from it.
    """

    __slots__ = (
        "_decline",
        "_growth",
        "_limit_mm",
        "changes_mm",
        "days",
        "fallen",
        "grew",
        "last_day",
        "last_mm",
        "peak",
        "peak_day",
        "peak_mm",
    )

    def __init__(
        self, baseline: Observation, follow_ups: Sequence[Observation], criteria: Criteria
    ) -> None:
        baseline_mm = baseline.ap_mm
        self._limit_mm = criteria.change_mm
        self._growth: _Compare = ge if criteria.growth_inclusive else gt
        self._decline: _Compare = ge if criteria.decline_inclusive else gt
        self.days = [study.days_from_ssrs for study in follow_ups]
        self.changes_mm = [study.ap_mm - baseline_mm for study in follow_ups]
        self.peak_mm = max(self.changes_mm)
        self.peak = self.changes_mm.index(self.peak_mm)
        self.peak_day, self.last_day = self.days[self.peak], self.days[-1]
        self.last_mm = self.changes_mm[-1]
        self.grew = self.is_growth(self.peak_mm)
        self.fallen = (
            self.grew
            and self.peak < len(self.days) - 1
            and self.is_decline(self.peak_mm - self.last_mm)
        )

    def is_growth(self, change_mm: Decimal) -> bool:
        """Tell whether a change is a growth: `grew` in the rules."""
        return self._growth(change_mm, self._limit_mm)

    def is_decline(self, fall_mm: Decimal) -> bool:
        """Tell whether a fall, counted positive, is a decline: `fell` in the rules."""
        return self._decline(fall_mm, self._limit_mm)

    @property
    def grown(self) -> list[int]:
        """Places of the follow-ups that show a growth."""
        return [i for i, change_mm in enumerate(self.changes_mm) if self.is_growth(change_mm)]

    @property
    def had_fallen_before(self) -> bool:
        """True when a later follow-up shows a decline from one that grew."""
        largest_mm: Decimal | None = None  # of the follow-ups so far that grew
        for change_mm in self.changes_mm:
            if largest_mm is not None and self.is_decline(largest_mm - change_mm):
                return True
            if self.is_growth(change_mm) and (largest_mm is None or change_mm > largest_mm):
                largest_mm = change_mm
        return False

    @property
    def return_to_baseline_day(self) -> int | None:
        """Day of the first follow-up after the peak that shows no growth, or None."""
        for i in range(self.peak + 1, len(self.days)):
            if not self.is_growth(self.changes_mm[i]):
                return self.days[i]
        return None

    @property
    def decline_studies(self) -> int:
        """Number of follow-ups after the peak that show a decline from it."""
        later_mm = self.changes_mm[self.peak + 1 :]
        return sum(self.is_decline(self.peak_mm - change_mm) for change_mm in later_mm)


def retreatment_day(timeline: Timeline) -> int | None:
    """Give the day of the earliest local retreatment after day 0, or None."""
    days = [
        event.days_from_ssrs
        for event in timeline.events
        if event.kind is EventKind.LOCAL_RETREATMENT and event.days_from_ssrs > 0
    ]
    return min(days, default=None)


def studies_that_count(timeline: Timeline) -> dict[SeriesRole, Studied]:
    """Split the studies of each measured sequence, in the order of sequences.

    Raises
    ------
    ValueError
        The studies of a sequence are not in the order of days, or a day is there twice.
    """
    last_allowed = retreatment_day(timeline)
    return {
        sequence: _split(observations, last_allowed)
        for sequence in SEQUENCE_ORDER
        if (observations := timeline.observations.get(sequence))
    }


def _split(observations: Sequence[Observation], last_allowed: int | None) -> Studied:
    days = [study.days_from_ssrs for study in observations]
    if not all(map(lt, days, days[1:])):
        raise ValueError("the studies of a sequence stand in the order of days, each day once")
    first = bisect_right(days, 0)
    end = len(days) if last_allowed is None else bisect_right(days, last_allowed)
    return Studied(
        baseline=observations[first - 1] if first else None,
        follow_ups=tuple(observations[first:end]),
    )


def facts_of(timeline: Timeline, studied: Mapping[SeriesRole, Studied]) -> LesionFacts:
    """Gather what the rules need to know of the lesion as a whole."""
    last_days = [
        studies.follow_ups[-1].days_from_ssrs for studies in studied.values() if studies.follow_ups
    ]
    failed = {event.value for event in timeline.events if event.kind is EventKind.EXCLUSION}
    return LesionFacts(
        exclusion=next((one for one in Exclusion if one.value in failed), None) if failed else None,
        last_day=max(last_days) if last_days else None,
        therapy_change_days=tuple(
            [
                event.days_from_ssrs
                for event in timeline.events
                if event.kind is EventKind.SYSTEMIC_THERAPY_CHANGE
            ]
        ),
        other_bone_lesions=_other_bone_lesions(timeline.events),
    )


def _other_bone_lesions(events: Sequence[TreatmentEvent]) -> OtherBoneLesions:
    """Give the latest entry, whatever its day; on one day the later line counts."""
    latest: TreatmentEvent | None = None
    for event in events:
        if event.kind is EventKind.OTHER_BONE_LESIONS and (
            latest is None or event.days_from_ssrs >= latest.days_from_ssrs
        ):
            latest = event
    return OtherBoneLesions(latest.value) if latest else OtherBoneLesions.UNKNOWN
