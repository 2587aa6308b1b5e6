"""The reading room's window with real mouse and keys: what is drawn, and what is in the store."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fixtures.dicom_makers import T1, save, write_enhanced, write_series
from fixtures.makers import NOON
from fixtures.room_driver import settle as driven
from fixtures.room_driver import sign_off
from fixtures.window_driver import LEFT, canvas, click, drag, place, press, settle, turn
from opp_mri_napari.reading.dialogs import Dialog
from opp_mri_napari.reading.presenter import ReadingRoom
from opp_mri_napari.reading.widgets.grid import STRIP_HEIGHT_PX
from opp_mri_napari.shared.geometry import find_direction_to_left
from pydicom import Dataset, dcmread
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QMessageBox
from scipy import ndimage

from opp_mri.domain.assessment import ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer, LevelConfirmation
from opp_mri.errors import ProjectError
from opp_mri.workflow.assessing.respond import assess_project, load_project_rules
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.measuring.lesions import add_lesion
from opp_mri.workflow.measuring.readings import get_counted_readings
from opp_mri.workflow.project import Project, create_project, open_project

if TYPE_CHECKING:
    from napari import Viewer
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.window
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
Opener = Callable[..., "RoomWindow"]


def picture(window: "RoomWindow", pane: int = 0) -> np.ndarray:
    """What a canvas shows, without what is painted over it: shape (down, across)."""
    from qtpy.QtGui import QImage

    image = canvas(window, pane).grabFramebuffer().convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : image.width()].copy()


# --- what is on the screen


def test_reading_mode_gives_the_window_to_the_images_and_one_key_brings_napari_back(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    qt_viewer = window.viewer.window._qt_viewer
    assert not qt_viewer.dockLayerList.isVisible()
    assert not window.viewer.window._qt_window.centralWidget().isVisible()
    assert sum(pane.isVisible() for pane in window.grid.panes) == len(window.room.panes.panes)
    window.viewer.add_points([[1, 2]])  # another plugin's layer
    qtbot.keyClick(canvas(window), Qt.Key.Key_F2)
    assert qt_viewer.dockLayerList.isVisible()
    assert len(window.viewer.layers) == 1
    qtbot.keyClick(canvas(window), Qt.Key.Key_F2)
    assert not qt_viewer.dockLayerList.isVisible()


def test_each_pane_shows_its_own_native_image(window: "RoomWindow") -> None:
    for pane, widget in zip(window.room.panes.panes, window.grid.panes, strict=False):
        (layer,) = widget.model.layers
        assert pane.images is not None
        np.testing.assert_array_equal(layer.data, pane.images[pane.place])
        assert {str(unit) for unit in layer.units} == {"millimeter"}
        assert picture(window, window.grid.panes.index(widget)).max() > 150


def test_the_label_stays_off_the_line_and_inside_the_pane(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    drag(window, qtbot, place(window, -10), place(window, 8))
    qtbot.wait(50)
    (box,) = window.grid.panes[0].overlay.label_boxes
    assert not box.holds((canvas(window).width() / 2, canvas(window).height() / 2))
    assert box.x >= 0
    assert box.x + box.width <= canvas(window).width()


def test_images_stay_where_they_are_while_a_caliper_is_drawn_and_signed(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    before = [pane.canvas.geometry() for pane in window.grid.panes]
    drag(window, qtbot, place(window, -10), place(window, 8))
    settle(window, qtbot)
    qtbot.keyClick(canvas(window), Qt.Key.Key_S)
    settle(window, qtbot)
    assert [pane.canvas.geometry() for pane in window.grid.panes] == before


# --- keys


def test_keys_are_the_rooms_whichever_widget_is_active(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    before = window.room.panes.panes[0].place
    qtbot.keyClick(window.worklist.table, Qt.Key.Key_2)
    settle(window, qtbot)
    assert window.room.navigation.sequence is SeriesRole.T2FS
    qtbot.keyClick(canvas(window), Qt.Key.Key_1)
    qtbot.keyClick(canvas(window), Qt.Key.Key_Up)
    assert window.room.panes.panes[0].place != before


def test_what_is_typed_on_the_key_sheet_is_its_search_and_larger_text_keeps_the_colours(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    qtbot.mouseMove(canvas(window), place(window, 0))
    press(window, qtbot, Qt.Key.Key_F1)
    search = window.viewer.window._qt_window.focusWidget()
    assert search is window.pages.key_sheet.search
    for letter in "level":
        qtbot.keyClick(search, letter)
    assert "confirm the level" in window.pages.key_sheet.sheet.text()
    assert "magnifier" not in window.pages.key_sheet.sheet.text()
    press(window, qtbot, Qt.Key.Key_Escape)
    assert window.pages.dialog is None
    settle(window, qtbot)
    assert project.store.log_of(LevelConfirmation) == []  # V was a letter
    drag(window, qtbot, place(window, -6), place(window, 6))
    settle(window, qtbot)
    category = window.timeline.category
    before = category.styleSheet()
    qtbot.keyClick(canvas(window), Qt.Key.Key_Plus, CTRL | SHIFT)
    assert "background" in before
    assert category.styleSheet() == before.replace("17px", "19px")
    assert window.grid.strip.height() > STRIP_HEIGHT_PX


def test_while_no_button_is_held_a_key_finds_the_mouse_where_it_was_when_it_was_pressed(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    """Qt may drop a move of the mouse that others follow, though a key was pressed in between."""
    drops = Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents
    assert not QApplication.testAttribute(drops)
    qtbot.mousePress(canvas(window), LEFT, pos=place(window, 0))
    assert QApplication.testAttribute(drops)  # a drag needs the last place only
    qtbot.mouseRelease(canvas(window), LEFT, pos=place(window, 0))
    assert not QApplication.testAttribute(drops)
    window.close()
    assert QApplication.testAttribute(drops)


def test_letters_go_into_a_line_of_text_and_not_to_the_room(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    qtbot.mouseClick(window.worklist.search, LEFT)
    qtbot.keyClicks(window.worklist.search, "T2FS")
    assert window.room.navigation.sequence is SeriesRole.T1
    assert window.worklist.model.rowCount() == 1
    press(window, qtbot, Qt.Key.Key_Escape)
    press(window, qtbot, Qt.Key.Key_2)  # acts again, and is not written
    assert window.worklist.search.text() == "T2FS"
    assert window.room.navigation.sequence is SeriesRole.T2FS


def test_enter_in_the_line_for_a_reason_records_it_and_stays_at_the_cell(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    drag(window, qtbot, place(window, -10), place(window, 8))
    sign_off(window.room)
    window.refresh()
    settle(window, qtbot)
    cell_before = window.room.navigation.current
    drag(window, qtbot, place(window, -10, 20), place(window, 3, 20))
    assert "in place of the old one" not in window.head.hint.text()  # nothing is recorded yet
    qtbot.keyClicks(window.pages.reason.line, "edge was misread")
    qtbot.keyClick(window.pages.reason.line, Qt.Key.Key_Return)
    settle(window, qtbot)
    assert project.store.get_readings()[-1].amendment_reason == "edge was misread"
    assert window.room.navigation.current == cell_before


def test_space_moves_the_image_and_does_what_a_habit_says_where_it_does_not(
    project: Project, make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot"
) -> None:
    from opp_mri_napari.reading.basics.key_table import build_key_table
    from opp_mri_napari.reading.widgets.window import RoomWindow

    viewer = make_napari_viewer(show=True)
    window = RoomWindow(viewer, ReadingRoom(project, "A"), keys=build_key_table("OHIF"))
    settle(window, qtbot)
    zoom_before = window.room.panes.zoom
    window.room.panes.magnify(3)
    pane, before = window.room.panes.panes[0], window.room.panes.panes[0].centre
    qtbot.keyPress(canvas(window), Qt.Key.Key_Space)
    drag(window, qtbot, place(window, 0), place(window, 10))
    qtbot.keyRelease(canvas(window), Qt.Key.Key_Space)
    assert pane.centre[1] == pytest.approx(before[1] - 10, abs=0.5)
    assert window.room.panes.zoom > zoom_before
    qtbot.keyClick(canvas(window), Qt.Key.Key_Space)  # OHIF: reset
    assert window.room.panes.zoom == pytest.approx(zoom_before)
    window.close()


def test_the_pane_that_is_read_is_made_first_and_in_its_place(
    open_window: Opener, project: Project, qtbot: "QtBot"
) -> None:
    room = ReadingRoom(project, "A")
    driven(room)
    day = room.panes.panes[3].study_date
    room.navigation.activate(room.panes.panes[3])
    driven(room)
    window = open_window(project, wait=False)
    qtbot.waitUntil(lambda: len(window.grid.panes) > 0, timeout=20_000)
    views = [pane._view.pane_id for pane in window.grid.panes if pane._view is not None]
    first = window.grid.panes[views.index(f"{day} T1")]  # it is there as soon as any pane is
    qtbot.wait(1)
    before = first.geometry().topLeft()
    settle(window, qtbot)
    assert window.grid.panes[3] is first
    assert first.geometry().topLeft() == before


def test_wheel_middle_and_right_buttons_scroll_pan_and_window(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    pane, zoom = window.room.panes.panes[0], window.room.panes.zoom
    before = pane.place
    turn(window, 1)
    assert abs(pane.place - before) == 1
    turn(window, 1, Qt.KeyboardModifier.ControlModifier)
    assert window.room.panes.zoom > zoom
    centre, limits = pane.centre, window.room.panes.get_window(pane)
    for button in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton):
        qtbot.mousePress(canvas(window), button, pos=place(window, 0))
        qtbot.mouseMove(canvas(window), place(window, 15, 10))
        qtbot.mouseRelease(canvas(window), button, pos=place(window, 15, 10))
    assert pane.centre[1] == pytest.approx(centre[1] - 15, abs=1.0)
    assert window.room.panes.get_window(pane) != limits


# --- from first scan to signature


def test_a_patient_is_read_with_mouse_and_keys_signed_and_assessed(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    # the reader aims at the true ends of each lesion, as `opp-mri phantom` wrote them
    truth = true_ends(project)
    for _ in range(len(truth)):
        current = window.room.navigation.current
        assert current is not None
        pane = window.room.panes.current
        assert pane is not None
        number = window.room.panes.panes.index(pane)
        uid, anterior, posterior = truth[current.study_date, current.sequence]
        assert pane.volume is not None
        slice_index = [f.sop_instance_uid for f in pane.volume.frames].index(uid)
        steps = (slice_index - pane.place) * find_direction_to_left(pane.volume.planes[0])
        for _ in range(abs(steps)):
            qtbot.keyClick(canvas(window), Qt.Key.Key_Up if steps > 0 else Qt.Key.Key_Down)
        assert pane.place == slice_index
        assert pane.plane is not None
        start, end = (pane.plane.pixel_from_lps(tuple(point)) for point in (anterior, posterior))
        show(window, qtbot, start, end)
        drag(window, qtbot, at_pixel(window, start, number), at_pixel(window, end, number), number)
        settle(window, qtbot)
        qtbot.keyClick(canvas(window), Qt.Key.Key_Return)
        settle(window, qtbot)
    assert {reading.answer for reading in project.store.get_readings()} == {Answer.MEASURED}
    assert len(project.store.get_readings()) == len(truth)
    assert window.timeline.category.text() == "OPP"
    assert get_counted_readings(project.store) == []
    qtbot.keyClick(canvas(window), Qt.Key.Key_S)
    assert window.room.dialog is Dialog.SIGN_OFF
    assert not window.pages.sign_off.missing.isVisible()
    qtbot.mouseClick(window.pages.sign_off.sign, LEFT)
    settle(window, qtbot)
    rules = load_project_rules(project)
    (lesion,) = assess_project(project, rules)
    assert lesion.assessment.category is ResponseCategory.OPP


def true_ends(project: Project) -> dict[object, tuple[str, list[float], list[float]]]:
    """The true ends of the phantom's lesion, by date and sequence: image, and points in LPS mm."""
    sources = project.store.get_sources_of(
        [project.store.get_volumes()[0].frames[0].sop_instance_uid]
    )
    folders = Path(next(iter(sources.values())).path).parents
    cohort = next(folder for folder in folders if (folder / "truth.json").exists())
    (patient,) = json.loads((cohort / "truth.json").read_text())["patients"]
    return {
        (date.fromisoformat(visit["study_date"]), SeriesRole(name)): (
            result["sop_instance_uid"],
            result["anterior_end_lps_mm"],
            result["posterior_end_lps_mm"],
        )
        for visit in patient["visits"]
        for name, result in visit["sequences"].items()
    }


