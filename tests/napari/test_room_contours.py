"""Contours in the reading room: drawn by clicks, changed, undone, signed, and what they lead to."""

import math
from typing import TYPE_CHECKING

import pytest
from fixtures.makers import NOON
from fixtures.room_driver import Mouse, settle, sign_off
from fixtures.window_driver import canvas, place, press
from fixtures.window_driver import settle as wait_for
from opp_mri_napari.reading.basics.views import Button, MarkStyle, PointerKind
from opp_mri_napari.reading.contours.contouring import LESION_FIRST
from opp_mri_napari.reading.dialogs import Dialog
from opp_mri_napari.reading.presenter import ReadingRoom
from qtpy.QtCore import Qt

from opp_mri.domain.contour import VolumeReading, compute_area, compute_enclosed_area
from opp_mri.response.criteria import load_criteria
from opp_mri.workflow.assessing.respond import assess_project, load_project_rules
from opp_mri.workflow.measuring.signal_ratio import list_ratios
from opp_mri.workflow.project import Project

if TYPE_CHECKING:
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot


@pytest.fixture
def room(project: Project) -> ReadingRoom:
    room = ReadingRoom(project, "A", clock=lambda: NOON)
    settle(room)
    room.build_pane_views()
    settle(room)
    room.switches.proposals = False
    room.do_wish("contour")
    return room


def ring(
    centre: tuple[float, float], radius_mm: float, corners: int = 8
) -> list[tuple[float, float]]:
    """Places (down, across) on a circle, in mm."""
    return [
        (
            centre[0] + radius_mm * math.sin(2 * math.pi * n / corners),
            centre[1] + radius_mm * math.cos(2 * math.pi * n / corners),
        )
        for n in range(corners)
    ]


def draw(mouse: Mouse, radius_mm: float, middle: tuple[float, float] | None = None) -> None:
    """Draw freehand around a place, else the middle of a pane, and close by a key."""
    corners = ring(middle or mouse.view.centre, radius_mm, 24)
    mouse.press(corners[0])
    for corner in corners[1:]:
        mouse.move(corner)
    mouse.release(corners[-1])
    mouse.room.do_wish("confirm")
    settle(mouse.room)


def contours(room: ReadingRoom) -> VolumeReading | None:
    """What holds for the current cell."""
    assert room.panes.current is not None
    return room.contouring.find_reading(room.panes.current)


def test_a_contour_is_saved_as_it_is_closed(room: ReadingRoom, project: Project) -> None:
    draw(Mouse(room), 8.0)
    (reading,) = project.store.log_of(VolumeReading)
    (contour,) = reading.contours
    assert reading.draft
    assert len(contour.points) > 10
    assert "1 contour" in room.build_pane_views()[0].volume


def test_a_click_follows_the_edge_and_a_double_click_closes(room: ReadingRoom) -> None:
    mouse = Mouse(room)
    corners = ring(mouse.view.centre, 9.0, 4)
    for corner in corners:
        mouse.click(corner)
    mouse.move(corners[0])
    (outline,) = mouse.view.outlines
    assert not outline.closed
    assert len(outline.handles) == len(corners)
    assert len(outline.points) > 2 * len(corners)  # the path, not four straight sides
    mouse.do(PointerKind.DOUBLE, corners[-1], Button.LEFT)
    assert contours(room) is not None
    assert not room.contouring.busy
    (outline,) = mouse.view.outlines
    assert outline.closed


def test_undo_takes_back_a_click_and_then_the_contour(room: ReadingRoom) -> None:
    mouse = Mouse(room)
    draw(mouse, 8.0)
    room.do_wish("up")
    for corner in ring(mouse.view.centre, 8.0, 3):
        mouse.click(corner)
    for _ in range(3):
        assert room.contouring.busy
        room.do_wish("undo")
    assert not room.contouring.busy
    assert contours(room) is not None
    room.do_wish("undo")
    assert contours(room) is None
    room.do_wish("redo")
    assert contours(room) is not None


