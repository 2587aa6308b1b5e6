"""How near a call is to another one: reported beside the category, never deciding.

The category as a function of one recorded length is constant between a few exact breakpoints:
where a change or a fall meets `change_mm`, where two studies of a sequence tie for the peak, and
where two sequences tie for the deciding one. Only recordable lengths next to one are tried.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Final

from attrs import evolve

from opp_mri.domain.assessment import Criteria, ResponseCategory, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.classify import SequenceCall, call_lesion, call_sequence, classify
from opp_mri.response.course import Studied, facts_of, studies_that_count
from opp_mri.units import LONGEST_MM, RECORDED_PRECISION_MM

THRESHOLDS_MM: Final = (Decimal(2), Decimal(3), Decimal(4))


def margin_mm(timeline: Timeline, rules: Rules) -> Decimal | None:
    """Give the smallest change of one recorded length that changes the lesion's category.

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
    studied = studies_that_count(timeline)
    facts = facts_of(timeline, studied)
    if facts.exclusion is not None:
        return None  # no length plays a part
    calls = {one: call_sequence(studied[one], facts, rules) for one in studied}
    category = call_lesion(calls, facts, rules.mode).category
    for size, sequence, place, steps in sorted(_candidates(calls, rules.criteria)):
        changed = _changed(studied[sequence], place, steps * RECORDED_PRECISION_MM)
        call = call_sequence(changed, facts, rules)
        if call_lesion({**calls, sequence: call}, facts, rules.mode).category is not category:
            return size * RECORDED_PRECISION_MM
    return None


def categories_by_threshold(timeline: Timeline, rules: Rules) -> dict[Decimal, ResponseCategory]:
    """Give the category that the lesion would have with a `change_mm` of 2, 3 and 4."""
    return {
        change_mm: classify(
            timeline, evolve(rules, criteria=evolve(rules.criteria, change_mm=change_mm))
        ).category
        for change_mm in THRESHOLDS_MM
    }


Candidate = tuple[int, SeriesRole, int, int]  # size in steps, sequence, place of the length, steps


def _candidates(
    calls: Mapping[SeriesRole, SequenceCall], criteria: Criteria
) -> Iterator[Candidate]:
    """Give the smallest steps that reach each breakpoint of each length, and lead past it.

    All is counted in whole units of the finest decimal that occurs, so that it is exact and quick.
    """
    recorded = {
        sequence: [call.studied.baseline.ap_mm, *(study.ap_mm for study in call.studied.follow_ups)]
        for sequence, call in calls.items()
        if call.studied.baseline is not None and call.course is not None
    }  # of another sequence the category is the same whatever its lengths
    unit_mm = _finest_unit_mm(criteria.change_mm, *chain.from_iterable(recorded.values()))
    lengths = {one: [int(mm / unit_mm) for mm in row] for one, row in recorded.items()}
    step, change = int(RECORDED_PRECISION_MM / unit_mm), int(criteria.change_mm / unit_mm)
    for sequence, (baseline, *follow_ups) in lengths.items():
        rivals = [
            rival - other[0]
            for one, other in lengths.items()
            if one is not sequence
            for rival in (max(other[1:]), other[-1])
        ]
        rivals_of_baseline = [one - rival for one in follow_ups for rival in rivals]
        rivals_of_follow_up = [baseline + rival for rival in rivals]
        for place, length in enumerate(lengths[sequence]):
            others = lengths[sequence][:place] + lengths[sequence][place + 1 :]
            breakpoints = {
                other + shift for other in others for shift in (-change, 0, change)
            }.union(rivals_of_follow_up if place else rivals_of_baseline)
            for steps in _steps_around(length, breakpoints, step, int(LONGEST_MM / unit_mm)):
                yield abs(steps), sequence, place, steps


def _finest_unit_mm(*lengths_mm: Decimal) -> Decimal:
    """Give the largest power of ten that divides all lengths and the recorded precision."""
    exponents = [mm.as_tuple().exponent for mm in (RECORDED_PRECISION_MM, *lengths_mm)]
    return Decimal(1).scaleb(min(one for one in exponents if isinstance(one, int)))


def _steps_around(length: int, breakpoints: Iterable[int], step: int, limit: int) -> set[int]:
    """Give the least steps that lead onto each breakpoint and past it, between 0 and the limit."""
    lowest, highest = -(length // step), (limit - 1 - length) // step
    found: set[int] = set()
    for one in breakpoints:
        distance = one - length
        if distance >= 0:
            found.update((-(-distance // step), distance // step + 1))
        if distance <= 0:
            found.update((distance // step, -(-distance // step) - 1))
    found.discard(0)
    return {steps for steps in found if lowest <= steps <= highest}


def _changed(studied: Studied, place: int, by_mm: Decimal) -> Studied:
    """Change one length: place 0 is the baseline, place 1 the first follow-up."""
    if place == 0 and studied.baseline is not None:
        return Studied(baseline=_by(studied.baseline, by_mm), follow_ups=studied.follow_ups)
    follow_ups = list(studied.follow_ups)
    follow_ups[place - 1] = _by(follow_ups[place - 1], by_mm)
    return Studied(baseline=studied.baseline, follow_ups=tuple(follow_ups))


def _by(study: Observation, by_mm: Decimal) -> Observation:
    return Observation(study.days_from_ssrs, study.ap_mm + by_mm)
