"""A series in doubt is shown with its evidence, and one key settles it, in the real window."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.dicom_makers import T1, write_series
from fixtures.small_study import VISITS, add_lesions
from fixtures.window_driver import drag, place, press, settle
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.project import Project, create_project, open_project

if TYPE_CHECKING:
    from opp_mri_napari.reading.widgets.window import RoomWindow
    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.window
CTRL = Qt.KeyboardModifier.ControlModifier
Opener = Callable[..., "RoomWindow"]


@pytest.fixture
def doubtful(tmp_path: Path) -> Iterator[Project]:
    """A patient whose first visit has a T1 that an unknown agent puts in doubt."""
    for visit, day in enumerate(VISITS):
        agent = {"ContrastBolusAgent": "see report"} if visit == 0 else {}
        write_series(
            tmp_path / "dicom", T1, study=str(visit + 1), seed=visit, PatientID="P1",
            StudyDate=f"{day:%Y%m%d}", FrameOfReferenceUID=f"1.2.9.{visit}", **agent,
        )  # fmt: skip
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as project:
        index(project, [tmp_path / "dicom"], workers=1)
        add_lesions(project, ["P1"])
        yield project


def in_doubt(project: Project) -> list[VolumeDescription]:
    return [volume for volume in project.store.get_volumes() if volume.is_in_doubt]


def test_one_key_settles_a_series_in_doubt_and_undo_takes_it_back(
    open_window: Opener, doubtful: Project, qtbot: "QtBot"
) -> None:
    (volume,) = in_doubt(doubtful)
    role = volume.role
    assert role is not None
    window = open_window(doubtful)
    press(window, qtbot, Qt.Key.Key_Left, CTRL)  # it opens on the visit that can be read
    settle(window, qtbot)
    if role is not SeriesRole.T1:
        press(window, qtbot, Qt.Key.Key_3)
        settle(window, qtbot)
    pane = window.room.panes.current
    assert pane is not None
    assert pane.volume is not None
    assert pane.volume.volume_id == volume.volume_id
    assert f"{role.value}? in doubt, U chooses it" in window.grid.panes[0].series.text()
    assert set(volume.evidence) <= set(pane.doubts)
    assert pane.doubts[0].startswith("In doubt")

    drag(window, qtbot, place(window, -8), place(window, 6))
    settle(window, qtbot)
    assert doubtful.store.get_readings() == []  # nothing is measured on it meanwhile
    refusal = window.room.calipers.refused
    assert refusal is not None
    assert "U chooses it for" in refusal.why
    press(window, qtbot, Qt.Key.Key_Escape)

    press(window, qtbot, Qt.Key.Key_U)
    settle(window, qtbot)
    assert doubtful.store.get_role_overrides() == {volume.volume_id: role}
    assert in_doubt(doubtful) == []
    settled_volume = doubtful.store.get_volume(volume.volume_id)
    assert settled_volume is not None
    assert settled_volume.selected
    assert "in doubt" not in window.grid.panes[0].series.text()

    press(window, qtbot, Qt.Key.Key_Z, CTRL)
    settle(window, qtbot)
    assert doubtful.store.get_role_overrides() == {}
    assert [volume.volume_id for volume in in_doubt(doubtful)] == [volume.volume_id]

    press(window, qtbot, Qt.Key.Key_U)
    settle(window, qtbot)
    press(window, qtbot, Qt.Key.Key_U)  # the same key takes it back
    settle(window, qtbot)
    assert doubtful.store.get_role_overrides() == {}


def test_a_cell_in_doubt_has_a_sign_of_its_own(open_window: Opener, doubtful: Project) -> None:
    (volume,) = in_doubt(doubtful)
    window = open_window(doubtful)
    model = window.worklist.model
    rows = {
        model.headerData(row, Qt.Orientation.Vertical).split()[-1]: row
        for row in range(model.rowCount())
    }
    assert volume.role is not None
    cell = model.index(rows[volume.role.value], 0)
    assert model.data(cell) == "?"
    assert "U chooses it" in model.data(cell, Qt.ItemDataRole.ToolTipRole)
    legend = " ".join(label.text() for label in window.worklist.findChildren(QLabel))
    assert "? in doubt" in legend
    assert "1 in doubt" in window.worklist.counts.text()
    window.worklist.filter.setCurrentText("in doubt")
    assert model.rowCount() == 1


def test_doubt_about_the_series_does_not_hide_that_the_level_is_not_confirmed(
    open_window: Opener, doubtful: Project, qtbot: "QtBot"
) -> None:
    window = open_window(doubtful)
    press(window, qtbot, Qt.Key.Key_Left, CTRL)
    (volume,) = in_doubt(doubtful)
    if volume.role is not SeriesRole.T1:
        press(window, qtbot, Qt.Key.Key_3)
    settle(window, qtbot)
    number = window.room.panes.active
    pane = window.grid.panes[number]
    assert "level not confirmed" in pane.link.text()
    width_px = pane.link.fontMetrics().horizontalAdvance(pane.link.text())
    assert pane.link.width() >= width_px
    assert any(line.startswith("In doubt") for line in pane.overlay.corner_lines)
