"""A screen of 1280 x 800 shows all that a reader has to see."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from fixtures.window_driver import LEFT, canvas, drag, place, press, settle
from opp_mri_napari.reading.pointing import RESIZED
from opp_mri_napari.reading.widgets.growth_plot import TICK_PX
from opp_mri_napari.reading.widgets.pane import OPEN_NOTE
from opp_mri_napari.shared.napari_parts import get_main_window
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QPushButton, QScrollArea

from opp_mri.workflow.project import Project

if TYPE_CHECKING:
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.window
SHIFT = Qt.KeyboardModifier.ShiftModifier


def test_messages_and_forms_are_not_cut(
    open_window: Callable[..., "RoomWindow"], project: Project, qtbot: "QtBot"
) -> None:
    window = open_window(project)
    window.viewer.window.resize(1280, 800)
    press(window, qtbot, Qt.Key.Key_F10)  # no key of the room: nothing is said yet
    settle(window, qtbot)
    assert window.head.tool.isVisible()
    press(window, qtbot, Qt.Key.Key_V, SHIFT)
    settle(window, qtbot)
    hint = window.head.hint
    assert "Count the levels: Shift+V confirms" in hint.text()
    assert hint.width() >= hint.fontMetrics().horizontalAdvance(hint.text())
    for pane in window.grid.panes[1:]:
        width_px = pane.link.fontMetrics().horizontalAdvance(pane.link.text())
        assert pane.link.width() >= width_px
        assert OPEN_NOTE in pane.link.styleSheet()  # it asks the reader for something

    press(window, qtbot, Qt.Key.Key_A, SHIFT)
    settle(window, qtbot)
    area = window.pages.currentWidget()
    assert isinstance(area, QScrollArea)
    assert area.horizontalScrollBar().maximum() == 0
    (button,) = [
        button
        for button in window.pages.lesion_form.findChildren(QPushButton)
        if "Add the lesion" in button.text()
    ]
    assert not button.visibleRegion().isEmpty()  # the curve makes room for a form
    assert not window.timeline.isVisible()
    press(window, qtbot, Qt.Key.Key_Escape)
    assert window.timeline.isVisible()
    window.viewer.window.resize(1280, 500)
    press(window, qtbot, Qt.Key.Key_A, SHIFT)  # it begins again, at its first line
    assert area.isVisible()
    assert area.verticalScrollBar().maximum() > 0
    assert area.verticalScrollBar().value() == 0
    press(window, qtbot, Qt.Key.Key_Escape)


def test_on_a_large_screen_buttons_and_choices_grow_with_the_text(
    open_window: Callable[..., "RoomWindow"], project: Project, qtbot: "QtBot"
) -> None:
    window = open_window(project, wait=False)
    menus = get_main_window(window.viewer).menuBar()
    widgets = (window.worklist.next, window.worklist.filter, menus)
    before = [widget.fontInfo().pixelSize() for widget in widgets]
    for _ in range(3):
        press(window, qtbot, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    after = [widget.fontInfo().pixelSize() for widget in widgets]
    assert all(later > earlier for earlier, later in zip(before, after, strict=True))
    press(window, qtbot, Qt.Key.Key_A, SHIFT)  # a form that is built by now has it too
    scaled_px = window.pages.lesion_form.findChild(QPushButton).fontInfo().pixelSize()
    assert scaled_px == after[0]
    window.timeline.prepare()
    assert window.timeline.plot.getAxis("left").style["tickFont"].pixelSize() > TICK_PX


def list_columns_in_view(window: "RoomWindow") -> list[bool]:
    """Return for each time point whether its column of the worklist is seen whole."""
    table = window.worklist.table
    rects = [
        table.visualRect(window.worklist.model.index(0, column))
        for column in range(window.worklist.model.columnCount())
    ]
    width_px = table.viewport().width()
    return [rect.left() >= 0 and rect.right() <= width_px for rect in rects]


def test_a_small_window_cuts_no_words_and_keeps_them_off_the_lesion(
    open_window: Callable[..., "RoomWindow"], project: Project, qtbot: "QtBot"
) -> None:
    window = open_window(project)
    main = get_main_window(window.viewer)
    window.viewer.window.resize(970, 600)
    drag(window, qtbot, place(window, -10), place(window, 8))
    press(window, qtbot, Qt.Key.Key_V, SHIFT)
    settle(window, qtbot)
    assert main.width() <= 970
    assert window.side.width() <= 0.4 * main.width()
    assert window.head.long_hint.isVisible()
    for pane in window.grid.panes:
        for label in (pane.heading, pane.series, pane.link):
            if label.isVisible():
                assert "…" not in label.fitting_text
        height_px, line_px = pane.overlay.height(), 20
        assert len(pane.overlay.corner_lines) * line_px < height_px / 2
    assert list_columns_in_view(window)[window.room.panes.active]
    table = window.worklist.table
    assert table.viewport().height() >= 3 * table.rowHeight(0)
    curve = window.timeline
    assert curve.margin.geometry().top() >= curve.plot.geometry().bottom()  # none over another


def test_all_time_points_of_the_worklist_fit_next_to_the_panes(
    open_window: Callable[..., "RoomWindow"], project: Project, qtbot: "QtBot"
) -> None:
    window = open_window(project)
    window.viewer.window.resize(1280, 800)
    drag(window, qtbot, place(window, -10), place(window, 8))
    press(window, qtbot, Qt.Key.Key_Return)
    settle(window, qtbot)
    assert all(list_columns_in_view(window))
    area = window.timeline.parentWidget().parentWidget()
    assert isinstance(area, QScrollArea)
    assert area.verticalScrollBar().maximum() == 0  # the curve is seen whole
    name = window.worklist.model.headerData(0, Qt.Orientation.Vertical)
    assert name.startswith("OPP-01")  # its tip has the patient


def test_a_window_that_shrinks_leaves_the_panes_their_share(
    open_window: Callable[..., "RoomWindow"], project: Project, qtbot: "QtBot"
) -> None:
    window = open_window(project)
    main = get_main_window(window.viewer)
    window.viewer.window.resize(1900, 900)
    settle(window, qtbot)
    wide_px = window.side.width()
    window.viewer.window.resize(1000, 700)
    settle(window, qtbot)
    assert main.width() <= 1000
    assert window.side.width() < wide_px
    assert window.grid.width() > window.side.width()


def test_the_first_line_moves_no_image_in_a_window_that_was_made_smaller(
    open_window: Callable[..., "RoomWindow"], project: Project, qtbot: "QtBot"
) -> None:
    window = open_window(project)
    for width_px, height_px in ((1600, 1000), (1280, 775)):
        window.viewer.window.resize(width_px, height_px)
        settle(window, qtbot)
    size, start, end = canvas(window).size(), place(window, -10), place(window, 8)
    qtbot.mousePress(canvas(window), LEFT, pos=start)
    qtbot.mouseMove(canvas(window), end)
    qtbot.waitUntil(lambda: not window.timeline.is_empty)  # the curve appears in mid-drag
    qtbot.wait(200)
    assert canvas(window).size() == size
    qtbot.mouseRelease(canvas(window), LEFT, pos=end)
    settle(window, qtbot)
    assert canvas(window).size() == size


def test_nothing_is_recorded_where_the_image_changes_its_size_in_mid_drag(
    open_window: Callable[..., "RoomWindow"], project: Project, qtbot: "QtBot"
) -> None:
    window = open_window(project)
    window.viewer.window.resize(1280, 775)
    settle(window, qtbot)
    start, end = place(window, -10), place(window, 8)
    qtbot.mousePress(canvas(window), LEFT, pos=start)
    qtbot.mouseMove(canvas(window), end)
    window.viewer.window.resize(1100, 775)
    qtbot.wait(200)
    qtbot.mouseMove(canvas(window), end + QPoint(1, 0))
    qtbot.mouseRelease(canvas(window), LEFT, pos=end + QPoint(1, 0))
    settle(window, qtbot)
    assert window.room.calipers.find_reading(window.room.panes.panes[0]) is None
    assert window.head.long_hint.text() == RESIZED


def test_a_message_that_comes_and_goes_moves_no_image(
    open_window: Callable[..., "RoomWindow"], project: Project, qtbot: "QtBot"
) -> None:
    window = open_window(project)
    window.viewer.window.resize(970, 600)
    settle(window, qtbot)
    size = canvas(window).size()
    window.room.navigation.hint = "A message that is longer than a line of a small window. " * 2
    window.refresh()
    qtbot.wait(100)
    assert window.head.long_hint.isVisible()
    assert canvas(window).size() == size
    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    assert window.head.long_hint.isHidden()
    assert canvas(window).size() == size
    assert window.room.calipers.find_reading(window.room.panes.panes[0]) is not None
