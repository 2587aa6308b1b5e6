"""How near a call is to another one: reported next to the category, never deciding.

The category as a function of one recorded length is constant between a few exact breakpoints:
where a change or a fall meets `change_mm`, where two studies of a sequence tie for the peak, and
where two sequences tie for the deciding one. Only recordable lengths next to one are tried.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Final

from attrs import evolve

from opp_mri.domain.assessment import Criteria, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.classify import call_lesion, classify
from opp_mri.response.course import Studied, gather_facts, split_studies
from opp_mri.units import LONGEST_MM, MOST_DAYS, RECORDED_PRECISION_MM

THRESHOLDS_MM: Final = (Decimal(2), Decimal(3), Decimal(4))


def compute_margin_mm(timeline: Timeline, rules: Rules) -> Decimal | None:
    """Return the smallest change of one recorded length that changes the lesion's category.

    Parameters
    ----------
    timeline, rules
        As for `classify`.

    Returns
    -------
    Decimal or None
        In mm, a whole number of steps of the recorded precision; a length, a baseline included,
        is changed up or down but never below 0. None where no change of one length does it.
    """
    facts = gather_facts(timeline)
    if facts.exclusion is not None:
        return None  # no length plays a part
    studies_by_sequence = split_studies(timeline)
    category = call_lesion(studies_by_sequence, facts, rules).category
    for size, sequence, place, steps in sorted(
        _generate_candidates(studies_by_sequence, rules.criteria)
    ):
        new_studies = _change_length(
            studies_by_sequence[sequence], place, steps * RECORDED_PRECISION_MM
        )
        if (
            call_lesion({**studies_by_sequence, sequence: new_studies}, facts, rules).category
            is not category
        ):
            return size * RECORDED_PRECISION_MM
    return None


def compute_margin_days(timeline: Timeline, rules: Rules) -> int | None:
    """Return the smallest shift of one study's day that changes the lesion's category.

    Parameters
    ----------
    timeline, rules
        As for `classify`.

    Returns
    -------
    int or None
        In days. A study is shifted with all its sequences, without passing another study of the
        lesion, and stays before or after radiosurgery; events keep their days. None where no shift
        of one study does it.
    """
    if gather_facts(timeline).exclusion is not None:
        return None  # no day plays a part
    category = classify(timeline, rules).category
    for size, day, shift in sorted(_generate_shifts(timeline, rules.criteria)):
        if classify(_shift_study(timeline, day, shift), rules).category is not category:
            return size
    return None


def classify_by_threshold(timeline: Timeline, rules: Rules) -> dict[Decimal, ResponseCategory]:
    """Return the category that the lesion would have with a `change_mm` of 2, 3 and 4."""
    studies_by_sequence, facts = split_studies(timeline), gather_facts(timeline)
    return {
        change_mm: call_lesion(studies_by_sequence, facts, changed_rules).category
        for change_mm, changed_rules in _change_thresholds(rules)
    }


@lru_cache
def _change_thresholds(rules: Rules) -> tuple[tuple[Decimal, Rules], ...]:
    """Return rules with each threshold: they are the same for all lesions of a cohort."""
    return tuple(
        (change_mm, evolve(rules, criteria=evolve(rules.criteria, change_mm=change_mm)))
        for change_mm in THRESHOLDS_MM
    )


Candidate = tuple[int, SeriesRole, int, int]  # size in steps, sequence, place of the length, steps


def _generate_candidates(
    studies_by_sequence: Mapping[SeriesRole, Studied], criteria: Criteria
) -> Iterator[Candidate]:
    """Yield the smallest steps that reach each breakpoint of each length, and lead past it.

    All is counted in whole units of the finest decimal that occurs, so that it is exact and quick.
    """
    recorded_mm = {
        sequence: [studies.baseline.ap_mm, *(study.ap_mm for study in studies.follow_ups)]
        for sequence, studies in studies_by_sequence.items()
        if studies.baseline is not None and studies.follow_ups
    }  # of another sequence the category is the same whatever its lengths
    unit_mm = _find_finest_unit_mm(criteria.change_mm, *chain.from_iterable(recorded_mm.values()))
    lengths = {name: [int(mm / unit_mm) for mm in row] for name, row in recorded_mm.items()}
    step, change = int(RECORDED_PRECISION_MM / unit_mm), int(criteria.change_mm / unit_mm)
    limit = int(LONGEST_MM / unit_mm)
    for sequence, (baseline, *follow_ups) in lengths.items():
        rivals = {
            rival - other_lengths[0]
            for name, other_lengths in lengths.items()
            if name is not sequence
            for rival in (
                other_lengths[1:]
                if criteria.confirm_growth
                else (max(other_lengths[1:]), other_lengths[-1])
            )
        }
        rivals_of_baseline = {length - rival for length in follow_ups for rival in rivals}
        rivals_of_follow_up = {baseline + rival for rival in rivals}
        for place, length in enumerate(lengths[sequence]):
            rest = lengths[sequence][:place] + lengths[sequence][place + 1 :]
            breakpoints = {value + shift for value in rest for shift in (-change, 0, change)}.union(
                rivals_of_follow_up if place else rivals_of_baseline
            )
            for steps in _list_steps_around(length, breakpoints, step, limit):
                yield abs(steps), sequence, place, steps


def _generate_shifts(timeline: Timeline, criteria: Criteria) -> Iterator[tuple[int, int, int]]:
    """Yield size, day and shift of a study for each day at which a rule may answer otherwise."""
    studies = sorted(
        {study.days_from_ssrs for row in timeline.observations.values() for study in row}
    )
    limits = {criteria.min_follow_up_days, criteria.window_days}
    limits |= {event.days_from_ssrs for event in timeline.events}
    for place, day in enumerate(studies):
        rest = studies[:place] + studies[place + 1 :]
        apart = {other_day + sign * criteria.sustain_days for other_day in rest for sign in (-1, 1)}
        lowest, highest = _compute_room(timeline, studies, place)
        targets = {limit + step for limit in limits | apart for step in (-1, 0, 1)}
        for target in targets:
            if lowest <= target <= highest and target != day:
                yield abs(target - day), day, target - day


def _compute_room(timeline: Timeline, studies: Sequence[int], place: int) -> tuple[int, int]:
    """Return the first and the last day to which a study can be shifted."""
    day = studies[place]
    if day > 0:
        first, last = 1, MOST_DAYS
    elif day <= timeline.first_fraction_day:
        first, last = -MOST_DAYS, timeline.first_fraction_day
    else:
        first, last = timeline.first_fraction_day + 1, 0
    if place > 0:
        first = max(first, studies[place - 1] + 1)
    if place + 1 < len(studies):
        last = min(last, studies[place + 1] - 1)
    return first, last


def _shift_study(timeline: Timeline, day: int, shift: int) -> Timeline:
    return evolve(
        timeline,
        observations={
            sequence: [
                evolve(study, days_from_ssrs=day + shift) if study.days_from_ssrs == day else study
                for study in row
            ]
            for sequence, row in timeline.observations.items()
        },
    )


def _find_finest_unit_mm(*lengths_mm: Decimal) -> Decimal:
    """Return the largest power of ten that divides all lengths and the recorded precision."""
    exponents = [mm.as_tuple().exponent for mm in (RECORDED_PRECISION_MM, *lengths_mm)]
    return Decimal(1).scaleb(min(exponent for exponent in exponents if isinstance(exponent, int)))


def _list_steps_around(length: int, breakpoints: Iterable[int], step: int, limit: int) -> set[int]:
    """Return the least steps that lead onto and past each breakpoint, between 0 and the limit."""
    lowest, highest = -(length // step), (limit - 1 - length) // step
    steps: set[int] = set()
    for breakpoint_ in breakpoints:
        distance = breakpoint_ - length
        if distance >= 0:
            steps.update((-(-distance // step), distance // step + 1))
        if distance <= 0:
            steps.update((distance // step, -(-distance // step) - 1))
    steps.discard(0)
    return {steps for steps in steps if lowest <= steps <= highest}


def _change_length(studies: Studied, place: int, by_mm: Decimal) -> Studied:
    """Change one length: place 0 is the baseline, place 1 the first follow-up."""
    if place == 0 and studies.baseline is not None:
        return Studied(
            baseline=_shift_length(studies.baseline, by_mm), follow_ups=studies.follow_ups
        )
    follow_ups = list(studies.follow_ups)
    follow_ups[place - 1] = _shift_length(follow_ups[place - 1], by_mm)
    return Studied(baseline=studies.baseline, follow_ups=tuple(follow_ups))


def _shift_length(study: Observation, by_mm: Decimal) -> Observation:
    return Observation(study.days_from_ssrs, study.ap_mm + by_mm)