def at_pixel(window: "RoomWindow", pixel: tuple[float, float], number: int) -> QPoint:
    """Where a native pixel is on the screen."""
    pane = window.room.panes.panes[number]
    assert pane.geometry is not None
    down, across = pane.geometry.screen_from_pixel(pixel)
    centre = pane.centre
    return place(window, across - centre[1], down - centre[0], number)


def show(
    window: "RoomWindow", qtbot: "QtBot", start: tuple[float, float], end: tuple[float, float]
) -> None:
    """Have the middle of a line in the middle of the active pane."""
    pane = window.room.panes.current
    assert pane is not None
    assert pane.plane is not None
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    window.room.panes.look_at(pane, pane.plane.lps_from_pixel(*middle))
    window.refresh()
    qtbot.wait(20)


# --- a caliper by clicks is as long as the truth


GEOMETRIES = {
    "straight": {},
    "oblique": {
        "ImageOrientationPatient": [
            0.17364818,
            0.96984631,
            -0.17101007,
            0.0,
            -0.17364818,
            -0.98480775,
        ]
    },
    "anisotropic": {"PixelSpacing": [1.7, 0.6]},
    "flipped": {"ImageOrientationPatient": [0, -1, 0, 0, 0, 1]},
    "rows along the body": {"ImageOrientationPatient": [0, 0, -1, 0, 1, 0]},
    "enhanced": {},
}
POINTS = ((45.0, 50.0), (72.0, 58.0))  # column, row
ROWS, COLUMNS = 96, 120


