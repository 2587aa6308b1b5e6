"""An assessment in the words that a radiologist would read."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from operator import ge, gt
from typing import Final

from opp_mri.domain.assessment import (
    Assessment,
    Criteria,
    Reason,
    ResponseCategory,
    SequenceAssessment,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.units import format_count, format_mm, join_words, weeks_from_days

CATEGORY_WORDS: Final[Mapping[ResponseCategory, str]] = {
    ResponseCategory.OPP: "Osseous pseudoprogression (OPP)",
    ResponseCategory.PD: "Progressive disease (PD)",
    ResponseCategory.PR: "Partial response (PR)",
    ResponseCategory.SD: "Stable disease (SD)",
    ResponseCategory.INDETERMINATE: "Indeterminate",
    ResponseCategory.NOT_ELIGIBLE: "Not eligible",
}

SHORT_WORDS: Final[Mapping[ResponseCategory, str]] = {
    **{category: category.value for category in ResponseCategory},
    ResponseCategory.INDETERMINATE: "indeterminate",
    ResponseCategory.NOT_ELIGIBLE: "not eligible",
}

REASON_WORDS: Final[Mapping[Reason, str]] = {
    Reason.NO_BASELINE: "no sequence has a baseline study, so that no change can be measured",
    Reason.NO_FOLLOW_UP: (
        "no sequence has both a baseline and a follow-up study, so that no change can be measured"
    ),
    Reason.FOLLOW_UP_UNDER_6_MONTHS: (
        "the last follow-up is less than {min_follow_up} after radiosurgery"
    ),
    Reason.NOT_ENLARGED_FOLLOW_UP_UNDER_6_MONTHS: (
        "{never}, but the last follow-up is less than {min_follow_up} after radiosurgery"
    ),
    Reason.DECLINE_FROM_BASELINE: ("{never}, and it is now smaller than at baseline by {decline}"),
    Reason.WITHIN_MEASUREMENT_ERROR: (
        "{never}, and its change at the last study is within the measurement error of {change}"
    ),
    Reason.RETREATED_BEFORE_THE_ANSWER: (
        "the lesion enlarged and was locally retreated before the rules could decide, so that its "
        "course without retreatment is unknown"
    ),
    Reason.DECLINING_FOLLOW_UP_UNDER_6_MONTHS: (
        "the lesion enlarged, then declined from its peak by {decline}, but the last follow-up is "
        "less than {min_follow_up} after radiosurgery"
    ),
    Reason.DECLINE_NOT_YET_SUSTAINED: (
        "the lesion enlarged, then declined from its peak by {decline}, but the last study comes "
        "less than {sustain} after the peak"
    ),
    Reason.SUSTAINED_DECLINE: (
        "the lesion enlarged, then declined from its peak by {decline}, as seen {sustain} or more "
        "after it, with no change of systemic therapy in between"
    ),
    Reason.SUSTAINED_DECLINE_DESPITE_GROWTH_ELSEWHERE: (
        "the lesion enlarged, then declined from its peak by {decline}, as seen {sustain} or more "
        "after it; a change of systemic therapy does not explain this, as other bone lesions "
        "enlarged"
    ),
    Reason.DECLINE_ATTRIBUTABLE_TO_SYSTEMIC_THERAPY: (
        "the lesion enlarged, then declined from its peak, but a change of systemic therapy after "
        "the peak may explain this, as other bone lesions did not enlarge"
    ),
    Reason.SYSTEMIC_THERAPY_CHANGED_OTHER_LESIONS_UNKNOWN: (
        "the lesion enlarged, then declined from its peak, but a change of systemic therapy after "
        "the peak may explain this, and it is not known how other bone lesions behaved"
    ),
    Reason.ENLARGING_WITHIN_OPP_WINDOW: (
        "the lesion enlarged, but growth in the first {window} after radiosurgery may still turn "
        "out to be pseudoprogression, and no later study settles it yet"
    ),
    Reason.ENLARGED_ON_SINGLE_STUDY: (
        "the lesion was enlarged on fewer than the {studies} that progression needs"
    ),
    Reason.REGROWTH_NOT_YET_CONFIRMED: (
        "the lesion declined and then grew again, on fewer than the {studies} that progression "
        "needs"
    ),
    Reason.REGROWTH_AFTER_DECLINE: (
        "the lesion declined and then grew again by {growth} from its smallest"
    ),
    Reason.DECLINE_NOT_HELD: (
        "the lesion enlarged, declined, and is enlarged by {growth} again at the last study"
    ),
    Reason.PLATEAU_AFTER_GROWTH: (
        "the lesion enlarged and then stayed without further growth for {sustain} or more"
    ),
    Reason.DECLINE_BELOW_THRESHOLD: (
        "the lesion enlarged and no longer measures as enlarged, but its decline from the peak is "
        "within the measurement error of {change}"
    ),
    Reason.PERSISTENT_ENLARGEMENT: (
        "the lesion is enlarged by {growth} at the last study and has not declined from its peak "
        "by {decline}"
    ),
    Reason.PROGRESSION_BY_EVENT: (
        "an event that these criteria count as progression was recorded after radiosurgery"
    ),
    Reason.ENLARGEMENT_CONFIRMED: (
        "the lesion was enlarged on as many consecutive studies, and for as long, as these "
        "criteria need to confirm progression"
    ),
    Reason.ENLARGEMENT_NOT_CONFIRMED: (
        "the lesion is enlarged, but not yet on as many consecutive studies, or for as long, as "
        "these criteria need to confirm progression"
    ),
    Reason.ENLARGEMENT_RESOLVED: (
        "the lesion enlarged and is no longer enlarged at the last study"
    ),
    Reason.ENLARGEMENT_STABILISED: (
        "the lesion enlarged and then stopped growing within the time that these criteria give it"
    ),
    Reason.BELOW_THE_THRESHOLDS: "{never}, though it is larger by {growth} at the last study",
    Reason.GROWTH_FROM_ZERO: (
        "the lesion grew from 0, which has no percentage; ask a reader whether it progressed"
    ),
    Reason.SEQUENCES_DISCORDANT: "sequences that grew have different categories",
    Reason.HARDWARE: "there is hardware at the level",
    Reason.CEMENT: "there is cement at the level",
    Reason.SIGNIFICANT_FRACTURE: "there is a significant fracture",
    Reason.NOT_VERTEBRAL_BODY: "the lesion is not in the vertebral body",
    Reason.OVER_75_PERCENT: "the lesion takes more than 75% of the cross-section",
}

EXCLUSION_REASONS: Final = frozenset(
    {
        Reason.HARDWARE,
        Reason.CEMENT,
        Reason.SIGNIFICANT_FRACTURE,
        Reason.NOT_VERTEBRAL_BODY,
        Reason.OVER_75_PERCENT,
    }
)

_SHORT_OF_OPP: Final = frozenset(
    {
        Reason.DECLINE_NOT_YET_SUSTAINED,
        Reason.DECLINE_ATTRIBUTABLE_TO_SYSTEMIC_THERAPY,
        Reason.SYSTEMIC_THERAPY_CHANGED_OTHER_LESIONS_UNKNOWN,
        Reason.DECLINE_BELOW_THRESHOLD,
    }
)


def describe_courses(assessment: Assessment) -> tuple[str, ...]:
    """State how each sequence of a lesion went, and which one decides."""
    return tuple(_describe_courses(assessment))


def describe_reason(reason: Reason, criteria: Criteria) -> str:
    """Describe a rule in words, with the parameters that it was applied with."""
    growth, decline = _limit(criteria)
    return REASON_WORDS[reason].format(
        change=_change(criteria),
        never=_describe_no_growth(criteria),
        growth=growth,
        decline=decline,
        min_follow_up=format_count(criteria.min_follow_up_days, "day"),
        sustain=format_count(criteria.sustain_days, "day"),
        window=format_count(criteria.window_days, "day"),
        studies=format_count(criteria.progression_min_studies, "follow-up"),
    )


def _describe_courses(assessment: Assessment) -> Iterator[str]:
    criteria = assessment.criteria
    for sequence, course in assessment.sequences.items():
        yield f"{sequence}: {'; '.join(describe_course(course, criteria))}."
    if assessment.category is ResponseCategory.PD and assessment.reason in _SHORT_OF_OPP:
        yield "An enlarged lesion that falls short of pseudoprogression counts as PD."
    if assessment.retreatment_day is not None:
        day = assessment.retreatment_day
        yield f"Studies after the local retreatment on day {day} do not count."
    if _may_still_be_opp(assessment):
        yield (
            f"Growth in the first {format_count(criteria.window_days, 'day')} after "
            "radiosurgery may "
            "be pseudoprogression; a later study can show a sustained decline."
        )


def describe_deciding_sequence(assessment: Assessment) -> str:
    """State which sequence decides and why, next to those that disagree with it."""
    deciding_sequence, courses = assessment.deciding_sequence, assessment.sequences
    if deciding_sequence is None:
        return "No sequence decides"
    if len(courses) == 1:
        return str(deciding_sequence)
    complete = {name: course for name, course in courses.items() if course.peak_day is not None}
    if deciding_sequence not in complete:
        return f"{deciding_sequence} decides"
    explanation = _explain_decision(assessment, deciding_sequence, complete)
    text = f"{deciding_sequence} decides, as {explanation}"
    if assessment.discordant:
        answers = [
            f"{sequence} says {SHORT_WORDS[course.category]}"
            for sequence, course in courses.items()
            if sequence is not deciding_sequence and _has_grown(course, assessment.criteria)
        ]
        text += f" ({join_words(answers)}, so the sequences disagree)"
    return text


def _explain_decision(
    assessment: Assessment,
    deciding_sequence: SeriesRole,
    complete: Mapping[SeriesRole, SequenceAssessment],
) -> str:
    if assessment.criteria.persistence is not None:
        return "its change is the largest"
    least = assessment.criteria.min_follow_up_days
    if len(complete) == 1:
        return "no other sequence has both a baseline and a follow-up"
    long = {name for name, answer in complete.items() if (answer.last_day or 0) >= least}
    candidates = {name: complete[name] for name in complete if name in long or not long}
    own = candidates[deciding_sequence]
    if len(candidates) == 1:
        return f"no other sequence was followed for {format_count(least, 'day')}"
    if _has_grown(own, assessment.criteria):
        why, equal = (
            "it grew most",
            [
                name
                for name, answer in candidates.items()
                if answer.peak_change_mm == own.peak_change_mm
            ],
        )
    else:
        why, equal = (
            "no sequence grew, and its last change is the lowest",
            [
                name
                for name, answer in candidates.items()
                if answer.last_change_mm == own.last_change_mm
            ],
        )
    if len(equal) == 1:
        return why
    alternatives = join_words([str(name) for name in equal if name is not deciding_sequence])
    return f"{why}, equally with {alternatives}, and comes first in order"


def describe_course(course: SequenceAssessment, criteria: Criteria) -> Iterator[str]:
    """Describe in parts how one sequence went: peak, last study, return to baseline, regrowth."""
    if course.baseline_day is None:
        yield "no baseline"
    elif criteria.is_relative and course.peak_day is not None and course.last_day is not None:
        peak = _format_percent(course.peak_change_percent)
        yield f"largest change {peak} at {_describe_time(course.peak_day)}"
        last = _format_percent(course.last_change_percent)
        yield f"{last} at the last study, {_describe_time(course.last_day)}"
        yield f"counted as enlarged on {format_count(course.growth_studies, 'study', 'studies')}"
    elif course.peak_change_mm is None or course.last_change_mm is None or course.last_day is None:
        yield "no follow-up"
    elif not _has_grown(course, criteria):
        yield (
            f"{_format_signed(course.last_change_mm)} at the last study, "
            f"{_describe_time(course.last_day)}"
        )
        if course.peak_change_mm <= 0:
            yield "never above baseline"
        elif course.peak_change_mm > course.last_change_mm:
            yield f"at most {_format_signed(course.peak_change_mm)}, on day {course.peak_day}"
    elif course.peak_day is not None:
        peak, before = f"peak {_format_signed(course.peak_change_mm)} at", course.peak_after_day
        if course.peak_day == course.last_day:
            yield (
                f"{peak} the last study, "
                f"{_describe_time(course.peak_day)}, after one on day {before}"
            )
        else:
            yield f"{peak} {_describe_time(course.peak_day)}, after a study on day {before}"
            yield from _describe_after_peak(course)
    if (
        _has_regrown(course, criteria)
        and course.regrowth_mm is not None
        and course.nadir_mm is not None
    ):
        yield (
            f"grew again by {format_mm(course.regrowth_mm)} from its smallest, "
            f"{format_mm(course.nadir_mm)} on day {course.nadir_day}"
        )


def _describe_after_peak(course: SequenceAssessment) -> Iterator[str]:
    """Describe in parts how a sequence that grew went on after its peak."""
    if course.peak_change_mm is None or course.last_change_mm is None or course.last_day is None:
        return
    change, time = _format_signed(course.last_change_mm), _describe_time(course.last_day)
    last = f"{change} at the last study, {time}"
    fall_mm = course.peak_change_mm - course.last_change_mm
    yield f"{last}, {format_mm(fall_mm)} below the peak" if fall_mm else last
    if course.decline_studies:
        yield f"decline seen on {format_count(course.decline_studies, 'study', 'studies')}"
    if course.return_to_baseline_day == course.last_day:
        yield "back to baseline there"
    elif course.return_to_baseline_day is not None:
        yield f"back to baseline at {_describe_time(course.return_to_baseline_day)}"
    elif course.decline_studies:
        yield "not back to baseline"


def _has_grown(answer: SequenceAssessment, criteria: Criteria) -> bool:
    if criteria.is_relative:
        return answer.growth_studies > 0
    return answer.peak_change_mm is not None and _is_growth(answer.peak_change_mm, criteria)


def _has_regrown(answer: SequenceAssessment, criteria: Criteria) -> bool:
    """Return whether it grew again, after a decline from a peak or from the baseline."""
    if answer.regrowth_mm is None or answer.nadir_day is None or answer.peak_day is None:
        return False
    declined_before = (
        answer.reason is Reason.REGROWTH_AFTER_DECLINE
        or answer.nadir_day > answer.peak_day
        or not _has_grown(answer, criteria)
    )
    return declined_before and _is_growth(answer.regrowth_mm, criteria)


def _is_growth(change_mm: Decimal, criteria: Criteria) -> bool:
    grew = ge if criteria.growth_inclusive else gt
    return bool(grew(change_mm, criteria.change_mm))


def _may_still_be_opp(assessment: Assessment) -> bool:
    """Return whether a growth that no later study has settled lies in the OPP window."""
    if assessment.reason in EXCLUSION_REASONS | {Reason.ENLARGING_WITHIN_OPP_WINDOW}:
        return False  # out of the pool, or said already
    criteria = assessment.criteria
    return any(
        answer.peak_day <= criteria.window_days
        and answer.last_day - answer.peak_day < criteria.sustain_days
        for answer in assessment.sequences.values()
        if answer.peak_day is not None
        and answer.last_day is not None
        and _has_grown(answer, criteria)
    )


def _change(criteria: Criteria) -> str:
    percent = criteria.change_percent
    return format_mm(criteria.change_mm) if percent is None else f"{percent}%"


def _describe_no_growth(criteria: Criteria) -> str:
    """State what the criteria asked for and did not see: a smaller growth may have been there."""
    if criteria.thresholds:
        return (
            "the lesion reached no threshold of enlargement that these criteria have for its size"
        )
    growth, _ = _limit(criteria)
    if criteria.confirm_growth:
        return f"the lesion did not enlarge by {growth} as confirmed by another measurement"
    return f"the lesion never enlarged by {growth}"


def _limit(criteria: Criteria) -> tuple[str, str]:
    """State how much counts as a growth, and as a decline."""
    change = _change(criteria)
    growth = f"{change} or more" if criteria.growth_inclusive else f"more than {change}"
    decline = f"{change} or more" if criteria.decline_inclusive else f"more than {change}"
    return growth, decline


def _format_signed(change_mm: Decimal) -> str:
    """Write a change with its sign: a bare 0.0 mm would read like a lesion that is gone."""
    sign = {1: "+", 0: "±", -1: "−"}[(change_mm > 0) - (change_mm < 0)]
    return f"{sign}{format_mm(abs(change_mm))}"


def _format_percent(change: Decimal | None) -> str:
    return "without a percentage (from 0)" if change is None else f"{change:+.1f}%"


def _describe_time(day: int) -> str:
    return f"week {weeks_from_days(day):.1f} (day {day})"
