"""Identifiers and events in words, for figures, tables and reports."""

from typing import Final

from opp_mri.domain.timeline import EventKind, TreatmentEvent

EVENT_WORDS: Final = {
    EventKind.PATHOLOGY: "pathology:",
    EventKind.SYSTEMIC_THERAPY_CHANGE: "systemic therapy changed",
    EventKind.OTHER_BONE_LESIONS: "other bone lesions",
    EventKind.LOCAL_RETREATMENT: "retreatment",
    EventKind.EXCLUSION: "excluded:",
    EventKind.FRACTURE: "fracture",
    EventKind.EPIDURAL_GROWTH: "epidural growth",
    EventKind.PARASPINAL_GROWTH: "paraspinal growth",
}
EVENTS_TOLD_BY_THEIR_VALUE: Final = {
    EventKind.OTHER_BONE_LESIONS,
    EventKind.EXCLUSION,
    EventKind.PATHOLOGY,
}


def write_identifier(value: str) -> str:
    """Write an identifier such as `sustained_decline` as words."""
    return value.replace("_", " ").replace("opp", "OPP")


def describe_event(event: TreatmentEvent) -> str:
    """Name an event; its value only where that is one of a few words, never free text."""
    words = EVENT_WORDS[event.kind]
    if event.kind in EVENTS_TOLD_BY_THEIR_VALUE:
        words = f"{words} {write_identifier(event.value)}"
    return words