@pytest.fixture(params=list(GEOMETRIES))
def marked_project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """A project of one series with two bright pixels, and a lesion between them."""
    values = GEOMETRIES[request.param]
    if request.param == "enhanced":
        path = write_enhanced(tmp_path / "dicom" / "e.dcm", {"1": [0.0, 4.4, 8.8]}, **T1)
        dataset = dcmread(path)
        _mark(dataset, 3)
        save(dataset, path)
    else:

        def edit(dataset: Dataset, _number: int) -> None:
            for keyword, value in values.items():
                setattr(dataset, keyword, value)
            _mark(dataset, 1)

        write_series(tmp_path / "dicom", slices=range(3), edit=edit)
    create_project(tmp_path / "p")
    with open_project(tmp_path / "p") as project:
        index(project, [tmp_path / "dicom"], workers=1)
        (volume,) = project.store.get_volumes()
        if volume.role is None:
            project.store.add_role_override(volume.volume_id, SeriesRole.T1, NOON)
            project.store.mark_stale(["P1"])
            index(project, [], workers=1)
        frame = volume.frames[1]
        add_lesion(
            project.store,
            {
                "lesion_id": "L", "patient_id": "P1", "level": "L1",
                "ssrs_first_date": "2024-02-01",
                "seed_sop_instance_uid": frame.sop_instance_uid,
                "seed_frame": str(frame.frame_number),
                "seed_column": "58.5", "seed_row": "54",
            },
            NOON,
        )  # fmt: skip
        yield project


