"""Assess lesions: from recorded lengths and events to a category with the rule that decided."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import (
    Assessment,
    MeasurementError,
    ResponseCategory,
    Rules,
)
from opp_mri.domain.columns import json_object
from opp_mri.domain.sequence_columns import COURSE_COLUMNS
from opp_mri.domain.timeline import Timeline
from opp_mri.response.classify import classify
from opp_mri.response.history import DatedLabel, labels_by_day, labels_in_words
from opp_mri.response.margin import categories_by_threshold, margin_mm
from opp_mri.response.probability import (
    DEFAULT_ERROR,
    CategoryProbabilities,
    category_probabilities,
)
from opp_mri.response.sentences import SHORT_WORDS, sentences
from opp_mri.tables.events import read_events
from opp_mri.tables.measurements import read_measurements
from opp_mri.units import number

LEAST_TOLD: Final = 0.05  # a category less probable than this is not named in the sentence


@frozen(kw_only=True)
class AssessedLesion:
    """A lesion's assessment with all that is shown beside it.

    Parameters
    ----------
    timeline, assessment
        What was assessed, and the answer.
    margin_mm
        Smallest change of one recorded length that changes the category; None where none does.
    category_by_change_mm
        Category with a `change_mm` of 2, 3 and 4.
    sureness, error
        Probability of each category under an error of measurement, and that error.
    labels
        What the lesion was called on each day of follow-up, as known on that day.
    sentences
        What a radiologist would read.
    """

    timeline: Timeline
    assessment: Assessment
    sureness: CategoryProbabilities
    error: MeasurementError
    labels: tuple[DatedLabel, ...]
    margin_mm: Decimal | None
    category_by_change_mm: Mapping[Decimal, ResponseCategory]
    sentences: tuple[str, ...]


@frozen(kw_only=True)
class AssessedTables:
    """What two tables gave.

    Parameters
    ----------
    lesions
        In the order in which the measurements first name them.
    unanswered
        Lesions that have events and no measurement: they get no answer.
    """

    lesions: tuple[AssessedLesion, ...]
    unanswered: tuple[str, ...]


def assess_timeline(
    timeline: Timeline, rules: Rules, *, error: MeasurementError = DEFAULT_ERROR
) -> AssessedLesion:
    """Classify a lesion and add how surely, and the sentences."""
    assessment = classify(timeline, rules)
    margin = margin_mm(timeline, rules)
    sureness = category_probabilities(timeline, rules, sd_mm=error.sd_mm)
    by_change_mm = categories_by_threshold(timeline, rules)
    labels = labels_by_day(timeline, rules.criteria)
    return AssessedLesion(
        timeline=timeline,
        assessment=assessment,
        margin_mm=margin,
        category_by_change_mm=by_change_mm,
        sureness=sureness,
        error=error,
        labels=labels,
        sentences=(
            *sentences(assessment, margin_mm=margin, category_by_change_mm=by_change_mm),
            *labels_in_words(labels, assessment),
            *_sureness_in_words(sureness, error),
        ),
    )


def _sureness_in_words(sureness: CategoryProbabilities, error: MeasurementError) -> list[str]:
    category = sureness.category
    if category is ResponseCategory.NOT_ELIGIBLE:
        return []
    share = sureness.probabilities.get(category, 0.0)
    others = [
        f"{SHORT_WORDS[one]} {probability:.0%}"
        for one, probability in sorted(sureness.probabilities.items(), key=lambda item: -item[1])
        if one is not category and probability >= LEAST_TOLD
    ]
    fragile = "Fragile: were" if sureness.fragile(category) else "Were"
    return [
        f"{fragile} every length measured once more, with an error of {error.sd_mm:.1f} mm "
        f"(standard deviation; {error.source}), the category would be the same in {share:.0%}"
        + (f", else {', '.join(others)}." if others else ".")
    ]


def assess_tables(
    measurements: Path,
    events: Path | None,
    rules: Rules,
    *,
    error: MeasurementError = DEFAULT_ERROR,
) -> AssessedTables:
    """Assess each lesion of a table of lengths, and perhaps one of events.

    Parameters
    ----------
    measurements
        CSV of lengths in mm, by whole days from the completion of radiosurgery.
    events
        CSV of events, or None. The day of an `exclusion` plays no part.

    Raises
    ------
    InputError
        A table cannot be read; as a `TableError` it names the line and column of each fault.
    """
    observations = read_measurements(measurements)
    happened = read_events(events) if events is not None else {}
    timelines = [
        Timeline(
            lesion_id=lesion_id,
            observations=by_sequence,
            events=tuple(happened.get(lesion_id, ())),
        )
        for lesion_id, by_sequence in observations.items()
    ]
    return AssessedTables(
        lesions=tuple(assess_timeline(timeline, rules, error=error) for timeline in timelines),
        unanswered=tuple(lesion_id for lesion_id in happened if lesion_id not in observations),
    )


def assessment_record(lesion: AssessedLesion) -> dict[str, object]:
    """Give an assessment as the JSON object that docs/reference/assess-tables.md describes."""
    assessment = lesion.assessment
    deciding = assessment.deciding_sequence
    return {
        "lesion_id": assessment.lesion_id,
        "category": assessment.category.value,
        "reason": assessment.reason.value,
        "deciding_sequence": deciding.value if deciding else None,
        "discordant": assessment.discordant,
        "sequences": {
            sequence.value: {
                "category": course.category.value,
                "reason": course.reason.value,
                **json_object(COURSE_COLUMNS, course),
            }
            for sequence, course in assessment.sequences.items()
        },
        "margin_mm": number(lesion.margin_mm),
        "category_by_change_mm": {
            str(change_mm): category.value
            for change_mm, category in lesion.category_by_change_mm.items()
        },
        "probabilities": {
            category.value: probability
            for category, probability in lesion.sureness.probabilities.items()
        },
        "fragile": lesion.sureness.fragile(assessment.category),
        "measurement_sd_mm": round(lesion.error.sd_mm, 4),
        "measurement_sd_source": lesion.error.source,
        "labels_by_day": [
            {"day": one.days_from_ssrs, "category": one.category.value, "reason": one.reason.value}
            for one in lesion.labels
        ],
        "mode": assessment.mode.value,
        "criteria": assessment.criteria.name,
        "sentences": list(lesion.sentences),
    }
