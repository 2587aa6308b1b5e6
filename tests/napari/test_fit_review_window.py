"""The review window, with real keys: what is drawn, and what is in the store afterwards."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fixtures.makers import NOON
from opp_mri_napari.fits.presenter import LOOKED_AT_S, FitReviewPresenter, View
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QWidget

from opp_mri.workflow.project import STORE_NAME, Project

if TYPE_CHECKING:
    from napari import Viewer
    from opp_mri_napari.fits.window import FitReviewWindow
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.window
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(
    project: Project, make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot"
) -> Iterator["FitReviewWindow"]:
    from opp_mri_napari.fits.window import FitReviewWindow

    viewer = make_napari_viewer(show=True)
    window = FitReviewWindow(
        viewer, FitReviewPresenter(project, "A", clock=lambda: NOON, stopwatch=count().__next__)
    )
    wait_for_images(window, qtbot)
    yield window
    window.close()


def wait_for_images(window: "FitReviewWindow", qtbot: "QtBot") -> None:
    qtbot.waitUntil(lambda: window.presenter.images is not None, timeout=20_000)
    qtbot.wait(20)  # until they are noted as on screen


def decide(
    window: "FitReviewWindow",
    qtbot: "QtBot",
    key: Qt.Key,
    line: QWidget | None = None,
) -> None:
    """Press a key that decides, and wait until that is recorded."""
    qtbot.keyClick(line or canvas(window), key)
    qtbot.waitUntil(lambda: not window.deciding, timeout=20_000)
    qtbot.wait(20)  # until the next fit is noted as on screen


def canvas(window: "FitReviewWindow") -> QWidget:
    return window.viewer.window._qt_viewer.canvas.native


def shown(window: "FitReviewWindow") -> dict[str, bool]:
    return {layer.name: layer.visible for layer in window.viewer.layers}


class ShownWindows(QObject):
    """Notes each window that appears on the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.names.append(type(watched).__name__)
        return False


