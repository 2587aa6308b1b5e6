"""Studies of an archive in the window: searched, pulled and opened with real mouse and keys."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixtures.archives import Shelf, read_all, web_archive
from fixtures.dicom_makers import AXIAL, T1, T2FS, write_study
from qtpy.QtCore import Qt

from opp_mri.domain.peer import WebPeer
from opp_mri.errors import OppMriError
from opp_mri.workflow.pacs.finding import find_studies_here
from opp_mri.workflow.pacs.peers import add_peer
from opp_mri.workflow.project import create_project, open_project

if TYPE_CHECKING:
    from napari import Viewer
    from opp_mri_napari.archive.window import StudyListPanel
    from pytestqt.qtbot import QtBot

AXIAL_T2 = T2FS | {"SeriesNumber": 9, "ImageOrientationPatient": AXIAL}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """An archive with two studies of P1 and one of P2."""
    folder = tmp_path_factory.mktemp("archive")
    for study, patient, day in (
        ("1", "P1", "20240115"),
        ("2", "P1", "20240501"),
        ("3", "P2", "20240115"),
    ):
        write_study(folder / study, T1, AXIAL_T2, study=study, PatientID=patient, StudyDate=day)
    return Shelf(read_all(folder))


@pytest.fixture
def project_folder(shelf: Shelf, tmp_path: Path) -> Iterator[Path]:
    """A project that names the archive, which is served meanwhile."""
    create_project(tmp_path / "project")
    with web_archive(shelf) as url:
        with open_project(tmp_path / "project") as project:
            add_peer(project, WebPeer(name="archive", url=url, timeout_s=10))
        yield tmp_path / "project"


def wait(panel: "StudyListPanel", qtbot: "QtBot") -> None:
    qtbot.waitUntil(lambda: not panel.presenter.is_busy, timeout=30_000)


@pytest.mark.window
def test_a_study_is_searched_pulled_and_opened_with_mouse_and_keys(
    project_folder: Path, shelf: Shelf, make_napari_viewer: Callable[..., "Viewer"], qtbot: "QtBot",
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from opp_mri_napari.reading.widgets import app

    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1400, 900)
    start = app.StartPanel(viewer)
    viewer.window.add_dock_widget(start, name="start")
    start.project.setText(str(project_folder))
    qtbot.mouseClick(start.archive, Qt.MouseButton.LeftButton)
    panel = start.studies
    openings: list[tuple[Path, str, object]] = []
    monkeypatch.setattr(app, "open_room_on_folder", lambda *how: openings.append(how))

    qtbot.keyClicks(panel.patient, "P1")
    qtbot.keyClick(panel.patient, Qt.Key.Key_Return)
    wait(panel, qtbot)
    rows = panel.presenter.build_rows()
    assert [row[:2] + row[-1:] for row in rows] == [
        ("P1", "2024-01-15", "no"), ("P1", "2024-05-01", "no"),
    ]  # fmt: skip
    assert panel.table.rowCount() == 2

    place = panel.table.visualItemRect(panel.table.item(1, 1)).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    window_thread = threading.get_ident()
    threads: set[int] = set()
    monkeypatch.setattr(
        shelf, "sending", lambda datasets: threads.add(threading.get_ident()) or datasets
    )
    qtbot.mouseClick(panel.pull_button, Qt.MouseButton.LeftButton)
    assert panel.presenter.is_busy
    assert not panel.pull_button.isEnabled()
    wait(panel, qtbot)
    assert panel.failure.text() == ""
    assert panel.notice.text().startswith("4 images received and 0 present before, of 1 series")
    assert [row[-1] for row in panel.presenter.build_rows()] == ["no", "yes"]
    assert window_thread not in threads
    with open_project(project_folder) as project:
        assert len(find_studies_here(project)) == 1

    panel.reader.clear()
    qtbot.mouseClick(panel.open_button, Qt.MouseButton.LeftButton)
    assert "reader" in panel.failure.text()
    qtbot.keyClicks(panel.reader, "A")
    qtbot.keyClick(panel.reader, Qt.Key.Key_Return)
    assert openings == [(project_folder, "A", viewer)]
    assert not panel.isVisible()
    panel.close_work()


def test_what_cannot_be_searched_is_said_and_nothing_is_asked(project_folder: Path) -> None:
    from opp_mri_napari.archive.presenter import NO_QUERY, StudyList

    studies = StudyList(project_folder, lambda *_: None)
    empty_query = {"patient": " ", "name": "", "earliest": "", "latest": ""}
    studies.search("archive", **empty_query)
    assert studies.failure == NO_QUERY
    studies.search("archive", **{**empty_query, "earliest": "1.5.2024"})
    assert "write it as 2021-05-30" in studies.failure
    studies.pull([])
    assert "Choose one or more studies" in studies.failure
    assert studies.get_next_job() is None


def test_a_project_without_an_archive_says_how_to_add_one(tmp_path: Path) -> None:
    from opp_mri_napari.archive.presenter import StudyList

    create_project(tmp_path / "project")
    assert "opp-mri pacs peer add" in StudyList(tmp_path / "project", lambda *_: None).failure


def test_a_pull_that_is_stopped_keeps_what_has_arrived(project_folder: Path) -> None:
    from opp_mri_napari.archive.presenter import STOPPED, StudyList

    def progress(step: str, count: int, _total: int) -> None:
        if step == "receiving" and count == 2:
            studies.stop()

    studies = StudyList(project_folder, progress)
    for ask in (
        lambda: studies.search("archive", patient="P1", name="", earliest="", latest=""),
        lambda: studies.pull([0]),
    ):
        ask()
        job = studies.get_next_job()
        assert job is not None
        try:
            job.take(job.run())
        except OppMriError as error:
            job.failed(error)
    assert studies.failure == STOPPED
    assert 2 <= len(list((project_folder / "pulled").rglob("*.dcm"))) < 4
