"""A screen of 1280 x 800 shows all that a reader has to see."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from fixtures.window_driver import press, settle
from opp_mri_napari.reading.widgets.growth_plot import TICK_PX
from opp_mri_napari.reading.widgets.pane import OPEN_NOTE
from opp_mri_napari.shared.napari_parts import get_main_window
from qtpy.QtCore import Qt
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
    press(window, qtbot, Qt.Key.Key_Escape)
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
