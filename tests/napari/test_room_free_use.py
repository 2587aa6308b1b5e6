"""What a radiologist runs into who reads without a script, by real mouse and keys."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fixtures.dicom_makers import T1, T2FS, write_series
from fixtures.small_study import VISITS, add_lesions, make_study
from fixtures.window_driver import LEFT, click, drag, place, press, settle, turn
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from opp_mri.domain.imaging import SeriesRole
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.project import Project, create_project, open_project

if TYPE_CHECKING:
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.window
CTRL = Qt.KeyboardModifier.ControlModifier
Opener = Callable[..., "RoomWindow"]


@pytest.fixture
def two_patients(tmp_path: Path) -> Iterator[Project]:
    with open_project(make_study(tmp_path, ["P1", "P2"])) as project:
        yield project


def click_cell(window: "RoomWindow", qtbot: "QtBot", row: int, column: int) -> None:
    """Click a cell of the worklist."""
    table = window.worklist.table
    cell = window.worklist.model.index(row, column)
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualRect(cell).center())
    settle(window, qtbot)


def test_enter_reads_all_of_a_lesion_before_the_next(
    open_window: Opener, two_patients: Project, qtbot: "QtBot"
) -> None:
    window = open_window(two_patients)
    press(window, qtbot, Qt.Key.Key_2)
    press(window, qtbot, Qt.Key.Key_Right, CTRL)  # the last cell of the first lesion
    settle(window, qtbot)
    drag(window, qtbot, place(window, -4, pane=1), place(window, 4, pane=1), pane=1)
    press(window, qtbot, Qt.Key.Key_Return)
    settle(window, qtbot)
    current = window.room.navigation.current
    assert current is not None
    assert (current.lesion_id, current.sequence) == ("LP1", SeriesRole.T1)


def test_a_warning_ends_with_the_next_act(window: "RoomWindow", qtbot: "QtBot") -> None:
    press(window, qtbot, Qt.Key.Key_X)
    for down in (-20, 20):
        click(window, qtbot, place(window, 1, down))
    settle(window, qtbot)
    assert "would not run from anterior to posterior" in window.head.banner.text()
    for across in (-15, 15):
        click(window, qtbot, place(window, across, 3))
    settle(window, qtbot)
    assert window.head.banner.text() == ""
    press(window, qtbot, Qt.Key.Key_C, CTRL)  # nothing is measured that could be dictated
    settle(window, qtbot)
    assert window.head.banner.text()
    press(window, qtbot, Qt.Key.Key_G)
    assert window.head.banner.text() == ""


def test_a_click_in_the_worklist_shows_the_line_in_the_middle_at_a_readable_zoom(
    window: "RoomWindow", qtbot: "QtBot"
) -> None:
    drag(window, qtbot, place(window, -10, 4), place(window, 8, 4))
    settle(window, qtbot)
    turn(window, 2)
    turn(window, -6, CTRL)
    middle = Qt.MouseButton.MiddleButton
    drag(window, qtbot, place(window, 0), place(window, 40, 60), button=middle)
    click_cell(window, qtbot, 0, 1)
    click_cell(window, qtbot, 0, 0)
    pane = window.room.panes.panes[0]
    reading = window.room.calipers.find_reading(pane)
    assert reading is not None
    assert reading.caliper is not None
    assert pane.focus is not None
    line_middle = np.add(reading.caliper.start_lps_mm, reading.caliper.end_lps_mm) / 2
    assert np.linalg.norm(line_middle - pane.focus) < 1
    assert pane.volume is not None
    assert pane.volume.frames[pane.place].sop_instance_uid == reading.caliper.sop_instance_uid
    assert window.room.panes.zoom_factor >= 1


@pytest.fixture
def plain_t2(tmp_path: Path) -> Iterator[Project]:
    """A patient whose visits have a T1 and a plain T2, which has no role."""
    plain = {name: value for name, value in T2FS.items() if name != "ScanOptions"}
    for visit, day in enumerate(VISITS):
        for number, header in enumerate((T1, plain | {"SeriesDescription": "T2 SAG"})):
            write_series(
                tmp_path / "dicom", header, study=str(visit + 1), series=str(number + 1),
                seed=visit + 7 * number, PatientID="P1", StudyDate=f"{day:%Y%m%d}",
                FrameOfReferenceUID=f"1.2.9.{visit}", SeriesNumber=number + 1,
            )  # fmt: skip
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        index(project, [tmp_path / "dicom"], workers=1)
        add_lesions(project, ["P1"])
        yield project


def test_a_refusal_on_a_series_without_a_role_says_what_to_do_in_the_room(
    open_window: Opener, plain_t2: Project, qtbot: "QtBot"
) -> None:
    window = open_window(plain_t2)
    press(window, qtbot, Qt.Key.Key_Right)
    settle(window, qtbot)
    pane = window.room.panes.current
    assert pane is not None
    assert pane.volume is not None
    assert pane.volume.role is None
    press(window, qtbot, Qt.Key.Key_U)
    assert "1 shows the T1" in window.head.hint.text()
    drag(window, qtbot, place(window, -4), place(window, 4))
    words = " ".join(
        label.text() for label in window.pages.findChildren(QLabel) if label.isVisible()
    )
    assert "Not recorded. This series has no role" in words
    assert "1 shows the T1" in words
    assert "opp-mri" not in words
    press(window, qtbot, Qt.Key.Key_Escape)
    press(window, qtbot, Qt.Key.Key_1)
    settle(window, qtbot)
    assert pane.volume.role is SeriesRole.T1
