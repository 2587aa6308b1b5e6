"""What was known of a lesion on each day of follow-up: its labels in the order of time."""

from collections.abc import Sequence
from itertools import groupby

from attrs import evolve, frozen

from opp_mri.domain.assessment import (
    Assessment,
    Criteria,
    Mode,
    Reason,
    ResponseCategory,
    Rules,
)
from opp_mri.domain.timeline import EventKind, Timeline
from opp_mri.response.classify import classify
from opp_mri.response.sentences import SHORT_WORDS
from opp_mri.units import weeks_from_days


@frozen(kw_only=True)
class DatedLabel:
    """What a lesion was called on a day of follow-up.

    Parameters
    ----------
    days_from_ssrs
        Whole days from the completion of SSRS.
    category, reason
        The answer on that day and the rule that gave it.
    """

    days_from_ssrs: int
    category: ResponseCategory
    reason: Reason


def classify_by_day(timeline: Timeline, criteria: Criteria) -> tuple[DatedLabel, ...]:
    """Classify a lesion again on each day of follow-up, as it was known on that day.

    Parameters
    ----------
    timeline
        Its lengths in mm per sequence, each in the order of days, and its events.
    criteria
        The parameters of the rules.

    Returns
    -------
    tuple
        A label for each day after day 0 on which a length was recorded, in the order of days; a
        day after a local retreatment is among them, though its lengths no longer count.

    Raises
    ------
    ValueError
        The studies of a sequence are not in the order of days, or a day is there twice.
    """
    days = {study.days_from_ssrs for row in timeline.observations.values() for study in row}
    days |= {study.days_from_ssrs for row in timeline.volumes.values() for study in row}
    return tuple(_label(timeline, criteria, day) for day in sorted(days) if day > 0)


def describe_labels(labels: Sequence[DatedLabel], assessment: Assessment) -> tuple[str, ...]:
    """Describe what a lesion was called on each date, next to what it is called with hindsight."""
    if not labels:
        return ()
    parts = []
    for category, run in groupby(labels, lambda label: label.category):
        days = [label.days_from_ssrs for label in run]
        since = f"{'at' if len(days) == 1 else 'from'} {weeks_from_days(days[0]):.1f} weeks"
        parts.append(f"{SHORT_WORDS[category]} {since}")
    hindsight = (
        f"; with hindsight {SHORT_WORDS[assessment.category]}"
        if assessment.mode is Mode.RETROSPECTIVE
        else ""
    )
    return (f"As known on each date: {', '.join(parts)}{hindsight}.",)


def _label(timeline: Timeline, criteria: Criteria, day: int) -> DatedLabel:
    answer = classify(cut_timeline(timeline, day), Rules(criteria=criteria, mode=Mode.PROSPECTIVE))
    return DatedLabel(days_from_ssrs=day, category=answer.category, reason=answer.reason)


def cut_timeline(timeline: Timeline, day: int) -> Timeline:
    """Cut a timeline to what had been recorded by the end of a day, counted from SSRS.

    A failed eligibility criterion always stays: the day of its entry plays no part in the rules.
    """
    return evolve(
        timeline,
        observations={
            sequence: earlier_studies
            for sequence, row in timeline.observations.items()
            if (earlier_studies := tuple(study for study in row if study.days_from_ssrs <= day))
        },
        volumes={
            sequence: earlier_volumes
            for sequence, volumes in timeline.volumes.items()
            if (earlier_volumes := tuple(study for study in volumes if study.days_from_ssrs <= day))
        },
        events=tuple(
            event
            for event in timeline.events
            if event.days_from_ssrs <= day or event.kind is EventKind.EXCLUSION
        ),
    )
