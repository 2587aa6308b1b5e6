"""Good fits that wait: looked at in the panes, and confirmed together."""

import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.makers import NOON
from fixtures.room_driver import settle
from fixtures.small_study import declare
from fixtures.window_driver import canvas, drag, place, press
from fixtures.window_driver import settle as wait_for
from opp_mri_napari.fits.presenter import FitReviewPresenter
from opp_mri_napari.reading.basics.views import MarkStyle
from opp_mri_napari.reading.presenter import ReadingRoom
from opp_mri_napari.reading.waiting_fits import LOOK_FIRST, LOOKED_AT_S, NONE_WAITS, WaitingFits
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication

from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.measurement import Answer
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.cells import CellStatus
from opp_mri.workflow.project import Project, open_project
from opp_mri.workflow.registration.decisions import decide

if TYPE_CHECKING:
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

SHIFT = Qt.KeyboardModifier.ShiftModifier
MOST_ACTIONS = 20  # of a patient of 15 cells, fits included
MOST_BLINDED_ACTIONS = 30  # levels included


class Watch:
    """A stopwatch that a test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def room(project: Project, watch: Watch) -> ReadingRoom:
    room = ReadingRoom(project, "A", clock=lambda: NOON)
    settle(room)
    room.waiting_fits = WaitingFits(room.session, room.panes, room.navigation, watch)
    return room


def press_key(room: ReadingRoom) -> None:
    room.waiting_fits.look_or_confirm()
    room.build_pane_views()
    room.waiting_fits.note_images()
    settle(room)


def decisions(project: Project) -> list[FitDecision]:
    return [
        decision.decision
        for fit_decision in project.store.get_alignment_decisions().values()
        for decision in fit_decision
    ]


def test_panes_are_shown_along_the_fits_and_say_that_these_are_proposed(
    room: ReadingRoom, project: Project
) -> None:
    before = [view.level for view in room.build_pane_views()]
    assert all(level is not None and level.place is None for level in before[1:])
    press_key(room)
    views = room.build_pane_views()
    assert views[0].level == before[0]
    for view in views[1:]:
        assert view.level is not None
        assert (view.level.text, view.level.confirmed) == ("L2?", False)
        assert view.level.place == pytest.approx(view.centre, abs=3.0)
        assert view.link_note == "fit waits: count levels, Shift+V confirms"
        assert not any(mark.style is MarkStyle.GHOST for mark in view.marks)
    assert decisions(project) == []


def test_the_second_press_confirms_one_fit_for_each_visit_and_then_panes_are_linked(
    room: ReadingRoom, project: Project, watch: Watch
) -> None:
    press_key(room)
    watch.seconds = LOOKED_AT_S
    press_key(room)
    assert decisions(project) == [FitDecision.CONFIRMED] * 4
    assert {view.level.text for view in room.build_pane_views() if view.level} == {"L2"}
    assert all(room.panes.is_linked(pane) for pane in room.panes.panes)
    assert room.build_status().hint == "4 fits confirmed."
    press_key(room)
    assert room.build_status().hint == NONE_WAITS


def test_a_key_that_comes_too_early_confirms_nothing(
    room: ReadingRoom, project: Project, watch: Watch
) -> None:
    press_key(room)
    watch.seconds = LOOKED_AT_S - 0.1
    press_key(room)
    assert decisions(project) == []
    assert room.build_status().hint == LOOK_FIRST


@pytest.mark.parametrize("leave", ["cancel", "reload"])
def test_what_was_left_is_not_confirmed_by_the_next_press(
    room: ReadingRoom, project: Project, watch: Watch, leave: str
) -> None:
    press_key(room)
    watch.seconds = LOOKED_AT_S
    if leave == "cancel":
        room.do_wish("cancel")
        assert {view.level.text for view in room.build_pane_views()[1:] if view.level} == {"L2?"}
    else:
        room.navigation.reload()
        settle(room)
    press_key(room)
    assert decisions(project) == []


def test_a_visit_of_which_a_fit_was_rejected_is_left_to_the_window_of_fits(
    room: ReadingRoom, project: Project
) -> None:
    day = room.panes.panes[2].study_date
    fit = next(fit for fit in project.store.get_alignments() if fit.followup_study_date == day)
    decide(project.store, fit.fit_id, FitDecision.REJECTED, reader="A", reason="x", at=NOON)
    room.navigation.reload()
    settle(room)
    press_key(room)
    have_places = [view.level.place is not None for view in room.build_pane_views() if view.level]
    assert have_places == [True, True, False, True, True]


def test_a_room_takes_what_was_decided_in_its_own_fit_window_for_its_own(
    room: ReadingRoom, project: Project
) -> None:
    fits = FitReviewPresenter(project, "A", write=room.session.write, stopwatch=count().__next__)
    fits.reject()
    fits.give_reason("wrong level")
    assert decisions(project) == [FitDecision.REJECTED]
    room.look_for_changes()
    settle(room)
    assert "Another window" not in room.build_status().hint
    elsewhere = FitReviewPresenter(project, "A", stopwatch=count().__next__)
    elsewhere.go_to_next()
    elsewhere.reject()
    elsewhere.give_reason("motion")
    room.look_for_changes()
    settle(room)
    assert "Another window recorded something" in room.build_status().hint


@pytest.mark.window
def test_a_key_that_was_pressed_while_the_machine_drew_the_fits_confirms_nothing(
    project: Project,
    open_window: Callable[..., "RoomWindow"],
    qtbot: "QtBot",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = open_window(project)
    draw = window.grid.show_views

    def draw_slowly(*views: object) -> None:
        draw(*views)  # type: ignore[arg-type]
        time.sleep(LOOKED_AT_S + 0.1)

    monkeypatch.setattr(window.grid, "show_views", draw_slowly)
    again = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_V, SHIFT, "V")
    QApplication.postEvent(canvas(window), again)  # it waits while the first one is served
    press(window, qtbot, Qt.Key.Key_V, SHIFT)
    monkeypatch.undo()
    wait_for(window, qtbot)
    assert decisions(project) == []
    assert window.head.hint.text() == LOOK_FIRST


@pytest.mark.window
def test_fifteen_cells_of_an_aligned_patient_take_twenty_actions_at_most_fits_included(
    project: Project, open_window: Callable[..., "RoomWindow"], qtbot: "QtBot"
) -> None:
    window, actions = open_window(project), 0

    def key(
        pressed_key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> None:
        nonlocal actions
        actions += 1
        press(window, qtbot, pressed_key, modifier)
        wait_for(window, qtbot)

    key(Qt.Key.Key_V, SHIFT)
    qtbot.wait(round(1000 * LOOKED_AT_S) + 300)  # the reader counts the levels
    key(Qt.Key.Key_V, SHIFT)
    assert decisions(project) == [FitDecision.CONFIRMED] * 4
    for sequence in (None, Qt.Key.Key_2, Qt.Key.Key_3):
        if sequence is not None:
            key(sequence)
        for pane in range(5):
            actions += 1
            drag(window, qtbot, place(window, -8, pane=pane), place(window, 8, pane=pane), pane)
        wait_for(window, qtbot)
    lesion = window.room.session.lesion
    assert lesion is not None
    assert {cell.status for cell in lesion.timeline.cells} == {CellStatus.MEASURED}
    assert len(lesion.timeline.cells) == 15
    assert {reading.answer for reading in project.store.get_readings()} == {Answer.MEASURED}
    assert actions <= MOST_ACTIONS


def wait_for_mouse(window: "RoomWindow", qtbot: "QtBot", pane: int) -> None:
    """Wait until the room knows over which pane the mouse is: the X server tells it."""
    room = window.room

    def is_there() -> bool:
        return room.pointing.place is not None and room.pointing.place[0] is room.panes.panes[pane]

    qtbot.waitUntil(is_there, timeout=20_000)


@pytest.mark.window
def test_fifteen_cells_of_a_blinded_case_take_thirty_actions_at_most_levels_included(
    project: Project, open_window: Callable[..., "RoomWindow"], qtbot: "QtBot", tmp_path: Path
) -> None:
    declare(project, tmp_path)
    make_package(project, "reader-1", tmp_path / "package", NOON)
    with open_project(tmp_path / "package") as package:
        window, actions = open_window(package, reader="reader-1"), 0
        assert window.room.session.blinding is not None
        for pane in range(5):
            qtbot.mouseMove(canvas(window, pane), place(window, 0, pane=pane))
            wait_for_mouse(window, qtbot, pane)
            press(window, qtbot, Qt.Key.Key_V)
            wait_for(window, qtbot)
            actions += 1
        assert not any(pane.whole for pane in window.room.panes.panes)
        for sequence in (None, Qt.Key.Key_2, Qt.Key.Key_3):
            if sequence is not None:
                press(window, qtbot, sequence)
                wait_for(window, qtbot)
                actions += 1
            for pane in range(5):
                drag(window, qtbot, place(window, -8, pane=pane), place(window, 8, pane=pane), pane)
                actions += 1
            wait_for(window, qtbot)
        assert len(package.store.get_readings()) == 15
        assert len({reading.cell for reading in package.store.get_readings()}) == 15
        window.close()
    assert actions <= MOST_BLINDED_ACTIONS