def test_a_dragged_point_takes_its_neighbors_along_and_leaves_the_far_side(
    room: ReadingRoom,
) -> None:
    mouse = Mouse(room)
    draw(mouse, 12.0)
    before = contours(room)
    down, across = mouse.view.centre
    mouse.drag((down, across + 12.0), (down, across + 15.0))
    settle(room)
    after = contours(room)
    assert before is not None
    assert after is not None
    corners = [
        math.dist(a, b)
        for a, b in zip(before.contours[0].points, after.contours[0].points, strict=True)
    ]
    assert max(corners) > 1
    assert sum(step == 0 for step in corners) > len(corners) / 2


def test_a_slice_between_contours_is_interpolated_and_dashed(room: ReadingRoom) -> None:
    mouse = Mouse(room)
    draw(mouse, 10.0)
    for _ in range(2):
        room.do_wish("up")
    draw(mouse, 8.0)
    room.do_wish("down")
    (outline,) = mouse.view.outlines
    assert outline.style is MarkStyle.CANDIDATE
    assert "2 contours, 1 interpolated" in mouse.view.volume


def test_backspace_deletes_the_contour_of_this_slice_alone(room: ReadingRoom) -> None:
    mouse = Mouse(room)
    draw(mouse, 10.0)
    room.do_wish("up")
    draw(mouse, 8.0)
    room.do_wish("withdraw")
    left = contours(room)
    assert left is not None
    assert len(left.contours) == 1
    room.do_wish("withdraw")
    assert room.navigation.hint == "This slice has no contour."


def test_a_lesion_has_parts_and_holes_on_a_slice_each_changed_and_taken_back_alone(
    room: ReadingRoom,
) -> None:
    mouse = Mouse(room)
    down, across = mouse.view.centre
    for middle, radius_mm in ((across - 12, 8.0), (across + 12, 6.0), (across - 12, 3.0)):
        draw(mouse, radius_mm, (down, middle))
    whole = contours(room)
    assert whole is not None
    assert len(whole.contours) == len(mouse.view.outlines) == 3
    assert "3 contours on 1 slice" in mouse.view.volume
    areas = [compute_area(contour.points, (1.0, 1.0)) for contour in whole.contours]
    parts = [contour.points for contour in whole.contours]
    assert compute_enclosed_area(parts, (1.0, 1.0)) == pytest.approx(areas[0] + areas[1] - areas[2])
    mouse.drag((down, across + 18), (down, across + 20))
    settle(room)
    changed_reading = contours(room)
    assert changed_reading is not None
    assert len(set(whole.contours) & set(changed_reading.contours)) == 2  # the island alone
    mouse.move((down, across + 12))
    room.do_wish("withdraw")
    left = contours(room)
    assert left is not None
    assert set(left.contours) == {whole.contours[0], whole.contours[2]}
    draw(mouse, 8.0, (down, across - 6))
    assert "cross or touch" in room.navigation.hint
    assert contours(room) == left
    room.do_wish("cancel")
    room.do_wish("undo")
    restored_reading = contours(room)
    assert restored_reading is not None
    assert restored_reading.contours == changed_reading.contours


def test_a_contour_that_crosses_itself_stays_open_and_says_why(room: ReadingRoom) -> None:
    mouse = Mouse(room)
    down, across = mouse.view.centre
    mouse.press((down - 8, across - 8))
    for corner in ((down + 8, across + 8), (down + 8, across - 8), (down - 8, across + 8)):
        mouse.move(corner)
    mouse.release((down - 8, across + 8))
    room.do_wish("confirm")
    assert "crosses itself" in room.navigation.hint
    assert room.contouring.busy
    assert contours(room) is None
    room.do_wish("cancel")
    assert not room.contouring.busy


def test_calipers_work_as_before_once_their_tool_is_chosen_again(room: ReadingRoom) -> None:
    mouse = Mouse(room)
    draw(mouse, 8.0)
    room.do_wish("contour")
    down, across = mouse.view.centre
    mouse.drag((down, across - 5), (down, across + 5))
    pane = room.panes.current
    assert pane is not None
    assert room.calipers.find_line(pane) is not None
    assert contours(room) is not None
    room.do_wish("undo")
    assert room.calipers.find_line(pane) is None
    assert contours(room) is not None


