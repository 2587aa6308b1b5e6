"""A lesion's events by date, turned into days from the completion of radiosurgery (SSRS)."""

from collections.abc import Iterable, Sequence

from opp_mri.domain.measurement import Lesion
from opp_mri.domain.timeline import EventKind, TreatmentEvent
from opp_mri.domain.visit import Visit, derive_events
from opp_mri.units import count_days


def convert_events(lesion: Lesion, visits: Sequence[Visit] = ()) -> tuple[TreatmentEvent, ...]:
    """Return a lesion's events in days from SSRS: exclusions, recorded ones, those of its visits.

    What was found at a visit and is recorded as an event of the same day too is given once.
    """
    exclusions = [
        TreatmentEvent(0, EventKind.EXCLUSION, exclusion.value) for exclusion in lesion.exclusions
    ]
    dated_events = [
        TreatmentEvent(count_days(lesion.ssrs_last_date, event.date), event.kind, event.value)
        for event in lesion.events
    ]
    return (*exclusions, *dated_events, *find_visit_events(lesion, visits, dated_events))


def find_visit_events(
    lesion: Lesion, visits: Sequence[Visit], recorded_events: Iterable[TreatmentEvent]
) -> tuple[TreatmentEvent, ...]:
    """Return the events that follow from visits and are not among those recorded."""
    known_events = {(event.days_from_ssrs, event.kind) for event in recorded_events}
    events = [
        TreatmentEvent(count_days(lesion.ssrs_last_date, event.date), event.kind, event.value)
        for event in derive_events(visits, lesion.ssrs_first_date)
    ]
    return tuple(
        event for event in events if (event.days_from_ssrs, event.kind) not in known_events
    )
