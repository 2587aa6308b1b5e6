"""What a reader should know of a call: named flags, never deciding (RULES: cautions)."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import accumulate
from typing import Final

from opp_mri.domain.assessment import Caution, Criteria, ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Observation
from opp_mri.response.calls import LesionCall
from opp_mri.response.course import Course, LesionFacts
from opp_mri.units import format_mm

EDEMA_DAYS: Final = 28
ENDED_EARLY_DAYS: Final = 182
OLDEST_BASELINE_DAYS: Final = 42

CAUTION_WORDS: Final[Mapping[Caution, str]] = {
    Caution.GROWTH_ON_ONE_STUDY: "the growth was seen on one follow-up only",
    Caution.GROWTH_BEFORE_DAY_28: (
        f"the growth was first seen before day {EDEMA_DAYS}, when edema is common"
    ),
    Caution.LATE_ONSET: (
        "the growth was first seen more than {window_days} days after radiosurgery, later than the "
        "early growth that the source describes"
    ),
    Caution.PARTIAL_DECLINE: "the decline from the peak is less than half of the growth",
    Caution.DECLINE_ON_ONE_STUDY: "the decline was seen on one follow-up only",
    Caution.REGROWTH_FROM_NADIR: (
        "the last follow-up is {change} or more above the smallest one before it"
    ),
    Caution.SEQUENCE_ENDED_EARLY: (
        f"the deciding sequence ends more than {ENDED_EARLY_DAYS} days before the lesion's last "
        "follow-up"
    ),
    Caution.GROWTH_WITHOUT_BASELINE: (
        "a sequence without a baseline grew by {change} or more between follow-ups"
    ),
    Caution.OTHER_SEQUENCE_FELL: (
        "the deciding sequence grew, but another one ends {change} or more below its baseline"
    ),
    Caution.OTHER_SEQUENCE_GROWING: "another sequence is still growing at its last follow-up",
    Caution.OLD_BASELINE: (
        f"the baseline is more than {OLDEST_BASELINE_DAYS} days older than the first fraction"
    ),
    Caution.THERAPY_AFTER_DECLINE: (
        "systemic therapy was changed after the decline; what followed may be its effect"
    ),
    Caution.THERAPY_BEFORE_PEAK: (
        "systemic therapy was changed between the study before the peak and the peak; the true "
        "peak may have come before the change"
    ),
    Caution.BACK_AT_BASELINE: (
        "the lesion grew, but is within measurement error of its baseline at the last follow-up"
    ),
    Caution.FRACTURE_IN_WINDOW: (
        "a fracture was recorded within {window_days} days of radiosurgery, which enlarges too"
    ),
    Caution.EPIDURAL_GROWTH_IN_WINDOW: (
        "epidural growth was recorded within {window_days} days of radiosurgery, which "
        "pseudoprogression of the bone does not explain"
    ),
    Caution.NOISE: (
        "measurement error alone would give an unchanged lesion on this schedule the same category "
        "in 10% of cases or more"
    ),
}


_ORDER: Final = {caution: place for place, caution in enumerate(Caution)}
_IN_WINDOW: Final = {
    EventKind.FRACTURE: Caution.FRACTURE_IN_WINDOW,
    EventKind.EPIDURAL_GROWTH: Caution.EPIDURAL_GROWTH_IN_WINDOW,
}


def describe_caution(caution: Caution, criteria: Criteria) -> str:
    """Describe a caution in words, with the parameters of the criteria."""
    return CAUTION_WORDS[caution].format(
        change=format_mm(criteria.change_mm), window_days=criteria.window_days
    )


def find_cautions(
    lesion: LesionCall, facts: LesionFacts, first_fraction_day: int, criteria: Criteria
) -> tuple[Caution, ...]:
    """Return the cautions of a lesion, in the order of `Caution`; `noise` is not among them.

    Parameters
    ----------
    lesion
        What the rules say of it; a lesion that fails an eligibility criterion has no caution.
    facts
        Its events.
    first_fraction_day
        Day of the first fraction: the age of a baseline is counted from it.
    """
    if facts.exclusion is not None:
        return ()
    cautions: set[Caution] = set()
    if _has_grown_without_baseline(lesion, criteria):
        cautions.add(Caution.GROWTH_WITHOUT_BASELINE)
    if lesion.deciding_sequence is not None:
        call = lesion.sequences[lesion.deciding_sequence]
        if call.course is not None and call.studied.baseline is not None:
            cautions.update(_find_course_cautions(call.course, lesion.category, criteria))
            if facts.therapy_change_days:
                cautions.update(
                    _find_therapy_cautions(call.course, call.studied.baseline, facts, criteria)
                )
            if len(lesion.sequences) > 1:
                cautions.update(
                    _find_other_cautions(lesion, lesion.deciding_sequence, call.course, criteria)
                )
            if first_fraction_day - call.studied.baseline.days_from_ssrs > OLDEST_BASELINE_DAYS:
                cautions.add(Caution.OLD_BASELINE)
    if lesion.category is ResponseCategory.OPP:
        cautions.update(
            _IN_WINDOW[kind]
            for kind, days in facts.finding_days.items()
            if any(0 < day <= criteria.window_days for day in days)
        )
    return tuple(sorted(cautions, key=_ORDER.__getitem__))


def _find_course_cautions(
    course: Course, category: ResponseCategory, criteria: Criteria
) -> Iterator[Caution]:
    if course.grew:
        if len(course.grown) == 1 or len(course.counted_as_grown) == 1:
            yield Caution.GROWTH_ON_ONE_STUDY
        first_day = course.days[course.grown[0]]
        if first_day < EDEMA_DAYS:
            yield Caution.GROWTH_BEFORE_DAY_28
        if first_day > criteria.window_days:
            yield Caution.LATE_ONSET
        if course.fallen and course.decline_studies == 1:
            yield Caution.DECLINE_ON_ONE_STUDY
        if not course.last_grew and category in (
            ResponseCategory.PD,
            ResponseCategory.INDETERMINATE,
        ):
            yield Caution.BACK_AT_BASELINE
    if category is ResponseCategory.OPP and 2 * (course.peak_mm - course.last_mm) < course.peak_mm:
        yield Caution.PARTIAL_DECLINE
    if category in (ResponseCategory.PR, ResponseCategory.SD, ResponseCategory.OPP):
        start = course.peak + 1 if category is ResponseCategory.OPP else 0
        earlier_mm = course.changes_mm[start:-1]
        if earlier_mm and course.last_mm - min(earlier_mm) >= criteria.change_mm:
            yield Caution.REGROWTH_FROM_NADIR


def _find_therapy_cautions(
    course: Course, baseline: Observation, facts: LesionFacts, criteria: Criteria
) -> Iterator[Caution]:
    if not course.grew:
        return
    before_peak = course.days[course.peak - 1] if course.peak else baseline.days_from_ssrs
    if any(before_peak < day <= course.peak_day for day in facts.therapy_change_days):
        yield Caution.THERAPY_BEFORE_PEAK
    if course.fallen:
        until = course.find_last_day_of_therapy(criteria)
        if any(day > until for day in facts.therapy_change_days):
            yield Caution.THERAPY_AFTER_DECLINE


def _find_other_cautions(
    lesion: LesionCall, deciding_sequence: SeriesRole, course: Course, criteria: Criteria
) -> Iterator[Caution]:
    courses = [
        call.course
        for sequence, call in lesion.sequences.items()
        if sequence is not deciding_sequence and call.course is not None
    ]
    if course.grew and any(other_course.last_mm <= -criteria.change_mm for other_course in courses):
        yield Caution.OTHER_SEQUENCE_FELL
    if lesion.category is ResponseCategory.OPP and any(
        other_course.last_grew and other_course.last_mm == max(other_course.changes_mm)
        for other_course in courses
    ):
        yield Caution.OTHER_SEQUENCE_GROWING
    last_days = [
        call.studied.follow_ups[-1].days_from_ssrs
        for call in lesion.sequences.values()
        if call.studied.follow_ups
    ]
    if max(last_days) - course.last_day > ENDED_EARLY_DAYS:
        yield Caution.SEQUENCE_ENDED_EARLY


def _has_grown_without_baseline(lesion: LesionCall, criteria: Criteria) -> bool:
    return any(
        _compute_largest_rise(call.studied.follow_ups) >= criteria.change_mm
        for call in lesion.sequences.values()
        if call.studied.baseline is None
    )


def _compute_largest_rise(studies: tuple[Observation, ...]) -> Decimal:
    lengths_mm = [study.ap_mm for study in studies]
    rises_mm = [
        length_mm - smallest_mm
        for length_mm, smallest_mm in zip(lengths_mm, accumulate(lengths_mm, min), strict=True)
    ]
    return max(rises_mm, default=Decimal(0))
