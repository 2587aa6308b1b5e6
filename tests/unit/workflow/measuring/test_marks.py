"""Axes, levels and common points are undone and made again in turn with answers."""

from datetime import date, datetime, timedelta

import attrs
from fixtures.makers import NOON

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, CommonPoint, Edit, LevelConfirmation, Reading
from opp_mri.workflow.measuring.marks import Mark, find_redo, find_undo, select_in_force
from opp_mri.workflow.measuring.native_reading import build_reading


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def confirm(frame: str, seconds: int, edit: Edit = Edit.MADE) -> LevelConfirmation:
    return LevelConfirmation(
        lesion_id="L", reader="A", frame_of_reference_uid=frame, point_lps_mm=(0.0, 0.0, 0.0),
        recorded_at=at(seconds), edit=edit,
    )  # fmt: skip


def draft(seconds: int, edit: Edit = Edit.MADE) -> Reading:
    reading = build_reading(
        "L", "A", (date(2024, 1, 15), SeriesRole.T1), Answer.GONE, at=at(seconds)
    )
    return attrs.evolve(reading, reading_id=str(seconds), draft=True, edit=edit)


def test_what_was_undone_does_not_hold_and_what_was_made_again_does() -> None:
    marks = [confirm("1", 0), confirm("2", 1), confirm("1", 2, Edit.UNDONE)]
    assert select_in_force(marks) == marks[1:2]
    marks.append(confirm("1", 3, Edit.REDONE))
    assert [mark.frame_of_reference_uid for mark in select_in_force(marks)] == ["2", "1"]


def test_of_equal_marks_an_undo_takes_back_one() -> None:
    marks = [confirm("1", 0), confirm("1", 1), confirm("1", 2, Edit.UNDONE)]
    assert select_in_force(marks) == marks[:1]


def test_the_latest_of_answers_and_marks_is_undone_first() -> None:
    first, answer, second = confirm("1", 0), draft(1), confirm("2", 2)
    marks: list[Mark] = [first, second]
    assert find_undo([answer], (), marks, None) == second
    marks.append(confirm("2", 3, Edit.UNDONE))
    assert find_undo([answer], (), marks, None) == answer
    log = [answer, draft(4, Edit.UNDONE)]
    assert find_undo(log, (), marks, None) == first
    assert find_redo(log, (), marks, None) == answer
    log.append(draft(5, Edit.REDONE))
    assert find_redo(log, (), marks, None) == second


def test_after_something_new_nothing_is_made_again() -> None:
    marks: list[Mark] = [confirm("1", 0), confirm("1", 1, Edit.UNDONE)]
    assert find_redo([], (), marks, None) == marks[0]
    assert find_redo([draft(2)], (), marks, None) is None
    assert find_undo([], (), marks, None) is None


def test_a_signature_ends_what_can_be_undone() -> None:
    answer, level, later = draft(0), confirm("1", 1), confirm("2", 3)
    assert find_undo([answer], {answer.reading_id}, [level, later], at(2)) == later
    assert find_undo([answer], {answer.reading_id}, [level], at(2)) is None


def test_marks_of_two_kinds_are_kept_apart() -> None:
    level = confirm("1", 0)
    point = CommonPoint(
        patient_id="P", reader="A", frame_of_reference_uid="1", point_lps_mm=(0.0, 0.0, 0.0),
        other_frame_of_reference_uid="2", other_point_lps_mm=(0.0, 0.0, 0.0), recorded_at=at(1),
    )  # fmt: skip
    undone = attrs.evolve(point, edit=Edit.UNDONE, recorded_at=at(2))
    assert find_undo([], (), [level, point, undone], None) == level