def _mark(dataset: Dataset, frames: int) -> None:
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    pixels = np.full((frames, ROWS, COLUMNS), 50, "<u2")
    for column, row in POINTS:
        pixels[:, int(row), int(column)] = 4000
    dataset.PixelData = pixels.tobytes()


@pytest.mark.parametrize("zoom", [4.0, 9.0])
def test_a_caliper_by_clicks_on_seen_points_is_true_within_a_screen_pixel(
    open_window: Opener, marked_project: Project, qtbot: "QtBot", zoom: float
) -> None:
    window = open_window(marked_project)
    window.room.panes.zoom_factor *= zoom / window.room.panes.zoom
    window.room.panes.change_window(0.0, 1.0)
    window.room.panes.panes[0].own_window = (0.0, 2000.0)
    window.refresh()
    qtbot.wait(200)
    picture_pixels = picture(window)
    blobs, count = ndimage.label(picture_pixels > picture_pixels.max() / 2)
    assert count == 2
    result = ndimage.center_of_mass(picture_pixels, blobs, [1, 2])
    for down, across in result:
        click(window, qtbot, QPoint(round(across), round(down)), SHIFT)
    settle(window, qtbot)
    (reading,) = marked_project.store.get_readings()
    assert reading.length_mm is not None
    pane = window.room.panes.panes[0]
    assert pane.plane is not None
    truth_mm = np.linalg.norm(
        np.subtract(pane.plane.lps_from_pixel(*POINTS[0]), pane.plane.lps_from_pixel(*POINTS[1]))
    )
    # a click is on a whole screen pixel, and a length is recorded to 0.1 mm
    assert abs(float(reading.length_mm) - truth_mm) <= 1 / zoom + 0.05


