"""A reader's page for one lesion: at most six sentences.

Category and reason; how the deciding sequence went; what would change the category; cautions; what
measurement error alone would do; and what other criteria say.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import Assessment, Caution, Mode, ResponseCategory
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.response.cautions import describe_caution
from opp_mri.response.probability import FRAGILE_BELOW, NOISE_FROM, CategoryProbabilities
from opp_mri.response.sentences import (
    CATEGORY_WORDS,
    EXCLUSION_REASONS,
    SHORT_WORDS,
    describe_course,
    describe_deciding_sequence,
    describe_reason,
)
from opp_mri.units import format_count, format_mm, format_share, join_words

LEAST_SHARE: Final = 0.05  # a category less probable than this is not named
AGREEING_WITHIN: Final = 0.02  # a narrower range of probability is not shown


@frozen(kw_only=True)
class PageFacts:
    """What is shown next to the assessment on the page.

    Parameters
    ----------
    margin_mm, margin_days
        Smallest change of one length, and shift of one study, that change the category.
    category_by_change_mm
        Category under other values of `change_mm`.
    cautions
        `noise` included.
    repeat, repeat_range, unchanged_calls, error
        Probability of each category on a second measurement and of the true lengths; the lowest
        and highest probability of the same category under all stated priors; the calls of a lesion
        that never changes; the error that all are computed with.
    other_profiles
        Category by the name of each other profile.
    """

    margin_mm: Decimal | None
    margin_days: int | None
    category_by_change_mm: Mapping[Decimal, ResponseCategory]
    cautions: tuple[Caution, ...]
    repeat: CategoryProbabilities
    repeat_range: tuple[float, float] | None
    unchanged_calls: Mapping[ResponseCategory, float]
    error: MeasurementError
    other_profiles: Mapping[str, ResponseCategory]


def build_page(assessment: Assessment, facts: PageFacts) -> tuple[str, ...]:
    """Describe in at most six sentences what a reader should know of a lesion."""
    return tuple(_write_page(assessment, facts))


def _write_page(assessment: Assessment, facts: PageFacts) -> Iterator[str]:
    reason = describe_reason(assessment.reason, assessment.criteria)
    yield f"{CATEGORY_WORDS[assessment.category]}: {reason}."
    if assessment.reason in EXCLUSION_REASONS:
        yield "The lengths are kept and shown, but the lesion is never pooled with others."
        return
    if assessment.deciding_sequence is not None:
        own = assessment.sequences[assessment.deciding_sequence]
        parts = [*describe_course(own, assessment.criteria)]
        if assessment.retreatment_day is not None:
            day = assessment.retreatment_day
            parts.append(f"studies after the local retreatment on day {day} do not count")
        yield f"{describe_deciding_sequence(assessment)}: {'; '.join(parts)}."
    if facts.unchanged_calls:  # else no length plays a part
        yield _write_changes(assessment, facts)
    elif assessment.criteria.persistence is not None:
        yield "Margins, probabilities and cautions are not computed for these criteria."
    if assessment.criteria.persistence is None:
        yield _write_cautions(assessment, facts)
    if facts.unchanged_calls:
        yield _write_error(assessment.category, facts)
    yield _write_profiles(assessment, facts)


def _write_changes(assessment: Assessment, facts: PageFacts) -> str:
    length, study = "no change of one length", "no shift of one study"
    if facts.margin_mm is not None:
        length = f"a change of {format_mm(facts.margin_mm)} in one recorded length"
    if facts.margin_days is not None:
        study = f"a shift of one study by {format_count(facts.margin_days, 'day')}"
    match facts.margin_mm is None, facts.margin_days is None:
        case True, True:
            text = f"{length} and {study}"
        case False, False:
            text = f"{length} or {study}"
        case _:
            text = f"{length}, but {study},"
    text = f"{text[0].upper()}{text[1:]} would change the category"
    by_category: dict[ResponseCategory, list[str]] = {}
    for change_mm, category in facts.category_by_change_mm.items():
        if category is not assessment.category:
            by_category.setdefault(category, []).append(format_mm(change_mm))
    if by_category:
        parts = [f"{' or '.join(mm)} it would be {SHORT_WORDS[category]}" for category, mm in
                 by_category.items()]  # fmt: skip
        text += f"; with a threshold of {', and with one of '.join(parts)}"
    return f"{text}."


def _write_cautions(assessment: Assessment, facts: PageFacts) -> str:
    words = [describe_caution(caution, assessment.criteria) for caution in facts.cautions]
    if not words and facts.repeat.is_fragile(assessment.category):
        return "There are no cautions, but the category is fragile: ask a reader."
    if not words:
        return "There are no cautions."
    return f"Caution, ask a reader: {'; '.join(words)}."


def _write_error(category: ResponseCategory, facts: PageFacts) -> str:
    repeat, share = facts.repeat, facts.repeat.probabilities.get(category, 0.0)
    if share == facts.unchanged_calls.get(category) == 1:
        return "Measurement error does not affect this category."
    own = ", by sequence and length where there are enough" if facts.error.classes else ""
    text = (
        f"Measured again with an error of {_write_sd(facts.error.sd_mm)} (standard deviation of "
        f"one measurement; {facts.error.source}{own}), the category would be the same in "
        f"{format_share(share, limit=FRAGILE_BELOW)}{_write_range(facts.repeat_range)}"
    )
    shares = _write_shares(
        {name: share for name, share in repeat.probabilities.items() if name is not category}
    )
    text += f", otherwise {shares}" if shares else ""
    unchanged_shares = _write_shares(facts.unchanged_calls, limit=NOISE_FROM)
    if repeat.posterior:
        text += (
            f"; if each course were as common as {repeat.prior.source}, the rules would call the "
            f"true lengths {_write_shares(repeat.posterior)}"
        )
    alone = f"such error alone would call an unchanged lesion on this schedule {unchanged_shares}"
    if repeat.is_fragile(category):
        text = f"Fragile: {text[0].lower()}{text[1:]}"
    return f"{text}; {alone}."


def _write_range(repeat_range: tuple[float, float] | None) -> str:
    """State the range of the probability, unless all stated priors agree within 2 points."""
    if repeat_range is None or round(repeat_range[1] - repeat_range[0], 3) <= AGREEING_WITHIN:
        return ""
    low, high = repeat_range
    return (
        f" ({format_share(low, limit=FRAGILE_BELOW)} to {format_share(high, limit=FRAGILE_BELOW)}, "
        "depending on how common small changes are among such lesions)"
    )


def _write_shares(shares: Mapping[ResponseCategory, float], limit: float = 1.0) -> str:
    sorted_shares = sorted(shares.items(), key=lambda item: -item[1])
    return ", ".join(
        f"{SHORT_WORDS[category]} {format_share(share, limit=limit)}"
        for category, share in sorted_shares
        if share >= LEAST_SHARE
    )


def _write_sd(sd_mm: float) -> str:
    return f"{sd_mm:.2f} mm"


def _write_profiles(assessment: Assessment, facts: PageFacts) -> str:
    hindsight = "with hindsight" if assessment.mode is Mode.RETROSPECTIVE else "as known today"
    text = f"This is the answer of {assessment.criteria.name}, {hindsight}"
    by_category: dict[ResponseCategory, list[str]] = {}
    for name, category in facts.other_profiles.items():
        by_category.setdefault(category, []).append(name)
    agreeing_profiles = by_category.pop(assessment.category, [])
    parts = [f"{join_words(names)} would say {SHORT_WORDS[category]}" for category, names in
             by_category.items()]  # fmt: skip
    if agreeing_profiles:
        parts.append(f"{join_words(agreeing_profiles)} would say the same")
    return f"{'; '.join([text, *parts])}."
