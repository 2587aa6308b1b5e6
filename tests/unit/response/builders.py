"""Short ways to write timelines, and hypothesis strategies for them."""

from decimal import Decimal

from attrs import evolve
from hypothesis import strategies as st

from opp_mri.domain.assessment import Criteria
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    Observation,
    OtherBoneLesions,
    Timeline,
    TreatmentEvent,
)
from opp_mri.response.criteria import load_criteria

AMINI = load_criteria("amini-2016")
PLATEAU = load_criteria("plateau-variant")
CRITERIA = (
    AMINI,
    PLATEAU,
    evolve(AMINI, growth_inclusive=False, decline_inclusive=False),
    evolve(PLATEAU, change_mm=Decimal("0.75"), sustain_days=60, progression_min_studies=1),
)


def studies(**lengths: str) -> tuple[Observation, ...]:
    """Write studies as `d60="22.0"`, or `before7` for day -7."""
    days = {
        name: -int(name.removeprefix("before")) if name.startswith("before") else int(name[1:])
        for name in lengths
    }
    return tuple(Observation(days[name], Decimal(mm)) for name, mm in lengths.items())


def lesion(*events: TreatmentEvent, **sequences: tuple[Observation, ...]) -> Timeline:
    """Write a lesion as `lesion(T1=studies(...), T2FS=studies(...))`."""
    return Timeline(
        lesion_id="a lesion",
        observations={SeriesRole(name): row for name, row in sequences.items()},
        events=events,
    )


DAYS = st.sampled_from([-40, -5, 0, 30, 60, 90, 120, 144, 182, 200, 266, 365])
LENGTHS = st.integers(0, 70).map(lambda tenths: Decimal(tenths) / 10)
SEQUENCES = st.dictionaries(DAYS, LENGTHS, min_size=1, max_size=6).map(
    lambda by_day: tuple(Observation(day, by_day[day]) for day in sorted(by_day))
)
EVENT_DAYS = st.integers(-10, 370)
EVENTS = st.one_of(
    st.builds(TreatmentEvent, EVENT_DAYS, st.just(EventKind.SYSTEMIC_THERAPY_CHANGE)),
    st.builds(TreatmentEvent, EVENT_DAYS, st.just(EventKind.LOCAL_RETREATMENT)),
    st.builds(
        TreatmentEvent,
        EVENT_DAYS,
        st.just(EventKind.OTHER_BONE_LESIONS),
        st.sampled_from([one.value for one in OtherBoneLesions]),
    ),
)
EXCLUSIONS = st.builds(
    TreatmentEvent,
    EVENT_DAYS,
    st.just(EventKind.EXCLUSION),
    st.sampled_from([one.value for one in Exclusion]),
)
OBSERVATIONS = st.dictionaries(st.sampled_from(list(SeriesRole)), SEQUENCES, max_size=4)
TIMELINES = st.builds(
    Timeline,
    lesion_id=st.just("a lesion"),
    observations=OBSERVATIONS,
    events=st.lists(EVENTS, max_size=3).map(tuple),
)
TIMELINES_WITH_EXCLUSIONS = st.builds(
    Timeline,
    lesion_id=st.just("a lesion"),
    observations=OBSERVATIONS,
    events=st.lists(st.one_of(EVENTS, EXCLUSIONS), max_size=4).map(tuple),
)
ANY_CRITERIA: st.SearchStrategy[Criteria] = st.sampled_from(CRITERIA)