@pytest.mark.window
def test_contours_drawn_in_the_window_are_assessed_by_a_profile_of_volumes(
    window: "RoomWindow", project: Project, qtbot: "QtBot"
) -> None:
    """From mouse and keys to the category: two slices at the baseline and at two follow-ups."""
    left, room = Qt.MouseButton.LeftButton, window.room
    press(window, qtbot, Qt.Key.Key_T)
    panes = [0, 1, 2]
    for pane, radius_mm in zip(panes, (8.0, 12.0, 13.0), strict=True):
        pane_canvas = canvas(window, pane)
        for _ in range(2):
            corners = [
                place(window, across, down, pane) for down, across in ring((0, 0), radius_mm, 12)
            ]
            qtbot.mousePress(pane_canvas, left, pos=corners[0])
            for corner in corners[1:]:
                qtbot.mouseMove(pane_canvas, corner)
            qtbot.mouseRelease(pane_canvas, left, pos=corners[-1])
            press(window, qtbot, Qt.Key.Key_Return)
            press(window, qtbot, Qt.Key.Key_Up)
    wait_for(window, qtbot)
    words = [room.build_pane_views()[pane].volume for pane in panes]
    assert all("2 contours" in text for text in words), words
    sign_off(room)
    settle(room)
    rules = load_project_rules(project, load_criteria("maralani-2021"))
    (lesion,) = assess_project(project, rules)
    (volumes,) = lesion.timeline.volumes.values()
    assert [f"{study.volume_cc} cc" for study in volumes] == [text.split(",")[0] for text in words]
    assert volumes[1].volume_cc > 2 * volumes[0].volume_cc
    assert lesion.is_measured
    assert lesion.assessment.category.value == "PD"


def test_a_reference_vertebra_is_named_drawn_and_gives_a_t2_ratio(
    room: ReadingRoom, project: Project
) -> None:
    room.do_wish("t2")
    room.build_pane_views()
    settle(room)
    mouse = Mouse(room)
    room.do_wish("reference")
    assert room.navigation.hint == LESION_FIRST
    draw(mouse, 8.0)
    down, across = mouse.view.centre
    room.do_wish("reference")
    assert room.contouring.reference_level == "T12"  # L2 was irradiated, and L1 borders on it
    room.do_wish("reference")
    assert room.contouring.reference_level == "L4"
    assert "reference vertebra L4" in room.build_status().tool
    draw(mouse, 6.0, (down + 60.0, across))
    reading = contours(room)
    assert reading is not None
    assert reading.reference is not None
    assert (reading.reference.level, len(reading.reference.contours)) == ("L4", 1)
    assert len(reading.contours) == 1
    assert room.build_pane_views()[0].volume.splitlines()[1].startswith("T2 ratio ")
    assert {outline.style for outline in mouse.view.outlines} == {
        MarkStyle.OWN,
        MarkStyle.CANDIDATE,
    }
    room.do_wish("contour")  # the lesion's again: its contours change, the reference stays
    room.do_wish("up")
    draw(mouse, 8.0)
    after = contours(room)
    assert after is not None
    assert after.reference == reading.reference
    assert list_ratios(project.store) == []  # a draft counts nowhere
    assert room.sign_off().drafts[0].endswith("; reference L4, 1 contour")  # what is signed
    sign_off(room)
    settle(room)
    (reading_ratio,) = list_ratios(project.store)
    assert reading_ratio.ratio is not None
    assert f"T2 ratio {reading_ratio.ratio.ratio:.2f} to L4" in room.build_pane_views()[0].volume
    room.do_wish("reference")
    room.do_wish("down")
    room.do_wish("withdraw")
    assert room.dialog is Dialog.REASON  # it is signed


def test_a_reference_is_refused_on_t1(room: ReadingRoom) -> None:
    draw(Mouse(room), 8.0)
    room.do_wish("reference")
    assert room.navigation.hint.startswith("T1 is not T2-weighted")
    assert not room.contouring.reference_level