# --- when something goes wrong


def test_a_locked_store_gives_a_banner_and_the_answer_stays(
    window: "RoomWindow", qtbot: "QtBot", project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_readings: object, **_options: object) -> None:
        raise ProjectError("Another program is writing to this project. Try again.")

    with monkeypatch.context() as patch:
        patch.setattr(project.store, "add_readings", locked)
        drag(window, qtbot, place(window, -10), place(window, 8))
        qtbot.waitUntil(lambda: window.head.banner.isVisible(), timeout=10_000)
    assert "Another program is writing" in window.head.banner.text()
    assert "not saved" in window.head.saved.text()
    qtbot.keyClick(canvas(window), Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    settle(window, qtbot)
    assert len(project.store.get_readings()) == 1
    assert not window.head.banner.isVisible()


def test_closing_over_what_cannot_be_written_asks_first(
    window: "RoomWindow", qtbot: "QtBot", project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_readings: object, **_options: object) -> None:
        raise ProjectError("The disk is full.")

    questions: list[str] = []

    def cancel(_parent: object, _title: str, text: str, *_buttons: object) -> object:
        questions.append(text)
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "warning", cancel)
    window.close_with_viewer()
    main = window.viewer.window._qt_window
    with monkeypatch.context() as patch:
        patch.setattr(project.store, "add_readings", full)
        drag(window, qtbot, place(window, -10), place(window, 8))
        assert not main.close()
    assert "1 record is not saved. The latest answer is not saved; it is kept here." in questions[0]
    assert main.isVisible()
    assert window._may_close()  # now it can be written
    assert len(questions) == 1
    assert len(project.store.get_readings()) == 1


def test_closing_the_window_writes_what_waits(
    window: "RoomWindow", qtbot: "QtBot", project: Project
) -> None:
    drag(window, qtbot, place(window, -10), place(window, 8))
    window.close()
    assert len(project.store.get_readings()) == 1
