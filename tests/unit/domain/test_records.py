"""Records hold members, exact numbers, and strings that name members; all else is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.domain.assessment import Criteria, Mode, Plateau, Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LengthSource, LesionEvent, Reading
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    Observation,
    OtherBoneLesions,
    Timeline,
    TreatmentEvent,
)
from opp_mri.response.classify import classify
from opp_mri.response.criteria import load_criteria

AMINI = load_criteria("amini-2016")
DECLINE = {-7: "20.0", 60: "24.0", 200: "20.0"}


def as_members(therapy_day: int, member: OtherBoneLesions, mode: Mode) -> tuple[Timeline, Rules]:
    timeline = Timeline(
        lesion_id="a lesion",
        observations={
            SeriesRole.T1: tuple(Observation(day, Decimal(mm)) for day, mm in DECLINE.items())
        },
        events=(
            TreatmentEvent(therapy_day, EventKind.SYSTEMIC_THERAPY_CHANGE),
            TreatmentEvent(therapy_day + 1, EventKind.OTHER_BONE_LESIONS, member.value),
        ),
    )
    return timeline, Rules(criteria=AMINI, mode=mode)


def as_strings(therapy_day: int, behaviour: OtherBoneLesions, mode: Mode) -> tuple[Timeline, Rules]:
    timeline = Timeline(
        lesion_id="a lesion",
        observations={"T1": [Observation(day, mm) for day, mm in DECLINE.items()]},
        events=[
            TreatmentEvent(therapy_day, "systemic_therapy_change"),
            TreatmentEvent(therapy_day + 1, "other_bone_lesions", str(behaviour)),
        ],
    )
    return timeline, Rules(criteria=AMINI, mode=str(mode))


@given(
    therapy_day=st.integers(-10, 210),
    behaviour=st.sampled_from(OtherBoneLesions),
    mode=st.sampled_from(Mode),
)
def test_strings_and_members_give_the_same_answer(therapy_day, behaviour, mode) -> None:
    arguments = (therapy_day, behaviour, mode)
    assert as_strings(*arguments) == as_members(*arguments)
    assert classify(*as_strings(*arguments)) == classify(*as_members(*arguments))


@given(word=st.text(max_size=30))
def test_a_word_is_the_name_of_a_member_or_is_refused(word) -> None:
    for make, members in (
        (lambda: Rules(criteria=AMINI, mode=word).mode, Mode),
        (lambda: TreatmentEvent(60, word).kind, (
            EventKind.SYSTEMIC_THERAPY_CHANGE, EventKind.LOCAL_RETREATMENT, EventKind.FRACTURE,
            EventKind.EPIDURAL_GROWTH, EventKind.PARASPINAL_GROWTH,
        )),
        (lambda: evolve(AMINI, plateau=word).plateau, Plateau),
    ):  # fmt: skip
        if word in list(members):
            assert make() in list(members)
        else:
            with pytest.raises(ValueError, match=r"."):
                make()


def test_a_mode_as_a_string_is_not_taken_for_the_other_mode() -> None:
    timeline = Timeline(
        lesion_id="a lesion",
        observations={"T1": (Observation(0, "20.0"), Observation(100, "25.0"))},
    )
    assert str(classify(timeline, Rules(criteria=AMINI, mode="prospective")).category) == (
        "INDETERMINATE"
    )


@pytest.mark.parametrize("number", [2.0, 20.5, float("nan"), True, None, b"2", [2]])
def test_a_length_is_never_taken_from_a_binary_fraction_or_from_no_number(number) -> None:
    with pytest.raises(TypeError, match="a Decimal, a text"):
        Observation(60, number)
    with pytest.raises(TypeError, match="a Decimal, a text"):
        Criteria(name="own", change_mm=number)


@pytest.mark.parametrize("length", ["-0.1", "1000", "nan", "inf", "", "2,5", "1e-30", 5000])
def test_a_length_is_finite_not_negative_and_below_a_metre(length) -> None:
    with pytest.raises(ValueError, match=r"."):
        Observation(60, length)


@pytest.mark.parametrize("length", [Decimal("20.50"), "20.50", 20])
def test_a_length_keeps_its_digits(length) -> None:
    assert str(Observation(60, length).ap_mm) == str(length)


@pytest.mark.parametrize("day", [60.0, "60", True, None])
def test_a_day_is_a_whole_number(day) -> None:
    with pytest.raises(TypeError, match="a whole number of days"):
        Observation(day, "20.0")


@pytest.mark.parametrize("day", [40_000, -40_000])
def test_a_day_lies_within_a_hundred_years_of_radiosurgery(day) -> None:
    with pytest.raises(ValueError, match="within 36525 days"):
        TreatmentEvent(day, EventKind.FRACTURE)


@pytest.mark.parametrize(
    "kind", [EventKind.OTHER_BONE_LESIONS, EventKind.EXCLUSION, "other_bone_lesions", "exclusion"]
)
def test_an_event_that_needs_a_value_is_refused_without_one_that_it_knows(kind) -> None:
    for value in ("", "grown", "Cement"):
        with pytest.raises(ValueError, match="not a valid"):
            TreatmentEvent(60, kind, value)
        with pytest.raises(ValueError, match="not a valid"):
            LesionEvent(date=date(2020, 1, 1), kind=kind, value=value)


def test_an_event_takes_the_members_of_its_values() -> None:
    assert TreatmentEvent(0, "exclusion", Exclusion.CEMENT).value == "cement"


@pytest.mark.parametrize("parameter", [
    {"min_follow_up_days": -1}, {"sustain_days": 84.0}, {"window_days": "182"},
    {"progression_min_studies": 0}, {"progression_min_studies": 2.0}, {"growth_inclusive": "no"},
    {"plateau": "SD"}, {"change_mm": 0}, {"change_mm": "-2"},
])  # fmt: skip
def test_criteria_hold_only_what_the_rules_can_apply(parameter) -> None:
    with pytest.raises((TypeError, ValueError)):
        Criteria(name="own", **parameter)


def test_rules_are_made_of_criteria_not_of_their_name() -> None:
    with pytest.raises(TypeError):
        Rules(criteria="amini-2016")


def test_a_reading_converts_its_answer_and_sequence() -> None:
    reading = Reading(
        reading_id="1", lesion_id="a lesion", sequence="T1", reader="A",
        study_date=date(2020, 1, 1), answer="measured", length_mm="20.5",
        length_source="imported", recorded_at=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert reading.sequence is SeriesRole.T1
    assert reading.answer is Answer.MEASURED
    assert reading.length_source is LengthSource.IMPORTED
    assert reading.length_mm == Decimal("20.5")
