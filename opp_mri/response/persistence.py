"""Criteria that ask whether an enlargement persists: of lengths or volumes (docs: criteria).

One algorithm serves all of them. A follow-up is *enlarged* when it exceeds its reference by the
criteria's change, or a study before it by a threshold for that pair of studies and that size.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from operator import attrgetter
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import (
    Assessment,
    Criteria,
    Mode,
    Persistence,
    Quantity,
    Reason,
    Reference,
    ResponseCategory,
    Rules,
    SequenceAssessment,
    Threshold,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Pathology, Row, Timeline
from opp_mri.response.course import LesionFacts, find_retreatment_day, gather_facts, split_rows

Answer = tuple[ResponseCategory, Reason]
INDETERMINATE: Final = ResponseCategory.INDETERMINATE
RESOLVED: Final = Reason.ENLARGEMENT_RESOLVED


@frozen(kw_only=True)
class _Sizes:
    """The sizes of one sequence that count, in the unit of the quantity.

    Parameters
    ----------
    baseline
        Day and size of the baseline, or None.
    days, sizes
        Of the follow-ups, in the order of days.
    """

    baseline: tuple[int, Decimal] | None
    days: Sequence[int]
    sizes: Sequence[Decimal]


def classify_persistence(timeline: Timeline, rules: Rules, persistence: Persistence) -> Assessment:
    """Return the category of a lesion by criteria that ask whether an enlargement persists.

    Parameters
    ----------
    timeline
        Its lengths or volumes per sequence, and its events.
    rules, persistence
        The criteria with their table of persistence, and the mode.
    """
    facts, sizes = gather_facts(timeline), _gather_sizes(timeline, rules.criteria.quantity)
    reader = _Reader(
        rules=rules,
        persistence=persistence,
        facts=facts,
        events=_is_progression(timeline, persistence),
    )
    sequences = {sequence: reader.assess(row) for sequence, row in sizes.items()}
    category, reason, deciding_sequence, discordant = _classify_lesion(sequences, facts, rules)
    return Assessment(
        lesion_id=timeline.lesion_id,
        rules=rules,
        category=category,
        reason=reason,
        deciding_sequence=deciding_sequence,
        discordant=discordant,
        sequences=sequences,
        retreatment_day=find_retreatment_day(timeline),
    )


def _gather_sizes(timeline: Timeline, quantity: Quantity) -> dict[SeriesRole, _Sizes]:
    if quantity is Quantity.VOLUME_CC:
        return {
            sequence: _build_sizes(*studies, attrgetter("volume_cc"))
            for sequence, studies in split_rows(timeline, timeline.volumes).items()
        }
    return {
        sequence: _build_sizes(*studies, attrgetter("ap_mm"))
        for sequence, studies in split_rows(timeline, timeline.observations).items()
    }


def _build_sizes(
    baseline: Row | None, follow_ups: Sequence[Row], get_size: Callable[[Row], Decimal]
) -> _Sizes:
    return _Sizes(
        baseline=(baseline.days_from_ssrs, get_size(baseline)) if baseline else None,
        days=[study.days_from_ssrs for study in follow_ups],
        sizes=[get_size(study) for study in follow_ups],
    )


def _is_progression(timeline: Timeline, persistence: Persistence) -> bool:
    """Return whether an event after radiosurgery is progression by itself."""
    return any(
        event.days_from_ssrs > 0
        and event.kind in persistence.progression_events
        and not (event.kind is EventKind.PATHOLOGY and event.value != Pathology.TUMOUR)
        for event in timeline.events
    )


def _classify_lesion(
    sequences: Mapping[SeriesRole, SequenceAssessment], facts: LesionFacts, rules: Rules
) -> tuple[ResponseCategory, Reason, SeriesRole | None, bool]:
    if facts.exclusion is not None:
        return ResponseCategory.NOT_ELIGIBLE, Reason(facts.exclusion.value), None, False
    if not sequences:
        return INDETERMINATE, Reason.NO_BASELINE, None, False
    complete = {name: answer for name, answer in sequences.items() if answer.peak_day is not None}
    growing_sequences = [
        name
        for name, answer in complete.items()
        if answer.growth_studies or answer.reason is Reason.GROWTH_FROM_ZERO
    ]
    if growing_sequences:
        deciding_sequence = max(
            growing_sequences, key=lambda name: _get_change(complete[name], rules, "peak")
        )
    elif complete:
        deciding_sequence = min(
            complete, key=lambda name: _get_change(complete[name], rules, "last")
        )
    else:
        with_baseline = (
            name for name, answer in sequences.items() if answer.baseline_day is not None
        )
        deciding_sequence = next(with_baseline, next(iter(sequences)))
    category, reason = sequences[deciding_sequence].category, sequences[deciding_sequence].reason
    discordant = any(complete[name].category is not category for name in growing_sequences)
    if discordant and rules.mode is Mode.PROSPECTIVE:
        category, reason = INDETERMINATE, Reason.SEQUENCES_DISCORDANT
    return category, reason, deciding_sequence, discordant


def _get_change(answer: SequenceAssessment, rules: Rules, part: str) -> Decimal:
    """Return the largest or the last change, as the criteria count; growth from nothing is most."""
    unit = "percent" if rules.criteria.is_relative else "mm"
    change: Decimal | None = getattr(answer, f"{part}_change_{unit}")
    return Decimal("Infinity") if change is None else change


@frozen(kw_only=True)
class _Reader:
    """Reads one sequence after the other.

    Parameters
    ----------
    events
        Whether an event is progression by itself.
    """

    rules: Rules
    persistence: Persistence
    facts: LesionFacts
    events: bool

    @property
    def _criteria(self) -> Criteria:
        return self.rules.criteria

    @property
    def _prospective(self) -> bool:
        return self.rules.mode is Mode.PROSPECTIVE

    def assess(self, row: _Sizes) -> SequenceAssessment:
        """Return category and reason of one sequence, with its changes in per cent."""
        if row.baseline is None:
            category, reason = INDETERMINATE, Reason.NO_BASELINE
        elif not row.days:
            category = INDETERMINATE if self._prospective else ResponseCategory.NOT_ELIGIBLE
            reason = Reason.NO_FOLLOW_UP
        else:
            return self._assess_course(row, *row.baseline)
        if self.facts.exclusion is not None:
            category, reason = ResponseCategory.NOT_ELIGIBLE, Reason(self.facts.exclusion.value)
        return SequenceAssessment(
            category=category,
            reason=reason,
            baseline_day=row.baseline[0] if row.baseline else None,
            last_day=row.days[-1] if row.days else None,
        )

    def _assess_course(
        self, row: _Sizes, baseline_day: int, baseline: Decimal
    ) -> SequenceAssessment:
        references = self._list_references(row, baseline)
        comparisons = [self._compare(row, baseline, place) for place in range(len(row.sizes))]
        are_enlarged = [comparison is True for comparison in comparisons]
        if None in comparisons and not self.events and not self._is_confirmed(row, are_enlarged):
            category, reason = INDETERMINATE, Reason.GROWTH_FROM_ZERO
        else:
            category, reason = self._call(row, baseline, are_enlarged)
        if self.facts.exclusion is not None:
            category, reason = ResponseCategory.NOT_ELIGIBLE, Reason(self.facts.exclusion.value)
        changes = [size - reference for size, reference in zip(row.sizes, references, strict=True)]
        percents = [
            _compute_percent(size, reference)
            for size, reference in zip(row.sizes, references, strict=True)
        ]
        relative, lengths = self._criteria.is_relative, self._criteria.quantity is Quantity.AP_MM
        ranks = [Decimal("Infinity") if percent is None else percent for percent in percents]
        heights = ranks if relative else changes
        peak = heights.index(max(heights))
        return SequenceAssessment(
            category=category,
            reason=reason,
            baseline_day=baseline_day,
            baseline_mm=baseline if lengths else None,
            peak_change_mm=changes[peak] if lengths else None,
            peak_change_percent=percents[peak] if relative else None,
            peak_day=row.days[peak],
            peak_after_day=row.days[peak - 1] if peak else baseline_day,
            last_change_mm=changes[-1] if lengths else None,
            last_change_percent=percents[-1] if relative else None,
            last_day=row.days[-1],
            growth_studies=sum(are_enlarged),
        )

    def _list_references(self, row: _Sizes, baseline: Decimal) -> list[Decimal]:
        """Return what each follow-up is compared with."""
        if self._criteria.reference is Reference.BASELINE:
            return [baseline] * len(row.sizes)
        return list(accumulate([baseline, *row.sizes[:-1]], min))

    def _compare(self, row: _Sizes, baseline: Decimal, place: int) -> bool | None:
        """Return whether a follow-up is enlarged; None where that would be a share of nothing."""
        studies = [baseline, *row.sizes]
        if not self._criteria.thresholds:
            reference = self._list_references(row, baseline)[place]
            if self._criteria.is_relative and _compute_percent(row.sizes[place], reference) is None:
                return None
            return self._has_grown(row.sizes[place], reference)
        by_pair: dict[int, list[Threshold]] = {}
        for threshold in self._criteria.thresholds:
            if threshold.study == place + 1 and threshold.is_for(baseline):
                by_pair.setdefault(threshold.since, []).append(threshold)
        answers = [
            _reach_threshold(
                _compute_percent(studies[place + 1], studies[since]),
                [threshold for threshold in thresholds if not threshold.is_for_all_sizes]
                or thresholds,
            )
            for since, thresholds in by_pair.items()
        ]
        return True if True in answers else None if None in answers else False

    def _has_grown(self, size: Decimal, reference: Decimal) -> bool:
        """Compare without rounding: a share is compared by its product with the reference."""
        percent, change = self._criteria.change_percent, size - reference
        limit = self._criteria.change_mm if percent is None else reference * percent / 100
        is_at_limit = self._criteria.growth_inclusive and change == limit and change > 0
        return change > limit or is_at_limit

    def _has_fallen(self, row: _Sizes, baseline: Decimal) -> bool:
        percent = self._criteria.change_percent
        fall = baseline - row.sizes[-1]
        limit = self._criteria.change_mm if percent is None else baseline * percent / 100
        return fall > limit or (self._criteria.decline_inclusive and fall == limit and fall > 0)

    def _call(self, row: _Sizes, baseline: Decimal, are_enlarged: list[bool]) -> Answer:
        """Return the first answer that applies."""
        if self.events:
            return ResponseCategory.PD, Reason.PROGRESSION_BY_EVENT
        early = row.days[-1] < self._criteria.min_follow_up_days
        if not any(are_enlarged):
            if early and self._prospective:
                return INDETERMINATE, Reason.NOT_ENLARGED_FOLLOW_UP_UNDER_6_MONTHS
            if early:
                return ResponseCategory.NOT_ELIGIBLE, Reason.FOLLOW_UP_UNDER_6_MONTHS
            if self._has_fallen(row, baseline):
                return ResponseCategory.PR, Reason.DECLINE_FROM_BASELINE
            if self._has_grown(row.sizes[-1], baseline):
                return ResponseCategory.SD, Reason.BELOW_THE_THRESHOLDS
            return ResponseCategory.SD, Reason.WITHIN_MEASUREMENT_ERROR
        if self._has_stopped(row, are_enlarged):
            reason = Reason.ENLARGEMENT_STABILISED
            return self.persistence.transient, reason if are_enlarged[-1] else RESOLVED
        if self._is_confirmed(row, are_enlarged):
            return ResponseCategory.PD, Reason.ENLARGEMENT_CONFIRMED
        if self.facts.retreated:
            return INDETERMINATE, Reason.RETREATED_BEFORE_THE_ANSWER
        if not are_enlarged[-1]:
            return self.persistence.transient, RESOLVED
        return INDETERMINATE, Reason.ENLARGEMENT_NOT_CONFIRMED

    def _has_stopped(self, row: _Sizes, are_enlarged: list[bool]) -> bool:
        """Return whether growth stopped within the days that the criteria give it.

        What came later may measure more by less than a growth, but not at the last follow-up.
        """
        within = self.persistence.stable_within_days
        if within is None:
            return False
        first = are_enlarged.index(True)
        early = [
            place
            for place in range(first, len(row.days))
            if row.days[place] - row.days[first] <= within
        ]
        peak = max(early, key=lambda place: (row.sizes[place], -place))
        later = row.sizes[peak + 1 :]
        return (
            bool(later)
            and later[-1] <= row.sizes[peak]
            and not any(self._has_grown(size, row.sizes[peak]) for size in later)
        )

    def _is_confirmed(self, row: _Sizes, are_enlarged: list[bool]) -> bool:
        first: int | None = None
        for place, is_enlarged in enumerate(are_enlarged):
            if not is_enlarged:
                first = None
                continue
            first = place if first is None else first
            if (
                place - first + 1 >= self.persistence.confirm_studies
                and row.days[place] - row.days[first] >= self.persistence.confirm_days
            ):
                return True
        return False


def _compute_percent(size: Decimal, reference: Decimal) -> Decimal | None:
    """Return the change in per cent; growth from nothing has none."""
    if reference:
        return 100 * (size - reference) / reference
    return None if size else Decimal(0)


def _reach_threshold(increase: Decimal | None, thresholds: list[Threshold]) -> bool | None:
    if increase is None:
        return None
    return any(increase >= threshold.percent for threshold in thresholds)
