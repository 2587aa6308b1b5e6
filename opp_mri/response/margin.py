"""How near a call is to another one: reported beside the category, never deciding.

The category as a function of one recorded length is constant between a few exact breakpoints:
where a change or a fall meets `change_mm`, where two studies of a sequence tie for the peak, and
where two sequences tie for the deciding one. Only recordable lengths next to one are tried.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from attrs import evolve

from opp_mri.domain.assessment import Criteria, Mode, ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Observation, Timeline
from opp_mri.response.classify import SequenceCall, call_lesion, call_sequence, classify
from opp_mri.response.course import Studied, facts_of, studies_that_count
from opp_mri.units import RECORDED_PRECISION_MM

THRESHOLDS_MM: Final = (Decimal(2), Decimal(3), Decimal(4))


def margin_mm(timeline: Timeline, criteria: Criteria, mode: Mode) -> Decimal | None:
    """Give the smallest change of one recorded length that changes the lesion's category.

    Parameters
    ----------
    timeline, criteria, mode
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
    calls = {one: call_sequence(studied[one], facts, criteria, mode) for one in studied}
    category = call_lesion(calls, facts, mode).category
    for size, sequence, place, steps in sorted(set(_candidates(calls, criteria))):
        changed = _changed(studied[sequence], place, steps * RECORDED_PRECISION_MM)
        call = call_sequence(changed, facts, criteria, mode)
        if call_lesion({**calls, sequence: call}, facts, mode).category is not category:
            return size * RECORDED_PRECISION_MM
    return None


def categories_by_threshold(
    timeline: Timeline, criteria: Criteria, mode: Mode
) -> dict[Decimal, ResponseCategory]:
    """Give the category that the lesion would have with a `change_mm` of 2, 3 and 4."""
    return {
        change_mm: classify(timeline, evolve(criteria, change_mm=change_mm), mode).category
        for change_mm in THRESHOLDS_MM
    }


Candidate = tuple[int, SeriesRole, int, int]  # size in steps, sequence, place of the length, steps


def _candidates(
    calls: Mapping[SeriesRole, SequenceCall], criteria: Criteria
) -> Iterator[Candidate]:
    """Give the smallest steps that reach each side of each breakpoint of each length."""
    for sequence, call in calls.items():
        if call.studied.baseline is None or call.course is None:
            continue  # its category is the same whatever its lengths
        rivals_mm = [
            change_mm
            for other, rival in calls.items()
            if other is not sequence and rival.course is not None
            for change_mm in (rival.course.peak_mm, rival.course.last_mm)
        ]
        baseline_mm = call.studied.baseline.ap_mm
        follow_ups_mm = [study.ap_mm for study in call.studied.follow_ups]
        for place, length_mm in enumerate([baseline_mm, *follow_ups_mm]):
            if place == 0:
                others_mm = follow_ups_mm
                ties_mm = [one - rival for one in follow_ups_mm for rival in rivals_mm]
            else:
                others_mm = [baseline_mm, *follow_ups_mm[: place - 1], *follow_ups_mm[place:]]
                ties_mm = [baseline_mm + rival for rival in rivals_mm]
            breakpoints_mm = {
                one + shift
                for one in others_mm
                for shift in (-criteria.change_mm, Decimal(0), criteria.change_mm)
            }.union(ties_mm)
            for steps in _steps_around(length_mm, breakpoints_mm):
                yield abs(steps), sequence, place, steps


def _steps_around(length_mm: Decimal, breakpoints_mm: Iterable[Decimal]) -> Iterator[int]:
    for breakpoint_mm in breakpoints_mm:
        exact = (breakpoint_mm - length_mm) / RECORDED_PRECISION_MM
        below = int(exact.to_integral_value(ROUND_CEILING)) - 1
        above = int(exact.to_integral_value(ROUND_FLOOR)) + 1
        for steps in range(below, above + 1):
            if steps and length_mm + steps * RECORDED_PRECISION_MM >= 0:
                yield steps


def _changed(studied: Studied, place: int, by_mm: Decimal) -> Studied:
    """Change one length: place 0 is the baseline, place 1 the first follow-up."""
    if place == 0 and studied.baseline is not None:
        return evolve(studied, baseline=_by(studied.baseline, by_mm))
    follow_ups = list(studied.follow_ups)
    follow_ups[place - 1] = _by(follow_ups[place - 1], by_mm)
    return evolve(studied, follow_ups=tuple(follow_ups))


def _by(study: Observation, by_mm: Decimal) -> Observation:
    return Observation(study.days_from_ssrs, study.ap_mm + by_mm)
