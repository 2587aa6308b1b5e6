"""A fracture or epidural growth in the window is a caution next to an OPP, and decides nothing."""

from decimal import Decimal

import pytest

from opp_mri.domain.assessment import Caution, Criteria, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import EventKind, Observation, Timeline, TreatmentEvent
from opp_mri.response.cautions import describe_caution
from opp_mri.response.classify import classify

AMINI = Criteria(name="amini-2016")
FELL, GREW = ("20", "28", "20", "20"), ("20", "28", "29", "30")


def cautions(
    lengths: tuple[str, ...], kind: EventKind, day: int, value: str = "new"
) -> tuple[str, set[Caution]]:
    days = (-7, 70, 160, 260)
    timeline = Timeline(
        lesion_id="L",
        observations={
            SeriesRole.T1: tuple(
                Observation(day, Decimal(mm)) for day, mm in zip(days, lengths, strict=True)
            )
        },
        events=(TreatmentEvent(day, kind, value),),
    )
    answer = classify(timeline, Rules(criteria=AMINI))
    return answer.category.value, set(answer.cautions)


@pytest.mark.parametrize(
    ("kind", "caution"),
    [
        (EventKind.FRACTURE, Caution.FRACTURE_IN_WINDOW),
        (EventKind.EPIDURAL_GROWTH, Caution.EPIDURAL_GROWTH_IN_WINDOW),
    ],
)
def test_a_finding_in_the_window_is_a_caution_next_to_an_opp(
    kind: EventKind, caution: Caution
) -> None:
    for day, is_expected in ((1, True), (182, True), (0, False), (183, False)):
        category, cautions_found = cautions(FELL, kind, day)
        assert category == "OPP"
        assert (caution in cautions_found) is is_expected, day
    category, cautions_found = cautions(GREW, kind, 90)
    assert category == "PD"
    assert caution not in cautions_found
    assert "182 days" in describe_caution(caution, AMINI)


def test_a_fracture_event_that_says_there_is_none_is_no_caution() -> None:
    for value in ("none", "No"):
        _, cautions_found = cautions(FELL, EventKind.FRACTURE, 90, value)
        assert Caution.FRACTURE_IN_WINDOW not in cautions_found


def test_paraspinal_growth_is_no_such_caution() -> None:
    _, cautions_found = cautions(FELL, EventKind.PARASPINAL_GROWTH, 90)
    assert not cautions_found & {Caution.FRACTURE_IN_WINDOW, Caution.EPIDURAL_GROWTH_IN_WINDOW}


def test_a_caution_names_the_change_that_counts_by_the_criteria() -> None:
    criteria = Criteria(name="own", change_mm=Decimal("3.0"), window_days=100)
    assert "3.0 mm or more" in describe_caution(Caution.REGROWTH_FROM_NADIR, criteria)
    assert "more than 100 days" in describe_caution(Caution.LATE_ONSET, criteria)
