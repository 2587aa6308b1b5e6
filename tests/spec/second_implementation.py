"""The response rules once more, written from their text alone: slow, plain and by brute force.

It shares nothing with `opp_mri.response` but the timelines, so that a slip in one of the two shows
as a difference. Categories, reasons, sequences and cautions are plain words here.
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
    """One sequence: the call, and what decides between sequences or stands next to the call."""

    category: str
    reason: str
    peak_change_mm: Decimal | None = None
    days_to_peak: int | None = None
    days_to_baseline: int | None = None
    last_change_mm: Decimal | None = None
    last_day: int = 0
    grew: bool = False
    has_baseline: bool = True


class Lesion(NamedTuple):
    """The lesion's answer, its cautions, and each sequence's answer."""

    category: str
    reason: str
    deciding_sequence: str | None
    discordant: bool
    cautions: set[str]
    sequences: dict[str, One]


def assess(timeline: Timeline, criteria: Criteria, mode: str) -> Lesion:
    """Return the answer; a timeline has at least one length."""
    return _lesion(
        *_tables(timeline), criteria, timeline.first_fraction_day, prospective=mode == "prospective"
    )


def margin_mm(
    timeline: Timeline, criteria: Criteria, mode: str, most_mm: Decimal
) -> Decimal | None:
    """Try every step of 0.1 mm on every length, the smallest steps first."""
    table, events = _tables(timeline)
    prospective, first = mode == "prospective", timeline.first_fraction_day
    category = _lesion(table, events, criteria, first, prospective=prospective).category
    change_mm = STEP_MM
    while change_mm <= most_mm:
        for changed_table in _changed(table, change_mm):
            call = _lesion(changed_table, events, criteria, first, prospective=prospective)
            if call.category != category:
                return change_mm
        change_mm += STEP_MM
    return None


def margin_days(timeline: Timeline, criteria: Criteria, mode: str, most_days: int) -> int | None:
    """Try every shift of every study, the smallest shifts first; no study passes another."""
    table, events = _tables(timeline)
    prospective, first = mode == "prospective", timeline.first_fraction_day
    category = _lesion(table, events, criteria, first, prospective=prospective).category
    days = sorted({day for day, _, _ in table})
    for shift in range(1, most_days + 1):
        for day in days:
            for new_day in (day - shift, day + shift):
                low, high = min(day, new_day), max(day, new_day)
                if any(low <= other_day <= high for other_day in days if other_day != day):
                    continue
                if (new_day > 0) != (day > 0) or (new_day <= first) != (day <= first):
                    continue
                shifted_values = [(new_day if row[0] == day else row[0], *row[1:]) for row in table]
                call = _lesion(shifted_values, events, criteria, first, prospective=prospective)
                if call.category != category:
                    return shift
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


def _lesion(
    table: Table, events: Events, criteria: Criteria, first_fraction: int, *, prospective: bool
) -> Lesion:
    retreatment_days = [day for day, event, _ in events if event == "local_retreatment"]
    rows = [row for row in table if not retreatment_days or row[0] <= min(retreatment_days)]
    measured_sequences = [
        name for name in SEQUENCES if any(name == sequence for _, sequence, _ in table)
    ]
    studies = {
        name: sorted((day, mm) for day, sequence, mm in rows if sequence == name)
        for name in measured_sequences
    }
    baselines = {
        name: [row for row in rows if row[0] <= first_fraction][-1:]
        for name, rows in studies.items()
    }
    later_rows = {name: [row for row in rows if row[0] > 0] for name, rows in studies.items()}
    complete = [name for name in measured_sequences if baselines[name] and later_rows[name]]
    t_last = max((later_rows[name][-1][0] for name in complete), default=0)
    sequences = {
        name: _Sequence(
            [day for day, _ in later_rows[name]],
            [mm - baselines[name][0][1] for _, mm in later_rows[name]],
            criteria,
            events,
        )
        for name in complete
    }
    some_grew = any(sequence.ever_grew for sequence in sequences.values())
    items = {}
    for name in measured_sequences:
        if not baselines[name]:
            items[name] = One("INDETERMINATE", "no_baseline", has_baseline=False)
        elif not later_rows[name]:
            items[name] = One("INDETERMINATE" if prospective else "NOT_ELIGIBLE", "no_follow_up")
        else:
            items[name] = sequences[name].answer(t_last, some_grew, prospective)
    for exclusion in EXCLUSIONS:
        if any(event == "exclusion" and value == exclusion for _, event, value in events):
            items = {
                name: item._replace(category="NOT_ELIGIBLE", reason=exclusion)
                for name, item in items.items()
            }
            return Lesion("NOT_ELIGIBLE", exclusion, None, False, set(), items)
    deciding_sequence = _deciding(items, complete, criteria)
    category, reason = items[deciding_sequence].category, items[deciding_sequence].reason
    discordant = any(
        assessment.grew and assessment.category != category for assessment in items.values()
    )
    if discordant and prospective:
        category, reason = "INDETERMINATE", "sequences_discordant"
    cautions = set()
    for finding in ("fracture", "epidural_growth"):
        if category == "OPP" and any(
            event == finding
            and 0 < day <= criteria.window_days
            and not (finding == "fracture" and value in ("no", "none"))
            for day, event, value in events
        ):
            cautions.add(f"{finding}_in_window")
    for name in measured_sequences:
        lengths = [mm for _, mm in later_rows[name]]
        if not baselines[name] and any(
            later - earlier >= criteria.change_mm
            for place, earlier in enumerate(lengths)
            for later in lengths[place:]
        ):
            cautions.add("growth_without_baseline")
    if deciding_sequence in complete:
        rest = [sequences[name] for name in complete if name != deciding_sequence]
        cautions |= sequences[deciding_sequence].cautions(category, rest)
        if first_fraction - baselines[deciding_sequence][0][0] > 42:
            cautions.add("old_baseline")
        if sequences[deciding_sequence].therapy_before_peak(baselines[deciding_sequence][0][0]):
            cautions.add("therapy_before_peak")
        last = max(rows[-1][0] for rows in later_rows.values() if rows)
        if last - later_rows[deciding_sequence][-1][0] > 182:
            cautions.add("sequence_ended_early")
    return Lesion(category, reason, deciding_sequence, discordant, cautions, items)


def _deciding(answers: dict[str, One], complete: list[str], criteria: Criteria) -> str:
    if not complete:
        return next(
            (name for name, item in answers.items() if item.has_baseline), next(iter(answers))
        )
    long = [name for name in complete if answers[name].last_day >= criteria.min_follow_up_days]
    can = long or complete
    grew = [name for name in can if answers[name].grew]
    if grew:
        return max(grew, key=lambda name: answers[name].peak_change_mm or Decimal(0))
    return min(can, key=lambda name: answers[name].last_change_mm or Decimal(0))


class _Sequence:
    """One sequence with a baseline and a follow-up: its days, its changes, and the rows."""

    def __init__(
        self, days: list[int], changes: list[Decimal], criteria: Criteria, events: Events
    ) -> None:
        self.days, self.changes, self.criteria, self.events = days, changes, criteria, events
        self.places = range(len(days))
        self.last = changes[-1]
        self.peak = changes.index(max(changes))
        self.ever_grew = self.grew(max(changes))
        self.retreated = any(event == "local_retreatment" for _, event, _ in events)
        self.therapy = [day for day, event, _ in events if event == "systemic_therapy_change"]
        later = changes[self.peak + 1 :]
        self.nadir = self._nadir()
        self.regrown = self.grew(self.last) and (
            (later != [] and self.grew(self.last - min(later)))
            or (self.nadir is not None and self.grew(self.last - changes[self.nadir]))
        )
        self.fallen = (
            self.ever_grew
            and not self.regrown
            and (
                self.fell(max(changes) - self.last)
                or (
                    later != []
                    and self.fell(max(changes) - min(later))
                    and not self.grew(self.last)
                )
            )
        )

    def grew(self, mm: Decimal) -> bool:
        limit = self.criteria.change_mm
        return mm > limit or (self.criteria.growth_inclusive and mm == limit)

    def fell(self, mm: Decimal) -> bool:
        limit = self.criteria.change_mm
        return mm > limit or (self.criteria.decline_inclusive and mm == limit)

    def _nadir(self) -> int | None:
        for i in self.places:
            if self.grew(self.changes[i]) and any(
                self.fell(self.changes[i] - self.changes[j]) for j in self.places if j > i
            ):
                smallest = min(self.changes[i + 1 :])
                return max(j for j in self.places if j > i and self.changes[j] == smallest)
        return None

    def counted(self) -> list[int]:
        growth_places = [i for i in self.places if self.grew(self.changes[i])]
        if self.nadir is not None and not self.grew(self.changes[self.nadir]):
            return [i for i in growth_places if i > self.nadir]
        return growth_places

    def t_end(self) -> int:
        if self.criteria.therapy_counts == "until_sustained":
            for i in self.places:
                late = self.days[i] >= self.days[self.peak] + self.criteria.sustain_days
                low = self.fell(self.changes[self.peak] - self.changes[i])
                if i > self.peak and late and low:
                    return self.days[i]
        return self.days[-1]

    def answer(self, lesion_t_last: int, some_grew: bool, prospective: bool) -> One:
        category, reason = self.row(lesion_t_last, some_grew, prospective)
        back = [
            self.days[i] for i in self.places if i > self.peak and not self.grew(self.changes[i])
        ]
        return One(
            category,
            reason,
            peak_change_mm=max(self.changes),
            days_to_peak=self.days[self.peak],
            days_to_baseline=back[0] if self.ever_grew and back else None,
            last_change_mm=self.last,
            last_day=self.days[-1],
            grew=self.ever_grew,
        )

    def row(self, lesion_t_last: int, some_grew: bool, prospective: bool) -> tuple[str, str]:
        least = self.criteria.min_follow_up_days
        unsure = "INDETERMINATE" if prospective else "PD"
        retreatment = ("INDETERMINATE", "retreated_before_the_answer")
        if lesion_t_last < least and self.retreated and self.ever_grew:
            return retreatment
        if lesion_t_last < least and not (self.retreated and some_grew) and not prospective:
            return "NOT_ELIGIBLE", "follow_up_under_6_months"
        early = prospective and self.days[-1] < least
        if not self.ever_grew:
            if early:
                return "INDETERMINATE", "not_enlarged_follow_up_under_6_months"
            if self.fell(-self.last):
                return "PR", "decline_from_baseline"
            return "SD", "within_measurement_error"
        soon = self.days[-1] - self.days[self.peak] < self.criteria.sustain_days
        if self.fallen:
            if early:
                return "INDETERMINATE", "declining_follow_up_under_6_months"
            if soon:
                return retreatment if self.retreated else (unsure, "decline_not_yet_sustained")
            return self.therapy_rows(unsure)
        window = self.criteria.window_days
        waits = self.days[-1] <= window or (self.days[self.peak] <= window and soon)
        few = len(self.counted()) < self.criteria.progression_min_studies
        if self.retreated and (waits or few or not self.grew(self.last)):
            return retreatment
        if prospective and waits:
            return "INDETERMINATE", "enlarging_within_opp_window"
        if prospective and few:
            again = "regrowth_not_yet_confirmed"
            return "INDETERMINATE", "enlarged_on_single_study" if self.nadir is None else again
        if self.nadir is not None and self.grew(self.last):
            if self.grew(self.last - self.changes[self.nadir]):
                return "PD", "regrowth_after_decline"
            return "PD", "decline_not_held"
        if self.criteria.plateau == "OPP" and self.level():
            return "OPP", "plateau_after_growth"
        if not self.grew(self.last):
            return unsure, "decline_below_threshold"
        return "PD", "persistent_enlargement"

    def therapy_rows(self, unsure: str) -> tuple[str, str]:
        peak, end, last = self.days[self.peak], self.t_end(), self.days[-1]
        therapy_days = [day for day in self.therapy if peak < day <= end]
        if not therapy_days:
            return "OPP", "sustained_decline"
        known_entries = [
            (day, line, value)
            for line, (day, event, value) in enumerate(self.events)
            if event == "other_bone_lesions" and value != "unknown"
        ]
        between = [entry for entry in known_entries if min(therapy_days) < entry[0] <= end]
        after = [entry for entry in known_entries if end < entry[0] <= last]
        if between:
            rest = max(between)[2]
        elif after:
            day = min(entry[0] for entry in after)
            rest = max(entry for entry in after if entry[0] == day)[2]
        else:
            return unsure, "systemic_therapy_changed_other_lesions_unknown"
        if rest == "enlarged":
            return "OPP", "sustained_decline_despite_growth_elsewhere"
        return "PD", "decline_attributable_to_systemic_therapy"

    def level(self) -> bool:
        growth_places = [i for i in self.places if self.grew(self.changes[i])]
        first, final = growth_places[0], growth_places[-1]
        return (
            self.grew(self.last)
            and not self.retreated
            and not any(self.days[first] < day <= self.days[-1] for day in self.therapy)
            and len(growth_places) >= 2
            and self.days[final] - self.days[first] >= self.criteria.sustain_days
            and not self.grew(self.last - self.changes[first])
        )

    def therapy_before_peak(self, baseline_day: int) -> bool:
        before = self.days[self.peak - 1] if self.peak else baseline_day
        has_therapy_change = any(before < day <= self.days[self.peak] for day in self.therapy)
        return self.ever_grew and has_therapy_change

    def cautions(self, category: str, other_sequences: "list[_Sequence]") -> set[str]:
        """Return the cautions of the sequence that decides, but for those of days and baselines."""
        cautions = set()
        limit = self.criteria.change_mm
        highest = max(self.changes)
        if self.ever_grew:
            growth_places = [i for i in self.places if self.grew(self.changes[i])]
            if len(growth_places) == 1 or len(self.counted()) == 1:
                cautions.add("growth_on_one_study")
            if self.days[growth_places[0]] < 28:
                cautions.add("growth_before_day_28")
            if self.days[growth_places[0]] > self.criteria.window_days:
                cautions.add("late_onset")
            if self.fallen:
                low = [i for i in self.places if i > self.peak
                       and self.fell(highest - self.changes[i])]  # fmt: skip
                if len(low) == 1:
                    cautions.add("decline_on_one_study")
                if any(day > self.t_end() for day in self.therapy):
                    cautions.add("therapy_after_decline")
            if category in ("PD", "INDETERMINATE") and not self.grew(self.last):
                cautions.add("back_at_baseline")
            if any(other_sequence.last <= -limit for other_sequence in other_sequences):
                cautions.add("other_sequence_fell")
        if category == "OPP":
            if highest - self.last < highest / 2:
                cautions.add("partial_decline")
            if any(
                other_sequence.grew(other_sequence.last)
                and other_sequence.last == max(other_sequence.changes)
                for other_sequence in other_sequences
            ):
                cautions.add("other_sequence_growing")
        since = self.peak + 1 if category == "OPP" else 0
        earlier = self.changes[since:-1]
        if category in ("PR", "SD", "OPP") and earlier and self.last - min(earlier) >= limit:
            cautions.add("regrowth_from_nadir")
        return cautions
