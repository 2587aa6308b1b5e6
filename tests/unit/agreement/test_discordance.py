"""Where two readers differ is found by rule, and the cause is named."""

from datetime import date
from decimal import Decimal

import attrs
import pytest
from fixtures.makers import NOON, make_planes

from opp_mri.agreement.discordance import (
    ANOTHER_LESION_MM,
    Cause,
    Discordance,
    Drawn,
    Limits,
    find_category_discordance,
    find_discordance,
)
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, Caliper, LengthSource, Reading

PLANES = make_planes(5)
FRONT, BACK = (100.0, 100.0), (120.0, 100.0)  # columns run to posterior, 1 mm each


def drawn(
    start: tuple[float, float] = FRONT,
    end: tuple[float, float] = BACK,
    *,
    place: int = 2,
    volume_id: str = "v1",
    **changes: object,
) -> Drawn:
    plane = PLANES[place]
    caliper = Caliper(
        sop_instance_uid=f"1.{place}", frame_number=1, start=start, end=end,
        start_lps_mm=plane.lps_from_pixel(*start), end_lps_mm=plane.lps_from_pixel(*end),
        frame_of_reference_uid=plane.frame_of_reference_uid,
    )  # fmt: skip
    reading = Reading(
        reading_id="r", lesion_id="L", sequence=SeriesRole.T1, reader="A",
        study_date=date(2024, 1, 15), answer=Answer.MEASURED,
        length_mm=Decimal(str(round(plane.measure_length_mm(start, end), 1))),
        length_source=LengthSource.GEOMETRY, caliper=caliper, recorded_at=NOON,
    )  # fmt: skip
    return Drawn(
        reading=attrs.evolve(reading, **changes), volume_id=volume_id, plane=plane,
        slice_thickness_mm=4.4,
    )  # fmt: skip


def said(answer: Answer, length: str | None = None) -> Drawn:
    changes = {"answer": answer, "length_mm": Decimal(length) if length else None, "caliper": None}
    return Drawn(reading=attrs.evolve(drawn().reading, **changes))


def found(first: Drawn, second: Drawn, **limits: object) -> Discordance | None:
    return find_discordance(first, second, Limits(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("second", "cause"),
    [
        (drawn(start=(97.5, 100.0)), Cause.ANTERIOR_END),
        (drawn(end=(122.5, 100.0)), Cause.POSTERIOR_END),
        (drawn(start=(97.5, 100.0), end=(122.5, 100.0)), Cause.BOTH_ENDS),
        (drawn(start=(102.5, 100.0), end=(122.5, 100.0)), Cause.BOTH_ENDS),  # the same length
        (drawn(start=(98.7, 100.0), end=(121.2, 100.0)), Cause.ANTERIOR_END),  # 1.3 and 1.2 mm
        (drawn(end=(119.0, 105.0)), Cause.ANGLE),
        (drawn(place=3), Cause.SLICE),
        (drawn(volume_id="v2"), Cause.SERIES),
        (drawn(start=(100.0, 130.0), end=(120.0, 130.0)), Cause.LESION),  # a vertebra lower
        (drawn(start=(100.0, 130.0), end=(120.0, 130.0), volume_id="v2"), Cause.LESION),
        (said(Answer.NOT_MEASURABLE), Cause.ANSWER),
        (said(Answer.GONE, "0.0"), Cause.ANSWER),
        (said(Answer.MEASURED, "24.0"), Cause.LENGTH),
    ],
)
def test_the_cause_is_named(second: Drawn, cause: Cause) -> None:
    discordance, reverse_discordance = found(drawn(), second), found(second, drawn())
    assert discordance is not None
    assert reverse_discordance is not None
    assert discordance.cause is reverse_discordance.cause is cause


@pytest.mark.parametrize(
    "second",
    [
        drawn(),
        drawn(start=BACK, end=FRONT),  # the same line, drawn the other way
        drawn(start=(98.0, 100.0)),  # just the limit
        drawn(end=(120.0, 101.9)),
        said(Answer.MEASURED, "22.0"),
    ],
)
def test_what_is_within_the_limits_agrees(second: Drawn) -> None:
    assert found(drawn(), second) is None


def test_two_who_find_it_not_measurable_agree() -> None:
    assert found(said(Answer.NOT_MEASURABLE), said(Answer.NOT_MEASURABLE)) is None


def test_the_numbers_are_in_millimetres_and_degrees() -> None:
    discordance = found(drawn(), drawn(start=(97.0, 101.0), place=3))
    assert discordance is not None
    assert discordance.slices_apart_mm == pytest.approx(4.4)
    assert discordance.anterior_mm == pytest.approx(10**0.5)
    assert discordance.posterior_mm == pytest.approx(0.0, abs=1e-9)
    assert discordance.angle_deg == pytest.approx(2.49, abs=0.01)
    assert discordance.difference_mm == Decimal("-3.0")


def test_limits_are_the_projects_to_set() -> None:
    second = drawn(start=(97.5, 100.0))
    assert found(drawn(), second, length_mm=Decimal("3.0")) is None
    assert found(drawn(), drawn(end=(119.0, 105.0)), angle_deg=45.0, length_mm=Decimal(9)) is None


def test_lines_nearer_to_different_lesions_are_told_so_however_near_they_are() -> None:
    first = attrs.evolve(drawn(), on_lesion_id="L1")
    second = drawn(start=(100.0, 104.0), end=(120.0, 104.0))
    for on, cause in (("L2", Cause.LESION), ("L1", Cause.BOTH_ENDS), (None, Cause.BOTH_ENDS)):
        discordance = found(first, attrs.evolve(second, on_lesion_id=on))
        assert discordance is not None
        assert discordance.cause is cause


def test_a_vertebra_apart_is_another_lesion_and_just_less_is_not() -> None:
    rows = {100.0 + ANOTHER_LESION_MM: Cause.BOTH_ENDS, 100.1 + ANOTHER_LESION_MM: Cause.LESION}
    for row, cause in rows.items():
        discordance = found(drawn(), drawn(start=(100.0, row), end=(120.0, row)))
        assert discordance is not None
        assert discordance.cause is cause


def test_another_slice_far_to_the_side_is_not_another_lesion() -> None:
    discordance = found(
        drawn(place=0), drawn(place=4)
    )  # 17.6 mm to the side, the same place in the image
    assert discordance is not None
    assert discordance.cause is Cause.SLICE


def test_in_another_frame_of_reference_only_the_series_can_be_told() -> None:
    second_reading = drawn(volume_id="v2")
    assert second_reading.reading.caliper is not None
    away = attrs.evolve(second_reading.reading.caliper, frame_of_reference_uid="1.2.3.8")
    discordance = found(
        drawn(),
        attrs.evolve(second_reading, reading=attrs.evolve(second_reading.reading, caliper=away)),
    )
    assert discordance is not None
    assert (discordance.cause, discordance.anterior_mm) == (Cause.SERIES, None)


def test_a_pair_within_the_limits_may_be_named_for_the_category_alone() -> None:
    discordance = find_category_discordance(drawn(), drawn(end=(121.5, 100.0)))
    assert discordance is not None
    assert (discordance.cause, discordance.difference_mm) == (Cause.CATEGORY, Decimal("-1.5"))
    assert discordance.posterior_mm == pytest.approx(1.5)
    assert find_category_discordance(drawn(), drawn()) is None
