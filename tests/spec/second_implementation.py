"""The response rules once more, written from their text alone: slow, plain and by brute force.

It shares nothing with `opp_mri.response` but the timelines, so that a slip in one of the two shows
as a difference. Categories, reasons and sequences are plain words here.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from opp_mri.domain.assessment import Criteria
from opp_mri.domain.timeline import Timeline

SEQUENCES = ("T1", "T2FS", "STIR", "T1POST")
EXCLUSIONS = ("hardware", "cement", "significant_fracture", "not_vertebral_body", "over_75_percent")
STEP_MM = Decimal("0.1")

Table = list[tuple[int, str, Decimal]]  # day, sequence, mm
Events = list[tuple[int, str, str]]  # day, event, value


class One(NamedTuple):
    """One sequence: the call, and what decides between sequences or stands beside the call."""

    category: str
    reason: str
    peak_change_mm: Decimal | None = None
    days_to_peak: int | None = None
    days_to_baseline: int | None = None
    last_change_mm: Decimal | None = None
    grew: bool = False
    has_baseline: bool = True


class Lesion(NamedTuple):
    """The lesion's answer and each sequence's."""

    category: str
    reason: str
    deciding_sequence: str | None
    discordant: bool
    sequences: dict[str, One]


def assess(timeline: Timeline, criteria: Criteria, mode: str) -> Lesion:
    """Give the answer; a timeline has at least one length."""
    return _lesion(*_tables(timeline), criteria, prospective=mode == "prospective")


def margin_mm(
    timeline: Timeline, criteria: Criteria, mode: str, most_mm: Decimal
) -> Decimal | None:
    """Try every step of 0.1 mm on every length, the smallest steps first."""
    table, events = _tables(timeline)
    prospective = mode == "prospective"
    category = _lesion(table, events, criteria, prospective=prospective).category
    change_mm = STEP_MM
    while change_mm <= most_mm:
        for changed in _changed(table, change_mm):
            if _lesion(changed, events, criteria, prospective=prospective).category != category:
                return change_mm
        change_mm += STEP_MM
    return None


def _tables(timeline: Timeline) -> tuple[Table, Events]:
    table = [
        (study.days_from_ssrs, sequence.value, study.ap_mm)
        for sequence, row in timeline.observations.items()
        for study in row
    ]
    events = [(event.days_from_ssrs, event.kind.value, event.value) for event in timeline.events]
    return table, events


def _changed(table: Table, change_mm: Decimal) -> Iterator[Table]:
    for place, (day, sequence, mm) in enumerate(table):
        for other_mm in (mm + change_mm, mm - change_mm):
            if other_mm >= 0:
                yield [*table[:place], (day, sequence, other_mm), *table[place + 1 :]]


def _lesion(table: Table, events: Events, criteria: Criteria, *, prospective: bool) -> Lesion:
    retreated = [day for day, event, _ in events if event == "local_retreatment" and day > 0]
    kept = [row for row in table if not retreated or row[0] <= min(retreated)]
    last_day = max((day for day, _, _ in kept if day > 0), default=0)
    measured = [name for name in SEQUENCES if any(name == sequence for _, sequence, _ in table)]
    ones = {
        name: _one(
            sorted((day, mm) for day, sequence, mm in kept if sequence == name),
            last_day,
            events,
            criteria,
            prospective=prospective,
        )
        for name in measured
    }
    for exclusion in EXCLUSIONS:
        if any(event == "exclusion" and value == exclusion for _, event, value in events):
            ones = {
                name: one._replace(category="NOT_ELIGIBLE", reason=exclusion)
                for name, one in ones.items()
            }
            return Lesion("NOT_ELIGIBLE", exclusion, None, False, ones)
    deciding = _deciding(ones)
    category, reason = ones[deciding].category, ones[deciding].reason
    discordant = any(one.grew and one.category != category for one in ones.values())
    if discordant and prospective:
        category, reason = "INDETERMINATE", "sequences_discordant"
    return Lesion(category, reason, deciding, discordant, ones)


def _deciding(ones: dict[str, One]) -> str:
    complete = {
        name: (one.peak_change_mm, one.last_change_mm)
        for name, one in ones.items()
        if one.peak_change_mm is not None and one.last_change_mm is not None
    }
    if any(one.grew for one in ones.values()):
        return max(complete, key=lambda name: complete[name][0])  # the first of equals
    if complete:
        return min(complete, key=lambda name: complete[name][1])
    return next((name for name, one in ones.items() if one.has_baseline), next(iter(ones)))


def _other_bone_lesions(events: Events) -> str:
    entries = [
        (day, line, value)
        for line, (day, event, value) in enumerate(events)
        if event == "other_bone_lesions"
    ]
    return max(entries)[2] if entries else "unknown"


def _one(
    studies: list[tuple[int, Decimal]],
    lesion_last_day: int,
    events: Events,
    criteria: Criteria,
    *,
    prospective: bool,
) -> One:
    """Split off the baseline, gather what is reported, and call rows 1 and 2."""
    before = [mm for day, mm in studies if day <= 0]
    days = [day for day, _ in studies if day > 0]
    if not before:
        return One("INDETERMINATE", "no_baseline", has_baseline=False)
    if not days:
        return One("INDETERMINATE" if prospective else "NOT_ELIGIBLE", "no_follow_up")
    changes = [mm - before[-1] for day, mm in studies if day > 0]
    peak = changes.index(max(changes))
    rows = _Rows(days, changes, peak, criteria)
    grew = rows.grew(changes[peak])
    short = lesion_last_day < criteria.min_follow_up_days
    category, reason = rows.call(events, short=short, prospective=prospective)
    back = [day for day, mm in rows.after_peak() if not rows.grew(mm)]
    return One(
        category,
        reason,
        peak_change_mm=changes[peak],
        days_to_peak=days[peak],
        days_to_baseline=back[0] if grew and back else None,
        last_change_mm=changes[-1],
        grew=grew,
    )


class _Rows(NamedTuple):
    """Rows 3 to 17, for the days and changes of the follow-ups and the place of their peak."""

    days: list[int]
    changes: list[Decimal]
    peak: int
    criteria: Criteria

    def grew(self, mm: Decimal) -> bool:
        limit = self.criteria.change_mm
        return mm > limit or (self.criteria.growth_inclusive and mm == limit)

    def fell(self, mm: Decimal) -> bool:
        limit = self.criteria.change_mm
        return mm > limit or (self.criteria.decline_inclusive and mm == limit)

    def after_peak(self) -> list[tuple[int, Decimal]]:
        return list(zip(self.days, self.changes, strict=True))[self.peak + 1 :]

    def call(self, events: Events, *, short: bool, prospective: bool) -> tuple[str, str]:
        if short and not prospective:
            return "NOT_ELIGIBLE", "follow_up_under_6_months"
        highest, last = self.changes[self.peak], self.changes[-1]
        if not self.grew(highest):
            if short:
                return "INDETERMINATE", "not_enlarged_follow_up_under_6_months"
            if self.fell(-last):
                return "PR", "decline_from_baseline"
            return "SD", "within_measurement_error"
        if self.after_peak() and self.fell(highest - last):
            return self._fallen(events, "INDETERMINATE" if prospective else "PD")
        if prospective and (wait := self._wait()):
            return "INDETERMINATE", wait
        return self._enlarged("INDETERMINATE" if prospective else "PD")

    def _fallen(self, events: Events, unsure: str) -> tuple[str, str]:
        peak_day, last_day = self.days[self.peak], self.days[-1]
        if last_day - peak_day < self.criteria.sustain_days:
            return unsure, "decline_not_yet_sustained"
        changed = [day for day, event, _ in events if event == "systemic_therapy_change"]
        if not any(peak_day < day <= last_day for day in changed):
            return "OPP", "sustained_decline"
        return {
            "enlarged": ("OPP", "sustained_decline_despite_growth_elsewhere"),
            "not_enlarged": ("PD", "decline_attributable_to_systemic_therapy"),
            "unknown": (unsure, "systemic_therapy_changed_other_lesions_unknown"),
        }[_other_bone_lesions(events)]

    def _wait(self) -> str | None:
        peak_day, last_day, window = self.days[self.peak], self.days[-1], self.criteria.window_days
        soon = last_day - peak_day < self.criteria.sustain_days
        if last_day <= window or (peak_day <= window and soon):
            return "enlarging_within_opp_window"
        if sum(map(self.grew, self.changes)) < self.criteria.progression_min_studies:
            return "enlarged_on_single_study"
        return None

    def _enlarged(self, unsure: str) -> tuple[str, str]:
        last = self.changes[-1]
        grown = [i for i, mm in enumerate(self.changes) if self.grew(mm)]
        if any(self.fell(self.changes[i] - later) for i in grown for later in self.changes[i:]):
            return "PD", "regrowth_after_decline"
        apart = self.days[grown[-1]] - self.days[grown[0]]
        level = not self.grew(last - self.changes[grown[0]])
        long = len(grown) >= 2 and apart >= self.criteria.sustain_days
        if self.criteria.plateau == "OPP" and long and level:
            return "OPP", "plateau_after_growth"
        if not self.grew(last):
            return unsure, "decline_below_threshold"
        return "PD", "persistent_enlargement"
