"""The response rules, row by row: pure, exact, one category and one reason for every timeline.

Source: Amini et al., AJNR 2016;37:387-392, read as docs/reference/response-rules.md says. The rows
are numbered as there.
"""

from collections.abc import Mapping
from operator import attrgetter, itemgetter
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import (
    Assessment,
    Criteria,
    Mode,
    Plateau,
    Reason,
    ResponseCategory,
    Rules,
    SequenceAssessment,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import OtherBoneLesions, Timeline
from opp_mri.response.course import (
    Course,
    LesionFacts,
    Studied,
    facts_of,
    retreatment_day,
    studies_that_count,
)

OPP: Final = ResponseCategory.OPP
PD: Final = ResponseCategory.PD
PR: Final = ResponseCategory.PR
SD: Final = ResponseCategory.SD
INDETERMINATE: Final = ResponseCategory.INDETERMINATE
NOT_ELIGIBLE: Final = ResponseCategory.NOT_ELIGIBLE

Call = tuple[ResponseCategory, Reason]


@frozen(kw_only=True)
class SequenceCall:
    """What the rules say of one sequence.

    Parameters
    ----------
    call
        Category and reason.
    studied
        The studies that it rests on.
    course
        How it went, or None without a baseline or a follow-up.
    """

    call: Call
    studied: Studied
    course: Course | None


@frozen(kw_only=True)
class LesionCall:
    """What the rules say of a lesion with these sequences."""

    category: ResponseCategory
    reason: Reason
    deciding_sequence: SeriesRole | None
    discordant: bool


def classify(timeline: Timeline, rules: Rules) -> Assessment:
    """Give a lesion its category and the rule that decided.

    Parameters
    ----------
    timeline
        Its lengths in mm per sequence, each in the order of days, and its events.
    rules
        The criteria, and whether they are read with hindsight or as known today.

    Returns
    -------
    Assessment
        Exactly one category and one reason, whatever the timeline.

    Raises
    ------
    ValueError
        The studies of a sequence are not in the order of days, or a day is there twice.
    """
    studied = studies_that_count(timeline)
    facts = facts_of(timeline, studied)
    calls = {
        sequence: call_sequence(studies, facts, rules) for sequence, studies in studied.items()
    }
    lesion = call_lesion(calls, facts, rules.mode)
    return Assessment(
        lesion_id=timeline.lesion_id,
        rules=rules,
        category=lesion.category,
        reason=lesion.reason,
        deciding_sequence=lesion.deciding_sequence,
        discordant=lesion.discordant,
        sequences={sequence: _reported(call) for sequence, call in calls.items()},
        retreatment_day=retreatment_day(timeline),
    )


def call_sequence(studied: Studied, facts: LesionFacts, rules: Rules) -> SequenceCall:
    """Apply the table of rules to one sequence."""
    criteria, mode = rules.criteria, rules.mode
    course = None
    if studied.baseline is None:
        call = (INDETERMINATE, Reason.NO_BASELINE)  # row 1
    elif not studied.follow_ups:  # row 2
        call = (NOT_ELIGIBLE if mode is Mode.RETROSPECTIVE else INDETERMINATE, Reason.NO_FOLLOW_UP)
    else:
        course = Course(studied.baseline, studied.follow_ups, criteria)
        call = _call_course(course, facts, criteria, mode)
    if facts.exclusion is not None:  # before row 1; the lesion is still measured
        call = (NOT_ELIGIBLE, Reason(facts.exclusion.value))
    return SequenceCall(call=call, studied=studied, course=course)


def _call_course(course: Course, facts: LesionFacts, criteria: Criteria, mode: Mode) -> Call:
    """Rows 3 to 17."""
    short = facts.last_day is not None and facts.last_day < criteria.min_follow_up_days
    if short and mode is Mode.RETROSPECTIVE:  # row 3
        return NOT_ELIGIBLE, Reason.FOLLOW_UP_UNDER_6_MONTHS
    if not course.grew:
        if short:  # row 4
            return INDETERMINATE, Reason.NOT_ENLARGED_FOLLOW_UP_UNDER_6_MONTHS
        if course.is_decline(-course.last_mm):  # row 5
            return PR, Reason.DECLINE_FROM_BASELINE
        return SD, Reason.WITHIN_MEASUREMENT_ERROR  # row 6
    if course.fallen:
        return _call_fallen(course, facts, criteria, mode)
    return _call_enlarged(course, criteria, mode)


def _call_fallen(course: Course, facts: LesionFacts, criteria: Criteria, mode: Mode) -> Call:
    """Rows 7 to 11: it grew, and the last follow-up shows a decline from the peak."""
    unsure = INDETERMINATE if mode is Mode.PROSPECTIVE else PD
    if course.last_day - course.peak_day < criteria.sustain_days:  # row 7
        return unsure, Reason.DECLINE_NOT_YET_SUSTAINED
    if not any(
        course.peak_day < day <= course.last_day for day in facts.therapy_change_days
    ):  # row 8
        return OPP, Reason.SUSTAINED_DECLINE
    if facts.other_bone_lesions is OtherBoneLesions.ENLARGED:  # row 9
        return OPP, Reason.SUSTAINED_DECLINE_DESPITE_GROWTH_ELSEWHERE
    if facts.other_bone_lesions is OtherBoneLesions.NOT_ENLARGED:  # row 10
        return PD, Reason.DECLINE_ATTRIBUTABLE_TO_SYSTEMIC_THERAPY
    return unsure, Reason.SYSTEMIC_THERAPY_CHANGED_OTHER_LESIONS_UNKNOWN  # row 11


def _call_enlarged(course: Course, criteria: Criteria, mode: Mode) -> Call:
    """Rows 12 to 17: it grew, and the last follow-up shows no decline from the peak."""
    if mode is Mode.PROSPECTIVE:
        if course.last_day <= criteria.window_days or (
            course.peak_day <= criteria.window_days
            and course.last_day - course.peak_day < criteria.sustain_days
        ):  # row 12
            return INDETERMINATE, Reason.ENLARGING_WITHIN_OPP_WINDOW
        if len(course.grown) < criteria.progression_min_studies:  # row 13
            return INDETERMINATE, Reason.ENLARGED_ON_SINGLE_STUDY
    if course.had_fallen_before:  # row 14
        return PD, Reason.REGROWTH_AFTER_DECLINE
    if criteria.plateau is Plateau.OPP and _is_plateau(course, criteria):  # row 15
        return OPP, Reason.PLATEAU_AFTER_GROWTH
    if not course.is_growth(course.last_mm):  # row 16
        unsure = INDETERMINATE if mode is Mode.PROSPECTIVE else PD
        return unsure, Reason.DECLINE_BELOW_THRESHOLD
    return PD, Reason.PERSISTENT_ENLARGEMENT  # row 17


def _is_plateau(course: Course, criteria: Criteria) -> bool:
    grown = course.grown
    first, last = grown[0], grown[-1]
    return (
        len(grown) >= 2
        and course.days[last] - course.days[first] >= criteria.sustain_days
        and not course.is_growth(course.last_mm - course.changes_mm[first])
    )


def call_lesion(
    calls: Mapping[SeriesRole, SequenceCall], facts: LesionFacts, mode: Mode
) -> LesionCall:
    """Give the lesion the category of its deciding sequence (RULES: several sequences)."""
    if facts.exclusion is not None:
        return _undecided(NOT_ELIGIBLE, Reason(facts.exclusion.value))
    if not calls:
        return _undecided(INDETERMINATE, Reason.NO_BASELINE)
    deciding = _deciding_sequence(calls)
    category, reason = calls[deciding].call
    discordant = any(
        call.course is not None and call.course.grew and call.call[0] is not category
        for call in calls.values()
    )
    if discordant and mode is Mode.PROSPECTIVE:
        category, reason = INDETERMINATE, Reason.SEQUENCES_DISCORDANT
    return LesionCall(
        category=category, reason=reason, deciding_sequence=deciding, discordant=discordant
    )


def _undecided(category: ResponseCategory, reason: Reason) -> LesionCall:
    return LesionCall(category=category, reason=reason, deciding_sequence=None, discordant=False)


def _deciding_sequence(calls: Mapping[SeriesRole, SequenceCall]) -> SeriesRole:
    """Choose among sequences that stand in their order, so that the first wins a tie."""
    courses = [(sequence, call.course) for sequence, call in calls.items() if call.course]
    if any(course.grew for _, course in courses):
        return max(((one, course.peak_mm) for one, course in courses), key=itemgetter(1))[0]
    if courses:
        return min(((one, course.last_mm) for one, course in courses), key=itemgetter(1))[0]
    with_baseline = (one for one, call in calls.items() if call.studied.baseline is not None)
    return next(with_baseline, next(iter(calls)))


def _reported(call: SequenceCall) -> SequenceAssessment:
    """Add what is reported beside the category and never decides."""
    (category, reason), course = call.call, call.course
    baseline, follow_ups = call.studied.baseline, call.studied.follow_ups
    if not follow_ups:
        return SequenceAssessment(
            category=category,
            reason=reason,
            baseline_day=baseline.days_from_ssrs if baseline else None,
            baseline_mm=baseline.ap_mm if baseline else None,
        )
    last, nadir = follow_ups[-1], min(follow_ups, key=attrgetter("ap_mm"))
    if baseline is None or course is None:
        return SequenceAssessment(
            category=category,
            reason=reason,
            last_day=last.days_from_ssrs,
            nadir_mm=nadir.ap_mm,
            nadir_day=nadir.days_from_ssrs,
            regrowth_mm=last.ap_mm - nadir.ap_mm,
        )
    return SequenceAssessment(
        category=category,
        reason=reason,
        baseline_day=baseline.days_from_ssrs,
        baseline_mm=baseline.ap_mm,
        peak_change_mm=course.peak_mm,
        peak_day=course.peak_day,
        peak_after_day=course.days[course.peak - 1] if course.peak else baseline.days_from_ssrs,
        last_change_mm=course.last_mm,
        last_day=course.last_day,
        return_to_baseline_day=course.return_to_baseline_day if course.grew else None,
        decline_studies=course.decline_studies if course.grew else 0,
        nadir_mm=nadir.ap_mm,
        nadir_day=nadir.days_from_ssrs,
        regrowth_mm=last.ap_mm - nadir.ap_mm,
    )
