"""Timelines and criteria in words, for the rows of a report and for who cannot see its figures."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import attrs

from opp_mri.cohort.words import describe_event, write_identifier
from opp_mri.domain.assessment import Criteria
from opp_mri.domain.timeline import Timeline
from opp_mri.units import format_mm, weeks_from_days

NBSP: Final = "\u00a0"


def describe_criteria(criteria: Criteria) -> list[tuple[str, str, str]]:
    """Return every parameter of the criteria: its name, what it is, and its value in words."""
    counts = {True: "counts", False: "does not count"}
    exactly = f"of exactly {format_mm(criteria.change_mm)}"
    rows = [
        ("name", "criteria", criteria.name),
        ("source", "source", criteria.source or "not given"),
        ("change_mm", "change that counts", format_mm(criteria.change_mm)),
        ("growth_inclusive", f"growth {exactly}", counts[criteria.growth_inclusive]),
        ("decline_inclusive", f"decline {exactly}", counts[criteria.decline_inclusive]),
        ("min_follow_up_days", "shortest follow-up", f"{criteria.min_follow_up_days} days"),
        (
            "sustain_days",
            "decline still seen after the peak",
            f"{criteria.sustain_days} days or more",
        ),
        (
            "window_days",
            "growth may be pseudoprogression until",
            f"day {criteria.window_days} after radiosurgery",
        ),
        (
            "progression_min_studies",
            "follow-ups that show growth, for progression",
            f"{criteria.progression_min_studies} or more (prospective mode only)",
        ),
        ("plateau", "growth that then stays", criteria.plateau.value),
    ]
    by_name = {row[0]: row for row in rows}
    return [
        by_name.get(field.name)
        or (
            field.name,
            write_identifier(field.name),
            _describe_parameter(getattr(criteria, field.name)),
        )
        for field in attrs.fields(Criteria)
    ]


def _describe_parameter(value: object) -> str:
    """Write the value of a parameter that has no sentence of its own."""
    if value in (None, "", ()):
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "; ".join(str(item) for item in value)
    return write_identifier(str(value))


def write_lengths_by_day(timeline: Timeline) -> Sequence[tuple[str, str]]:
    """Write the lengths of each sequence in mm by day, such as −9: 17.3."""
    return [
        (
            sequence.value,
            ", ".join(
                f"{describe_day(o.days_from_ssrs)}:{NBSP}{format_mm_alone(o.ap_mm)}"
                for o in lengths
            ),
        )
        for sequence, lengths in timeline.observations.items()
    ]


def write_events_by_day(timeline: Timeline) -> str:
    """Write what happened to a lesion by day; free text of an event stays out."""
    return "; ".join(
        f"{describe_day(event.days_from_ssrs)}: {describe_event(event)}"
        for event in timeline.events
    )


def describe_day(day: int) -> str:
    """Write a day counted from SSRS, with a minus sign before it."""
    return str(day).replace("-", "−")


def format_mm_alone(length_mm: Decimal) -> str:
    """Write a length in mm without its unit, which is printed elsewhere."""
    return format_mm(length_mm).removesuffix(" mm")


def format_signed_mm(change_mm: Decimal) -> str:
    """Write a change in mm with its sign, without its unit: +5.2, −3.0, ±0.0."""
    sign = "+" if change_mm > 0 else "−" if change_mm < 0 else "±"
    return f"{sign}{format_mm_alone(abs(change_mm))}"


def describe_week(days: int) -> str:
    """Write a day as weeks from SSRS, with one decimal."""
    return f"{weeks_from_days(days):.1f}".replace("-", "−")


def describe_timeline(timeline: Timeline) -> str:
    """Describe what a timeline's figure shows, with its numbers."""
    sentences = [
        f"{sequence.value}: "
        + ", ".join(f"{format_mm(o.ap_mm)} at week {describe_week(o.days_from_ssrs)}" for o in row)
        for sequence, row in timeline.observations.items()
    ]
    event_sentences = [
        f"{describe_event(event)} at week {describe_week(event.days_from_ssrs)}"
        for event in timeline.events
    ]
    return (
        f"Greatest AP extent of lesion {timeline.lesion_id} against weeks from radiosurgery. "
        + ". ".join([*sentences, *event_sentences] or ["Nothing measured"])
        + "."
    )
