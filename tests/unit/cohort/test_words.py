"""Words of events: every kind has some, so that no event can end a figure or a page."""

from opp_mri.cohort.words import EVENT_WORDS
from opp_mri.domain.timeline import EventKind


def test_every_kind_of_event_has_words() -> None:
    assert set(EVENT_WORDS) == set(EventKind)