def test_nothing_flashes_up_before_the_window_is_whole(
    project: Project,
    make_napari_viewer: Callable[..., "Viewer"],
    qapp: QApplication,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from opp_mri_napari.fits import window as module

    panels: list[int] = []
    dock = module.dock_panel

    def dock_unseen(viewer: "Viewer", panel: QWidget, name: str) -> None:
        dock(viewer, panel, name)
        panels.append(len(shown_windows.names))

    monkeypatch.setattr(module.napari, "Viewer", make_napari_viewer)
    monkeypatch.setattr(module, "dock_panel", dock_unseen)
    shown_windows = ShownWindows()
    qapp.installEventFilter(shown_windows)
    window = module.open_fit_window(FitReviewPresenter(project, "A", clock=lambda: NOON))
    qapp.removeEventFilter(shown_windows)
    window.close()
    assert panels == [0]
    assert shown_windows.names == ["_QtMainWindow"]


def test_the_images_lie_over_each_other_in_mm_on_the_slice_of_the_centre(
    window: "FitReviewWindow",
) -> None:
    images = window.presenter.images
    assert images is not None
    baseline, followup, centre = window.viewer.layers
    assert baseline.data.shape == followup.data.shape == images.grid.shape_kji
    assert tuple(baseline.scale) == tuple(followup.scale) == images.grid.spacing_kji_mm
    assert {str(unit) for layer in window.viewer.layers for unit in layer.units} == {"millimeter"}
    assert window.viewer.dims.current_step[0] == window.presenter.slice_index
    assert centre.data.shape == (4, 2, 2)
    picture = window.viewer.screenshot(canvas_only=True, flash=False)
    assert picture[..., :3].max() > 200


def test_c_confirms_and_the_next_fit_comes_up(
    window: "FitReviewWindow", project: Project, qtbot: "QtBot"
) -> None:
    first = window.presenter.current.alignment.fit_id
    decide(window, qtbot, Qt.Key.Key_C)
    (decision,) = project.store.get_alignment_decisions()[first]
    assert (decision.decision.value, decision.reader) == ("confirmed", "A")
    assert window.presenter.current.alignment.fit_id != first
    assert "Confirmed" in window.panel.notice.text()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_decides_nothing(
    window: "FitReviewWindow", project: Project, qtbot: "QtBot", key: Qt.Key
) -> None:
    decide(window, qtbot, key)
    assert project.store.get_alignment_decisions() == {}
    assert "decides nothing" in window.panel.notice.text()


def test_a_second_decision_asks_for_a_reason_in_place_and_enter_records_that_one_decision(
    window: "FitReviewWindow", project: Project, qtbot: "QtBot"
) -> None:
    decided_id = window.presenter.current.alignment.fit_id
    decide(window, qtbot, Qt.Key.Key_C)
    wait_for_images(window, qtbot)
    qtbot.keyClick(canvas(window), Qt.Key.Key_N, SHIFT)
    decide(window, qtbot, Qt.Key.Key_R)
    line = window.panel.reason
    assert line.isVisible()
    assert len(project.store.get_alignment_decisions()[decided_id]) == 1
    decide(window, qtbot, Qt.Key.Key_Return, line)
    assert "Write the reason" in window.panel.warning.text()
    qtbot.keyClicks(line, "Crooked by C or R")
    assert line.text() == "Crooked by C or R"
    decide(window, qtbot, Qt.Key.Key_Return, line)
    decisions = project.store.get_alignment_decisions()[decided_id]
    assert [decision.decision.value for decision in decisions] == ["confirmed", "rejected"]
    assert decisions[-1].reason == "Crooked by C or R"
    assert not line.isVisible()
    assert "Rejected by A" in window.panel.decided.text()


def test_escape_leaves_the_reason_and_records_nothing(
    window: "FitReviewWindow", project: Project, qtbot: "QtBot"
) -> None:
    decide(window, qtbot, Qt.Key.Key_R)
    assert window.panel.reason.isVisible()
    qtbot.keyClick(window.panel.reason, Qt.Key.Key_Escape)
    assert not window.panel.reason.isVisible()
    assert project.store.get_alignment_decisions() == {}


def test_space_blinks_o_overlays_and_b_shows_the_follow_up_by_its_header(
    window: "FitReviewWindow", qtbot: "QtBot"
) -> None:
    followup = window.viewer.layers["Follow-up"]
    by_fit = followup.data.copy()
    qtbot.keyClick(canvas(window), Qt.Key.Key_Space)
    assert (shown(window)["Baseline"], shown(window)["Follow-up"]) == (True, False)
    qtbot.keyClick(canvas(window), Qt.Key.Key_Space)
    assert (shown(window)["Baseline"], shown(window)["Follow-up"]) == (False, True)
    qtbot.keyClick(canvas(window), Qt.Key.Key_O)
    assert window.presenter.view is View.OVERLAY
    qtbot.keyClick(canvas(window), Qt.Key.Key_B)
    assert not np.array_equal(followup.data, by_fit)
    assert "before" in window.viewer.canvas.overlays.text.text
    qtbot.keyClick(canvas(window), Qt.Key.Key_B)
    assert np.array_equal(followup.data, by_fit)


def test_up_and_down_scroll_whichever_layer_is_active(
    window: "FitReviewWindow", qtbot: "QtBot"
) -> None:
    start = window.presenter.slice_index
    for layer in window.viewer.layers:
        window.viewer.layers.selection.active = layer
        qtbot.keyClick(canvas(window), Qt.Key.Key_Up)
        assert window.viewer.dims.current_step[0] == start + 1
        qtbot.keyClick(canvas(window), Qt.Key.Key_Down)
        assert window.viewer.dims.current_step[0] == start


def test_the_slider_and_the_keys_keep_one_slice(window: "FitReviewWindow", qtbot: "QtBot") -> None:
    window.viewer.dims.set_current_step(0, 2)
    assert window.presenter.slice_index == 2
    qtbot.keyClick(canvas(window), Qt.Key.Key_Up)
    assert window.viewer.dims.current_step[0] == 3


def test_the_images_have_the_window_and_f2_brings_the_layer_list(
    window: "FitReviewWindow", qtbot: "QtBot"
) -> None:
    layer_list = window.viewer.window._qt_viewer.dockLayerList
    assert not layer_list.isVisible()
    qtbot.keyClick(canvas(window), Qt.Key.Key_F2)
    assert layer_list.isVisible()
    qtbot.keyClick(canvas(window), Qt.Key.Key_F2)
    assert not layer_list.isVisible()


@pytest.mark.parametrize(
    ("key", "modifier"),
    [(Qt.Key.Key_F1, Qt.KeyboardModifier.NoModifier), (Qt.Key.Key_Question, SHIFT)],
)
def test_the_key_sheet_names_every_key(
    window: "FitReviewWindow", qtbot: "QtBot", key: Qt.Key, modifier: Qt.KeyboardModifier
) -> None:
    assert "F2" not in window.panel.keys.text()
    qtbot.keyClick(canvas(window), key, modifier)
    for name in ("C", "R", "Enter", "Space", "B", "O", "Up, Down", "N, Shift + N", "F2", "Esc"):
        assert f"<b>{name}" in window.panel.keys.text()
    qtbot.keyClick(canvas(window), Qt.Key.Key_Escape)
    assert "F2" not in window.panel.keys.text()


def test_images_that_are_gone_are_said_on_a_banner_and_what_was_decided_stays(
    project: Project, make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot"
) -> None:
    from opp_mri_napari.fits.window import FitReviewWindow

    presenter = FitReviewPresenter(project, "A", clock=lambda: NOON, stopwatch=count().__next__)
    presenter.reject()
    presenter.enter("another level")
    project.store.replace_volumes(["PHANTOM-01"], [])
    window = FitReviewWindow(make_napari_viewer(show=True), presenter)
    try:
        qtbot.waitUntil(window.panel.warning.isVisible, timeout=20_000)
        assert "cannot be shown" in window.panel.warning.text()
        qtbot.keyClick(canvas(window), Qt.Key.Key_C)
        assert len(project.store.get_alignment_decisions()) == 1
    finally:
        window.close()


@pytest.mark.parametrize("wait", [True, False], ids=["when it is shown", "while it loads"])
def test_closing_the_window_ends_the_command(
    project: Project, qtbot: "QtBot", monkeypatch: pytest.MonkeyPatch, wait: bool
) -> None:
    from opp_mri_napari.fits import window as fit_review

    windows: list[FitReviewWindow] = []

    def open_window(presenter: FitReviewPresenter) -> "FitReviewWindow":
        windows.append(open_fit_window(presenter))
        return windows[0]

    def use_and_close() -> None:
        viewer = fit_review.napari.current_viewer()
        if wait:
            presenter = windows[0].presenter
            qtbot.waitUntil(lambda: presenter._shown_at is not None, timeout=20_000)
            qtbot.wait(int(1000 * LOOKED_AT_S) + 200)
            qtbot.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_C)
        viewer.close()
        qtbot.wait(200)

    open_fit_window = fit_review.open_fit_window
    monkeypatch.setattr(fit_review, "open_fit_window", open_window)
    monkeypatch.setattr(fit_review.napari, "run", use_and_close)
    fit_review.review_fits(project.folder, "A")
    assert len(project.store.get_alignment_decisions()) == int(wait)


