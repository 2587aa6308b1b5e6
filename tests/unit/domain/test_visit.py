"""A visit holds only what it may hold, and its findings become dated events."""

from datetime import date
from decimal import Decimal

import pytest

from opp_mri.domain.timeline import EventKind
from opp_mri.domain.visit import EpiduralGrade, Visit, derive_events, select_latest_visits

FIRST = date(2024, 2, 1)


def visit(month: int, **findings: object) -> Visit:
    return Visit(lesion_id="L", visit_date=date(2024, month, 1), **findings)


def events(*visits: Visit) -> list[tuple[int, str, str]]:
    return [(e.date.month, e.kind.value, e.value) for e in derive_events(visits, FIRST)]


@pytest.mark.parametrize(
    "findings",
    [
        {"epidural_grade": "1d"},
        {"fracture": "old"},
        {"pain": 11},
        {"pain": -1},
        {"pain": 2.5},
        {"pain": True},
        {"height_loss_percent": "101"},
        {"height_loss_percent": 12.5},
        {"paraspinal_mm": "-1"},
        {"steroid": "yes"},
        {"neurology": "F"},
        {"global_call": "maybe"},
        {"pathology": "cells"},
        {"fracture": "none", "height_loss_percent": 20},
        {"confirmation_date": date(2024, 3, 1)},
    ],
)
def test_a_finding_that_cannot_be_is_refused(findings: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        visit(3, **findings)


def test_codes_become_members_and_lengths_exact_decimals() -> None:
    result = visit(3, epidural_grade="1b", paraspinal_mm="4.5", height_loss_percent=20)
    assert result.epidural_grade is EpiduralGrade.GRADE_1B
    assert (result.paraspinal_mm, result.height_loss_percent) == (Decimal("4.5"), Decimal(20))


def test_grades_have_an_order() -> None:
    assert [grade.value for grade in sorted(EpiduralGrade, key=lambda grade: grade.rank)] == [
        "0", "1a", "1b", "1c", "2", "3",
    ]  # fmt: skip


def test_a_new_or_progressive_fracture_is_an_event_and_none_is_not() -> None:
    result = events(visit(3, fracture="none"), visit(4, fracture="new"),
                   visit(6, fracture="progressive"))  # fmt: skip
    assert result == [(4, "fracture", "new"), (6, "fracture", "progressive")]


def test_diagnostic_pathology_is_an_event_with_its_result() -> None:
    result = events(visit(4, pathology="tumour"), visit(5, pathology="not_diagnostic"),
                   visit(6, pathology="no_tumour"))  # fmt: skip
    assert result == [(4, "pathology", "tumour"), (6, "pathology", "no_tumour")]


def test_epidural_growth_is_a_grade_above_that_before_treatment_and_told_once_a_grade() -> None:
    course = [visit(1, epidural_grade="1a"), visit(4, epidural_grade="1a"),
              visit(5, epidural_grade="1c"), visit(6, epidural_grade="1c"),
              visit(7, epidural_grade="2"), visit(8, epidural_grade="0")]  # fmt: skip
    assert events(*course) == [
        (5, "epidural_growth", "1a to 1c"), (7, "epidural_growth", "1c to 2"),
    ]  # fmt: skip


def test_without_a_grade_before_treatment_the_first_one_is_the_reference() -> None:
    assert events(visit(3, epidural_grade="2"), visit(5, epidural_grade="2")) == []
    assert events(visit(3, epidural_grade="2"), visit(5, epidural_grade="3")) != []


def test_the_latest_grade_before_treatment_is_the_reference() -> None:
    course = [visit(1, epidural_grade="1c"), visit(2, epidural_grade="0"),
              visit(5, epidural_grade="1a")]  # fmt: skip
    assert events(*course) == [(5, "epidural_growth", "0 to 1a")]


@pytest.mark.parametrize(("later", "grew"), [("5.9", False), ("6.0", True), ("2.0", False)])
def test_paraspinal_growth_is_two_millimetres_or_more(later: str, grew: bool) -> None:
    result = events(visit(1, paraspinal_mm="4.0"), visit(5, paraspinal_mm=later))
    assert [kind for _, kind, _ in result] == [EventKind.PARASPINAL_GROWTH.value] * grew


def test_the_latest_record_of_a_day_stands() -> None:
    first, second, third = visit(3, pain=1), visit(3, pain=4), visit(2, pain=0)
    assert select_latest_visits([first, third, second]) == (third, second)
