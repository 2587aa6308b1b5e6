"""What a reader does in the window with real mouse and keys, one gesture a test."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fixtures.dicom_makers import T1, T2FS, write_series
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study
from fixtures.window_driver import LEFT, canvas, click, drag, place, press, settle, turn
from opp_mri_napari.reading.basics.key_table import build_key_table
from pydicom import dcmread
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QApplication, QLabel

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, AxisLandmark, Edit
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.lesions import add_lesion
from opp_mri.workflow.project import Project, create_project, open_project

if TYPE_CHECKING:
    from napari import Viewer
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.window
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
MIDDLE, RIGHT = Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
Opener = Callable[..., "RoomWindow"]


def write(qtbot: "QtBot", line: object, text: str) -> None:
    """Write into a line of text in place of what is there."""
    qtbot.mouseClick(line, LEFT)
    qtbot.keyClick(line, Qt.Key.Key_A, CTRL)
    qtbot.keyClicks(line, text)


def push(qtbot: "QtBot", form: object, text: str) -> None:
    """Push the button of a form that says this."""
    from qtpy.QtWidgets import QPushButton

    (button,) = [cell for cell in form.findChildren(QPushButton) if text in cell.text()]
    qtbot.mouseClick(button, LEFT)


# --- the AP axis


@pytest.mark.parametrize(
    ("modifier", "slope", "landmark"),
    [(SHIFT, (0.35, 1.0), AxisLandmark.POSTERIOR_WALL), (None, (1.0, 0.35), AxisLandmark.ENDPLATE)],
    ids=["posterior wall", "endplate"],
)
def test_two_clicks_along_a_landmark_set_the_axis_that_holds_the_next_caliper(
    window: "RoomWindow", qtbot: "QtBot", project: Project, modifier: Qt.KeyboardModifier | None,
    slope: tuple[float, float], landmark: AxisLandmark,
) -> None:  # fmt: skip
    press(window, qtbot, Qt.Key.Key_X, *([modifier] if modifier else []))
    across, down = slope
    click(window, qtbot, place(window, -12 * across, -12 * down))
    click(window, qtbot, place(window, 12 * across, 12 * down))
    settle(window, qtbot)
    (axis,) = project.store.get_ap_axes("OPP-01")
    assert axis.landmark is landmark
    assert axis.reader == "A"
    assert "caliper" in window.head.tool.text()
    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    (reading,) = project.store.get_readings()
    assert reading.caliper is not None
    run = np.subtract(reading.caliper.end_lps_mm, reading.caliper.start_lps_mm)
    assert abs(run @ axis.direction_lps) / np.linalg.norm(run) == pytest.approx(1, abs=1e-3)
    pane = window.room.panes.panes[0]
    assert pane.plane is not None
    ends = [np.array(pane.plane.lps_from_pixel(*end)) for end in (axis.start, axis.end)]
    along = (ends[1] - ends[0]) @ axis.direction_lps / np.linalg.norm(ends[1] - ends[0])
    assert abs(along) == pytest.approx(float(landmark is AxisLandmark.ENDPLATE), abs=1e-3)
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(24 * np.hypot(1, 0.35), abs=0.5)


# --- one common point


def test_one_place_marked_in_two_panes_links_their_scrolling(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    panes = window.room.panes
    assert not panes.is_linked(panes.panes[1])
    press(window, qtbot, Qt.Key.Key_K)
    click(window, qtbot, place(window, 9, 9))
    press(window, qtbot, Qt.Key.Key_Escape)  # leaves the point, and its hint
    assert "caliper" in window.head.tool.text()
    assert window.head.hint.text() == ""
    press(window, qtbot, Qt.Key.Key_K)
    assert "common point" in window.head.tool.text()
    click(window, qtbot, place(window, 3, 4))
    assert "another pane" in window.head.hint.text()
    click(window, qtbot, place(window, 3, 4), pane=0)
    assert "click another pane" in window.head.hint.text()
    click(window, qtbot, place(window, -2, 6, pane=1), pane=1)
    settle(window, qtbot)
    (point,) = project.store.get_common_points("PHANTOM-01")
    assert point.reader == "A"
    assert "Linked by the common point" in window.head.hint.text()
    assert "caliper" in window.head.tool.text()
    before = [pane.place for pane in panes.panes]
    turn(window, -1)
    after = [pane.place for pane in panes.panes]
    assert after[0] != before[0]
    assert after[1] != before[1]
    assert "by a point that you marked" in window.grid.panes[1].link.text()
    press(window, qtbot, Qt.Key.Key_Z, CTRL)
    settle(window, qtbot)
    assert window.head.hint.text() == "Taken back: the common point of two panes."
    frames = [pane.frame for pane in panes.panes]
    assert panes.linking(frames[1], frames[0]) is None
    assert "level not confirmed" in window.grid.panes[1].link.text()
    mark, undone = project.store.get_common_points("PHANTOM-01")  # nothing is removed
    assert (mark.edit, undone.edit) == (Edit.MADE, Edit.UNDONE)
    press(window, qtbot, Qt.Key.Key_Y, CTRL)
    settle(window, qtbot)
    assert panes.linking(frames[1], frames[0]) is not None


# --- lesions and findings


def add_l3(window: "RoomWindow", qtbot: "QtBot", lesion_id: str) -> None:
    """Fill in the form for a lesion at L3, with its seed by a click, and add it."""
    form = window.pages.lesion_form
    press(window, qtbot, Qt.Key.Key_A, SHIFT)
    assert form.isVisible()
    write(qtbot, form.fields["lesion_id"], lesion_id)
    write(qtbot, form.fields["ssrs_first_date"], "2020-03-12")
    form.level.setFocus()
    form.level.setCurrentText("L3")
    push(qtbot, form, "Click into the lesion")
    assert "Click into the lesion" in window.head.hint.text()
    click(window, qtbot, place(window, 5, 20))
    assert form.isVisible()
    assert form.fields["lesion_id"].text() == lesion_id  # what was written is still there
    push(qtbot, form, "Add the lesion")
    settle(window, qtbot)


def test_a_lesion_is_added_by_its_form_with_a_click_for_its_seed(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    pane = window.room.panes.panes[0]
    assert pane.geometry is not None
    assert pane.volume is not None
    uid = pane.volume.frames[pane.place].sop_instance_uid
    add_l3(window, qtbot, "N/1-A")  # L and D, Q and S are letters here, and no keys
    lesion = project.store.get_lesion("N/1-A")
    assert lesion is not None
    assert (lesion.level, str(lesion.ssrs_first_date)) == ("L3", "2020-03-12")
    assert lesion.seed is not None
    assert lesion.seed.sop_instance_uid == uid
    assert not window.pages.lesion_form.isVisible()
    assert "N/1-A L3" in window.head.title.text()
    assert window.head.hint.text() == ""
    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    assert [reading.lesion_id for reading in project.store.get_readings()] == ["N/1-A"]


def test_the_next_form_is_empty_keeps_no_seed_and_says_what_is_wrong(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    add_l3(window, qtbot, "NEW")
    press(window, qtbot, Qt.Key.Key_A, SHIFT)
    form = window.pages.lesion_form
    assert form.fields["lesion_id"].text() == "PHANTOM-01-3"
    assert form.fields["ssrs_first_date"].text() == ""
    assert "not set" in form.seed.text()
    push(qtbot, form, "Click into the lesion")
    click(window, qtbot, place(window, 5, 20))
    press(window, qtbot, Qt.Key.Key_Escape)  # thought better of it
    assert not form.isVisible()
    press(window, qtbot, Qt.Key.Key_A, SHIFT)
    assert "not set" in form.seed.text()
    form.level.setCurrentText("L3")
    write(qtbot, form.fields["ssrs_first_date"], "12.3.2020")
    push(qtbot, form, "Add the lesion")
    settle(window, qtbot)
    assert form.isVisible()
    assert "ssrs_first_date" in form.errors.text()
    write(qtbot, form.fields["ssrs_first_date"], "2020-03-12")
    push(qtbot, form, "Add the lesion")
    settle(window, qtbot)
    lesion = project.store.get_lesion("PHANTOM-01-3")
    assert lesion is not None
    assert lesion.seed is None


def test_no_curve_of_another_lesion_stands_next_to_images_that_are_loading(
    window: "RoomWindow", qtbot: "QtBot", monkeypatch: pytest.MonkeyPatch
) -> None:
    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    assert window.timeline.rule.isVisible()
    add_l3(window, qtbot, "NEW")
    press(window, qtbot, Qt.Key.Key_N)
    settle(window, qtbot)
    assert window.timeline.rule.isVisible()
    monkeypatch.setattr(type(window.room), "first_image_waits", True)
    press(window, qtbot, Qt.Key.Key_N)
    settle(window, qtbot)
    assert not window.timeline.rule.isVisible()
    assert window.timeline.hidden.text() == "loading …"


def test_the_form_of_a_correction_shows_the_seed_that_it_keeps(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    before = project.store.get_lesion("OPP-01")
    assert before is not None
    assert before.seed is not None
    press(window, qtbot, Qt.Key.Key_E, CTRL)
    form = window.pages.lesion_form
    assert form.seed.text() == f"column {before.seed.column}, row {before.seed.row}"
    push(qtbot, form, "Record the correction")
    settle(window, qtbot)
    after = project.store.get_lesion("OPP-01")
    assert after is not None
    assert after.seed == before.seed


def test_findings_and_events_are_noted_in_the_window(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    events = [
        ("fracture", ""), ("epidural_growth", ""), ("paraspinal_growth", ""),
        ("systemic_therapy_change", "new drug"), ("other_bone_lesions", "enlarged"),
    ]  # fmt: skip
    for kind, value in events:
        note(window, qtbot, kind, value)
        assert not window.pages.lesion_form.isVisible()
        assert window.head.hint.text() == f"Noted: {kind.replace('_', ' ')} on 2020-06-01."
    lesion = project.store.get_lesion("OPP-01")
    assert lesion is not None
    assert [(event.kind.value, event.value) for event in lesion.events[-5:]] == events


def note(window: "RoomWindow", qtbot: "QtBot", kind: str, value: str) -> None:
    """Note what happened on a day, by the form."""
    from qtpy.QtWidgets import QTabWidget

    press(window, qtbot, Qt.Key.Key_A, SHIFT)
    form = window.pages.lesion_form
    (tabs,) = form.findChildren(QTabWidget)
    bar = tabs.tabBar()
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(1).center())
    form.kind.setCurrentText(kind)
    if value:
        write(qtbot, form.value.lineEdit(), value)
        assert form.value.currentText() == value
    write(qtbot, form.day, "2020-06-01")
    push(qtbot, form, "Note it")
    settle(window, qtbot)


# --- the growth curve


def test_a_click_on_a_point_of_the_curve_jumps_to_its_image(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    for number in (0, 1):
        drag(window, qtbot, place(window, -10, pane=number), place(window, 8, pane=number), number)
        settle(window, qtbot)
    turn(window, 2)
    first, second = window.room.panes.panes[:2]
    left_at = first.place
    assert window.room.panes.current is second
    qtbot.wait(100)
    plot = window.timeline.plot
    (curve,) = window.room.build_timeline().curves
    point = min(curve.points, key=lambda point: point.weeks)
    at = plot.plotItem.vb.mapViewToScene(QPointF_(point.weeks, point.length_mm))
    where = plot.mapFromScene(at)
    qtbot.mouseMove(plot.viewport(), where)
    qtbot.mouseClick(plot.viewport(), LEFT, pos=where)
    settle(window, qtbot)
    assert window.room.panes.current is first
    assert first.place != left_at
    assert window.room.calipers.find_line(first) is not None


def QPointF_(x: float, y: float) -> object:  # noqa: N802
    from qtpy.QtCore import QPointF

    return QPointF(x, y)


# --- from lesion to lesion, and about


def test_n_and_shift_n_go_from_lesion_to_lesion(
    open_window: Opener, project: Project, qtbot: "QtBot"
) -> None:
    add_lesion(
        project.store,
        {"lesion_id": "SECOND", "patient_id": "PHANTOM-01", "level": "L3",
         "ssrs_first_date": "2020-03-12"},
        NOON,
    )  # fmt: skip
    window = open_window(project)

    def open_now() -> str:
        lesion = window.room.session.lesion
        return lesion.lesion.lesion_id if lesion else ""

    lesions_seen = [open_now()]
    for modifier in ([], [], [SHIFT], [SHIFT]):
        press(window, qtbot, Qt.Key.Key_N, *modifier)
        settle(window, qtbot)
        lesions_seen.append(open_now())
        assert open_now() in window.head.title.text()
    assert lesions_seen == ["OPP-01", "SECOND", "OPP-01", "SECOND", "OPP-01"]


def test_the_wheel_goes_one_slice_and_five_with_shift_and_zooms_with_ctrl(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    pane, zoom = window.room.panes.panes[0], window.room.panes.zoom
    window.room.panes.go_to_place(pane, 0)
    turn(window, 1)
    up = pane.place != 0  # which way is to the left depends on how the series was stored
    window.room.panes.go_to_place(pane, 0)
    turn(window, 1 if up else -1)
    assert pane.place == 1
    turn(window, 1 if up else -1, SHIFT)
    assert pane.place == 6
    turn(window, -1 if up else 1, SHIFT)
    assert pane.place == 1
    turn(window, 2, CTRL)
    assert pane.place == 1
    assert window.room.panes.zoom == pytest.approx(zoom * 1.15**2)
    press(window, qtbot, Qt.Key.Key_R)
    assert window.room.panes.zoom == pytest.approx(zoom)


def test_arrows_go_to_slices_series_and_time_points(window: "RoomWindow", qtbot: "QtBot") -> None:
    panes = window.room.panes
    pane = panes.panes[0]
    before = pane.place
    press(window, qtbot, Qt.Key.Key_Up)
    assert abs(pane.place - before) == 1
    press(window, qtbot, Qt.Key.Key_Down)
    assert pane.place == before
    text_before = window.grid.panes[0].series.text()
    press(window, qtbot, Qt.Key.Key_Right)
    settle(window, qtbot)
    assert window.grid.panes[0].series.text() != text_before
    press(window, qtbot, Qt.Key.Key_Left)
    settle(window, qtbot)
    assert window.grid.panes[0].series.text() == text_before
    press(window, qtbot, Qt.Key.Key_Right, CTRL)
    settle(window, qtbot)
    assert panes.current is panes.panes[1]
    press(window, qtbot, Qt.Key.Key_Left, CTRL)
    settle(window, qtbot)
    assert panes.current is panes.panes[0]


def test_a_caliper_on_the_next_series_belongs_to_the_sequence_of_that_series(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    press(window, qtbot, Qt.Key.Key_Right)
    settle(window, qtbot)
    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    assert not window.head.banner.isVisible()
    (reading,) = project.store.get_readings()
    volume = window.room.panes.panes[0].volume
    assert volume is not None
    assert reading.sequence is volume.role is not SeriesRole.T1
    assert f"· {reading.sequence.value} ·" in window.head.title.text()


def test_right_drag_a_double_right_click_and_a_window_the_images(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    panes = window.room.panes
    own = [panes.get_window(pane) for pane in panes.panes]
    drag(window, qtbot, place(window, 0), place(window, 15, 10), button=RIGHT)
    windows_after = [panes.get_window(pane) for pane in panes.panes]
    assert all(
        own_window != other_window
        for own_window, other_window in zip(own, windows_after, strict=True)
    )
    layer = window.grid.panes[1].model.layers[0]
    assert tuple(layer.contrast_limits) == pytest.approx(windows_after[1])
    qtbot.mouseClick(canvas(window), RIGHT, pos=place(window, 0))
    qtbot.mouseDClick(canvas(window), RIGHT, pos=place(window, 0))
    qtbot.mouseRelease(canvas(window), RIGHT, pos=place(window, 0))
    assert [panes.get_window(pane) for pane in panes.panes] == own
    assert tuple(layer.contrast_limits) == pytest.approx(own[1])
    press(window, qtbot, Qt.Key.Key_A)
    auto = [panes.get_window(pane) for pane in panes.panes]
    assert all(own_window != auto_window for own_window, auto_window in zip(own, auto, strict=True))
    assert tuple(layer.contrast_limits) == pytest.approx(auto[1])
    press(window, qtbot, Qt.Key.Key_R)
    assert [panes.get_window(pane) for pane in panes.panes] == own


def test_space_drag_and_middle_drag_move_the_image_and_leave_no_caliper(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    pane = window.room.panes.panes[0]
    start = pane.centre
    qtbot.keyPress(canvas(window), Qt.Key.Key_Space)
    drag(window, qtbot, place(window, 0), place(window, 10, 5))
    qtbot.keyRelease(canvas(window), Qt.Key.Key_Space)
    pixel_mm = 1 / window.room.panes.zoom  # a place is a whole screen pixel
    assert pane.centre == pytest.approx((start[0] - 5, start[1] - 10), abs=1.01 * pixel_mm)
    centre_before = pane.centre
    drag(window, qtbot, place(window, 0), place(window, -10, -5), button=MIDDLE)
    assert pane.centre == pytest.approx(
        (centre_before[0] + 5, centre_before[1] + 10), abs=1.01 * pixel_mm
    )
    camera = window.grid.panes[0].model.scene.camera
    assert camera.center[1:] == pytest.approx(pane.centre)
    settle(window, qtbot)
    assert project.store.get_readings() == []
    qtbot.keyPress(canvas(window), Qt.Key.Key_Space)
    # its key goes up in another program, of which nothing is heard here
    QApplication.sendEvent(window.viewer.window._qt_window, QEvent(QEvent.Type.WindowDeactivate))
    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    assert len(project.store.get_readings()) == 1


# --- the worklist


def test_the_worklist_is_filtered_and_its_cells_are_clicked(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    from opp_mri_napari.reading.panels.panel_views import CellLook

    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    worklist = window.worklist
    every = worklist.model.rowCount()
    names = [worklist.filter.itemText(n) for n in range(worklist.filter.count())]
    worklist.filter.setFocus()
    for _ in range(names.index(CellLook.DRAFT.value)):
        qtbot.keyClick(worklist.filter, Qt.Key.Key_Down)
    assert worklist.filter.currentText() == CellLook.DRAFT.value
    assert worklist.model.rowCount() == 1
    press(window, qtbot, Qt.Key.Key_Escape)
    for _ in range(len(names)):
        qtbot.keyClick(worklist.filter, Qt.Key.Key_Up)
    assert worklist.model.rowCount() == every
    cell = worklist.model.index(0, 1)
    qtbot.mouseClick(worklist.table.viewport(), LEFT, pos=worklist.table.visualRect(cell).center())
    settle(window, qtbot)
    assert window.room.panes.current is window.room.panes.panes[1]
    press(window, qtbot, Qt.Key.Key_Return)
    settle(window, qtbot)
    current = window.room.navigation.current
    assert current is not None
    assert current.sequence is SeriesRole.T1  # all time points of a sequence come first
    assert window.room.panes.current is window.room.panes.panes[2]


# --- answers without a line, undo and redo


def test_answers_without_a_line_are_given_by_keys(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    press(window, qtbot, Qt.Key.Key_Q)
    assert window.pages.answer.isVisible()
    press(window, qtbot, Qt.Key.Key_2)
    settle(window, qtbot)
    assert not window.pages.answer.isVisible()
    press(window, qtbot, Qt.Key.Key_Q)
    press(window, qtbot, Qt.Key.Key_0)
    settle(window, qtbot)
    press(window, qtbot, Qt.Key.Key_Backspace)
    settle(window, qtbot)
    first, second, third = project.store.get_readings()
    assert (first.answer, first.reason) == (Answer.NOT_MEASURABLE, "Metal artefact")
    assert second.answer is Answer.GONE
    assert third.answer is Answer.WITHDRAWN


def test_undo_and_redo_go_on_after_a_restart(
    open_window: Opener, project: Project, qtbot: "QtBot"
) -> None:
    window = open_window(project)
    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    press(window, qtbot, Qt.Key.Key_Q)
    press(window, qtbot, Qt.Key.Key_0)
    settle(window, qtbot)
    window.close()
    with open_project(project.folder) as again:
        second = open_window(again)

        def now() -> Answer | None:
            pane = second.room.panes.panes[0]
            reading = second.room.calipers.find_reading(pane)
            return reading.answer if reading else None

        answers_seen = [now()]
        for key in (Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_Z, Qt.Key.Key_Z):
            press(second, qtbot, key, CTRL)
            settle(second, qtbot)
            answers_seen.append(now())
        third = [Answer.GONE, Answer.MEASURED, Answer.GONE, Answer.MEASURED]
        assert answers_seen[:4] == third
        assert answers_seen[4] in (None, Answer.WITHDRAWN)
        second.close()


# --- series that cannot be read


@pytest.mark.parametrize("fault", ["cut off", "unknown syntax"])
def test_a_series_that_cannot_be_read_gives_a_banner_and_the_rest_goes_on(
    open_window: Opener, qtbot: "QtBot", tmp_path: Path, fault: str
) -> None:
    dates = ("20240201", "20240601")
    for number, day in enumerate(dates, start=1):
        for header in (T1, T2FS):
            write_series(
                tmp_path / day, {**header, "StudyDate": day}, study=str(number), seed=number
            )
    create_project(tmp_path / "p")
    with open_project(tmp_path / "p") as project:
        index(project, [tmp_path / day for day in dates], workers=1)
        add_lesion(
            project.store,
            {"lesion_id": "L", "patient_id": "P1", "level": "L1", "ssrs_first_date": "2024-02-01"},
            NOON,
        )
        (bad,) = [
            volume for volume in project.store.get_volumes()
            if volume.role is SeriesRole.T1 and "2024-06-01" in str(volume.instance.study_date)
        ]  # fmt: skip
        sources = project.store.get_sources_of([frame.sop_instance_uid for frame in bad.frames])
        for path in (Path(source.path) for source in sources.values()):
            dataset = dcmread(path)
            if fault == "cut off":
                path.write_bytes(path.read_bytes()[:-500])
            else:
                syntax = f"{dataset.file_meta.TransferSyntaxUID}\0".encode()
                assert syntax in path.read_bytes()
                path.write_bytes(path.read_bytes().replace(syntax, syntax[:-2] + b"9\0", 1))
        window = open_window(project)
        assert window.head.banner.isVisible()
        assert "1 of the 2 series shown cannot be read" in window.head.banner.text()
        message = window.room.build_pane_views()[1].message
        assert "cannot be read" in message
        drag(window, qtbot, place(window, -10), place(window, 8))
        click(window, qtbot, place(window, 0, pane=1), pane=1)
        settle(window, qtbot)
        assert len(project.store.get_readings()) == 1
        press(window, qtbot, Qt.Key.Key_2)
        settle(window, qtbot)
        assert not window.head.banner.isVisible()
        window.close()


# --- into the room, and its keys


def test_the_plugins_menu_of_an_open_napari_opens_the_room(
    make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot", project: Project, tmp_path: Path
) -> None:
    from opp_mri_napari.reading.widgets import app
    from qtpy.QtCore import QSettings

    QSettings.setPath(
        QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings")
    )
    viewer = make_napari_viewer(show=True)
    viewer.add_points([[1, 2]])
    menu = viewer.window.plugins_menu
    menu.aboutToShow.emit()
    result = [
        action
        for part in (menu, *(act.menu() for act in menu.actions() if act.menu()))
        for action in part.actions()
        if "OPP" in action.text() and action.menu() is None
    ]
    result[0].trigger()
    qtbot.waitUntil(
        lambda: bool(viewer.window._qt_window.findChildren(app.StartPanel)), timeout=10_000
    )
    (panel,) = viewer.window._qt_window.findChildren(app.StartPanel)
    write(qtbot, panel.project, str(project.folder))
    write(qtbot, panel.reader, "A")
    qtbot.mouseClick(panel.begin, LEFT)
    qtbot.waitUntil(lambda: len(app._open) == 1, timeout=20_000)
    window, opened_project = app._open[0]
    settle(window, qtbot)
    assert len(viewer.layers) == 1  # what was there stays
    assert not panel.isVisible()
    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    assert len(opened_project.store.get_readings()) == 1
    window.close()
    app._open.clear()
    opened_project.store.close()


@pytest.mark.parametrize(
    ("habit", "keys"),
    [
        ("OHIF", {"magnifier": (Qt.Key.Key_Z,), "sequence": (Qt.Key.Key_PageDown,)}),
        ("Horos", {"slice": (Qt.Key.Key_PageUp,), "window": (Qt.Key.Key_0, CTRL)}),
        ("Weasis", {"zoom": (Qt.Key.Key_Home,), "magnifier": (Qt.Key.Key_V,)}),
    ],
)
def test_habits_of_other_viewers_and_own_keys_work(
    open_window: Opener, project: Project, qtbot: "QtBot", habit: str, keys: dict[str, tuple]
) -> None:
    window = open_window(project, keys=build_key_table(habit, {"V": "magnifier"}))
    turn(window, 1, CTRL)

    def state() -> dict[str, object]:
        pane = window.room.panes.panes[0]
        return {
            "magnifier": window.room.switches.magnifier,
            "sequence": window.room.navigation.sequence,
            "slice": pane.place,
            "window": window.room.panes.get_window(pane),
            "zoom": window.room.panes.zoom,
        }

    for subject, key in keys.items():
        before = state()
        press(window, qtbot, *key)
        settle(window, qtbot)
        assert state()[subject] != before[subject]


def test_a_blinded_package_is_read_with_mouse_and_keys_and_stays_blind(
    open_window: Opener, qtbot: "QtBot", tmp_path: Path
) -> None:
    with open_project(make_study(tmp_path, ["KENNUNG"])) as project:
        declare(project, tmp_path)
        make_package(project, "reader-1", tmp_path / "package", NOON)
    with open_project(tmp_path / "package") as package:
        window = open_window(package, reader="reader-1")
        drag(window, qtbot, place(window, -6), place(window, 6))
        settle(window, qtbot)
        assert [reading.reader for reading in package.store.get_readings()] == ["reader-1"]
        assert "Hidden in a blinded read" in window.timeline.hidden.text()
        press(window, qtbot, Qt.Key.Key_G)
        assert "no ghost" in window.head.hint.text()
        press(window, qtbot, Qt.Key.Key_Return)
        settle(window, qtbot)
        press(window, qtbot, Qt.Key.Key_Z, CTRL)
        settle(window, qtbot)
        labels = window.viewer.window._qt_window.findChildren(QLabel)
        label_text = " ".join(label.text() for label in labels)
        assert "KENNUNG" not in label_text
        assert not re.search(r"(19|20)\d\d-?\d\d-?\d\d", label_text)
        window.close()


# --- a reference vertebra


def circle(window: "RoomWindow", qtbot: "QtBot", radius_mm: float, down_mm: float = 0.0) -> None:
    """Draw around a place with the button held, and close the contour by Enter."""
    angles = [2 * math.pi * step / 24 for step in range(24)]
    corners = [
        place(window, radius_mm * math.sin(angle), down_mm + radius_mm * math.cos(angle))
        for angle in angles
    ]
    qtbot.mouseMove(canvas(window), corners[0])
    qtbot.mousePress(canvas(window), LEFT, pos=corners[0])
    for corner in corners[1:]:
        qtbot.mouseMove(canvas(window), corner)
    qtbot.mouseRelease(canvas(window), LEFT, pos=corners[-1])
    press(window, qtbot, Qt.Key.Key_Return)
    settle(window, qtbot)


def test_shift_t_draws_a_reference_vertebra_and_the_pane_states_the_ratio(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    press(window, qtbot, Qt.Key.Key_2)
    settle(window, qtbot)
    press(window, qtbot, Qt.Key.Key_T, SHIFT)
    assert "Draw the lesion first" in window.head.hint.text()
    press(window, qtbot, Qt.Key.Key_T)
    circle(window, qtbot, 8)
    press(window, qtbot, Qt.Key.Key_T, SHIFT)
    first = window.room.contouring.reference_level
    assert f"reference vertebra {first}, not irradiated" in window.head.tool.text()
    press(window, qtbot, Qt.Key.Key_T, SHIFT)
    level = window.room.contouring.reference_level
    assert level != first
    assert f"reference vertebra {level}, not irradiated" in window.head.tool.text()
    circle(window, qtbot, 5, down_mm=25)
    reading = project.store.log_of(VolumeReading)[-1]
    assert reading.sequence is SeriesRole.T2FS
    assert reading.reference is not None
    assert (reading.reference.level, len(reading.reference.contours)) == (level, 1)
    assert len(reading.contours) == 1
    words = window.room.build_pane_views()[0].volume
    assert re.search(rf"T2 ratio \d+\.\d\d to {level}", words)
    press(window, qtbot, Qt.Key.Key_Z, CTRL)
    settle(window, qtbot)
    assert project.store.log_of(VolumeReading)[-1].reference is None