def test_a_store_that_another_program_holds_does_not_stop_the_window(
    window: "FitReviewWindow", project: Project, qtbot: "QtBot"
) -> None:
    first = window.presenter.current.alignment.fit_id
    lock = sqlite3.connect(project.folder / STORE_NAME, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    start = time.monotonic()
    qtbot.keyClick(canvas(window), Qt.Key.Key_C)
    assert time.monotonic() - start < 3  # the store itself is waited for far longer
    assert window.deciding
    qtbot.keyClick(canvas(window), Qt.Key.Key_N)
    assert window.presenter.current.alignment.fit_id == first  # it is this one that is decided
    lock.execute("ROLLBACK")
    lock.close()
    qtbot.waitUntil(lambda: not window.deciding, timeout=20_000)
    (decision,) = project.store.get_alignment_decisions()[first]
    assert decision.decision.value == "confirmed"


def test_a_key_that_was_pressed_before_a_fit_was_on_screen_does_not_confirm_it(
    window: "FitReviewWindow",
    project: Project,
    qtbot: "QtBot",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    qtbot.keyClick(canvas(window), Qt.Key.Key_N)
    wait_for_images(window, qtbot)
    show = window.panel.show_state

    def show_slowly(presenter: FitReviewPresenter) -> None:
        show(presenter)
        time.sleep(0.1)

    monkeypatch.setattr(window.panel, "show_state", show_slowly)
    early = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_C, Qt.KeyboardModifier.NoModifier, "c")
    QApplication.postEvent(canvas(window), early)  # it waits while the next fit is drawn
    qtbot.keyClick(canvas(window), Qt.Key.Key_N, SHIFT)
    qtbot.wait(200)
    qtbot.waitUntil(lambda: not window.deciding, timeout=20_000)
    assert project.store.get_alignment_decisions() == {}
    assert "Look at the fit first" in window.presenter.warning
