"""What happened to a lesion, by day from SSRS, and its time to each event that is analysed.

Every lesion that was eligible on day 0 has a time and a status in every endpoint, however short its
follow-up: to leave it out for what came later would use the future.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from attrs import frozen

from opp_mri.cohort.statistics.endpoints import EventDay, IntervalDay
from opp_mri.cohort.statistics.members import PAPER_ANSWERS, find_exclusion_reason
from opp_mri.domain.assessment import Reason, ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.course import Course, find_retreatment_day
from opp_mri.units import count_days

DEATH_WITHIN_DAYS: Final = 182
"""A later death is not a competing event: two visits, 3 months apart, had been missed before it."""
AT_RISK_REASONS: Final = frozenset({None, Reason.NO_FOLLOW_UP, Reason.FOLLOW_UP_UNDER_6_MONTHS})


class Endpoint(StrEnum):
    """What a lesion, or its patient, is free of."""

    OPP_FREE = "opp_free"
    PROGRESSION_FREE = "progression_free"
    LOCAL_CONTROL = "local_control"
    FRACTURE_FREE = "fracture_free"
    SURVIVAL = "survival"


GROWTH_ENDPOINTS: Final = frozenset(
    {Endpoint.OPP_FREE, Endpoint.PROGRESSION_FREE, Endpoint.LOCAL_CONTROL}
)


class Cause(StrEnum):
    """The first event of a lesion, where events compete."""

    OPP = "opp"
    LOCAL_FAILURE = "local_failure"
    DEATH = "death"
    CENSORED = "censored"


@frozen(kw_only=True)
class LesionEvents:
    """What happened to a lesion, by day from the completion of SSRS.

    Parameters
    ----------
    opp
        First growth of a lesion called OPP, or that was called OPP before it progressed.
    progression
        First growth that is not pseudoprogression; after an OPP, or a fall back to baseline, the
        first growth after the fall.
    unresolved
        Whether it grew and its category is not known: too short a follow-up, a retreatment before
        the answer, or not yet.
    open_day
        First growth of an unresolved lesion that may still be pseudoprogression: its times to OPP,
        progression and local failure end there without an event. None where it was retreated, or
        grew first after the window for OPP and still does: then it counts as progression.
    growth_day
        First growth of any kind.
    retreatment_day, fracture_day, death_day
        None where there was none.
    last_day
        Last follow-up that counts on a sequence with a baseline; 0 without one.
    last_alive_day
        Last day on which the patient is known to have lived.
    studies
        Days of the follow-ups that count.
    """

    opp: IntervalDay | None
    progression: IntervalDay | None
    unresolved: bool
    open_day: int | None
    growth_day: int | None
    retreatment_day: int | None
    fracture_day: int | None
    death_day: int | None
    last_day: int
    last_alive_day: int
    studies: tuple[int, ...]

    @property
    def local_failure_day(self) -> int | None:
        """Day of the progression or the retreatment, whichever came first."""
        days = [self.retreatment_day, self.progression.day if self.progression else None]
        return min((day for day in days if day is not None), default=None)

    def find_competing_death_day(self, within_days: int) -> int | None:
        """Day of a death that ended the follow-up; None for one long after the last study."""
        if self.death_day is None or self.retreatment_day is not None:
            return None
        return self.death_day if 0 <= self.death_day - self.last_day <= within_days else None


@frozen(kw_only=True)
class Ending:
    """How the time of a lesion to one event ended.

    Parameters
    ----------
    day, event
        For Kaplan-Meier and Cox: day of the event, or the last day known to be without it.
    first_day, cause
        Where other events compete: the first of them, or the last day; 0 censored, 1 the event, 2
        another event.
    after_day
        Day of the study before the event, which is interval-censored by the visits.
    """

    day: int
    event: bool
    first_day: int
    cause: int
    after_day: int | None = None


def is_at_risk(lesion: AssessedLesion) -> bool:
    """Return whether a lesion was eligible on day 0: it has a baseline and no criterion failed."""
    return find_exclusion_reason(lesion) in AT_RISK_REASONS


def gather_events(
    assessed_lesion: AssessedLesion, *, event_at: EventDay = EventDay.FIRST_GROWTH
) -> LesionEvents:
    """Gather what happened to a lesion.

    Parameters
    ----------
    one
        A lesion that was eligible on day 0.
    event_at
        The study at which OPP and progression are set.

    Notes
    -----
    The paper says neither where its OPP-free survival begins nor on which day OPP occurs. Here time
    runs from the completion of SSRS, as all of the paper's times do, and the event is the first
    follow-up that shows the growth. Whether a growth was pseudoprogression is known only later. A
    growth whose answer is not known counts as progression where the lesion was retreated, or grew
    first after the window for OPP, and the last follow-up still shows the growth. Otherwise what it
    is remains open, and its time ends with it; the numbers are given with the curves.
    """
    courses = assessed_lesion.courses
    last_day = max((course.last_day for _, course in courses.values()), default=0)
    lesion, events = assessed_lesion.lesion, assessed_lesion.timeline.events
    death_day = (
        None if lesion.death_date is None
        else count_days(lesion.ssrs_last_date, lesion.death_date)
    )  # fmt: skip
    contact_day = (
        0 if lesion.last_contact_date is None
        else count_days(lesion.ssrs_last_date, lesion.last_contact_date)
    )  # fmt: skip
    retreatment_day = find_retreatment_day(assessed_lesion.timeline)
    study_days = [
        o.days_from_ssrs for row in assessed_lesion.timeline.observations.values() for o in row
    ]
    fractures = [
        event.days_from_ssrs
        for event in events
        if event.kind is EventKind.FRACTURE
        and event.days_from_ssrs > 0
        and event.is_finding
        and (retreatment_day is None or event.days_from_ssrs <= retreatment_day)
    ]
    opp, progression, is_unresolved = _find_growth(assessed_lesion, courses, event_at)
    growth_days = [course.days[course.grown[0]] for _, course in courses.values() if course.grew]
    return LesionEvents(
        opp=opp,
        progression=progression,
        unresolved=is_unresolved,
        open_day=(
            min(growth_days, default=None)
            if is_unresolved and progression is None and retreatment_day is None
            else None
        ),
        growth_day=min(growth_days, default=None),
        retreatment_day=retreatment_day,
        fracture_day=min(fractures, default=None),
        death_day=death_day,
        last_day=last_day,
        last_alive_day=max([0, contact_day, last_day, *study_days, retreatment_day or 0]),
        studies=tuple(sorted({day for _, course in courses.values() for day in course.days})),
    )


def find_ending(
    events: LesionEvents, endpoint: Endpoint, *, death_within_days: int = DEATH_WITHIN_DAYS
) -> Ending:
    """Return the time of a lesion to an event, and how it ended.

    Notes
    -----
    For the time to OPP a lesion that progressed is censored at its last follow-up, so that every
    censoring of the paper's cohort comes after 6 months, as the log-rank bound of 0.0060 from its
    counts supposes. With competing events the first ends the time: for OPP progression, retreatment
    and death; for progression and fracture retreatment and death; for local failure death.
    """
    opp, progression, retreatment_day = events.opp, events.progression, events.retreatment_day
    death_day = events.find_competing_death_day(death_within_days)
    last_day, after_day = events.last_day, None
    own: int | None
    competing: list[int | None]
    match endpoint:
        case Endpoint.OPP_FREE:
            own, after_day = (opp.day, opp.after_day) if opp else (None, None)
            competing = [progression.day if progression else None, retreatment_day, death_day]
        case Endpoint.PROGRESSION_FREE:
            own, after_day = (
                (progression.day, progression.after_day) if progression else (None, None)
            )
            competing = [retreatment_day, death_day]
        case Endpoint.LOCAL_CONTROL:
            own, competing = events.local_failure_day, [death_day]
            if progression and own == progression.day:
                after_day = progression.after_day
        case Endpoint.FRACTURE_FREE:
            own, competing = events.fracture_day, [retreatment_day, death_day]
        case Endpoint.SURVIVAL:
            own, competing, last_day = events.death_day, [], events.last_alive_day
    if events.open_day is not None and endpoint in GROWTH_ENDPOINTS:
        own, competing, last_day = None, [], events.open_day
    first, cause = _find_first([(own, 1), *((day, 2) for day in competing)], last_day)
    return Ending(
        day=last_day if own is None else own,
        event=own is not None,
        first_day=first,
        cause=cause,
        after_day=after_day,
    )


def find_first_event(
    events: LesionEvents, *, death_within_days: int = DEATH_WITHIN_DAYS
) -> tuple[int, Cause]:
    """Return the first of OPP, local failure and death, or the last follow-up without any."""
    causes = (Cause.CENSORED, Cause.OPP, Cause.LOCAL_FAILURE, Cause.DEATH)
    days = (
        events.opp.day if events.opp else None,
        events.local_failure_day,
        events.find_competing_death_day(death_within_days),
    )
    if events.open_day is not None:
        return events.open_day, Cause.CENSORED
    day, cause = _find_first([(day, n) for n, day in enumerate(days, 1)], events.last_day)
    return day, causes[cause]


def find_worst_ending(endings: Iterable[Ending]) -> Ending:
    """Return the time of a patient: the first event of any lesion, or else the longest follow-up.

    Each lesion keeps its own day 0.
    """
    several: Sequence[Ending] = list(endings)
    had = [ending for ending in several if ending.event]
    if not had:
        return max(several, key=lambda ending: ending.day)
    return min(had, key=lambda ending: ending.day)


def _find_first(events: Iterable[tuple[int | None, int]], last_day: int) -> tuple[int, int]:
    return min(((day, cause) for day, cause in events if day is not None), default=(last_day, 0))


def _find_growth(
    lesion: AssessedLesion,
    courses: Mapping[SeriesRole, tuple[int, Course]],
    event_at: EventDay,
) -> tuple[IntervalDay | None, IntervalDay | None, bool]:
    """Return the day of OPP, of progression, and whether the answer is open."""
    category, deciding_sequence = lesion.assessment.category, lesion.assessment.deciding_sequence
    window_days = lesion.assessment.criteria.window_days
    has_retreatment = find_retreatment_day(lesion.timeline) is not None
    has_paper_answer = category in PAPER_ANSWERS
    decides = None if deciding_sequence is None else courses.get(deciding_sequence)
    if decides is None or (not has_paper_answer and not decides[1].grew):
        growing_courses = [
            decision for decision in courses.values() if decision[1].grew and not has_paper_answer
        ]
        decides = min(
            growing_courses,
            key=lambda decision: decision[1].days[decision[1].grown[0]],
            default=None,
        )
    if decides is None:
        return None, None, False
    baseline_day, course = decides
    if not course.grew:  # a growth from the nadir is PD by some criteria
        regrowth_places = course.regrown_from_smallest
        if category is ResponseCategory.PD and regrowth_places:
            return None, _build_interval(baseline_day, course, regrowth_places[0]), False
        return None, None, False
    first = course.grown[0] if event_at is EventDay.FIRST_GROWTH else course.peak
    if category is ResponseCategory.OPP:
        return _build_interval(baseline_day, course, first), None, False
    lasts = course.last_grew and not course.fallen
    if not has_paper_answer and not (
        lasts and (has_retreatment or course.days[course.grown[0]] > window_days)
    ):
        return None, None, True
    fell_at = course.nadir if lasts else None
    called_opp = fell_at is not None and any(
        label.category is ResponseCategory.OPP
        for label in lesion.labels
        if label.days_from_ssrs <= course.days[fell_at]
    )
    place = (
        first if fell_at is None else _find_growth_after_fall(course, fell_at, called_opp) or first
    )
    opp = _build_interval(baseline_day, course, course.grown[0]) if called_opp else None
    return opp, _build_interval(baseline_day, course, place), not has_paper_answer


def _find_growth_after_fall(course: Course, nadir: int, called_opp: bool) -> int | None:
    """Return the first growth after a fall that was called OPP, or that ended at the baseline."""
    if nadir in course.grown and not called_opp:
        return None
    later = [place for place in course.grown if place > nadir]
    regrowth_places = [
        place
        for place in later
        if course.is_growth(course.changes_mm[place] - course.changes_mm[nadir])
    ]
    return next(iter(regrowth_places or later), None)


def _build_interval(baseline_day: int, course: Course, place: int) -> IntervalDay:
    days = [baseline_day, *course.days]
    return IntervalDay(after_day=days[place], day=days[place + 1])
