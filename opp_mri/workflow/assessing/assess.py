"""Assess lesions: from recorded lengths and events to a category with the rule that decided."""

from pathlib import Path

from attrs import frozen

from opp_mri.domain.assessment import Rules
from opp_mri.domain.columns.column import build_json_object
from opp_mri.domain.columns.sequence import COURSE_COLUMNS
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.domain.plausibility import DataWarning, find_length_warnings
from opp_mri.domain.timeline import Timeline
from opp_mri.response.assessed import AssessedTimeline as AssessedTimeline
from opp_mri.response.cautions import describe_caution
from opp_mri.response.classify import classify
from opp_mri.response.lack import find_left_out
from opp_mri.response.prior import COURSES
from opp_mri.response.probability import DEFAULT_ERROR
from opp_mri.response.sentences import describe_reason
from opp_mri.tables.csv_table import TextTable
from opp_mri.tables.events import read_events
from opp_mri.tables.measurements import read_sizes
from opp_mri.tables.source_lines import SourceLines
from opp_mri.units import number


@frozen(kw_only=True)
class AssessedTables:
    """What two tables gave.

    Parameters
    ----------
    lesions
        In the order in which the measurements first name them; `is_measured` is False for one
        without a measurement that the criteria read.
    warnings
        What is unlikely about the lengths.
    """

    lesions: tuple[AssessedTimeline, ...]
    warnings: tuple[DataWarning, ...]


def assess_timeline(
    timeline: Timeline, rules: Rules, *, error: MeasurementError = DEFAULT_ERROR
) -> AssessedTimeline:
    """Classify a timeline."""
    assessment = classify(timeline, rules)
    return AssessedTimeline(timeline=timeline, assessment=assessment, error=error)


def assess_tables(
    measurements: Path | TextTable,
    events: Path | TextTable | None,
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
        CSV of events, or None. The day of an `exclusion` plays no part. An event of a lesion that
        was not measured is a fault of the table.

    Raises
    ------
    InputError
        A table cannot be read, or an event names a lesion without a length; as a `TableError` it
        names the line and column of each fault.
    """
    sizes = read_sizes(measurements)
    lengths, volumes = sizes.lengths, sizes.volumes
    lesion_ids = dict.fromkeys(lesion_id for lesion_id, _sequence, _day in sizes.lines)
    events_by_lesion = {}
    if events is not None:
        events_by_lesion = read_events(events, lesion_ids, "the table of measurements")
    timelines = [
        Timeline(
            lesion_id=lesion_id,
            observations=lengths.get(lesion_id, {}),
            volumes=volumes.get(lesion_id, {}),
            events=tuple(events_by_lesion.get(lesion_id, ())),
        )
        for lesion_id in lesion_ids
    ]
    return AssessedTables(
        lesions=tuple(assess_timeline(timeline, rules, error=error) for timeline in timelines),
        warnings=SourceLines(studies_file=measurements.name, studies=sizes.lines).locate(
            warning
            for lesion_id, by_sequence in lengths.items()
            for warning in find_length_warnings(lesion_id, by_sequence)
        ),
    )


def build_comparison_json(lesion: AssessedTimeline) -> dict[str, object]:
    """Return what each shipped profile says of a lesion, as `opp-mri assess --compare --json`."""
    return {
        "lesion_id": lesion.assessment.lesion_id,
        "mode": lesion.assessment.mode.value,
        "profiles": {
            name: {
                "category": assessment.category.value,
                "reason": assessment.reason.value,
                "sentence": describe_reason(assessment.reason, assessment.criteria),
                "deciding_sequence": assessment.deciding_sequence
                and assessment.deciding_sequence.value,
                "discordant": assessment.discordant,
            }
            for name, assessment in lesion.by_profile.items()
        },
        "left_out": find_left_out(lesion.timeline),
    }


def build_assessment_json(lesion: AssessedTimeline) -> dict[str, object]:
    """Return an assessment as the JSON object that docs/reference/assess-tables.md describes."""
    assessment = lesion.assessment
    deciding_sequence = assessment.deciding_sequence
    return {
        "lesion_id": assessment.lesion_id,
        "category": assessment.category.value,
        "reason": assessment.reason.value,
        "deciding_sequence": deciding_sequence.value if deciding_sequence else None,
        "discordant": assessment.discordant,
        "cautions": [
            {"name": caution.value, "sentence": describe_caution(caution, assessment.criteria)}
            for caution in lesion.cautions
        ],
        "asks_for_reader": lesion.asks_for_reader,
        "sequences": {
            sequence.value: {
                "category": course.category.value,
                "reason": course.reason.value,
                **build_json_object(COURSE_COLUMNS, course),
            }
            for sequence, course in assessment.sequences.items()
        },
        "margin_mm": number(lesion.margin_mm),
        "margin_days": lesion.margin_days,
        "category_by_change_mm": {
            str(change_mm): category.value
            for change_mm, category in lesion.category_by_change_mm.items()
        },
        "probabilities": {
            category.value: probability
            for category, probability in lesion.sureness.probabilities.items()
        },
        "probability_range": lesion.repeat_range and list(lesion.repeat_range),
        "fragile": lesion.is_fragile,
        "posterior": {
            category.value: probability
            for category, probability in lesion.sureness.posterior.items()
        },
        "posterior_prior": {
            "source": lesion.sureness.prior.source,
            "shares": {
                course.value: round(share, 4)
                for course, share in zip(COURSES, lesion.sureness.prior.shares, strict=True)
            },
        },
        "unchanged_calls": {
            category.value: share for category, share in lesion.unchanged_calls.items()
        },
        "measurement_sd_mm": round(lesion.weighed_error.sd_mm, 4),
        "measurement_visit_correlation": round(lesion.weighed_error.visit_correlation, 4),
        "measurement_sd_source": "; ".join(
            filter(None, (lesion.weighed_error.source, lesion.weighed_error.classes_source))
        ),
        "labels_by_day": [
            {
                "day": label.days_from_ssrs,
                "category": label.category.value,
                "reason": label.reason.value,
            }
            for label in lesion.labels
        ],
        "mode": assessment.mode.value,
        "criteria": assessment.criteria.name,
        "category_by_profile": {
            name: category.value for name, category in lesion.other_profiles.items()
        },
        "sentences": list(lesion.sentences),
        "details": list(lesion.details),
    }
