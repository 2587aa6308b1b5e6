"""What the rules look at: the course of one sequence, and what holds for the whole lesion."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import Criteria, TherapyCounts
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    Observation,
    OtherBoneLesions,
    Row,
    Timeline,
    TreatmentEvent,
    find_baseline,
)
from opp_mri.units import MOST_DECIMALS

SEQUENCE_ORDER: Final = (SeriesRole.T1, SeriesRole.T2FS, SeriesRole.STIR, SeriesRole.T1POST)
_SMALLEST_STEP_MM: Final = Decimal(1).scaleb(-MOST_DECIMALS)
_get_day: Final = attrgetter("days_from_ssrs")


@frozen(kw_only=True)
class Studied:
    """The studies of one sequence that count.

    Parameters
    ----------
    baseline
        The last study on or before the day of the first fraction, or None.
    follow_ups
        Those after day 0, and not after a local retreatment, in the order of days.
    """

    baseline: Observation | None
    follow_ups: tuple[Observation, ...]


@frozen(kw_only=True)
class LesionFacts:
    """Facts about a lesion, other than its lengths, that the rules need.

    Parameters
    ----------
    exclusion
        The first failed eligibility criterion, or None.
    retreatment_day
        Day of the earliest local retreatment, or None.
    therapy_change_days
        Days on which the systemic therapy changed.
    other_bone_lesions
        Day and behaviour of each known entry on other bone lesions, in the order of days and, on
        one day, of the record.
    finding_days
        Days of fractures and of epidural growth, which never decide.
    """

    exclusion: Exclusion | None
    retreatment_day: int | None
    therapy_change_days: tuple[int, ...]
    other_bone_lesions: tuple[tuple[int, OtherBoneLesions], ...]
    finding_days: Mapping[EventKind, tuple[int, ...]]

    @property
    def retreated(self) -> bool:
        """Whether there was a local retreatment."""
        return self.retreatment_day is not None


NO_FACTS: Final = LesionFacts(
    exclusion=None,
    retreatment_day=None,
    therapy_change_days=(),
    other_bone_lesions=(),
    finding_days={},
)
"""Of a lesion without events."""


class Course:
    """How the changes from baseline went on one sequence with a baseline and a follow-up.

    Parameters
    ----------
    baseline, follow_ups
        Studies of the sequence, at least one follow-up among them, in the order of days.
    criteria
        What counts as a growth or a decline.
    seconded_days
        With `confirm_growth`: days on which another sequence shows growth.

    Attributes
    ----------
    days, changes_mm
        Day of each follow-up and its change from baseline, in time order.
    grown
        Places of the follow-ups that show a growth.
    peak, peak_day, peak_mm
        Place, day and change of the first follow-up at which the change is largest; where
        growth must be confirmed, among those that show a growth.
    last_day, last_mm
        Day and change of the last follow-up.
    grew, last_grew
        True when some follow-up, or the last, shows a growth.
    nadir
        Place of the last follow-up with the smallest change, after the first one that grew and
        was followed by a decline from it; None where there was no such decline.
    regrown
        True when a growth at the last follow-up follows a decline that it undoes (RULES).
    fallen
        True when it grew and shows a decline that is not undone (RULES).
    """

    __slots__ = (
        "_decline_mm",
        "_growth_mm",
        "changes_mm",
        "days",
        "fallen",
        "grew",
        "grown",
        "last_day",
        "last_grew",
        "last_mm",
        "nadir",
        "peak",
        "peak_day",
        "peak_mm",
        "regrown",
    )

    def __init__(
        self,
        baseline: Observation,
        follow_ups: Sequence[Observation],
        criteria: Criteria,
        *,
        seconded_days: Collection[int] = (),
    ) -> None:
        baseline_mm, limit_mm = baseline.ap_mm, criteria.change_mm
        above_mm = limit_mm + _SMALLEST_STEP_MM
        self._growth_mm = growth_mm = limit_mm if criteria.growth_inclusive else above_mm
        self._decline_mm = limit_mm if criteria.decline_inclusive else above_mm
        self.days = [study.days_from_ssrs for study in follow_ups]
        self.changes_mm = changes_mm = [study.ap_mm - baseline_mm for study in follow_ups]
        self.grown: list[int] = []
        self.peak = changes_mm.index(max(changes_mm))
        if changes_mm[self.peak] >= growth_mm:
            self.grown = [i for i, change_mm in enumerate(changes_mm) if change_mm >= growth_mm]
            if criteria.confirm_growth:
                self.grown = self._keep_confirmed(seconded_days)
                self.peak = max(self.grown, key=changes_mm.__getitem__, default=self.peak)
        self.peak_mm, self.peak_day = changes_mm[self.peak], self.days[self.peak]
        self.last_mm, self.last_day = changes_mm[-1], self.days[-1]
        self.grew = bool(self.grown)
        self.last_grew = self.grew and self.grown[-1] == len(changes_mm) - 1
        self.nadir: int | None = None
        self.regrown = self.fallen = False
        if self.grew:
            self._follow_growth(changes_mm[self.peak + 1 :])

    def _follow_growth(self, later_mm: Sequence[Decimal]) -> None:
        """Find a nadir, and whether the course fell from its peak or has regrown."""
        self.nadir = self._find_nadir()
        smallest_mm = min(later_mm, default=self.peak_mm)
        self.regrown = self.last_grew and (
            self.last_mm - smallest_mm >= self._growth_mm
            or (self.nadir is not None and self.regrowth_mm >= self._growth_mm)
        )
        self.fallen = not self.regrown and (
            self.peak_mm - self.last_mm >= self._decline_mm
            or (self.peak_mm - smallest_mm >= self._decline_mm and not self.last_grew)
        )

    def _keep_confirmed(self, seconded_days: Collection[int]) -> list[int]:
        """Keep growth that another sequence of the day, or a neighbouring follow-up, shows too."""
        places = set(self.grown)
        return [
            place
            for place in self.grown
            if self.days[place] in seconded_days or place - 1 in places or place + 1 in places
        ]

    def is_growth(self, change_mm: Decimal) -> bool:
        """Return whether a change is a growth: `grew` in the rules."""
        return change_mm >= self._growth_mm

    def is_decline(self, fall_mm: Decimal) -> bool:
        """Return whether a fall, counted positive, is a decline: `fell` in the rules."""
        return fall_mm >= self._decline_mm

    def _find_nadir(self) -> int | None:
        later_mm = self.changes_mm[self.grown[0] + 1 :]
        if not later_mm or self.peak_mm - min(later_mm) < self._decline_mm:
            return None  # no later decline can be larger
        for place in self.grown:
            later_mm = self.changes_mm[place + 1 :]
            if later_mm and self.is_decline(self.changes_mm[place] - min(later_mm)):
                return self._find_last_smallest(place + 1)
        return None

    def _find_last_smallest(self, start: int) -> int:
        return min(range(len(self.days) - 1, start - 1, -1), key=self.changes_mm.__getitem__)

    @property
    def had_fallen_before(self) -> bool:
        """True when a later follow-up shows a decline from one that grew."""
        return self.nadir is not None

    @property
    def regrowth_mm(self) -> Decimal:
        """Growth from the nadir to the last follow-up; 0 without a nadir."""
        return Decimal(0) if self.nadir is None else self.last_mm - self.changes_mm[self.nadir]

    @property
    def counted_as_grown(self) -> list[int]:
        """Places of the follow-ups that count as grown (RULES: one sequence)."""
        if self.nadir is None or self.nadir in self.grown:
            return self.grown
        return [place for place in self.grown if place > self.nadir]

    @property
    def regrown_from_smallest(self) -> list[int]:
        """Places after the smallest follow-up that show a growth from it, if the last one does.

        The smallest follow-up lies after the peak where the sequence grew.
        """
        start = self.peak + 1 if self.grew else 0
        if start >= len(self.days):
            return []
        smallest = self._find_last_smallest(start)
        regrowth_places = [
            place
            for place in range(smallest + 1, len(self.days))
            if self.is_growth(self.changes_mm[place] - self.changes_mm[smallest])
        ]
        return (
            regrowth_places if regrowth_places and regrowth_places[-1] == len(self.days) - 1 else []
        )

    @property
    def return_to_baseline_day(self) -> int | None:
        """Day of the first follow-up after the peak that shows no growth, or None."""
        for place in range(self.peak + 1, len(self.days)):
            if self.changes_mm[place] < self._growth_mm:
                return self.days[place]
        return None

    @property
    def decline_studies(self) -> int:
        """Number of follow-ups after the peak that show a decline from it."""
        highest_mm = self.peak_mm - self._decline_mm
        return len([mm for mm in self.changes_mm[self.peak + 1 :] if mm <= highest_mm])

    def find_last_day_of_therapy(self, criteria: Criteria) -> int:
        """Return the day up to which a change of therapy may explain the decline: t_end (RULES)."""
        if criteria.therapy_counts is TherapyCounts.UNTIL_SUSTAINED:
            for place in range(self.peak + 1, len(self.days)):
                if self.days[place] - self.peak_day >= criteria.sustain_days and self.is_decline(
                    self.peak_mm - self.changes_mm[place]
                ):
                    return self.days[place]
        return self.last_day


def build_courses(
    studies_by_sequence: Mapping[SeriesRole, Studied], criteria: Criteria
) -> dict[SeriesRole, Course]:
    """Return the course of each sequence that has a baseline and a follow-up, in their order."""
    pairs = {
        sequence: (studies.baseline, studies.follow_ups)
        for sequence, studies in studies_by_sequence.items()
        if studies.baseline is not None and studies.follow_ups
    }
    courses = {sequence: Course(*pair, criteria) for sequence, pair in pairs.items()}
    if not criteria.confirm_growth:
        return courses
    growth_days = {
        sequence: {
            day
            for day, change_mm in zip(course.days, course.changes_mm, strict=True)
            if course.is_growth(change_mm)
        }
        for sequence, course in courses.items()
    }
    return {
        sequence: Course(
            *pair,
            criteria,
            seconded_days=set().union(
                *(
                    growth_days[other_sequence]
                    for other_sequence in growth_days
                    if other_sequence is not sequence
                )
            ),
        )
        for sequence, pair in pairs.items()
    }


def find_retreatment_day(timeline: Timeline) -> int | None:
    """Return the day of the earliest local retreatment, or None."""
    if not timeline.events:
        return None
    days = [
        event.days_from_ssrs
        for event in timeline.events
        if event.kind is EventKind.LOCAL_RETREATMENT
    ]
    return min(days, default=None)


def split_studies(timeline: Timeline) -> dict[SeriesRole, Studied]:
    """Split the studies of each measured sequence, in the order of sequences."""
    return {
        sequence: Studied(baseline=baseline, follow_ups=follow_ups)
        for sequence, (baseline, follow_ups) in split_rows(timeline, timeline.observations).items()
    }


def split_rows(
    timeline: Timeline, rows: Mapping[SeriesRole, Sequence[Row]]
) -> dict[SeriesRole, tuple[Row | None, tuple[Row, ...]]]:
    """Split lengths or volumes into the baseline and the follow-ups that count, by sequence."""
    first_fraction_day, last_allowed = timeline.first_fraction_day, find_retreatment_day(timeline)
    return {
        sequence: (
            find_baseline(studies, first_fraction_day),
            _select_follow_ups(studies, last_allowed),
        )
        for sequence in SEQUENCE_ORDER
        if (studies := rows.get(sequence))
    }


def _select_follow_ups(studies: Sequence[Row], last_allowed: int | None) -> tuple[Row, ...]:
    first = bisect_right(studies, 0, key=_get_day)
    end = None if last_allowed is None else bisect_right(studies, last_allowed, key=_get_day)
    return tuple(studies[first:end])


def gather_facts(timeline: Timeline) -> LesionFacts:
    """Gather the facts, other than lengths, that the rules need."""
    if not timeline.events:
        return NO_FACTS
    events: dict[EventKind, list[TreatmentEvent]] = {}
    for event in timeline.events:
        events.setdefault(event.kind, []).append(event)
    exclusion_values = {event.value for event in events.get(EventKind.EXCLUSION, ())}
    entries = [
        (event.days_from_ssrs, OtherBoneLesions(event.value))
        for event in events.get(EventKind.OTHER_BONE_LESIONS, ())
        if event.value != OtherBoneLesions.UNKNOWN
    ]
    return LesionFacts(
        exclusion=next((value for value in Exclusion if value in exclusion_values), None)
        if exclusion_values
        else None,
        retreatment_day=min(
            map(_get_day, events.get(EventKind.LOCAL_RETREATMENT, ())), default=None
        ),
        therapy_change_days=tuple(map(_get_day, events.get(EventKind.SYSTEMIC_THERAPY_CHANGE, ()))),
        other_bone_lesions=tuple(sorted(entries, key=itemgetter(0))),
        finding_days={
            kind: tuple(event.days_from_ssrs for event in events[kind] if event.is_finding)
            for kind in (EventKind.FRACTURE, EventKind.EPIDURAL_GROWTH)
            if kind in events
        },
    )


def find_other_bone_lesions(
    facts: LesionFacts, change_day: int, until: int, last_day: int
) -> OtherBoneLesions:
    """Return the entry that counts next to a change of therapy (RULES: below the table).

    Parameters
    ----------
    changed, until, last_day
        Day of the first change that counts, day up to which changes count, last follow-up.
    """
    entries = facts.other_bone_lesions
    if within := [behaviour for day, behaviour in entries if change_day < day <= until]:
        return within[-1]
    later = [(day, behaviour) for day, behaviour in entries if until < day <= last_day]
    first_day = [behaviour for day, behaviour in later if day == later[0][0]]
    return first_day[-1] if first_day else OtherBoneLesions.UNKNOWN
