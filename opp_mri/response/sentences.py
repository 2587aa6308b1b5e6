"""An assessment in the words that a radiologist would read."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from operator import ge, gt
from typing import Final

from opp_mri.domain.assessment import (
    Assessment,
    Criteria,
    Mode,
    Reason,
    ResponseCategory,
    SequenceAssessment,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.units import format_mm, weeks_from_days

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
        "the lesion has not enlarged, but the last follow-up is less than {min_follow_up} after "
        "radiosurgery"
    ),
    Reason.DECLINE_FROM_BASELINE: (
        "the lesion never enlarged and is now smaller than at baseline by {decline}"
    ),
    Reason.WITHIN_MEASUREMENT_ERROR: (
        "the lesion never enlarged, and its change at the last study is within the measurement "
        "error of {change}"
    ),
    Reason.RETREATED_BEFORE_THE_ANSWER: (
        "the lesion enlarged and was locally retreated before the rules could answer, so that "
        "nobody can know what it would have become"
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
    Reason.SEQUENCES_DISCORDANT: "sequences that grew have different categories",
    Reason.HARDWARE: "there is hardware at the level",
    Reason.CEMENT: "there is cement at the level",
    Reason.SIGNIFICANT_FRACTURE: "there is a significant fracture",
    Reason.NOT_VERTEBRAL_BODY: "the lesion is not in the vertebral body",
    Reason.OVER_75_PERCENT: "the lesion takes more than 75 % of the cross-section",
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

_WITHOUT_LENGTHS: Final = EXCLUSION_REASONS | {
    Reason.NO_BASELINE,
    Reason.NO_FOLLOW_UP,
    Reason.FOLLOW_UP_UNDER_6_MONTHS,
}


def sentences(
    assessment: Assessment,
    *,
    margin_mm: Decimal | None,
    category_by_change_mm: Mapping[Decimal, ResponseCategory],
) -> tuple[str, ...]:
    """Say what a lesion is called, why, by which numbers, and how surely.

    Parameters
    ----------
    assessment
        The lesion, classified.
    margin_mm
        Smallest change of one recorded length that changes the category, or None.
    category_by_change_mm
        Category under other values of `change_mm`.
    """
    return tuple(_sentences(assessment, margin_mm, category_by_change_mm))


def reason_in_words(reason: Reason, criteria: Criteria) -> str:
    """Say a rule in words, with the parameters that it was applied with."""
    growth, decline = _limit(criteria)
    return REASON_WORDS[reason].format(
        change=format_mm(criteria.change_mm),
        growth=growth,
        decline=decline,
        min_follow_up=_counted(criteria.min_follow_up_days, "day"),
        sustain=_counted(criteria.sustain_days, "day"),
        window=_counted(criteria.window_days, "day"),
        studies=_counted(criteria.progression_min_studies, "follow-up"),
    )


def _sentences(
    assessment: Assessment,
    margin_mm: Decimal | None,
    category_by_change_mm: Mapping[Decimal, ResponseCategory],
) -> Iterator[str]:
    criteria = assessment.criteria
    yield from _answer(assessment)
    for sequence, one in assessment.sequences.items():
        yield f"{sequence}: {'; '.join(_course(one, criteria))}."
    if margin_mm is not None:
        within = ", within measurement error," if margin_mm < criteria.change_mm else ""
        yield (
            f"A change of {format_mm(margin_mm)} in one recorded length{within} would change the "
            "category."
        )
    elif assessment.reason not in _WITHOUT_LENGTHS:
        yield "No change of one recorded length would change the category."
    yield from _other_thresholds(assessment.category, category_by_change_mm)
    hindsight = "with hindsight" if assessment.mode is Mode.RETROSPECTIVE else "as known today"
    yield f"Read {hindsight} ({assessment.mode} mode), by the criteria {criteria.name}."


def _answer(assessment: Assessment) -> Iterator[str]:
    """Say the category and why, by which sequence, and what a reader should beware of."""
    criteria = assessment.criteria
    category = CATEGORY_WORDS[assessment.category]
    yield f"{category}: {reason_in_words(assessment.reason, criteria)}."
    if assessment.reason in EXCLUSION_REASONS:
        yield "Its lengths are kept and shown, but it is never pooled with others."
    if assessment.category is ResponseCategory.PD and assessment.reason in _SHORT_OF_OPP:
        yield "An enlarged lesion that falls short of pseudoprogression counts as PD."
    if assessment.deciding_sequence is not None:
        yield from _decided(assessment, assessment.deciding_sequence)
    if assessment.retreatment_day is not None:
        day = assessment.retreatment_day
        yield f"Studies after the local retreatment on day {day} do not count."
    if _calls_for_caution(assessment):
        yield (
            f"Caution: growth in the first {_counted(criteria.window_days, 'day')} after "
            "radiosurgery may be pseudoprogression; a later study can show a sustained decline."
        )


def _decided(assessment: Assessment, deciding: SeriesRole) -> Iterator[str]:
    """Say which of several sequences decided and why, beside those that disagree with it."""
    measured = assessment.sequences
    complete = {one: it for one, it in measured.items() if it.peak_change_mm is not None}
    if len(measured) == 1 or not complete:
        return  # nothing to choose from
    own = complete[deciding]
    if len(complete) == 1:
        why = "no other sequence has both a baseline and a follow-up"
        equal = [deciding]
    elif _grew(own, assessment.criteria):
        why = "it grew most"
        equal = [one for one, it in complete.items() if it.peak_change_mm == own.peak_change_mm]
    else:
        why = "no sequence grew, and its last change is the lowest"
        equal = [one for one, it in complete.items() if it.last_change_mm == own.last_change_mm]
    if len(equal) > 1:
        others = _listed([str(one) for one in equal if one is not deciding])
        why = f"{why}, equally with {others}, and comes first in order"
    verb = "would decide" if assessment.reason is Reason.SEQUENCES_DISCORDANT else "decided"
    yield f"{deciding} {verb}: {why}."
    if assessment.discordant:
        says = [
            f"{sequence} says {SHORT_WORDS[one.category]}"
            for sequence, one in measured.items()
            if _grew(one, assessment.criteria)
        ]
        yield f"The sequences disagree: {_listed(says)}. Ask a reader."


def _other_thresholds(
    category: ResponseCategory, category_by_change_mm: Mapping[Decimal, ResponseCategory]
) -> Iterator[str]:
    """Say what other thresholds would give, those with the same answer together."""
    others: dict[ResponseCategory, list[str]] = {}
    for change_mm, other in category_by_change_mm.items():
        if other is not category:
            others.setdefault(other, []).append(format_mm(change_mm))
    if others:
        parts = [f"{' or '.join(mm)} it would be {SHORT_WORDS[one]}" for one, mm in others.items()]
        yield f"With a threshold of {', and with one of '.join(parts)}."


def _course(one: SequenceAssessment, criteria: Criteria) -> Iterator[str]:
    """Say in parts how one sequence went: peak, last study, return to baseline, regrowth."""
    if one.baseline_day is None:
        yield "no baseline"
    elif one.peak_change_mm is None or one.last_change_mm is None or one.last_day is None:
        yield "no follow-up"
    elif not _grew(one, criteria):
        yield f"{_signed(one.last_change_mm)} at the last study, {_when(one.last_day)}"
        if one.peak_change_mm <= 0:
            yield "never above baseline"
        elif one.peak_change_mm > one.last_change_mm:
            yield f"at most {_signed(one.peak_change_mm)}, on day {one.peak_day}"
    elif one.peak_day is not None:
        peak, before = f"peak {_signed(one.peak_change_mm)} at", one.peak_after_day
        if one.peak_day == one.last_day:
            yield f"{peak} the last study, {_when(one.peak_day)}, after one on day {before}"
        else:
            yield f"{peak} {_when(one.peak_day)}, after a study on day {before}"
            yield from _after_peak(one)
    if _regrew(one, criteria) and one.regrowth_mm is not None and one.nadir_mm is not None:
        yield (
            f"grew again by {format_mm(one.regrowth_mm)} from its smallest, "
            f"{format_mm(one.nadir_mm)} on day {one.nadir_day}"
        )


def _after_peak(one: SequenceAssessment) -> Iterator[str]:
    """Say in parts how a sequence that grew went on after its peak."""
    if one.peak_change_mm is None or one.last_change_mm is None or one.last_day is None:
        return
    last = f"{_signed(one.last_change_mm)} at the last study, {_when(one.last_day)}"
    fall_mm = one.peak_change_mm - one.last_change_mm
    yield f"{last}, {format_mm(fall_mm)} below the peak" if fall_mm else last
    if one.decline_studies:
        yield f"decline seen on {_counted(one.decline_studies, 'study', 'studies')}"
    if one.return_to_baseline_day == one.last_day:
        yield "back to baseline there"
    elif one.return_to_baseline_day is not None:
        yield f"back to baseline at {_when(one.return_to_baseline_day)}"
    elif one.decline_studies:
        yield "not back to baseline"


def _grew(one: SequenceAssessment, criteria: Criteria) -> bool:
    return one.peak_change_mm is not None and _is_growth(one.peak_change_mm, criteria)


def _regrew(one: SequenceAssessment, criteria: Criteria) -> bool:
    """Tell whether it grew again, after a decline from a peak or from the baseline."""
    if one.regrowth_mm is None or one.nadir_day is None or one.peak_day is None:
        return False
    declined_before = (
        one.reason is Reason.REGROWTH_AFTER_DECLINE
        or one.nadir_day > one.peak_day
        or not _grew(one, criteria)
    )
    return declined_before and _is_growth(one.regrowth_mm, criteria)


def _is_growth(change_mm: Decimal, criteria: Criteria) -> bool:
    grew = ge if criteria.growth_inclusive else gt
    return bool(grew(change_mm, criteria.change_mm))


def _calls_for_caution(assessment: Assessment) -> bool:
    """Tell whether a growth that no later study has settled lies in the OPP window."""
    if assessment.reason in EXCLUSION_REASONS | {Reason.ENLARGING_WITHIN_OPP_WINDOW}:
        return False  # out of the pool, or said already
    criteria = assessment.criteria
    return any(
        one.peak_day <= criteria.window_days and one.last_day - one.peak_day < criteria.sustain_days
        for one in assessment.sequences.values()
        if one.peak_day is not None and one.last_day is not None and _grew(one, criteria)
    )


def _limit(criteria: Criteria) -> tuple[str, str]:
    """Say how much counts as a growth, and as a decline."""
    change = format_mm(criteria.change_mm)
    growth = f"{change} or more" if criteria.growth_inclusive else f"more than {change}"
    decline = f"{change} or more" if criteria.decline_inclusive else f"more than {change}"
    return growth, decline


def _signed(change_mm: Decimal) -> str:
    """Write a change with its sign: a bare 0.0 mm would read like a lesion that is gone."""
    sign = {1: "+", 0: "±", -1: "−"}[(change_mm > 0) - (change_mm < 0)]
    return f"{sign}{format_mm(abs(change_mm))}"


def _when(day: int) -> str:
    return f"week {weeks_from_days(day):.1f} (day {day})"


def _counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _listed(parts: Sequence[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last
