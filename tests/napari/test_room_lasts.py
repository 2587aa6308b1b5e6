"""What lasts: a process that is killed in mid-read, and the real spine on two dates."""

import subprocess
import sys
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fixtures.makers import NOON
from fixtures.room_driver import settle
from opp_mri_napari.reading.presenter import ReadingRoom

from opp_mri.domain.alignment import FitDecision
from opp_mri.domain.imaging import SeriesRole
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.patients import join_patients
from opp_mri.workflow.project import Project, create_project, open_project
from opp_mri.workflow.registration.align import align_project
from opp_mri.workflow.registration.decisions import decide

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.window

# reads in the real window with real events, and is killed while a caliper is being drawn
READS = """
import os, signal, sys, time
from pathlib import Path
from opp_mri.workflow.project import open_project
from opp_mri_napari.reading.widgets.app import open_room
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

def until(ready):
    end = time.monotonic() + 60
    while not ready() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.005)

with open_project(Path(sys.argv[1])) as project:
    window = open_room(project, "A")
    room, session = window.room, window.room.session
    until(lambda: session.patient and not window.busy
          and len(window.grid.panes) == len(room.panes.panes))
    for number in range(3):
        canvas = window.grid.panes[number].canvas
        middle = QPoint(canvas.width() // 2, canvas.height() // 2)
        first, second = middle - QPoint(30, 0), middle + QPoint(20 + number, 0)
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=first)
        QTest.mouseMove(canvas, middle)
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=second)
        until(lambda: not session.unsaved)
"""


def test_killing_the_process_in_mid_read_and_reopening_brings_back_every_caliper(
    project: Project,
) -> None:
    process = subprocess.run([sys.executable, "-c", READS, str(project.folder)], check=False)
    assert process.returncode == -SIGKILL
    with open_project(project.folder) as second_opening:
        room = ReadingRoom(second_opening, "A", clock=lambda: NOON)
        settle(room)
        views = room.build_pane_views()
        assert [bool(view.marks) for view in views] == [True, True, *([False] * (len(views) - 2))]
        lengths = [view.marks[0].label for view in views[:2]]
        assert [f"draft {length}" for length in lengths] == [view.state for view in views[:2]]
        room.do_wish("undo")
        settle(room)
        assert [bool(view.marks) for view in room.build_pane_views()][:2] == [True, False]


def test_the_real_spine_opens_in_two_panes_side_by_side_the_right_way_up(
    make_napari_viewer: "Callable[..., Viewer]",
    qtbot: "QtBot",
    real_data: Path,
    tmp_path: Path,
) -> None:
    from opp_mri_napari.reading.widgets.window import RoomWindow

    create_project(tmp_path / "p")
    with open_project(tmp_path / "p") as project:
        index(project, sorted(real_data.glob("mapconcierge*")), workers=1)
        pairs_file = tmp_path / "same.csv"
        pairs_file.write_text("patient_id,same_as\n009902,0000990001\n")
        join_patients(project.store, pairs_file, NOON)
        (fit,) = align_project(project, NOON, workers=1).alignments
        decide(project.store, fit.fit_id, FitDecision.CONFIRMED, reader="A", reason="", at=NOON)
        window = RoomWindow(make_napari_viewer(show=True), ReadingRoom(project, "A"))
        room = window.room
        qtbot.waitUntil(lambda: bool(room.panes.panes) and not window.busy, timeout=30_000)
        qtbot.waitUntil(lambda: len(window.grid.panes) == 2, timeout=10_000)
        qtbot.wait(100)
        first, second = room.panes.panes
        for pane, view in zip((first, second), room.build_pane_views(), strict=True):
            assert pane.volume is not None
            assert pane.volume.role is SeriesRole.T1
            assert view.letters == ("A", "P", "H", "F")
            assert view.link_note == ""
            assert pane.plane is not None
            assert pane.geometry is not None
            top, bottom, left, right = (
                np.array(pane.plane.lps_from_pixel(*pane.geometry.pixel_from_screen(place)))
                for place in ((0.0, 90.0), (90.0, 90.0), (90.0, 0.0), (90.0, 90.0))
            )
            assert (top - bottom)[2] > 80  # head up
            assert (right - left)[1] > 80  # posterior at the right
        # one place of the body in both, though their headers are 49 mm apart
        assert first.focus is not None
        assert second.focus is not None
        assert 45 < first.focus[2] - second.focus[2] < 53
        window.close()
